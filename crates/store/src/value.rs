//! Parameters going into a statement and rows coming out of it, the same for both databases.

use bytes::BytesMut;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{IsNull, ToSql, Type};
use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed, SecretHash};

type Refusal = Box<dyn std::error::Error + Sync + Send>;

/// One parameter of a statement.
///
/// Integers are `bigint`, times are `bigint` microseconds since 1970 UTC, a UUID is `uuid` on
/// PostgreSQL and a 16-byte blob on SQLite, a boolean is 0 or 1 on SQLite. `Null` fits a column
/// of any type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// SQL null, of whatever type the statement wants.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A UUID.
    Uuid(Uuid),
}

impl Value<'_> {
    /// How many bytes there are of a text or of bytes.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Null | Self::Int(_) | Self::Bool(_) | Self::Uuid(_) => 0,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "a uuid",
        }
    }
}

macro_rules! from {
    ($($source:ty => |$name:ident| $value:expr),* $(,)?) => {$(
        impl<'a> From<$source> for Value<'a> {
            fn from($name: $source) -> Self { $value }
        }
    )*};
}

from! {
    i64 => |n| Value::Int(n),
    i32 => |n| Value::Int(i64::from(n)),
    i16 => |n| Value::Int(i64::from(n)),
    u32 => |n| Value::Int(i64::from(n)),
    u16 => |n| Value::Int(i64::from(n)),
    u8 => |n| Value::Int(i64::from(n)),
    bool => |b| Value::Bool(b),
    Uuid => |id| Value::Uuid(id),
    &'a Uuid => |id| Value::Uuid(*id),
    &'a str => |text| Value::Text(text),
    &'a String => |text| Value::Text(text),
    &'a [u8] => |bytes| Value::Bytes(bytes),
    &'a Vec<u8> => |bytes| Value::Bytes(bytes),
    &'a Sealed => |sealed| Value::Bytes(sealed.as_bytes()),
    &'a BlindIndex => |index| Value::Bytes(index.as_bytes()),
    &'a SecretHash => |hash| Value::Bytes(hash.as_bytes()),
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Value::Bytes(bytes)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Bool(b) => ValueRef::Integer(i64::from(*b)),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Uuid(id) => ValueRef::Blob(id.as_bytes()),
        }))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, Refusal> {
        match (self, ty) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Int(n), &Type::INT8) => out.extend_from_slice(&n.to_be_bytes()),
            (Self::Int(n), &Type::INT4) => {
                out.extend_from_slice(&i32::try_from(*n)?.to_be_bytes());
            }
            (Self::Int(n), &Type::INT2) => {
                out.extend_from_slice(&i16::try_from(*n)?.to_be_bytes());
            }
            (Self::Bool(b), &Type::BOOL) => out.extend_from_slice(&[u8::from(*b)]),
            (Self::Bool(b), &Type::INT8 | &Type::INT4 | &Type::INT2) => {
                return Value::Int(i64::from(*b)).to_sql(ty, out);
            }
            (Self::Text(text), _) if <&str as ToSql>::accepts(ty) => {
                out.extend_from_slice(text.as_bytes());
            }
            (Self::Text(text), &Type::JSON) => out.extend_from_slice(text.as_bytes()),
            (Self::Bytes(bytes), &Type::BYTEA) => out.extend_from_slice(bytes),
            (Self::Uuid(id), &Type::UUID) => out.extend_from_slice(id.as_bytes()),
            _ => return Err(format!("{} given where {ty} is wanted", self.kind()).into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Refusal> {
        self.to_sql(ty, out)
    }
}
