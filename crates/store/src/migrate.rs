//! Bringing a database to the schema of this program, and refusing one that is not there.

use crate::copy::UNFINISHED;
use crate::engine::lane::apart;
use crate::engine::session::Session;
use crate::engine::sqlite;
use crate::error::{Error, Result};
use crate::found::{self, Half, Tables};
use crate::target::Target;
use crate::tx::Dialect;
use refinery::error::Kind;
use refinery::{Migration, Report, Runner};
use std::fs::{DirBuilder, File};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;
use tokio_postgres::error::SqlState;

/// The table that refinery keeps of what it did; in PostgreSQL both schemas of one database
/// have one, under different names.
pub(crate) const HISTORY: &str = "refinery_schema_history";
pub(crate) const VAULT_HISTORY: &str = "refinery_vault_history";

mod patient;

mod embedded {
    pub(super) mod data_sqlite {
        refinery::embed_migrations!("migrations/data/sqlite");
    }
    pub(super) mod vault_sqlite {
        refinery::embed_migrations!("migrations/vault/sqlite");
    }
    pub(super) mod data_postgres {
        refinery::embed_migrations!("migrations/data/postgres");
    }
    pub(super) mod vault_postgres {
        refinery::embed_migrations!("migrations/vault/postgres");
    }
}

/// What a migration did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Names of the migrations newly applied to the data, in order.
    pub data: Vec<String>,
    /// Names of the migrations newly applied to the wrapped keys, in order.
    pub vault: Vec<String>,
}

/// Brings the database at `target` to the schema of this program, creating the files of SQLite
/// (in a folder only the owner can enter) when they are not there. Doing it again does nothing;
/// two processes doing it at once wait for each other. Blocks.
///
/// # Errors
/// [`Error::Migration`] when a migration fails or the database is newer than this program;
/// [`Error::KeysMissing`] when there is data without its keys, beside which none are made;
/// [`Error::DataMissing`] when there are keys of people without their data: others would get them;
/// [`Error::Unavailable`] when the database cannot be reached.
pub fn migrate(target: &Target) -> Result<Applied> {
    match target {
        Target::Sqlite { dir } => migrate_sqlite(dir),
        Target::Postgres { url } => apart(|| patient::migrate(url)),
    }
}

/// Held by whoever migrates a folder.
pub(crate) fn migrate_lock(dir: &Path) -> PathBuf {
    dir.join("migrate.lock")
}

fn migrate_sqlite(dir: &Path) -> Result<Applied> {
    make_private_folder(dir)?;
    let path = migrate_lock(dir);
    let lock = private_file(&path).and_then(|file| file.lock().map(|()| file));
    let _lock = lock.map_err(|error| io_error(&path, &error))?;
    let mut applied = Applied::default();
    let (data, vault) = (sqlite::data_file(dir), sqlite::vault_file(dir));
    let runners = of_files();
    let places = [&data, &vault].map(|file| file.display().to_string());
    check_before(found::in_files(dir)?, &runners, places)?;
    let [of_data, of_vault] = runners;
    for (file, runner, names) in
        [(vault, of_vault, &mut applied.vault), (data, of_data, &mut applied.data)]
    {
        // Its log and index get the permissions of the file.
        private_file(&file).map_err(|error| io_error(&file, &error))?;
        let mut connection = rusqlite::Connection::open(file)?;
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full")?;
        *names = run(runner, HISTORY, &mut connection)?;
    }
    Ok(applied)
}

/// The migrations of data and keys in files.
pub(crate) fn of_files() -> [Runner; 2] {
    [embedded::data_sqlite::migrations::runner(), embedded::vault_sqlite::migrations::runner()]
}

