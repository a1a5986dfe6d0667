//! What is there of an installation, before anything is made or changed.

use crate::copy::UNFINISHED;
use crate::engine::address::Server;
use crate::engine::lane::apart;
use crate::engine::session::Session;
use crate::engine::sqlite;
use crate::error::Result;
use crate::migrate::{HISTORY, VAULT_HISTORY, io_error, migrate_lock, newest};
use crate::target::Target;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// How long a look waits for a lock.
const BUSY: Duration = Duration::from_secs(5);

/// What there is of one half of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// No file, or no tables.
    Missing,
    /// Tables in which nothing was ever stored.
    Empty,
    /// Somebody's data, or the keys of an installation.
    Filled,
}

/// What there is of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Everything but the keys.
    pub data: Half,
    /// The wrapped keys.
    pub keys: Half,
}

impl Found {
    /// Whether nothing was ever made here.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        (self.data, self.keys) == (Half::Missing, Half::Missing)
    }

    /// Whether there is something that only its own master key opens.
    #[must_use]
    pub fn is_filled(self) -> bool {
        self.data == Half::Filled || self.keys == Half::Filled
    }
}

/// Looks what there is at `target`. Makes nothing. Blocks.
///
/// # Errors
/// [`Error::Unavailable`](crate::Error::Unavailable) when the database cannot be reached or a file
/// of it cannot be looked at; else what the database says to a file that is none.
pub fn look(target: &Target) -> Result<Found> {
    let [data, keys] = both(target)?;
    Ok(Found { data: data.half(), keys: keys.half() })
}

/// A table of `target` that has rows because somebody's installation is there; `None` where there is none, or half
/// a copy of one. Makes nothing. Blocks.
pub(crate) fn occupied(target: &Target) -> Result<Option<&'static str>> {
    let found = both(target)?;
    if found.iter().any(|tables| tables.is_unfinished) {
        return Ok(None);
    }
    let filled = found.iter().zip(FIRST).find(|(tables, _)| tables.is_filled);
    Ok(filled.map(|(_, [first, _])| first))
}

/// Data and keys.
fn both(target: &Target) -> Result<[Tables; 2]> {
    match target {
        Target::Sqlite { dir } => {
            // Whoever migrates at this moment has not made everything yet, and wants to be alone.
            let lock =
                File::open(migrate_lock(dir)).and_then(|lock| lock.lock_shared().map(|()| lock));
            let found = in_files(dir);
            drop(lock);
            found
        }
        Target::Postgres { url } => apart(|| in_schemas(&mut Session::open(&Server::at(url)?)?)),
    }
}

/// One half, with the version that its tables are at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) version: Option<i32>,
    is_filled: bool,
    /// Whether there is anybody in it, or anybody's key.
    pub(crate) knows_people: bool,
    /// Whether `vinculo db copy` has not ended here.
    pub(crate) is_unfinished: bool,
}

impl Tables {
    pub(crate) const fn half(self) -> Half {
        match (self.version, self.is_filled) {
            (None, _) => Half::Missing,
            (Some(_), false) => Half::Empty,
            (Some(_), true) => Half::Filled,
        }
    }
}

/// What has a row in the data, and in the keys, as soon as anything was made; and as soon as anybody
/// is known.
const FIRST: [[&str; 2]; 2] =
    [["organizations", "subjects"], ["root_keys", "data_keys where owner_kind = 'subject'"]];

/// Data and keys in a folder.
pub(crate) fn in_files(dir: &Path) -> Result<[Tables; 2]> {
    let [data, keys] = FIRST;
    Ok([in_file(&sqlite::data_file(dir), data)?, in_file(&sqlite::vault_file(dir), keys)?])
}

fn in_file(file: &Path, [first, people]: [&str; 2]) -> Result<Tables> {
    match file.metadata() {
        // A file that may not be looked at is not a missing one.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Tables::default()),
        Err(error) => return Err(io_error(file, &error)),
        Ok(_) => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    let there = "select exists (select 1 from sqlite_master where type = 'table' and name = ?1)";
    let has = |table: &str| connection.query_row(there, [table], |row| row.get::<_, bool>(0));
    if !has(HISTORY)? {
        return Ok(Tables::default());
    }
    let version: Option<i32> = connection.query_row(&newest(HISTORY), [], |row| row.get(0))?;
    if version.is_none() {
        return Ok(Tables::default());
    }
    let any = |rows| connection.query_row(&any_row(rows), [], |row| row.get::<_, bool>(0));
    let (is_filled, knows_people) = (any(first)?, any(people)?);
    Ok(Tables { version, is_filled, knows_people, is_unfinished: has(UNFINISHED)? })
}

/// Data and keys in a database of PostgreSQL.
pub(crate) fn in_schemas(session: &mut Session) -> Result<[Tables; 2]> {
    let [data, keys] = FIRST;
    Ok([
        in_schema(session, "public", HISTORY, data)?,
        in_schema(session, "vault", VAULT_HISTORY, keys)?,
    ])
}

fn in_schema(
    session: &mut Session,
    schema: &str,
    history: &str,
    [first, people]: [&str; 2],
) -> Result<Tables> {
    let [history, unfinished, first, people] =
        [history, UNFINISHED, first, people].map(|name| format!("{schema}.{name}"));
    let mut has = |table: &String| -> Result<bool> {
        Ok(session.row("select to_regclass($1) is not null", &[table])?.get(0))
    };
    if !has(&history)? {
        return Ok(Tables::default());
    }
    let is_unfinished = has(&unfinished)?;
    let version: Option<i32> = session.row(&newest(&history), &[])?.get(0);
    if version.is_none() {
        return Ok(Tables::default());
    }
    let mut any = |rows: &str| -> Result<bool> { Ok(session.row(&any_row(rows), &[])?.get(0)) };
    let (is_filled, knows_people) = (any(&first)?, any(&people)?);
    Ok(Tables { version, is_filled, knows_people, is_unfinished })
}

fn any_row(rows: &str) -> String {
    format!("select exists (select 1 from {rows})")
}
