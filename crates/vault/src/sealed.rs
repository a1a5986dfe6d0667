use std::fmt;

use crate::MalformedError;
use crate::aead::OVERHEAD;
use crate::derive::framed;

/// Layout written by this version: `1 | nonce | ciphertext | tag`.
pub(crate) const FORMAT: u8 = 1;

/// An encrypted value with the table and row it belongs to bound in; safe to store anywhere.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    pub(crate) const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What [`Sealed::as_bytes`] gave; checks length and format, not authenticity.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, MalformedError> {
        if bytes.len() < 1 + OVERHEAD {
            return Err(MalformedError::Length { what: "sealed value", length: bytes.len() });
        }
        if bytes[0] != FORMAT {
            return Err(MalformedError::Format { what: "sealed value", format: bytes[0] });
        }
        Ok(Self(bytes))
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes to store, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn without_format(&self) -> &[u8] {
        &self.0[1..]
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Where a sealed value lives: it opens only with the table and row it was sealed for.
///
/// A table with two sealed columns names the column too: `"imports.sealed_report"`.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    table: &'static str,
    row: Row<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Row<'a> {
    Id(i64),
    Ids(&'a [i64]),
    Uuid([u8; 16]),
    Bytes(&'a [u8]),
}

impl<'a> Context<'a> {
    /// A row with an internal id.
    #[must_use]
    pub const fn of_id(table: &'static str, id: i64) -> Self {
        Self { table, row: Row::Id(id) }
    }

    /// A row whose key is several numbers.
    #[must_use]
    pub const fn of_ids(table: &'static str, ids: &'a [i64]) -> Self {
        Self { table, row: Row::Ids(ids) }
    }

    /// A row known by its UUID.
    #[must_use]
    pub const fn of_uuid(table: &'static str, uuid: [u8; 16]) -> Self {
        Self { table, row: Row::Uuid(uuid) }
    }

    /// A row with any other key; the caller makes the encoding unambiguous.
    #[must_use]
    pub const fn of_bytes(table: &'static str, row: &'a [u8]) -> Self {
        Self { table, row: Row::Bytes(row) }
    }

    pub(crate) const fn table(&self) -> &'static str {
        self.table
    }

    /// Format, table, kind of row and row, each with its length: no two contexts share it.
    pub(crate) fn associated_data(&self) -> Vec<u8> {
        let table = self.table.as_bytes();
        match self.row {
            Row::Id(id) => framed(&[&[FORMAT], table, b"id", &id.to_be_bytes()]),
            Row::Uuid(uuid) => framed(&[&[FORMAT], table, b"uuid", &uuid]),
            Row::Bytes(row) => framed(&[&[FORMAT], table, b"bytes", row]),
            Row::Ids(ids) => {
                let row: Vec<u8> = ids.iter().flat_map(|id| id.to_be_bytes()).collect();
                framed(&[&[FORMAT], table, b"ids", &row])
            }
        }
    }
}
