//! From when to when an entry of a list applies.

use jiff::civil::Date;

use super::table::Row;
use crate::Month;

/// First and last day on which an entry of a list applies, as far as its sources tell: an open end
/// is `None`.
///
/// An administrator's last day is that of the month whose official list no longer has it among
/// those that take contributions; it may have stopped before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub to: Option<Date>,
}

impl Validity {
    pub(super) fn read(row: &Row) -> Option<Self> {
        Some(Self {
            from: row.optional_parsed("valid_from")?,
            to: row.optional_parsed("valid_to")?,
        })
    }

    /// Whether it applies on a day.
    #[must_use]
    pub fn holds_on(self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    /// Whether it applies on any day of a month.
    #[must_use]
    pub fn holds_in(self, month: Month) -> bool {
        let starts = self.from.and_then(Month::of).is_none_or(|m| m <= month);
        starts && self.to.and_then(Month::of).is_none_or(|m| month <= m)
    }
}
