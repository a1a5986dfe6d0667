//! A server and a receiver, and what one run of a load says.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::intake::{self, Caller, Taken};
use vinculo_bench::machine::Processors;
use vinculo_bench::postgres::Postgres;
use vinculo_bench::receiver::Receiver;
use vinculo_bench::server::{Server, Setup};

/// Clients of the closed loop.
const CLIENTS: usize = 16;

/// Where the server keeps what it has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    /// A private one.
    Postgres,
}

/// A server with its receiver.
pub(crate) struct Stand {
    // Ends before its database goes.
    server: Server,
    postgres: Option<Postgres>,
    receiver: Receiver,
    caller: Caller,
}

/// A closed loop.
pub(crate) struct Flood {
    /// Events taken in and delivered a second.
    pub(crate) per_second: f64,
    /// Processor time of server and database an event, milliseconds.
    pub(crate) cpu_ms: f64,
    /// Percent of the processors that others took.
    pub(crate) others: f64,
}

/// A constant rate, from the moment an event was due to its arrival.
pub(crate) struct Steady {
    /// Microseconds.
    latencies: Histogram<u64>,
    /// Percent of the processors that others took.
    pub(crate) others: f64,
}

/// What a server that has ended left behind.
pub(crate) struct Rest {
    /// From the start of the server to its readiness, and of `vinculo --version` to its end.
    pub(crate) starts_ms: Vec<[f64; 2]>,
    pub(crate) folder_kib: f64,
    pub(crate) events: usize,
    pub(crate) others: f64,
}

impl Stand {
    /// A fresh one.
    pub(crate) async fn start(on: On) -> anyhow::Result<Self> {
        let receiver = Receiver::start().await?;
        let mut postgres = (on == On::Postgres).then(Postgres::start).transpose()?;
        let url = postgres.as_mut().map(Postgres::database).transpose()?;
        // Counted as always, and never refused.
        let variables = [("VINCULO_RATE_LIMIT_PER_MINUTE", "1000000000")];
        let setup = Setup { postgres: url.as_deref(), variables: &variables, ..Setup::default() };
        let server = Server::start(&setup)?;
        let caller = Caller::new(&server)?;
        Ok(Self { server, postgres, receiver, caller })
    }

    /// The PostgreSQL that it is on.
    pub(crate) const fn postgres(&self) -> Option<&Postgres> {
        self.postgres.as_ref()
    }

    /// Processor time of server and database so far.
    fn cpu(&self) -> anyhow::Result<Duration> {
        Ok(self.server.process().cpu()? + cpu_of(self.postgres.as_ref())?)
    }

    pub(crate) fn receiver_url(&self) -> &str {
        &self.receiver.url
    }

