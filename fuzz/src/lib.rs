//! What must hold for any bytes that are taken for a planilla. The fuzz targets call these with
//! made-up bytes, a test of `vinculo-pila` with the sample files and the past failures.

use std::collections::BTreeMap;
use std::io::BufReader;

use vinculo_history::{Options, project};
use vinculo_pila::planilla::{self, CheckOptions, File, Reader, Severity};
use vinculo_pila::{Contribution, Document, Month};

/// A report counts what it lists, names known rules and places inside the file; what it accepts
/// can be read in full, and what it refuses cannot.
pub fn check(bytes: &[u8]) {
    let report = planilla::check(bytes);
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    assert_eq!(errors.count() > 0, report.errors > 0);
    assert!(report.findings.len() as u64 <= report.errors + report.warnings);
    for finding in &report.findings {
        assert!(finding.line <= report.lines + 1, "{finding}");
        assert!(planilla::rules().any(|rule| rule.code == finding.rule), "{finding}");
        let length = line_length(bytes, finding.line);
        let inside = |(start, end)| 1 <= start && start <= end && end as usize <= length;
        assert!(finding.columns.is_none_or(inside), "{finding}");
    }
    match planilla::read(bytes) {
        Ok(File::Planilla(planilla)) => {
            let lines = report.summary.as_ref().map_or(0, |summary| summary.lines as usize);
            assert_eq!(planilla.contributions().count(), lines);
        }
        Ok(File::PayerRecord(_)) => assert!(report.accepted()),
        Err(refused) => assert_eq!(refused, report),
    }
}

/// Bytes of a line (from 1) without its end and without a mark before the text.
fn line_length(bytes: &[u8], line: u64) -> usize {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = text.split_inclusive(|&byte| byte == b'\n');
    let line = lines.nth(usize::try_from(line).unwrap_or_default().saturating_sub(1));
    let line = line.unwrap_or_default();
    let Some(record) = line.strip_suffix(b"\n") else { return line.len() };
    record.strip_suffix(b"\r").unwrap_or(record).len()
}

/// A file says the same whole and in pieces. The last byte chooses the size of the pieces.
pub fn reader(bytes: &[u8]) {
    let Some((&size, file)) = bytes.split_last() else { return };
    let capacity = 1 + usize::from(size) * 5;
    let whole = planilla::check(file);
    let pieces = planilla::check_reader(&mut BufReader::with_capacity(capacity, file));
    assert_eq!(pieces.ok().as_ref(), Some(&whole));
    let Ok(File::Planilla(planilla)) = planilla::read(file) else { return };
    let reader = Reader::new(BufReader::with_capacity(capacity, file));
    let mut reader = reader.ok();
    let lines: Option<Vec<Contribution>> =
        reader.as_mut().and_then(|reader| reader.contributions().collect::<Result<_, _>>().ok());
    assert_eq!(lines, Some(planilla.contributions().collect()));
}

/// Whatever lines a file has, its people have a history: of the lines as they come, for a source
/// other than a checked file may bring anything, and of those of an accepted file.
pub fn projection(bytes: &[u8]) {
    if let Ok(mut reader) = Reader::new(bytes) {
        project_all(reader.contributions().map_while(Result::ok));
    }
    let all: Vec<&str> = CheckOptions::overridable().collect();
    let options = CheckOptions::allowing(&all).unwrap_or_default();
    if let Ok(File::Planilla(planilla)) = planilla::read_with(bytes, options) {
        project_all(planilla.contributions());
    }
}

fn project_all(lines: impl Iterator<Item = Contribution>) {
    let Some(current_month) = Month::new(2026, 3) else { return };
    let mut people: BTreeMap<Document, Vec<Contribution>> = BTreeMap::new();
    for line in lines {
        people.entry(line.person.clone()).or_default().push(line);
    }
    for lines in people.values() {
        for include_drafts in [true, false] {
            let options = Options { current_month, window_months: Some(24), include_drafts };
            let projection = project(lines, &[], &options);
            assert!(projection.employments.len() <= lines.len());
        }
    }
}
