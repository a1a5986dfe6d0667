//! Date filters (contract 2.3): `created_at`, `__gt`, `__gte`, `__lt`, `__lte`, `__range`.
//!
//! A date stands for its whole day in UTC; a full timestamp, as some clients send it, for its
//! microsecond, and one without a zone is in UTC. Several of them hold together.

use jiff::Timestamp;
use jiff::civil::{Date, Time, date};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use vinculo_store::TimeSpan;

use super::query::Query;
use crate::error::{ApiError, ErrorItem};

/// The contract's message for a text that is no date.
pub(crate) const WRONG: &str =
    "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";

/// Microseconds of a day in UTC.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// What one value covers: from its first to after its last microsecond.
#[derive(Clone, Copy)]
struct Covered {
    first: i64,
    after: i64,
    /// The end of the day that it names: clients with no type for a day send its midnight (contract
    /// 2.3, the PHP client).
    day_after: i64,
}

/// The span that all `created_at` filters of a query leave.
///
/// # Errors
/// 400 `invalid` naming the parameter.
pub(crate) fn created(query: &Query) -> Result<TimeSpan, ApiError> {
    let mut span = TimeSpan::default();
    for (suffix, takes_first, takes_last) in [
        ("", Some(Bound::First), Some(Bound::DayAfter)),
        ("__gt", Some(Bound::After), None),
        ("__gte", Some(Bound::First), None),
        ("__lt", None, Some(Bound::First)),
        ("__lte", None, Some(Bound::DayAfter)),
    ] {
        let name = format!("created_at{suffix}");
        let Some(value) = query.get(&name) else { continue };
        let covered = covered(value).ok_or_else(|| wrong(&name))?;
        narrow(
            &mut span,
            takes_first.map(|bound| bound.of(covered)),
            takes_last.map(|bound| bound.of(covered)),
        );
    }
    let name = "created_at__range";
    if let Some(values) = query.list(name) {
        let [from, to] = values[..] else { return Err(wrong(name)) };
        let from = covered(from).ok_or_else(|| wrong(name))?;
        let to = covered(to).ok_or_else(|| wrong(name))?;
        narrow(&mut span, Some(from.first), Some(to.day_after));
    }
    Ok(span)
}

#[derive(Clone, Copy)]
enum Bound {
    First,
    After,
    DayAfter,
}

impl Bound {
    const fn of(self, covered: Covered) -> i64 {
        match self {
            Self::First => covered.first,
            Self::After => covered.after,
            Self::DayAfter => covered.day_after,
        }
    }
}

fn narrow(span: &mut TimeSpan, from: Option<i64>, before: Option<i64>) {
    span.from = span.from.max(from);
    span.before = match (span.before, before) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
}

fn covered(value: &str) -> Option<Covered> {
    if value.len() > 10 {
        let (at, time) = timestamp(value)?;
        let (first, after) = (at.as_microsecond(), at.as_microsecond() + 1);
        let day_after = if time == Time::midnight() { first + DAY } else { after };
        return Some(Covered { first, after, day_after });
    }
    let day: Date = value.parse().ok()?;
    // Counted in days: the last day that there is ends after the last moment that there is.
    let days = date(1970, 1, 1).until(day).ok()?.get_days();
    let (first, after) = (i64::from(days) * DAY, (i64::from(days) + 1) * DAY);
    Some(Covered { first, after, day_after: after })
}

/// The moment that a date and a time name, with `T` or a space between them, and the time as it is
/// written. Without a zone it is in UTC.
fn timestamp(value: &str) -> Option<(Timestamp, Time)> {
    const BETWEEN: usize = "YYYY-MM-DD".len();
    // A plus sign that was not escaped arrives as a space, too.
    let written: String = value
        .char_indices()
        .map(|(place, c)| if c == ' ' && place != BETWEEN { '+' } else { c })
        .collect();
    let pieces = Pieces::parse(&written).ok().filter(|it| it.time_zone_annotation().is_none())?;
    let time = pieces.time()?;
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    Some((offset.to_timestamp(pieces.date().to_datetime(time)).ok()?, time))
}

/// The first moment of a day in UTC, or the moment, that a text names: microseconds since 1970.
#[must_use]
pub fn moment(value: &str) -> Option<i64> {
    covered(value).map(|covered| covered.first)
}

/// The day a text names: a date, or the day of a timestamp in UTC.
pub(crate) fn day(value: &str) -> Option<Date> {
    if value.len() > 10 {
        return Some(Offset::UTC.to_datetime(timestamp(value)?.0).date());
    }
    value.parse().ok()
}

