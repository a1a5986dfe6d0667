//! The store: where closures go in and answers come out.

use crate::engine::lane::{Message, apart, spawn, submit};
use crate::engine::{notify, postgres, sqlite};
use crate::error::{Error, Result};
use crate::lock::{RunnerLock, use_files};
use crate::migrate;
use crate::tx::{Mode, Tx};
use crate::wake::{Hub, Wakes};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Where a database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// Two SQLite files in a folder of this machine.
    Sqlite {
        /// The folder.
        dir: PathBuf,
    },
    /// A PostgreSQL database, or what speaks its protocol.
    Postgres {
        /// A URL or a `key=value` list, as libpq reads them.
        url: String,
    },
}

impl Target {
    /// Reads `sqlite://PATH`, `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// [`Error::Address`] when it is neither, without repeating it: it may hold a password.
    pub fn from_url(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite { dir: path.into() });
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            postgres::configure(url)?;
            return Ok(Self::Postgres { url: url.to_owned() });
        }
        Err(Error::Address("neither sqlite://PATH nor postgres://USER@HOST/NAME".to_owned()))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { dir } => f.debug_struct("Sqlite").field("dir", dir).finish(),
            Self::Postgres { url } => {
                let config = postgres::configure(url).ok();
                f.debug_struct("Postgres")
                    .field("hosts", &config.as_ref().map(|it| it.get_hosts()))
                    .field("name", &config.as_ref().and_then(|it| it.get_dbname()))
                    .finish_non_exhaustive()
            }
        }
    }
}

/// How many threads a store has and how patient it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that read from SQLite (one more writes). Default 2.
    pub read_lanes: usize,
    /// Threads, each with a connection to PostgreSQL, that read and write. Default 16.
    pub postgres_lanes: usize,
    /// How long a SQLite statement waits for the lock of another process. Default 5 s.
    pub busy_timeout: Duration,
    /// How many closures may wait before further ones get [`Error::Busy`]. Default 4096.
    pub waiting: usize,
    /// Whether nobody else may have the database open. Default no.
    pub exclusive: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_lanes: 2,
            postgres_lanes: 16,
            busy_timeout: Duration::from_secs(5),
            waiting: 4096,
            exclusive: false,
        }
    }
}

/// An open database. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    /// The data folder of SQLite.
    dir: Option<PathBuf>,
    /// The lock on that folder, until the threads have ended.
    used: Mutex<Option<File>>,
    write: Lanes,
    read: Lanes,
    hub: Hub,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Threads that take from one channel.
struct Lanes {
    sender: Sender<Message>,
    count: usize,
}

impl Store {
    /// Opens a database that has this program's schema and starts the threads; does not migrate.
    /// Blocks for some milliseconds.
    ///
    /// # Errors
    /// [`Error::Migration`] when the schema is missing, older or newer;
    /// [`Error::Unavailable`] when the database cannot be reached, or somebody must be alone with
    /// it: whoever has it open, or this store when [`Options::exclusive`] is set.
    pub fn open(target: &Target, options: &Options) -> Result<Self> {
        match target {
            Target::Sqlite { dir } => open_sqlite(dir, options),
            Target::Postgres { url } => apart(|| open_postgres(url, options)),
        }
    }

