//! Deliveries: one event on its way to one endpoint, and the tries made so far.

use uuid::Uuid;
use vinculo_vault::{Sealed, WrappedKey};

use super::ids::text_enum;
use super::narrowed::UNWANTED;
use super::page::Where;
use super::{DeliveryId, EndpointId, Micros, SubjectId, WorkspaceId};
use crate::{Dialect, Queue, Result, Row, Tx, Value};

text_enum! {
    /// How far a delivery has come.
    DeliveryState in "deliveries" {
        /// To be sent, or being sent.
        Pending = "pending",
        /// Answered with a 2xx.
        Delivered = "delivered",
        /// Given up after the last try.
        Failed = "failed",
        /// Its endpoint or its person is gone.
        Cancelled = "cancelled",
    }
}

/// A delivery held by a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimedDelivery {
    /// The row.
    pub id: DeliveryId,
    /// Proves the lease: each claim of the row has a greater one, as has a replay, and after a failure of the database that lost
    /// claims another one than those had.
    pub attempt: i64,
}

/// What one try needs.
#[derive(Debug, Clone)]
pub struct DueDelivery {
    /// The row and its token.
    pub claim: ClaimedDelivery,
    /// Workspace of the endpoint.
    pub workspace: WorkspaceId,
    /// Person the event is about; `None` when it is about nobody.
    pub subject: Option<SubjectId>,
    /// Public id of the event; part of what sealed the body.
    pub webhook_id: Uuid,
    /// The body, sealed with the key of the subject, or of the workspace when there is none.
    pub body: Sealed,
    /// The subject's wrapped key; `None` once the person was erased.
    pub key: Option<WrappedKey>,
    /// Endpoint to reach.
    pub endpoint: EndpointId,
    /// Public id of the endpoint; part of what sealed the address.
    pub endpoint_uuid: Uuid,
    /// Address, Authorization value and secrets, sealed with the workspace's key.
    pub address: Sealed,
    /// Tries recorded since the delivery was made, or made again. A worker that died holding the
    /// row counts for none.
    pub tried: i64,
    /// Since when its first try waits; `None` for every other one, and when the delivery was made again.
    pub first_due: Option<Micros>,
    /// When it was made, or last made again.
    pub waits_since: Micros,
    /// Whether it is of a type that its endpoint has stopped wanting, and is to be cancelled.
    pub is_unwanted: bool,
}

/// What a [`DueDelivery`] is read from.
const NEEDED: &str = "select d.id, d.attempt, d.workspace_id, d.subject_id, v.webhook_id, v.sealed, \
     k.wrapped, e.id, e.uuid, e.sealed, \
     (select count(*) from attempts a where a.delivery_id = d.id) - d.earlier_tries, \
     case when d.replayed_at is null then d.created_at end, \
     coalesce(d.replayed_at, d.created_at), case when {unwanted} then 1 else 0 end from";

/// Stands in [`NEEDED`] for [`UNWANTED`].
const MARK: &str = "{unwanted}";

const BESIDE_SQLITE: &str = "d join events v on v.id = d.event_id \
     join webhook_endpoints e on e.id = d.endpoint_id \
     left join data_keys k on k.owner_kind = 'subject' and k.owner_id = d.subject_id";

/// Worded so that each row is found by its key, one after the other, whatever the planner knows of the tables.
const BESIDE_POSTGRES: &str = "d cross join lateral (select webhook_id, webhook_type, sealed from events \
     where id = d.event_id and subject_id = d.subject_id limit 1) v \
     cross join lateral (select id, uuid, webhook_types, narrowed_at, sealed \
     from webhook_endpoints \
     where id = d.endpoint_id limit 1) e \
     left join lateral (select wrapped from data_keys \
     where owner_kind = 'subject' and owner_id = d.subject_id limit 1) k on true";

const CLAIM: &str =
    "update deliveries set leased = 1, due_at = $2, attempt = attempt + $5 where id";

/// A delivery that has not ended. No word of its state: PostgreSQL would look for the row in the index of
/// those that wait, among all that are not in it any more.
pub(super) const HELD: &str = "where id = $1 and attempt = $2 and finished_at is null";

/// Endpoints that are sent to.
const ENABLED: &str = "e.disabled_at is null";

/// Of them, those that are not being left in peace.
const OPEN: &str = "e.disabled_at is null and (e.held_until is null or e.held_until <= $1)";

/// Endpoints whose workspace holds fewer deliveries than it may.
const UNCROWDED: &str = "e.workspace_id not in (select c.workspace_id from deliveries c \
     where c.state = 'pending' and c.leased = 1 and c.due_at > $1 group by c.workspace_id \
     having count(*) >= $6)";

