//! A disk, or a quota, that is full and later is not.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::StatusCode;
use rusqlite::Connection;
use tokio::time::sleep;

use super::book::Book;
use super::customer::Customer;
use super::{Plan, Verdict};
use crate::server::{Installation, Process};

/// Size of the full disk, MiB.
const DISK_MIB: u32 = 256;
/// What may be answered meanwhile.
const ALLOWED: [StatusCode; 3] =
    [StatusCode::CREATED, StatusCode::SERVICE_UNAVAILABLE, StatusCode::INSUFFICIENT_STORAGE];

/// How a phase without room went.
struct Phase {
    refused: usize,
    others: Vec<StatusCode>,
    reads: bool,
}

/// A7: the data folder is on a file system of its own that is filled and freed. Needs the right to
/// mount.
///
/// # Errors
/// When nothing can be mounted, or a server fails in a way that is not counted.
pub async fn full_disk(plan: &Plan<'_>) -> anyhow::Result<Vec<Verdict>> {
    let place = tempfile::tempdir()?;
    let mount = Mount::new(place.path())?;
    let installation = plan.installation("/ok", None, Some(mount.0))?;
    let server = installation.serve()?;
    let filler = place.path().join("filler");
    let fill = || {
        // Written until there is no room; that it fails is the point.
        let _ = Command::new("dd")
            .args(["if=/dev/zero", "bs=4k", &format!("of={}", filler.display())])
            .output()?;
        anyhow::Ok(())
    };
    let free = || Ok(std::fs::remove_file(&filler)?);
    let row = "A7 disk full under load, SQLite on a file system of its own";
    play(plan, &installation, server, row, fill, free).await
}

/// A7 in short: no file of the server may grow any more. Needs no rights.
///
/// # Errors
/// When a server fails in a way that is not counted.
pub async fn full_quota(plan: &Plan<'_>) -> anyhow::Result<Vec<Verdict>> {
    let installation = plan.installation("/ok", None, None)?;
    // A write beyond the limit answers an error instead of ending the process.
    let serve = installation.serve_command();
    let mut ignoring = Command::new("/bin/sh");
    ignoring.env_clear().args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(serve.get_program());
    ignoring.args(serve.get_args());
    ignoring.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let server = Process::start(ignoring)?;
    let pid = server.pid().to_string();
    let limit = |size: &str| {
        let prlimit = ["--pid", &pid, &format!("--fsize={size}:unlimited")];
        let status = Command::new("prlimit").args(prlimit).status().context("prlimit")?;
        ensure!(status.success(), "prlimit failed");
        Ok(())
    };
    let row = "A7 no file may grow, under load, SQLite";
    play(plan, &installation, server, row, || limit("4096"), || limit("unlimited")).await
}

async fn play(
    plan: &Plan<'_>,
    installation: &Installation,
    mut server: Process,
    row: &'static str,
    fill: impl Fn() -> anyhow::Result<()>,
    free: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Verdict>> {
    let mut customer = Customer::new(installation)?;
    let url = server.url.clone();
    let mut phases = Vec::new();
    for _ in 0..plan.rounds {
        let second = Duration::from_secs(1);
        customer.create_during(&[&url], plan.rate, sleep(second)).await;
        fill()?;
        phases.push(without_room(&mut customer, &url, plan.rate).await);
        free()?;
        customer.repeat(&url).await?;
    }
    let book = Book::close(&customer, &url, plan.receiver, &[]).await?;
    let ended = server.stop()?;
    let file = Connection::open(installation.folder().join("vinculo.db"))?;
    let integrity: String = file.query_row("pragma integrity_check", [], |row| row.get(0))?;
    let refused: usize = phases.iter().map(|phase| phase.refused).sum();
    let others: Vec<_> = phases.iter().flat_map(|phase| &phase.others).collect();
    let reads = phases.iter().filter(|phase| phase.reads).count();
    let told = format!(
        "full {} times: {refused} refused, the last {:?}; other answers {others:?}; {reads} times reads \
         went on; integrity {integrity:?}; {}",
        phases.len(),
        customer.last_refusal,
        book.told()
    );
    let went_on = refused > 0 && others.is_empty() && reads == phases.len();
    Ok(vec![Verdict::counted(
        row,
        "writes are refused with 507 or 503, reads go on, nothing is lost or damaged, and it goes on \
         without a restart",
        book.sound() && went_on && integrity == "ok" && ended.success(),
        told,
    )])
}

async fn without_room(customer: &mut Customer, url: &str, rate: u32) -> Phase {
    let before = customer.refusals.clone();
    customer.create_during(&[url], rate, sleep(Duration::from_secs(2))).await;
    let since =
        |status: &StatusCode, count: usize| count - before.get(status).copied().unwrap_or_default();
    let refusals = customer.refusals.iter().map(|(status, count)| (*status, since(status, *count)));
    let refusals: Vec<_> = refusals.filter(|(_, count)| *count > 0).collect();
    let others = refusals.iter().map(|(status, _)| *status);
    Phase {
        refused: refusals.iter().map(|(_, count)| count).sum(),
        others: others.filter(|status| !ALLOWED.contains(status)).collect(),
        reads: customer.get(url, "/api/links/?page_size=10").await.is_ok(),
    }
}

/// A file system in memory, unmounted when this goes.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(place: &'a Path) -> anyhow::Result<Self> {
        let size = format!("size={DISK_MIB}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(place);
        let status = mount.status()?;
        ensure!(status.success(), "mounting is not permitted");
        Ok(Self(place))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        // What cannot be unmounted now goes with the machine.
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
