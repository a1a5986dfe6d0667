//! Reading a planilla record by record, in bounded memory.

use std::fmt;
use std::io::{self, BufRead};

use super::contribution::Shared;
use super::line_reader::LineReader;
use super::source::Stream;
use super::view::{Detail, Header};
use super::write::HeaderBuf;
use crate::Contribution;

/// Why a planilla cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The input failed.
    #[error("reading a planilla: {0}")]
    Io(#[from] io::Error),
    /// The first line is no header whose payer and month can be read.
    #[error("line 1 is no header of a planilla")]
    Header,
    /// A line that holds no detail record, or one without document or sequence number.
    #[error("line {line} is no detail record")]
    Detail {
        /// Line of the file, from 1.
        line: u64,
    },
}

/// Reads a planilla of any size with the memory of one line.
///
/// The reader gives what the records say and checks none of it: pass the file through
/// [`check_reader`](super::check_reader) first, and read it a second time when it is accepted.
///
/// ```
/// use vinculo_pila::planilla::Reader;
///
/// # let file = include_bytes!("../../tests/samples/21-indep-I-2026-01.txt").as_slice();
/// // `file` is anything that implements `BufRead`.
/// let mut reader = Reader::new(file)?;
/// assert_eq!(reader.header().planilla_kind(), Some('I'));
/// for contribution in reader.contributions() {
///     assert_eq!(contribution?.base.pension, Some(3_600_000));
/// }
/// # Ok::<(), vinculo_pila::planilla::ReadError>(())
/// ```
pub struct Reader<R> {
    lines: LineReader<Stream<R>>,
    header: HeaderBuf,
    shared: Shared,
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// When the input fails, or its first line is no header.
    pub fn new(input: R) -> Result<Self, ReadError> {
        let mut lines = LineReader::open(Stream::new(input))?;
        let (header, shared) = first_line(&mut lines)?;
        Ok(Self { lines, header, shared })
    }

    /// The header record.
    #[must_use]
    pub fn header(&self) -> Header<'_> {
        self.header.view()
    }

    /// The next detail record, over a buffer that the next call uses again.
    ///
    /// # Errors
    ///
    /// When the input fails, or a line that is not empty holds no detail record.
    pub fn next_detail(&mut self) -> Result<Option<Detail<'_>>, ReadError> {
        Ok(next_detail(&mut self.lines)?.map(|(_, detail)| detail))
    }

    /// The next line in the normal form.
    ///
    /// # Errors
    ///
    /// As [`next_detail`](Self::next_detail); or when a record has no document or no number.
    pub fn next_contribution(&mut self) -> Result<Option<Contribution>, ReadError> {
        next_contribution(&mut self.lines, &self.shared)
    }

    /// The lines that are left in the normal form. Ends after the first error.
    pub fn contributions(&mut self) -> impl Iterator<Item = Result<Contribution, ReadError>> {
        let mut failed = false;
        std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let next = self.next_contribution().transpose();
            failed = matches!(next, Some(Err(_)));
            next
        })
    }
}

/// The lines of an input of any kind. What reads them is not generic, nor made part of its caller: it is compiled
/// here, as fast as this crate is, however small the caller's is.
type Lines<'a> = LineReader<Stream<dyn BufRead + 'a>>;

fn first_line(lines: &mut Lines<'_>) -> Result<(HeaderBuf, Shared), ReadError> {
    let first = lines.next_line()?;
    let header = first.and_then(|line| Header::new(line.bytes)).ok_or(ReadError::Header)?;
    let shared = Shared::of(&header).ok_or(ReadError::Header)?;
    Ok((HeaderBuf::from(header), shared))
}

#[inline(never)]
fn next_contribution(
    lines: &mut Lines<'_>,
    shared: &Shared,
) -> Result<Option<Contribution>, ReadError> {
    let Some((line, detail)) = next_detail(lines)? else { return Ok(None) };
    shared.contribution(&detail).map(Some).ok_or(ReadError::Detail { line })
}

#[inline(never)]
fn next_detail<'l>(lines: &'l mut Lines<'_>) -> Result<Option<(u64, Detail<'l>)>, ReadError> {
    if !skip_blank_lines(lines)? {
        return Ok(None);
    }
    let Some(line) = lines.line()? else { return Ok(None) };
    let detail = Detail::new(line.bytes).ok_or(ReadError::Detail { line: line.number })?;
    Ok(Some((line.number, detail)))
}

/// Moves to the next line that is not blank; whether there is one.
fn skip_blank_lines(lines: &mut Lines<'_>) -> io::Result<bool> {
    while let Some(line) = lines.next_line()? {
        if !line.is_blank() {
            return Ok(true);
        }
    }
    Ok(false)
}
