//! SQLite: one lane that writes, a few that read.

use super::lane::{Job, Outcome, serve};
use super::waiting::{Waiting, Work};
use crate::error::{Cause, Error, Result};
use crate::row::{Cells, Row};
use crate::stats::{Busy, Timer};
use crate::text::Texts;
use crate::tx::{Driver, Mode, Tx};
use crate::value::Value;
use crate::wake::{Hub, Queues, Standing};
use prometheus_client::metrics::histogram::Histogram;
use rusqlite::config::DbConfig;
use rusqlite::{OpenFlags, params_from_iter};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// At most so many closures share a commit.
const GROUP: usize = 256;
/// Prepared statements kept by a connection.
const STATEMENTS: usize = 256;

const PRAGMAS: &str = "
    pragma main.journal_mode = wal;
    pragma data.journal_mode = wal;
    pragma main.synchronous = full;
    pragma data.synchronous = full;
    pragma main.secure_delete = on;
    pragma foreign_keys = on;
    pragma trusted_schema = off;
    pragma temp_store = memory;
    pragma main.cache_size = -2048;
    pragma data.cache_size = -16384;
    pragma wal_autocheckpoint = 4000;
    pragma main.journal_size_limit = 67108864;
    pragma data.journal_size_limit = 67108864;
";

/// The file of everything but keys.
pub(crate) fn data_file(dir: &Path) -> PathBuf {
    dir.join("vinculo.db")
}

/// The file of wrapped keys.
pub(crate) fn vault_file(dir: &Path) -> PathBuf {
    dir.join("vault.db")
}

/// Moves the log of the keys into their file and empties it; `false` when a reader was in the way.
pub(crate) fn scrub_keys(dir: &Path) -> Result<bool> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let keys = rusqlite::Connection::open_with_flags(vault_file(dir), flags)?;
    keys.busy_timeout(Duration::from_secs(1))?;
    let in_the_way: i64 =
        keys.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))?;
    Ok(in_the_way == 0)
}

/// Writes the file of the data anew and empties its log.
pub(crate) fn compact(dir: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let data = rusqlite::Connection::open_with_flags(data_file(dir), flags)?;
    data.busy_timeout(Duration::from_secs(5))?;
    data.execute_batch("vacuum")?;
    let in_the_way: i64 =
        data.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))?;
    if in_the_way == 0 { Ok(()) } else { Err(Error::Busy(Cause::own("somebody reads the data"))) }
}

/// A connection to both files.
pub(crate) struct Connection {
    inner: rusqlite::Connection,
    texts: Texts,
    /// Whether a commit of data waits for the disk.
    synced: bool,
}

