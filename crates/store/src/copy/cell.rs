//! One value of a row, the same whichever database it comes from.

use crate::error::Result;
use crate::value::Value;
use uuid::Uuid;

use super::refused;

/// What a column holds on one of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
    /// On PostgreSQL; 16 bytes on SQLite.
    Uuid,
}

impl Kind {
    /// By the name that the database has for it.
    pub(super) fn named(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "integer" | "bigint" => Ok(Self::Int),
            "text" => Ok(Self::Text),
            "blob" | "bytea" => Ok(Self::Bytes),
            "uuid" => Ok(Self::Uuid),
            other => Err(refused(format!("columns of type {other} cannot be copied"))),
        }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    /// Bytes, or a UUID.
    Bytes(Vec<u8>),
}

impl Cell {
    /// The parameter for a column of this kind.
    pub(super) fn value(&self, kind: Kind) -> Result<Value<'_>> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Int(number) => Value::Int(*number),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) if kind == Kind::Uuid => {
                let id = Uuid::from_slice(bytes);
                Value::Uuid(id.map_err(|_| refused("a UUID that is not 16 bytes long"))?)
            }
            Self::Bytes(bytes) => Value::Bytes(bytes),
        })
    }

    /// What stands for it in a digest: no two cells have the same.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let number;
        let (tag, bytes): (u8, &[u8]) = match self {
            Self::Null => (0, &[]),
            Self::Int(int) => {
                number = int.to_be_bytes();
                (1, &number)
            }
            Self::Text(text) => (2, text.as_bytes()),
            Self::Bytes(bytes) => (3, bytes),
        };
        out.push(tag);
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
    }
}
