//! The detail record: first the form of every field, then what the field says.

use std::ops::Range;

use super::codes::Codes;
use super::field::{self, Holder};
use super::habits::Habits;
use super::header::HeaderFacts;
use super::novelty;
use super::{agreement, bases};
use crate::catalog::{self, WorkerType};
use crate::planilla::finding::{Cell, Findings};
use crate::planilla::layout::{DETAIL, detail_span};
use crate::planilla::rule::{Rule, Section};
use crate::planilla::scalar::{self, RateText};
use crate::planilla::text::{is_blank, is_lower_case, trim};
use crate::planilla::view::Detail;

/// Fields in digits that some writers leave blank or pad with spaces.
const LOOSE_NUMBERS: [u16; 6] = [58, 60, 62, 69, 71, 73];

/// The bytes of the names, fields 11 to 14.
const NAMES_BLOCK: Range<usize> = detail_span(11, 14);

/// Does the same to several fields. Their numbers are constants, and so are the places where they stand.
macro_rules! each_field {
    ($record:ident.$check:ident($findings:ident) of $($number:literal)*) => {
        $($record.$check::<$number>($findings);)*
    };
    ($record:ident.$check:ident($findings:ident) of $($number:literal $allowed:literal),*) => {
        $($record.$check::<$number>($allowed, $findings);)*
    };
}

/// The check of one detail record after another.
#[derive(Debug, Default)]
pub(super) struct DetailCheck {
    /// The worker kind of the line before, already looked up.
    worker: Option<([u8; 2], &'static WorkerType)>,
    codes: Codes,
    habits: Habits,
}

impl DetailCheck {
    /// Checks a detail record; `header` when the file has one that could be read. Whether its
    /// fields have the form they should have, so that their values can be trusted.
    pub(super) fn check(
        &mut self,
        line: u64,
        detail: Detail<'_>,
        header: Option<&HeaderFacts>,
        findings: &mut Findings,
    ) -> bool {
        let mut record = RecordCheck { line, detail, values: [0; VALUES] };
        let errors = findings.errors;
        record.numbers(findings);
        record.rates(findings);
        record.days(findings);
        record.marks(findings);
        record.dates(findings);
        let sound = errors == findings.errors;
        let worker = self.worker_type(&record, findings);
        record.document(worker, header, findings);
        record.names(findings);
        if let Some(header) = header {
            record.correction_mark(header, findings);
        }
        // What a displaced record seems to say is not worth telling.
        if sound {
            let month = header.and_then(|header| header.figures.month);
            novelty::check(line, &detail, month, findings);
            record.alignment(findings);
            record.subtype(findings);
            self.codes.check(&record, worker, month, findings);
            self.habits.see(&record);
            if let Some(worker) = worker {
                field::expect_in_force(&record.cell::<5>(), worker.validity, month, findings);
                agreement::check(&record, worker, header, findings);
                if let Some(header) = header {
                    bases::check(&record, worker, &header.figures, findings);
                }
            }
        }
        sound
    }

    /// Reports what only the end of the file tells.
    pub(super) fn finish(&self, findings: &mut Findings) {
        self.habits.report(findings);
    }

    fn worker_type(
        &mut self,
        record: &RecordCheck<'_>,
        findings: &mut Findings,
    ) -> Option<&'static WorkerType> {
        let cell = record.cell::<5>();
        let code = *cell.raw.first_chunk::<2>()?;
        if let Some((known, worker)) = self.worker
            && known == code
        {
            return Some(worker);
        }
        let worker = catalog::worker_type(field::code(cell.raw));
        match worker {
            Some(worker) => self.worker = Some((code, worker)),
            None => findings.error(Rule::Catalog, &cell, "a code of the list of worker kinds"),
        }
        worker
    }
}

/// One detail record and its line.
#[derive(Debug)]
pub(super) struct RecordCheck<'a> {
    pub(super) line: u64,
    pub(super) detail: Detail<'a>,
    /// Values of the numeric fields by their number, read once.
    values: [u32; VALUES],
}

/// One more than the number of the last numeric field whose value is kept.
const VALUES: usize = 97;

