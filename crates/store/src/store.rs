//! The store: where closures go in and answers come out.

mod blocking;
mod inner;
mod open;
mod standing;

use crate::engine::lane::{Answer, apart, call, spawn};
use crate::engine::sqlite;
use crate::engine::waiting::{Turn, Work};
use crate::error::{Error, Result};
use crate::lock::RunnerLock;
use crate::migrate::Whole;
use crate::stats::{LaneStatus, Stats, Timer};
use crate::tables::WorkspaceId;
use crate::target::Target;
use crate::tx::{Mode, Tx};
use crate::wake::Wakes;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

use inner::{Inner, Lanes};
pub use standing::Standing;

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
    /// get [`Error::Unavailable`]; and how long a lease waits for the server. Default 30 s.
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
pub struct Store {
    inner: Arc<Inner>,
    /// Whose closures are handed over.
    turn: Turn,
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

    /// The same database, whose closures are run in turns with those of others: however many of one workspace
    /// wait, one of every other comes before its second. What is of no workspace has a turn of its own.
    #[must_use]
    pub fn in_turn_of(&self, workspace: WorkspaceId) -> Self {
        Self { turn: workspace.0, ..self.clone() }
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

    /// As [`write`](Self::write), for `work` that is exactly one statement on PostgreSQL: it commits itself,
    /// in its own round trip. A second one there is refused, but does not undo the first.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn write_once<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run(Mode::WriteOnce, work).await
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

    /// As [`read`](Self::read), for a look at a few rows by their key, which takes less time than handing it
    /// to another thread: on SQLite it is done by the calling thread while a connection is free.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn read_briefly<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let since = self.inner.timer.now();
        let (mut job, answer) = call(work);
        if self.inner.readers.iter().any(|reader| reader.try_run(job.as_mut())) {
            job.answer(Ok(()));
        } else {
            let work = Work { turn: self.turn, mode: Mode::Read, job };
            self.inner.read.waiting.put(work);
        }
        self.awaited(Mode::Read, since, answer).await
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
        let since = self.inner.timer.now();
        let answer = self.submit(mode, work);
        self.awaited(mode, since, answer).await
    }

    /// What a closure answers that was handed over at `since`. The answer to a question is waited for as long as
    /// the store is patient.
    async fn awaited<T, E: From<Error>>(
        &self,
        mode: Mode,
        since: Duration,
        answer: Answer<T, E>,
    ) -> Result<T, E> {
        let answer = match self.inner.patience.filter(|_| mode == Mode::Read) {
            None => answer.await,
            Some(patience) => match tokio::time::timeout(patience, answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(Err(Error::unavailable("the server does not answer").into())),
            },
        };
        self.inner.arrived(mode, since, answer)
    }

    fn submit<T, E>(
        &self,
        mode: Mode,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Answer<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = call(work);
        self.inner.lanes_for(mode).waiting.put(Work { turn: self.turn, mode, job });
        answer
    }

    /// How many closures wait for the write lane.
    #[cfg(test)]
    pub(crate) fn waiting_writes(&self) -> usize {
        self.inner.write.waiting.count()
    }

    /// What was counted since it was opened.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.inner.stats
    }

    /// How its lanes stand.
    #[must_use]
    pub fn lanes(&self) -> Vec<LaneStatus> {
        let Inner { write, read, lease, .. } = &*self.inner;
        let status = |lanes: &Lanes| LaneStatus {
            name: lanes.name,
            lanes: lanes.count,
            busy: lanes.busy.count(),
            waiting: lanes.waiting.count(),
        };
        // PostgreSQL's lanes do both, and are all counted as those that write.
        let lanes = [write, read].into_iter().chain(lease);
        lanes.filter(|lanes| lanes.count > 0).map(status).collect()
    }

    /// A view of the queues that sees every wake from now on.
    #[must_use]
    pub fn wakes(&self) -> Wakes {
        self.inner.hub.wakes()
    }

    /// The right to run jobs: on SQLite one process at a time, `None` while another has it; on
    /// PostgreSQL everybody.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the lock file cannot be opened.
    pub fn runner_lock(&self) -> Result<Option<RunnerLock>> {
        match &self.inner.dir {
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
        let Some(dir) = self.inner.dir.clone() else { return Ok(true) };
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
        self.inner.dir.as_deref().map_or(Ok(()), sqlite::compact)
    }

    /// Lets everything that waits finish, then ends the threads and the connections. Clones get
    /// [`Error::Unavailable`] afterwards. A store that is dropped without it ends by itself, but
    /// nobody waits for that.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        let inner = self.inner;
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
        self.inner.stop();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}
