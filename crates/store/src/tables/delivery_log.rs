//! What became of events: their deliveries, and every try.

use uuid::Uuid;
use vinculo_vault::{Sealed, WrappedKey};

use super::page::Where;
use super::replays::{ENDED, leads_to};
use super::{
    DeliveryId, DeliveryState, EventFilter, Micros, Page, PageRequest, SubjectId, WorkspaceId,
};
use crate::{Result, Row, Tx};

/// A stored delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The row; also its public id.
    pub id: DeliveryId,
    /// Public id of the event.
    pub webhook_id: Uuid,
    /// Public id of the endpoint; `None` once that was deleted.
    pub endpoint: Option<Uuid>,
    /// Whether the endpoint is there and enabled.
    pub can_be_sent: bool,
    /// Whether the event tells of the data of a link that was deleted.
    pub is_of_the_past: bool,
    /// Public id of the link the event is about; `None` also when that is gone.
    pub link: Option<Uuid>,
    /// Type of the event.
    pub webhook_type: String,
    /// What happened.
    pub webhook_code: String,
    /// How far it has come.
    pub state: DeliveryState,
    /// When it was made.
    pub created_at: Micros,
    /// When it ended.
    pub finished_at: Option<Micros>,
    /// When it is tried next at the earliest, or the end of the try that is going on.
    pub due_at: Micros,
    /// Tries so far.
    pub tried: i64,
    /// When it was last made again, or made for an event that had not been on its way to the endpoint.
    pub replayed_at: Option<Micros>,
    /// When the try began that arrived first, also when it has been made again since.
    pub delivered_at: Option<Micros>,
    /// Person the event is about, if any.
    pub subject: Option<SubjectId>,
    /// The subject's wrapped key.
    pub key: Option<WrappedKey>,
}

/// A recorded try.
#[derive(Debug, Clone)]
pub struct StoredAttempt {
    /// Which one; part of what sealed the excerpt.
    pub number: i64,
    /// When it began.
    pub started_at: Micros,
    /// How long it took, microseconds.
    pub duration_us: i64,
    /// Status of the answer.
    pub status: Option<i64>,
    /// Why there was no answer, one word.
    pub failure: Option<String>,
    /// Start of the answer's body, sealed with the key of the subject, or of the workspace.
    pub excerpt: Option<Sealed>,
}

/// Which deliveries of a workspace are meant.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Only this one.
    pub id: Option<DeliveryId>,
    /// Only to these endpoints.
    pub endpoints: Option<Vec<Uuid>>,
    /// Only in these states.
    pub states: Option<Vec<DeliveryState>>,
    /// Only those that ended then or later.
    pub finished_since: Option<Micros>,
    /// Only those that were not made again then or later.
    pub not_replayed_since: Option<Micros>,
    /// Only of these events.
    pub events: EventFilter,
}

/// Whether an event `v` tells of the data of a link that was deleted: nobody could read it. With an offset
/// PostgreSQL looks for one link after the other, and does not read all of them.
pub(super) const OF_THE_PAST: &str = "(v.link_id <> 0 and v.webhook_code <> 'link_deleted' \
     and not exists (select 1 from links g where g.id = v.link_id limit 1 offset 0))";

/// What is read of a try.
const TRY: &str = "a.number, a.started_at, a.duration_us, a.status, a.failure, a.sealed_excerpt";

/// The tables that a filter is about.
const FILTERED: &str = "from events v join deliveries d on d.event_id = v.id";

/// Rows that are put in order for a page, at most: of more, the newest are soon found among all.
const SORTED: i64 = 10_000;

impl DeliveryFilter {
    /// The clause over [`FILTERED`].
    fn clause(&self, workspace: WorkspaceId) -> Where<'_> {
        self.clause_within(workspace, self.id.is_some())
    }

    /// The same; `narrow` when something else leads to few deliveries.
    pub(super) fn clause_within(&self, workspace: WorkspaceId, narrow: bool) -> Where<'_> {
        let mut clause = self.events.clause(workspace, narrow);
        if let Some(id) = self.id {
            clause.and_in("d.id", [id]);
        }
        if let Some(endpoints) = &self.endpoints {
            let template = "d.endpoint_id in (select id from webhook_endpoints \
                            where +workspace_id = $1 and uuid in ({}))";
            clause.and_list(template, endpoints.iter().copied());
        }
        if let Some(states) = &self.states {
            clause.and_in("d.state", states.iter().copied());
        }
        if let Some(since) = self.finished_since {
            clause.and_list("d.finished_at >= {}", [since]);
        }
        if let Some(since) = self.not_replayed_since {
            clause.and_list("(d.replayed_at is null or d.replayed_at < {})", [since]);
        }
        clause
    }
}