impl<'a> RecordCheck<'a> {
    /// Field `N` as a cell.
    pub(super) fn cell<const N: usize>(&self) -> Cell<'a> {
        field::cell::<N, _>(self.line, Section::Detail, &self.detail)
    }

    /// A field chosen at run time as a cell.
    pub(super) fn cell_of(&self, number: usize) -> Cell<'a> {
        let field = &DETAIL[number - 1];
        Cell { line: self.line, section: Section::Detail, field, raw: self.detail.field(field) }
    }

    /// The value of a numeric field, 0 when it is blank or unreadable.
    pub(super) fn value(&self, number: usize) -> u64 {
        self.values.get(number).copied().unwrap_or_default().into()
    }

    /// Keeps what a numeric field holds; nine digits fit.
    fn keep<const N: usize>(&mut self, value: Option<u64>) {
        self.values[N] = value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    }

    /// Fields in digits: amounts, the work centre (62) and the hours (96).
    fn numbers(&mut self, findings: &mut Findings) {
        each_field!(self.number(findings) of 40 42 43 44 45 47 48 49 50 51 52 53 55 56 58 60 62 63 65
            67 69 71 73 95 96);
        field::require_digits(&self.cell::<6>(), findings);
        let activity = self.cell::<98>();
        field::require_digits_or_blank(&activity, findings);
        // The older records do not have the field, and who is not insured has no activity.
        let insured = self.detail.raw::<78>() != b" ";
        if insured && !activity.raw.is_empty() && is_blank(activity.raw) {
            findings.warn(Rule::Numeric, &activity, "digits with zeros on the left");
        }
    }

    fn number<const N: usize>(&mut self, findings: &mut Findings) {
        let value = self.detail.digits::<N>();
        self.keep::<N>(value.or_else(|| odd_number(&self.cell::<N>(), findings)));
    }

    fn rates(&self, findings: &mut Findings) {
        each_field!(self.rate(findings) of 46 54 61 64 66 68 70 72);
    }

    fn rate<const N: usize>(&self, findings: &mut Findings) {
        let form = scalar::rate(self.detail.raw::<N>());
        if form == RateText::Canonical {
            return;
        }
        // Some writers leave these blank.
        let (cell, loose) = (self.cell::<N>(), matches!(N, 70 | 72));
        match form {
            RateText::Canonical => {}
            RateText::Readable => findings.warn(Rule::Rate, &cell, RATE),
            RateText::Blank if loose => findings.warn(Rule::Numeric, &cell, RATE),
            RateText::Blank | RateText::Wrong => findings.error(Rule::Rate, &cell, RATE),
        }
    }

    /// Days of the line in each subsystem, and of work-related sick leave (30).
    fn days(&mut self, findings: &mut Findings) {
        each_field!(self.days_in(findings) of 30 36 37 38 39);
    }

    fn days_in<const N: usize>(&mut self, findings: &mut Findings) {
        let value = self.detail.digits::<N>();
        match value {
            Some(0..=30) => self.keep::<N>(value),
            Some(_) => findings.error(Rule::Days, &self.cell::<N>(), "00 to 30"),
            None => findings.error(Rule::Numeric, &self.cell::<N>(), "2 digits"),
        }
    }

    /// Fields of one letter and the letters they may hold.
    fn marks(&self, findings: &mut Findings) {
        each_field!(self.mark(findings) of 7 b" X", 8 b" X");
        if !novelty::has_no_marks(&self.detail) {
            each_field!(self.mark(findings) of
                15 b" XRC", 16 b" XPRCT", 17 b" X", 18 b" X", 19 b" X", 20 b" X", 21 b" X", 22 b" AC",
                23 b" X", 24 b" XC", 25 b" XL", 26 b" XP", 27 b" XL", 28 b" X", 29 b" X");
        }
        each_field!(self.mark(findings) of 41 b" XFV0", 76 b" SN", 78 b" 12345", 79 b" 01234");
    }

    fn mark<const N: usize>(&self, allowed: &[u8], findings: &mut Findings) {
        if !matches!(self.detail.raw::<N>(), [letter] if allowed.contains(letter)) {
            findings.error(Rule::Mark, &self.cell::<N>(), &field::one_of(allowed));
        }
    }

    /// Days of the calendar; the last field is absent from the shortest record.
    fn dates(&self, findings: &mut Findings) {
        let late = self.cell::<97>();
        if is_blank(self.detail.bytes().get(novelty::DATES_BLOCK).unwrap_or_default())
            && is_blank(late.raw)
        {
            return;
        }
        each_field!(self.date(findings) of 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 97);
    }

    fn date<const N: usize>(&self, findings: &mut Findings) {
        field::require_date_or_blank(&self.cell::<N>(), findings);
    }

    fn document(
        &self,
        worker: Option<&WorkerType>,
        header: Option<&HeaderFacts>,
        findings: &mut Findings,
    ) {
        let holder = match worker {
            Some(worker) if worker.code == "40" => Holder::Beneficiary,
            _ => Holder::Worker,
        };
        if let Some(kind) = field::document_kind(&self.cell::<3>(), holder, findings) {
            let lengths = header.is_some_and(|header| header.document_lengths);
            field::document_number(&self.cell::<4>(), kind, lengths, findings);
            let month = header.and_then(|header| header.figures.month);
            if let Some(until) = kind.worker_until
                && month.is_some_and(|month| month > until)
            {
                let expected = format!("another kind: {} ended with {until}", kind.code);
                findings.warn(Rule::Catalog, &self.cell::<3>(), &expected);
            }
        }
        if holder == Holder::Beneficiary {
            self.main_worker(findings);
        }
    }

    /// The worker a beneficiary depends on.
    fn main_worker(&self, findings: &mut Findings) {
        for (cell, expected) in [
            (self.cell::<74>(), "the kind of document of the main worker"),
            (self.cell::<75>(), "the document of the main worker"),
        ] {
            if is_blank(cell.raw) {
                findings.warn(Rule::Required, &cell, expected);
            }
        }
    }

    fn names(&self, findings: &mut Findings) {
        if self.detail.is_blank::<11>() {
            findings.warn(Rule::Required, &self.cell::<11>(), "a surname");
        }
        if self.detail.is_blank::<13>() {
            findings.warn(Rule::Required, &self.cell::<13>(), "a name");
        }
        let names = self.detail.bytes().get(NAMES_BLOCK).unwrap_or_default();
        if names.iter().fold(false, |lower, &byte| lower | is_lower_case(byte)) {
            for number in 11..=14 {
                field::expect_capitals(&self.cell_of(number), findings);
            }
        }
    }

    fn alignment(&self, findings: &mut Findings) {
        for cell in [self.cell::<11>(), self.cell::<12>(), self.cell::<13>(), self.cell::<14>()] {
            field::expect_left_aligned(&cell, findings);
        }
    }

    fn correction_mark(&self, header: &HeaderFacts, findings: &mut Findings) {
        let cell = self.cell::<22>();
        match cell.raw {
            b"A" | b"C" if !header.corrects() => {
                let expected = "blank: only planilla N corrects";
                findings.error(Rule::MarkNotAllowed, &cell, expected);
            }
            b" " if header.corrects() => {
                findings.error(Rule::Required, &cell, "A or C, as in every line of planilla N");
            }
            _ => {}
        }
    }

    fn subtype(&self, findings: &mut Findings) {
        let is_subtype = |code: &str| catalog::worker_subtype(code).is_some();
        field::expect_listed(&self.cell::<6>(), "worker subtypes", is_subtype, findings);
    }
}

const RATE: &str = "a fraction with a dot, like 0.16000";

/// What a numeric field says that holds anything but digits: some fields tolerate blanks.
#[cold]
fn odd_number(cell: &Cell<'_>, findings: &mut Findings) -> Option<u64> {
    let digits = trim(cell.raw);
    let value = scalar::digits(digits);
    let loose = LOOSE_NUMBERS.contains(&cell.field.number);
    if loose && (digits.is_empty() || value.is_some()) {
        findings.warn(Rule::Numeric, cell, "digits with zeros on the left");
    } else {
        findings.error(Rule::Numeric, cell, &format!("{} digits", cell.raw.len()));
    }
    value
}
