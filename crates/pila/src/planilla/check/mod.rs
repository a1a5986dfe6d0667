//! Checking a file: one pass, every finding named and placed.

mod agreement;
mod codes;
mod detail;
mod field;
mod header;
mod novelty;
mod payer;
mod planilla;
mod screen;
mod totals;
mod watch;

use super::finding::Findings;
use super::lines::Lines;
use super::report::{FileKind, Report};

pub(super) use screen::without_end_mark;
pub(super) use totals::Totals;

/// Checks a whole file.
pub(super) fn run(bytes: &[u8]) -> Report {
    let mut findings = Findings::new();
    let Some(text) = screen::screen(bytes, &mut findings) else {
        return refused(bytes, findings);
    };
    let (body, end_mark) = without_end_mark(text);
    let mut report = match kind_of(body) {
        Some(FileKind::PayerRecord) => payer::check(body, &mut findings),
        Some(FileKind::Planilla) | None => planilla::check(body, &mut findings),
    };
    if end_mark {
        screen::report_end_mark(body, report.lines, &mut findings);
    }
    report.errors = findings.errors;
    report.warnings = findings.warnings;
    report.findings = findings.into_sorted();
    report
}

/// What a file is, by its first record: a planilla starts with the tag of a record, a type-1
/// record has no tag and is told by its length or by the document kind in field 2.
pub(super) fn kind_of(body: &[u8]) -> Option<FileKind> {
    let first = Lines::new(body).find(|line| !line.is_blank())?;
    if payer::is_payer_record(first.bytes) {
        return Some(FileKind::PayerRecord);
    }
    let tagged = first.bytes.starts_with(b"01") || first.bytes.starts_with(b"02");
    tagged.then_some(FileKind::Planilla)
}

/// The report of a file whose lines cannot be told apart or trusted.
fn refused(bytes: &[u8], findings: Findings) -> Report {
    Report {
        kind: None,
        errors: findings.errors,
        warnings: findings.warnings,
        findings: findings.into_sorted(),
        lines: Lines::new(bytes).last().map_or(0, |line| line.number),
        summary: None,
    }
}
