//! Clients that send, or take, as slowly as they can.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

use super::customer::Customer;
use super::{Plan, SILENT, Verdict};
use crate::server::{Installation, Setup};

/// Slow connections of each kind: half of five hundred.
const OF_EACH: usize = 250;
/// Connections whose answers are not read.
const DEAF: usize = 20;
/// How often a slow connection sends a byte.
const DRIP: Duration = Duration::from_secs(10);
/// What the server allows for headers, for the next of a body, and for an answer to be taken.
const HEADERS: Duration = Duration::from_secs(10);
const BODY: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(30);
/// How much later than what they sent last the last of an answer reaches those who do not read: the
/// system takes some of it in small pieces.
const FILLING: Duration = Duration::from_secs(8);
/// How long between two slow connections: the queue of those that are not accepted yet is short.
const APART: Duration = Duration::from_millis(3);
/// How much later the end of a connection may be seen.
const SPARE: Duration = Duration::from_secs(2);
/// How long healthy requests are measured, twenty a second.
const SPAN: Duration = Duration::from_secs(8);

/// B8: of five hundred connections half send headers and half a body, a byte in ten seconds; some
/// more read nothing of large answers.
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
    let key = customer.authorization()?;
    let head = "GET /api/links/ HTTP/1.1\r\nhost: h\r\nx: ".to_owned();
    let body = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: h\r\nauthorization: {key}\r\ncontent-length: 5000\r\n\r\n{{"
        )
    };
    let begun = [
        (head, OF_EACH, 0),
        (body("/api/links/"), OF_EACH / 2, 1),
        (body("/manage/v1/imports/"), OF_EACH - OF_EACH / 2, 1),
    ];
    let mut slow = JoinSet::new();
    for (begun, count, kind) in begun {
        for _ in 0..count {
            sleep(APART).await;
            let stream = TcpStream::connect(&host).await?;
            let begun = begun.clone();
            slow.spawn(async move { (kind, drip(stream, begun).await) });
        }
    }
    let beside = p99(&customer, &server.url).await?;
    let grown = server.resident_kib()?.saturating_sub(before);
    for _ in 0..DEAF {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        let stream = socket.connect(host.parse()?).await?;
        slow.spawn(async move { (2, take_nothing(stream).await) });
    }
    let mut slowest = [Duration::ZERO; 3];
    for (kind, borne) in slow.join_all().await {
        slowest[kind] = slowest[kind].max(borne);
    }
    let times = beside.as_secs_f64() / calm.as_secs_f64();
    let in_time =
        slowest.iter().zip([HEADERS, BODY, ANSWER + FILLING]).all(|(is, most)| *is <= most + SPARE);
    Ok(vec![Verdict {
        row: "B8 500 connections send headers or bodies a byte in 10 s, 20 take no answers",
        goal: "p99 of others at most 1.5 x of undisturbed; closed within 10 s (headers) and 30 s \
               (bodies, answers)",
        met: times <= 1.5 && in_time,
        told: format!(
            "p99 {calm:.1?} undisturbed, {beside:.1?} beside them: {times:.2} x; the last were \
             closed after {:.1?} (headers), {:.1?} (bodies), {:.1?} (answers); memory grew by {grown} KiB",
            slowest[0], slowest[1], slowest[2]
        ),
    }])
}

/// How long the server bears with a connection on which so much was sent and then comes in drops.
async fn drip(stream: TcpStream, begun: String) -> Duration {
    let started = Instant::now();
    let (read, mut write) = stream.into_split();
    let dripping = async {
        let mut said = begun.into_bytes();
        while write.write_all(&said).await.is_ok() {
            said = b"x".to_vec();
            sleep(DRIP).await;
        }
    };
    // The connection may end while this sleeps.
    tokio::select! {
        () = end(read) => {}
        () = async { dripping.await; std::future::pending::<()>().await } => {}
    }
    started.elapsed()
}

/// An answer is a goodbye, as the end is.
async fn end(mut read: OwnedReadHalf) {
    let mut said = [0; 64];
    let _ = timeout(ANSWER * 3, read.read(&mut said)).await;
}

/// How long the server bears with a connection that asks for large answers and takes none: from the
/// moment when no more requests are taken.
async fn take_nothing(mut stream: TcpStream) -> Duration {
    let requests = "GET /api/openapi.json HTTP/1.1\r\nhost: h\r\n\r\n".repeat(100);
    let mut stuck = Instant::now();
    loop {
        match timeout(ANSWER * 3, stream.write(requests.as_bytes())).await {
            Ok(Ok(taken)) if taken > 0 => stuck = Instant::now(),
            _ => return stuck.elapsed(),
        }
    }
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
