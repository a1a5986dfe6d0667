//! A machine's clock that is set while work waits for it. What waits is stored with the time by which it
//! is due; time that passes is measured apart, so that a clock that was set can be told from one that
//! went on (docs/decisions/0010).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use vinculo_store::Error;

use crate::App;
use crate::clock::{Clock, after, micros};

/// Longer than anything is postponed for: to the next month, or to the next refresh of a link.
const LONGEST: Duration = Duration::from_secs(32 * 24 * 60 * 60);

/// What both clocks showed when they were last compared.
pub(super) struct LastLook {
    now: Timestamp,
    elapsed: Duration,
}

impl LastLook {
    pub(super) fn of(clock: &dyn Clock) -> Self {
        Self { now: clock.now(), elapsed: clock.elapsed() }
    }

    /// How far the clock has been set since, forward or back.
    fn look_again(&mut self, clock: &dyn Clock) -> SignedDuration {
        let before = std::mem::replace(self, Self::of(clock));
        let passed = self.elapsed.saturating_sub(before.elapsed);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        self.now.duration_since(before.now).saturating_sub(passed)
    }
}

/// Has nothing wait for the time that was taken away when the clock has been set back by more than a
/// lease. Set forward, it makes what waits due by itself.
pub(super) async fn compare(app: &App, last: &mut LastLook) {
    let set = last.look_again(app.clock());
    if set.unsigned_abs() <= app.config().runner.lease {
        return;
    }
    let (by, back) = (set.unsigned_abs(), set.is_negative());
    tracing::warn!(?by, back, "the machine's clock was set");
    if !back {
        return;
    }
    if let Err(error) = end_waits(app, Duration::ZERO).await {
        tracing::error!(%error, "work waits for the clock as it was");
        // The next look sees it again.
        last.now = last.now.saturating_sub(set).unwrap_or(last.now);
    }
}

/// At the start nobody knows how the clock was set before: no lease is longer than one, and nothing
/// waits longer than anything does.
pub(super) async fn end_endless_waits(app: &App) -> Result<(), Error> {
    end_waits(app, LONGEST).await
}

async fn end_waits(app: &App, longest: Duration) -> Result<(), Error> {
    let now = app.now();
    let ends = [app.config().runner.lease, longest, LONGEST];
    let [lease, longest, refresh] = ends.map(|wait| micros(after(now, wait)));
    let now = micros(now);
    app.store().write(move |tx| tx.end_waits(now, lease, longest, refresh)).await
}
