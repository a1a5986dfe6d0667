//! What a source has cost in a month, as the database has it. What was paid some minutes ago does not change: it is
//! added up once, and a look reads what is newer.

use tokio::sync::Mutex;
use vinculo_store::{Error, Micros};

use crate::App;

const MINUTE: Micros = 60 * 1_000_000;

/// How old a cost is that no transaction still brings: by as much may the clocks of processes differ.
const SETTLED: Micros = 10 * MINUTE;

/// How much of a month is added up in one read: whoever gives up has what was added up before.
const PART: Micros = 24 * 60 * MINUTE;

/// What a source has cost, read by one at a time.
pub(super) struct Spent {
    source: &'static str,
    settled: Mutex<Sum>,
}

/// The cost of a month up to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sum {
    /// When the month began.
    from: Micros,
    until: Micros,
    /// Whole pesos.
    pesos: i64,
}

impl Sum {
    const fn none(from: Micros) -> Self {
        Self { from, until: from, pesos: 0 }
    }

    /// The sum to go on with in the month that began at `from`. A clock that was set back may bring costs from before
    /// what was added up: then it begins anew.
    fn going_on(self, from: Micros, settled: Micros) -> Self {
        let goes_on = self.from == from && self.until <= settled.max(from);
        if goes_on { self } else { Self::none(from) }
    }

    /// Until when the next part goes; `None` when all is added up that is settled.
    fn next_part(self, settled: Micros) -> Option<Micros> {
        (self.until < settled).then(|| self.until.saturating_add(PART).min(settled))
    }

    fn with(self, until: Micros, pesos: i64) -> Self {
        Self { until, pesos: self.pesos.saturating_add(pesos), ..self }
    }
}

impl Spent {
    pub(super) fn new(source: &'static str) -> Self {
        Self { source, settled: Mutex::new(Sum::none(0)) }
    }

    /// What the calls of the month that began at `from` have cost all workspaces, and what jobs may cost beside that;
    /// whole pesos.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn since(&self, app: &App, from: Micros) -> Result<(i64, i64), Error> {
        let source = self.source;
        let mut sum = self.settled.lock().await;
        let settled = app.now_micros().saturating_sub(SETTLED);
        *sum = sum.going_on(from, settled);
        while let Some(until) = sum.next_part(settled) {
            let begin = sum.until;
            let part = app.store().read(move |tx| tx.source_cost(source, begin, until)).await?;
            *sum = sum.with(until, part);
        }
        let begin = sum.until;
        // In this order, a job that ends between the two counts twice rather than not at all.
        let rest = app.store().read(move |tx| {
            let jobs = tx.source_reserved(source, from)?;
            Ok::<_, Error>((tx.source_cost(source, begin, Micros::MAX)?, jobs))
        });
        let (new, jobs) = rest.await?;
        Ok((sum.pesos.saturating_add(new), jobs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_added_up_a_day_at_a_time_and_once() {
        let settled = 2 * PART + 7;
        let mut sum = Sum::none(100).going_on(100, settled);
        let mut parts = Vec::new();
        while let Some(until) = sum.next_part(settled) {
            parts.push((sum.until, until));
            sum = sum.with(until, 5);
        }
        assert_eq!(parts, [(100, 100 + PART), (100 + PART, settled)]);
        assert_eq!(
            (sum, sum.next_part(settled)),
            (Sum { from: 100, until: settled, pesos: 10 }, None)
        );
        assert_eq!(sum.going_on(100, settled + 1).next_part(settled + 1), Some(settled + 1));
    }

    #[test]
    fn another_month_and_a_clock_that_was_set_back_begin_anew() {
        let sum = Sum { from: 100, until: 900, pesos: 10 };
        assert_eq!(sum.going_on(100, 900), sum);
        assert_eq!(sum.going_on(100, 899), Sum::none(100));
        assert_eq!(sum.going_on(2_000, 1_500), Sum::none(2_000));
        assert_eq!(Sum::none(2_000).going_on(2_000, 1_500), Sum::none(2_000), "it has just begun");
        assert_eq!(Sum::none(2_000).next_part(1_500), None);
    }
}