/// Fails when what was found, data and keys, is newer than this program, or one of them is gone: an
/// empty vault beside data would be in the way of the right one, and new people beside old keys would
/// get those, which have their ids.
fn check_before(found: [Tables; 2], runners: &[Runner; 2], places: [String; 2]) -> Result<()> {
    for ((tables, runner), place) in found.iter().zip(runners).zip(places) {
        let wanted = last_of(runner);
        if tables.version > wanted {
            compare(&place, tables.version, wanted)?;
        }
    }
    match found.map(Tables::half) {
        [Half::Filled, Half::Missing] => Err(Error::KeysMissing),
        [Half::Missing | Half::Empty, Half::Filled]
            if found[1].knows_people && !found[0].is_unfinished =>
        {
            Err(Error::DataMissing)
        }
        _ => Ok(()),
    }
}

/// Brings a database, data or keys, to the schema of these migrations; the names of those that it lacked.
pub(crate) fn run<C: refinery::Migrate>(
    mut runner: Runner,
    history: &str,
    connection: &mut C,
) -> Result<Vec<String>> {
    runner.set_migration_table_name(history);
    let report = runner.set_abort_divergent(true).set_abort_missing(true).run(connection);
    Ok(names(&report.map_err(|error| refused(&error))?))
}

/// As [`run`], on PostgreSQL.
fn run_in_schema(mut runner: Runner, history: &str, session: &mut Session) -> Result<Vec<String>> {
    runner.set_migration_table_name(history);
    let runner = runner.set_abort_divergent(true).set_abort_missing(true);
    let report = session.run(async |client| Ok(runner.run_async(client).await))?;
    Ok(names(&report.map_err(|error| refused(&error))?))
}

fn names(report: &Report) -> Vec<String> {
    report.applied_migrations().iter().map(ToString::to_string).collect()
}

/// What a migration failed of: of a lock that somebody holds it can be tried again, as of one that somebody waited for
/// who held another.
fn refused(error: &refinery::Error) -> Error {
    let cause = match error.kind() {
        Kind::Connection(_, cause) => cause.downcast_ref::<tokio_postgres::Error>(),
        _ => None,
    };
    let in_the_way = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
    match cause.and_then(tokio_postgres::Error::as_db_error) {
        Some(db) if in_the_way.contains(db.code()) => Error::busy(db.message()),
        _ => Error::Migration(error.to_string()),
    }
}

/// Whether half a copy will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// No.
    Only,
    /// Yes, for whoever finishes it.
    OrUnfinished,
}

impl Whole {
    fn check(self, is_unfinished: bool) -> Result<()> {
        if self == Self::OrUnfinished || !is_unfinished {
            return Ok(());
        }
        let why = "the database is half a copy; finish it with `vinculo db copy`";
        Err(Error::Migration(why.to_owned()))
    }
}

/// Fails unless both schemas of a SQLite installation are exactly this program's, and it is as
/// whole as it must be.
pub(crate) fn check_sqlite(dir: &Path, busy: Duration, whole: Whole) -> Result<()> {
    let files = [sqlite::data_file(dir), sqlite::vault_file(dir)];
    for (file, runner) in files.into_iter().zip(of_files()) {
        if !file.try_exists().map_err(|error| io_error(&file, &error))? {
            return Err(Error::Migration(format!(
                "{} does not exist; migrate first",
                file.display()
            )));
        }
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = rusqlite::Connection::open_with_flags(&file, flags)?;
        connection.busy_timeout(busy)?;
        let count = |table: &str| {
            connection.query_row(
                "select count(*) from sqlite_master where type = 'table' and name = ?1",
                [table],
                |row| row.get::<_, i64>(0),
            )
        };
        whole.check(count(UNFINISHED)? > 0)?;
        let found = count(HISTORY)?;
        let version = match found {
            0 => None,
            _ => connection.query_row(&newest(HISTORY), [], |row| row.get(0))?,
        };
        compare(&file.display().to_string(), version, last_of(&runner))?;
    }
    Ok(())
}

