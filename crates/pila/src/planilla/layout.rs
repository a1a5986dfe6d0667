//! The record layouts, read from their tables when the crate is compiled.
//!
//! A table that overlaps, leaves a gap or miscounts a length does not compile.

use std::ops::Range;

/// How the regulation declares a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// `N`: digits, padded with zeros on the left.
    Numeric,
    /// `A`: text, left aligned, padded with spaces.
    Text,
}

/// One field of a record. Positions count bytes, which are characters in cp1252.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Number in the regulation's table.
    pub number: u16,
    /// First position, from 1.
    pub start: u16,
    /// Last position, inclusive.
    pub end: u16,
    /// Declared type.
    pub kind: FieldType,
    /// Official name.
    pub name_es: &'static str,
    /// Short English name.
    pub name_en: &'static str,
}

impl Field {
    /// The bytes of the field inside its record, from 0.
    #[must_use]
    pub const fn range(&self) -> Range<usize> {
        self.start as usize - 1..self.end as usize
    }

    /// The positions as a reader counts them, from 1 and inclusive.
    #[must_use]
    pub const fn columns(&self) -> (u32, u32) {
        (self.start as u32, self.end as u32)
    }
}

/// Type-2 header, record `01` (annex 2, section 2.1.1.1).
pub static HEADER: [Field; 22] = parse(include_str!("../../data/layout/type2-header.tsv"));

/// Type-2 detail, record `02` (annex 2, section 2.1.2.1).
pub static DETAIL: [Field; 98] = parse(include_str!("../../data/layout/type2-detail.tsv"));

/// Type-1 record, general data of the payer.
pub static PAYER: [Field; 34] = parse(include_str!("../../data/layout/type1-payer.tsv"));

/// Length of the type-2 header.
pub const HEADER_LENGTH: usize = 359;

/// Lengths of the detail record: from 2016, with field 97, with fields 97 and 98.
pub const DETAIL_LENGTHS: [usize; 3] = [676, 686, 693];

/// Rates of the detail record, fractions with a dot.
pub(super) const DETAIL_RATES: [usize; 8] = [46, 54, 61, 64, 66, 68, 70, 72];

/// Length to which one writer pads its detail records with spaces.
pub const DETAIL_PADDED: usize = 702;

/// Length of the type-1 record.
pub const PAYER_LENGTH: usize = 567;

/// Length of the older type-1 record: a kind of payer of one digit, no fields 31 to 34.
pub const PAYER_OLD_LENGTH: usize = 552;

const _: () = {
    assert!(HEADER[21].end as usize == HEADER_LENGTH);
    assert!(DETAIL[95].end as usize == DETAIL_LENGTHS[0]);
    assert!(DETAIL[96].end as usize == DETAIL_LENGTHS[1]);
    assert!(DETAIL[97].end as usize == DETAIL_LENGTHS[2]);
    assert!(PAYER[33].end as usize == PAYER_LENGTH);
    assert!(PAYER[29].start as usize == PAYER_OLD_LENGTH);
};

/// The bytes of a run of detail fields, from 0.
pub(super) const fn detail_span(first: usize, last: usize) -> Range<usize> {
    DETAIL[first - 1].range().start..DETAIL[last - 1].range().end
}

/// Reads a table of `field start end length type name_es name_en …`; runs in the compiler only.
const fn parse<const N: usize>(table: &'static str) -> [Field; N] {
    const EMPTY: Field =
        Field { number: 0, start: 0, end: 0, kind: FieldType::Text, name_es: "", name_en: "" };
    let mut fields = [EMPTY; N];
    let mut rest = cut(table, b'\n').1;
    let mut position = 0;
    let mut index = 0;
    while index < N {
        let (row, next) = cut(rest, b'\n');
        fields[index] = parse_row(row);
        assert!(fields[index].number as usize == index + 1, "a field is missing");
        assert!(fields[index].start == position + 1, "fields overlap or leave a gap");
        position = fields[index].end;
        index += 1;
        rest = next;
    }
    assert!(rest.is_empty(), "more rows than fields");
    fields
}

const fn parse_row(row: &'static str) -> Field {
    let (number, row) = cut(row, b'\t');
    let (start, row) = cut(row, b'\t');
    let (end, row) = cut(row, b'\t');
    let (length, row) = cut(row, b'\t');
    let (kind, row) = cut(row, b'\t');
    let (name_es, row) = cut(row, b'\t');
    let (name_en, _) = cut(row, b'\t');
    let field = Field {
        number: parse_number(number),
        start: parse_number(start),
        end: parse_number(end),
        kind: match kind.as_bytes() {
            b"N" => FieldType::Numeric,
            b"A" => FieldType::Text,
            _ => panic!("the type of a field is N or A"),
        },
        name_es,
        name_en,
    };
    assert!(parse_number(length) == field.end - field.start + 1, "a length is wrong");
    field
}

/// The text before and after the first `separator`.
const fn cut(text: &'static str, separator: u8) -> (&'static str, &'static str) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while bytes[at] != separator {
        at += 1;
    }
    (text.split_at(at).0, text.split_at(at + 1).1)
}

const fn parse_number(text: &str) -> u16 {
    let bytes = text.as_bytes();
    let mut value = 0;
    let mut at = 0;
    while at < bytes.len() {
        assert!(bytes[at].is_ascii_digit(), "a number is expected");
        value = value * 10 + (bytes[at] - b'0') as u16;
        at += 1;
    }
    value
}