    pub(crate) fn folder(&self) -> &Path {
        self.server.folder()
    }

    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        Ok(self.server.resident_kib()? as f64 / 1024.0)
    }

    /// Resident memory of a bare route beside this server that has answered so many requests, MiB.
    pub(crate) async fn bare_mib(&self, requests: usize) -> anyhow::Result<f64> {
        let bare = self.server.bare_route(b"{}")?;
        intake::gets(&self.caller, &bare.url, CLIENTS, requests).await?;
        Ok(bare.resident_kib()? as f64 / 1024.0)
    }

    /// How many events have come to the receiver so far.
    pub(crate) fn delivered(&self) -> usize {
        self.receiver.count()
    }

    /// Adds an endpoint at this path of the receiver.
    pub(crate) async fn endpoint(&self, path: &str) -> anyhow::Result<String> {
        self.caller.endpoint(&format!("{}{path}", self.receiver.url)).await
    }

    /// Removes an endpoint, and what waits for it.
    pub(crate) async fn remove(&self, endpoint: &str) -> anyhow::Result<()> {
        self.caller.remove(endpoint).await
    }

    pub(crate) async fn closed(&self, endpoint: &str, events: usize) -> anyhow::Result<Flood> {
        let cpu = self.cpu()?;
        let (before, started) = (Processors::now(cpu)?, Instant::now());
        let taken = intake::closed(&self.caller, endpoint, CLIENTS, events).await?;
        let arrivals = intake::arrivals(&self.receiver, &taken).await?;
        let last = arrivals.into_iter().max().context("no event")?;
        let after = self.cpu()?;
        Ok(Flood {
            per_second: events as f64 / (last - started).as_secs_f64(),
            cpu_ms: (after - cpu).as_secs_f64() * 1000.0 / events as f64,
            others: Processors::now(after)?.others_since(before),
        })
    }

    /// A constant rate; the events of the first so many endpoints are not looked at.
    pub(crate) async fn open(
        &self,
        endpoints: &[String],
        left_out: usize,
        load: (u32, u32),
    ) -> anyhow::Result<Steady> {
        let before = Processors::now(self.cpu()?)?;
        let taken = intake::open(&self.caller, endpoints, left_out, load).await?;
        let latencies = self.latencies(&taken).await?;
        let others = Processors::now(self.cpu()?)?.others_since(before);
        Ok(Steady { latencies, others })
    }

    /// Takes in so many events for each endpoint, and waits for none of them.
    pub(crate) async fn burden(&self, endpoints: &[String], events: usize) -> anyhow::Result<()> {
        for _ in 0..events {
            intake::each(&self.caller, endpoints).await?;
        }
        Ok(())
    }

    async fn latencies(&self, taken: &[Taken]) -> anyhow::Result<Histogram<u64>> {
        let arrivals = intake::arrivals(&self.receiver, taken).await?;
        let mut latencies = Histogram::<u64>::new(3)?;
        for (taken, arrived) in taken.iter().zip(arrivals) {
            let latency = arrived.saturating_duration_since(taken.sent);
            latencies.record(u64::try_from(latency.as_micros())?)?;
        }
        Ok(latencies)
    }

    /// Ends the server, looks at what it left, and starts it again so many times.
    pub(crate) fn rest(self, starts: usize) -> anyhow::Result<Rest> {
        let events = self.receiver.count();
        let (installation, mut process) = self.server.split();
        process.stop()?;
        let mut bytes = 0;
        for entry in std::fs::read_dir(installation.folder())? {
            bytes += entry?.metadata()?.len();
        }
        let (mut starts_ms, mut own) = (Vec::new(), Duration::ZERO);
        let database = self.postgres.as_ref();
        // What it alone needs of the program is read from the disk for once.
        version(installation.binary())?;
        let before = Processors::now(cpu_of(database)?)?;
        for _ in 0..starts {
            let started = Instant::now();
            let mut process = installation.serve()?;
            let served = started.elapsed();
            own += process.cpu()?;
            process.stop()?;
            let bare = version(installation.binary())?;
            starts_ms.push([served, bare].map(|took| took.as_secs_f64() * 1000.0));
        }
        let others = Processors::now(own + cpu_of(database)?)?.others_since(before);
        Ok(Rest { starts_ms, folder_kib: bytes as f64 / 1024.0, events, others })
    }
}

impl Steady {
    /// Loads of the same rate and length as one.
    pub(crate) fn pooled<'a>(loads: impl IntoIterator<Item = &'a Self>) -> anyhow::Result<Self> {
        let (mut latencies, mut others, mut count) = (Histogram::new(3)?, 0.0, 0.0);
        for load in loads {
            latencies.add(&load.latencies)?;
            others += load.others;
            count += 1.0;
        }
        Ok(Self { latencies, others: others / count })
    }

    /// Milliseconds.
    pub(crate) fn p50(&self) -> f64 {
        self.at(0.5)
    }

    /// Milliseconds.
    pub(crate) fn p99(&self) -> f64 {
        self.at(0.99)
    }

    fn at(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

impl Rest {
    /// What the folder holds for an event, thousands of bytes.
    pub(crate) fn event_kb(&self) -> f64 {
        self.folder_kib * 1.024 / self.events as f64
    }
}

/// How long the program takes that only tells its version.
fn version(program: &Path) -> anyhow::Result<Duration> {
    let mut version = Command::new(program);
    let started = Instant::now();
    let status = version.arg("--version").stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{} --version: {status}", program.display());
    Ok(started.elapsed())
}

/// What a database of its own has taken so far; one in the server has taken nothing.
fn cpu_of(postgres: Option<&Postgres>) -> anyhow::Result<Duration> {
    Ok(postgres.map(Postgres::cpu).transpose()?.unwrap_or_default())
}
