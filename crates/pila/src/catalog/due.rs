//! When a planilla falls due.

use std::sync::LazyLock;

use super::table::{Record, Row, records};

/// A range of endings of a document and their day.
struct DueDay {
    from: u8,
    to: u8,
    business_day: u8,
}

impl Record for DueDay {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            from: row.parsed("nit_last_two_from")?,
            to: row.parsed("nit_last_two_to")?,
            business_day: row.parsed("business_day_of_month")?,
        })
    }

    fn code(&self) -> &'static str {
        ""
    }
}

static DUE_DAYS: LazyLock<Box<[DueDay]>> =
    LazyLock::new(|| records(include_str!("../../data/catalogs/due_days.tsv")).collect());

/// The business day of the month, from 2 to 16, on which a payer's planilla falls due, by the last
/// two digits of its document without check digit (Decreto 780 de 2016, article 3.2.2.1).
///
/// `None` when the document does not end in digits.
#[must_use]
pub fn due_business_day(document_number: &str) -> Option<u8> {
    let start = document_number.len().saturating_sub(2);
    let ending = document_number.get(start..).filter(|ending| !ending.starts_with('+'));
    let ending: u8 = ending?.parse().ok()?;
    let due = DUE_DAYS.iter().find(|due| (due.from..=due.to).contains(&ending))?;
    Some(due.business_day)
}
