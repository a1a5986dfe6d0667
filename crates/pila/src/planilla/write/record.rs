//! Records under construction.

use std::fmt;
use std::marker::PhantomData;

use jiff::civil::Date;

use super::error::{FieldError, FieldProblem};
use super::length::DetailLength;
use crate::catalog::Rate;
use crate::planilla::layout::{self, Field, FieldType};
use crate::planilla::scalar::nit_check_digit;
use crate::planilla::text;
use crate::planilla::view::{DetailLayout, HeaderLayout, Layout, PayerLayout, Record};
use crate::{Document, DocumentKind, Month, Names};

/// An owned record whose fields are set by their number in the regulation.
///
/// A new record holds the blank of each field: zeros in numeric fields, spaces in text, `0.00000`
/// in rates. Setters fail when a value does not fit, and do not compile for a number the layout
/// does not have or a field of another width. They return the record, to be chained.
pub struct RecordBuf<L> {
    bytes: Vec<u8>,
    layout: PhantomData<L>,
}

/// A header under construction.
pub type HeaderBuf = RecordBuf<HeaderLayout>;

/// A detail record under construction.
pub type DetailBuf = RecordBuf<DetailLayout>;

/// A type-1 record under construction.
pub type PayerRecordBuf = RecordBuf<PayerLayout>;

impl<L> Clone for RecordBuf<L> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), layout: PhantomData }
    }
}

impl<L> PartialEq for RecordBuf<L> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<L> Eq for RecordBuf<L> {}

impl<L: Layout> fmt::Debug for RecordBuf<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordBuf({}, {} bytes)", L::NAME, self.bytes.len())
    }
}

/// A record of a file, to be changed.
impl<L> From<Record<'_, L>> for RecordBuf<L>
where
    L: Layout,
{
    fn from(record: Record<'_, L>) -> Self {
        Self { bytes: record.bytes().to_vec(), layout: PhantomData }
    }
}

impl<L: Layout> RecordBuf<L> {
    fn blank(length: usize) -> Self {
        let mut bytes = Vec::with_capacity(length);
        for field in L::FIELDS.iter().filter(|field| usize::from(field.end) <= length) {
            let zero = if field.kind == FieldType::Numeric { b'0' } else { b' ' };
            bytes.resize(usize::from(field.end), zero);
        }
        Self { bytes, layout: PhantomData }
    }