impl Connection {
    /// Opens both files, which must exist.
    ///
    /// The keys' file is the main one because SQLite makes the main file durable first: a key
    /// is never lost while what it sealed is there.
    pub(crate) fn open(dir: &Path, busy: Duration) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let inner = rusqlite::Connection::open_with_flags(vault_file(dir), flags)?;
        let data = data_file(dir);
        let data = data
            .to_str()
            .ok_or_else(|| Error::Address(format!("data folder {} is not UTF-8", dir.display())))?;
        inner.execute("attach database ?1 as data", [data])?;
        inner.busy_timeout(busy)?;
        inner.execute_batch(PRAGMAS)?;
        // Else every new value of a parameter would make it plan the statement again.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        inner.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { inner, texts: Texts::default(), synced: true })
    }

    /// From now on this connection refuses to change anything. What it has read is of use until the
    /// next commit of another connection, so it keeps less of it.
    pub(crate) fn refuse_writes(&self) -> Result<()> {
        Ok(self.inner.execute_batch("pragma query_only = on; pragma data.cache_size = -4096")?)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        let text = self.texts.numbered(sql);
        let mut statement = self.inner.prepare_cached(text)?;
        let changed = statement.execute(params_from_iter(params))?;
        Ok(changed as u64)
    }

    pub(crate) fn each(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        _: Mode,
        sink: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let text = self.texts.numbered(sql);
        let mut statement = self.inner.prepare_cached(text)?;
        let mut rows = statement.query(params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            sink(&Row { cells: Cells::Sqlite(row), sql })?;
        }
        Ok(())
    }

    pub(crate) fn bulk_insert<'v, R: AsRef<[Value<'v>]>>(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> Result<u64> {
        let places: Vec<String> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
        let sql =
            format!("insert into {table} ({}) values ({})", columns.join(", "), places.join(", "));
        let mut statement = self.inner.prepare_cached(&sql)?;
        let mut count = 0;
        for row in rows {
            statement.execute(params_from_iter(row.as_ref()))?;
            count += 1;
        }
        Ok(count)
    }

    /// Steps that the machine takes for this connection from now on.
    #[cfg(test)]
    pub(crate) fn count_steps(&mut self) -> Result<Arc<std::sync::atomic::AtomicU64>> {
        let steps = Arc::<std::sync::atomic::AtomicU64>::default();
        let counted = steps.clone();
        let count = move || {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            false
        };
        self.inner.progress_handler(1, Some(count))?;
        Ok(steps)
    }

    fn run(&self, sql: &'static str) -> Result<()> {
        self.inner.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Whether the commits of data from now on wait for the disk. A commit that does brings along what
    /// was committed before it: the log is one file, synced whole and read up to its first gap. Keys
    /// always wait.
    fn sync_commits(&mut self, synced: bool) -> Result<()> {
        if self.synced != synced {
            // SQLite does this when it prepares the statement: a cached one would do nothing.
            let level = if synced { "full" } else { "normal" };
            self.inner.execute_batch(&format!("pragma data.synchronous = {level}"))?;
            self.synced = synced;
        }
        Ok(())
    }

    fn commit(&self) -> Result<()> {
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("before a commit");
        self.run("commit")?;
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("after a commit");
        Ok(())
    }
}

/// A connection that only reads. It is there until the lane that it belongs to has ended.
#[derive(Clone)]
pub(crate) struct Reader(Arc<Mutex<Option<Connection>>>);

impl Reader {
    pub(crate) fn new(connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(Some(connection))))
    }

    /// Runs a closure here and now, unless somebody reads on this connection.
    pub(crate) fn try_run(&self, job: &mut dyn Job) -> bool {
        let Ok(mut connection) = self.0.try_lock() else { return false };
        run_reading(connection.as_mut(), job)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run_reading(connection: Option<&mut Connection>, job: &mut dyn Job) -> bool {
    connection.map(|connection| job.run(Tx::new(Driver::Sqlite(connection), Mode::Read))).is_some()
}

/// Runs closures that only read, each statement on its own snapshot.
pub(crate) fn read_lane(reader: &Reader, waiting: &Waiting, busy: &Busy) {
    serve(waiting, busy, |_, mut job| {
        run_reading(reader.lock().as_mut(), job.as_mut());
        job.answer(Ok(()));
    });
    reader.lock().take();
}

/// Runs closures that write: all that wait share one commit, each inside its own savepoint, and
/// nobody is answered before the commit is on disk. Leases alone do not wait for the disk; beside
/// other closures they share their commit.
pub(crate) fn write_lane(
    connection: Connection,
    waiting: &Waiting,
    hub: &Hub,
    (busy, sizes, timer): (&Busy, Histogram, Timer),
) {
    let (done, wakes) = (Vec::with_capacity(GROUP), Queues::default());
    let mut group = Group { connection, done, wakes, sizes, timer, sync: Duration::ZERO };
    while let Some(first) = waiting.take() {
        let _working = busy.begin();
        group.commit(first, waiting, hub);
    }
}

struct Group {
    connection: Connection,
    done: Vec<(Box<dyn Job>, bool)>,
    wakes: Queues,
    /// Closures that shared a commit.
    sizes: Histogram,
    timer: Timer,
    /// How long the last commit took that waited for the disk.
    sync: Duration,
}

impl Group {
    /// Commits `first` and whatever else waits and may share its commit.
    fn commit(&mut self, first: Work, waiting: &Waiting, hub: &Hub) {
        let synced = first.mode.is_write();
        let begun = self.connection.sync_commits(synced);
        if let Err(error) = begun.and_then(|()| self.connection.run("begin immediate")) {
            return refuse_waiting(first, waiting, &error);
        }
        let fate = self.run_waiting(first, waiting).and_then(|()| self.run_standing(hub));
        let ran = self.timer.now();
        let fate = fate.and_then(|()| self.connection.commit());
        if synced {
            self.sync = self.timer.now().saturating_sub(ran);
        }
        if fate.is_ok() {
            hub.wake(self.wakes);
        } else if !self.connection.inner.is_autocommit() {
            // Nothing is left to undo when this fails: the next begin reports it.
            let _ = self.connection.run("rollback");
        }
        self.wakes = Queues::default();
        self.sizes.observe(self.done.len() as f64);
        for (job, kept) in self.done.drain(..) {
            job.answer(if kept { fate.clone() } else { Ok(()) });
        }
    }

    /// Runs `first` and then what waits, without waiting for more, up to what may not share the
    /// commit. Closures of more than one turn do not wait for long for one another: their group ends
    /// when it has run for twice the time that its commit will take. An error means that the whole
    /// transaction is gone.
    fn run_waiting(&mut self, first: Work, waiting: &Waiting) -> Result<()> {
        let (begun, turn, leases_alone) = (self.timer.now(), first.turn, !first.mode.is_write());
        let (mut next, mut shared) = (Some(first), false);
        while let Some(Work { turn: own, mode, job }) = next.take() {
            self.run_one(mode, job)?;
            shared |= own != turn;
            let long = || self.timer.now().saturating_sub(begun) >= 2 * self.sync;
            if self.done.len() < GROUP && !(shared && long()) {
                next = waiting.take_if(|mode| !(leases_alone && mode.is_write()));
            }
        }
        Ok(())
    }

    /// Runs the closures that stand by the queues to be woken, so that what they take is taken by the
    /// same commit. One that fails leaves the wake to others. An error is as for [`Self::run_waiting`].
    fn run_standing(&mut self, hub: &Hub) -> Result<()> {
        for queue in std::mem::take(&mut self.wakes).iter() {
            let ran = match hub.take(queue) {
                Some(Standing { mode, job, .. }) => {
                    self.run_one(mode, job)?;
                    self.done.last().is_some_and(|(_, kept)| *kept)
                }
                None => false,
            };
            if !ran {
                self.wakes.add(queue);
            }
        }
        Ok(())
    }

    fn run_one(&mut self, mode: Mode, mut job: Box<dyn Job>) -> Result<()> {
        if let Err(error) = self.connection.run("savepoint closure") {
            self.done.push((job, true));
            return Err(error);
        }
        let outcome = job.run(Tx::new(Driver::Sqlite(&mut self.connection), mode));
        let kept = matches!(outcome, Outcome::Keep(_));
        self.done.push((job, kept));
        // A full disk or a broken file makes SQLite roll back everything on its own.
        if self.connection.inner.is_autocommit() {
            let lost = || Error::Unavailable(Cause::own("the shared transaction was rolled back"));
            return Err(match outcome {
                Outcome::Undo(Some(error)) => error,
                _ => lost(),
            });
        }
        match outcome {
            Outcome::Keep(wakes) => self.wakes.join(wakes),
            Outcome::Undo(_) => self.connection.run("rollback to closure")?,
        }
        self.connection.run("release closure")
    }
}

/// The database cannot be written: whoever waits now has waited for the lock as long as `first`.
/// Whoever comes after the first answer has not.
fn refuse_waiting(first: Work, waiting: &Waiting, error: &Error) {
    let count = waiting.count();
    first.job.answer(Err(error.clone()));
    for _ in 0..count {
        let Some(Work { job, .. }) = waiting.take_if(|_| true) else { return };
        job.answer(Err(error.clone()));
    }
}
