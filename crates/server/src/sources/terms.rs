//! How a source may be used, and what it costs.

use std::time::Duration;

use vinculo_sources::Outcome;

use super::BreakerConfig;

/// For which outcomes a source sends an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BilledOn {
    /// Every answer.
    Call,
    /// Data alone.
    Hit,
}

impl BilledOn {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Hit => "hit",
        }
    }
}

/// How a source may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceTerms {
    /// Questions at once, of this process.
    pub at_once: usize,
    /// Questions a minute, and at once, of this process; 0 is no limit.
    pub per_minute: u32,
    /// When it is asked no more for a while.
    pub breaker: BreakerConfig,
    /// What a question about one person costs, whole pesos.
    pub price: i64,
    /// What the entry of one person in a job about many costs, whole pesos.
    pub bulk_price: i64,
    /// Which outcomes cost that.
    pub billed_on: BilledOn,
    /// How long an answer is used again instead of asking, when nobody asked for a new one.
    pub reuse: Duration,
    /// What it may cost in a month, whole pesos.
    pub monthly_budget: Option<i64>,
}

impl SourceTerms {
    /// As shipped, for the source of this name: free of charge until it is told a price.
    #[must_use]
    pub fn shipped(source: &str) -> Self {
        let failures = match source {
            // Nothing to fail, and a failure that is played.
            "planillas" | "sandbox" => 0,
            _ => 5,
        };
        Self {
            at_once: 12,
            per_minute: 0,
            breaker: BreakerConfig {
                failures,
                pause: Duration::from_secs(30),
                longest_pause: Duration::from_secs(10 * 60),
            },
            price: 0,
            bulk_price: 0,
            billed_on: if source == "ach" { BilledOn::Call } else { BilledOn::Hit },
            reuse: Duration::ZERO,
            monthly_budget: None,
        }
    }

    /// Whether a question that ended so is billed (`yes`, `no`, `unknown`), and what it cost. A failure
    /// counts for nothing until the source's own invoice says otherwise.
    #[must_use]
    pub(super) fn bill(&self, outcome: &Outcome, http_status: Option<u16>) -> (&'static str, i64) {
        self.bill_at(self.price, outcome, http_status)
    }

    /// As [`Self::bill`], of an entry in a job about many.
    #[must_use]
    pub(super) fn bill_entry(&self, outcome: &Outcome) -> (&'static str, i64) {
        self.bill_at(self.bulk_price, outcome, Some(200))
    }

    fn bill_at(
        &self,
        price: i64,
        outcome: &Outcome,
        http_status: Option<u16>,
    ) -> (&'static str, i64) {
        let billed = match (outcome, http_status) {
            (Outcome::NotAuthorized, _) | (_, None) => "no",
            (Outcome::RetryLater { .. } | Outcome::Fault(_), Some(_)) => "unknown",
            (Outcome::Resolved(_), Some(_)) => "yes",
            (_, Some(_)) if self.billed_on == BilledOn::Call => "yes",
            _ => "no",
        };
        (billed, if billed == "yes" { price } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use vinculo_sources::{Answer, InvalidField, NoDataReason, RetryReason, WithheldReason};

    use super::*;

    #[test]
    fn what_is_billed_depends_on_the_contract() {
        let shipped = SourceTerms { price: 900, bulk_price: 70, ..SourceTerms::shipped("x") };
        let priced = |billed_on| SourceTerms { billed_on, ..shipped };
        let (call, hit) = (priced(BilledOn::Call), priced(BilledOn::Hit));
        let later = Outcome::RetryLater { reason: RetryReason::Saturated, not_before: None };
        for (outcome, by_call, by_hit) in [
            (Outcome::Resolved(Answer::default()), ("yes", 900), ("yes", 900)),
            (Outcome::NoData(NoDataReason::NotFound), ("yes", 900), ("no", 0)),
            (Outcome::Withheld(WithheldReason::NotBillable), ("yes", 900), ("no", 0)),
            (Outcome::InvalidInput(InvalidField::Other), ("yes", 900), ("no", 0)),
            (later, ("unknown", 0), ("unknown", 0)),
            (Outcome::Fault("garbage".to_owned()), ("unknown", 0), ("unknown", 0)),
            (Outcome::NotAuthorized, ("no", 0), ("no", 0)),
        ] {
            assert_eq!(call.bill(&outcome, Some(200)), by_call, "{outcome:?}");
            assert_eq!(hit.bill(&outcome, Some(200)), by_hit, "{outcome:?}");
            assert_eq!(call.bill(&outcome, None), ("no", 0), "nobody answered");
            let entry = |price: i64| if price == 0 { 0 } else { 70 };
            assert_eq!(call.bill_entry(&outcome), (by_call.0, entry(by_call.1)), "{outcome:?}");
            assert_eq!(hit.bill_entry(&outcome), (by_hit.0, entry(by_hit.1)), "{outcome:?}");
        }
    }
}
