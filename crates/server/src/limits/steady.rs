//! The injected clock as the limiters want it: it never goes back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as LimiterClock;
use jiff::Timestamp;

use crate::clock::Clock;

/// Time passed since this was made. When the clock is set back, time stands still for a moment and
/// goes on from there: nobody waits for the hour that was taken away.
#[derive(Clone)]
pub(crate) struct Steady(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Timestamp,
    passed: Duration,
}

impl Steady {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let seen = Mutex::new(Seen { at: clock.now(), passed: Duration::ZERO });
        Self(Arc::new(Inner { clock, seen }))
    }
}

impl LimiterClock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.clock.now();
        let since = now.duration_since(seen.at);
        seen.passed += Duration::try_from(since).unwrap_or(Duration::ZERO);
        seen.at = now;
        seen.passed
    }
}

#[cfg(test)]
mod tests {
    use crate::clock::Sleep;

    use super::*;

    struct Settable(Mutex<Timestamp>);

    impl Clock for Settable {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }

        fn sleep_until(&self, _: Timestamp) -> Sleep {
            unreachable!("a limiter does not sleep")
        }
    }

    #[test]
    fn a_clock_that_is_set_back_goes_on() {
        let clock = Arc::new(Settable(Mutex::new("2026-11-24T12:00:00Z".parse().unwrap())));
        let steady = Steady::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let passed = |at: &str| {
            *clock.0.lock().unwrap() = at.parse().unwrap();
            steady.now().as_secs()
        };
        assert_eq!(passed("2026-11-24T12:00:05Z"), 5);
        assert_eq!(passed("2026-11-24T11:00:00Z"), 5);
        assert_eq!(passed("2026-11-24T11:00:02Z"), 7);
    }
}
