//! Codes of places and administrators in the detail. Administrators merge and rename, so that a code
//! the lists do not have is a warning.

use std::ops::Range;

use super::detail::RecordCheck;
use super::field;
use crate::Month;
use crate::catalog::{self, Entity, WorkerType};
use crate::planilla::finding::Findings;
use crate::planilla::layout::{DETAIL, detail_span};
use crate::planilla::rule::Rule;
use crate::planilla::text::is_blank;

/// A list of codes and the field that takes them.
struct List {
    field: usize,
    name: &'static str,
    find: fn(&str) -> Option<&'static Entity>,
}

const LISTS: [List; 4] = [
    List { field: 31, name: "pension funds", find: catalog::pension_fund },
    List { field: 33, name: "health providers", find: catalog::health_provider },
    List { field: 35, name: "family funds", find: catalog::family_fund },
    List { field: 77, name: "work-risk insurers", find: catalog::risk_insurer },
];

/// The check of the codes, which are mostly those of the line before.
#[derive(Debug, Default)]
pub(super) struct Codes {
    known: [[u8; 6]; LISTS.len()],
    place: [u8; PLACE.end - PLACE.start],
}

/// The bytes of department and municipality, fields 9 and 10.
const PLACE: Range<usize> = detail_span(9, 10);

impl Codes {
    /// Checks the codes of one record. `month` is that of the planilla, the same for all its records.
    pub(super) fn check(
        &mut self,
        record: &RecordCheck<'_>,
        worker: Option<&WorkerType>,
        month: Option<Month>,
        findings: &mut Findings,
    ) {
        self.place_of_work(record, worker, findings);
        self.administrators(record, month, findings);
    }

    fn place_of_work(
        &mut self,
        record: &RecordCheck<'_>,
        worker: Option<&WorkerType>,
        findings: &mut Findings,
    ) {
        let raw = record.detail.bytes().get(PLACE).unwrap_or_default();
        if raw == self.place {
            return;
        }
        let known = catalog::municipality(field::code(raw)).is_some();
        if let (true, Some(&place)) = (known, raw.first_chunk()) {
            self.place = place;
            return;
        }
        let (department, municipality) = (record.cell::<9>(), record.cell::<10>());
        let free = record.detail.raw::<8>() == b"X" || worker.is_some_and(|kind| kind.code == "40");
        for cell in [&department, &municipality] {
            if is_blank(cell.raw) && !free {
                findings.warn(Rule::Required, cell, "a DIVIPOLA code");
            }
        }
        field::expect_place(&department, &municipality, findings);
    }

    fn administrators(
        &mut self,
        record: &RecordCheck<'_>,
        month: Option<Month>,
        findings: &mut Findings,
    ) {
        for (list, known) in LISTS.iter().zip(&mut self.known) {
            let raw = record.detail.field(&DETAIL[list.field - 1]);
            let Some(&code) = raw.first_chunk::<6>() else {
                continue;
            };
            if code == *known || code == [b' '; 6] {
                continue;
            }
            let cell = record.cell_of(list.field);
            match (list.find)(field::code(raw)) {
                Some(entity) if month.is_none_or(|month| entity.validity.holds_in(month)) => {
                    *known = code;
                }
                Some(entity) => field::expect_in_force(&cell, entity.validity, month, findings),
                None => field::expect_listed(&cell, list.name, |_| false, findings),
            }
        }
    }
}