    /// Runs `work` as one transaction and answers when it is on disk: all of its statements, or
    /// none when it gives an error, panics, or swallowed the error of a statement. It runs even
    /// when the caller stops waiting.
    ///
    /// # Errors
    /// What `work` gives; else [`Error::Panicked`], [`Error::Busy`] when too many wait, or why
    /// nothing could be committed.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        arrived(submit(&self.0.write.sender, Mode::Write, work)?.await)
    }

    /// Like [`write`](Self::write) for a closure of exactly one statement, which PostgreSQL then
    /// commits in the same round trip. A second statement is refused, but does not undo the first.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn write_one<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        arrived(submit(&self.0.write.sender, Mode::Single, work)?.await)
    }

    /// Runs `work`, which only reads. Every statement sees what is committed when it starts; there
    /// is no transaction around them.
    ///
    /// # Errors
    /// What `work` gives; else [`Error::Panicked`] or [`Error::Busy`] when too many wait.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        arrived(submit(&self.0.read.sender, Mode::Read, work)?.await)
    }

    /// [`write`](Self::write) for a thread that may block; panics inside an async runtime.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        arrived(submit(&self.0.write.sender, Mode::Write, work)?.blocking_recv())
    }

    /// [`read`](Self::read) for a thread that may block; panics inside an async runtime.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        arrived(submit(&self.0.read.sender, Mode::Read, work)?.blocking_recv())
    }

    /// How many closures wait for the write lane.
    #[cfg(test)]
    pub(crate) fn waiting_writes(&self) -> usize {
        self.0.write.sender.len()
    }

    /// A view of the queues that sees every wake from now on.
    #[must_use]
    pub fn wakes(&self) -> Wakes {
        self.0.hub.wakes()
    }

    /// The right to run jobs: on SQLite one process at a time, `None` while another has it; on
    /// PostgreSQL everybody.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the lock file cannot be opened.
    pub fn runner_lock(&self) -> Result<Option<RunnerLock>> {
        match &self.0.dir {
            Some(dir) => RunnerLock::take(dir),
            None => Ok(Some(RunnerLock::shared())),
        }
    }

    /// Takes what was deleted from the keys out of the files of SQLite: the log of the keys moves
    /// into their file, where deleted rows are overwritten, and is emptied. `false` when somebody
    /// was reading in the log; a later call takes it out. PostgreSQL does this by itself when it
    /// vacuums and recycles its log.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the file cannot be opened.
    pub async fn scrub_keys(&self) -> Result<bool> {
        let Some(dir) = self.0.dir.clone() else { return Ok(true) };
        let (reply, scrubbed) = oneshot::channel();
        spawn("store-scrub", move || {
            // Nobody may be waiting any more.
            let _ = reply.send(sqlite::scrub_keys(&dir));
        })?;
        scrubbed.await.unwrap_or_else(|_| Err(Error::closed()))
    }

    /// Writes the data of SQLite anew, so that nothing that was deleted or replaced is left in its
    /// file or its log; needs as much space again. PostgreSQL is left to `vacuum full`. Blocks, for
    /// minutes when there is much; for a store that is [`Options::exclusive`].
    ///
    /// # Errors
    /// [`Error::Busy`] when somebody reads or writes meanwhile.
    pub fn compact_blocking(&self) -> Result<()> {
        self.0.dir.as_deref().map_or(Ok(()), sqlite::compact)
    }

    /// Lets everything that waits finish, then ends the threads and the connections. Clones get
    /// [`Error::Unavailable`] afterwards. A store that is dropped without it ends by itself, but
    /// nobody waits for that.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        let inner = self.0;
        let closing = spawn("store-close", move || {
            inner.stop();
            let _ = done.send(());
        });
        if closing.is_ok() {
            let _ = closed.await;
        }
    }

    /// [`close`](Self::close) for a thread that may block.
    pub fn close_blocking(self) {
        self.0.stop();
    }
}

impl Inner {
    fn stop(&self) {
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.is_empty() {
            return;
        }
        for lanes in [&self.write, &self.read] {
            for _ in 0..lanes.count {
                // Fails when the lanes are gone already, which is what we want.
                let _ = lanes.sender.send(Message::Stop);
            }
        }
        for thread in threads {
            let _ = thread.join();
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.0.dir).finish_non_exhaustive()
    }
}

fn arrived<T, E: From<Error>>(
    answer: Result<Result<T, E>, oneshot::error::RecvError>,
) -> Result<T, E> {
    answer.unwrap_or_else(|_| Err(Error::closed().into()))
}

fn open_sqlite(dir: &Path, options: &Options) -> Result<Store> {
    migrate::check_sqlite(dir, options.busy_timeout)?;
    let used = use_files(dir, options.exclusive)?;
    let hub = Hub::new();
    let (write, writes) = bounded(options.waiting.max(1));
    let (read, reads) = bounded(options.waiting.max(1));
    let connection = sqlite::Connection::open(dir, options.busy_timeout)?;
    let waker = hub.clone();
    let mut threads = vec![spawn("store-write", move || {
        sqlite::write_lane(connection, &writes, &waker);
    })?];
    let count = options.read_lanes.max(1);
    for number in 0..count {
        let connection = sqlite::Connection::open(dir, options.busy_timeout)?;
        connection.refuse_writes()?;
        let reads: Receiver<Message> = reads.clone();
        let lane = move || sqlite::read_lane(connection, &reads);
        threads.push(spawn(&format!("store-read-{number}"), lane)?);
    }
    Ok(Store(Arc::new(Inner {
        dir: Some(dir.to_owned()),
        used: Mutex::new(Some(used)),
        write: Lanes { sender: write, count: 1 },
        read: Lanes { sender: read, count },
        hub,
        threads: Mutex::new(threads),
    })))
}

fn open_postgres(url: &str, options: &Options) -> Result<Store> {
    let config = postgres::configure(url)?;
    let mut client = postgres::connect(&config)?;
    migrate::check_postgres(&mut client)?;
    postgres::hold(&mut client, options.exclusive)?;
    let hub = Hub::new();
    let (sender, jobs) = bounded(options.waiting.max(1));
    let (notifier, mut threads) = notify::start(client, &config, &hub, options.exclusive)?;
    let count = options.postgres_lanes.max(1);
    for number in 0..count {
        let connection = postgres::Connection::new(config.clone());
        let (jobs, hub, notifier): (Receiver<Message>, _, _) =
            (jobs.clone(), hub.clone(), notifier.clone());
        let lane = move || postgres::lane(connection, &jobs, &hub, &notifier);
        threads.push(spawn(&format!("store-{number}"), lane)?);
    }
    drop(notifier);
    Ok(Store(Arc::new(Inner {
        dir: None,
        used: Mutex::new(None),
        write: Lanes { sender: sender.clone(), count },
        read: Lanes { sender, count: 0 },
        hub,
        threads: Mutex::new(threads),
    })))
}