/// Endpoints that have not just failed again.
const STEADY: &str = "(e.failing_since is null or e.failing_since > $6 or e.last_failed_at <= $7)";

/// The due rows whose turn it is: of endpoints of which fewer are held go first. From each endpoint at most as
/// many are looked at as may be taken, so that a long backlog costs no more than a short one.
const TURNS_SQLITE: &str = "select t.id from (select d.id, d.due_at, d.endpoint_id, \
     e.held_until is null and e.failing_since is null as works, \
     row_number() over (partition by d.endpoint_id order by d.due_at, d.id) as place \
     from webhook_endpoints e join deliveries d on d.id in \
     (select f.id from deliveries f where f.endpoint_id = e.id and f.state = 'pending' \
     and f.due_at <= $1 order by f.due_at, f.id limit $4) where e.disabled_at is null) t \
     left join (select endpoint_id, count(*) as held from deliveries \
     where state = 'pending' and leased = 1 and due_at > $1 group by endpoint_id) h \
     on h.endpoint_id = t.endpoint_id where t.place <= \
     case when t.works then $4 else 1 end - coalesce(h.held, 0) \
     order by t.place + coalesce(h.held, 0), t.due_at, t.id limit $3";

/// The same with the chosen rows locked, one after the other in the order of their turns: rows that another
/// worker is taking are passed over, and a row that was taken since this statement began no longer has the
/// `due_at` it was chosen by. Each is looked up by itself: a join may begin with everything that waits, for each row
/// of which the turns of all endpoints would be found anew, when the planner last saw that nothing did.
/// An array, unlike a set, is made once, whatever the plan.
const TURNS_POSTGRES: &str = "select t.id from (select d.id, d.due_at \
     from (select id, (select count(*) from deliveries where endpoint_id = e.id \
     and state = 'pending' and leased = 1 and due_at > $1 and due_at >= $held) as held, \
     case when e.held_until is null and e.failing_since is null then cast($4 as bigint) \
     else 1 end as most \
     from webhook_endpoints e where e.disabled_at is null offset 0) e \
     cross join lateral (select f.id, f.due_at, \
     row_number() over (order by f.due_at, f.id) as place from deliveries f \
     where f.endpoint_id = e.id and f.state = 'pending' and f.due_at between $since and $1 \
     order by f.due_at, f.id limit $4) d where d.place <= e.most - e.held \
     order by d.place + e.held, d.due_at, d.id offset 0) turn \
     cross join lateral (select d.id from deliveries d where d.id = turn.id and d.due_at = turn.due_at \
     and d.finished_at is null for update skip locked) t limit $3";

/// Where PostgreSQL is told since when deliveries may be due, and since when leases end that go on.
const SINCE: [&str; 2] = ["$since", "$held"];

impl DueDelivery {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let tried = row.int(10)?;
        Ok(Self {
            claim: ClaimedDelivery { id: DeliveryId(row.int(0)?), attempt: row.int(1)? },
            workspace: WorkspaceId(row.int(2)?),
            subject: SubjectId::from_column(row.int(3)?),
            webhook_id: row.uuid(4)?,
            body: row.sealed(5)?,
            key: row.opt_wrapped_key(6)?,
            endpoint: EndpointId(row.int(7)?),
            endpoint_uuid: row.uuid(8)?,
            address: row.sealed(9)?,
            tried,
            first_due: row.opt_int(11)?.filter(|_| tried == 0),
            waits_since: row.int(12)?,
            is_unwanted: row.int(13)? == 1,
        })
    }
}

