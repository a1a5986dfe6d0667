//! What is checked on every line, whatever record it holds.

use crate::planilla::finding::{Findings, Place, Severity};
use crate::planilla::lines::{Line, LineEnd};
use crate::planilla::rule::Rule;
use crate::planilla::text::{is_foreign, is_printable};

/// Watches line ends, empty lines and bytes that have no place in a record.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Lines seen.
    pub(super) lines: u64,
    line_end: Option<LineEnd>,
    mixed: bool,
    blank_from: Option<u64>,
}

impl Watch {
    /// Takes the next line; whether it holds a record.
    pub(super) fn admit(&mut self, line: &Line<'_>, findings: &mut Findings) -> bool {
        self.lines = line.number;
        self.compare_line_end(line, findings);
        // A record is never blank, and its first byte tells so without reading the rest.
        if line.bytes.first().is_none_or(|&byte| byte == b' ') && line.is_blank() {
            self.blank_from.get_or_insert(line.number);
            return false;
        }
        if let Some(number) = self.blank_from.take() {
            let place = Place::line(number);
            let (found, expected) = ("an empty line", "a record");
            findings.place(Severity::Error, Rule::BlankLine, place, found, expected);
        }
        if !is_printable(line.bytes) && line.bytes.iter().any(|&byte| is_foreign(byte)) {
            report_foreign(line, findings);
        }
        true
    }

    /// Reports what only the end of the file tells.
    pub(super) fn finish(&self, findings: &mut Findings) {
        if let Some(first) = self.blank_from {
            let found = match self.lines - first + 1 {
                1 => "1 empty line".to_owned(),
                count => format!("{count} empty lines"),
            };
            let place = Place::line(self.lines);
            let expected = "the end of the file";
            findings.place(Severity::Warning, Rule::TrailingBlankLine, place, found, expected);
        }
    }

    fn compare_line_end(&mut self, line: &Line<'_>, findings: &mut Findings) {
        if line.end == LineEnd::File || self.mixed {
            return;
        }
        if *self.line_end.get_or_insert(line.end) != line.end {
            self.mixed = true;
            let place = Place::line(line.number);
            let (found, expected) = ("another line end than before", "the same on every line");
            findings.place(Severity::Warning, Rule::MixedLineEnds, place, found, expected);
        }
    }
}

/// A rule, the bytes that break it, and what should be there.
type Sort = (Rule, fn(u8) -> bool, &'static str);

/// Reports the first byte of each sort that has no place in a record.
fn report_foreign(line: &Line<'_>, findings: &mut Findings) {
    let sorts: [Sort; 3] = [
        (Rule::LoneCarriageReturn, |byte| byte == b'\r', "CR only before LF"),
        (
            Rule::ControlCharacter,
            |byte| byte.is_ascii_control() && byte != b'\r',
            "no control characters",
        ),
        (Rule::WrongEncoding, |byte| is_foreign(byte) && !byte.is_ascii(), "a character of cp1252"),
    ];
    for (rule, is_of_sort, expected) in sorts {
        if let Some(at) = line.bytes.iter().position(|&byte| is_of_sort(byte)) {
            let byte = line.bytes.get(at).copied().unwrap_or_default();
            let place = Place::at(line.number, at);
            let found = format!("byte {byte:02X}");
            findings.place(Severity::Error, rule, place, found, expected);
        }
    }
}
