//! What a closure given to the store may do: a handful of calls over one of two drivers.

use crate::engine::oldest::Oldest;
use crate::engine::{postgres, sqlite};
use crate::error::{Cause, Error, Result};
use crate::row::Row;
use crate::value::Value;
use crate::wake::{Queue, Queues};

/// Which database answers; only locks, bulk loading and wake-ups may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, in two files.
    Sqlite,
    /// PostgreSQL, or what speaks its protocol.
    Postgres,
}

impl Dialect {
    /// Behind an ordered `select`: rows are locked in that order. Whoever changes several rows does
    /// that, or two who change the same ones wait for each other. SQLite has one writer.
    pub(crate) const fn locking(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for update",
        }
    }

    /// Behind a `select`: rows that somebody else has locked are left out.
    pub(crate) const fn passing_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for update skip locked",
        }
    }
}

/// How the statements of a closure hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Every statement stands alone and sees what is committed when it starts.
    Read,
    /// All statements or none.
    Write,
    /// The same by exactly one statement on PostgreSQL, which commits itself.
    WriteOnce,
    /// All statements or none. Their commit is answered before it is on disk.
    WritePart,
    /// Leases that hang together no more than the statements of a read. Their commit is answered
    /// before it is on disk.
    Lease,
    /// A lease taken by exactly one statement, which commits itself; on PostgreSQL it is on disk then.
    LeaseOnce,
}

impl Mode {
    /// Whether it is answered only when it is on disk, on either database.
    pub(crate) const fn is_write(self) -> bool {
        matches!(self, Self::Write | Self::WriteOnce)
    }

    /// Whether it takes or ends work by hardly more than one statement, and so goes before what begins some.
    pub(crate) const fn is_brief(self) -> bool {
        matches!(self, Self::WriteOnce | Self::Lease | Self::LeaseOnce)
    }
}

/// The statements of one closure.
///
/// Inside a write, the first statement that fails decides: every later one is refused with the
/// same error and nothing is committed, even when the closure swallows the error. (PostgreSQL
/// works that way and SQLite does not; a closure must not depend on which it talks to.) Use
/// `on conflict` where a conflict is expected.
pub struct Tx<'a> {
    driver: Driver<'a>,
    mode: Mode,
    statements: usize,
    failed: Option<Error>,
    wakes: Queues,
}

pub(crate) enum Driver<'a> {
    Sqlite(&'a mut sqlite::Connection),
    Postgres(&'a mut postgres::Connection),
}

macro_rules! on {
    ($tx:expr, $driver:ident => $call:expr) => {
        match &mut $tx.driver {
            Driver::Sqlite($driver) => $call,
            Driver::Postgres($driver) => $call,
        }
    };
}

impl<'a> Tx<'a> {
    pub(crate) fn new(driver: Driver<'a>, mode: Mode) -> Self {
        Self { driver, mode, statements: 0, failed: None, wakes: Queues::default() }
    }

    /// Which database answers.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self.driver {
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    /// What PostgreSQL's connections know of the deliveries that wait; nothing on SQLite, which keeps
    /// nothing in an index of what does not wait any more.
    pub(crate) fn oldest_delivery(&self) -> Option<Oldest> {
        match &self.driver {
            Driver::Sqlite(_) => None,
            Driver::Postgres(connection) => Some(connection.oldest().clone()),
        }
    }

    /// Runs a statement that answers no rows; gives the number of rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        self.admit()?;
        let outcome = on!(self, driver => driver.execute(sql, params));
        self.note(outcome)
    }

    /// Runs a statement of which nobody needs the answer. In a transaction PostgreSQL gets it with the next one,
    /// or with the commit: if it fails, that does.
    pub(crate) fn execute_later(&mut self, sql: &str, params: &[Value<'_>]) -> Result<()> {
        match &mut self.driver {
            Driver::Postgres(connection)
                if self.failed.is_none() && matches!(self.mode, Mode::Write | Mode::WritePart) =>
            {
                let outcome = connection.execute_later(sql, params);
                self.note(outcome)
            }
            _ => self.execute(sql, params).map(drop),
        }
    }

    /// Runs a statement and maps every row it answers, in order.
    pub(crate) fn query<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each(sql, params, &mut |row| {
            rows.push(map(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Runs a statement that answers one row or none, and maps it.
    pub(crate) fn query_opt<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.each(sql, params, &mut |row| {
            if found.is_none() {
                found = Some(map(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Runs a statement that answers exactly one row, and maps it.
    pub(crate) fn query_one<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.query_opt(sql, params, map)?
            .ok_or_else(|| Error::answer(sql, "no row where one must be"))
    }

    /// Inserts many rows into `columns` of `table` by one prepared statement on SQLite, a row
    /// at a time, and by arrays of up to two thousand rows on PostgreSQL. Gives the number of rows.
    pub(crate) fn bulk_insert<'v, R: AsRef<[Value<'v>]>>(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> Result<u64> {
        self.admit()?;
        let outcome = on!(self, driver => driver.bulk_insert(table, columns, rows));
        self.note(outcome)
    }

    /// Wakes whoever waits for `queue`, in this process and the others of the installation, once
    /// the changes are committed.
    pub(crate) fn wake(&mut self, queue: Queue) {
        self.wakes.add(queue);
    }

    /// Feeds every row to `sink`. Never stops early: SQLite checks foreign keys at the end of a
    /// statement.
    fn each(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        sink: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        self.admit()?;
        let outcome = on!(self, driver => driver.each(sql, params, self.mode, sink));
        self.note(outcome)
    }

    fn admit(&mut self) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.statements += 1;
        let once = match self.driver {
            Driver::Sqlite(_) => self.mode == Mode::LeaseOnce,
            Driver::Postgres(_) => matches!(self.mode, Mode::LeaseOnce | Mode::WriteOnce),
        };
        if once && self.statements > 1 {
            let cause = Cause::own("a second statement where one commits itself");
            return self.note(Err(Error::Database(cause)));
        }
        Ok(())
    }

    fn note<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome
            && self.mode != Mode::Read
            && !matches!(error, Error::Answer { .. } | Error::Corrupt { .. })
        {
            self.failed = Some(error.clone());
        }
        outcome
    }

    /// Ends the closure's part: what it wants to wake, or the first error of a statement.
    pub(crate) fn finish(self) -> Result<Queues> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.wakes),
        }
    }
}
