//! What can be said about a file before it is split into lines: is it cp1252 text at all?

use crate::planilla::finding::{Findings, Place, Severity};
use crate::planilla::rule::Rule;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// DOS end-of-file byte (Ctrl-Z).
const END_MARK: u8 = 0x1a;

/// First bytes of files that get uploaded by mistake.
const SIGNATURES: [(&[u8], &str); 8] = [
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
];

/// The text of the file without a UTF-8 mark, or `None` when no line of it can be trusted.
pub(super) fn screen<'a>(bytes: &'a [u8], findings: &mut Findings) -> Option<&'a [u8]> {
    if bytes.iter().all(|byte| matches!(byte, b' ' | b'\r' | b'\n' | &END_MARK)) {
        refuse(findings, Rule::EmptyFile, Place::FILE, "no record", "at least two records");
        return None;
    }
    if let Some(form) = utf16_form(bytes) {
        refuse_encoding(findings, Place::line(1), form);
        return None;
    }
    if let Some(content) = binary_content(bytes) {
        refuse(findings, Rule::BinaryContent, Place::line(1), content, "a text file");
        return None;
    }
    let text = bytes.strip_prefix(UTF8_MARK);
    if text.is_some() {
        let found = "a UTF-8 byte order mark";
        refuse(findings, Rule::ByteOrderMark, Place::line(1), found, "cp1252 text without a mark");
    }
    let text = text.unwrap_or(bytes);
    if let Some(line) = utf8_line(text) {
        refuse_encoding(findings, Place::line(line), "UTF-8");
        return None;
    }
    if !text.contains(&b'\n') && text.contains(&b'\r') {
        let found = "lines that end with CR alone";
        refuse(findings, Rule::LoneCarriageReturn, Place::line(1), found, "CR LF or LF");
        return None;
    }
    Some(text)
}

/// The file without a DOS end-of-file mark and what follows it, and whether there was one. Only a
/// mark after the last record is one.
pub(in crate::planilla) fn without_end_mark(text: &[u8]) -> (&[u8], bool) {
    let is_tail = |byte: &u8| matches!(*byte, b' ' | b'\r' | b'\n' | END_MARK);
    let tail = text.iter().rposition(|byte| !is_tail(byte)).map_or(0, |last| last + 1);
    match text.iter().skip(tail).position(|&byte| byte == END_MARK) {
        Some(at) => (text.get(..tail + at).unwrap_or(text), true),
        None => (text, false),
    }
}

/// Warns about the mark that [`without_end_mark`] found after `body`, which has `lines` lines.
pub(super) fn report_end_mark(body: &[u8], lines: u64, findings: &mut Findings) {
    let line = if body.ends_with(b"\n") { lines + 1 } else { lines };
    let place = Place::line(line);
    let (found, expected) = ("byte 1A", "the end of the file");
    findings.place(Severity::Warning, Rule::EndOfFileMark, place, found, expected);
}

fn refuse(findings: &mut Findings, rule: Rule, place: Place, found: &str, expected: &str) {
    findings.place(Severity::Error, rule, place, found, expected);
}

fn refuse_encoding(findings: &mut Findings, place: Place, found: &str) {
    refuse(findings, Rule::WrongEncoding, place, found, "cp1252");
}

/// Whether the file is in UTF-16 or UTF-32, by its mark or by the zero bytes around its digits.
fn utf16_form(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [0x20..=0x7e, 0, 0x20..=0x7e, 0, ..] | [0, 0x20..=0x7e, 0, 0x20..=0x7e, ..] => {
            Some("UTF-16")
        }
        _ => None,
    }
}

/// Why the file is no text: a known signature, or one control byte among 32 at its start.
fn binary_content(bytes: &[u8]) -> Option<&'static str> {
    const SAMPLE: usize = 4096;
    const TEXT_BYTES_PER_CONTROL: usize = 32;
    if let Some((_, name)) = SIGNATURES.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Some(name);
    }
    let start = bytes.get(..SAMPLE).unwrap_or(bytes);
    let is_control = |byte: &&u8| byte.is_ascii_control() && !matches!(byte, b'\r' | b'\n' | b'\t');
    let controls = start.iter().filter(is_control).count();
    let many = controls > 2 && controls * TEXT_BYTES_PER_CONTROL > start.len();
    many.then_some("binary content")
}

/// The first line with a character of several bytes, when the whole text is UTF-8. Any cp1252 text
/// with a Ñ or an accent is no UTF-8, because its high bytes stand alone.
fn utf8_line(text: &[u8]) -> Option<u64> {
    if text.is_ascii() {
        return None;
    }
    let valid = match std::str::from_utf8(text) {
        Ok(_) => text,
        // Cut in the middle of a character.
        Err(error) if error.error_len().is_none() => text.get(..error.valid_up_to())?,
        Err(_) => return None,
    };
    let first = valid.iter().position(|byte| !byte.is_ascii())?;
    let line_ends = valid.iter().take(first).filter(|&&byte| byte == b'\n').count();
    u64::try_from(line_ends).ok().map(|ends| ends + 1)
}
