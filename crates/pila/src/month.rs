//! A calendar month.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A calendar month, written `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Month {
    /// Months since January of year 0.
    index: i32,
}

/// Text that is not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a month: expected YYYY-MM with a year from 1900 to 2199")]
pub struct InvalidMonth(String);

impl Month {
    /// The month `month` (1–12) of `year` (1900–2199), if there is one.
    #[must_use]
    pub const fn new(year: i32, month: u32) -> Option<Self> {
        if year < 1900 || year > 2199 || month == 0 || month > 12 {
            return None;
        }
        Some(Self { index: year * 12 + month as i32 - 1 })
    }

    /// The month a day falls in.
    #[must_use]
    pub fn of(date: jiff::civil::Date) -> Option<Self> {
        Self::new(i32::from(date.year()), date.month().unsigned_abs().into())
    }

    /// The calendar year.
    #[must_use]
    pub const fn year(self) -> i32 {
        self.index.div_euclid(12)
    }

    /// The month of the year, 1–12.
    #[must_use]
    pub const fn month(self) -> u32 {
        self.index.rem_euclid(12) as u32 + 1
    }

    /// The month `months` later (earlier when negative).
    #[must_use]
    pub const fn plus(self, months: i32) -> Self {
        Self { index: self.index + months }
    }

    /// Calendar months from `earlier` to `self`; 0 for the same month.
    #[must_use]
    pub const fn months_since(self, earlier: Self) -> i32 {
        self.index - earlier.index
    }

    /// `year × 100 + month`, a form that sorts and stores as an integer.
    #[must_use]
    pub const fn to_yyyymm(self) -> i64 {
        (self.year() * 100 + self.month() as i32) as i64
    }

    /// The month written as `year × 100 + month`, if it is one.
    #[must_use]
    pub fn from_yyyymm(value: i64) -> Option<Self> {
        let year = i32::try_from(value / 100).ok()?;
        Self::new(year, u32::try_from(value % 100).ok()?)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (year, month) = text.split_once('-')?;
            let digits = |s: &str, n| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
            if !digits(year, 4) || !digits(month, 2) {
                return None;
            }
            Self::new(year.parse().ok()?, month.parse().ok()?)
        };
        parse().ok_or_else(|| InvalidMonth(text.to_owned()))
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
