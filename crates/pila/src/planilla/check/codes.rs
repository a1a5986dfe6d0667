//! Codes of administrators in the detail. Administrators merge and rename, so that a code the
//! lists do not have is a warning.

use super::detail::RecordCheck;
use super::field;
use crate::catalog;
use crate::planilla::finding::Findings;
use crate::planilla::layout::DETAIL;

/// A list of codes and the field that takes them.
struct List {
    field: usize,
    name: &'static str,
    has: fn(&str) -> bool,
}

const LISTS: [List; 4] = [
    List { field: 31, name: "pension funds", has: |code| catalog::pension_fund(code).is_some() },
    List {
        field: 33,
        name: "health providers",
        has: |code| catalog::health_provider(code).is_some(),
    },
    List { field: 35, name: "family funds", has: |code| catalog::family_fund(code).is_some() },
    List {
        field: 77,
        name: "work-risk insurers",
        has: |code| catalog::risk_insurer(code).is_some(),
    },
];

/// The check of the codes, which are mostly those of the line before.
#[derive(Debug, Default)]
pub(super) struct Codes {
    known: [[u8; 6]; LISTS.len()],
}

impl Codes {
    /// Checks the codes of one record.
    pub(super) fn check(&mut self, record: &RecordCheck<'_>, findings: &mut Findings) {
        for (list, known) in LISTS.iter().zip(&mut self.known) {
            let raw = record.detail.field(&DETAIL[list.field - 1]);
            let Some(&code) = raw.first_chunk::<6>() else {
                continue;
            };
            if code == *known || code == [b' '; 6] {
                continue;
            }
            if (list.has)(field::code(raw)) {
                *known = code;
            } else {
                let cell = record.cell_of(list.field);
                field::expect_listed(&cell, list.name, |_| false, findings);
            }
        }
    }
}
