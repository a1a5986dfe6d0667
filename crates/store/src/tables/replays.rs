//! Deliveries that are made again: the same event, the same bytes, a schedule from its beginning.
//!
//! What is meant is looked for by reads, each of which looks at a bounded number of rows, and made due by
//! small writes that look again: nobody waits for the way through the history of a workspace.

use super::delivery_log::OF_THE_PAST;
use super::page::Where;
use super::{
    DeliveryFilter, DeliveryId, DeliveryState, EndpointId, EventFilter, EventId, Micros, TimeSpan,
    WorkspaceId,
};
use crate::{Dialect, Queue, Result, Row, Tx, Value};

/// How far a search has come; the default is its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayPlace {
    at: Micros,
    id: i64,
}

/// What one step of a search has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayPage<I> {
    /// What is meant, of the rows that were looked at, in no particular order.
    pub found: Vec<I>,
    /// Where the next step begins; `None` when there is nothing behind.
    pub next: Option<ReplayPlace>,
}

/// What ended without having arrived, as the index of it says.
pub(super) const ENDED: &str = "d.state in ('failed', 'cancelled')";

/// The order of events.
const BY_TIME: [&str; 2] = ["v.created_at", "v.id"];

/// Endpoints `e` that are sent to.
const ENABLED: &str = "e.disabled_at is null";

/// Events `v` that an endpoint `e` wants and that were never on their way to it. The offset is as in [`OF_THE_PAST`].
const MISSED: &str = "v.webhook_type not in ('TEST', 'ENDPOINT') \
     and (e.webhook_types is null or e.webhook_types like '%,' || v.webhook_type || ',%') \
     and not exists (select 1 from deliveries d where d.event_id = v.id and d.endpoint_id = e.id \
     limit 1 offset 0)";

/// Between two tables of which the first leads to the second: SQLite is told so.
pub(super) fn leads_to(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "cross join",
        Dialect::Postgres => "join",
    }
}

impl ReplayPlace {
    pub(super) fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { at: row.int(0)?, id: row.int(1)? })
    }

    /// Not before the beginning of a span.
    fn within(self, span: TimeSpan) -> Self {
        match span.from {
            Some(from) if from > self.at => Self { at: from, id: 0 },
            _ => self,
        }
    }
}

impl DeliveryFilter {
    /// Whether it means a few deliveries that it leads to.
    pub(super) fn is_narrow(&self) -> bool {
        self.id.is_some() || self.events.is_narrow()
    }

    /// Whether it means nothing but what ended without having arrived.
    pub(super) fn is_of_ended(&self) -> bool {
        let ended = [DeliveryState::Failed, DeliveryState::Cancelled];
        self.states.as_ref().is_some_and(|states| states.iter().all(|it| ended.contains(it)))
    }

    /// Those of them that can be made due now; `narrow` when something else leads to few of them.
    fn replayable(&self, workspace: WorkspaceId, narrow: bool, now: Micros) -> Where<'_> {
        let mut clause = self.clause_within(workspace, narrow);
        clause.and_list("not (d.state = 'pending' and d.leased = 1 and d.due_at > {})", [now]);
        clause
    }
}

