//! What a source may cost in a month of Bogotá. What it has cost is in the database; this process reads
//! it at intervals, and counts what it asks itself at once.

use std::time::Duration;

use jiff::Timestamp;
use vinculo_pila::Month;

/// How old the figure of the database may be: other processes pay from the same budget.
const FRESH: Duration = Duration::from_secs(60);

/// Share of a budget after which whoever runs the installation is warned, percent.
const WARN_AT: i64 = 80;

/// The budget of one source, whole pesos.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    limit: i64,
    month: Option<Month>,
    spent: i64,
    /// What jobs may still cost, or may have cost, that no call tells.
    jobs: i64,
    /// Of questions that are on their way.
    reserved: i64,
    read_at: Timestamp,
    warned: bool,
}

impl Budget {
    pub(super) const fn new(limit: i64) -> Self {
        let read_at = Timestamp::UNIX_EPOCH;
        Self { limit, month: None, spent: 0, jobs: 0, reserved: 0, read_at, warned: false }
    }

    /// Whether the figure is of this month and not old.
    pub(super) fn is_fresh(&self, month: Month, now: Timestamp) -> bool {
        let age = now.duration_since(self.read_at);
        self.month == Some(month) && Duration::try_from(age).is_ok_and(|age| age < FRESH)
    }

    /// What the database says was spent in the month, and what jobs may cost beside that.
    pub(super) fn read(&mut self, month: Month, (spent, jobs): (i64, i64), now: Timestamp) {
        if self.month != Some(month) {
            (self.month, self.spent, self.warned) = (Some(month), 0, false);
        }
        // Questions that ended a moment ago are not in the database yet; spending never falls.
        (self.spent, self.jobs, self.read_at) = (self.spent.max(spent), jobs, now);
    }

    /// A job was begun or ended: its part is to be read again.
    pub(super) const fn read_again(&mut self) {
        self.read_at = Timestamp::UNIX_EPOCH;
    }

    /// What is left of it.
    pub(super) const fn left(&self) -> i64 {
        let taken = self.spent.saturating_add(self.jobs).saturating_add(self.reserved);
        self.limit.saturating_sub(taken)
    }

    /// Sets the price of a question aside; `false` when it is not left.
    pub(super) fn reserve(&mut self, price: i64) -> bool {
        let fits = price == 0 || price <= self.left();
        if fits {
            self.reserved = self.reserved.saturating_add(price);
        }
        fits
    }

    /// A question ended that had `reserved` set aside, and cost `cost`. Whether to warn: the first time
    /// in a month that most of the budget is spent.
    pub(super) fn settle(&mut self, reserved: i64, cost: i64) -> bool {
        self.reserved = self.reserved.saturating_sub(reserved);
        self.spent = self.spent.saturating_add(cost);
        let warns = self.is_nearly_spent() && !self.warned;
        self.warned |= warns;
        warns
    }

    fn is_nearly_spent(&self) -> bool {
        i128::from(self.used()) * 100 >= i128::from(self.limit) * i128::from(WARN_AT)
    }

    const fn used(&self) -> i64 {
        self.spent.saturating_add(self.jobs)
    }

    /// Limit, what of it is spent or may be by jobs, and whether that is most of it.
    pub(super) fn figures(&self) -> (i64, i64, bool) {
        (self.limit, self.used(), self.is_nearly_spent())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However questions overlap, no more is spent than the budget.
        #[test]
        fn a_budget_is_never_overspent(
            limit in 0_i64..2_000,
            price in 1_i64..300,
            steps in proptest::collection::vec((0..3, any::<bool>(), 0..2_i64), 0..60),
        ) {
            let month = "2026-11".parse().expect("a month");
            let mut budget = Budget::new(limit);
            budget.read(month, (0, 0), Timestamp::UNIX_EPOCH);
            let (mut open, mut spent, mut warnings) = (0, 0, 0);
            for (step, is_billed, late) in steps {
                if step == 0 {
                    open += i64::from(budget.reserve(price));
                } else if step == 1 {
                    // What ended a moment ago is not in the database yet.
                    let known = (spent - late * price).max(0);
                    budget.read(month, (known, 0), Timestamp::UNIX_EPOCH);
                } else if open > 0 {
                    open -= 1;
                    let cost = if is_billed { price } else { 0 };
                    spent += cost;
                    warnings += u32::from(budget.settle(price, cost));
                }
                prop_assert!(spent + open * price <= limit);
            }
            prop_assert_eq!(budget.figures().1, spent);
            prop_assert!(warnings <= 1);
            while open > 0 {
                open -= 1;
                budget.settle(price, 0);
            }
            prop_assert_eq!(budget.reserve(price), spent + price <= limit);
        }
    }

    #[test]
    fn what_jobs_may_cost_is_left_to_them() {
        let month = "2026-11".parse().expect("a month");
        let mut budget = Budget::new(1_000);
        budget.read(month, (100, 700), Timestamp::UNIX_EPOCH);
        assert_eq!((budget.left(), budget.figures()), (200, (1_000, 800, true)));
        assert!(!budget.reserve(201));
        // Its job cost less than it might have.
        budget.read(month, (400, 0), Timestamp::UNIX_EPOCH);
        assert!(budget.reserve(600));
        assert_eq!((budget.left(), budget.figures()), (0, (1_000, 400, false)));
    }
}
