//! Checking a file: one pass, every finding named and placed.

mod agreement;
mod bases;
mod codes;
mod detail;
mod field;
mod habits;
mod header;
mod month;
mod novelty;
mod payer;
mod planilla;
mod totals;
mod watch;

use std::convert::Infallible;
use std::io::{self, BufRead};

use self::payer::PayerCheck;
use self::planilla::PlanillaCheck;
use self::watch::Watch;
use super::finding::{Findings, Place, Severity};
use super::line_reader::LineReader;
use super::lines::Line;
use super::options::CheckOptions;
use super::report::{FileKind, Report};
use super::rule::Rule;
use super::sight::{Refusal, Sight};
use super::source::{Memory, Source, Stream};
use super::view::Detail;

pub(super) use totals::Totals;

/// Checks a file in memory.
pub(super) fn run(bytes: &[u8], options: CheckOptions) -> Report {
    let report: Result<Report, Infallible> = check(Memory(bytes), options, |_| ());
    let Ok(report) = report;
    report
}

/// Checks a file that is read piece by piece, and shows its detail records. Neither generic nor made part of its
/// caller: the loop over the lines is compiled here, as fast as this crate is, however small the caller's is.
#[inline(never)]
pub(super) fn run_stream(
    input: &mut dyn BufRead,
    options: CheckOptions,
    see: &mut dyn FnMut(Detail<'_>),
) -> io::Result<Report> {
    check(Stream::new(input), options, see)
}

fn check<S: Source>(
    source: S,
    options: CheckOptions,
    mut see: impl FnMut(Detail<'_>),
) -> Result<Report, S::Error> {
    let mut findings = Findings::new(options);
    let mut lines = LineReader::open(source)?;
    report_mark(lines.sight(), &mut findings);
    let mut file = FileCheck::default();
    let hopeless = lines.sight().is_hopeless();
    while let Some(line) = lines.next_line()? {
        if !hopeless {
            file.line(&line, &mut findings);
            if let Some(detail) = Detail::new(line.bytes) {
                see(detail);
            }
        }
    }
    if let Some(refusal) = lines.sight().refusal() {
        return Ok(refused(lines.sight(), refusal, options));
    }
    let mut report = file.finish(&mut findings);
    if let Some(line) = lines.end_mark_line() {
        let (found, expected) = ("byte 1A", "the end of the file");
        let place = Place::line(line);
        findings.place(Severity::Warning, Rule::EndOfFileMark, place, found, expected);
    }
    findings.finish(&mut report);
    Ok(report)
}

fn report_mark(sight: &Sight, findings: &mut Findings) {
    if sight.has_mark() {
        let (found, expected) = ("a UTF-8 byte order mark", "cp1252 text without a mark");
        let place = Place::line(1);
        findings.place(Severity::Error, Rule::ByteOrderMark, place, found, expected);
    }
}

/// The report of a file whose lines cannot be told apart or trusted.
fn refused(sight: &Sight, refusal: Refusal, options: CheckOptions) -> Report {
    let mut findings = Findings::new(options);
    report_mark(sight, &mut findings);
    let Refusal { rule, line, found, expected } = refusal;
    findings.place(Severity::Error, rule, Place::line(line), found, expected);
    let mut report = Report::empty();
    report.lines = sight.lines();
    findings.finish(&mut report);
    report
}

/// The check of the lines of a file, of either kind.
#[derive(Default)]
struct FileCheck {
    watch: Watch,
    records: Option<Records>,
}

enum Records {
    Planilla(Box<PlanillaCheck>),
    Payer(PayerCheck),
}

impl FileCheck {
    fn line(&mut self, line: &Line<'_>, findings: &mut Findings) {
        if !self.watch.admit(line, findings) {
            return;
        }
        // A planilla starts with the tag of a record; a type-1 record has no tag and is told by
        // its length or by the kind of document in field 2.
        let records = self.records.get_or_insert_with(|| {
            if payer::is_payer_record(line) {
                Records::Payer(PayerCheck::default())
            } else {
                Records::Planilla(Box::default())
            }
        });
        match records {
            Records::Planilla(planilla) => planilla.record(line, findings),
            Records::Payer(payer) => payer.record(line, findings),
        }
    }

    fn finish(self, findings: &mut Findings) -> Report {
        self.watch.finish(findings);
        let mut report = match self.records {
            Some(Records::Planilla(planilla)) => planilla.finish(findings),
            Some(Records::Payer(_)) => {
                Report { kind: Some(FileKind::PayerRecord), ..Report::empty() }
            }
            None => Report::empty(),
        };
        report.lines = self.watch.lines;
        report
    }
}
