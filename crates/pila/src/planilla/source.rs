//! Where the bytes of a file come from.

use std::convert::Infallible;
use std::io::{self, BufRead};

/// Bytes looked at before the first line, to tell what kind of file it is.
pub(super) const START: usize = 4096;

/// Bytes that arrive in chunks.
pub(super) trait Source {
    /// Why bytes may fail to arrive.
    type Error;

    /// The next bytes, at least one unless the file has ended. Without [`consume`](Self::consume),
    /// the same again.
    fn chunk(&mut self) -> Result<&[u8], Self::Error>;

    /// Leaves the first `count` bytes of the chunk behind.
    fn consume(&mut self, count: usize);

    /// The first bytes of the file, [`START`] of them unless it is shorter. Consumes nothing; to be
    /// called before anything else.
    fn start(&mut self) -> Result<&[u8], Self::Error>;
}

/// A whole file in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory<'a>(pub(super) &'a [u8]);

impl Source for Memory<'_> {
    type Error = Infallible;

    fn chunk(&mut self) -> Result<&[u8], Infallible> {
        Ok(self.0)
    }

    fn consume(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    fn start(&mut self) -> Result<&[u8], Infallible> {
        Ok(self.0.get(..START).unwrap_or(self.0))
    }
}

/// A file that is read piece by piece. The input comes last, so that one of any kind passes for a `dyn BufRead`.
#[derive(Debug)]
pub(super) struct Stream<R: ?Sized> {
    /// The first bytes, read ahead.
    ahead: Vec<u8>,
    consumed: usize,
    input: R,
}

impl<R> Stream<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { ahead: Vec::new(), consumed: 0, input }
    }
}

impl<R: BufRead + ?Sized> Source for Stream<R> {
    type Error = io::Error;

    fn chunk(&mut self) -> io::Result<&[u8]> {
        if self.consumed < self.ahead.len() {
            return Ok(self.ahead.get(self.consumed..).unwrap_or_default());
        }
        fill(&mut self.input)?;
        self.input.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if self.consumed < self.ahead.len() {
            self.consumed += count;
        } else {
            self.input.consume(count);
        }
    }

    fn start(&mut self) -> io::Result<&[u8]> {
        while self.ahead.len() < START {
            fill(&mut self.input)?;
            let chunk = self.input.fill_buf()?;
            let wanted = chunk.len().min(START - self.ahead.len());
            if wanted == 0 {
                break;
            }
            self.ahead.extend_from_slice(chunk.get(..wanted).unwrap_or_default());
            self.input.consume(wanted);
        }
        Ok(&self.ahead)
    }
}

/// Fills the buffer of an input, again when a signal interrupted it.
fn fill(input: &mut (impl BufRead + ?Sized)) -> io::Result<()> {
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map(|_| ()),
        }
    }
}
