//! Clients that send as slowly as they can.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use super::customer::Customer;
use super::{Plan, SILENT, Verdict};
use crate::server::{Installation, Setup};

/// Slow connections.
const SLOW: usize = 500;
/// The deadline of a request's headers as the server comes, with a second to spare.
const DEADLINE: Duration = Duration::from_secs(61);
/// How long healthy requests are measured, twenty a second.
const SPAN: Duration = Duration::from_secs(8);

/// B8: five hundred connections send their headers a byte a second.
///
/// # Errors
/// When the server fails in a way that is not counted.
pub async fn slow_clients(plan: &Plan<'_>) -> anyhow::Result<Vec<Verdict>> {
    let installation =
        Installation::new(&Setup { binary: plan.binary, variables: &SILENT, ..Setup::default() })?;
    let customer = Customer::new(&installation)?;
    let server = installation.serve()?;
    p99(&customer, &server.url).await?;
    let calm = p99(&customer, &server.url).await?;
    let before = server.resident_kib()?;
    let host = server.url.trim_start_matches("http://").to_owned();
    let mut slow = JoinSet::new();
    for _ in 0..SLOW {
        let stream = TcpStream::connect(&host).await?;
        slow.spawn(drip(stream));
    }
    let beside = p99(&customer, &server.url).await?;
    let grown = server.resident_kib()?.saturating_sub(before);
    let open: Vec<_> = slow.join_all().await;
    let slowest = open.iter().max().copied().unwrap_or_default();
    let times = beside.as_secs_f64() / calm.as_secs_f64();
    Ok(vec![Verdict {
        row: "B8 500 connections send headers a byte a second",
        goal: "p99 of others at most 1.5 x of undisturbed; each is closed after a minute",
        met: times <= 1.5 && slowest <= DEADLINE,
        told: format!(
            "p99 {calm:.1?} undisturbed, {beside:.1?} beside them: {times:.2} x; the last was closed \
             after {slowest:.1?}; memory grew by {grown} KiB"
        ),
    }])
}

/// How long the server bears with it.
async fn drip(mut stream: TcpStream) -> Duration {
    let started = Instant::now();
    let mut said = b"GET /api/links/ HTTP/1.1\r\nx: ".to_vec();
    while started.elapsed() < DEADLINE + Duration::from_secs(5) {
        if stream.write_all(&said).await.is_err() {
            break;
        }
        said = b"x".to_vec();
        // An answer is a goodbye, as the end is.
        let mut answer = [0; 64];
        if timeout(Duration::from_secs(1), stream.read(&mut answer)).await.is_ok() {
            break;
        }
    }
    started.elapsed()
}

async fn p99(customer: &Customer, server: &str) -> anyhow::Result<Duration> {
    let mut ticks = interval(Duration::from_millis(50));
    let (started, mut all) = (Instant::now(), Vec::new());
    while started.elapsed() < SPAN {
        ticks.tick().await;
        let asked = Instant::now();
        customer.get(server, "/api/links/?page_size=1").await?;
        all.push(asked.elapsed());
    }
    all.sort();
    Ok(all.get(all.len() * 99 / 100).copied().unwrap_or_default())
}
