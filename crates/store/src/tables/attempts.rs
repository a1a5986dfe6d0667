//! Tries: what a worker writes down of one, with what becomes of its delivery.

use vinculo_vault::Sealed;

use super::deliveries::HELD;
use super::endpoints::works;
use super::{ClaimedDelivery, DeliveryState, EndpointId, Micros};
use crate::{Dialect, Result, Tx, Value};

/// One HTTP try, to be recorded.
#[derive(Debug, Clone)]
pub struct AttemptRecord<'a> {
    /// The row and its token.
    pub claim: ClaimedDelivery,
    /// When the try began.
    pub started_at: Micros,
    /// How long it took, microseconds.
    pub duration_us: i64,
    /// Status of the answer.
    pub status: Option<i64>,
    /// Why there was no answer, one word.
    pub failure: Option<&'a str>,
    /// Start of the answer's body, sealed with the subject's key.
    pub excerpt: Option<&'a Sealed>,
    /// What becomes of the delivery.
    pub state: DeliveryState,
    /// When to try again, for a delivery that stays pending.
    pub due_at: Micros,
}

const ENDED: &str = "update deliveries set state = $8, leased = 0, due_at = $9, finished_at = $10";

fn attempt_of(delivery: &str) -> String {
    format!(
        "insert into attempts (workspace_id, subject_id, delivery_id, number, started_at, \
         duration_us, status, failure, sealed_excerpt) \
         select workspace_id, subject_id, id, cast($2 as bigint), cast($3 as bigint), \
         cast($4 as bigint), cast($5 as bigint), cast($6 as text), $7 from {delivery}"
    )
}

impl AttemptRecord<'_> {
    /// What [`attempt_of`] wants.
    fn of_attempt(&self) -> [Value<'_>; 7] {
        [
            self.claim.id.into(),
            self.claim.attempt.into(),
            self.started_at.into(),
            self.duration_us.into(),
            self.status.into(),
            self.failure.into(),
            self.excerpt.into(),
        ]
    }

    /// The same, and what [`ENDED`] wants.
    fn params(&self, now: Micros) -> Vec<Value<'_>> {
        let finished = (self.state != DeliveryState::Pending).then_some(now);
        let ended = [self.state.into(), self.due_at.into(), finished.into()];
        self.of_attempt().into_iter().chain(ended).collect()
    }
}

impl Tx<'_> {
    /// Records a try and what becomes of the delivery. `false` when something else has become of it
    /// meanwhile, which stands: it was cancelled, or another worker has taken over. What was
    /// cancelled and arrived all the same is delivered. The try is recorded unless another worker has
    /// taken over or the delivery is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_attempt(&mut self, record: &AttemptRecord<'_>, now: Micros) -> Result<bool> {
        Ok(self.record_held(record, now)? || self.record_late(record, now)?)
    }

    /// Records a try of a delivery that is held still, else nothing.
    fn record_held(&mut self, record: &AttemptRecord<'_>, now: Micros) -> Result<bool> {
        let params = record.params(now);
        if self.dialect() == Dialect::Postgres {
            let sql = format!("with ended as ({ENDED} {HELD} returning *) {}", attempt_of("ended"));
            return Ok(self.execute(&sql, &params)? == 1);
        }
        if self.execute(&format!("{ENDED} {HELD}"), &params)? == 0 {
            return Ok(false);
        }
        self.insert_attempt(record)?;
        Ok(true)
    }

    /// Records a try that ended after its delivery was cancelled: it counts for no step of a schedule that
    /// begins later. Whoever lost the delivery to another holder records nothing. Answers whether the try still
    /// decides.
    fn record_late(&mut self, record: &AttemptRecord<'_>, now: Micros) -> Result<bool> {
        let ClaimedDelivery { id, attempt } = record.claim;
        let is_last = self.query_opt(
            "select 1 from deliveries where id = $1 and attempt = $2 and not exists \
             (select 1 from attempts where delivery_id = $1 and number = $2)",
            &[id.into(), attempt.into()],
            |row| row.int(0),
        )?;
        if is_last.is_none() {
            return Ok(false);
        }
        let delivered = record.state == DeliveryState::Delivered
            && self.execute(
                "update deliveries set state = 'delivered', finished_at = $3 \
                 where id = $1 and attempt = $2 and state = 'cancelled'",
                &[id.into(), attempt.into(), now.into()],
            )? > 0;
        if !delivered {
            let sql = "update deliveries set earlier_tries = earlier_tries + 1 where id = $1";
            self.execute(sql, &[id.into()])?;
        }
        self.insert_attempt(record)?;
        Ok(delivered)
    }

    /// Whether somebody else has taken a delivery since this claim, or it is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_taken_over(&mut self, claim: ClaimedDelivery) -> Result<bool> {
        let ClaimedDelivery { id, attempt } = claim;
        let sql = "select 1 from deliveries where id = $1 and attempt = $2";
        Ok(self.query_opt(sql, &[id.into(), attempt.into()], |row| row.int(0))?.is_none())
    }

    fn insert_attempt(&mut self, record: &AttemptRecord<'_>) -> Result<()> {
        let sql = format!("{} where id = $1", attempt_of("deliveries"));
        self.execute(&sql, &record.of_attempt())?;
        Ok(())
    }

    /// Records a try that delivered and went where `sent_to` says, after what
    /// [`Self::endpoint_works`] does for its endpoint. One statement on PostgreSQL. `false` when something
    /// else has become of the delivery meanwhile: then only the endpoint knows, and
    /// [`Self::record_attempt`] is left to be called.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_delivered(
        &mut self,
        record: &AttemptRecord<'_>,
        endpoint: EndpointId,
        sent_to: &Sealed,
        now: Micros,
    ) -> Result<bool> {
        if self.dialect() == Dialect::Sqlite {
            self.endpoint_works(endpoint, sent_to, record.started_at)?;
            return self.record_held(record, now);
        }
        let mut params = record.params(now);
        params.extend([Value::from(endpoint), sent_to.into()]);
        // Whoever changes an endpoint and its deliveries locks the endpoint first: the count is
        // known before a delivery is looked at.
        let sql = format!(
            "with works as ({} returning 1), ended as ({ENDED} {HELD} and (select count(*) from works) < 2 returning *) {}",
            works("$11", "$12", "$3"),
            attempt_of("ended")
        );
        Ok(self.execute(&sql, &params)? == 1)
    }
}
