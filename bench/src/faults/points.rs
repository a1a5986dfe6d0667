//! Servers that end at each point of a link's way where something becomes durable or is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, sleep};

use super::book::Book;
use super::customer::Customer;
use super::{Plan, Verdict};
use crate::server::{Installation, Process};

/// The places of `vinculo_store::failpoint` on the way of a link.
const PLACES: [&str; 4] =
    ["before a commit", "after a commit", "before a request", "after an answer"];
/// How long a server may still take to pass what comes after all is delivered.
const REST: Duration = Duration::from_millis(200);
/// How long anything here may take: a lease, a poll, and a second try of a webhook that was answered too late.
const PATIENCE: Duration = Duration::from_secs(100);

/// A5: at each place in turn, passed no time, once, twice and so on, a server ends while one link is
/// made and told about; another takes over. A place is done with when it is not passed so often.
///
/// # Errors
/// When a server does not start, or a request gets no answer in the end.
pub async fn every_point(plan: &Plan<'_>, postgres: Option<&str>) -> anyhow::Result<Vec<Verdict>> {
    let own = plan.binary.map_or_else(binary, |path| Ok(path.to_owned()))?;
    let plan = Plan { binary: Some(&own), ..*plan };
    let installation = plan.installation("/ok", postgres, None)?;
    let mut customer = Customer::new(&installation)?;
    let mut ends = [0; PLACES.len()];
    for (place, ends) in PLACES.iter().zip(&mut ends) {
        // What shares a commit is not the same every time: a single way may be a shorter one.
        let mut complete = 0;
        while complete < 2 {
            if end_at(&format!("{place}:{ends}"), &installation, &mut customer).await? {
                (*ends, complete) = (*ends + 1, 0);
            } else {
                complete += 1;
            }
            take_over(&installation, &mut customer).await?;
        }
    }
    let server = installation.serve()?;
    let book = Book::close(&customer, &server.url, plan.receiver, &[]).await?;
    let told: Vec<_> =
        PLACES.iter().zip(ends).map(|(place, ends)| format!("{ends} times {place}")).collect();
    let row = match postgres {
        Some(_) => "A5 the server ends at every commit and every request, PostgreSQL",
        None => "A5 the server ends at every commit and every request, SQLite",
    };
    // One that ends after the commit of a link and before the answer has its request asked again.
    let whole = book.repeated > 0 && ends.iter().all(|ends| *ends > 0);
    Ok(vec![Verdict::counted(
        row,
        "at each of them nothing acknowledged is lost, no link is without its events or made twice, and \
         each copy has its first id and bytes",
        book.sound() && whole,
        format!("ended {}; {}", told.join(", "), book.told()),
    )])
}

/// Has a server make a link and end at a point. `false` when everything was delivered before.
async fn end_at(
    point: &str,
    installation: &Installation,
    customer: &mut Customer,
) -> anyhow::Result<bool> {
    let folder = tempfile::tempdir()?;
    let proof = folder.path().join("proof");
    let mut command = installation.serve_command();
    command.env("VINCULO_TEST_FAILPOINT_AT", point).env("VINCULO_TEST_FAILPOINT_PROOF", &proof);
    // Some points come while it starts.
    if let Ok(mut server) = Process::start(command) {
        customer.create_one(&server.url.clone()).await;
        let started = Instant::now();
        while server.runs()? && !all_told(customer, &server).await.unwrap_or(false) {
            ensure!(started.elapsed() < PATIENCE, "{point}: neither delivered nor ended");
            sleep(Duration::from_millis(5)).await;
        }
        sleep(REST).await;
        if server.runs()? {
            return Ok(false);
        }
    }
    ensure!(proof.exists(), "{point}: the server ended by itself");
    Ok(true)
}

/// Starts a server that finishes what another left, and waits until it has.
async fn take_over(installation: &Installation, customer: &mut Customer) -> anyhow::Result<()> {
    let server = installation.serve()?;
    customer.repeat(&server.url).await?;
    let started = Instant::now();
    while !all_told(customer, &server).await? {
        ensure!(started.elapsed() < PATIENCE, "something is not delivered");
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Whether every link was answered, and everything about it delivered and recorded.
async fn all_told(customer: &Customer, server: &Process) -> anyhow::Result<bool> {
    let path = "/manage/v1/deliveries/?status=delivered&page_size=1";
    let delivered = customer.get(&server.url, path).await?["count"].as_u64();
    let wanted = customer.asked() * 2;
    Ok(delivered.context("no count")? == wanted as u64)
}

/// The `vinculo` with failpoints, which nobody takes for another: it has a folder of its own.
fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("no folder")?;
    // As optimized as this program; the folder of what is measured is no profile.
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let binary = folder.with_file_name("failpoints").join(profile).join("vinculo");
    ensure!(
        Path::new(&binary).exists(),
        "build it first: cargo build --release --features failpoints --target-dir target/failpoints"
    );
    Ok(binary)
}
