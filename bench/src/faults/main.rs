//! Faults done to real servers: `cargo build --release && cargo run --release -p vinculo-bench --bin
//! faults`. `--long` is the form whose numbers are published; rows are chosen by name.
//!
//! The receiver is a process of its own. PostgreSQL is a private one, which syncs its disk. Ends
//! with 1 when a row misses its goal.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::{Parser, Subcommand};

use vinculo_bench::faults::{self, ELSEWHERE, Elsewhere, NOT_PLAYED, Plan, SlowClients, Verdict};
use vinculo_bench::postgres::Postgres;
use vinculo_bench::reading::Output;
use vinculo_bench::receiver::Receiver;
use vinculo_bench::server::Process;

/// What is played, each with a receiver of its own; before the dash, the row.
const GROUPS: [&str; 20] = [
    "A1",
    "A2-stale",
    "A2-workers",
    "A5-sqlite",
    "A5-postgres",
    "A6-restarts",
    "A6-sessions",
    "A6-idle",
    "A7-quota",
    "A7-disk",
    "A8",
    "A9",
    "A10",
    "B2",
    "B3",
    "B5",
    "B6-rate",
    "B6-waiting",
    "B7",
    "B8",
];

/// Plays faults and says whether what is promised held.
#[derive(Parser)]
struct Arguments {
    /// 100 kills instead of 10, and as much more of everything else
    #[arg(long)]
    long: bool,
    /// Only this: minutes under load, while source, receiver and database fail at random
    #[arg(long, value_name = "MINUTES", conflicts_with_all = ["long", "rows"])]
    soak: Option<u64>,
    /// Also run the tests that prove the rows which are not played here
    #[arg(long, conflicts_with = "soak")]
    with_tests: bool,
    /// Rows to play, such as A1 or B3; all of them when none is named
    rows: Vec<String>,
    /// Links a second
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Where random moments come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// The receiver, started by the program itself
    #[command(hide = true)]
    Receiver,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if matches!(arguments.role, Some(Role::Receiver)) {
        let receiver = Receiver::start().await?;
        println!("listening on {}", receiver.url);
        std::future::pending::<()>().await;
    }
    println!("seed {}, {} links/s\n", arguments.seed, arguments.rate);
    let mut missed = 0;
    let elsewhere = |row: &String| arguments.with_tests && ELSEWHERE.iter().any(|it| it.is_of(row));
    let known = |row: &String| {
        GROUPS.iter().any(|group| group.split('-').next() == Some(row)) || elsewhere(row)
    };
    if let Some(unknown) = arguments.rows.iter().find(|row| !known(row)) {
        anyhow::bail!(
            "there is no row {unknown:?}; A3 and A4 are read with A1 and A2, B4 with B3, and other rows \
             are tests: --with-tests"
        );
    }
    let groups = if arguments.soak.is_some() { &["soak"][..] } else { &GROUPS[..] };
    for &group in groups {
        let row = group.split_once('-').map_or(group, |(row, _)| row);
        if !(arguments.rows.is_empty() || arguments.rows.iter().any(|wanted| wanted == row)) {
            continue;
        }
        let played = play(group, &arguments).await;
        let verdicts = played.unwrap_or_else(|error| vec![Verdict::not_played(group, &error)]);
        missed += verdicts.iter().filter(|verdict| !verdict.met).count();
        verdicts.iter().try_for_each(|verdict| arguments.output.verdict(verdict))?;
    }
    if arguments.soak.is_none() {
        missed += tests(&arguments)?;
        NOT_PLAYED.iter().for_each(|row| println!("{row}"));
    }
    Ok(ExitCode::from(u8::from(missed > 0)))
}

/// Names the tests that prove the other rows, and runs them when that is wanted: how many failed.
fn tests(arguments: &Arguments) -> anyhow::Result<usize> {
    let mut failed = 0;
    let wanted = |it: &&Elsewhere| {
        arguments.rows.is_empty() || arguments.rows.iter().any(|row| it.is_of(row))
    };
    for elsewhere in ELSEWHERE.iter().filter(wanted) {
        let verdict = if arguments.with_tests { elsewhere.run()? } else { None };
        let Some(verdict) = verdict else {
            println!("{elsewhere}");
            continue;
        };
        failed += usize::from(!verdict.met);
        arguments.output.verdict(&verdict)?;
    }
    Ok(failed)
}

async fn play(group: &str, arguments: &Arguments) -> anyhow::Result<Vec<Verdict>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("receiver");
    let receiver = Process::start(command)?;
    let (rate, seed) = (arguments.rate, arguments.seed);
    let times = |long: usize, short: usize| if arguments.long { long } else { short };
    let plan = Plan { binary: None, receiver: &receiver.url, rounds: 0, rate, seed };
    let rounds = |rounds| Plan { rounds, ..plan };
    match group {
        "A1" => faults::killed_server(&rounds(times(100, 10))).await,
        "A2-stale" => {
            let mut postgres = Postgres::start()?;
            faults::stale_worker(&plan, &postgres.database()?).await
        }
        "A2-workers" => {
            let mut postgres = Postgres::start()?;
            let plan = rounds(times(100, 8));
            faults::killed_and_paused_workers(&plan, &postgres.database()?).await
        }
        "A5-sqlite" => faults::every_point(&plan, None).await,
        "A5-postgres" => {
            let mut postgres = Postgres::start()?;
            faults::every_point(&plan, Some(&postgres.database()?)).await
        }
        "A6-restarts" => faults::restarts(&rounds(times(10, 3)), &mut Postgres::start()?).await,
        "A6-sessions" => {
            faults::terminated_sessions(&rounds(times(150, 25)), &mut Postgres::start()?).await
        }
        "A6-idle" => {
            let seconds = times(30, 5) as u64;
            faults::idle_sessions(&plan, &mut Postgres::start()?, seconds).await
        }
        "A7-quota" => faults::full_quota(&rounds(times(5, 2))).await,
        "A7-disk" => faults::full_disk(&rounds(times(5, 2))).await,
        "A9" => faults::power_failures(&rounds(times(200, 10))).await,
        "A8" => faults::refused_starts(&plan),
        "soak" => {
            let length = Duration::from_secs(60 * arguments.soak.unwrap_or_default());
            faults::soak(&plan, &receiver, &mut Postgres::start()?, length).await
        }
        "A10" => faults::stopped_server(&rounds(times(50, 5))).await,
        "B2" => faults::bad_endpoints(&plan, times(60, 8) as u32).await,
        "B5" => faults::long_queue_beside(&rounds(3), times(100_000, 3_000)).await,
        "B6-waiting" => faults::nobody_at_work(&plan, 700).await,
        "B6-rate" => {
            faults::overloaded(&plan, 600, Duration::from_secs(times(60, 15) as u64)).await
        }
        "B7" => faults::returning_receiver(&plan, times(10_000, 1_000), 20).await,
        "B8" => faults::slow_clients(&plan, SlowClients::MANY).await,
        _ => faults::slow_receivers(&plan).await,
    }
}
