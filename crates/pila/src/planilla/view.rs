//! Records as views over the bytes of a line; nothing is copied.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::civil::Date;

use super::layout::{self, Field};
use super::{scalar, text};
use crate::{Document, DocumentKind, Month};

/// The layout a record follows.
pub trait Layout {
    /// Name of the record.
    const NAME: &'static str;
    /// Its fields, in order.
    const FIELDS: &'static [Field];
}

/// Layout of the type-2 header.
#[derive(Debug, Clone, Copy)]
pub enum HeaderLayout {}

/// Layout of the type-2 detail record.
#[derive(Debug, Clone, Copy)]
pub enum DetailLayout {}

/// Layout of the type-1 record.
#[derive(Debug, Clone, Copy)]
pub enum PayerLayout {}

impl Layout for HeaderLayout {
    const NAME: &'static str = "header";
    const FIELDS: &'static [Field] = &layout::HEADER;
}

impl Layout for DetailLayout {
    const NAME: &'static str = "detail";
    const FIELDS: &'static [Field] = &layout::DETAIL;
}

impl Layout for PayerLayout {
    const NAME: &'static str = "payer";
    const FIELDS: &'static [Field] = &layout::PAYER;
}

/// A record over the bytes of its line. Fields are asked for by their number in the regulation;
/// their positions are constants, and a number the layout does not have does not compile.
///
/// A field beyond the end of an older, shorter record reads as empty.
pub struct Record<'a, L> {
    line: &'a [u8],
    layout: PhantomData<L>,
}

/// The first record of a planilla.
pub type Header<'a> = Record<'a, HeaderLayout>;

/// One line of a planilla: a stretch of one worker's month.
pub type Detail<'a> = Record<'a, DetailLayout>;

/// The type-1 record: general data of a payer.
pub type PayerRecord<'a> = Record<'a, PayerLayout>;

impl<L> Clone for Record<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for Record<'_, L> {}

impl<L: Layout> fmt::Debug for Record<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({}, {} bytes)", L::NAME, self.line.len())
    }
}

impl<'a, L: Layout> Record<'a, L> {
    pub(super) const fn over(line: &'a [u8]) -> Self {
        Self { line, layout: PhantomData }
    }

    /// The bytes of the record, padding removed.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.line
    }

    /// The bytes of field `N`.
    #[must_use]
    pub fn raw<const N: usize>(&self) -> &'a [u8] {
        let range = const { L::FIELDS[N - 1].range() };
        self.line.get(range).unwrap_or_default()
    }

    /// The bytes of a field chosen at run time.
    #[must_use]
    pub fn field(&self, field: &Field) -> &'a [u8] {
        self.line.get(field.range()).unwrap_or_default()
    }

    /// Whether field `N` holds only spaces, or is absent.
    #[must_use]
    pub fn is_blank<const N: usize>(&self) -> bool {
        text::is_blank(self.raw::<N>())
    }

    /// The text of field `N` without the spaces at both ends, possibly empty.
    #[must_use]
    pub fn text<const N: usize>(&self) -> Cow<'a, str> {
        text::decode(text::trim(self.raw::<N>()))
    }

    /// The text of field `N`, `None` when blank.
    #[must_use]
    pub fn filled<const N: usize>(&self) -> Option<String> {
        let text = self.text::<N>();
        (!text.is_empty()).then(|| text.into_owned())
    }

    /// The number in field `N` when it holds digits and nothing else.
    #[inline]
    pub(super) fn digits<const N: usize>(&self) -> Option<u64> {
        // Not by [`raw`](Self::raw): where the field is there, its length is a constant.
        let range = const { L::FIELDS[N - 1].range() };
        self.line.get(range).and_then(scalar::digits)
    }

    /// The digits of field `N`; `None` when it is blank or holds anything else. Spaces around the
    /// digits are ignored.
    #[must_use]
    pub fn number<const N: usize>(&self) -> Option<u64> {
        self.digits::<N>().or_else(|| scalar::digits(text::trim(self.raw::<N>())))
    }

    /// The first character of field `N`, `None` when it is a space.
    #[must_use]
    pub fn mark<const N: usize>(&self) -> Option<char> {
        let byte = *self.raw::<N>().first()?;
        text::character(byte).filter(|&c| c != ' ')
    }

    /// The day in field `N`; `None` when blank or not `YYYY-MM-DD`.
    #[must_use]
    pub fn date<const N: usize>(&self) -> Option<Date> {
        scalar::date(self.raw::<N>())
    }

    /// The month in field `N`; `None` when not `YYYY-MM`.
    #[must_use]
    pub fn month<const N: usize>(&self) -> Option<Month> {
        scalar::month(self.raw::<N>())
    }

    /// The document whose kind is in field `KIND` and whose number is in field `NUMBER`, in its
    /// normal form.
    fn document<const KIND: usize, const NUMBER: usize>(&self) -> Option<Document> {
        let kind = DocumentKind::from_code(&self.text::<KIND>())?;
        Some(Document::new(kind, self.text::<NUMBER>()).normal())
    }
}

