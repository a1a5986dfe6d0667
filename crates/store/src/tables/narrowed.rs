//! What waits for an endpoint and is of a type that it does not want any more: noted when its types become fewer,
//! until all of it is cancelled. A claim says so meanwhile, and nothing of it is sent.

use super::page::Where;
use super::replays::between;
use super::{DeliveryId, DeliveryState, EndpointId, Micros, ReplayPage, ReplayPlace};
use crate::{Result, Tx};

/// Whether an event `v` is of a type that an endpoint `e`, whose types became fewer, does not want.
pub(super) const UNWANTED: &str = "(e.narrowed_at is not null and v.webhook_type <> 'TEST' \
     and e.webhook_types not like '%,' || v.webhook_type || ',%')";

impl Tx<'_> {
    /// Notes that an endpoint wants fewer types than before.
    ///
    /// # Errors
    /// When the database fails.
    pub fn narrow_endpoint(&mut self, id: EndpointId, now: Micros) -> Result<()> {
        let sql = "update webhook_endpoints set narrowed_at = $2 where id = $1";
        self.execute(sql, &[id.into(), now.into()])?;
        Ok(())
    }

    /// The endpoints, or the one among them, of which that is noted, and since when.
    ///
    /// # Errors
    /// When the database fails.
    pub fn narrowed_endpoints(
        &mut self,
        only: Option<EndpointId>,
    ) -> Result<Vec<(EndpointId, Micros)>> {
        self.query(
            "select id, narrowed_at from webhook_endpoints where narrowed_at is not null \
             and (cast($1 as bigint) is null or id = $1) order by id",
            &[only.into()],
            |row| Ok((EndpointId(row.int(0)?), row.int(1)?)),
        )
    }

    /// One step of the search for what waits for such an endpoint and is not wanted: looks at up to `limit`
    /// rows behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn unwanted_deliveries(
        &mut self,
        id: EndpointId,
        after: ReplayPlace,
        limit: i64,
    ) -> Result<ReplayPage<DeliveryId>> {
        let next = self.end_of_waiting(id, after, limit)?;
        let mut clause = waiting(id);
        between(&mut clause, ["d.due_at", "d.id"], after, next);
        let sql = format!(
            "select d.id from deliveries d join events v on v.id = d.event_id \
             join webhook_endpoints e on e.id = d.endpoint_id{} and {UNWANTED}",
            clause.sql()
        );
        let found = self.query(&sql, clause.params(), |row| Ok(DeliveryId(row.int(0)?)))?;
        Ok(ReplayPage { found, next })
    }

    /// The last of `limit` rows that wait for an endpoint; `None` when there are no more.
    fn end_of_waiting(
        &mut self,
        id: EndpointId,
        after: ReplayPlace,
        limit: i64,
    ) -> Result<Option<ReplayPlace>> {
        let mut clause = waiting(id);
        between(&mut clause, ["d.due_at", "d.id"], after, None);
        let mut params = clause.params().to_vec();
        params.push((limit - 1).max(0).into());
        let sql = format!(
            "select d.due_at, d.id from deliveries d{} order by d.due_at, d.id limit 1 offset ${}",
            clause.sql(),
            params.len()
        );
        self.query_opt(&sql, &params, ReplayPlace::from_row)
    }

    /// Cancels those of these deliveries that wait and are not wanted. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cancel_unwanted_deliveries(&mut self, ids: &[DeliveryId], now: Micros) -> Result<u64> {
        let marks: Vec<_> = (2..ids.len() + 2).map(|place| format!("${place}")).collect();
        let which = format!(
            "d.id in ({}) and exists (select 1 from events v join webhook_endpoints e \
             on e.id = d.endpoint_id where v.id = d.event_id and {UNWANTED})",
            if marks.is_empty() { "null".to_owned() } else { marks.join(", ") }
        );
        let ids: Vec<_> = ids.iter().map(|id| (*id).into()).collect();
        self.cancel_where(&which, &ids, now)
    }

    /// Forgets that an endpoint wants fewer types, if it is noted of that time.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_narrowed(&mut self, id: EndpointId, narrowed_at: Micros) -> Result<()> {
        let sql = "update webhook_endpoints set narrowed_at = null \
                   where id = $1 and narrowed_at = $2";
        self.execute(sql, &[id.into(), narrowed_at.into()])?;
        Ok(())
    }
}

/// Deliveries `d` that wait for an endpoint, found by the index of them.
fn waiting(id: EndpointId) -> Where<'static> {
    let mut clause = Where::equals("d.endpoint_id", id);
    clause.and_in("d.state", [DeliveryState::Pending]);
    clause
}
