//! Deliveries that are not made any more.

use super::page::Where;
use super::{DeliveryId, EndpointId, Micros};
use crate::{Result, Tx, Value};

/// Deliveries that are cancelled by the statement that ends their endpoint: a few milliseconds of the one
/// writer of an embedded database.
const AT_ONCE: i64 = 500;

/// Part of what waits for an endpoint, found by the index of it.
const SOME: &str = "d.id in (select c.id from deliveries c where c.endpoint_id = $2 \
     and c.state = 'pending' order by c.due_at, c.id limit $3)";

/// Endpoints for which something waits, by one look into the index of it for each.
const WAITED_FOR: &str = "with recursive ends(id) as (select min(endpoint_id) from deliveries \
     where state = 'pending' union all select (select min(d.endpoint_id) from deliveries d \
     where d.state = 'pending' and d.endpoint_id > ends.id) from ends where ends.id is not null) \
     select ends.id from ends where ends.id is not null";

/// Deliveries that were taken and whose event is gone: whoever takes one gets nothing to send, and gives nothing back.
const ORPHANED: &str = "select d.id from deliveries d where d.state = 'pending' and d.leased = 1 \
     and not exists (select 1 from events v where v.id = d.event_id) order by d.id";

impl Tx<'_> {
    /// Removes deliveries whose event is gone and that would be taken for ever. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove_orphaned_deliveries(&mut self) -> Result<u64> {
        let sql = format!("{ORPHANED}{}", self.dialect().locking());
        let orphaned = self.query(&sql, &[], |row| Ok(DeliveryId(row.int(0)?)))?;
        if orphaned.is_empty() {
            return Ok(0);
        }
        let mut removed = 0;
        for (table, which) in [("attempts", "delivery_id in ({})"), ("deliveries", "id in ({})")] {
            let mut clause = Where::beyond("id", 0);
            clause.and_list(which, orphaned.iter().copied());
            removed =
                self.execute(&format!("delete from {table}{}", clause.sql()), clause.params())?;
        }
        Ok(removed)
    }

    /// Cancels the first of what waits for an endpoint that was disabled or deleted by this transaction. Nothing
    /// is sent to it: the rest can be cancelled by others.
    pub(super) fn cancel_some_deliveries(&mut self, id: EndpointId, now: Micros) -> Result<u64> {
        self.cancel_where(SOME, &[id.into(), AT_ONCE.into()], now)
    }

    /// Endpoints that are disabled or gone for which something waits.
    ///
    /// # Errors
    /// When the database fails.
    pub fn stranded_endpoints(&mut self) -> Result<Vec<EndpointId>> {
        let sql = format!(
            "{WAITED_FOR} and not exists (select 1 from webhook_endpoints e \
             where e.id = ends.id and e.disabled_at is null)"
        );
        self.query(&sql, &[], |row| Ok(EndpointId(row.int(0)?)))
    }

    /// Cancels up to `limit` deliveries that wait for an endpoint that is disabled or gone. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cancel_stranded_deliveries(
        &mut self,
        id: EndpointId,
        limit: i64,
        now: Micros,
    ) -> Result<u64> {
        let which = format!(
            "{SOME} and not exists (select 1 from webhook_endpoints e \
             where e.id = $2 and e.disabled_at is null)"
        );
        self.cancel_where(&which, &[id.into(), limit.into()], now)
    }

    /// Cancels what waits of deliveries `d` for which this holds, whose first parameter is `$2`. Answers how many.
    pub(super) fn cancel_where(
        &mut self,
        which: &str,
        params: &[Value<'_>],
        now: Micros,
    ) -> Result<u64> {
        let in_order = self.dialect().locking();
        let sql = format!(
            "update deliveries set state = 'cancelled', leased = 0, finished_at = $1 where id in \
             (select d.id from deliveries d where {which} and d.state = 'pending' order by d.id{in_order})"
        );
        let params: Vec<_> = std::iter::once(now.into()).chain(params.iter().cloned()).collect();
        self.execute(&sql, &params)
    }
}
