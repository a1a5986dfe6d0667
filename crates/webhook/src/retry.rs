use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;

/// Seconds to wait after the 1st, 2nd, … failed attempt, before jitter, unless somebody decides
/// otherwise: eleven attempts over about 28 hours.
pub const SCHEDULE: [u32; 10] = [
    MINUTE,
    2 * MINUTE,
    3 * MINUTE,
    4 * MINUTE,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    10 * HOUR,
];

/// A receiver can put the next try off by this much, and no more.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(HOUR as u64);

/// How long to wait after failed attempt number `attempt` (from 1): that step of `schedule`, in
/// seconds, ±20 %; `None` when the steps are used up.
///
/// `random` is 64 uniform bits. `retry_after` is what the receiver asked for; it can lengthen the
/// wait, up to [`MAX_RETRY_AFTER`] and up to 20 % more, so that not all come at once, and never
/// shortens it.
#[must_use]
pub fn next_try(
    schedule: &[u32],
    attempt: u32,
    random: u64,
    retry_after: Option<Duration>,
) -> Option<Duration> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let step_us = u64::from(*schedule.get(index)?) * 1_000_000;
    let wait = Duration::from_micros(step_us - step_us / 5 + below(step_us * 2 / 5 + 1, random));
    let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    let asked_us = u64::try_from(asked.as_micros()).unwrap_or(u64::MAX);
    let asked = asked + Duration::from_micros(below(asked_us / 5 + 1, random));
    Some(wait.max(asked))
}

/// Uniform over `0..end`: the high half of a 128-bit product.
fn below(end: u64, random: u64) -> u64 {
    u64::try_from((u128::from(random) * u128::from(end)) >> 64).unwrap_or_default()
}

/// A `Retry-After` header (RFC 9110, section 10.2.3), as the receiver gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A delay. Fractions, which some servers send, are rounded up.
    Seconds(u64),
    /// A moment, in seconds since 1970 UTC.
    At {
        /// Seconds since 1970 UTC.
        unix_seconds: u64,
    },
}

impl RetryAfter {
    /// Reads the header's value: `120`, `1.5`, or an HTTP date in any of its three forms. `None`
    /// for anything else.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        Self::parse_delay(value).or_else(|| Self::parse_date(value))
    }

    /// The wait it asks for, seen at `now`; zero for a moment that has passed.
    #[must_use]
    pub fn wait(self, now: SystemTime) -> Duration {
        match self {
            Self::Seconds(seconds) => Duration::from_secs(seconds),
            Self::At { unix_seconds } => {
                let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
                Duration::from_secs(unix_seconds).saturating_sub(now)
            }
        }
    }

    fn parse_delay(value: &str) -> Option<Self> {
        let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        // Only overflow is left to go wrong, and more than 2^64 seconds is simply very long.
        let seconds: u64 = whole.parse().unwrap_or(u64::MAX);
        let rounded_up = u64::from(fraction.bytes().any(|digit| digit != b'0'));
        Some(Self::Seconds(seconds.saturating_add(rounded_up)))
    }

    fn parse_date(value: &str) -> Option<Self> {
        let at = httpdate::parse_http_date(value).ok()?;
        let unix_seconds = at.duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(Self::At { unix_seconds })
    }
}
