//! Deliveries that are made again: the same event, the same bytes, a schedule from its beginning.

use super::delivery_log::{FILTERED, OF_THE_PAST};
use super::{DeliveryFilter, DeliveryId, EndpointId, EventFilter, EventId, Micros, WorkspaceId};
use crate::{Dialect, Queue, Result, Tx, Value};

impl Tx<'_> {
    /// Makes deliveries due now that match, come after `after` by id, whose endpoint is enabled and
    /// whose event tells of nothing that is gone: at most `limit`. Those that are being sent stay as
    /// they are. Answers their ids, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn replay_deliveries(
        &mut self,
        workspace: WorkspaceId,
        filter: &DeliveryFilter,
        after: DeliveryId,
        limit: i64,
        now: Micros,
    ) -> Result<Vec<DeliveryId>> {
        let mut clause = filter.clause(workspace);
        clause.and_list("d.id > {}", [after]);
        clause.and_list("not (d.state = 'pending' and d.leased = 1 and d.due_at > {})", [now]);
        let mut params = clause.params().to_vec();
        params.extend([Value::from(now), limit.into()]);
        let (at, most) = (params.len() - 1, params.len());
        let of_d = if self.dialect() == Dialect::Postgres { " for update of d" } else { "" };
        let mut ids = self.query(
            &format!(
                "update deliveries set state = 'pending', leased = 0, due_at = ${at}, \
                 finished_at = null, replayed_at = ${at}, earlier_tries = (select count(*) from attempts a \
                 where a.delivery_id = deliveries.id) where id in (select d.id {FILTERED} \
                 join webhook_endpoints e on e.id = d.endpoint_id and e.disabled_at is null{} \
                 and not {OF_THE_PAST} order by d.id limit ${most}{of_d}) returning id",
                clause.sql()
            ),
            &params,
            |row| Ok(DeliveryId(row.int(0)?)),
        )?;
        if !ids.is_empty() {
            self.wake(Queue::Deliveries);
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Makes deliveries to an endpoint of events that match, come after `after` by id, tell of
    /// nothing that is gone, and were never on their way to it: at most `limit`. Answers the events'
    /// ids, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn deliver_missed(
        &mut self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        filter: &EventFilter,
        after: EventId,
        limit: i64,
        now: Micros,
    ) -> Result<Vec<EventId>> {
        let mut clause = filter.clause(workspace, false);
        clause.and_list("v.id > {}", [after]);
        let mut params = clause.params().to_vec();
        params.extend([Value::from(endpoint), now.into(), limit.into()]);
        let [to, at, most] = [2, 1, 0].map(|back| params.len() - back);
        let mut ids = self.query(
            &format!(
                "insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, \
                 due_at, created_at, replayed_at) select v.workspace_id, v.subject_id, v.id, e.id, \
                 'pending', cast(${at} as bigint), cast(${at} as bigint), cast(${at} as bigint) from events v \
                 join webhook_endpoints e on e.id = ${to} and e.disabled_at is null{} \
                 and v.webhook_type not in ('TEST', 'ENDPOINT') and not {OF_THE_PAST} \
                 and (e.webhook_types is null or e.webhook_types like '%,' || v.webhook_type || ',%') \
                 and not exists (select 1 from deliveries d where d.event_id = v.id \
                 and d.endpoint_id = e.id) order by v.id limit ${most} returning event_id",
                clause.sql()
            ),
            &params,
            |row| Ok(EventId(row.int(0)?)),
        )?;
        if !ids.is_empty() {
            self.wake(Queue::Deliveries);
        }
        ids.sort_unstable();
        Ok(ids)
    }
}
