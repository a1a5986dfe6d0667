//! From a link to its webhooks: `cargo build --release && cargo run --release -p vinculo-bench --bin flow`.
//!
//! Starts the `vinculo` that was built beside this program on a fresh SQLite folder, posts links of
//! made-up people at a constant rate whether or not the earlier ones are done, and receives the
//! webhooks. Before, it syncs the same disk and posts to a receiver of its own at the same rate. The operator is in this program, behind a door that takes its time: what a question
//! stood there is not the server's time. Load, server, receiver, operator and database share the
//! machine.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod cohort;
mod load;
mod operator;
mod receiver;

use std::time::Duration;

use anyhow::ensure;
use clap::Parser;
use hdrhistogram::Histogram;

use load::Answered;
use operator::{SlowOperator, people};
use receiver::Receiver;
use vinculo_bench::limits;
use vinculo_bench::machine::Processors;
use vinculo_bench::reading::{Output, Reading, Run};
use vinculo_bench::receiver as bench_receiver;
use vinculo_bench::server::{Server, Setup};

/// Commits between a link and its webhooks: with the link, and with what it is filled with.
const COMMITS: u32 = 2;

/// Links before a measurement.
const WARM_UP: usize = 40;

/// Measures link to webhook.
#[derive(Parser)]
struct Arguments {
    /// Links a second, one measurement each
    #[arg(long, default_values_t = [50, 200])]
    rate: Vec<u32>,
    /// Milliseconds that the operator takes, one measurement each
    #[arg(long, default_values_t = [0, 1000])]
    latency: Vec<u64>,
    /// Seconds of load
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Measurements of each kind
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// A cohort of so many rows instead
    #[arg(long, value_name = "ROWS")]
    cohort: Option<usize>,
    /// PostgreSQL instead of SQLite, for one measurement
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// What one measurement says.
struct Measured {
    own: Histogram<u64>,
    whole: Histogram<u64>,
    /// Resident memory before and at the height of the load, KiB.
    before: u64,
    height: u64,
    /// Milliseconds of two syncs and a bare post at this rate, p50 and p99.
    bare: [f64; 2],
    /// Percent of the processors that others took.
    others: f64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(rows) = arguments.cohort {
        return cohort::run(rows, arguments.postgres.as_deref(), &arguments.output).await;
    }
    println!(
        "{:>5} {:>8} {:>4} {:>22} {:>18} {:>22}",
        "rate", "latency", "run", "own ms p50 / p99", "whole ms p50 / p99", "KiB before / height"
    );
    for &rate in &arguments.rate {
        let mut heights = Vec::new();
        for &latency in &arguments.latency {
            let mut all = Vec::new();
            for run in 1..=arguments.runs {
                let measured = measure(&arguments, rate, Duration::from_millis(latency)).await?;
                print(rate, latency, run, &measured);
                all.push(measured);
            }
            tell(&arguments.output, (rate, latency), &all)?;
            let grown = |one: &Measured| one.height.saturating_sub(one.before);
            heights.push((latency, all.iter().map(grown).collect()));
        }
        waiting(&arguments.output, rate, &heights)?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments, rate: u32, latency: Duration) -> anyhow::Result<Measured> {
    let people = people(WARM_UP + (rate * arguments.seconds) as usize).await?;
    let (warm_up, people) = people.split_at(WARM_UP);
    let operator = SlowOperator::start(latency).await?;
    let mut receiver = Receiver::start().await?;
    // As many at once as wait when every question takes the latency, and room to spare.
    let places = format!("ach={}", 64 + 2 * u128::from(rate) * latency.as_millis() / 1000);
    // The sandbox is asked by rules of its own, which nobody can change.
    let variables = [
        ("VINCULO_SOURCE_PRODUCTION", "ach"),
        ("VINCULO_SOURCE_ALLOW_HTTP", "true"),
        ("VINCULO_ACH_BASE_URL", operator.url.as_str()),
        ("VINCULO_SOURCE_AT_ONCE", places.as_str()),
        ("VINCULO_RATE_LIMIT_PER_MINUTE", "0"),
    ];
    let (url, postgres) = (receiver.url.clone(), arguments.postgres.as_deref());
    let setup = Setup {
        receiver: Some(&url),
        postgres,
        production: true,
        variables: &variables,
        ..Setup::default()
    };
    let server = Server::start(&setup)?;
    let (idle, third) = (bench_receiver::Receiver::start().await?, arguments.seconds.div_ceil(3));
    let bare = limits::latency_with_syncs(&idle.url, server.folder(), COMMITS, (rate, third));
    let bare = bare.await?;
    load::run(&server, 20, warm_up).await?;
    receiver.expect(2 * WARM_UP).await?;
    let before = server.resident_kib()?;
    let processors = Processors::now(server.process().cpu()?)?;
    let answered = async {
        let (loaded, height) =
            tokio::join!(load::run(&server, rate, people), height(&server, arguments.seconds));
        Ok::<_, anyhow::Error>((loaded?, height?))
    };
    let (answered, height) = answered.await?;
    let arrivals = receiver.expect(answered.len() * 2).await?;
    let others = Processors::now(server.process().cpu()?)?.others_since(processors);
    let (own, whole) = histograms(&answered, &arrivals, &operator)?;
    Ok(Measured { own, whole, before, height, bare, others })
}

/// The most memory seen while the load lasts.
async fn height(server: &Server, seconds: u32) -> anyhow::Result<u64> {
    let mut height = 0;
    for _ in 0..seconds * 5 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        height = height.max(server.resident_kib()?);
    }
    Ok(height)
}

fn histograms(
    answered: &[Answered],
    arrivals: &receiver::Arrivals,
    operator: &SlowOperator,
) -> anyhow::Result<(Histogram<u64>, Histogram<u64>)> {
    let (mut own, mut whole) = (Histogram::new(3)?, Histogram::new(3)?);
    for link in answered {
        let (hooks, stood) = (arrivals.of(&link.id), operator.stood(&link.person));
        ensure!(hooks.len() == 2, "link {} has {} webhooks", link.id, hooks.len());
        ensure!(!stood.is_zero(), "nobody asked about the person of link {}", link.id);
        ensure!(link.answered >= link.sent + stood, "a link was answered before its question");
        for &arrived in hooks {
            let time = arrived - link.sent;
            whole.record(micros(time))?;
            own.record(micros(time.saturating_sub(stood)))?;
        }
    }
    Ok((own, whole))
}

fn print(rate: u32, latency: u64, run: u32, measured: &Measured) {
    let [p50, p99] = quantiles(&measured.own);
    let [whole_p50, whole_p99] = quantiles(&measured.whole);
    println!(
        "{rate:>5} {latency:>8} {run:>4} {:>22} {:>18} {:>22}",
        format!("{p50:.1} / {p99:.1}"),
        format!("{whole_p50:.0} / {whole_p99:.0}"),
        format!("{} / {}", measured.before, measured.height),
    );
}

/// The figures that are read at this rate and latency.
fn tell(output: &Output, load: (u32, u64), all: &[Measured]) -> anyhow::Result<()> {
    let told = |key: &str, run: &dyn Fn(&Measured) -> Run| {
        let runs = all.iter().map(|one| run(one).others(one.others)).collect();
        output.tell(&Reading::new(key, runs)?)
    };
    let name = match load {
        (50, 0) => "flow",
        (200, 1000) => "burst",
        _ => return Ok(()),
    };
    for (number, quantile) in ["p50", "p99"].into_iter().enumerate() {
        told(&format!("{name}-{quantile}"), &|one| {
            Run::beside(quantiles(&one.own)[number], one.bare[number])
        })?;
    }
    if name == "burst" {
        told("burst-memory", &|one| Run::of(one.height as f64 / 1024.0))?;
    }
    Ok(())
}

/// What a link takes in memory that waits for its source: how much more the server grew with the
/// longest latency than with the shortest, for each link that waited at once.
fn waiting(output: &Output, rate: u32, heights: &[(u64, Vec<u64>)]) -> anyhow::Result<()> {
    let (Some((short, low)), Some((long, high))) = (heights.first(), heights.last()) else {
        return Ok(());
    };
    let more = f64::from(rate) * long.saturating_sub(*short) as f64 / 1000.0;
    if more < 1.0 {
        return Ok(());
    }
    let kib = low.iter().zip(high).map(|(low, high)| (*high as f64 - *low as f64) / more);
    let runs: Vec<_> = kib.map(Run::of).collect();
    if runs.iter().any(|run| run.value <= 0.0) {
        // Links wait for a server that cannot keep up in either, and it grows as much.
        println!("what a waiting link takes cannot be told: the server did not keep up\n");
        return Ok(());
    }
    if rate == 200 {
        return output.tell(&Reading::new("waiting", runs)?);
    }
    for run in runs {
        println!("{:.1} KiB more for each of {more:.0} waiting links", run.value);
    }
    Ok(())
}

fn quantiles(histogram: &Histogram<u64>) -> [f64; 2] {
    [0.5, 0.99].map(|quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