impl Tx<'_> {
    /// One step of the search for deliveries that match, whose endpoint is enabled, whose event tells
    /// of nothing that is gone, and that are not being sent: looks at up to `limit` rows behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn deliveries_to_replay(
        &mut self,
        workspace: WorkspaceId,
        filter: &DeliveryFilter,
        after: ReplayPlace,
        limit: i64,
        now: Micros,
    ) -> Result<ReplayPage<DeliveryId>> {
        if filter.is_narrow() {
            let clause = filter.replayable(workspace, true, now);
            let found =
                self.replayable("events v join deliveries d on d.event_id = v.id", &clause)?;
            return Ok(ReplayPage { found, next: None });
        }
        let then = leads_to(self.dialect());
        if filter.is_of_ended() {
            let next = self.end_of_ended(workspace, after, limit)?;
            let mut clause = filter.replayable(workspace, true, now);
            clause.and_list("d.workspace_id = {}", [workspace]);
            clause.and_list(&format!("{ENDED} and d.id > {{}}"), [after.id]);
            clause.and_list("d.id <= {}", [next.map_or(i64::MAX, |next| next.id)]);
            let from = format!("deliveries d {then} events v on v.id = d.event_id");
            let found = self.replayable(&from, &clause)?;
            return Ok(ReplayPage { found, next });
        }
        // What happens during a search is not looked for: it would find what it has made due.
        let before = filter.events.created.before.map_or(now + 1, |before| before.min(now + 1));
        let span = TimeSpan { before: Some(before), ..filter.events.created };
        let after = after.within(span);
        let next = self.end_of_events(workspace, span, after, limit)?;
        let mut clause = filter.replayable(workspace, false, now);
        clause.and_span("v.created_at", span);
        between(&mut clause, BY_TIME, after, next);
        let from = format!("events v {then} deliveries d on d.event_id = v.id");
        Ok(ReplayPage { found: self.replayable(&from, &clause)?, next })
    }

    fn replayable(&mut self, from: &str, clause: &Where<'_>) -> Result<Vec<DeliveryId>> {
        let then = leads_to(self.dialect());
        let sql = format!(
            "select d.id from {from} {then} webhook_endpoints e on e.id = d.endpoint_id and {ENABLED}{} \
             and not {OF_THE_PAST}",
            clause.sql()
        );
        self.query(&sql, clause.params(), |row| Ok(DeliveryId(row.int(0)?)))
    }

    /// The last of `limit` rows that ended without having arrived; `None` when there are no more.
    fn end_of_ended(
        &mut self,
        workspace: WorkspaceId,
        after: ReplayPlace,
        limit: i64,
    ) -> Result<Option<ReplayPlace>> {
        let sql = format!(
            "select 0, d.id from deliveries d where d.workspace_id = $1 and {ENDED} and d.id > $2 \
             order by d.id limit 1 offset $3"
        );
        let params = [workspace.into(), after.id.into(), (limit - 1).max(0).into()];
        self.query_opt(&sql, &params, ReplayPlace::from_row)
    }

    /// The last of `limit` events; `None` when there are no more.
    fn end_of_events(
        &mut self,
        workspace: WorkspaceId,
        span: TimeSpan,
        after: ReplayPlace,
        limit: i64,
    ) -> Result<Option<ReplayPlace>> {
        let mut clause = Where::equals("v.workspace_id", workspace);
        clause.and_span("v.created_at", span);
        between(&mut clause, BY_TIME, after, None);
        let mut params = clause.params().to_vec();
        params.push((limit - 1).max(0).into());
        let sql = format!(
            "select v.created_at, v.id from events v{} order by v.created_at, v.id \
             limit 1 offset ${}",
            clause.sql(),
            params.len()
        );
        self.query_opt(&sql, &params, ReplayPlace::from_row)
    }

    /// Makes those of these deliveries due now that match, whose endpoint is enabled and whose event
    /// tells of nothing that is gone. Those that are being sent stay as they are; a try of one that was cancelled
    /// while it was being sent has lost it, as if another worker had taken it over. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn replay_deliveries(
        &mut self,
        workspace: WorkspaceId,
        filter: &DeliveryFilter,
        ids: &[DeliveryId],
        now: Micros,
    ) -> Result<u64> {
        let mut clause = filter.replayable(workspace, true, now);
        clause.and_in("d.id", ids.iter().copied());
        let mut params = clause.params().to_vec();
        params.push(now.into());
        let at = params.len();
        let of_d = if self.dialect() == Dialect::Postgres { " for update of d" } else { "" };
        let again = self.execute(
            &format!(
                "update deliveries set state = 'pending', leased = 0, due_at = ${at}, \
                 attempt = attempt + 1, finished_at = null, replayed_at = ${at}, earlier_tries = (select count(*) from attempts a \
                 where a.delivery_id = deliveries.id) where id in (select d.id \
                 from events v join deliveries d on d.event_id = v.id \
                 join webhook_endpoints e on e.id = d.endpoint_id and {ENABLED}{} \
                 and not {OF_THE_PAST} order by d.id{of_d})",
                clause.sql()
            ),
            &params,
        )?;
        if again > 0 {
            self.wake(Queue::Deliveries);
        }
        Ok(again)
    }

    /// One step of the search for events that match, that an enabled endpoint wants, that tell of nothing
    /// that is gone, and that were never on their way to it: looks at up to `limit` rows behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn missed_events(
        &mut self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        filter: &EventFilter,
        after: ReplayPlace,
        limit: i64,
    ) -> Result<ReplayPage<EventId>> {
        let mut clause = filter.clause(workspace, false);
        let mut next = None;
        if !filter.is_narrow() {
            let after = after.within(filter.created);
            next = self.end_of_events(workspace, filter.created, after, limit)?;
            between(&mut clause, BY_TIME, after, next);
        }
        let then = leads_to(self.dialect());
        let mut params = clause.params().to_vec();
        params.push(endpoint.into());
        let sql = format!(
            "select v.id from events v {then} webhook_endpoints e on e.id = ${} and {ENABLED}{} \
             and not {OF_THE_PAST} and {MISSED}",
            params.len(),
            clause.sql()
        );
        let found = self.query(&sql, &params, |row| Ok(EventId(row.int(0)?)))?;
        Ok(ReplayPage { found, next })
    }

    /// Makes deliveries to an endpoint of those of these events that it wants, that tell of nothing
    /// that is gone, and that were never on their way to it. Holds the endpoint, so that of several who
    /// do so one does, and the events, so that none goes meanwhile. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn deliver_missed(
        &mut self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        events: &[EventId],
        now: Micros,
    ) -> Result<u64> {
        let held = format!(
            "select id from webhook_endpoints where id = $1 and workspace_id = $2{}",
            self.dialect().locking()
        );
        self.query_opt(&held, &[endpoint.into(), workspace.into()], |row| row.int(0))?;
        let mut clause = Where::equals("+v.workspace_id", workspace);
        clause.and_in("v.id", events.iter().copied());
        let mut params = clause.params().to_vec();
        params.extend([Value::from(endpoint), now.into()]);
        let (to, at) = (params.len() - 1, params.len());
        let holding = if self.dialect() == Dialect::Postgres { " for key share of v" } else { "" };
        let made = self.execute(
            &format!(
                "insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, \
                 due_at, created_at, replayed_at) select v.workspace_id, v.subject_id, v.id, e.id, \
                 'pending', cast(${at} as bigint), cast(${at} as bigint), cast(${at} as bigint) from events v \
                 join webhook_endpoints e on e.id = ${to} and {ENABLED}{} \
                 and not {OF_THE_PAST} and {MISSED} order by v.id{holding}",
                clause.sql()
            ),
            &params,
        )?;
        if made > 0 {
            self.wake(Queue::Deliveries);
        }
        Ok(made)
    }
}

/// Keeps to rows behind one place of an order, up to another.
pub(super) fn between(
    clause: &mut Where<'_>,
    columns: [&str; 2],
    after: ReplayPlace,
    until: Option<ReplayPlace>,
) {
    clause.and_pair(columns, ">", [after.at, after.id]);
    if let Some(until) = until {
        clause.and_pair(columns, "<", [until.at, until.id.saturating_add(1)]);
    }
}
