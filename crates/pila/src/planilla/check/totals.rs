//! What the header claims about the detail: workers and payroll. And the pairs of a correction.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::header::HeaderFacts;
use crate::planilla::finding::{Cell, Findings, Severity};
use crate::planilla::layout::{DETAIL, DETAIL_LENGTHS, detail_span};
use crate::planilla::rule::{Rule, Section};
use crate::planilla::scalar;
use crate::planilla::view::Detail;

/// Kind and number of a document as filed, fields 3 and 4.
type Person = [u8; PERSON.end - PERSON.start];

/// The bytes of fields 3 and 4.
const PERSON: Range<usize> = detail_span(3, 4);

/// Lines of one person in a correction.
#[derive(Debug, Default, Clone, Copy)]
struct Pair {
    first_as_paid: Option<u64>,
    first_as_corrected: Option<u64>,
}

/// Sums over the detail.
#[derive(Debug)]
pub(in crate::planilla) struct Totals {
    lines: u32,
    /// Workers without beneficiaries (worker kind 40).
    people: HashSet<Person>,
    /// The person of the line before: lines of one person stand together.
    previous: Option<Person>,
    corrections: BTreeMap<Person, Pair>,
    payroll: u64,
    payroll_as_paid: u64,
}

impl Totals {
    /// Totals with room for the people of a file of this size.
    pub(in crate::planilla) fn for_file_of(bytes: usize) -> Self {
        Self {
            lines: 0,
            people: HashSet::with_capacity(bytes / DETAIL_LENGTHS[2]),
            previous: None,
            corrections: BTreeMap::new(),
            payroll: 0,
            payroll_as_paid: 0,
        }
    }

    /// Takes the next detail record.
    pub(in crate::planilla) fn add(&mut self, line: u64, detail: Detail<'_>) {
        self.lines = self.lines.saturating_add(1);
        let base = scalar::digits(detail.raw::<45>()).unwrap_or_default();
        self.payroll = self.payroll.saturating_add(base);
        let Some(&person) = detail.bytes().get(PERSON).and_then(|raw| raw.first_chunk()) else {
            return;
        };
        if detail.raw::<5>() != b"40" && self.previous != Some(person) {
            self.people.insert(person);
            self.previous = Some(person);
        }
        match detail.raw::<22>() {
            b"A" => {
                self.payroll_as_paid = self.payroll_as_paid.saturating_add(base);
                self.corrections.entry(person).or_default().first_as_paid.get_or_insert(line);
            }
            b"C" => {
                self.corrections.entry(person).or_default().first_as_corrected.get_or_insert(line);
            }
            _ => {}
        }
    }

    /// Detail records.
    pub(super) fn lines(&self) -> u32 {
        self.lines
    }

    /// Distinct workers.
    pub(in crate::planilla) fn workers(&self) -> u32 {
        u32::try_from(self.people.len()).unwrap_or(u32::MAX)
    }

    /// Sum of field 45 without the lines of a correction as they were paid.
    pub(in crate::planilla) fn payroll(&self) -> i64 {
        i64::try_from(self.payroll - self.payroll_as_paid).unwrap_or(i64::MAX)
    }

    /// Compares header fields 19 and 20 with the detail.
    pub(super) fn check_header(&self, header: &HeaderFacts<'_>, findings: &mut Findings) {
        let contributors = header.view.number::<19>();
        if contributors.is_some_and(|count| count != u64::from(self.workers())) {
            let expected = format!("{:05}, the workers of the detail", self.workers());
            findings.error(Rule::HeaderTotalContributors, &header.cell::<19>(), &expected);
        }
        let Some(claimed) = header.view.number::<20>() else {
            return;
        };
        let corrected = self.payroll - self.payroll_as_paid;
        let mut difference = claimed.abs_diff(corrected);
        if header.corrects() {
            // The regulation does not say whether the lines as paid are counted.
            difference = difference.min(claimed.abs_diff(self.payroll));
        }
        if difference > 0 {
            // Some writers add bases before rounding them up, at most a peso a line.
            let rounding = difference <= u64::from(self.lines);
            let severity = if rounding { Severity::Warning } else { Severity::Error };
            let expected = format!("{corrected:012}, the sum of detail field 45");
            findings.cell(severity, Rule::HeaderPayrollTotal, &header.cell::<20>(), &expected);
        }
    }

    /// Checks that nobody has lines as paid without lines as corrected. The reverse is a warning:
    /// corrected lines stand for themselves.
    pub(super) fn check_corrections(&self, header: &HeaderFacts<'_>, findings: &mut Findings) {
        if !header.corrects() {
            return;
        }
        for pair in self.corrections.values() {
            let (severity, line, mark, expected) = match pair {
                Pair { first_as_paid: Some(line), first_as_corrected: None } => {
                    (Severity::Error, line, b"A", "lines C of the same person")
                }
                Pair { first_as_paid: None, first_as_corrected: Some(line) } => {
                    (Severity::Warning, line, b"C", "lines A of the same person")
                }
                _ => continue,
            };
            let cell =
                Cell { line: *line, section: Section::Detail, field: &DETAIL[21], raw: mark };
            findings.cell(severity, Rule::CorrectionPair, &cell, expected);
        }
    }
}
