//! On which terms a link is kept: how often it is filled again, how long its document is stored,
//! how long what was loaded for it lives (contract sections 6.2 to 6.4).

use std::fmt;
use std::time::Duration;

use vinculo_store::Micros;

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Days that what was loaded lives when a link does not say (contract 9, row 17).
const DEFAULT_STALE_DAYS: u16 = 365;

/// How often a recurrent link is filled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshRate {
    SixHours,
    TwelveHours,
    Daily,
    Weekly,
    Monthly,
}

impl RefreshRate {
    pub(crate) const ALL: [Self; 5] =
        [Self::SixHours, Self::TwelveHours, Self::Daily, Self::Weekly, Self::Monthly];

    /// The wire's word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SixHours => "6h",
            Self::TwelveHours => "12h",
            Self::Daily => "24h",
            Self::Weekly => "7d",
            Self::Monthly => "30d",
        }
    }

    /// The rate the wire calls `text`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.as_str() == text)
    }

    pub(crate) const fn hours(self) -> u64 {
        match self {
            Self::SixHours => 6,
            Self::TwelveHours => 12,
            Self::Daily => 24,
            Self::Weekly => 7 * 24,
            Self::Monthly => 30 * 24,
        }
    }

    /// When a link filled at `now` is filled again. `random` spreads links that were made together:
    /// up to a twentieth of the rate early, never late.
    pub(crate) fn next(self, now: Micros, random: u64) -> Micros {
        let rate = Duration::from_secs(self.hours() * 60 * 60);
        let spread = u64::try_from(rate.as_micros() / 20).unwrap_or(u64::MAX);
        after(now, rate).saturating_sub_unsigned(random % spread)
    }
}

/// How long the document of a link is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// As long as the link.
    Store,
    /// Until the first load is over.
    NoStore,
    /// For so many days.
    Days(u16),
}

impl Storage {
    /// Default of a single link (contract 3.3.3).
    pub(crate) const SINGLE: Self = Self::Days(365);

    /// `store`, `nostore`, or `1d` to `365d`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "store" => Some(Self::Store),
            "nostore" => Some(Self::NoStore),
            other => days(other).filter(|days| *days <= 365).map(Self::Days),
        }
    }

    /// When a document stored at `now` is erased; `None` when no time is set.
    pub(crate) fn ends(self, now: Micros) -> Option<Micros> {
        match self {
            Self::Store | Self::NoStore => None,
            Self::Days(days) => Some(after(now, DAY * u32::from(days))),
        }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store => f.write_str("store"),
            Self::NoStore => f.write_str("nostore"),
            Self::Days(days) => write!(f, "{days}d"),
        }
    }
}

/// `<n>d`, one to three digits, at least one day.
pub(crate) fn days(text: &str) -> Option<u16> {
    let digits = text.strip_suffix('d').filter(|digits| (1..=3).contains(&digits.len()))?;
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|days| all_digits && *days > 0)
}

/// When what was loaded at `now` is erased.
pub(crate) fn stale_at(now: Micros, stale_in: Option<&str>) -> Micros {
    after(now, DAY * u32::from(stale_in.and_then(days).unwrap_or(DEFAULT_STALE_DAYS)))
}

/// A moment and a while.
pub(crate) fn after(now: Micros, wait: Duration) -> Micros {
    now.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
}

/// A moment that is a while ago.
pub(crate) fn before(now: Micros, wait: Duration) -> Micros {
    now.saturating_sub(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_of_the_wire() {
        for (text, storage) in [
            ("store", Some(Storage::Store)),
            ("nostore", Some(Storage::NoStore)),
            ("1d", Some(Storage::Days(1))),
            ("365d", Some(Storage::Days(365))),
            ("366d", None),
            ("0d", None),
            ("000d", None),
            ("+1d", None),
            ("d", None),
            ("1000d", None),
            ("STORE", None),
        ] {
            assert_eq!(Storage::parse(text), storage, "{text}");
            if let Some(storage) = storage {
                assert_eq!(storage.to_string(), text);
            }
        }
        for rate in RefreshRate::ALL {
            assert_eq!(RefreshRate::parse(rate.as_str()), Some(rate));
        }
        assert_eq!(RefreshRate::parse("8h"), None);
    }

    proptest! {
        /// Nobody's data is older than the rate promises, and nobody is asked much too often.
        #[test]
        fn a_refresh_is_never_late_and_hardly_early(
            now in 0_i64..4_000_000_000_000_000,
            random: u64,
            rate in prop::sample::select(RefreshRate::ALL.to_vec()),
        ) {
            let wait = rate.next(now, random) - now;
            let whole = i64::try_from(rate.hours()).unwrap() * 3_600_000_000;
            prop_assert!(wait <= whole && wait > whole - whole / 20, "{wait} of {whole}");
        }
    }
}
