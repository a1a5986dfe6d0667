//! Splitting a file into lines.

/// Lines longer than this are cut: no record has a tenth of it, and the length alone refuses them.
pub(super) const LONGEST_LINE: usize = 4096;

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// LF.
    Lf,
    /// CR LF.
    CrLf,
    /// The end of the file.
    File,
}

/// One line of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Number, from 1.
    pub(super) number: u64,
    /// The bytes without the line end, [`LONGEST_LINE`] at most.
    pub(super) bytes: &'a [u8],
    /// How many bytes the line has, line end excluded.
    pub(super) length: u64,
    /// How it ends.
    pub(super) end: LineEnd,
}

impl<'a> Line<'a> {
    /// The line of `length` bytes that starts with `bytes`, which may hold more than the line.
    pub(super) fn new(number: u64, bytes: &'a [u8], length: u64, end: LineEnd) -> Self {
        let kept = usize::try_from(length).unwrap_or(usize::MAX).min(LONGEST_LINE);
        Self { number, bytes: bytes.get(..kept).unwrap_or(bytes), length, end }
    }

    /// Whether the line holds nothing but spaces.
    pub(super) fn is_blank(&self) -> bool {
        self.length == self.bytes.len() as u64 && super::text::is_blank(self.bytes)
    }
}

/// The lines of a file in memory, LF and CR LF alike.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    number: u64,
}

impl<'a> Lines<'a> {
    /// The lines of these bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (bytes, end) = match memchr::memchr(b'\n', self.rest) {
            None => (std::mem::take(&mut self.rest), LineEnd::File),
            Some(at) => {
                let (line, rest) = self.rest.split_at(at);
                self.rest = rest.get(1..).unwrap_or_default();
                without_cr(line)
            }
        };
        self.number += 1;
        Some(Line::new(self.number, bytes, bytes.len() as u64, end))
    }
}

/// What stands before an LF, without its CR.
pub(super) fn without_cr(line: &[u8]) -> (&[u8], LineEnd) {
    match line {
        [line @ .., b'\r'] => (line, LineEnd::CrLf),
        line => (line, LineEnd::Lf),
    }
}