impl Tx<'_> {
    /// Takes up to `limit` due deliveries until `lease_until`, never more than `per_endpoint` of
    /// one endpoint at a time counting those already held, taking turns between endpoints. An endpoint that
    /// is being left in peace has none, and one after that, until one arrives; so has one that fails. When it takes
    /// that many, there may be more, and it wakes the queue.
    ///
    /// The numbers of the attempts grow by `stride`, 1 or more. It should be random: a claim that a failure of
    /// the database lost, and the claim that takes its place, then have different numbers.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_deliveries(
        &mut self,
        now: Micros,
        lease_until: Micros,
        limit: i64,
        per_endpoint: i64,
        stride: i64,
    ) -> Result<Vec<DueDelivery>> {
        let terms = [now, lease_until, limit, per_endpoint, stride].map(Value::from);
        self.claim_of(OPEN, &terms, (now, lease_until, limit))
    }

    /// As [`Self::claim_deliveries`], one of each endpoint, and none of those that have failed again and again:
    /// since `failing_since` or before, and the last time after `failed_after`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_steady_deliveries(
        &mut self,
        now: Micros,
        lease_until: Micros,
        limit: i64,
        [failing_since, failed_after]: [Micros; 2],
        stride: i64,
    ) -> Result<Vec<DueDelivery>> {
        let of = format!("{OPEN} and {STEADY}");
        let terms = [now, lease_until, limit, 1, stride, failing_since, failed_after];
        self.claim_of(&of, &terms.map(Value::from), (now, lease_until, limit))
    }

    /// As [`Self::claim_deliveries`], one of each endpoint, and none of workspaces that hold
    /// `per_workspace` deliveries or more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_first_deliveries(
        &mut self,
        now: Micros,
        lease_until: Micros,
        limit: i64,
        per_workspace: i64,
        stride: i64,
    ) -> Result<Vec<DueDelivery>> {
        let of = format!("{OPEN} and {UNCROWDED}");
        let terms = [now, lease_until, limit, 1, stride, per_workspace].map(Value::from);
        self.claim_of(&of, &terms, (now, lease_until, limit))
    }

    fn claim_of(
        &mut self,
        endpoints: &str,
        terms: &[Value<'_>],
        (now, lease_until, limit): (Micros, Micros, i64),
    ) -> Result<Vec<DueDelivery>> {
        let needed = NEEDED.replace(MARK, UNWANTED);
        let due = match self.dialect() {
            Dialect::Sqlite => {
                let turns = TURNS_SQLITE.replace(ENABLED, endpoints);
                let sql = format!("{CLAIM} in ({turns}) returning id");
                let ids = self.query(&sql, terms, |row| Ok(DeliveryId(row.int(0)?)))?;
                if ids.is_empty() {
                    return Ok(Vec::new());
                }
                let mut clause = Where::equals("d.state", DeliveryState::Pending);
                clause.and_in("d.id", ids);
                let sql =
                    format!("{needed} deliveries {BESIDE_SQLITE}{} order by d.id", clause.sql());
                self.query(&sql, clause.params(), DueDelivery::from_row)?
            }
            Dialect::Postgres => {
                let mut terms = terms.to_vec();
                let mut turns = TURNS_POSTGRES.replace(ENABLED, endpoints);
                for (name, since) in SINCE.iter().zip(self.claims_begin(now, lease_until)?) {
                    terms.push(since.into());
                    turns = turns.replace(name, &format!("${}", terms.len()));
                }
                let sql = format!(
                    "with taken as ({CLAIM} = any(array({turns})) returning *) \
                     {needed} taken {BESIDE_POSTGRES} order by d.id"
                );
                self.query(&sql, &terms, DueDelivery::from_row)?
            }
        };
        if due.len() as i64 >= limit {
            self.wake(Queue::Deliveries);
        }
        Ok(due)
    }

    /// Prolongs the leases of deliveries that are still held. A row that somebody is changing is left as
    /// it is, so that this waits for nobody.
    ///
    /// # Errors
    /// When the database fails.
    pub fn extend_deliveries(
        &mut self,
        claims: &[ClaimedDelivery],
        lease_until: Micros,
    ) -> Result<()> {
        self.hold_until(claims, "leased", lease_until)
    }

    /// Moves the end of what is still held, and says whether it is held then.
    fn hold_until(&mut self, claims: &[ClaimedDelivery], leased: &str, at: Micros) -> Result<()> {
        let passing = self.dialect().passing_locked();
        let sql = format!(
            "update deliveries set leased = {leased}, due_at = $3 where id = (select id \
             from deliveries {HELD} and leased > 0{passing})"
        );
        for claim in claims {
            self.execute(&sql, &[claim.id.into(), claim.attempt.into(), at.into()])?;
        }
        Ok(())
    }

    /// Gives back a delivery that is still held, to be taken at `at`: no try is used up.
    ///
    /// # Errors
    /// When the database fails.
    pub fn put_off_delivery(&mut self, claim: ClaimedDelivery, at: Micros) -> Result<()> {
        self.hold_until(&[claim], "0", at)
    }

    /// Gives back deliveries that are still held: others may take them at once.
    ///
    /// # Errors
    /// When the database fails.
    pub fn release_deliveries(&mut self, claims: &[ClaimedDelivery], now: Micros) -> Result<()> {
        self.hold_until(claims, "0", now)?;
        self.wake(Queue::Deliveries);
        Ok(())
    }
}
