//! The lines of a file that arrives in chunks, in bounded memory.

use super::lines::{LONGEST_LINE, Line, LineEnd, without_cr};
use super::sight::Sight;
use super::source::Source;
use super::text::{END_MARK, LONGEST_TAIL, UTF8_MARK, is_tail};

/// Reads line by line. A line that lies whole in a chunk is not copied.
pub(super) struct LineReader<S: ?Sized> {
    /// What the bytes so far look like.
    sight: Sight,
    /// The part of the line that earlier chunks held.
    carry: Carry,
    /// Where the line given last stands.
    found: Found,
    /// Bytes after an end-of-file mark that turned out not to be the end of the file.
    held: Vec<u8>,
    held_read: usize,
    /// Whether the next mark may be the end of the file; not between a refused one and the next
    /// byte of a record.
    watching: bool,
    end_mark: bool,
    number: u64,
    last_end: Option<LineEnd>,
    source: S,
}

/// A line under construction; what exceeds its bound is only counted.
#[derive(Debug, Default)]
struct Carry {
    bytes: Vec<u8>,
    length: u64,
    last: Option<u8>,
}

impl Carry {
    fn clear(&mut self) {
        self.bytes.clear();
        self.length = 0;
        self.last = None;
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.length += bytes.len() as u64;
        self.last = bytes.last().copied().or(self.last);
    }
}

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
enum Found {
    /// In the chunk, with this many bytes before its LF.
    Chunk { lent: usize },
    /// In the carry, ended by an LF.
    Carry,
    /// In the carry, ended by the file.
    Last,
    /// Nowhere.
    Nothing,
}

/// Why a piece of a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// With the line, whose LF is part of the piece.
    LineEnd,
    /// Before an end-of-file mark.
    Mark,
    /// With the chunk, or where a record begins.
    Chunk,
}

/// The first line of a chunk, as far as it has no end-of-file mark.
fn piece_before_mark(chunk: &[u8]) -> Option<(&[u8], Stop)> {
    let Some(at) = memchr::memchr2(b'\n', END_MARK, chunk) else {
        return Some((chunk, Stop::Chunk));
    };
    match chunk.get(at) {
        Some(b'\n') => Some((chunk.get(..=at)?, Stop::LineEnd)),
        _ => Some((chunk.get(..at)?, Stop::Mark)),
    }
}

/// The first line of a chunk, as far as no record begins in it; `None` when one begins at once.
/// Looks no further than that line, for there may be many such lines in one chunk.
fn piece_of_tail(chunk: &[u8]) -> Option<(&[u8], Stop)> {
    let line = memchr::memchr(b'\n', chunk).and_then(|at| chunk.get(..=at)).unwrap_or(chunk);
    let tail = line.iter().take_while(|&&byte| is_tail(byte)).count();
    let piece = line.get(..tail).filter(|piece| !piece.is_empty())?;
    Some((piece, if piece.ends_with(b"\n") { Stop::LineEnd } else { Stop::Chunk }))
}

impl<S: Source> LineReader<S> {
    /// Looks at the start of a file and leaves a UTF-8 mark behind.
    pub(super) fn open(mut source: S) -> Result<Self, S::Error> {
        let start = source.start()?;
        let mut sight = Sight::of_start(start);
        if start.starts_with(UTF8_MARK) {
            sight.marked();
            skip(&mut source, UTF8_MARK.len())?;
        }
        Ok(Self {
            sight,
            carry: Carry::default(),
            found: Found::Nothing,
            held: Vec::new(),
            held_read: 0,
            watching: true,
            end_mark: false,
            number: 0,
            last_end: None,
            source,
        })
    }
}

