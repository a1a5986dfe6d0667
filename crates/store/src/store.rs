//! The store: where closures go in and answers come out.

mod open;

use crate::engine::lane::{Message, apart, spawn, submit};
use crate::engine::sqlite;
use crate::error::{Error, Result};
use crate::lock::RunnerLock;
use crate::migrate::Whole;
use crate::stats::{Busy, LaneStatus, Stats, Timer};
use crate::target::Target;
use crate::tx::{Mode, Tx};
use crate::wake::{Hub, Wakes};
use crossbeam_channel::Sender;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

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
    /// How long somebody who reads from PostgreSQL waits for the answer, in line or on its way, before they
    /// get [`Error::Unavailable`]. Default 30 s.
    pub patience: Duration,
    /// Whether nobody else may have the database open. Default no.
    pub exclusive: bool,
    /// What closures are timed by.
    pub timer: Timer,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_lanes: 2,
            postgres_lanes: 16,
            busy_timeout: Duration::from_secs(5),
            waiting: 4096,
            patience: Duration::from_secs(30),
            exclusive: false,
            timer: Timer::default(),
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
    /// A lane for leases alone, where they can wait for less than what else is written.
    lease: Option<Lanes>,
    hub: Hub,
    /// How long an answer to a question is waited for; `None` where no network is on the way.
    patience: Option<Duration>,
    timer: Timer,
    stats: Stats,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Threads that take from one channel.
struct Lanes {
    name: &'static str,
    sender: Sender<Message>,
    count: usize,
    busy: Busy,
}

impl Store {
    /// Opens a database that has this program's schema and starts the threads; does not migrate.
    /// Blocks for some milliseconds.
    ///
    /// # Errors
    /// [`Error::Migration`] when the schema is missing, older or newer, or the database is half a
    /// [`copy`](fn@crate::copy); [`Error::Unavailable`] when the database cannot be reached, or
    /// somebody must be alone with it: whoever has it open, or this store when
    /// [`Options::exclusive`] is set.
    pub fn open(target: &Target, options: &Options) -> Result<Self> {
        Self::open_if(target, options, Whole::Only)
    }

    /// [`open`](Self::open) for a database that may be half a copy.
    pub(crate) fn open_unfinished(target: &Target, options: &Options) -> Result<Self> {
        Self::open_if(target, options, Whole::OrUnfinished)
    }

    fn open_if(target: &Target, options: &Options, whole: Whole) -> Result<Self> {
        match target {
            Target::Sqlite { dir } => open::sqlite(dir, options, whole),
            Target::Postgres { url } => apart(|| open::postgres(url, options, whole)),
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
        self.run(Mode::Write, work).await
    }

    /// Takes or prolongs leases of work that may be done twice: answers when their commit can be seen,
    /// which may be before it is on disk. On PostgreSQL every statement commits itself.
    ///
    /// What is written while a lease is held is on disk only with the lease that came before it. So a
    /// database that fails loses no more than leases of which nothing is known yet. On PostgreSQL
    /// their holders may be at work still, and the work is taken again at once, not when the lease ends.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn lease<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run(Mode::Lease, work).await
    }

    /// As [`lease`](Self::lease) for work that costs something when it is done twice, by a closure of
    /// exactly one statement. On SQLite a failure that loses the lease has ended its holder; on
    /// PostgreSQL the lease is on disk, by the same round trip that takes it. A second statement is
    /// refused, but does not undo the first.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn lease_once<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run(Mode::LeaseOnce, work).await
    }

    /// Runs `work`, which only reads. Every statement sees what is committed when it starts; there
    /// is no transaction around them.
    ///
    /// # Errors
    /// What `work` gives; else [`Error::Panicked`], [`Error::Busy`] when too many wait, or
    /// [`Error::Unavailable`] after [`Options::patience`].
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run(Mode::Read, work).await
    }

    async fn run<T, E>(
        &self,
        mode: Mode,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let since = self.0.timer.now();
        let answer = submit(&self.0.lanes_for(mode).sender, mode, work)?;
        let answer = match self.0.patience.filter(|_| mode == Mode::Read) {
            None => answer.await,
            Some(patience) => match tokio::time::timeout(patience, answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(Err(Error::unavailable("the server does not answer").into())),
            },
        };
        self.0.arrived(mode, since, answer)
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
        let since = self.0.timer.now();
        let answer = submit(&self.0.write.sender, Mode::Write, work)?.blocking_recv();
        self.0.arrived(Mode::Write, since, answer)
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
        let since = self.0.timer.now();
        let answer = submit(&self.0.read.sender, Mode::Read, work)?.blocking_recv();
        self.0.arrived(Mode::Read, since, answer)
    }

    /// How many closures wait for the write lane.
    #[cfg(test)]
    pub(crate) fn waiting_writes(&self) -> usize {
        self.0.write.sender.len()
    }

    /// What was counted since it was opened.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.0.stats
    }

    /// How its lanes stand.
    #[must_use]
    pub fn lanes(&self) -> Vec<LaneStatus> {
        let Inner { write, read, lease, .. } = &*self.0;
        let status = |lanes: &Lanes| LaneStatus {
            name: lanes.name,
            lanes: lanes.count,
            busy: lanes.busy.count(),
            waiting: lanes.sender.len(),
        };
        // PostgreSQL's lanes do both, and are all counted as those that write.
        let lanes = [write, read].into_iter().chain(lease);
        lanes.filter(|lanes| lanes.count > 0).map(status).collect()
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
    const fn lanes_for(&self, mode: Mode) -> &Lanes {
        match (mode, &self.lease) {
            (Mode::Read, _) => &self.read,
            (Mode::Lease, Some(lease)) => lease,
            _ => &self.write,
        }
    }

    /// What a closure answered that was handed over at `since`.
    fn arrived<T, E: From<Error>>(
        &self,
        mode: Mode,
        since: Duration,
        answer: Result<Result<T, E>, oneshot::error::RecvError>,
    ) -> Result<T, E> {
        let seconds = match mode {
            Mode::Read => &self.stats.reads,
            _ => &self.stats.writes,
        };
        seconds.observe(self.timer.now().saturating_sub(since).as_secs_f64());
        answer.unwrap_or_else(|_| Err(Error::closed().into()))
    }

    fn stop(&self) {
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.is_empty() {
            return;
        }
        for lanes in [&self.write, &self.read].into_iter().chain(&self.lease) {
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
