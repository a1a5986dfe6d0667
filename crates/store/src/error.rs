//! What can go wrong in a database, without a word about what the rows hold.

use std::fmt;

/// Result of every call into the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the store.
///
/// Cheap to clone, because one failed commit answers every closure that shared it. Neither
/// `Display` nor `Debug` nor any `source()` ever holds a value of a row: what the drivers say
/// about values (PostgreSQL's `DETAIL` lines, for one) is dropped when the error is made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database cannot be reached, went away, or the store is closed. When the connection or
    /// the disk failed inside the commit, what a write did is unknown; otherwise nothing happened.
    #[error("database unavailable: {0}")]
    Unavailable(Cause),
    /// The disk (or the quota) that holds the database is full; nothing was written.
    #[error("database full: {0}")]
    Full(Cause),
    /// Somebody else holds a lock for too long, a transaction lost a race, or too many closures
    /// wait already. Trying again later is right.
    #[error("database busy: {0}")]
    Busy(Cause),
    /// A unique key or an exclusion refused the row.
    #[error("conflict: {0}")]
    Conflict(Cause),
    /// A stored row is not what this program could have written.
    #[error("table {table} is corrupt: {what}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// Which column or row, and what was expected of it; never a value that says who
        /// somebody is.
        what: String,
    },
    /// An answer has another shape than the statement promises: no row where one must be, a null
    /// or another type in a column.
    #[error("unexpected answer to \"{statement}\": {what}")]
    Answer {
        /// The beginning of the statement.
        statement: String,
        /// The column and what is wrong with it.
        what: String,
    },
    /// The schema is missing, older or newer than this program, or could not be migrated.
    #[error("migration: {0}")]
    Migration(String),
    /// The data is there, the keys that open it are not.
    #[error("the keys of this installation are missing: restore vault.db, or the schema `vault`")]
    KeysMissing,
    /// People have keys, the data they belong to is not there.
    #[error(
        "there are keys of people, and the data they belong to is missing: restore vinculo.db, or the \
         schema `public`"
    )]
    DataMissing,
    /// The closure given to the store panicked; its changes were undone.
    #[error("a store closure panicked and its changes were undone")]
    Panicked,
    /// The address of a database cannot be understood.
    #[error("database address: {0}")]
    Address(String),
    /// A backup or what it is restored into is not as it must be.
    #[error("{0}")]
    Backup(String),
    /// Any other refusal by the database: a mistake in a statement or a broken constraint.
    #[error("database refused the statement: {0}")]
    Database(Cause),
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_) | Self::Full(_))
    }

    pub(crate) fn closed() -> Self {
        Self::Unavailable(Cause::own("the store is closed"))
    }

    pub(crate) fn crowded() -> Self {
        Self::Busy(Cause::own("too many closures wait already"))
    }

    pub(crate) fn busy(text: impl Into<String>) -> Self {
        Self::Busy(Cause::own(text))
    }

    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self::Unavailable(Cause::own(text))
    }

    pub(crate) fn answer(sql: &str, what: impl Into<String>) -> Self {
        const SHOWN: usize = 60;
        let mut statement: String = sql.chars().take(SHOWN).collect();
        if statement.len() < sql.len() {
            statement.push('…');
        }
        Self::Answer { statement, what: what.into() }
    }
}

/// What a driver said, reduced to what is safe to print.
#[derive(Clone, Debug)]
pub struct Cause {
    code: Option<String>,
    text: String,
}

