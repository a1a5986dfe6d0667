//! A worker that wakes up after another has taken what it held.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, sleep};

use super::book::report;
use super::customer::Customer;
use super::{Plan, Verdict};
use crate::receiver::Report;

/// Links whose webhooks are held: no more than an endpoint has in flight.
const LINKS: usize = 3;
/// How long anything here may take: a lease, the poll of the other worker, and a second try of a webhook that was
/// answered too late.
const PATIENCE: Duration = Duration::from_secs(100);

/// A2, the worst moment: a worker has sent and is paused before it has the answer; its lease ends,
/// another worker delivers; then the first wakes up and is told 500. On PostgreSQL.
///
/// # Errors
/// When a server does not start, or the scene does not come about.
pub async fn stale_worker(plan: &Plan<'_>, database: &str) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/late", Some(database), None)?;
    let mut customer = Customer::new(&installation)?;
    // Nothing is sent before all links are made: a try that is held ends after 5 s.
    let idle = installation.serve_only()?;
    customer.create(&idle.url, LINKS).await?;
    drop(idle);
    let links: BTreeSet<_> = customer.answered.values().map(|one| one.link.clone()).collect();
    ensure!(links.len() == LINKS, "refused: {}", customer.last_refusal);
    let wanted = LINKS * 2;
    let mut stale = installation.serve()?;
    copies(plan, &links, |copies| copies == wanted).await.context("held")?;
    stale.signal("STOP")?;
    let other = installation.serve()?;
    copies(plan, &links, |copies| copies == 2 * wanted).await.context("taken over")?;
    let before = settled(&customer, &other.url, wanted).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    client.post(format!("{}/release", plan.receiver)).send().await?.error_for_status()?;
    stale.signal("CONT")?;
    // It ends when it has done all it would do.
    let ended = stale.stop()?;
    let after = settled(&customer, &other.url, wanted).await?;
    let report = copies(plan, &links, |_| true).await?;
    let differing: u32 = report.events.values().map(|event| event.differing).sum();
    let third = report.events.values().filter(|event| event.arrivals_us.len() > 2).count();
    // A try that was over before the pause is recorded, and nobody was stale in it.
    let taken = before.iter().filter(|row| !was_over(row)).count();
    let told = format!(
        "{taken} of {wanted} deliveries taken over, {} records changed afterwards, {third} sent a third time, \
         {differing} copies with other bytes",
        before.iter().zip(&after).filter(|(before, after)| before != after).count()
    );
    Ok(vec![Verdict::counted(
        "A2 a paused worker wakes up to a failure after another has delivered, PostgreSQL",
        "it records nothing over the new holder: what is stored stays as it was",
        taken > 0 && before == after && differing == 0 && third == 0 && ended.success(),
        told,
    )])
}

/// Whether a delivery has a try that was given up by its own deadline.
fn was_over(delivery: &serde_json::Value) -> bool {
    let tries = delivery["attempts"].as_array().map_or(&[][..], Vec::as_slice);
    tries.iter().any(|attempt| attempt["failure"] == "timeout")
}

/// Waits for so many copies of the events of these links.
async fn copies(
    plan: &Plan<'_>,
    links: &BTreeSet<String>,
    enough: impl Fn(usize) -> bool,
) -> anyhow::Result<Report> {
    let started = Instant::now();
    loop {
        let report = report(plan.receiver).await?;
        let ours = report.events.values().filter(|event| links.contains(&event.link));
        let copies = ours.map(|event| event.arrivals_us.len()).sum();
        if enough(copies) {
            return Ok(report);
        }
        ensure!(started.elapsed() < PATIENCE, "{copies} copies came");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Every delivery with its tries, once all are delivered.
async fn settled(
    customer: &Customer,
    server: &str,
    wanted: usize,
) -> anyhow::Result<Vec<serde_json::Value>> {
    let started = Instant::now();
    loop {
        let rows = customer.all(server, "/manage/v1/deliveries/?status=delivered").await?;
        if rows.len() == wanted {
            let mut told = Vec::new();
            for row in rows {
                let path = format!("/manage/v1/deliveries/{}/", row["id"]);
                told.push(customer.get(server, &path).await?);
            }
            return Ok(told);
        }
        ensure!(started.elapsed() < PATIENCE, "{} delivered", rows.len());
        sleep(Duration::from_millis(50)).await;
    }
}
