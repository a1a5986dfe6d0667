//! Copies of the two files of SQLite while they are in use, and the way back.

use crate::engine::sqlite;
use crate::error::{Error, Result};
use crate::migrate::{HISTORY, io_error, make_private_folder, migrate};
use crate::store::{Options, Store};
use crate::target::Target;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a copy waits for a lock.
const BUSY: Duration = Duration::from_secs(30);

/// One of the two files of a SQLite installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything but the keys.
    Data,
    /// The wrapped keys and the receipts of erasures.
    Keys,
}

impl Part {
    fn file(self, dir: &Path) -> PathBuf {
        match self {
            Self::Data => sqlite::data_file(dir),
            Self::Keys => sqlite::vault_file(dir),
        }
    }

    /// A table that only this part has.
    const fn table(self) -> &'static str {
        match self {
            Self::Data => "organizations",
            Self::Keys => "root_keys",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Keys => "keys",
        }
    }
}

/// Copies a part of the installation at `target` into the new file `to`, as it is at one moment,
/// while others read and write it. The copy is one file, readable by its owner alone, and was
/// checked. Answers its size in bytes. Blocks.
///
/// Whoever copies both parts copies the data first: every row then finds its key.
///
/// # Errors
/// [`Error::Backup`] when `target` is not SQLite, `to` is there already, or the copy is damaged;
/// [`Error::Unavailable`] when a file cannot be read or written.
pub fn back_up(target: &Target, part: Part, to: &Path) -> Result<u64> {
    let Target::Sqlite { dir } = target else { return Err(not_sqlite()) };
    refuse_existing(to)?;
    let from = part.file(dir);
    if !from.try_exists().map_err(|error| io_error(&from, &error))? {
        return Err(Error::Backup(format!("{} does not exist", from.display())));
    }
    copy(&from, part, to)
}

/// Makes an installation at `target`, which has no data yet, from copies: of the data, and of the
/// keys unless they are there. It is brought to this program's schema and opened for `settle`, which
/// says whether it is good; when anything fails, what was copied is removed again. Blocks.
///
/// # Errors
/// What `settle` gives; [`Error::Backup`] when `target` is not SQLite, has data already, would have
/// no keys or two, or a file is no copy of its part; [`Error::Migration`] when a newer program made
/// a copy; [`Error::Unavailable`] when a file cannot be read or written.
pub fn restore<T, E: From<Error>>(
    target: &Target,
    data: &Path,
    keys: Option<&Path>,
    settle: impl FnOnce(&Store) -> Result<T, E>,
) -> Result<T, E> {
    let Target::Sqlite { dir } = target else { return Err(not_sqlite().into()) };
    refuse_two_or_none(dir, keys.is_some())?;
    let parts = [(Part::Keys, keys), (Part::Data, Some(data))];
    let mut copies = parts.into_iter().filter_map(|(part, from)| from.map(|from| (part, from)));
    for (part, from) in copies.clone() {
        check(from, part)?;
    }
    let mut made = Vec::new();
    let copied = copies.try_for_each(|(part, from)| {
        let to = part.file(dir);
        copy(from, part, &to)?;
        made.push(to);
        Ok::<_, Error>(())
    });
    let restored = copied.map_err(E::from).and_then(|()| settled(target, settle));
    if restored.is_err() {
        made.iter().for_each(|file| remove(file));
    }
    restored
}

fn settled<T, E: From<Error>>(
    target: &Target,
    settle: impl FnOnce(&Store) -> Result<T, E>,
) -> Result<T, E> {
    migrate(target)?;
    let store = Store::open(target, &Options::default())?;
    let settled = settle(&store);
    store.close_blocking();
    settled
}

fn refuse_two_or_none(dir: &Path, is_given_keys: bool) -> Result<()> {
    make_private_folder(dir)?;
    refuse_existing(&Part::Data.file(dir))?;
    let keys = Part::Keys.file(dir);
    if is_given_keys {
        return refuse_existing(&keys);
    }
    if keys.try_exists().map_err(|error| io_error(&keys, &error))? {
        return Ok(());
    }
    let there = keys.display();
    Err(Error::Backup(format!("no keys: put them at {there}, or name a copy of them")))
}

/// Removes a database that this process made; what cannot be removed is in the way of the next
/// restore, which says so.
fn remove(file: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        let _ = fs::remove_file(PathBuf::from(name));
    }
}

fn not_sqlite() -> Error {
    let why = "this is for SQLite; PostgreSQL has pg_dump and pg_restore";
    Error::Backup(why.to_owned())
}

fn refuse_existing(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(_) => Err(Error::Backup(format!("{} exists already", path.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error(path, &error)),
    }
}

/// The copy appears under its name when it is whole and on disk.
fn copy(from: &Path, part: Part, to: &Path) -> Result<u64> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    refuse_existing(&partial)?;
    create_private(&partial)?;
    let copied = copy_into(from, part, &partial, to);
    // Whether it has another name now or is half a copy: under this one nobody wants it.
    let removed = fs::remove_file(&partial).map_err(|error| io_error(&partial, &error));
    copied.and_then(|size| removed.map(|()| size))
}

fn copy_into(from: &Path, part: Part, partial: &Path, to: &Path) -> Result<u64> {
    let source = open(from)?;
    let mut target = Connection::open(partial)?;
    {
        // One step of all pages reads one moment, whatever is written meanwhile.
        let backup = Backup::new(&source, &mut target)?;
        if backup.step(-1)? != StepResult::Done {
            return Err(Error::Busy(crate::Cause::own("the database is locked")));
        }
    }
    // One file, without a log beside it.
    target.query_row("pragma journal_mode = delete", [], |_| Ok(()))?;
    check_open(&target, part, partial)?;
    drop(target);
    let size = File::open(partial).and_then(|file| {
        file.sync_all()?;
        Ok(file.metadata()?.len())
    });
    let size = size.map_err(|error| io_error(partial, &error))?;
    // A link, unlike a rename, never replaces what another process has just made.
    fs::hard_link(partial, to).map_err(|error| io_error(to, &error))?;
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let flushed = File::open(folder).and_then(|folder| folder.sync_all());
        flushed.map_err(|error| io_error(folder, &error))?;
    }
    Ok(size)
}

fn create_private(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ()).map_err(|error| io_error(path, &error))
}

fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn check(path: &Path, part: Part) -> Result<()> {
    if !path.is_file() {
        return Err(Error::Backup(format!("{} is not a file", path.display())));
    }
    check_open(&open(path)?, part, path)
}

/// Fails unless it is a sound copy of this part.
fn check_open(connection: &Connection, part: Part, path: &Path) -> Result<()> {
    let refused = |why: &str| Error::Backup(format!("{} {why}", path.display()));
    let tables = connection.query_row(
        "select count(*) from sqlite_master where type = 'table' and name in (?1, ?2)",
        [HISTORY, part.table()],
        |row| row.get::<_, i64>(0),
    );
    if tables.map_err(|_| refused("is not a database"))? != 2 {
        return Err(refused(&format!("is no copy of the {} of vinculo", part.name())));
    }
    let verdict = connection
        .query_row("pragma integrity_check(1)", [], |row| row.get::<_, String>(0))
        .unwrap_or_else(|_| "unreadable".to_owned());
    if verdict == "ok" { Ok(()) } else { Err(refused("is damaged")) }
}
