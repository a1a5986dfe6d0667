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

/// Who is slow, and how long the others are looked at.
#[derive(Clone, Copy)]
pub struct SlowClients {
    /// Connections that send headers in drops, and as many that send a body so.
    pub of_each: usize,
    /// Connections whose answers are not read.
    pub deaf: usize,
    /// How long healthy requests are measured, twenty a second.
    pub span: Duration,
    /// Whether the end of those is waited for who may go on longest: the deaf, and who sends a body.
    pub to_the_end: bool,
}

impl SlowClients {
    /// Five hundred that send slowly, and some more that take nothing.
    pub const MANY: Self =
        Self { of_each: 250, deaf: 20, span: Duration::from_secs(8), to_the_end: true };
}

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
/// What is slow about a connection.
const KINDS: [&str; 3] = ["headers", "bodies", "answers"];

/// Connections of each kind: how long the server bears with each.
type Connections = [JoinSet<Option<Duration>>; KINDS.len()];

/// B8: of many connections half send headers and half a body, a byte in ten seconds; some more read
/// nothing of large answers.
///
/// # Errors
/// When the server fails in a way that is not counted.
pub async fn slow_clients(plan: &Plan<'_>, slow: SlowClients) -> anyhow::Result<Vec<Verdict>> {
    let SlowClients { of_each, deaf, span, to_the_end } = slow;
    let installation =
        Installation::new(&Setup { binary: plan.binary, variables: &SILENT, ..Setup::default() })?;
    let customer = Customer::new(&installation)?;
    let server = installation.serve()?;
    p99(&customer, &server.url, span).await?;
    let calm = p99(&customer, &server.url, span).await?;
    let before = server.resident_kib()?;
    let host = server.url.trim_start_matches("http://").to_owned();
    let mut connections = sending(&host, &customer.authorization()?, of_each).await?;
    let beside = p99(&customer, &server.url, span).await?;
    let grown = server.resident_kib()?.saturating_sub(before);
    for _ in 0..deaf {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        connections[2].spawn(take_nothing(socket.connect(host.parse()?).await?));
    }
    let waited_for = if to_the_end { KINDS.len() } else { 1 };
    let (slowest, left) = ends(connections, waited_for).await;
    let times = beside.as_secs_f64() / calm.as_secs_f64();
    let in_time =
        slowest.iter().zip([HEADERS, BODY, ANSWER + FILLING]).all(|(is, most)| *is <= most + SPARE);
    let ended = KINDS.iter().zip(slowest).take(waited_for);
    let ended: Vec<_> = ended.map(|(kind, borne)| format!("{borne:.1?} ({kind})")).collect();
    let told = format!(
        "2 x {of_each} and {deaf}; p99 {calm:.1?} undisturbed, {beside:.1?} beside them: {times:.2} x; \
         the last were closed after {}, {left} never; memory grew by {grown} KiB",
        ended.join(", ")
    );
    let verdict = Verdict::counted(
        "B8 500 connections send headers or bodies a byte in 10 s, 20 take no answers",
        "others are answered, with a p99 of at most 1.5 x of undisturbed; each is closed, within 10 s \
         (headers), 30 s (bodies) and 38 s (answers, of which the system takes the last some 8 s later), \
         and 2 s to spare for its end to be seen",
        left == 0,
        told,
    );
    Ok(vec![verdict.and_timed(times <= 1.5 && in_time)])
}

/// Connections that send headers in drops, and as many that send a body so.
async fn sending(host: &str, key: &str, of_each: usize) -> anyhow::Result<Connections> {
    let head = "GET /api/links/ HTTP/1.1\r\nhost: h\r\nx: ".to_owned();
    let body = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: h\r\nauthorization: {key}\r\ncontent-length: 5000\r\n\r\n{{"
        )
    };
    let begun = [
        (head, of_each, 0),
        (body("/api/links/"), of_each / 2, 1),
        (body("/manage/v1/imports/"), of_each - of_each / 2, 1),
    ];
    let mut connections = Connections::default();
    for (begun, count, kind) in begun {
        for _ in 0..count {
            sleep(APART).await;
            let stream = TcpStream::connect(host).await?;
            connections[kind].spawn(drip(stream, begun.clone()));
        }
    }
    Ok(connections)
}

/// Waits until the connections of the first few kinds are closed: the longest that the server bore with one of
/// each kind, and how many it does not close.
async fn ends(connections: Connections, kinds: usize) -> ([Duration; KINDS.len()], usize) {
    let (mut slowest, mut left) = ([Duration::ZERO; KINDS.len()], 0);
    for (kind, connections) in connections.into_iter().enumerate().take(kinds) {
        for borne in connections.join_all().await {
            left += usize::from(borne.is_none());
            slowest[kind] = slowest[kind].max(borne.unwrap_or_default());
        }
    }
    (slowest, left)
}

/// How long the server bears with a connection on which so much was sent and then comes in drops; `None`
/// when it goes on doing so.
async fn drip(stream: TcpStream, begun: String) -> Option<Duration> {
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
    let ended = tokio::select! {
        ended = end(read) => ended,
        never = async { dripping.await; std::future::pending().await } => never,
    };
    ended.then(|| started.elapsed())
}

/// Whether it comes. An answer is a goodbye, as the end is.
async fn end(mut read: OwnedReadHalf) -> bool {
    let mut said = [0; 64];
    timeout(ANSWER * 3, read.read(&mut said)).await.is_ok()
}

/// How long the server bears with a connection that asks for large answers and takes none: from the
/// moment when no more requests are taken. `None` when it goes on doing so.
async fn take_nothing(mut stream: TcpStream) -> Option<Duration> {
    let requests = "GET /api/openapi.json HTTP/1.1\r\nhost: h\r\n\r\n".repeat(100);
    let mut stuck = Instant::now();
    loop {
        match timeout(ANSWER * 3, stream.write(requests.as_bytes())).await {
            Ok(Ok(taken)) if taken > 0 => stuck = Instant::now(),
            Ok(_) => return Some(stuck.elapsed()),
            Err(_) => return None,
        }
    }
}

async fn p99(customer: &Customer, server: &str, span: Duration) -> anyhow::Result<Duration> {
    let mut ticks = interval(Duration::from_millis(50));
    let (started, mut all) = (Instant::now(), Vec::new());
    while started.elapsed() < span {
        ticks.tick().await;
        let asked = Instant::now();
        customer.get(server, "/api/links/?page_size=1").await?;
        all.push(asked.elapsed());
    }
    all.sort();
    Ok(all.get(all.len() * 99 / 100).copied().unwrap_or_default())
}
