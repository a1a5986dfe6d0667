//! Power failures: what was written and not synced is lost in part.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::book::{Book, report};
use super::customer::Customer;
use super::journal::{Disk, Lost};
use super::{Dice, Plan, Verdict};
use crate::server::{Installation, Process};

/// Loaded before the server's libraries.
const SHIM: &str = include_str!("power.c");

const FILES: [&str; 2] = ["vinculo.db", "vault.db"];

/// How many syncs a server does before it is killed at the next, from and to.
const SYNCS: (u64, u64) = (50, 250);

/// A9 on SQLite: the server is killed at a random moment, or when it is about to sync, and of what it
/// had written and not synced its folder keeps some sectors; then it is started again. The control is a
/// disk that says that it has synced and has not: if nothing is missed there, the row proves nothing.
///
/// # Errors
/// When there is no C compiler, or a server does not start.
pub async fn power_failures(plan: &Plan<'_>) -> anyhow::Result<Vec<Verdict>> {
    let honest = failures(plan, &plan.installation("/ok", None, None)?, plan.rounds, false).await?;
    let installation = plan.installation("/ok", None, None)?;
    let (missed, told) = match failures(plan, &installation, plan.rounds.min(5), true).await {
        Ok(control) => (control.book.lost > 0 && control.untrue > 0, control.told()),
        // The files of a disk that lies may be such that no server starts with them. Any other failure says
        // nothing about the disk.
        Err(broken) if is_damaged(&installation) => {
            (true, format!("what is left cannot be served: {broken}"))
        }
        Err(failed) => return Err(failed.context("A9 control")),
    };
    Ok(vec![
        Verdict::counted(
            "A9 power failures under load, SQLite",
            "nothing acknowledged is lost, nothing was told of what is not stored, and the files are sound",
            honest.sound() && honest.lost.sectors > 0 && honest.complete * 2 > plan.rounds,
            honest.told(),
        ),
        Verdict::counted(
            "A9 control: the same on a disk that has not synced what it says it has",
            "what was acknowledged is missed",
            missed,
            told,
        ),
    ])
}

struct Outcome {
    failures: usize,
    lost: Lost,
    /// Failures whose journal told of everything: a kill between a write and its note leaves one that
    /// does not.
    complete: usize,
    /// Links that were told about and are not stored.
    untrue: usize,
    /// What SQLite says of each file.
    integrity: Vec<String>,
    book: Book,
}

impl Outcome {
    fn sound(&self) -> bool {
        self.book.sound() && self.untrue == 0 && self.integrity.iter().all(|said| said == "ok")
    }

    fn told(&self) -> String {
        format!(
            "{} failures, {} with a whole journal; {} lost {} sectors and {} names that were not \
             synced; {} links told about and not stored; integrity {:?}; {}",
            self.failures,
            self.complete,
            self.lost.failures,
            self.lost.sectors,
            self.lost.names,
            self.untrue,
            self.integrity,
            self.book.told()
        )
    }
}

async fn failures(
    plan: &Plan<'_>,
    installation: &Installation,
    rounds: usize,
    lies: bool,
) -> anyhow::Result<Outcome> {
    let workshop = tempfile::tempdir()?;
    let shim = compile(&workshop)?;
    let (mut customer, mut dice) = (Customer::new(installation)?, Dice(plan.seed));
    let (mut lost, mut complete) = (Lost::default(), 0);
    for round in 0..rounds {
        let journal = workshop.path().join("journal");
        let mut disk = Disk::of(installation.folder(), lies)?;
        let syncs = (round % 2 == 1).then(|| SYNCS.0 + dice.below(SYNCS.1 - SYNCS.0));
        let mut server = serve(installation, &shim, &journal, syncs)?;
        let url = server.url.clone();
        if syncs.is_none() {
            customer.repeat(&url).await?;
        }
        let moment = dice.moment();
        let kill = async {
            let started = Instant::now();
            while server.runs()? && started.elapsed() < moment {
                sleep(Duration::from_millis(5)).await;
            }
            server.kill()
        };
        customer.create_during(&[&url], plan.rate, kill).await?;
        disk.play(&std::fs::read(&journal)?)?;
        std::fs::remove_file(&journal)?;
        complete += usize::from(disk.is_complete());
        lost.add(&disk.fail(&mut dice)?);
    }
    let mut server = installation.serve()?;
    customer.repeat(&server.url).await?;
    let book = Book::close(&customer, &server.url, plan.receiver, &[]).await?;
    let untrue = untrue(&customer, &server.url, plan.receiver).await?;
    ensure!(server.stop()?.success(), "the server does not stop well");
    let integrity = FILES.map(|name| integrity(&installation.folder().join(name)));
    let integrity = integrity.into_iter().collect::<Result<_, _>>()?;
    Ok(Outcome { failures: rounds, lost, complete, untrue, integrity, book })
}

/// How many links were told about that are not stored.
async fn untrue(customer: &Customer, server: &str, receiver: &str) -> anyhow::Result<usize> {
    let stored = customer.all(server, "/api/links/?").await?;
    let stored: BTreeSet<_> = stored.iter().filter_map(|link| link["id"].as_str()).collect();
    let told: BTreeSet<_> =
        report(receiver).await?.events.into_values().map(|event| event.link).collect();
    Ok(told.iter().filter(|link| !stored.contains(link.as_str())).count())
}

/// Whether a file is unsound, or no server starts.
fn is_damaged(installation: &Installation) -> bool {
    let is_sound =
        |name| integrity(&installation.folder().join(name)).is_ok_and(|said| said == "ok");
    !FILES.into_iter().all(is_sound) || installation.serve().is_err()
}

fn integrity(file: &Path) -> anyhow::Result<String> {
    Ok(Connection::open(file)?.query_row("pragma integrity_check", [], |row| row.get(0))?)
}

fn compile(workshop: &TempDir) -> anyhow::Result<std::path::PathBuf> {
    let [source, shim] = ["power.c", "power.so"].map(|name| workshop.path().join(name));
    std::fs::write(&source, SHIM)?;
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&shim).arg(&source);
    ensure!(compiler.args(["-ldl", "-lpthread"]).status()?.success(), "cc failed");
    Ok(shim)
}

fn serve(
    installation: &Installation,
    shim: &Path,
    journal: &Path,
    syncs: Option<u64>,
) -> anyhow::Result<Process> {
    let mut command = installation.serve_command();
    command.env("LD_PRELOAD", shim).env("VINCULO_TEST_POWER_JOURNAL", journal);
    command.env("VINCULO_TEST_POWER_FOLDER", installation.folder());
    command.envs(syncs.map(|syncs| ("VINCULO_TEST_POWER_SYNCS", syncs.to_string())));
    Process::start(command)
}
