//! PostgreSQL: lanes that each own a connection and both read and write.

use super::address::Server;
use super::columns::{self, Columns};
use super::lane::{Job, Outcome, serve};
use super::notify::Notifier;
use super::oldest::Oldest;
use super::owed::{BEGIN, Owed};
use super::session::Session;
use super::waiting::{Waiting, Work};
use crate::error::{Error, Result};
use crate::lock::in_use;
use crate::row::{Cells, Row};
use crate::stats::Busy;
use crate::tx::{Driver, Mode, Tx};
use crate::value::Value;
use crate::wake::{Hub, Queues, Standing};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error as Refusal, Statement};

/// Prepared statements kept by a connection.
const STATEMENTS: usize = 512;
/// A process that is stopped or cut off in the middle of a transaction keeps what it has locked no longer
/// than this, which is half of a lease: its next connection in line for the same row gets it then, and stands still
/// for as long once more.
const GIVE_UP: &str = "set idle_in_transaction_session_timeout = '3s'";
/// Compiling a statement takes longer than any of ours runs, and the server does it by a guess at the cost
/// that is far too high until the tables of a first load are analyzed.
const INTERPRET: &str = "set jit = off";
/// Commits of leases do not wait for the disk; the next commit that does brings them along.
pub(super) const UNSYNCED: &str = "set synchronous_commit = off";
/// The same for one transaction.
const BEGIN_UNSYNCED: &str = "begin; set local synchronous_commit = off";
/// The advisory lock of whoever uses the database: `vinculo!` in ASCII.
pub(crate) const IN_USE: i64 = 0x7669_6e63_756c_6f21;

/// Says for as long as the connection lasts that somebody uses the database, or has it alone.
pub(crate) fn hold(session: &mut Session, exclusive: bool) -> Result<()> {
    let lock = if exclusive { "pg_try_advisory_lock" } else { "pg_try_advisory_lock_shared" };
    let row = session.row(&format!("select {lock}({IN_USE})"), &[])?;
    if row.try_get(0)? { Ok(()) } else { Err(in_use(exclusive)) }
}

/// A connection that comes back after it was lost.
pub(crate) struct Connection {
    server: Server,
    /// Whether a commit waits for the disk.
    synced: bool,
    /// How long an answer is waited for, where it is not for as long as the connection stands.
    patience: Option<Duration>,
    /// Whether another of this store's connections has the database for itself.
    alone: bool,
    session: Option<Session>,
    /// By their text.
    prepared: HashMap<Box<str>, Statement>,
    owed: Owed,
    oldest: Oldest,
}

impl Connection {
    /// A connection that is made when it is first needed.
    pub(crate) fn new(server: Server, alone: bool, oldest: Oldest) -> Self {
        let (prepared, owed) = (HashMap::new(), Owed::default());
        let (synced, patience, session) = (true, None, None);
        Self { server, synced, patience, alone, session, prepared, owed, oldest }
    }

    /// One whose commits do not wait for the disk, and that waits no longer for any answer: a worker whose only
    /// connection for leases waits for a server that says nothing takes no work from the one after it.
    pub(crate) fn unsynced(self, patience: Duration) -> Self {
        Self { synced: false, patience: Some(patience), ..self }
    }

    /// Where to begin to look for deliveries.
    pub(crate) const fn oldest(&self) -> &Oldest {
        &self.oldest
    }

    fn session(&mut self) -> Result<&mut Session> {
        if self.session.is_none() {
            let mut session = Session::open(&self.server)?;
            if let Some(patience) = self.patience {
                session.give_up_after(patience);
            }
            if !self.alone {
                // Each for itself: whoever wants the database alone must not find it free because one connection,
                // of a process that goes on with the others, was lost.
                hold(&mut session, false)?;
            }
            session.batch(GIVE_UP)?;
            session.batch(INTERPRET)?;
            if !self.synced {
                session.batch(UNSYNCED)?;
            }
            self.session = Some(session);
        }
        self.session.as_mut().ok_or_else(Error::closed)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.session()?.run(async |client| client.prepare(sql).await)?;
        if self.prepared.len() >= STATEMENTS {
            self.prepared.clear();
        }
        self.prepared.insert(sql.into(), statement.clone());
        Ok(statement)
    }

