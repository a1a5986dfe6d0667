//! The `Retry-After` header: seconds, or an HTTP date (RFC 9110, 10.2.3).

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Nobody is believed for longer than this: the load is tried again the next day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to stay away, counted from `now`; zero for a date in the past, `None` for a value
/// that is neither seconds nor a date.
pub(super) fn read(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Digits that overflow are a very long time, not nonsense.
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let moment = DateTimeParser::new().parse_timestamp(value).ok()?;
    let wait = Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(wait.min(LONGEST))
}
