//! Receivers that hang, drip, or never stop.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::book::report;
use super::customer::Customer;
use super::{Plan, SILENT, Verdict};
use crate::server::{Installation, Process, Setup};

/// Tries to each bad receiver: as many as are in flight at once.
const EACH: usize = 8;
/// The deadline of a try, with half a second to spare.
const DEADLINE_MS: i64 = 5500;
/// Longest time until every try has ended.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was seen of one kind of receiver.
struct Seen {
    slowest_ms: i64,
    failures: usize,
    longest_answer: usize,
    grown_kib: u64,
    healthy_ms: u64,
}

/// B3 and B4: eight tries at once to receivers that accept and never answer, answer a byte a
/// second, or answer without an end; a healthy endpoint beside them.
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
    let mut verdicts = Vec::new();
    for (path, row) in [
        ("/hang", "B3 receivers that never answer"),
        ("/drip", "B3 receivers that answer a byte a second"),
    ] {
        let seen = tried(&customer, &server, plan, path, &healthy).await?;
        verdicts.push(Verdict {
            row,
            goal: "each try ends within its deadline and half a second, as a timeout; a healthy \
                   endpoint is delivered to within 1 s meanwhile",
            met: seen.slowest_ms <= DEADLINE_MS && seen.failures == EACH && seen.healthy_ms < 1000,
            told: seen.told(),
        });
    }
    let seen = tried(&customer, &server, plan, "/endless", &healthy).await?;
    verdicts.push(Verdict {
        row: "B4 receivers whose answer never ends",
        goal: "memory grows by at most 1 MiB a try in flight, at most 4 KiB of the answer are kept",
        met: seen.grown_kib <= 1024 * EACH as u64
            && (1..=4096).contains(&seen.longest_answer)
            && seen.healthy_ms < 1000,
        told: seen.told(),
    });
    Ok(verdicts)
}

impl Seen {
    fn told(&self) -> String {
        format!(
            "{EACH} tries, the slowest {} ms, {} timeouts; at most {} bytes of an answer kept; \
             memory grew by {} KiB; {} ms to a healthy endpoint",
            self.slowest_ms, self.failures, self.longest_answer, self.grown_kib, self.healthy_ms
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
    path: &str,
    healthy: &str,
) -> anyhow::Result<Seen> {
    let bad = customer.endpoint(&server.url, &format!("{}{path}", plan.receiver)).await?;
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
        anyhow::ensure!(started.elapsed() < PATIENCE, "tries to {path} do not end");
        sleep(Duration::from_millis(20)).await;
    };
    let mut seen = Seen {
        slowest_ms: 0,
        failures: 0,
        longest_answer: 0,
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
        self.failures += usize::from(attempt["failure"] == "timeout");
        let answer = attempt["answer"].as_str().map_or(0, str::len);
        self.longest_answer = self.longest_answer.max(answer);
    }
}
