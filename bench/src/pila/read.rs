//! Reading planillas: ours, and the peers' in Python.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use memchr::memchr_iter;
use serde::Deserialize;
use vinculo_pila::planilla::{self, File};

use crate::clock::{Took, time};
use crate::files::Planillas;

/// What a reader found, the same for all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) records: u64,
    /// Sum of the health base (field 43).
    pub(crate) health_base: i64,
}

/// How often lines are counted: the system tells the time of a thread in steps of some milliseconds.
const COUNTS: u32 = 20;

/// Checks bytes that are in memory already, and what counting their lines takes.
pub(crate) fn check_in_memory(planillas: &Planillas) -> Result<[Took; 2]> {
    let files: Vec<_> = planillas.paths.iter().map(fs::read).collect::<Result<_, _>>()?;
    let ((), checked) = time(|| {
        for bytes in &files {
            ensure!(planilla::check(bytes).accepted(), "a planilla was refused");
        }
        Ok(())
    })?;
    let count = || files.iter().map(|bytes| memchr_iter(b'\n', bytes).count() as u64).sum::<u64>();
    let (lines, counted) = time(|| Ok((0..COUNTS).map(|_| black_box(count())).sum::<u64>()))?;
    ensure!(lines >= u64::from(COUNTS) * planillas.lines, "lines were not counted");
    let counted = Took { clock: counted.clock / COUNTS, processor: counted.processor / COUNTS };
    Ok([checked, counted])
}

/// Reads files, checks them and brings every line into the normal form.
pub(crate) fn contributions(planillas: &Planillas) -> Result<(Found, Took)> {
    time(|| {
        let mut found = Found::default();
        for path in &planillas.paths {
            let bytes = fs::read(path)?;
            let Ok(File::Planilla(planilla)) = planilla::read(&bytes) else {
                bail!("{} was refused", path.display());
            };
            for line in planilla.contributions() {
                found.records += 1;
                found.health_base += line.base.health.unwrap_or_default();
            }
        }
        Ok(found)
    })
}

/// A reader in Python.
pub(crate) struct Peer {
    /// Name and version.
    pub(crate) name: String,
    pub(crate) found: Found,
    pub(crate) clock: Duration,
}

#[derive(Deserialize)]
struct Answer {
    reader: String,
    clock: f64,
    records: u64,
    health_base: i64,
}

/// Lets pandas or polars read `ten` or `all` columns; `None` unless they were set up.
pub(crate) fn peer(
    name: &str,
    columns: &str,
    planillas: &Planillas,
    folder: &Path,
) -> Result<Option<Peer>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = venv()?.join("bin/python");
    if !python.exists() {
        return Ok(None);
    }
    let listing = folder.join("paths");
    let paths: Vec<_> = planillas.paths.iter().map(|path| path.to_string_lossy()).collect();
    fs::write(&listing, paths.join("\n"))?;
    let output = Command::new(python)
        .arg(root.join("pila-peers/read.py"))
        .args([name, columns])
        .arg(listing)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{name} failed");
    let answer: Answer = serde_json::from_slice(&output.stdout)?;
    Ok(Some(Peer {
        name: answer.reader,
        found: Found { records: answer.records, health_base: answer.health_base },
        clock: Duration::from_secs_f64(answer.clock),
    }))
}

/// Where `bench/pila-peers/set-up` installs them: beside the folder of this program.
fn venv() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent).context("no target folder")?;
    Ok(target.join("bench-venv"))
}
