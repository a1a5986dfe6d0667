//! Receivers that hang, drip, or never stop.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::book::report;
use super::customer::Customer;
use super::hostile::{self, BlackHole};
use super::{Plan, SILENT, Verdict};
use crate::receiver::INFLATED;
use crate::server::{Installation, Process, Setup};

/// Tries to each bad receiver: as many as are in flight at once.
const EACH: usize = 8;
/// The deadline of a try, with half a second to spare.
const DEADLINE_MS: i64 = 5500;
/// Longest time until every try has ended, and a second one where the first was answered too late.
const PATIENCE: Duration = Duration::from_secs(100);

/// What was seen of one kind of receiver.
struct Seen {
    slowest_ms: i64,
    timeouts: usize,
    longest_answer: usize,
    /// Answers in which what was compressed can be read.
    inflated: usize,
    grown_kib: u64,
    healthy_ms: u64,
}

/// B3 and B4: eight tries at once to receivers that never answer, answer a byte a second, cannot be
/// connected to, or answer too much; a healthy endpoint beside them.
///
/// # Errors
/// When the server fails in a way that is not counted.
pub async fn slow_receivers(plan: &Plan<'_>) -> anyhow::Result<Vec<Verdict>> {
    let installation =
        Installation::new(&Setup { binary: plan.binary, variables: &SILENT, ..Setup::default() })?;
    let customer = Customer::new(&installation)?;
    let server = installation.serve()?;
    let healthy = customer.endpoint(&server.url, &format!("{}/ok", plan.receiver)).await?;
    // The first deliveries make room for connections that stay.
    delivered(&customer, &server, plan, &healthy).await?;
    let at = |path: &str| format!("{}{path}", plan.receiver);
    let black_hole = BlackHole::open().await?;
    let (mut verdicts, mut all) = (Vec::new(), Vec::new());
    for (url, row) in [
        (at("/hang"), "B3 receivers that never answer"),
        (at("/drip"), "B3 receivers that answer a byte a second"),
        (hostile::dripped_headers().await?, "B3 receivers whose headers come a byte a second"),
        (black_hole.url.clone(), "B3 receivers that do not take a connection"),
    ] {
        let seen = tried(&customer, &server, plan, &url, &healthy).await?;
        let goal = "each try ends as a timeout";
        verdicts.push(Verdict::counted(row, goal, seen.timeouts == EACH, seen.told()));
        all.push(seen);
    }
    for (url, kept, row) in [
        (at("/endless"), 1..=4096, "B4 receivers whose answer never ends"),
        (at("/gzip"), 1..=4096, "B4 receivers whose answer would inflate to 32 MiB"),
        (hostile::many_headers().await?, 0..=0, "B4 receivers that answer with 100,000 headers"),
    ] {
        let seen = tried(&customer, &server, plan, &url, &healthy).await?;
        let bounded = seen.grown_kib <= 1024 * EACH as u64;
        verdicts.push(Verdict::counted(
            row,
            "memory grows by at most 1 MiB a try in flight, at most 4 KiB of the answer are kept, as they \
             came",
            bounded && kept.contains(&seen.longest_answer) && seen.inflated == 0,
            seen.told(),
        ));
        all.push(seen);
    }
    verdicts.push(in_time(&all));
    Ok(verdicts)
}

/// How long the tries to all of them took, and who is no part of it.
fn in_time(all: &[Seen]) -> Verdict {
    let slowest = all.iter().map(|seen| seen.slowest_ms).max().unwrap_or(i64::MAX);
    let healthy = all.iter().map(|seen| seen.healthy_ms).max().unwrap_or(u64::MAX);
    Verdict::timed(
        "B3 and B4, the time that all of these take",
        "each try ends within its deadline and half a second; a healthy endpoint is delivered to within \
         1 s meanwhile",
        slowest <= DEADLINE_MS && healthy < 1000,
        format!("the slowest try {slowest} ms; at most {healthy} ms to a healthy endpoint"),
    )
}

impl Seen {
    fn told(&self) -> String {
        format!(
            "{EACH} tries, the slowest {} ms, {} timeouts; at most {} bytes of an answer kept; \
             memory grew by {} KiB; {} ms to a healthy endpoint",
            self.slowest_ms, self.timeouts, self.longest_answer, self.grown_kib, self.healthy_ms
        )
    }
}

/// How long an event takes to a healthy endpoint, milliseconds.
pub(super) async fn delivered(
    customer: &Customer,
    server: &Process,
    plan: &Plan<'_>,
    endpoint: &str,
) -> anyhow::Result<u64> {
    let started = Instant::now();
    let event = customer.test(&server.url, endpoint).await?;
    while !report(plan.receiver).await?.events.contains_key(&event) {
        anyhow::ensure!(started.elapsed() < PATIENCE, "a healthy endpoint is not delivered to");
        sleep(Duration::from_millis(2)).await;
    }
    Ok(u64::try_from(started.elapsed().as_millis())?)
}

async fn tried(
    customer: &Customer,
    server: &Process,
    plan: &Plan<'_>,
    url: &str,
    healthy: &str,
) -> anyhow::Result<Seen> {
    let bad = customer.endpoint(&server.url, url).await?;
    let before = server.resident_kib()?;
    let mut most = before;
    for _ in 0..EACH {
        customer.test(&server.url, &bad).await?;
    }
    let healthy_ms = delivered(customer, server, plan, healthy).await?;
    let list = format!("/manage/v1/deliveries/?endpoint={bad}");
    let started = Instant::now();
    let rows = loop {
        most = most.max(server.resident_kib()?);
        let rows = customer.all(&server.url, &list).await?;
        if rows.iter().filter(|row| row["tries"] != json!(0)).count() == EACH {
            break rows;
        }
        anyhow::ensure!(started.elapsed() < PATIENCE, "tries to {url} do not end");
        sleep(Duration::from_millis(20)).await;
    };
    let mut seen = Seen {
        slowest_ms: 0,
        timeouts: 0,
        longest_answer: 0,
        inflated: 0,
        grown_kib: most - before,
        healthy_ms,
    };
    for row in rows {
        let one = format!("/manage/v1/deliveries/{}/", row["id"]);
        let told = customer.get(&server.url, &one).await?;
        seen.note(&told["attempts"][0]);
    }
    // Nothing is due for it any more.
    Ok(seen)
}

impl Seen {
    fn note(&mut self, attempt: &Value) {
        self.slowest_ms = self.slowest_ms.max(attempt["duration_ms"].as_i64().unwrap_or(i64::MAX));
        self.timeouts += usize::from(attempt["failure"] == "timeout");
        let answer = attempt["answer"].as_str().unwrap_or_default();
        // What is no text is kept byte for byte and shown with a sign for it, which is longer.
        self.longest_answer = self.longest_answer.max(answer.chars().count());
        let inflated = [INFLATED; 64];
        let found = answer.as_bytes().windows(inflated.len()).any(|window| window == inflated);
        self.inflated += usize::from(found);
    }
}
