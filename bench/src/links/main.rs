//! From a link to its webhooks: `cargo run --release -p vinculo-bench --bin links`.
//!
//! Starts the `vinculo` that was built beside this program on a fresh SQLite folder, posts sandbox
//! links at a constant rate whether or not the earlier ones are done, and receives the webhooks.
//! Load, server, receiver, simulated operator and database share the machine.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod load;
mod receiver;

use std::time::Duration;

use anyhow::ensure;
use clap::Parser;
use hdrhistogram::Histogram;

use load::Answered;
use receiver::Receiver;
use vinculo_bench::server::{Server, Setup};

/// The figure to reach from link to webhook, source time excluded: milliseconds.
const TARGET_P50: f64 = 5.0;
const TARGET_P99: f64 = 15.0;

/// Measures link to webhook.
#[derive(Parser)]
struct Arguments {
    /// Links a second
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Seconds of load
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// PostgreSQL instead of SQLite
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut receiver = Receiver::start().await?;
    let (url, postgres) = (receiver.url.clone(), arguments.postgres.as_deref());
    let server = Server::start(&Setup { receiver: Some(&url), postgres, ..Setup::default() })?;
    load::run(&server, 20, 1).await?;
    receiver.expect(40).await?;
    let idle = server.resident_kib()?;
    let answered = load::run(&server, arguments.rate, arguments.seconds).await?;
    let arrivals = receiver.expect(answered.len() * 2).await?;
    report(&answered, &arrivals)?;
    println!("memory: {} KiB after warm-up, {} KiB after the load", idle, server.resident_kib()?);
    Ok(())
}

fn report(answered: &[Answered], arrivals: &receiver::Arrivals) -> anyhow::Result<()> {
    let mut create = Histogram::<u64>::new(3)?;
    let mut after = Histogram::<u64>::new(3)?;
    let mut whole = Histogram::<u64>::new(3)?;
    for link in answered {
        let hooks = arrivals.of(&link.id);
        ensure!(hooks.len() == 2, "link {} has {} webhooks", link.id, hooks.len());
        create.record(micros(link.answered - link.sent))?;
        for &arrived in hooks {
            // A webhook may overtake the answer to the request that caused it.
            after.record(micros(arrived.saturating_duration_since(link.answered)))?;
            whole.record(micros(arrived - link.sent))?;
        }
    }
    println!("{} links, {} webhooks\n", answered.len(), whole.len());
    println!("{:<44} {:>8} {:>8} {:>8} {:>8}", "milliseconds", "p50", "p99", "p99.9", "max");
    row("request sent -> 201 (asks the operator)", &create);
    row("201 -> webhook at the receiver", &after);
    row("request sent -> webhook at the receiver", &whole);
    let ratio = |quantile, target| target / milliseconds(whole.value_at_quantile(quantile));
    println!(
        "\ntarget {TARGET_P50} / {TARGET_P99} ms without source time; with it: {:.1} x / {:.1} x better",
        ratio(0.5, TARGET_P50),
        ratio(0.99, TARGET_P99)
    );
    Ok(())
}

fn row(name: &str, histogram: &Histogram<u64>) {
    let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
    println!(
        "{name:<44} {:>8.2} {:>8.2} {:>8.2} {:>8.2}",
        at(0.5),
        at(0.99),
        at(0.999),
        milliseconds(histogram.max())
    );
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