impl<S: Source + ?Sized> LineReader<S> {
    /// The next line; `None` at the end of the file or before its end mark.
    pub(super) fn next_line(&mut self) -> Result<Option<Line<'_>>, S::Error> {
        if let Found::Chunk { lent } = std::mem::replace(&mut self.found, Found::Nothing) {
            self.source.consume(lent + 1);
        }
        self.carry.clear();
        self.found = self.find()?;
        let end = match self.found {
            Found::Nothing => return Ok(None),
            Found::Chunk { .. } | Found::Carry => LineEnd::Lf,
            Found::Last => LineEnd::File,
        };
        self.number += 1;
        self.last_end = Some(end);
        self.line()
    }

    /// The line that was read last, again.
    pub(super) fn line(&mut self) -> Result<Option<Line<'_>>, S::Error> {
        let number = self.number;
        let carried = |length, end| Line::new(number, &self.carry.bytes, length, end);
        Ok(Some(match self.found {
            Found::Nothing => return Ok(None),
            Found::Chunk { lent } => {
                let chunk = self.source.chunk()?;
                let (bytes, end) = without_cr(chunk.get(..lent).unwrap_or_default());
                Line::new(number, bytes, bytes.len() as u64, end)
            }
            Found::Carry if self.carry.last == Some(b'\r') => {
                carried(self.carry.length - 1, LineEnd::CrLf)
            }
            Found::Carry => carried(self.carry.length, LineEnd::Lf),
            Found::Last => carried(self.carry.length, LineEnd::File),
        }))
    }

    fn find(&mut self) -> Result<Found, S::Error> {
        loop {
            if self.take_held() {
                return Ok(Found::Carry);
            }
            let chunk = self.source.chunk()?;
            if chunk.is_empty() {
                return Ok(if self.carry.length > 0 { Found::Last } else { Found::Nothing });
            }
            let piece = if self.watching { piece_before_mark(chunk) } else { piece_of_tail(chunk) };
            let (bytes, stop) = match piece {
                Some(piece) => piece,
                None => {
                    self.watching = true;
                    continue;
                }
            };
            self.sight.see(bytes);
            let (seen, ended) = (bytes.len(), stop == Stop::LineEnd);
            if ended && self.carry.length == 0 {
                return Ok(Found::Chunk { lent: seen - 1 });
            }
            self.carry.push(bytes.strip_suffix(b"\n").filter(|_| ended).unwrap_or(bytes));
            self.source.consume(seen);
            match stop {
                Stop::LineEnd => return Ok(Found::Carry),
                Stop::Mark => self.hold()?,
                Stop::Chunk => {}
            }
        }
    }

    /// Moves what was held into the carry, up to its next LF; whether there was one.
    fn take_held(&mut self) -> bool {
        let rest = self.held.get(self.held_read..).unwrap_or_default();
        if rest.is_empty() {
            return false;
        }
        let end = memchr::memchr(b'\n', rest);
        self.carry.push(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
        self.held_read += end.map_or(rest.len(), |at| at + 1);
        if self.held_read == self.held.len() {
            self.held.clear();
            self.held_read = 0;
        }
        end.is_some()
    }

    /// Holds an end-of-file mark and what follows it, until the file ends or goes on.
    fn hold(&mut self) -> Result<(), S::Error> {
        loop {
            let chunk = self.source.chunk()?;
            if chunk.is_empty() {
                self.held.clear();
                self.end_mark = true;
                return Ok(());
            }
            let room = LONGEST_TAIL + 1 - self.held.len();
            let tail = chunk.iter().take(room).take_while(|&&byte| is_tail(byte)).count();
            let bytes = chunk.get(..tail).unwrap_or_default();
            bytes.split_inclusive(|&byte| byte == b'\n').for_each(|part| self.sight.see(part));
            self.held.extend_from_slice(bytes);
            let goes_on = tail < room.min(chunk.len());
            self.source.consume(tail);
            if self.held.len() > LONGEST_TAIL {
                self.watching = false;
                return Ok(());
            }
            if goes_on {
                return Ok(());
            }
        }
    }

    /// What the bytes so far look like.
    pub(super) fn sight(&self) -> &Sight {
        &self.sight
    }

    /// The line of the end-of-file mark, once the last line was read.
    pub(super) fn end_mark_line(&self) -> Option<u64> {
        let own_line = self.last_end == Some(LineEnd::Lf);
        self.end_mark.then_some(self.number + u64::from(own_line))
    }
}

fn skip<S: Source>(source: &mut S, mut count: usize) -> Result<(), S::Error> {
    while count > 0 {
        let available = source.chunk()?.len().min(count);
        if available == 0 {
            break;
        }
        source.consume(available);
        count -= available;
    }
    Ok(())
}