    /// The bytes of the record, without line end.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The record as a reader sees it.
    #[must_use]
    pub fn view(&self) -> Record<'_, L> {
        Record::over(&self.bytes)
    }

    /// Sets the bytes of field `N` as they are, whatever they say.
    ///
    /// # Errors
    ///
    /// When their number is not the width of the field, or the record does not have it.
    pub fn set_raw<const N: usize>(&mut self, raw: &[u8]) -> Result<&mut Self, FieldError> {
        let field = const { &L::FIELDS[N - 1] };
        let width = field.range().len();
        if raw.len() != width {
            return Err(fault::<L>(field, FieldProblem::Length { length: raw.len(), width }));
        }
        self.slot(field)?.copy_from_slice(raw);
        Ok(self)
    }

    /// Sets text: left aligned with spaces in a text field, digits with zeros on the left in a
    /// numeric one. Empty text makes the field blank.
    ///
    /// # Errors
    ///
    /// When the text is too long, holds a character that cp1252 does not have or a control
    /// character, or something else than digits for a numeric field.
    pub fn set_text<const N: usize>(&mut self, text: &str) -> Result<&mut Self, FieldError> {
        let field = const { &L::FIELDS[N - 1] };
        let slot = self.slot(field)?;
        let (length, width) = (text.chars().count(), slot.len());
        if length > width {
            return Err(fault::<L>(field, FieldProblem::Length { length, width }));
        }
        let numeric = field.kind == FieldType::Numeric && length > 0;
        if numeric && !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(fault::<L>(field, FieldProblem::Digits));
        }
        let bytes: Result<Vec<u8>, usize> = text
            .chars()
            .enumerate()
            .map(|(at, c)| text::byte_of(c).filter(|&byte| !text::is_foreign(byte)).ok_or(at + 1))
            .collect();
        let bytes =
            bytes.map_err(|position| fault::<L>(field, FieldProblem::Character { position }))?;
        let (padding, start) = if numeric { (b'0', width - length) } else { (b' ', 0) };
        slot.fill(padding);
        slot.iter_mut().skip(start).zip(bytes).for_each(|(to, from)| *to = from);
        Ok(self)
    }

    /// Sets a whole number, zeros on the left: pesos, days, hours, counts.
    ///
    /// # Errors
    ///
    /// When the number is negative or has more digits than the field.
    pub fn set_number<const N: usize>(
        &mut self,
        value: impl Into<i128>,
    ) -> Result<&mut Self, FieldError> {
        let field = const { &L::FIELDS[N - 1] };
        let slot = self.slot(field)?;
        let mut rest =
            u128::try_from(value.into()).map_err(|_| fault::<L>(field, FieldProblem::Negative))?;
        let (length, width) = (digits(rest), slot.len());
        if length > width {
            return Err(fault::<L>(field, FieldProblem::Length { length, width }));
        }
        for digit in slot.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        Ok(self)
    }

    /// Sets a rate, a fraction with a dot: seven characters, nine for work risk.
    ///
    /// # Errors
    ///
    /// When the rate is 1, or has more decimals than the field.
    pub fn set_rate<const N: usize>(&mut self, rate: Rate) -> Result<&mut Self, FieldError> {
        const { assert!(matches!(width::<L, N>(), 7 | 9), "a rate has 7 or 9 characters") };
        let field = const { &L::FIELDS[N - 1] };
        let decimals = const { width::<L, N>() - 2 };
        let text = format!("0.{:07}", rate.ten_millionths());
        let (written, lost) = text.split_at_checked(decimals + 2).unwrap_or((&text, ""));
        if written.len() != decimals + 2 || lost.bytes().any(|byte| byte != b'0') {
            return Err(fault::<L>(field, FieldProblem::Rate { decimals }));
        }
        if rate.ten_millionths() >= 10_000_000 {
            return Err(fault::<L>(field, FieldProblem::Rate { decimals }));
        }
        self.set_raw::<N>(written.as_bytes())
    }

    /// Sets a day, `YYYY-MM-DD`; `None` makes the field blank.
    ///
    /// # Errors
    ///
    /// When the year has not four digits, or the record does not have the field.
    pub fn set_date<const N: usize>(
        &mut self,
        day: impl Into<Option<Date>>,
    ) -> Result<&mut Self, FieldError> {
        const { assert!(width::<L, N>() == 10, "a day has 10 characters") };
        match day.into() {
            Some(day) => self.set_text::<N>(&day.to_string()),
            None => self.set_raw::<N>(&[b' '; 10]),
        }
    }

    /// Sets a month, `YYYY-MM`.
    ///
    /// # Errors
    ///
    /// When the record does not have the field.
    pub fn set_month<const N: usize>(&mut self, month: Month) -> Result<&mut Self, FieldError> {
        const { assert!(width::<L, N>() == 7, "a month has 7 characters") };
        self.set_raw::<N>(month.to_string().as_bytes())
    }

    /// Sets a field of one character, for example a novelty's `X`; `None` makes it blank.
    ///
    /// # Errors
    ///
    /// When the character cannot stand in a planilla.
    pub fn set_mark<const N: usize>(
        &mut self,
        mark: impl Into<Option<char>>,
    ) -> Result<&mut Self, FieldError> {
        const { assert!(width::<L, N>() == 1, "a mark has 1 character") };
        let field = const { &L::FIELDS[N - 1] };
        let byte = mark.into().map_or(Some(b' '), text::byte_of);
        let byte = byte.filter(|&byte| !text::is_foreign(byte));
        let byte = byte.ok_or(fault::<L>(field, FieldProblem::Character { position: 1 }))?;
        self.set_raw::<N>(&[byte])
    }

    fn slot(&mut self, field: &Field) -> Result<&mut [u8], FieldError> {
        let length = self.bytes.len();
        let slot = self.bytes.get_mut(field.range());
        slot.ok_or(fault::<L>(field, FieldProblem::Absent { length }))
    }
}

const fn width<L: Layout, const N: usize>() -> usize {
    let field = &L::FIELDS[N - 1];
    (field.end - field.start) as usize + 1
}

