//! The injected clock as the limiters want it: time that passes, whatever the clock is set to.

use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as LimiterClock;

use crate::clock::Clock;

/// Time passed since some moment of this process.
#[derive(Clone)]
pub(crate) struct Steady(Arc<dyn Clock>);

impl Steady {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }
}

impl LimiterClock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
