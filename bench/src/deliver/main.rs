//! Taking events in and delivering them:
//! `cargo build --release && cargo run --release -p vinculo-bench --bin deliver`.
//!
//! Starts the `vinculo` that was built beside this program on a fresh folder and asks it for test
//! events, which take the way of every event: written with their delivery in one transaction,
//! claimed, signed, sent, recorded. Load, server, receiver and database share the machine. Figures
//! of svix-server are those that were recorded on a machine of this size, not measured here.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod intake;
mod isolation;
mod stand;

use anyhow::Context as _;
use clap::Parser;

use stand::{On, Stand};
use vinculo_bench::limits;
use vinculo_bench::postgres::Postgres;
use vinculo_bench::reading::{Output, Reading, Run};

/// Times each figure is read.
const RUNS: usize = 3;

/// Measures deliveries.
#[derive(Parser)]
struct Arguments {
    /// Events of each run of the closed loop
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Deliveries of one server after which its memory is read; where a run has fewer, the last one goes on
    #[arg(long, default_value_t = 100_000)]
    deliveries: usize,
    /// Seconds of each run at a constant rate
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Leave PostgreSQL out
    #[arg(long)]
    sqlite_only: bool,
    /// Measure PostgreSQL alone
    #[arg(long, conflicts_with = "sqlite_only")]
    postgres_only: bool,
    #[command(flatten)]
    output: Output,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    for (on, left_out) in
        [(On::Sqlite, arguments.postgres_only), (On::Postgres, arguments.sqlite_only)]
    {
        if !left_out {
            measure(on, &arguments).await?;
        }
    }
    Ok(())
}

/// Every figure of a database. Each run of the closed loop has a server of its own; the last one
/// goes on.
async fn measure(on: On, arguments: &Arguments) -> anyhow::Result<()> {
    let [mut rate, mut cpu, mut idle, mut after] = [const { Vec::new() }; 4];
    let mut last: Option<(Stand, String)> = None;
    let mut weights = Vec::new();
    for _ in 0..RUNS {
        // One at a time.
        if let Some((stand, _)) = last.take() {
            weights.push(Run::of(stand.rest(0)?.event_kb()));
        }
        let stand = Stand::start(on).await?;
        idle.push(Run::beside(stand.resident_mib()?, stand.bare_mib(0).await?));
        let endpoint = warmed_up(&stand, arguments).await?;
        let flood = flood(&stand, &endpoint, arguments).await?;
        rate.push(flood.0);
        cpu.push(Run::of(flood.1));
        if stand.delivered() >= arguments.deliveries {
            after.push(memory_after(&stand, arguments).await?);
        }
        last = Some((stand, endpoint));
    }
    tell(on, "E6", cpu, arguments)?;
    tell(on, "E7-idle", idle, arguments)?;
    let rate_of = match on {
        On::Sqlite => "E1",
        On::Postgres => "E2",
    };
    arguments.output.tell(&Reading::new(rate_of, rate)?)?;
    let (stand, endpoint) = last.context("no run")?;
    if on == On::Postgres {
        // The third on one database: what the rows of those before cost.
        flood(&stand, &endpoint, arguments).await?;
        let full = flood(&stand, &endpoint, arguments).await?;
        arguments.output.tell(&Reading::new("E2-full", vec![full.0])?)?;
    }
    steady(on, &stand, arguments).await?;
    if after.is_empty() {
        let missing = arguments.deliveries.saturating_sub(stand.delivered());
        stand.closed(&endpoint, missing.max(1)).await?;
        after.push(memory_after(&stand, arguments).await?);
    }
    let name = if on == On::Sqlite { "E7" } else { "E7-full" };
    tell(on, name, after, arguments)?;
    at_rest(on, stand, weights, arguments)?;
    isolation::measure(on, arguments).await
}

/// A closed loop beside what the machine can do at most: events a second, and the processor's
/// milliseconds for one.
async fn flood(stand: &Stand, endpoint: &str, arguments: &Arguments) -> anyhow::Result<(Run, f64)> {
    let syncs = limits::syncs(stand.folder())?;
    let limit = match stand.postgres() {
        None => limits::posts(stand.receiver_url(), 16).await?,
        Some(_) => syncs,
    };
    let before = stand.postgres().map(Postgres::written).transpose()?;
    let flood = stand.closed(endpoint, arguments.events).await?;
    println!("{syncs:.0} syncs/s by the same disk");
    if let Some((before, postgres)) = before.zip(stand.postgres()) {
        let (after, events) = (postgres.written()?, arguments.events as f64);
        println!(
            "{:.2} transactions that wrote and {:.2} syncs of the log an event",
            (after.transactions - before.transactions) as f64 / events,
            (after.syncs - before.syncs) as f64 / events,
        );
    }
    Ok((Run::beside(flood.per_second, limit).others(flood.others), flood.cpu_ms))
}

/// Memory after the deliveries, beside that of a bare route after as many requests.
async fn memory_after(stand: &Stand, arguments: &Arguments) -> anyhow::Result<Run> {
    Ok(Run::beside(stand.resident_mib()?, stand.bare_mib(arguments.deliveries).await?))
}

/// Tells a figure that is read on both databases.
fn tell(on: On, name: &str, runs: Vec<Run>, arguments: &Arguments) -> anyhow::Result<()> {
    let key = match on {
        On::Sqlite => name.to_owned(),
        On::Postgres => format!("{name}-pg"),
    };
    arguments.output.tell(&Reading::new(&key, runs)?)
}

/// An endpoint to which events have been delivered.
async fn warmed_up(stand: &Stand, arguments: &Arguments) -> anyhow::Result<String> {
    let endpoint = stand.endpoint("/ok").await?;
    stand.closed(&endpoint, arguments.events / 20).await?;
    Ok(endpoint)
}

/// Latency at constant rates.
async fn steady(on: On, stand: &Stand, arguments: &Arguments) -> anyhow::Result<()> {
    let endpoint = [stand.endpoint("/ok").await?];
    let [mut middle, mut slowest, mut fast] = [const { Vec::new() }; 3];
    for _ in 0..RUNS {
        let bare = limits::latency(stand.receiver_url(), 50, arguments.seconds / 2).await?;
        let run = stand.open(&endpoint, 0, (50, arguments.seconds)).await?;
        middle.push(Run::beside(run.p50(), bare[0]).others(run.others));
        slowest.push(Run::beside(run.p99(), bare[1]).others(run.others));
        let bare = limits::latency(stand.receiver_url(), 800, arguments.seconds / 2).await?;
        let run = stand.open(&endpoint, 0, (800, arguments.seconds / 2)).await?;
        fast.push(Run::beside(run.p99(), bare[1]).others(run.others));
    }
    for (name, runs) in [("E3-p50", middle), ("E3-p99", slowest), ("E4", fast)] {
        tell(on, name, runs, arguments)?;
    }
    Ok(())
}

/// What is left on the disk, as it was of the servers before, and how soon a server answers on it.
fn at_rest(
    on: On,
    stand: Stand,
    mut weights: Vec<Run>,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let rest = stand.rest(RUNS)?;
    let run = |[start, bare]: &[f64; 2]| Run::beside(*start, *bare).others(rest.others);
    let starts = rest.starts_ms.iter().map(run);
    tell(on, "E8", starts.collect(), arguments)?;
    if on == On::Sqlite {
        weights.push(Run::of(rest.event_kb()));
        tell(on, "E10", weights, arguments)?;
    }
    println!("    {} events of runs of {}\n", rest.events, arguments.events);
    Ok(())
}