const fn fault<L: Layout>(field: &Field, problem: FieldProblem) -> FieldError {
    FieldError::new(L::NAME, field, problem)
}

fn digits(value: u128) -> usize {
    value.checked_ilog10().map_or(1, |log| usize::try_from(log).unwrap_or(usize::MAX) + 1)
}

impl HeaderBuf {
    /// A header of 359 characters: single presentation, electronic, not paid, from an operator not
    /// chosen yet. Payer, planilla type, periods, kind of payer and totals are to be set.
    #[must_use]
    pub fn new() -> Self {
        let mut header = Self::blank(layout::HEADER_LENGTH);
        header.fill(1, b"01");
        header.fill(2, b"1");
        header.fill(3, b"0001");
        header.fill(9, b"          ");
        header.fill(11, b"U");
        header.fill(17, b"          ");
        header
    }

    /// Sets the payer (fields 5 to 7), the check digit computed: 0 for documents that have none.
    ///
    /// # Errors
    ///
    /// As [`set_text`](Self::set_text).
    pub fn set_payer(&mut self, payer: &Document) -> Result<&mut Self, FieldError> {
        self.set_text::<5>(payer.kind.code())?.set_text::<6>(&payer.number)?;
        self.set_number::<7>(check_digit(payer))
    }
}

impl DetailBuf {
    /// A detail record in the newest form, 693 characters. Everything but the tag is to be set.
    #[must_use]
    pub fn new() -> Self {
        Self::of_length(DetailLength::L693)
    }

    /// A detail record in an older form.
    #[must_use]
    pub fn of_length(length: DetailLength) -> Self {
        let mut detail = Self::blank(length.characters());
        detail.fill(1, b"02");
        for number in layout::DETAIL_RATES {
            let zero = if layout::DETAIL[number - 1].range().len() == 9 {
                b"0.0000000".as_slice()
            } else {
                b"0.00000".as_slice()
            };
            detail.fill(number, zero);
        }
        detail
    }

    /// Sets the worker's document (fields 3 and 4).
    ///
    /// # Errors
    ///
    /// As [`set_text`](Self::set_text).
    pub fn set_person(&mut self, person: &Document) -> Result<&mut Self, FieldError> {
        self.set_text::<3>(person.kind.code())?.set_text::<4>(&person.number)
    }

    /// Sets the worker's name (fields 11 to 14).
    ///
    /// # Errors
    ///
    /// As [`set_text`](Self::set_text).
    pub fn set_names(&mut self, names: &Names) -> Result<&mut Self, FieldError> {
        self.set_text::<11>(&names.surname)?
            .set_text::<12>(&names.second_surname)?
            .set_text::<13>(&names.first)?
            .set_text::<14>(&names.second)
    }
}

impl PayerRecordBuf {
    /// A type-1 record of 567 characters: single presentation, no action, no benefit. The rest is
    /// to be set.
    #[must_use]
    pub fn new() -> Self {
        let mut record = Self::blank(layout::PAYER_LENGTH);
        record.fill(10, b"U");
        record.fill(33, b"N");
        record.fill(34, b"N");
        record
    }

    /// Sets the payer (fields 2 to 4), the check digit computed: 0 for documents that have none.
    ///
    /// # Errors
    ///
    /// As [`set_text`](Self::set_text).
    pub fn set_payer(&mut self, payer: &Document) -> Result<&mut Self, FieldError> {
        self.set_text::<2>(payer.kind.code())?.set_text::<3>(&payer.number)?;
        self.set_number::<4>(check_digit(payer))
    }
}

impl<L: Layout> RecordBuf<L> {
    /// Fills a field that every form of the record has.
    fn fill(&mut self, number: usize, raw: &[u8]) {
        if let Some(slot) = L::FIELDS.get(number - 1).and_then(|f| self.bytes.get_mut(f.range())) {
            slot.iter_mut().zip(raw).for_each(|(to, from)| *to = *from);
        }
    }
}

impl Default for HeaderBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for DetailBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for PayerRecordBuf {
    fn default() -> Self {
        Self::new()
    }
}

pub(super) fn check_digit(payer: &Document) -> u8 {
    let digit = (payer.kind == DocumentKind::Nit).then(|| nit_check_digit(&payer.number));
    digit.flatten().unwrap_or_default()
}
