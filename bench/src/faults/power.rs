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

/// How many times as many rounds as are asked for are played at most, until what came of them proves something:
/// whether a failure finds anything that was not synced is luck.
const AT_MOST: usize = 4;

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
            honest.sound() && honest.losses.tell(),
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

/// What the disk did.
#[derive(Default)]
struct Losses {
    failures: usize,
    lost: Lost,
    /// Failures whose journal told of everything: a kill between a write and its note leaves one that
    /// does not.
    complete: usize,
}

struct Outcome {
    losses: Losses,
    /// Links that were told about and are not stored.
    untrue: usize,
    /// What SQLite says of each file.
    integrity: Vec<String>,
    book: Book,
}

impl Losses {
    /// Whether something was lost, and what was done to the disk is known of most failures.
    const fn tell(&self) -> bool {
        self.lost.sectors > 0 && self.complete * 2 > self.failures
    }
}

impl Outcome {
    fn sound(&self) -> bool {
        self.book.sound() && self.untrue == 0 && self.integrity.iter().all(|said| said == "ok")
    }

    fn told(&self) -> String {
        format!(
            "{} failures, {} with a whole journal; {} lost {} sectors and {} names that were not \
             synced; {} links told about and not stored; integrity {:?}; {}",
            self.losses.failures,
            self.losses.complete,
            self.losses.lost.failures,
            self.losses.lost.sectors,
            self.losses.lost.names,
            self.untrue,
            self.integrity,
            self.book.told()
        )
    }
}

/// Plays so many rounds, and more until they prove something: that a disk has lost what it may, or that of one that
/// lies there was something to lose.
async fn failures(
    plan: &Plan<'_>,
    installation: &Installation,
    rounds: usize,
    lies: bool,
) -> anyhow::Result<Outcome> {
    let workshop = tempfile::tempdir()?;
    let shim = compile(&workshop)?;
    let earlier = told_of(plan.receiver).await?;
    let (mut customer, mut dice) = (Customer::new(installation)?, Dice(plan.seed));
    let mut losses = Losses::default();
    for round in 0..AT_MOST * rounds {
        let proves = if lies {
            !customer.answered.is_empty() && told_of(plan.receiver).await? != earlier
        } else {
            losses.tell()
        };
        if round >= rounds && proves {
            break;
        }
        let journal = workshop.path().join("journal");
        let mut disk = Disk::of(installation.folder(), lies)?;
        let syncs = (round % 2 == 1).then(|| SYNCS.0 + dice.below(SYNCS.1 - SYNCS.0));
        let server = serve(installation, &shim, &journal, syncs)?;
        if syncs.is_none() {
            customer.repeat(&server.url).await?;
        }
        kill_under_load(plan, &mut customer, server, dice.moment()).await?;
        disk.play(&std::fs::read(&journal)?)?;
        std::fs::remove_file(&journal)?;
        losses.failures += 1;
        losses.complete += usize::from(disk.is_complete());
        losses.lost.add(&disk.fail(&mut dice)?);
    }
    let mut server = installation.serve()?;
    customer.repeat(&server.url).await?;
    let book = Book::close(&customer, &server.url, plan.receiver, &[]).await?;
    let untrue = untrue(&customer, &server.url, plan.receiver, &earlier).await?;
    ensure!(server.stop()?.success(), "the server does not stop well");
    let integrity = FILES.map(|name| integrity(&installation.folder().join(name)));
    let integrity = integrity.into_iter().collect::<Result<_, _>>()?;
    Ok(Outcome { losses, untrue, integrity, book })
}

/// Creates links until the server ends by itself, or is killed after a while.
async fn kill_under_load(
    plan: &Plan<'_>,
    customer: &mut Customer,
    mut server: Process,
    moment: Duration,
) -> anyhow::Result<()> {
    let url = server.url.clone();
    let kill = async {
        let started = Instant::now();
        while server.runs()? && started.elapsed() < moment {
            sleep(Duration::from_millis(5)).await;
        }
        server.kill()
    };
    customer.create_during(&[&url], plan.rate, kill).await
}

/// The links that the receiver was told about.
async fn told_of(receiver: &str) -> anyhow::Result<BTreeSet<String>> {
    Ok(report(receiver).await?.events.into_values().map(|event| event.link).collect())
}

/// How many links were told about that are not stored, beside those told about by another installation before.
async fn untrue(
    customer: &Customer,
    server: &str,
    receiver: &str,
    earlier: &BTreeSet<String>,
) -> anyhow::Result<usize> {
    let stored = customer.all(server, "/api/links/?").await?;
    let stored: BTreeSet<_> = stored.iter().filter_map(|link| link["id"].as_str()).collect();
    let told = told_of(receiver).await?;
    Ok(told.difference(earlier).filter(|link| !stored.contains(link.as_str())).count())
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
