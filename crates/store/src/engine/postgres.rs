//! PostgreSQL: lanes that each own a connection and both read and write.

use super::address::Server;
use super::lane::{Job, Outcome, serve};
use super::notify::Notifier;
use super::waiting::{Waiting, Work};
use crate::error::{Error, Result};
use crate::lock::in_use;
use crate::row::{Cells, Row};
use crate::stats::Busy;
use crate::tx::{Driver, Mode, Tx};
use crate::value::Value;
use crate::wake::{Hub, Queues, Standing};
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};
use postgres::{Client, Statement};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Prepared statements kept by a connection.
const STATEMENTS: usize = 512;
/// A process that is stopped or cut off in the middle of a transaction keeps what it has locked no longer
/// than this, which is less than a lease.
const GIVE_UP: &str = "set idle_in_transaction_session_timeout = '5s'";
/// Compiling a statement takes longer than any of ours runs, and the server does it by a guess at the cost
/// that is far too high until the tables of a first load are analyzed.
const INTERPRET: &str = "set jit = off";
/// Commits of leases do not wait for the disk; the next commit that does brings them along.
const UNSYNCED: &str = "set synchronous_commit = off";
/// The same for one transaction.
const BEGIN_UNSYNCED: &str = "begin; set local synchronous_commit = off";
/// The advisory lock of whoever uses the database: `vinculo!` in ASCII.
pub(crate) const IN_USE: i64 = 0x7669_6e63_756c_6f21;

/// A connection where the tables of both schemas are found by their plain names.
pub(crate) fn connect(server: &Server) -> Result<Client> {
    let mut client = server.connect()?;
    client.batch_execute("set search_path = public, vault")?;
    Ok(client)
}

/// Says for as long as the connection lasts that somebody uses the database, or has it alone.
pub(crate) fn hold(client: &mut Client, exclusive: bool) -> Result<()> {
    let lock = if exclusive { "pg_try_advisory_lock" } else { "pg_try_advisory_lock_shared" };
    let row = client.query_one(&format!("select {lock}({IN_USE})"), &[])?;
    if row.try_get(0)? { Ok(()) } else { Err(in_use(exclusive)) }
}

/// A connection that comes back after it was lost.
pub(crate) struct Connection {
    server: Server,
    /// Whether a commit waits for the disk.
    synced: bool,
    /// Whether another of this store's connections has the database for itself.
    alone: bool,
    client: Option<Client>,
    statements: HashMap<Box<str>, Statement>,
    oldest: Oldest,
}

/// The time of the oldest delivery that waits, as the connections of a process last saw it, and when they
/// looked. What was delivered stays in the index of what waits until the next vacuum: who looks from here on
/// does not walk over it.
#[derive(Clone, Default)]
pub(crate) struct Oldest(Arc<Mutex<Option<(i64, i64)>>>);

impl Oldest {
    /// What was seen, and when; both in microseconds.
    pub(crate) fn seen(&self) -> Option<(i64, i64)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was seen.
    pub(crate) fn note(&self, oldest: i64, at: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((oldest, at));
    }
}

impl Connection {
    /// A connection that is made when it is first needed.
    pub(crate) fn new(server: Server, alone: bool, oldest: Oldest) -> Self {
        Self { server, synced: true, alone, client: None, statements: HashMap::new(), oldest }
    }

    /// One whose commits do not wait for the disk.
    pub(crate) fn unsynced(server: Server, alone: bool, oldest: Oldest) -> Self {
        Self { synced: false, ..Self::new(server, alone, oldest) }
    }

    /// What is known of the oldest delivery that waits.
    pub(crate) const fn oldest(&self) -> &Oldest {
        &self.oldest
    }

    fn client(&mut self) -> Result<&mut Client> {
        if self.client.is_none() {
            let mut client = connect(&self.server)?;
            if !self.alone {
                // Each for itself: whoever wants the database alone must not find it free because one connection,
                // of a process that goes on with the others, was lost.
                hold(&mut client, false)?;
            }
            client.batch_execute(GIVE_UP)?;
            client.batch_execute(INTERPRET)?;
            if !self.synced {
                client.batch_execute(UNSYNCED)?;
            }
            self.client = Some(client);
        }
        self.client.as_mut().ok_or_else(Error::closed)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client()?.prepare(sql)?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }
}

impl Connection {
    pub(crate) fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        let outcome = self
            .prepare(sql)
            .and_then(|statement| Ok(self.client()?.execute(&statement, &pointers(params))?));
        self.judged(outcome)
    }

    pub(crate) fn each(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mode: Mode,
        sink: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let rows = match self.fetch(sql, params) {
            // Nothing depends on the lost connection, and reading twice is harmless.
            Err(Error::Unavailable(_)) if mode == Mode::Read => self.fetch(sql, params)?,
            outcome => outcome?,
        };
        rows.iter().try_for_each(|row| sink(&Row { cells: Cells::Postgres(row), sql }))
    }

    pub(crate) fn bulk_insert<'v, R: AsRef<[Value<'v>]>>(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> Result<u64> {
        let columns = columns.join(", ");
        let outcome = self
            .prepare(&format!("select {columns} from {table} limit 0"))
            .and_then(|shape| self.copy(&format!("{table} ({columns})"), &shape, rows));
        self.judged(outcome)
    }

    fn copy<'v, R: AsRef<[Value<'v>]>>(
        &mut self,
        target: &str,
        shape: &Statement,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<u64> {
        let types: Vec<Type> = shape.columns().iter().map(|it| it.type_().clone()).collect();
        let writer = self.client()?.copy_in(&format!("copy {target} from stdin binary"))?;
        let mut writer = BinaryCopyInWriter::new(writer, &types);
        for row in rows {
            writer.write_raw(row.as_ref())?;
        }
        Ok(writer.finish()?)
    }

    fn fetch(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<postgres::Row>> {
        let outcome = self
            .prepare(sql)
            .and_then(|statement| Ok(self.client()?.query(&statement, &pointers(params))?));
        self.judged(outcome)
    }

    fn batch(&mut self, sql: &str) -> Result<()> {
        let outcome = self.client().and_then(|client| Ok(client.batch_execute(sql)?));
        self.judged(outcome)
    }

    /// Forgets a dead connection, and prepared statements that may be what the server objects to.
    fn judged<T>(&mut self, outcome: Result<T>) -> Result<T> {
        match &outcome {
            Err(Error::Unavailable(_)) => self.forget(),
            Err(Error::Database(_)) => self.statements.clear(),
            _ => {}
        }
        outcome
    }

    fn commit(&mut self) -> Result<()> {
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("before a commit");
        self.batch("commit")?;
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("after a commit");
        Ok(())
    }

    fn forget(&mut self) {
        self.client = None;
        self.statements.clear();
    }

    /// Opens a transaction, on a new connection when the old one died since it was last used.
    fn begin(&mut self, begin: &str) -> Result<()> {
        match self.batch(begin) {
            Err(Error::Unavailable(_)) => self.batch(begin),
            outcome => outcome,
        }
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
        let _ = connection.client();
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
        Mode::Write => transaction(connection, "begin", job),
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
fn transaction(connection: &mut Connection, begin: &str, job: &mut dyn Job) -> Result<Queues> {
    connection.begin(begin)?;
    match job.run(Tx::new(Driver::Postgres(connection), Mode::Write)) {
        Outcome::Keep(wakes) => connection.commit().map(|()| wakes),
        Outcome::Undo(_) => {
            if connection.client.is_some() && connection.batch("rollback").is_err() {
                connection.forget();
            }
            Ok(Queues::default())
        }
    }
}