    /// Sends what is owed and `work` behind it. What was owed is not any more, whatever came of it.
    fn exchange<T>(
        &mut self,
        work: impl AsyncFnOnce(&Client) -> std::result::Result<T, Refusal>,
    ) -> Result<T> {
        let texts: Vec<_> = self.owed.later.iter().map(|later| later.sql.clone()).collect();
        let later = texts.iter().map(|sql| self.prepare(sql)).collect::<Result<Vec<_>>>()?;
        self.session()?;
        let Self { session: Some(session), owed, .. } = self else {
            return Err(Error::closed());
        };
        session.run(async |client| owed.before(client, &later, work(client)).await)
    }

    /// Tries something once more on a new connection when the old one has died since it was last used: as long as
    /// the beginning of a transaction is owed, and nothing was looked at for it, nothing depends on it.
    fn begun<T>(&mut self, attempt: impl Fn(&mut Self) -> Result<T>) -> Result<T> {
        let mut outcome = attempt(self);
        let Owed { begin, looked, .. } = self.owed;
        if begin.is_some() && !looked && matches!(outcome, Err(Error::Unavailable(_))) {
            self.forget();
            outcome = attempt(self);
        }
        self.owed = Owed::default();
        self.judged(outcome)
    }
}

impl Connection {
    pub(crate) fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        self.begun(|it| {
            let (statement, params) = (it.prepare(sql)?, pointers(params));
            it.exchange(async |client| client.execute(&statement, &params).await)
        })
    }

    /// As [`Self::execute`], with the next statement or the commit: that fails then if this does.
    pub(crate) fn execute_later(&mut self, sql: &str, params: &[Value<'_>]) -> Result<()> {
        if self.owed.is_full() {
            return self.execute(sql, params).map(drop);
        }
        self.owed.add(sql, params);
        Ok(())
    }

    pub(crate) fn each(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mode: Mode,
        sink: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let (first, looked) = (self.owed.lets_pass(sql), self.owed.looked);
        let begin = self.owed.begin.take_if(|_| first);
        let mut rows = self.fetch(sql, params);
        // Nothing depends on the lost connection, and reading twice is harmless.
        if (mode == Mode::Read || first && !looked) && matches!(rows, Err(Error::Unavailable(_))) {
            rows = self.fetch(sql, params);
        }
        if first {
            self.owed = Owed { begin, looked: true, ..Owed::default() };
        }
        let rows = rows?;
        rows.iter().try_for_each(|row| sink(&Row { cells: Cells::Postgres(row), sql }))
    }

    /// By statements that have all their rows with them: in the middle of a `COPY` the server waits without end
    /// for a process that stands still, and keeps for it what it has locked.
    pub(crate) fn bulk_insert<'v, R: AsRef<[Value<'v>]>>(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> Result<u64> {
        let (width, names) = (columns.len(), columns.join(", "));
        let shape = format!("select {names} from {table} limit 0");
        let (mut rows, mut count) = (rows.into_iter(), 0);
        while let Some(some) = Columns::of(width, &mut rows) {
            count += self.begun(|it| {
                let shape = it.prepare(&shape)?;
                let insert = it.prepare(&columns::insert(table, &names, shape.columns()))?;
                let params = some.params();
                it.exchange(async |client| client.execute(&insert, &params).await)
            })?;
        }
        Ok(count)
    }

    fn fetch(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<tokio_postgres::Row>> {
        self.begun(|it| {
            let (statement, params) = (it.prepare(sql)?, pointers(params));
            it.exchange(async |client| client.query(&statement, &params).await)
        })
    }

    /// Forgets a dead connection, and prepared statements that may be what the server objects to.
    fn judged<T>(&mut self, outcome: Result<T>) -> Result<T> {
        match &outcome {
            Err(Error::Unavailable(_)) => self.forget(),
            Err(Error::Database(_)) => self.prepared.clear(),
            _ => {}
        }
        outcome
    }

    /// Ends the transaction. Without a statement it was never begun.
    fn commit(&mut self) -> Result<()> {
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("before a commit");
        if let Some(whole) = self.owed.take_whole() {
            self.execute(&whole.sql, &whole.params())?;
        } else if let Err(error) = self.commit_what_is_owed() {
            // Behind what is refused on this side nothing was sent.
            self.roll_back();
            return Err(error);
        }
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("after a commit");
        Ok(())
    }

    fn commit_what_is_owed(&mut self) -> Result<()> {
        if self.owed.begin.is_some()
            && !self.owed.looked
            && let Some(last) = self.owed.later.pop()
        {
            // What a lost connection made of a commit is not known: it is not sent with what is tried again.
            self.execute(&last.sql, &last.params())?;
        }
        if self.owed.later.is_empty() && self.owed.begin.take().is_some() {
            return Ok(());
        }
        let outcome = self.exchange(async |client| client.batch_execute("commit").await);
        self.owed = Owed::default();
        self.judged(outcome)
    }

    /// Undoes what was sent.
    fn roll_back(&mut self) {
        let owed = std::mem::take(&mut self.owed);
        let Some(session) = self.session.as_mut().filter(|_| owed.begin.is_none()) else { return };
        if session.batch("rollback").is_err() {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.session = None;
        self.prepared.clear();
    }
}

fn pointers<'p>(params: &'p [Value<'_>]) -> Vec<&'p (dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// Whom the lanes wake after a commit.
#[derive(Clone)]
pub(crate) struct Bell {
    pub(crate) hub: Hub,
    pub(crate) notifier: Notifier,
    /// The lane of leases, for every other one.
    pub(crate) leases: Option<Arc<Waiting>>,
}

impl Bell {
    /// Wakes who waits for these queues, here and elsewhere. Of the closures that stand by for that,
    /// leases go to their lane; the others are answered, to be run by this one.
    fn ring(&self, queues: Queues) -> Vec<Standing> {
        let (mut unattended, mut here) = (Queues::default(), Vec::new());
        for queue in queues.iter() {
            let standing = self.hub.take(queue);
            if standing.as_ref().is_some_and(|standing| standing.narrow) {
                self.notifier.tell(Queues::of(queue));
            }
            match (standing, &self.leases) {
                (None, _) => unattended.add(queue),
                (Some(Standing { mode: mode @ Mode::Lease, job, .. }), Some(leases)) => {
                    leases.put(Work { turn: 0, mode, job });
                }
                (Some(standing), _) => here.push(standing),
            }
        }
        self.hub.wake(unattended);
        self.notifier.tell(unattended);
        here
    }
}

/// Runs closures on one connection: writes as one transaction each, reads without one.
pub(crate) fn lane(mut connection: Connection, waiting: &Waiting, busy: &Busy, bell: &Bell) {
    if connection.synced {
        // Saves the first closure the wait; when it fails, that closure tries again and says why.
        let _ = connection.session();
    }
    serve(waiting, busy, |mode, mut job| {
        let fate = run(&mut connection, mode, job.as_mut());
        let mut standing = bell.ring(fate.as_ref().copied().unwrap_or_default());
        job.answer(fate.map(|_| ()));
        while let Some(Standing { mode, mut job, .. }) = standing.pop() {
            let fate = run(&mut connection, mode, job.as_mut());
            standing.extend(bell.ring(fate.as_ref().copied().unwrap_or_default()));
            job.answer(fate.map(|_| ()));
        }
    });
}

/// Runs a closure as its mode wants; what to wake, or why nothing was committed although the closure
/// succeeded.
fn run(connection: &mut Connection, mode: Mode, job: &mut dyn Job) -> Result<Queues> {
    match mode {
        Mode::Write => transaction(connection, BEGIN, job),
        Mode::WritePart => transaction(connection, BEGIN_UNSYNCED, job),
        Mode::WriteOnce | Mode::Lease | Mode::LeaseOnce => {
            #[cfg(feature = "failpoints")]
            crate::failpoint::pass("before a commit");
            let wakes = bare(connection, mode, job);
            #[cfg(feature = "failpoints")]
            crate::failpoint::pass("after a commit");
            Ok(wakes)
        }
        Mode::Read => Ok(bare(connection, mode, job)),
    }
}

/// Runs a closure without a transaction: what to wake.
fn bare(connection: &mut Connection, mode: Mode, job: &mut dyn Job) -> Queues {
    match job.run(Tx::new(Driver::Postgres(connection), mode)) {
        Outcome::Keep(wakes) => wakes,
        Outcome::Undo(_) => Queues::default(),
    }
}

/// Runs a closure between begin and commit; what to wake, or why nothing was committed although
/// the closure succeeded.
fn transaction(
    connection: &mut Connection,
    begin: &'static str,
    job: &mut dyn Job,
) -> Result<Queues> {
    connection.owed = Owed { begin: Some(begin), ..Owed::default() };
    match job.run(Tx::new(Driver::Postgres(connection), Mode::Write)) {
        Outcome::Keep(wakes) => connection.commit().map(|()| wakes),
        Outcome::Undo(_) => {
            connection.roll_back();
            Ok(Queues::default())
        }
    }
}
