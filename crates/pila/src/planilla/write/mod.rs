//! Writing planillas, byte by byte as the regulation asks.

mod error;
mod length;
mod record;

use std::io::Write;

use super::check::Totals;
use crate::DocumentKind;

pub use error::{FieldError, FieldProblem, WriteError};
pub use length::DetailLength;
pub use record::{DetailBuf, HeaderBuf, PayerRecordBuf, RecordBuf};

/// How the lines of a written file end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LineEnding {
    /// CR LF, as accepted files have.
    #[default]
    CrLf,
    /// LF, as some products write.
    Lf,
}

impl LineEnding {
    /// The bytes of the line end.
    #[must_use]
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::CrLf => b"\r\n",
            Self::Lf => b"\n",
        }
    }
}

/// Writes planillas and payer records: cp1252, CR LF after every record unless told otherwise.
///
/// ```
/// use vinculo_pila::planilla::{self, DetailBuf, HeaderBuf, Writer};
/// use vinculo_pila::{Document, DocumentKind, Month};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let period = Month::new(2025, 12).ok_or("a month")?;
/// let mut header = HeaderBuf::new();
/// header
///     .set_text::<4>("COMPAÑÍA EJEMPLO S.A.")?
///     .set_payer(&Document::new(DocumentKind::Nit, "995000217"))?
///     .set_mark::<8>('E')?
///     .set_month::<15>(period)?
///     .set_month::<16>(period.plus(1))?
///     .set_number::<21>(1)?;
///
/// let mut line = DetailBuf::new();
/// line.set_person(&Document::new(DocumentKind::Cc, "1995000101"))?
///     .set_number::<5>(1)?
///     .set_text::<9>("11")?
///     .set_text::<10>("001")?
///     .set_text::<11>("MUÑOZ")?
///     .set_text::<13>("MARÍA")?
///     .set_number::<42>(1_423_500)?
///     .set_rate::<46>("0.16".parse()?)?
///     .set_number::<47>(227_800)?
///     .set_number::<50>(227_800)?;
///
/// let mut writer = Writer::new(Vec::new());
/// writer.planilla(&mut header, &mut [line])?;
/// let bytes = writer.finish()?;
/// assert_eq!(bytes.len(), 359 + 2 + 693 + 2);
/// assert!(planilla::check(&bytes).accepted());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    line_ending: LineEnding,
    final_line_end: bool,
    /// The last record still lacks its line end.
    open: bool,
}

impl<W: Write> Writer<W> {
    /// A writer of CR LF lines. Records are written one by one: give it a buffer when `out` is a
    /// file.
    pub const fn new(out: W) -> Self {
        Self { out, line_ending: LineEnding::CrLf, final_line_end: true, open: false }
    }

    /// The same writer with another line end.
    #[must_use]
    pub fn line_ending(mut self, line_ending: LineEnding) -> Self {
        self.line_ending = line_ending;
        self
    }

    /// The same writer, with or without a line end after the last record.
    #[must_use]
    pub fn final_line_end(mut self, written: bool) -> Self {
        self.final_line_end = written;
        self
    }

    /// Writes a planilla, filling in what can be computed: sequence numbers (detail field 2), the
    /// workers and the payroll of the header (fields 19 and 20, without the lines of a correction
    /// as they were paid) and the check digit of a NIT (field 7).
    ///
    /// # Errors
    ///
    /// When a computed value does not fit in its field, or the destination fails.
    pub fn planilla(
        &mut self,
        header: &mut HeaderBuf,
        details: &mut [DetailBuf],
    ) -> Result<(), WriteError> {
        complete(header, details)?;
        self.records(header, &*details)
    }

    /// Writes a planilla as it is.
    ///
    /// # Errors
    ///
    /// When the destination fails.
    pub fn records<'a>(
        &mut self,
        header: &HeaderBuf,
        details: impl IntoIterator<Item = &'a DetailBuf>,
    ) -> Result<(), WriteError> {
        self.record(header)?;
        details.into_iter().try_for_each(|detail| self.record(detail))
    }

    /// Writes one record as it is.
    ///
    /// # Errors
    ///
    /// When the destination fails.
    pub fn record<L: super::Layout>(&mut self, record: &RecordBuf<L>) -> Result<(), WriteError> {
        self.line(record.bytes())
    }

    /// Writes the bytes of one line, whatever they are.
    ///
    /// # Errors
    ///
    /// When the destination fails.
    pub fn line(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        if std::mem::take(&mut self.open) {
            self.out.write_all(self.line_ending.bytes())?;
        }
        self.out.write_all(bytes)?;
        if self.final_line_end {
            self.out.write_all(self.line_ending.bytes())?;
        } else {
            self.open = true;
        }
        Ok(())
    }

    /// Flushes the destination and gives it back.
    ///
    /// # Errors
    ///
    /// When the destination fails.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Fills in what the records of a planilla say of each other: sequence numbers (detail field 2),
/// totals (header fields 19 and 20) and the check digit of a NIT (header field 7).
///
/// # Errors
///
/// When a value does not fit in its field.
pub fn complete(header: &mut HeaderBuf, details: &mut [DetailBuf]) -> Result<(), FieldError> {
    let mut totals = Totals::default();
    for (sequence, detail) in (1_u64..).zip(details.iter_mut()) {
        detail.set_number::<2>(sequence)?;
        totals.add(sequence, detail.view());
    }
    header.set_number::<19>(totals.workers())?.set_number::<20>(totals.payroll())?;
    match header.view().payer() {
        Some(payer) if payer.kind == DocumentKind::Nit => {
            header.set_number::<7>(record::check_digit(&payer))?;
        }
        _ => {}
    }
    Ok(())
}
