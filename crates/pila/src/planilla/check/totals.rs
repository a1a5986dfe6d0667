//! What the header claims about the detail: workers and payroll. And the pairs of a correction.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, btree_map};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use super::header::HeaderFacts;
use super::month::PersonMonth;
use crate::planilla::finding::{Cell, Findings, Severity};
use crate::planilla::layout::{DETAIL, detail_span};
use crate::planilla::rule::{Rule, Section};
use crate::planilla::view::Detail;

/// Kind and number of a document, fields 3 and 4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Person([u8; PERSON.end - PERSON.start]);

impl Person {
    /// The same document in its normal form ([`Document::normal`](crate::Document::normal)).
    fn normal(mut self) -> Self {
        self.0.make_ascii_uppercase();
        let (kind, number) = self.0.split_at_mut(KIND);
        let zeros = number.iter().take_while(|&&byte| byte == b'0').count();
        let filled = number.get(zeros).is_some_and(|&byte| byte != b' ');
        if zeros > 0 && filled && matches!(*kind, [b'C', b'C'] | [b'N', b'I']) {
            number.rotate_left(zeros);
            number.iter_mut().rev().take(zeros).for_each(|byte| *byte = b' ');
        }
        self
    }
}

impl Hash for Person {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // All are equally long: the length that an array adds says nothing.
        state.write(&self.0);
    }
}

// Whose document it is stays out of what is printed.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(…)")
    }
}

/// The bytes of fields 3 and 4.
const PERSON: Range<usize> = detail_span(3, 4);

/// Characters of field 3.
const KIND: usize = DETAIL[2].range().end - DETAIL[2].range().start;

/// People remembered: one more than lines can be numbered. A file with more is refused for its
/// sequence, and cannot make the check remember without end.
const MOST_PEOPLE: usize = 100_000;

/// Lines of one person in a correction.
#[derive(Debug, Default, Clone, Copy)]
struct Pair {
    first_as_paid: Option<u64>,
    first_as_corrected: Option<u64>,
}

/// Sums over the detail.
#[derive(Debug, Default)]
pub(in crate::planilla) struct Totals {
    lines: u32,
    /// Workers without beneficiaries (worker kind 40), by their documents in normal form.
    people: HashMap<Person, usize>,
    /// Their documents written otherwise.
    written_otherwise: BTreeSet<Person>,
    /// The month of each of them, in the order in which they come: lines of one person mostly
    /// stand together, and a walk along this list is cheaper than one through the map.
    months: Vec<PersonMonth>,
    /// The person of the line before.
    previous: Option<(Person, usize)>,
    corrections: BTreeMap<Person, Pair>,
    payroll: u64,
    payroll_as_paid: u64,
}

impl Totals {
    /// Takes the next detail record.
    pub(in crate::planilla) fn add(&mut self, line: u64, detail: Detail<'_>) {
        self.lines = self.lines.saturating_add(1);
        let base = detail.digits::<45>().unwrap_or_default();
        self.payroll = self.payroll.saturating_add(base);
        let Some(&person) = detail.bytes().get(PERSON).and_then(|raw| raw.first_chunk()) else {
            return;
        };
        let written = Person(person);
        let person = written.normal();
        if detail.raw::<5>() != b"40" {
            self.month_of(line, person, &detail);
            self.writing_of(written, person);
        }
        match detail.raw::<22>() {
            b"A" => {
                self.payroll_as_paid = self.payroll_as_paid.saturating_add(base);
                self.correction(person, |pair| &mut pair.first_as_paid, line);
            }
            b"C" => self.correction(person, |pair| &mut pair.first_as_corrected, line),
            _ => {}
        }
    }

    fn month_of(&mut self, line: u64, person: Person, detail: &Detail<'_>) {
        let at = match self.previous {
            Some((previous, at)) if previous == person => at,
            _ => {
                let Some(at) = self.place_of(person) else { return };
                self.previous = Some((person, at));
                at
            }
        };
        if detail.raw::<22>() != b"A"
            && let Some(month) = self.months.get_mut(at)
        {
            month.add(line, detail);
        }
    }

    /// Remembers how the document of the person of the line before is written.
    fn writing_of(&mut self, written: Person, person: Person) {
        if written != person {
            if self.written_otherwise.len() < MOST_PEOPLE {
                self.written_otherwise.insert(written);
            }
        } else if let Some((_, at)) = self.previous
            && let Some(month) = self.months.get_mut(at)
        {
            month.written_normally = true;
        }
    }

    /// How many workers a writer has that takes two forms of a document for two people.
    fn documents_written(&self) -> usize {
        let normal = self.months.iter().filter(|month| month.written_normally).count();
        normal + self.written_otherwise.len()
    }

    /// Where the month of a person stands; `None` for a new one when too many are known.
    fn place_of(&mut self, person: Person) -> Option<usize> {
        let next = self.months.len();
        match self.people.entry(person) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(_) if next >= MOST_PEOPLE => None,
            Entry::Vacant(slot) => {
                self.months.push(PersonMonth::default());
                Some(*slot.insert(next))
            }
        }
    }

    fn correction(
        &mut self,
        person: Person,
        side: impl FnOnce(&mut Pair) -> &mut Option<u64>,
        line: u64,
    ) {
        let full = self.corrections.len() >= MOST_PEOPLE;
        match self.corrections.entry(person) {
            btree_map::Entry::Occupied(known) => side(known.into_mut()).get_or_insert(line),
            btree_map::Entry::Vacant(_) if full => return,
            btree_map::Entry::Vacant(slot) => {
                side(slot.insert(Pair::default())).get_or_insert(line)
            }
        };
    }

    /// Checks what the lines of each person say together.
    pub(super) fn check_months(&self, header: &HeaderFacts, findings: &mut Findings) {
        for month in &self.months {
            month.check(header, findings);
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
    pub(super) fn check_header(&self, header: &HeaderFacts, findings: &mut Findings) {
        let contributors = header.view().number::<19>();
        if let Some(count) = contributors.filter(|&count| count != u64::from(self.workers())) {
            let as_written = usize::try_from(count) == Ok(self.documents_written());
            let severity = if as_written { Severity::Warning } else { Severity::Error };
            let expected = format!("{:05}, the workers of the detail", self.workers());
            let cell = header.cell::<19>();
            findings.cell(severity, Rule::HeaderTotalContributors, &cell, &expected);
        }
        let Some(claimed) = header.view().number::<20>() else {
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
    pub(super) fn check_corrections(&self, header: &HeaderFacts, findings: &mut Findings) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Document, DocumentKind};

    #[test]
    fn people_are_told_apart_as_everywhere_else() {
        for kind in [DocumentKind::Cc, DocumentKind::Nit, DocumentKind::Pa, DocumentKind::Ce] {
            for number in ["0", "000", "0012", "12", "ab1", "00x", "1002"] {
                let mut bytes = [b' '; PERSON.end - PERSON.start];
                let written = format!("{}{number}", kind.code());
                bytes[..written.len()].copy_from_slice(written.as_bytes());
                let Document { kind, number } = Document::new(kind, number).normal();
                let normal = Person(bytes).normal().0;
                let expected = format!("{}{number}", kind.code());
                assert_eq!(String::from_utf8_lossy(&normal).trim_end(), expected);
            }
        }
    }
}
