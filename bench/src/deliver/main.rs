//! Taking events in and delivering them:
//! `cargo build --release && cargo run --release -p vinculo-bench --bin deliver`.
//!
//! Starts the `vinculo` that was built beside this program on a fresh folder and asks it for test
//! events, which take the way of every event: written with their delivery in one transaction,
//! claimed, signed, sent, recorded. Load, server, receiver and database share the machine. Figures
//! of svix-server are those that were recorded on a machine of this size, not measured here.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod intake;
mod limits;
mod stand;

use clap::Parser;

use stand::Stand;
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
    if !arguments.postgres_only {
        on_sqlite(&arguments).await?;
    }
    if !arguments.sqlite_only {
        on_postgres(&arguments).await?;
    }
    Ok(())
}

/// Every figure but E2. Each run of the closed loop has a server of its own; the last one goes on.
async fn on_sqlite(arguments: &Arguments) -> anyhow::Result<()> {
    let [mut rate, mut cpu, mut idle, mut after] = [const { Vec::new() }; 4];
    let mut stand = Stand::start(None).await?;
    for run in 0..RUNS {
        if run > 0 {
            stand = Stand::start(None).await?;
        }
        idle.push(Run::of(stand.resident_mib()?));
        let endpoint = warmed_up(&stand, arguments).await?;
        let posts = limits::posts(stand.receiver_url(), 16).await?;
        let flood = stand.closed(&endpoint, arguments.events).await?;
        rate.push(Run::beside(flood.per_second, posts).others(flood.others));
        cpu.push(Run::of(flood.cpu_ms));
        after.push(Run::of(stand.resident_mib()?));
        println!("{:.0} syncs/s by the same disk", limits::syncs(stand.folder())?);
    }
    for (key, runs) in [("E1", rate), ("E6", cpu), ("E7-idle", idle), ("E7", after)] {
        arguments.output.tell(&Reading::new(key, runs)?)?;
    }
    steady(&stand, arguments).await?;
    at_rest(stand, arguments)?;
    hanging(arguments).await
}

/// E2, with what an event costs there.
async fn on_postgres(arguments: &Arguments) -> anyhow::Result<()> {
    let mut postgres = Postgres::start()?;
    let stand = Stand::start(Some(&postgres.database()?)).await?;
    let endpoint = warmed_up(&stand, arguments).await?;
    let (before, mut runs) = (postgres.written()?, Vec::new());
    for _ in 0..RUNS {
        let syncs = limits::syncs(stand.folder())?;
        let flood = stand.closed(&endpoint, arguments.events).await?;
        runs.push(Run::beside(flood.per_second, syncs).others(flood.others));
    }
    let after = postgres.written()?;
    let events = (RUNS * arguments.events) as f64;
    println!("PostgreSQL is counted among the others");
    arguments.output.tell(&Reading::new("E2", runs)?)?;
    println!(
        "    {:.2} transactions that wrote and {:.2} syncs of the log an event\n",
        (after.transactions - before.transactions) as f64 / events,
        (after.syncs - before.syncs) as f64 / events,
    );
    Ok(())
}

/// An endpoint to which events have been delivered.
async fn warmed_up(stand: &Stand, arguments: &Arguments) -> anyhow::Result<String> {
    let endpoint = stand.endpoint("/ok").await?;
    stand.closed(&endpoint, arguments.events / 20).await?;
    Ok(endpoint)
}

/// Latency at constant rates.
async fn steady(stand: &Stand, arguments: &Arguments) -> anyhow::Result<()> {
    let endpoint = [stand.endpoint("/ok").await?];
    let [mut middle, mut slowest, mut fast] = [const { Vec::new() }; 3];
    for _ in 0..RUNS {
        let bare = limits::latency(stand.receiver_url(), 50, arguments.seconds / 2).await?;
        let run = stand.open(&endpoint, false, (50, arguments.seconds)).await?;
        middle.push(Run::beside(run.p50, bare[0]).others(run.others));
        slowest.push(Run::beside(run.p99, bare[1]).others(run.others));
        let run = stand.open(&endpoint, false, (800, arguments.seconds / 2)).await?;
        fast.push(Run::of(run.p99).others(run.others));
    }
    for (key, runs) in [("E3-p50", middle), ("E3-p99", slowest), ("E4", fast)] {
        arguments.output.tell(&Reading::new(key, runs)?)?;
    }
    Ok(())
}

/// One of a hundred endpoints never answers.
async fn hanging(arguments: &Arguments) -> anyhow::Result<()> {
    let stand = Stand::start(None).await?;
    let mut endpoints = vec![stand.endpoint("/ok").await?];
    for _ in 1..100 {
        endpoints.push(stand.endpoint("/ok").await?);
    }
    let load = (300, arguments.seconds);
    let mut calm = Vec::new();
    for _ in 0..RUNS {
        let run = stand.open(&endpoints, false, load).await?;
        calm.push(Run::of(run.p99).others(run.others));
    }
    endpoints[0] = stand.endpoint("/hang").await?;
    let (mut beside, mut times) = (Vec::new(), Vec::new());
    let mut undisturbed: Vec<_> = calm.iter().map(|run| run.value).collect();
    undisturbed.sort_by(f64::total_cmp);
    for _ in 0..RUNS {
        let run = stand.open(&endpoints, true, load).await?;
        beside.push(Run::of(run.p99).others(run.others));
        times.push(Run::beside(run.p99, undisturbed[RUNS / 2]));
    }
    for (key, runs) in [("B1-calm", calm), ("B1", beside), ("B1-times", times)] {
        arguments.output.tell(&Reading::new(key, runs)?)?;
    }
    Ok(())
}

/// What is left on the disk, and how soon a server answers on it.
fn at_rest(stand: Stand, arguments: &Arguments) -> anyhow::Result<()> {
    let rest = stand.rest(RUNS)?;
    let starts = rest.starts_ms.iter().map(|start| Run::of(*start).others(rest.others));
    arguments.output.tell(&Reading::new("E8", starts.collect())?)?;
    let kib = rest.folder_kib / rest.events as f64;
    arguments.output.tell(&Reading::new("E10", vec![Run::of(kib * 1.024)])?)?;
    println!("    {} events of runs of {}\n", rest.events, arguments.events);
    Ok(())
}
