//! Rows coming out of a statement, read by position, the same for both databases.

use crate::copy::Cell;
use crate::error::{Error, Result};
use rusqlite::types::{FromSqlError, FromSqlResult, ValueRef};
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;
use vinculo_vault::{BlindIndex, MalformedError, Sealed, SecretHash, WrappedKey};

/// One row of an answer; columns are read by position, from 0.
///
/// Every getter fails with [`Error::Answer`], naming the column, when it is of another type; the
/// getters without `opt_` also when it is null.
pub struct Row<'a> {
    pub(crate) cells: Cells<'a>,
    pub(crate) sql: &'a str,
}

pub(crate) enum Cells<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

macro_rules! getters {
    ($($doc:literal $get:ident, $opt:ident: $native:ty => $owned:ty;)*) => {$(
        #[doc = $doc]
        ///
        /// # Errors
        /// [`Error::Answer`] when the column is null or holds something else.
        pub fn $get(&self, column: usize) -> Result<$owned> {
            self.$opt(column)?.ok_or_else(|| self.broken(column, "is null"))
        }

        #[doc = $doc]
        /// `None` when the column is null.
        ///
        /// # Errors
        /// [`Error::Answer`] when the column holds something else.
        pub fn $opt(&self, column: usize) -> Result<Option<$owned>> {
            let cell: Option<$native> = self.cell(column, stringify!($get))?;
            Ok(cell.map(<$owned>::from))
        }
    )*};
}

macro_rules! secrets {
    ($($doc:literal $get:ident, $opt:ident -> $owned:ty = $parse:expr;)*) => {$(
        #[doc = $doc]
        ///
        /// # Errors
        /// [`Error::Answer`] when the column is null or malformed.
        pub fn $get(&self, column: usize) -> Result<$owned> {
            self.$opt(column)?.ok_or_else(|| self.broken(column, "is null"))
        }

        #[doc = $doc]
        /// `None` when the column is null.
        ///
        /// # Errors
        /// [`Error::Answer`] when the column is malformed.
        pub fn $opt(&self, column: usize) -> Result<Option<$owned>> {
            let parse: fn(Vec<u8>) -> Result<$owned, MalformedError> = $parse;
            let parsed = self.opt_bytes(column)?.map(parse).transpose();
            parsed.map_err(|error| self.broken(column, &error.to_string()))
        }
    )*};
}

impl Row<'_> {
    getters! {
        "A 64-bit integer."
        int, opt_int: Int => i64;
        "A boolean; on SQLite 0 or 1."
        bool, opt_bool: Flag => bool;
        "A text."
        text, opt_text: String => String;
        "Bytes."
        bytes, opt_bytes: Vec<u8> => Vec<u8>;
        "A UUID; on SQLite 16 bytes."
        uuid, opt_uuid: Id => Uuid;
    }

    secrets! {
        "An encrypted value."
        sealed, opt_sealed -> Sealed = Sealed::from_bytes;
        "A look-up value."
        blind_index, opt_blind_index -> BlindIndex = |bytes| BlindIndex::from_bytes(&bytes);
        "The keyed hash of an API secret."
        secret_hash, opt_secret_hash -> SecretHash = |bytes| SecretHash::from_bytes(&bytes);
        "A wrapped key."
        wrapped_key, opt_wrapped_key -> WrappedKey = |bytes| WrappedKey::from_bytes(&bytes);
    }

    /// Whatever the column holds; a UUID as its bytes.
    pub(crate) fn any(&self, column: usize) -> Result<Cell> {
        let postgres_type = match &self.cells {
            Cells::Sqlite(row) => {
                return Ok(match row.get_ref(column)? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(number) => Cell::Int(number),
                    ValueRef::Text(_) => Cell::Text(self.text(column)?),
                    ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
                    ValueRef::Real(_) => return Err(self.broken(column, "is not of a known type")),
                });
            }
            Cells::Postgres(row) => row.columns().get(column).map(tokio_postgres::Column::type_),
        };
        let cell = match postgres_type {
            Some(&Type::TEXT) => self.opt_text(column)?.map(Cell::Text),
            Some(&Type::BYTEA) => self.opt_bytes(column)?.map(Cell::Bytes),
            Some(&Type::UUID) => self.opt_uuid(column)?.map(|id| Cell::Bytes(id.into())),
            _ => self.opt_int(column)?.map(Cell::Int),
        };
        Ok(cell.unwrap_or(Cell::Null))
    }

    fn cell<T>(&self, column: usize, kind: &str) -> Result<Option<T>>
    where
        T: rusqlite::types::FromSql + for<'r> FromSql<'r>,
    {
        match &self.cells {
            Cells::Sqlite(row) => row.get(column).ok(),
            Cells::Postgres(row) => row.try_get(column).ok(),
        }
        .ok_or_else(|| self.broken(column, &format!("is not of type {kind}")))
    }

    fn broken(&self, column: usize, what: &str) -> Error {
        let name = match &self.cells {
            Cells::Sqlite(row) => row.as_ref().column_name(column).ok(),
            Cells::Postgres(row) => row.columns().get(column).map(tokio_postgres::Column::name),
        };
        let name = name.unwrap_or("which does not exist");
        Error::answer(self.sql, format!("column {column} ({name}) {what}"))
    }
}

/// Any integer column; PostgreSQL has three widths of them.
struct Int(i64);

impl From<Int> for i64 {
    fn from(int: Int) -> Self {
        int.0
    }
}

impl rusqlite::types::FromSql for Int {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

impl<'a> FromSql<'a> for Int {
    fn from_sql(
        ty: &Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *ty {
            Type::INT2 => i16::from_sql(ty, raw).map(|n| Self(n.into())),
            Type::INT4 => i32::from_sql(ty, raw).map(|n| Self(n.into())),
            _ => i64::from_sql(ty, raw).map(Self),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::INT4 | Type::INT2)
    }
}

/// A boolean: a type of its own on PostgreSQL, a number elsewhere.
struct Flag(bool);

impl From<Flag> for bool {
    fn from(flag: Flag) -> Self {
        flag.0
    }
}

impl Flag {
    fn from_int(int: i64) -> Option<Self> {
        matches!(int, 0 | 1).then_some(Self(int == 1))
    }
}

impl rusqlite::types::FromSql for Flag {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let int = value.as_i64()?;
        Self::from_int(int).ok_or(FromSqlError::OutOfRange(int))
    }
}

impl<'a> FromSql<'a> for Flag {
    fn from_sql(
        ty: &Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        if *ty == Type::BOOL {
            return bool::from_sql(ty, raw).map(Self);
        }
        Self::from_int(Int::from_sql(ty, raw)?.0).ok_or_else(|| "neither 0 nor 1".into())
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::BOOL || Int::accepts(ty)
    }
}

/// A UUID column.
struct Id(Uuid);

impl From<Id> for Uuid {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl rusqlite::types::FromSql for Id {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Uuid::from_slice(value.as_blob()?).map(Self).map_err(FromSqlError::other)
    }
}

impl<'a> FromSql<'a> for Id {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Uuid::from_slice(raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }
}