impl Cause {
    /// The SQLSTATE (PostgreSQL) or the extended result code (SQLite), when the database gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub(crate) fn own(text: impl Into<String>) -> Self {
        Self { code: None, text: text.into() }
    }

    /// The same, with what else there is to say.
    pub(crate) fn and(self, more: &str) -> Self {
        Self { text: format!("{}; {more}", self.text), ..self }
    }

    /// The same, with where it was.
    pub(crate) fn at(self, place: &str) -> Self {
        Self { text: format!("{} at {place}", self.text), ..self }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} ({code})", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let Some(failure) = error.sqlite_error().copied() else {
            return Self::Database(Cause::own(error.to_string()));
        };
        let cause =
            Cause { code: Some(failure.extended_code.to_string()), text: sqlite_text(&error) };
        match failure.code {
            Code::DatabaseBusy | Code::DatabaseLocked => Self::Busy(cause),
            Code::DiskFull => Self::Full(cause),
            Code::CannotOpen | Code::SystemIoFailure | Code::ReadOnly => Self::Unavailable(cause),
            Code::ConstraintViolation if is_unique(failure.extended_code) => Self::Conflict(cause),
            _ => Self::Database(cause),
        }
    }
}

fn is_unique(extended_code: i32) -> bool {
    use rusqlite::ffi;
    matches!(
        extended_code,
        ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID
    )
}

/// SQLite's own messages name tables and columns and quote at most the statement, whose values
/// are always parameters here.
fn sqlite_text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            return without_sqlstate(&error);
        };
        let code = db.code().code();
        by_sqlstate(code)(Cause { code: Some(code.to_owned()), text: postgres_text(db) })
    }
}

/// What a SQLSTATE stands for. Whatever speaks the protocol may send any text as one.
fn by_sqlstate(code: &str) -> fn(Cause) -> Error {
    // Its class is the first two.
    let is_away = ["08", "28", "53", "57"].iter().any(|class| code.starts_with(class));
    match code {
        "23505" | "23P01" => Error::Conflict,
        "53100" => Error::Full,
        // The first of a primary that has become a standby: the next connection may find another one. The next
        // two end the session of a process that stood still, or was paused, in a transaction.
        "25006" | "25P03" | "25P04" | "3D000" => Error::Unavailable,
        "40001" | "40P01" | "55P03" | "57014" => Error::Busy,
        _ if is_away => Error::Unavailable,
        _ => Error::Database,
    }
}

/// The error did not come from the server: a lost or refused connection, or a parameter or
/// column of another type than the statement's.
fn without_sqlstate(error: &tokio_postgres::Error) -> Error {
    use std::error::Error as _;
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    let text = error.to_string();
    if error.is_closed() || io.is_some() || text.starts_with("error connecting") {
        let reason = io.map(|io| format!(": {}", io.kind())).unwrap_or_default();
        return Error::Unavailable(Cause::own(format!("{text}{reason}")));
    }
    let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    Error::Database(Cause::own(format!("{text}{reason}")))
}

/// PostgreSQL's primary message names objects, except where the complaint is about a value
/// (class 22) or the text was composed by a trigger (class P0): those are cut to a label.
fn postgres_text(db: &tokio_postgres::error::DbError) -> String {
    let code = db.code().code();
    let mut text = if code.starts_with("22") || code.starts_with("P0") {
        "a value was refused".to_owned()
    } else {
        db.message().to_owned()
    };
    for (label, name) in [("table", db.table()), ("column", db.column())] {
        if let Some(name) = name {
            text.push_str(&format!(", {label} {name}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_can_be_a_sqlstate() {
        let kind = |code| match by_sqlstate(code)(Cause::own("")) {
            Error::Unavailable(_) => "unavailable",
            Error::Full(_) => "full",
            Error::Busy(_) => "busy",
            Error::Conflict(_) => "conflict",
            _ => "refused",
        };
        for (code, expected) in [
            ("", "refused"),
            ("0", "refused"),
            ("é", "refused"),
            ("5é", "refused"),
            ("42601", "refused"),
            ("08", "unavailable"),
            ("08006", "unavailable"),
            ("28P01", "unavailable"),
            ("3D000", "unavailable"),
            ("57P01", "unavailable"),
            ("25P03", "unavailable"),
            ("25P04", "unavailable"),
            ("25006", "unavailable"),
            ("53300", "unavailable"),
            ("53100", "full"),
            ("57014", "busy"),
            ("40001", "busy"),
            ("23505", "conflict"),
            ("23503", "refused"),
        ] {
            assert_eq!(kind(code), expected, "{code:?}");
        }
    }
}
