//! Since when deliveries wait. On PostgreSQL what was delivered stays in the indexes of what waits and of what is
//! held until the next vacuum, and is walked over by whoever looks from their beginning.

use super::Micros;
use crate::engine::oldest::Seen;
use crate::{Result, Tx, Value};

/// The oldest delivery that waits: one look into an index per endpoint, however many rows wait.
const OLDEST: &str = "select min(next) from (select e.held_until, (select min(d.due_at) from deliveries d \
     where d.endpoint_id = e.id and d.state = 'pending' and d.due_at >= $1) as next \
     from webhook_endpoints e where e.disabled_at is null) due";
/// With it, of the leases that go on at `$1` the one that ends next.
const LOOK: &str = "select min(next), min(held) from (select (select min(d.due_at) from deliveries d \
     where d.endpoint_id = e.id and d.state = 'pending') as next, (select min(h.due_at) \
     from deliveries h where h.endpoint_id = e.id and h.state = 'pending' and h.leased = 1 \
     and h.due_at > $1) as held from webhook_endpoints e where e.disabled_at is null) due";
/// What of the former says when it may be sent, and in the place of which.
const SENT: [&str; 2] =
    ["min(next)", "min(case when held_until > next then held_until else next end)"];

/// Endpoints that are sent to, and of them those of which nobody holds a delivery at `$2`.
const ENABLED: &str = "e.disabled_at is null";
const UNATTENDED: &str = "e.disabled_at is null and not exists (select 1 from deliveries h \
     where h.endpoint_id = e.id and h.state = 'pending' and h.leased = 1 and h.due_at > $2)";

/// For how long a look at everything that waits is good, microseconds. What comes late, from a slow transaction
/// or by a clock that is behind, waits no longer; nor is a lease overlooked for longer that such a clock gave.
const GOOD: Micros = 250_000;

/// How much older than the oldest that was seen something may be that was not seen yet, microseconds.
const LATE: Micros = 250_000;

impl Tx<'_> {
    /// Since when deliveries may be due, and since when leases end that go on, on PostgreSQL: everything is looked
    /// at again when the last look is no longer good, the clock was set back, or a lease until `lease_until` would be
    /// overlooked by the claims that follow.
    pub(super) fn claims_begin(&mut self, now: Micros, lease_until: Micros) -> Result<[Micros; 2]> {
        let Some(oldest) = self.oldest_delivery() else { return Ok([Micros::MIN; 2]) };
        if let Some(Seen { due, held, at }) = oldest.seen()
            && (0..GOOD).contains(&(now - at))
            && held <= lease_until
        {
            return Ok([due, held]);
        }
        let (due, held) =
            self.query_one(LOOK, &[now.into()], |row| Ok((row.opt_int(0)?, row.opt_int(1)?)))?;
        let due = due.map_or(now, |due| due.min(now)) - LATE;
        // A lease only moves on, and a new one ends later than those that were seen.
        let held = held.map_or(lease_until, |held| held.min(lease_until)) - LATE;
        oldest.note(Seen { due, held, at: now });
        Ok([due, held])
    }

    /// When the next delivery to an endpoint that is sent to becomes due, past or future, or its endpoint is no
    /// longer left in peace. On PostgreSQL what came later than claims know is passed over until a claim looks at
    /// everything again.
    pub(super) fn next_due_delivery(&mut self) -> Result<Option<Micros>> {
        self.next_sent(ENABLED, &[])
    }

    /// The same of endpoints of which nobody holds one at `now`. What waits behind one that is held waits for
    /// its receiver.
    pub(super) fn next_unattended_delivery(&mut self, now: Micros) -> Result<Option<Micros>> {
        self.next_sent(UNATTENDED, &[now.into()])
    }

    /// The next delivery to certain endpoints, whose terms begin with `$2`.
    fn next_sent(&mut self, endpoints: &str, terms: &[Value<'_>]) -> Result<Option<Micros>> {
        let since = self.oldest_delivery().and_then(|oldest| oldest.seen());
        let mut all = vec![Value::from(since.map_or(Micros::MIN, |seen| seen.due))];
        all.extend_from_slice(terms);
        let [oldest, sent] = SENT;
        let sql = OLDEST.replace(oldest, sent).replace(ENABLED, endpoints);
        self.query_one(&sql, &all, |row| row.opt_int(0))
    }
}
