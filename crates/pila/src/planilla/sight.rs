//! What can be said about a file before any rule of the regulation: is it cp1252 text at all?

use super::rule::Rule;
use super::source::START;
use super::text::is_tail;

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

/// A file of which no line can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) rule: Rule,
    pub(super) line: u64,
    pub(super) found: &'static str,
    pub(super) expected: &'static str,
}

/// What the bytes of a file look like, seen piece by piece.
#[derive(Debug)]
pub(super) struct Sight {
    /// What the first bytes say.
    start: Option<Refusal>,
    /// The file begins with a UTF-8 mark.
    marked: bool,
    /// Anything but spaces, line ends and end-of-file marks was seen.
    content: bool,
    line_feed: bool,
    carriage_return: bool,
    line_ends: u64,
    /// The last piece did not end its line.
    open_line: bool,
    utf8: Utf8,
}

impl Sight {
    /// Looks at the first bytes.
    pub(super) fn of_start(start: &[u8]) -> Self {
        Self {
            start: utf16_form(start).or_else(|| binary_content(start)),
            marked: false,
            content: false,
            line_feed: false,
            carriage_return: false,
            line_ends: 0,
            open_line: false,
            utf8: Utf8::default(),
        }
    }

    /// Takes note of a UTF-8 mark before the text.
    pub(super) fn marked(&mut self) {
        self.marked = true;
        self.content = true;
    }

    /// Looks at the next bytes: a line, or a part of one. An LF can only be the last of them.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        let Some(&last) = bytes.last() else { return };
        self.content = self.content || bytes.iter().any(|&byte| !is_tail(byte));
        self.utf8.see(bytes, self.line_ends + 1);
        self.open_line = last != b'\n';
        if last == b'\n' {
            self.line_ends += 1;
            self.line_feed = true;
        } else if !self.line_feed {
            self.carriage_return = self.carriage_return || bytes.contains(&b'\r');
        }
    }

    /// Whether the file begins with a UTF-8 mark.
    pub(super) const fn has_mark(&self) -> bool {
        self.marked
    }

    /// Whether the start alone refuses the file, unless it is empty.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.start.is_some()
    }

    /// Lines seen, however they look.
    pub(super) fn lines(&self) -> u64 {
        self.line_ends + u64::from(self.open_line)
    }

    /// Why no line of the file can be trusted, once all of it was seen.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        if !self.content {
            let (found, expected) = ("no record", "at least two records");
            return Some(Refusal { rule: Rule::EmptyFile, line: 0, found, expected });
        }
        if self.start.is_some() {
            return self.start;
        }
        if let Some(line) = self.utf8.first_line() {
            return Some(encoding(line, "UTF-8"));
        }
        (self.carriage_return && !self.line_feed).then_some(Refusal {
            rule: Rule::LoneCarriageReturn,
            line: 1,
            found: "lines that end with CR alone",
            expected: "CR LF or LF",
        })
    }
}

const fn encoding(line: u64, found: &'static str) -> Refusal {
    Refusal { rule: Rule::WrongEncoding, line, found, expected: "cp1252" }
}

/// Whether the file is in UTF-16 or UTF-32, by its mark or by the zero bytes around its digits.
fn utf16_form(bytes: &[u8]) -> Option<Refusal> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some(encoding(1, "UTF-32")),
        [0xff, 0xfe, ..]
        | [0xfe, 0xff, ..]
        | [0x20..=0x7e, 0, 0x20..=0x7e, 0, ..]
        | [0, 0x20..=0x7e, 0, 0x20..=0x7e, ..] => Some(encoding(1, "UTF-16")),
        _ => None,
    }
}

/// Why the file is no text: a known signature, or one control byte among 32 at its start.
fn binary_content(start: &[u8]) -> Option<Refusal> {
    const TEXT_BYTES_PER_CONTROL: usize = 32;
    let refusal = |found| {
        Some(Refusal { rule: Rule::BinaryContent, line: 1, found, expected: "a text file" })
    };
    if let Some((_, name)) = SIGNATURES.iter().find(|(mark, _)| start.starts_with(mark)) {
        return refusal(name);
    }
    let start = start.get(..START).unwrap_or(start);
    let is_control = |byte: &&u8| byte.is_ascii_control() && !matches!(byte, b'\r' | b'\n' | b'\t');
    let controls = start.iter().filter(is_control).count();
    let many = controls > 2 && controls * TEXT_BYTES_PER_CONTROL > start.len();
    many.then(|| refusal("binary content")).flatten()
}

/// Whether bytes are UTF-8 with characters of several bytes. Any cp1252 text with a Ñ or an accent
/// is not, because its high bytes stand alone.
#[derive(Debug, Default)]
struct Utf8 {
    invalid: bool,
    first_line: Option<u64>,
    /// A character cut by the end of a piece.
    cut: Vec<u8>,
}

impl Utf8 {
    fn see(&mut self, bytes: &[u8], line: u64) {
        if self.invalid || (self.cut.is_empty() && bytes.is_ascii()) {
            return;
        }
        let mut rest = bytes;
        while !self.cut.is_empty() {
            let Some((&next, after)) = rest.split_first() else { return };
            rest = after;
            self.cut.push(next);
            match std::str::from_utf8(&self.cut) {
                Ok(_) => {
                    self.first_line.get_or_insert(line);
                    self.cut.clear();
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => self.invalid = true,
            }
            if self.invalid {
                return;
            }
        }
        let (valid, cut) = match std::str::from_utf8(rest) {
            Ok(_) => (rest, [].as_slice()),
            Err(error) if error.error_len().is_none() => {
                rest.split_at_checked(error.valid_up_to()).unwrap_or((rest, &[]))
            }
            Err(_) => {
                self.invalid = true;
                return;
            }
        };
        if !valid.is_ascii() {
            self.first_line.get_or_insert(line);
        }
        self.cut.extend_from_slice(cut);
    }

    fn first_line(&self) -> Option<u64> {
        self.first_line.filter(|_| !self.invalid)
    }
}
