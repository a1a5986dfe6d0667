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
mod row;
mod stand;

use clap::Parser;

use row::{Goal, Row};
use stand::Stand;
use vinculo_bench::postgres::Postgres;

/// Times each figure is read.
const RUNS: usize = 3;

/// Rows that this program does not measure.
const NOT_RUN: [&str; 1] = ["E5 link -> webhook at 50/s: NOT RUN here, `--bin flow` measures it"];

/// Measures deliveries.
#[derive(Parser)]
struct Arguments {
    /// Events of each run of the closed loop
    #[arg(long, default_value_t = 5000)]
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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if !arguments.postgres_only {
        on_sqlite(&arguments).await?;
    }
    if arguments.sqlite_only {
        println!("E2 take in and deliver, PostgreSQL: NOT RUN");
    } else {
        on_postgres(&arguments).await?;
    }
    NOT_RUN.iter().for_each(|row| println!("{row}"));
    Ok(())
}

/// Every row but E2.
async fn on_sqlite(arguments: &Arguments) -> anyhow::Result<()> {
    let stand = Stand::start(None).await?;
    let posts = limits::posts(stand.receiver_url(), 16).await?;
    let syncs = limits::syncs(stand.folder())?;
    println!("limits: {posts:.0} bare posts/s over 16 connections, {syncs:.0} syncs/s\n");
    let idle = stand.resident_mib()?;

    let [rate, cpu] = throughput(&stand, arguments).await?;
    let names = ["E1 take in and deliver, 16 clients, SQLite", "E6 processor time an event"];
    let taken = Row::new(names[0], "events/s", Goal::AtLeast(2750.0)).recorded(917.0);
    print(Row { runs: rate, ..taken.limit("bare posts/s", posts) });
    let each = Row::new(names[1], "ms", Goal::AtMost(0.6)).recorded(1.97);
    print(Row { runs: cpu, ..each });
    let most = Goal::AtMost(64.0);
    print(one("E7 memory after these events, MiB", most, stand.resident_mib()?, Some(67.0)));
    print(one("E7 memory idle, MiB", Goal::AtMost(30.0), idle, Some(44.0)));

    steady(&stand, arguments).await?;
    hanging(arguments).await?;
    at_rest(stand, arguments)
}

/// E2, with what an event costs there.
async fn on_postgres(arguments: &Arguments) -> anyhow::Result<()> {
    let mut postgres = Postgres::start()?;
    let stand = Stand::start(Some(&postgres.database()?)).await?;
    let syncs = limits::syncs(stand.folder())?;
    let before = postgres.written()?;
    let [rate, _] = throughput(&stand, arguments).await?;
    let after = postgres.written()?;
    let events = (arguments.events / 5 + RUNS * arguments.events) as f64;
    let name = "E2 take in and deliver, 16 clients, PostgreSQL (counted among the others)";
    let taken = Row::new(name, "events/s", Goal::AtLeast(1850.0)).recorded(917.0);
    print(Row { runs: rate, ..taken.limit("syncs/s", syncs) });
    println!(
        "    {:.2} transactions that wrote and {:.2} syncs of the log an event\n",
        (after.transactions - before.transactions) as f64 / events,
        (after.syncs - before.syncs) as f64 / events,
    );
    Ok(())
}

/// Events a second, and milliseconds of the server's processor time for each.
async fn throughput(stand: &Stand, arguments: &Arguments) -> anyhow::Result<[Vec<(f64, f64)>; 2]> {
    let endpoint = stand.endpoint("/ok").await?;
    stand.closed(&endpoint, arguments.events / 5).await?;
    let mut both = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        let run = stand.closed(&endpoint, arguments.events).await?;
        both[0].push((run.per_second, run.others));
        both[1].push((run.cpu_ms, run.others));
    }
    Ok(both)
}

/// Latency at constant rates.
async fn steady(stand: &Stand, arguments: &Arguments) -> anyhow::Result<()> {
    let endpoint = [stand.endpoint("/ok").await?];
    let [p50, p99] = limits::latency(stand.receiver_url(), 50, arguments.seconds).await?;
    let mut rows = [
        Row::new("E3 event -> receiver at 50/s, p50", "ms", Goal::AtMost(2.0))
            .recorded(3.95)
            .limit("a bare post at 50/s, p50", p50),
        Row::new("E3 event -> receiver at 50/s, p99", "ms", Goal::AtMost(8.0))
            .recorded(14.1)
            .limit("a bare post at 50/s, p99", p99),
    ];
    let mut fast = Row::new("E4 event -> receiver at 800/s, p99", "ms", Goal::AtMost(20.0));
    fast = fast.recorded(4200.0);
    for _ in 0..RUNS {
        let run = stand.open(&endpoint, false, (50, arguments.seconds)).await?;
        rows[0].runs.push((run.p50, run.others));
        rows[1].runs.push((run.p99, run.others));
        let run = stand.open(&endpoint, false, (800, arguments.seconds / 2)).await?;
        fast.runs.push((run.p99, run.others));
    }
    rows.into_iter().chain([fast]).for_each(print);
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
    let name = "B1 300/s to 100 endpoints that all answer, p99";
    let mut calm = Row::new(name, "ms", Goal::AtMost(25.0)).recorded(9.4);
    for _ in 0..RUNS {
        let run = stand.open(&endpoints, false, load).await?;
        calm.runs.push((run.p99, run.others));
    }
    let undisturbed = calm.runs.iter().map(|run| run.0).sum::<f64>() / RUNS as f64;
    endpoints[0] = stand.endpoint("/hang").await?;
    let name = "B1 the same, p99 of the 99 while one hangs";
    let mut beside = Row::new(name, "ms", Goal::AtMost(25.0)).recorded(33_500.0);
    for _ in 0..RUNS {
        let run = stand.open(&endpoints, true, load).await?;
        beside.runs.push((run.p99, run.others));
    }
    let name = "B1 the same, times the mean undisturbed p99";
    let times = beside.runs.iter().map(|(p99, others)| (p99 / undisturbed, *others)).collect();
    print(calm);
    print(beside);
    print(Row { runs: times, ..Row::new(name, "x", Goal::AtMost(1.2)) });
    Ok(())
}

/// What is left on the disk, and how soon a server answers on it.
fn at_rest(stand: Stand, arguments: &Arguments) -> anyhow::Result<()> {
    let rest = stand.rest(RUNS)?;
    let name = "E8 start to ready, existing database";
    print(Row {
        runs: rest.starts_ms.iter().map(|start| (*start, rest.others)).collect(),
        ..Row::new(name, "ms", Goal::AtMost(60.0)).recorded(84.0)
    });
    print(one("E9 binary, MB", Goal::AtMost(25.0), rest.binary_mb, Some(42.8)));
    let kib = rest.folder_kib / rest.events as f64;
    print(one("E10 disk an event with its try, kB", Goal::AtMost(1.2), kib * 1.024, Some(1.4)));
    println!("    {} events of runs of {}\n", rest.events, arguments.events);
    Ok(())
}

fn one(name: &'static str, goal: Goal, value: f64, recorded: Option<f64>) -> Row {
    Row { runs: vec![(value, f64::NAN)], recorded, ..Row::new(name, "", goal) }
}

#[expect(clippy::needless_pass_by_value, reason = "a row is printed once")]
fn print(row: Row) {
    println!("{}\n", row.text());
}
