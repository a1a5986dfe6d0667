//! Date filters (contract 2.3): `created_at`, `__gt`, `__gte`, `__lt`, `__lte`, `__range`.
//!
//! A date stands for its whole day in UTC; a full timestamp, as some clients send it, for its
//! microsecond. Several of them hold together.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use vinculo_store::TimeSpan;

use super::query::Query;
use crate::error::{ApiError, ErrorItem};

/// The contract's message for a text that is no date.
pub(crate) const WRONG: &str =
    "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";

/// What one value covers: from its first to after its last microsecond.
#[derive(Clone, Copy)]
struct Covered {
    first: i64,
    after: i64,
}

/// The span that all `created_at` filters of a query leave.
///
/// # Errors
/// 400 `invalid` naming the parameter.
pub(crate) fn created(query: &Query) -> Result<TimeSpan, ApiError> {
    let mut span = TimeSpan::default();
    for (suffix, takes_first, takes_last) in [
        ("", Some(Bound::First), Some(Bound::After)),
        ("__gt", Some(Bound::After), None),
        ("__gte", Some(Bound::First), None),
        ("__lt", None, Some(Bound::First)),
        ("__lte", None, Some(Bound::After)),
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
        narrow(&mut span, Some(from.first), Some(to.after));
    }
    Ok(span)
}

#[derive(Clone, Copy)]
enum Bound {
    First,
    After,
}

impl Bound {
    const fn of(self, covered: Covered) -> i64 {
        match self {
            Self::First => covered.first,
            Self::After => covered.after,
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
        // A plus sign that was not escaped arrives as a space.
        let at: Timestamp = value.replace(' ', "+").parse().ok()?;
        return Some(Covered { first: at.as_microsecond(), after: at.as_microsecond() + 1 });
    }
    let day: Date = value.parse().ok()?;
    let micros = |day: Date| Some(Offset::UTC.to_timestamp(day.into()).ok()?.as_microsecond());
    Some(Covered { first: micros(day)?, after: micros(day.tomorrow().ok()?)? })
}

/// The first moment of a day, or the moment, that a text names.
pub(crate) fn moment(value: &str) -> Option<i64> {
    covered(value).map(|covered| covered.first)
}

/// The day a text names: a date, or the day of a timestamp in UTC.
pub(crate) fn day(value: &str) -> Option<Date> {
    if value.len() > 10 {
        let at: Timestamp = value.replace(' ', "+").parse().ok()?;
        return Some(Offset::UTC.to_datetime(at).date());
    }
    value.parse().ok()
}

fn wrong(name: &str) -> ApiError {
    ApiError::bad_request(vec![ErrorItem::field("invalid", name.to_owned(), WRONG)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;
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
        ] {
            let span = created(&Query::parse(query)).unwrap();
            assert_eq!(span, TimeSpan { from, before }, "{query}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for query in ["created_at=26/06/2024", "created_at__range=2024-06-26", "created_at__lt=x"] {
            assert!(created(&Query::parse(query)).is_err(), "{query}");
        }
    }
}
