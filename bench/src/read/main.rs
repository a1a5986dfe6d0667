//! Reading the employments of a link beside a bare route:
//! `cargo build --release && cargo run --release -p vinculo-bench --bin read`.
//!
//! Two servers, each a process of its own, on one installation: the `vinculo` built beside this
//! program, asked for `GET /api/co/employments/?link=`, two employers of 24 months; and an axum
//! router with one route and no layer, which looks the key up in the same store, compares the keyed
//! hash of its password in constant time, and answers the same bytes from memory. What vinculo does
//! on top: request ids, clients behind proxies, limits, a panic handler, a deadline, the query, the
//! objects' rows, decryption, a page.
//!
//! The same client asks both in turns over connections that stay open, as fast as they answer.
//! Then it asks each half as often as vinculo answered, every request at its time, however the
//! earlier ones fare. Client, servers and database share the machine.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod bare;
mod connection;
mod load;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use serde_json::Value;
use tokio::time::Instant;
use vinculo_bench::machine::Processors;
use vinculo_bench::reading::{Output, Reading, Run};
use vinculo_bench::server::{Process, Server, Setup};

use bare::Bare;
use connection::Target;

/// As vinculo has it, and set as it sets it (`Server::bare_route`): the bare route is to be slower or faster by what
/// it does, not by its allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Person of the sandbox with two employers.
const PERSON: &str = "1999000002";

/// How long the load of a link may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures reads.
#[derive(Parser)]
struct Arguments {
    /// Connections
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Rounds of both servers
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each server in each round
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// An empty PostgreSQL database instead of SQLite
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// The bare route, started by measurements themselves
    #[command(hide = true)]
    Bare(Bare),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::Bare(bare)) => bare.serve().await,
        None => measure(&arguments).await,
    }
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let postgres = arguments.postgres.as_deref();
    // Counted as always, and never refused.
    let variables = [("VINCULO_RATE_LIMIT_PER_MINUTE", "1000000000")];
    let server = Server::start(&Setup { postgres, variables: &variables, ..Setup::default() })?;
    let (path, body) = filled_link(&server).await?;
    let peer = server.bare_route(&body)?;
    println!("{} bytes a page, {} connections\n", body.len(), arguments.connections);
    let vinculo = Target::new(server.url(), &path, (&server.id, &server.password), body.len())?;
    let bare = Target::new(&peer.url, "/", (&server.id, &server.password), body.len())?;

    let span = Duration::from_secs(arguments.seconds);
    for (process, target) in [(server.process(), &vinculo), (&peer, &bare)] {
        load::flood(process, target, arguments.connections, span / 4).await?;
    }
    let (mut rates, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds {
        let before = processors(&server, &peer)?;
        let ours = load::flood(server.process(), &vinculo, arguments.connections, span).await?;
        let theirs = load::flood(&peer, &bare, arguments.connections, span).await?;
        let others = processors(&server, &peer)?.others_since(before);
        rates.push(Run::beside(ours.per_second(), theirs.per_second()).others(others));
        cpu.push(Run::beside(ours.cpu_micros(), theirs.cpu_micros()));
    }
    let rate = rates.iter().map(|run| run.value).sum::<f64>() / rates.len() as f64 / 2.0;
    arguments.output.tell(&Reading::new("read", rates)?)?;
    arguments.output.tell(&Reading::new("read-cpu", cpu)?)?;
    println!("memory {} KiB; from here on {rate:.0} requests/s\n", server.resident_kib()?);
    let mut slowest = Vec::new();
    for _ in 0..arguments.rounds {
        let mut p99 = [0.0; 2];
        for (p99, target) in p99.iter_mut().zip([&vinculo, &bare]) {
            let latencies = load::steady(target, arguments.connections, rate, span).await?;
            let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0;
            println!("p50 {:.2}, p99 {:.2}, p99.9 {:.2} ms", at(0.5), at(0.99), at(0.999));
            *p99 = at(0.99);
        }
        slowest.push(Run::beside(p99[0], p99[1]));
    }
    arguments.output.tell(&Reading::new("read-p99", slowest)?)
}

/// Processors now; both servers are measured.
fn processors(server: &Server, peer: &Process) -> anyhow::Result<Processors> {
    Processors::now(server.process().cpu()? + peer.cpu()?)
}

/// A link that has been loaded: where its employments are listed, and what is answered there.
async fn filled_link(server: &Server) -> anyhow::Result<(String, Vec<u8>)> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let link = client
        .post(format!("{}/api/links/", server.url()))
        .basic_auth(&server.id, Some(&server.password))
        .json(&serde_json::json!({
            "institution": "pila_co_employment",
            "username": PERSON,
            "fetch_resources": ["EMPLOYMENTS"],
            "access_mode": "single",
        }));
    let link: Value = link.send().await?.error_for_status()?.json().await?;
    let path = format!("/api/co/employments/?link={}", link["id"].as_str().context("no id")?);
    let started = Instant::now();
    loop {
        let list = client.get(format!("{}{path}", server.url()));
        let list = list.basic_auth(&server.id, Some(&server.password)).send().await?;
        let body = list.error_for_status()?.bytes().await?.to_vec();
        let page: Value = serde_json::from_slice(&body)?;
        let months = |employment: &Value| {
            employment["salary_and_benefit_details"].as_array().map_or(0, Vec::len)
        };
        let months: Vec<_> =
            page["results"].as_array().context("no page")?.iter().map(months).collect();
        if !months.is_empty() {
            ensure!(months == [24, 24], "months of employments: {months:?}");
            return Ok((path, body));
        }
        ensure!(started.elapsed() < PATIENCE, "the link was not loaded");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