/// Fails unless both schemas of a PostgreSQL database are exactly this program's, and it is as
/// whole as it must be.
pub(crate) fn check_postgres(session: &mut Session, whole: Whole) -> Result<()> {
    let unfinished = format!("public.{UNFINISHED}");
    let found = session.row("select to_regclass($1) is not null", &[&unfinished])?;
    whole.check(found.get(0))?;
    for (schema, history, runner) in [
        ("public", HISTORY, embedded::data_postgres::migrations::runner()),
        ("vault", VAULT_HISTORY, embedded::vault_postgres::migrations::runner()),
    ] {
        let table = format!("{schema}.{history}");
        let found = session.row("select to_regclass($1) is not null", &[&table])?;
        let version = match found.get(0) {
            false => None,
            true => session.row(&newest(&table), &[])?.get(0),
        };
        compare(&format!("schema {schema}"), version, last_of(&runner))?;
    }
    Ok(())
}

/// The tables that say which version the data and the keys are at, for a connection of the store.
pub(crate) const fn histories(dialect: Dialect) -> [&'static str; 2] {
    match dialect {
        Dialect::Sqlite => ["data.refinery_schema_history", "main.refinery_schema_history"],
        Dialect::Postgres => ["public.refinery_schema_history", "vault.refinery_vault_history"],
    }
}

/// How a schema stands to this program, which has it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// It is this program's.
    Own,
    /// It is of this newer version, which has added to it: this program may go on.
    Newer(i32),
}

/// Fails when the data or the keys are older than this program, or newer and not for it. `oldest` is asked for
/// the version of the data whose programs may go on beside a newer schema.
pub(crate) fn check_versions(
    dialect: Dialect,
    found: [Option<i64>; 2],
    oldest: impl FnOnce() -> Result<i64>,
) -> Result<Schema> {
    // Asked again and again, and the texts of all migrations are read to know it.
    static SQLITE: LazyLock<[Option<i32>; 2]> = LazyLock::new(|| {
        let [data, keys] = of_files();
        [last_of(&data), last_of(&keys)]
    });
    static POSTGRES: LazyLock<[Option<i32>; 2]> = LazyLock::new(|| {
        let data = embedded::data_postgres::migrations::runner();
        [last_of(&data), last_of(&embedded::vault_postgres::migrations::runner())]
    });
    let wanted = match dialect {
        Dialect::Sqlite => *SQLITE,
        Dialect::Postgres => *POSTGRES,
    };
    let found = found.map(|found| found.map(|at| i32::try_from(at).unwrap_or(i32::MAX)));
    let newer = found.into_iter().zip(wanted).filter(|(found, wanted)| found > wanted);
    let newer = newer.filter_map(|(found, _)| found).max();
    let goes_on = newer.is_some() && wanted[0].map(i64::from) >= Some(oldest()?);
    for ((place, found), wanted) in ["the data", "the keys"].into_iter().zip(found).zip(wanted) {
        if !goes_on || found < wanted {
            compare(place, found, wanted)?;
        }
    }
    Ok(newer.map_or(Schema::Own, Schema::Newer))
}

pub(crate) fn newest(history: &str) -> String {
    format!("select max(version) from {history}")
}

/// The version that these migrations lead to.
fn last_of(runner: &Runner) -> Option<i32> {
    runner.get_migrations().iter().map(Migration::version).max()
}

fn compare(place: &str, found: Option<i32>, wanted: Option<i32>) -> Result<()> {
    let problem = match (found, wanted) {
        (found, wanted) if found == wanted => return Ok(()),
        (None, _) => "has no tables yet; migrate first".to_owned(),
        (Some(found), wanted) if Some(found) > wanted => {
            format!("has version {found}, made by a newer program; use that one")
        }
        (Some(found), _) => format!("has the older version {found}; migrate first"),
    };
    Err(Error::Migration(format!("{place} {problem}")))
}

/// Opens a file to be written; a new one is its owner's alone.
pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder that only its owner can enter; one that is there already stays as it is.
///
/// # Errors
/// [`Error::Unavailable`] when it cannot be made.
pub fn make_private_folder(dir: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| io_error(dir, &error))
}

pub(crate) fn io_error(path: &Path, error: &std::io::Error) -> Error {
    Error::unavailable(format!("{}: {error}", path.display()))
}