impl<'a> Header<'a> {
    /// The header in this line, line end excluded; `None` unless it has the tag and the length.
    #[must_use]
    pub fn new(line: &'a [u8]) -> Option<Self> {
        let fits = line.len() == layout::HEADER_LENGTH && line.starts_with(b"01");
        fits.then(|| Self::over(line))
    }

    /// Fields 5 and 6: who pays.
    #[must_use]
    pub fn payer(&self) -> Option<Document> {
        self.document::<5, 6>()
    }

    /// Field 8: letter of the planilla type.
    #[must_use]
    pub fn planilla_kind(&self) -> Option<char> {
        self.mark::<8>()
    }

    /// Field 12 when the presentation (field 11) is by branch.
    #[must_use]
    pub fn branch(&self) -> Option<String> {
        self.filled::<12>().filter(|_| self.mark::<11>() != Some('U'))
    }

    /// Field 15: month of work.
    #[must_use]
    pub fn period(&self) -> Option<Month> {
        self.month::<15>()
    }

    /// Field 17: number given by the operator, with the zeros on the left that some writers leave
    /// out; `None` on a draft. Some writers fill it with zeros.
    #[must_use]
    pub fn planilla_number(&self) -> Option<String> {
        let number = self.filled::<17>().filter(|text| text.bytes().any(|byte| byte != b'0'))?;
        Some(format!("{number:0>width$}", width = self.raw::<17>().len()))
    }

    /// Field 18: day of payment; `None` on a draft.
    #[must_use]
    pub fn paid_on(&self) -> Option<Date> {
        self.date::<18>()
    }
}

impl<'a> Detail<'a> {
    /// The detail record in this line, line end excluded; `None` unless it has the tag and one of
    /// the lengths 676, 686, 693, or one of them padded with spaces to 702.
    #[must_use]
    pub fn new(line: &'a [u8]) -> Option<Self> {
        if !line.starts_with(b"02") {
            return None;
        }
        let length = detail_length(line)?;
        line.get(..length).map(Self::over)
    }

    /// Field 2: position inside the planilla.
    #[must_use]
    pub fn sequence(&self) -> Option<u32> {
        u32::try_from(self.digits::<2>()?).ok()
    }

    /// Fields 3 and 4: the worker.
    #[must_use]
    pub fn person(&self) -> Option<Document> {
        self.document::<3, 4>()
    }

    /// Field `N` in whole pesos, 0 when blank: the regulation leaves unused amounts at zero and
    /// some writers leave them empty.
    #[must_use]
    pub fn pesos<const N: usize>(&self) -> Option<i64> {
        if self.is_blank::<N>() {
            return Some(0);
        }
        i64::try_from(self.number::<N>()?).ok()
    }

    /// Field `N` in days.
    #[must_use]
    pub fn days<const N: usize>(&self) -> Option<u8> {
        u8::try_from(self.digits::<N>()?).ok()
    }
}

/// The length of the detail record in this line, padding excluded.
fn detail_length(line: &[u8]) -> Option<usize> {
    let mut lengths = layout::DETAIL_LENGTHS.into_iter();
    if line.len() == layout::DETAIL_PADDED {
        let written = text::trim_end(line).len();
        return lengths.find(|&length| written <= length);
    }
    lengths.find(|&length| line.len() == length)
}

impl<'a> PayerRecord<'a> {
    /// The payer record in this line, line end excluded; `None` unless its length is 567, or 552
    /// as in the older form.
    #[must_use]
    pub fn new(line: &'a [u8]) -> Option<Self> {
        let fits = matches!(line.len(), layout::PAYER_LENGTH | layout::PAYER_OLD_LENGTH);
        fits.then(|| Self::over(line))
    }

    /// Fields 2 and 3: who pays.
    #[must_use]
    pub fn payer(&self) -> Option<Document> {
        self.document::<2, 3>()
    }

    /// Field 30 as two digits; the older form writes one.
    #[must_use]
    pub fn contributor_type(&self) -> Option<String> {
        if self.line.len() == layout::PAYER_OLD_LENGTH {
            let digit = *self.line.last().filter(|byte| byte.is_ascii_digit())?;
            return Some(format!("0{}", char::from(digit)));
        }
        self.filled::<30>()
    }
}