fn wrong(name: &str) -> ApiError {
    ApiError::bad_request(vec![ErrorItem::field("invalid", name.to_owned(), WRONG)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-06-26T00:00:00Z.
    const FIRST: i64 = 1_719_360_000_000_000;

    #[test]
    fn spans_follow_the_operators() {
        for (query, from, before) in [
            ("created_at=2024-06-26", Some(FIRST), Some(FIRST + DAY)),
            ("created_at__gt=2024-06-26", Some(FIRST + DAY), None),
            ("created_at__gte=2024-06-26", Some(FIRST), None),
            ("created_at__lt=2024-06-26", None, Some(FIRST)),
            ("created_at__lte=2024-06-26", None, Some(FIRST + DAY)),
            ("created_at__range=2024-06-25,2024-06-26", Some(FIRST - DAY), Some(FIRST + DAY)),
            (
                "created_at__range=2024-06-25&created_at__range=2024-06-26",
                Some(FIRST - DAY),
                Some(FIRST + DAY),
            ),
            ("created_at__gte=2024-06-26T00:00:00+00:00", Some(FIRST), None),
            ("created_at__gte=2024-06-26T00:00:00%2B00:00", Some(FIRST), None),
            ("created_at__gt=2024-06-26T00:00:00Z", Some(FIRST + 1), None),
            ("created_at__gte=2024-06-25&created_at__gt=2024-06-25", Some(FIRST), None),
            ("page=1", None, None),
            // What Python writes: a space between, and no zone.
            ("created_at__gte=2024-06-26T00:00:00", Some(FIRST), None),
            ("created_at__gte=2024-06-26+00%3A00%3A00", Some(FIRST), None),
            ("created_at__lt=2024-06-26 00:00:00.000007", None, Some(FIRST + 7)),
            ("created_at__gte=2024-06-25+19%3A00%3A00.000001-05%3A00", Some(FIRST + 1), None),
            ("created_at__gte=2024-06-26+02:00:00%2B02%3A00", Some(FIRST), None),
            ("created_at__gte=2024-06-26+02:00:00+02:00", Some(FIRST), None),
            // What PHP writes for a day.
            ("created_at=2024-06-26T00:00:00%2B00:00", Some(FIRST), Some(FIRST + DAY)),
            ("created_at__lte=2024-06-26T00:00:00.000Z", None, Some(FIRST + DAY)),
            (
                "created_at__range=2024-06-25T00:00:00Z,2024-06-26T00:00:00Z",
                Some(FIRST - DAY),
                Some(FIRST + DAY),
            ),
            (
                "created_at=2024-06-26T00:00:00-05:00",
                Some(FIRST + DAY * 5 / 24),
                Some(FIRST + DAY * 29 / 24),
            ),
            ("created_at__lt=2024-06-26T00:00:00Z", None, Some(FIRST)),
            ("created_at__lte=2024-06-26T00:00:01Z", None, Some(FIRST + 1_000_001)),
            ("created_at=2024-06-26T00:00:00.000001Z", Some(FIRST + 1), Some(FIRST + 2)),
        ] {
            let span = created(&Query::parse(query)).unwrap();
            assert_eq!(span, TimeSpan { from, before }, "{query}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for query in [
            "created_at=26/06/2024",
            "created_at__range=2024-06-26",
            "created_at__lt=x",
            "created_at__lt=2024-06-26T00:00:00[America/Bogota]",
            "created_at__lt=2024-06-26T00:00:00-05:00[America/Bogota]",
            "created_at__lt=2024-06-26 00:00:00 or so",
            "created_at__lt=2024-06-26T25:00:00",
            "created_at__lt=+002024-06-26",
            "created_at__lt=2024-06-2ñ 00:00",
        ] {
            assert!(created(&Query::parse(query)).is_err(), "{query}");
        }
    }

    #[test]
    fn a_day_is_named_by_a_timestamp_too() {
        for (value, day) in [
            ("2026-05-01", Some("2026-05-01")),
            ("2026-05-01T00:00:00", Some("2026-05-01")),
            ("2026-05-01 00:00:00", Some("2026-05-01")),
            ("2026-05-01T23:00:00-05:00", Some("2026-05-02")),
            ("2026-05-01 ", None),
        ] {
            assert_eq!(super::day(value), day.map(|day| day.parse().unwrap()), "{value}");
        }
    }
}
