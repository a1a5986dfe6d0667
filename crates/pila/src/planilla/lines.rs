//! Splitting a file into lines.

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
    /// The bytes without the line end.
    pub(super) bytes: &'a [u8],
    /// How it ends.
    pub(super) end: LineEnd,
}

impl Line<'_> {
    /// Whether the line holds nothing but spaces.
    pub(super) fn is_blank(&self) -> bool {
        super::text::is_blank(self.bytes)
    }
}

/// The lines of a file, LF and CR LF alike.
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
                match line {
                    [line @ .., b'\r'] => (line, LineEnd::CrLf),
                    line => (line, LineEnd::Lf),
                }
            }
        };
        self.number += 1;
        Some(Line { number: self.number, bytes, end })
    }
}
