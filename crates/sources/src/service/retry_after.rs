//! The `Retry-After` header (RFC 9110, 10.2.3), by the same rule as that of a webhook's receiver.

use std::time::Duration;

use jiff::Timestamp;

/// Nobody is believed for longer than this: the load is tried again the next day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to stay away, counted from `now`; zero for a date in the past. Seconds, of which fractions are
/// rounded up, or an HTTP date in any of its three forms; `None` for anything else.
pub(super) fn read(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = match seconds(value) {
        Some(seconds) => Duration::from_secs(seconds),
        None => {
            let moment = Timestamp::try_from(httpdate::parse_http_date(value).ok()?).ok()?;
            Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(LONGEST))
}

fn seconds(value: &str) -> Option<u64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // Digits that overflow are a very long time, not nonsense.
    let seconds: u64 = whole.parse().unwrap_or(u64::MAX);
    let rounded_up = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(seconds.saturating_add(rounded_up))
}
