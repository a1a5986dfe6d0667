//! Since when deliveries wait. On PostgreSQL what was delivered stays in the index of what waits until the next
//! vacuum, and is walked over by whoever looks from its beginning.

use super::Micros;
use crate::{Result, Tx, Value};

/// The oldest delivery that waits: one look into an index per endpoint, however many rows wait.
const OLDEST: &str = "select min(next) from (select e.held_until, (select min(d.due_at) from deliveries d \
     where d.endpoint_id = e.id and d.state = 'pending' and d.due_at >= $1) as next \
     from webhook_endpoints e where e.disabled_at is null) due";
/// What of it says when it may be sent, and in the place of which.
const SENT: [&str; 2] =
    ["min(next)", "min(case when held_until > next then held_until else next end)"];

/// Endpoints that are sent to, and of them those of which nobody holds a delivery at `$2`.
const ENABLED: &str = "e.disabled_at is null";
const UNATTENDED: &str = "e.disabled_at is null and not exists (select 1 from deliveries h \
     where h.endpoint_id = e.id and h.state = 'pending' and h.leased = 1 and h.due_at > $2)";

/// For how long a look at everything that waits is good, microseconds. What comes late, from a slow transaction
/// or by a clock that is behind, waits no longer.
const GOOD: Micros = 1_000_000;

/// How much older than the oldest that was seen something may be that was not seen yet, microseconds.
const LATE: Micros = 1_000_000;

impl Tx<'_> {
    /// Since when deliveries may be due, on PostgreSQL: everything is looked at again when the last look is no
    /// longer good, or the clock was set back.
    pub(super) fn due_since(&mut self, now: Micros) -> Result<Micros> {
        let Some(oldest) = self.oldest_delivery() else { return Ok(Micros::MIN) };
        if let Some((since, at)) = oldest.seen()
            && (0..GOOD).contains(&(now - at))
        {
            return Ok(since);
        }
        let found = self.query_one(OLDEST, &[Micros::MIN.into()], |row| row.opt_int(0))?;
        let since = found.map_or(now, |found| found.min(now)) - LATE;
        oldest.note(since, now);
        Ok(since)
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
        let mut all = vec![Value::from(since.map_or(Micros::MIN, |(since, _)| since))];
        all.extend_from_slice(terms);
        let [oldest, sent] = SENT;
        let sql = OLDEST.replace(oldest, sent).replace(ENABLED, endpoints);
        self.query_one(&sql, &all, |row| row.opt_int(0))
    }
}
