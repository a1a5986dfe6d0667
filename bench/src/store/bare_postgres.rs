//! The same rows by the bare PostgreSQL driver, one thread for each connection.

use crate::rows::{NOW, document, uuid};
use crate::table::{Figure, now};
use anyhow::{Context, Result, anyhow};
use postgres::types::{ToSql, Type};
use postgres::{Client, NoTls, Statement};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use vinculo_store::{Target, migrate};

const CALL: &str = "insert into source_calls (uuid, workspace_id, subject_id, document_index, \
     source, purpose, outcome, reason, http_status, raw_code, duration_us, billed, \
     sealed_payload, created_at) values (cast(cast($1 as text) as uuid), 1, $2, $3, 'ach', \
     'check', 'resolved', null, 200, '200', 1000, 'unknown', null, $4) returning id";
const LOAD: &str = "insert into loads (workspace_id, subject_id, link_id, trigger, resources, \
     request_id, state, source_call_id, created_at) values (1, $1, $1, 'creation', \
     'EMPLOYMENTS', cast(cast($2 as text) as uuid), 'waiting', $3, $4) returning id";
const JOB: &str = "insert into jobs (kind, target_id, due_at, created_at) \
     values ('sync_link', $1, $2, $2) on conflict (kind, target_id) do nothing";
const ALL: &str = "with call as (insert into source_calls (uuid, workspace_id, subject_id, \
     document_index, source, purpose, outcome, reason, http_status, raw_code, duration_us, \
     billed, sealed_payload, created_at) values (cast(cast($1 as text) as uuid), 1, $2, $3, \
     'ach', 'check', 'resolved', null, 200, '200', 1000, 'unknown', null, $4) returning id), \
     load as (insert into loads (workspace_id, subject_id, link_id, trigger, resources, \
     request_id, state, source_call_id, created_at) select 1, $2, $2, 'creation', \
     'EMPLOYMENTS', cast(cast($1 as text) as uuid), 'waiting', id, $4 from call returning id) \
     insert into jobs (kind, target_id, due_at, created_at) \
     select 'sync_link', id, $4, $4 from load";

/// How the three inserts travel.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Begin, three statements, commit: five round trips.
    Five,
    /// One statement.
    One,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Five => "begin + 3 + commit",
            Self::One => "one CTE",
        })
    }
}

/// A migrated database of its own, dropped with this value.
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    pub(crate) fn create(server: &str) -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vinculo_bench_{}_{number}", std::process::id());
        Client::connect(server, NoTls)?.batch_execute(&format!("create database {name}"))?;
        let database = Self { server: server.to_owned(), name };
        migrate(&database.target())?;
        Ok(database)
    }

    pub(crate) fn target(&self) -> Target {
        Target::Postgres { url: self.address() }
    }

    /// The server's address with this database's name.
    fn address(&self) -> String {
        let Some((scheme, rest)) = self.server.split_once("://") else {
            return format!("{} dbname={}", self.server, self.name);
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let host = place.split_once('/').map_or(place, |(host, _)| host);
        format!("{scheme}://{host}/{}?{query}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("drop database {} with (force)", self.name);
        // A database that stays behind is visible by its name.
        let _ = Client::connect(&self.server, NoTls).and_then(|mut it| it.batch_execute(&sql));
    }
}

/// `transactions` in all, by `connections` at once.
pub(crate) fn run(
    database: &Database,
    shape: Shape,
    connections: usize,
    transactions: usize,
) -> Result<Figure> {
    let each = transactions / connections;
    let mut prepared = Vec::new();
    for _ in 0..connections {
        prepared.push(Lane::open(&database.address())?);
    }
    let start = now();
    let mut latencies = Vec::new();
    thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = prepared
            .into_iter()
            .zip((0_u64..).step_by(each))
            .map(|(mut lane, first)| scope.spawn(move || lane.run(shape, first, each)))
            .collect();
        for thread in threads {
            latencies.extend(thread.join().map_err(|_| anyhow!("a connection panicked"))??);
        }
        Ok(())
    })?;
    Ok(Figure::new(start.elapsed(), latencies))
}

struct Lane {
    client: Client,
    call: Statement,
    load: Statement,
    job: Statement,
    all: Statement,
}

impl Lane {
    fn open(address: &str) -> Result<Self> {
        let mut client = Client::connect(address, NoTls).context("no connection")?;
        let types = [Type::TEXT, Type::INT8, Type::BYTEA, Type::INT8];
        Ok(Self {
            call: client.prepare_typed(CALL, &types)?,
            load: client.prepare_typed(LOAD, &[Type::INT8, Type::TEXT, Type::INT8, Type::INT8])?,
            job: client.prepare(JOB)?,
            all: client.prepare_typed(ALL, &types)?,
            client,
        })
    }

    fn run(&mut self, shape: Shape, first: u64, count: usize) -> Result<Vec<Duration>> {
        let mut latencies = Vec::with_capacity(count);
        for number in (first..).take(count) {
            let start = now();
            match shape {
                Shape::Five => self.five(number)?,
                Shape::One => self.one(number)?,
            }
            latencies.push(start.elapsed());
        }
        Ok(latencies)
    }

    fn five(&mut self, number: u64) -> Result<()> {
        let (id, subject) = (uuid(number).to_string(), number.cast_signed());
        let document = document(number);
        self.client.batch_execute("begin")?;
        let params: [&(dyn ToSql + Sync); 4] = [&id, &subject, &document.as_slice(), &NOW];
        let call: i64 = self.client.query_one(&self.call, &params)?.get(0);
        let params: [&(dyn ToSql + Sync); 4] = [&subject, &id, &call, &NOW];
        let load: i64 = self.client.query_one(&self.load, &params)?.get(0);
        self.client.execute(&self.job, &[&load, &NOW])?;
        self.client.batch_execute("commit")?;
        Ok(())
    }

    fn one(&mut self, number: u64) -> Result<()> {
        let (id, subject) = (uuid(number).to_string(), number.cast_signed());
        let document = document(number);
        let params: [&(dyn ToSql + Sync); 4] = [&id, &subject, &document.as_slice(), &NOW];
        self.client.execute(&self.all, &params)?;
        Ok(())
    }
}