impl StoredAttempt {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            number: row.int(0)?,
            started_at: row.int(1)?,
            duration_us: row.int(2)?,
            status: row.opt_int(3)?,
            failure: row.opt_text(4)?,
            excerpt: row.opt_sealed(5)?,
        })
    }
}

impl Delivery {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: DeliveryId(row.int(0)?),
            webhook_id: row.uuid(1)?,
            endpoint: row.opt_uuid(2)?,
            can_be_sent: row.opt_uuid(2)?.is_some() && row.opt_int(3)?.is_none(),
            link: row.opt_uuid(4)?,
            webhook_type: row.text(5)?,
            webhook_code: row.text(6)?,
            state: DeliveryState::from_column(&row.text(7)?)?,
            created_at: row.int(8)?,
            finished_at: row.opt_int(9)?,
            due_at: row.int(10)?,
            tried: row.int(11)?,
            subject: SubjectId::from_column(row.int(12)?),
            key: row.opt_wrapped_key(13)?,
            is_of_the_past: row.int(14)? == 1,
            replayed_at: row.opt_int(15)?,
            delivered_at: row.opt_int(16)?,
        })
    }
}

impl Tx<'_> {
    /// A page of the workspace's deliveries, those of the newest event first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn deliveries(
        &mut self,
        workspace: WorkspaceId,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>> {
        let (mut clause, mut from) = (filter.clause(workspace), FILTERED.to_owned());
        let mut count = None;
        if filter.is_of_ended() && !filter.is_narrow() {
            // What did not arrive is little of what there is, and has an index.
            let (ended, of_ended) = self.of_ended(workspace, filter);
            let found = self.count(&of_ended, &ended)?;
            if found <= SORTED {
                (clause, from) = (ended, of_ended);
            }
            count = Some(found);
        }
        let (tail, params) = clause.sliced("v.created_at desc, v.id desc, d.id desc", page);
        let rows = self.query(
            &format!(
                "select d.id, v.webhook_id, e.uuid, e.disabled_at, l.uuid, v.webhook_type, \
                 v.webhook_code, d.state, d.created_at, d.finished_at, \
                 case when d.leased = 0 and e.held_until > d.due_at then e.held_until else d.due_at end, \
                 (select count(*) from attempts a where a.delivery_id = d.id), v.subject_id, \
                 k.wrapped, case when {OF_THE_PAST} then 1 else 0 end, d.replayed_at, \
                 (select min(a.started_at) from attempts a where a.delivery_id = d.id \
                 and a.status between 200 and 299) {from} \
                 left join webhook_endpoints e on e.id = d.endpoint_id \
                 left join links l on l.id = v.link_id left join data_keys k \
                 on k.owner_kind = 'subject' and k.owner_id = v.subject_id{tail}"
            ),
            &params,
            Delivery::from_row,
        )?;
        let count = count.map_or_else(|| self.count(&from, &clause), Ok)?;
        Ok(Page { count, rows })
    }

    /// The clause and the tables by which what ended without having arrived is found.
    fn of_ended<'a>(
        &self,
        workspace: WorkspaceId,
        filter: &'a DeliveryFilter,
    ) -> (Where<'a>, String) {
        let mut clause = filter.clause_within(workspace, true);
        clause.and_list(&format!("{ENDED} and d.workspace_id = {{}}"), [workspace]);
        let then = leads_to(self.dialect());
        (clause, format!("from deliveries d {then} events v on v.id = d.event_id"))
    }

    fn count(&mut self, from: &str, clause: &Where<'_>) -> Result<i64> {
        let sql = format!("select count(*) {from}{}", clause.sql());
        self.query_one(&sql, clause.params(), |row| row.int(0))
    }

    /// Every try of a delivery, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn attempts(&mut self, delivery: DeliveryId) -> Result<Vec<StoredAttempt>> {
        self.query(
            &format!("select {TRY} from attempts a where a.delivery_id = $1 order by a.number"),
            &[delivery.into()],
            StoredAttempt::from_row,
        )
    }

    /// The last try of each of these deliveries of the workspace that was tried, in no particular order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn last_attempts(
        &mut self,
        workspace: WorkspaceId,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, StoredAttempt)>> {
        let mut clause = Where::equals("+a.workspace_id", workspace);
        clause.and_in("a.delivery_id", deliveries.iter().copied());
        self.query(
            &format!(
                "select {TRY}, a.delivery_id from attempts a{} and a.number = \
                 (select max(number) from attempts b where b.delivery_id = a.delivery_id)",
                clause.sql()
            ),
            clause.params(),
            |row| Ok((DeliveryId(row.int(6)?), StoredAttempt::from_row(row)?)),
        )
    }
}
