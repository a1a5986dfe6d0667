//! Time, passed in: the system's, or one that tests move by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use vinculo_pila::Month;

/// A future that ends when the clock has reached a moment.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The present moment, UTC. It leaps when somebody sets the machine's clock.
    fn now(&self) -> Timestamp;

    /// Time that has passed since some moment of this process. It never leaps.
    fn elapsed(&self) -> Duration;

    /// Ends when the time has passed that there is from now until `until`, also when the clock is set
    /// meanwhile.
    fn sleep_until(&self, until: Timestamp) -> Sleep;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
static FIRST_LOOK: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        FIRST_LOOK.elapsed()
    }

    fn sleep_until(&self, until: Timestamp) -> Sleep {
        let wait = until.duration_since(self.now());
        Box::pin(tokio::time::sleep(Duration::try_from(wait).unwrap_or(Duration::ZERO)))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock {
    time: Arc<watch::Sender<Time>>,
}

#[derive(Debug, Clone, Copy)]
struct Time {
    now: Timestamp,
    elapsed: Duration,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { time: Arc::new(watch::Sender::new(Time { now, elapsed: Duration::ZERO })) }
    }

    /// Lets time pass, and wakes whoever waited for a moment that has come.
    pub fn advance(&self, by: Duration) {
        self.time.send_modify(|time| {
            time.now = after(time.now, by);
            time.elapsed = time.elapsed.saturating_add(by);
        });
    }

    /// Sets the clock forward or back, in no time.
    pub fn set_by(&self, by: SignedDuration) {
        self.time.send_modify(|time| time.now = time.now.saturating_add(by).unwrap_or(time.now));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.time.borrow().now
    }

    fn elapsed(&self) -> Duration {
        self.time.borrow().elapsed
    }

    fn sleep_until(&self, until: Timestamp) -> Sleep {
        let mut seen = self.time.subscribe();
        let start = *seen.borrow();
        let wait = Duration::try_from(until.duration_since(start.now)).unwrap_or_default();
        let end = start.elapsed.saturating_add(wait);
        Box::pin(async move {
            // The sender lives as long as the clock; without one nobody is left to wait for.
            let _ = seen.wait_for(|time| time.elapsed >= end).await;
        })
    }
}

/// The calendar month it is in Bogotá (UTC−5, no daylight saving).
#[must_use]
pub fn bogota_month(now: Timestamp) -> Option<Month> {
    Month::of(bogota_day(now))
}

/// The day it is in Bogotá.
#[must_use]
pub fn bogota_day(now: Timestamp) -> Date {
    bogota_time(now).date()
}

/// What clocks in Bogotá show.
pub(crate) fn bogota_time(now: Timestamp) -> DateTime {
    jiff::tz::offset(-5).to_datetime(now)
}

/// The first moment of a month in Bogotá.
#[must_use]
pub fn month_start(month: Month) -> Timestamp {
    let year = i16::try_from(month.year()).ok();
    let day = year.zip(i8::try_from(month.month()).ok());
    day.and_then(|(year, month)| day_start(Date::new(year, month, 1).ok()?))
        .unwrap_or(Timestamp::MAX)
}

/// The first moment of the next day in Bogotá.
#[must_use]
pub fn next_day(now: Timestamp) -> Timestamp {
    day_end(bogota_day(now))
}

/// The moment at which a day in Bogotá is over.
#[must_use]
pub fn day_end(day: Date) -> Timestamp {
    day.tomorrow().ok().and_then(day_start).unwrap_or(Timestamp::MAX)
}

/// The first moment of a day in Bogotá.
pub(crate) fn day_start(day: Date) -> Option<Timestamp> {
    jiff::tz::offset(-5).to_timestamp(day.at(0, 0, 0, 0)).ok()
}

/// A moment and a while; the last moment there is where that would be later.
#[must_use]
pub fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// A moment as the store keeps it: microseconds since 1970 UTC.
#[must_use]
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A stored moment as the wire shows it: ISO 8601, UTC, microseconds, `Z` (contract 2.5).
#[must_use]
pub fn wire_time(micros: i64) -> String {
    let at = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn wire_time_always_shows_six_digits_and_z() {
        assert_eq!(wire_time(1_719_419_154_344_113), "2024-06-26T16:25:54.344113Z");
        assert_eq!(wire_time(1_719_419_154_000_000), "2024-06-26T16:25:54.000000Z");
    }

    #[test]
    fn no_while_is_too_long_to_come_after_a_moment() {
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        assert_eq!(
            after(noon, Duration::from_micros(1)),
            "2026-11-24T12:00:00.000001Z".parse().unwrap()
        );
        assert_eq!(after(noon, Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn a_month_begins_five_hours_after_utc_in_bogota() {
        let late: Timestamp = "2026-11-01T04:59:59Z".parse().unwrap();
        let early: Timestamp = "2026-11-01T05:00:00Z".parse().unwrap();
        assert_eq!(bogota_month(late).unwrap().to_string(), "2026-10");
        assert_eq!(bogota_month(early).unwrap().to_string(), "2026-11");
    }

    #[test]
    fn months_and_days_begin_in_bogota() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(month_start("2026-11".parse().unwrap()), at("2026-11-01T05:00:00Z"));
        for (now, next) in [
            ("2026-11-24T12:00:00Z", "2026-11-25T05:00:00Z"),
            ("2026-11-25T04:59:59Z", "2026-11-25T05:00:00Z"),
            ("2026-12-31T05:00:00Z", "2027-01-01T05:00:00Z"),
        ] {
            assert_eq!(next_day(at(now)), at(next), "{now}");
        }
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_its_sleepers() {
        let clock = ManualClock::new("2026-11-01T00:00:00Z".parse().unwrap());
        let sleeper = clock.sleep_until("2026-11-01T00:10:00Z".parse().unwrap());
        clock.advance(Duration::from_secs(600));
        sleeper.await;
    }

    #[tokio::test]
    async fn a_clock_that_is_set_wakes_nobody_and_keeps_nobody() {
        let clock = ManualClock::new("2026-11-01T00:00:00Z".parse().unwrap());
        let mut sleeper = clock.sleep_until("2026-11-01T00:10:00Z".parse().unwrap());
        clock.set_by(SignedDuration::from_hours(1));
        assert!((&mut sleeper).now_or_never().is_none());
        clock.set_by(SignedDuration::from_hours(-2));
        clock.advance(Duration::from_secs(600));
        sleeper.await;
        assert_eq!(clock.now(), "2026-10-31T23:10:00Z".parse().unwrap());
    }
}
