//! One limit: so many a minute for every key, and as many at once.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::steady::Steady;

/// How often keys are forgotten that are no longer different from new ones.
pub(super) const TIDY: Duration = Duration::from_secs(60);

const MINUTE: Duration = Duration::from_secs(60);

/// A limit for every key of a kind. Its memory follows the keys of the last minutes.
pub(crate) struct Limit<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, HashMapStateStore<K>, Steady, StateInformationMiddleware>,
    clock: Steady,
    per_minute: u32,
    tidied: Mutex<Duration>,
}

/// How somebody stands with a limit after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Requests a minute, and at once.
    pub(super) limit: u32,
    /// How many would be let through now.
    pub(super) remaining: u32,
    /// When there is room for all of them again.
    pub(super) reset: Duration,
    /// How long to wait, when this one was not let through.
    pub(crate) refused: Option<Duration>,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// `None` for a limit of 0: it is off.
    pub(crate) fn new(per_minute: u32, clock: &Steady) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute)?);
        let limiter = RateLimiter::new(quota, HashMapStateStore::default(), clock.clone());
        let tidied = Mutex::new(clock.now());
        Some(Self { limiter, clock: clock.clone(), per_minute, tidied })
    }

    /// Counts one for a key.
    pub(crate) fn count(&self, key: &K) -> Standing {
        self.tidy();
        let limit = self.per_minute;
        match self.limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = limit.saturating_sub(remaining);
                Standing { limit, remaining, reset: self.interval() * used, refused: None }
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                let reset = wait + self.interval() * (limit - 1);
                Standing { limit, remaining: 0, reset, refused: Some(wait) }
            }
        }
    }

    /// How long one of them takes to come back.
    pub(super) fn interval(&self) -> Duration {
        MINUTE / self.per_minute
    }

    fn tidy(&self) {
        let now = self.clock.now();
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= *tidied + TIDY {
            *tidied = now;
            drop(tidied);
            self.limiter.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::clock::ManualClock;

    use super::*;

    fn manual() -> (ManualClock, Steady) {
        let clock = ManualClock::new("2026-11-24T12:00:00Z".parse().unwrap());
        let steady = Steady::new(Arc::new(clock.clone()));
        (clock, steady)
    }

    #[test]
    fn zero_is_off() {
        assert!(Limit::<u8>::new(0, &manual().1).is_none());
    }

    #[test]
    fn as_many_at_once_as_in_a_minute_and_then_one_after_the_other() {
        let (clock, steady) = manual();
        let limit = Limit::new(4, &steady).unwrap();
        let seconds = Duration::from_secs;
        for (remaining, reset) in [(3, 15), (2, 30), (1, 45), (0, 60)] {
            let expected = Standing { limit: 4, remaining, reset: seconds(reset), refused: None };
            assert_eq!(limit.count(&"a"), expected);
        }
        assert_eq!(limit.count(&"b").remaining, 3, "every key has its own");
        clock.advance(seconds(5));
        let refused = limit.count(&"a");
        assert_eq!((refused.refused, refused.reset), (Some(seconds(10)), seconds(55)));
        clock.advance(seconds(10));
        assert_eq!(limit.count(&"a").refused, None);
        assert_eq!(limit.count(&"a").refused, Some(seconds(15)));
    }

    #[test]
    fn keys_of_long_ago_take_no_memory() {
        let (clock, steady) = manual();
        let limit = Limit::new(4, &steady).unwrap();
        for key in 0..1000 {
            limit.count(&key);
        }
        assert_eq!(limit.limiter.len(), 1000);
        clock.advance(2 * TIDY);
        limit.count(&1);
        assert_eq!(limit.limiter.len(), 1);
    }
}
