//! The order of the records of a planilla, and what the header and the detail say of each other.

use super::detail::DetailCheck;
use super::header::{self, HeaderFacts};
use super::totals::Totals;
use crate::planilla::finding::{Cell, Findings, Place, Severity};
use crate::planilla::layout::{DETAIL, HEADER, HEADER_LENGTH};
use crate::planilla::lines::Line;
use crate::planilla::report::{FileKind, Report, Summary};
use crate::planilla::rule::{Rule, Section};
use crate::planilla::scalar;
use crate::planilla::view::{Detail, Header};

/// Where in the file the check stands.
#[derive(Debug, Default)]
pub(super) struct PlanillaCheck {
    /// A line had the tag of a record.
    tagged: bool,
    /// Line and tag of the first record.
    first: Option<(u64, Vec<u8>)>,
    /// Line of the first header.
    header_line: Option<u64>,
    /// The first header, when its length is right.
    header: Option<HeaderFacts>,
    sequence: Sequence,
    /// Length of the first detail line, padding included.
    line_length: Option<usize>,
    /// Length of the first detail record.
    record_length: Option<usize>,
    /// A record could not be read, so that totals prove nothing.
    incomplete: bool,
    detail: DetailCheck,
    totals: Totals,
}

impl PlanillaCheck {
    /// Takes the next record.
    pub(super) fn record(&mut self, line: &Line<'_>, findings: &mut Findings) {
        self.first.get_or_insert_with(|| (line.number, tag(line, Section::Header).raw.to_vec()));
        match line.bytes {
            [b'0', b'1', ..] => self.header(line, findings),
            [b'0', b'2', ..] => self.detail(line, findings),
            _ => {
                findings.error(Rule::RecordType, &tag(line, Section::Detail), "01 or 02");
                self.sequence.skip();
                self.incomplete = true;
            }
        }
    }

    fn header(&mut self, line: &Line<'_>, findings: &mut Findings) {
        self.tagged = true;
        if self.header_line.is_some() {
            findings.error(Rule::SecondHeader, &tag(line, Section::Header), "one header per file");
            self.sequence.restart();
            self.incomplete = true;
            return;
        }
        self.header_line = Some(line.number);
        if self.sequence.position > 0 {
            let expected = "the header before the detail";
            findings.error(Rule::HeaderNotFirst, &tag(line, Section::Header), expected);
        }
        match Header::new(line.bytes) {
            Some(header) => self.header = Some(header::check(line.number, header, findings)),
            None => wrong_length(line, &format!("{HEADER_LENGTH} characters"), findings),
        }
    }

    fn detail(&mut self, line: &Line<'_>, findings: &mut Findings) {
        self.tagged = true;
        self.sequence.check(line, findings);
        let Some(detail) = Detail::new(line.bytes) else {
            wrong_length(line, "676, 686 or 693 characters", findings);
            self.incomplete = true;
            return;
        };
        let length = *self.line_length.get_or_insert(line.bytes.len());
        self.record_length.get_or_insert(detail.bytes().len());
        if length != line.bytes.len() {
            let expected = format!("{length} characters, as in the records before");
            wrong_length(line, &expected, findings);
        }
        let sound = self.detail.check(line.number, detail, self.header.as_ref(), findings);
        self.incomplete |= !sound;
        self.totals.add(line.number, detail);
    }

    /// What only the end of the file tells.
    pub(super) fn finish(mut self, findings: &mut Findings) -> Report {
        self.compare(findings);
        Report {
            kind: self.tagged.then_some(FileKind::Planilla),
            summary: self.summary(),
            ..Report::empty()
        }
    }

    /// Compares the records with each other.
    fn compare(&mut self, findings: &mut Findings) {
        let Some(header_line) = self.header_line else {
            if let Some((line, raw)) = &self.first {
                let cell = Cell { line: *line, section: Section::Header, field: &HEADER[0], raw };
                findings.error(Rule::MissingHeader, &cell, "01");
            }
            return;
        };
        if self.sequence.position == 0 {
            let place = Place::line(header_line);
            let (found, expected) = ("no detail", "at least one detail record");
            findings.place(Severity::Error, Rule::NoDetail, place, found, expected);
            return;
        }
        self.detail.finish(findings);
        if let Some(header) = &self.header {
            self.totals.check_corrections(header, findings);
            if !self.incomplete {
                self.totals.check_header(header, findings);
                self.totals.check_months(header, findings);
            }
        }
    }

    fn summary(&self) -> Option<Summary> {
        let header = self.header.as_ref()?.view();
        Some(Summary {
            payer_kind: header.filled::<21>(),
            planilla_kind: header.planilla_kind(),
            period: header.period(),
            numbered: header.planilla_number().is_some(),
            paid_on: header.paid_on(),
            workers: self.totals.workers(),
            lines: self.totals.lines(),
            payroll_total: self.totals.payroll(),
            record_length: self.record_length.and_then(|length| u16::try_from(length).ok()),
        })
    }
}

fn tag<'a>(line: &Line<'a>, section: Section) -> Cell<'a> {
    let field = match section {
        Section::Detail => &DETAIL[0],
        Section::Header | Section::Payer => &HEADER[0],
    };
    Cell { line: line.number, section, field, raw: line.bytes.get(..2).unwrap_or(line.bytes) }
}

fn wrong_length(line: &Line<'_>, expected: &str, findings: &mut Findings) {
    let found = format!("{} characters", line.length);
    let place = Place::line(line.number);
    findings.place(Severity::Error, Rule::RecordLength, place, found, expected);
}

/// The sequence numbers of the detail (field 2).
///
/// A number is right when it is the position of its record or follows the number before: one slip
/// gives one finding and not one on every later line.
#[derive(Debug, Default)]
struct Sequence {
    position: u64,
    previous: Option<u64>,
    restarted: bool,
}

impl Sequence {
    /// A record without a readable number.
    fn skip(&mut self) {
        self.position += 1;
    }

    /// Whatever comes next is taken as it is.
    fn restart(&mut self) {
        self.restarted = true;
    }

    fn check(&mut self, line: &Line<'_>, findings: &mut Findings) {
        self.position += 1;
        let field = &DETAIL[1];
        let raw = line.bytes.get(field.range()).unwrap_or_default();
        let found = scalar::digits(raw);
        if let (true, Some(found)) = (std::mem::take(&mut self.restarted), found) {
            self.position = found;
            self.previous = Some(found);
            return;
        }
        let follows = found.is_some() && found == self.previous.map(|previous| previous + 1);
        if found != Some(self.position) && !follows {
            let cell = Cell { line: line.number, section: Section::Detail, field, raw };
            findings.error(Rule::Sequence, &cell, &format!("{:05}", self.position));
        }
        self.previous = found;
    }
}
