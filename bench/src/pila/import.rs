//! `vinculo pila import`: the program built beside this one, on a fresh SQLite folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::clock::now;
use crate::files::Planillas;

/// An import.
pub(crate) struct Import {
    pub(crate) took: Duration,
    /// Peak resident memory of the process, KiB.
    pub(crate) peak_kib: u64,
}

/// Imports these files in one command.
pub(crate) fn run(planillas: &Planillas, data: &Path) -> Result<Import> {
    let start = now();
    let mut child = Command::new(program()?)
        .args(["pila", "import", "--environment", "production", "--data-dir"])
        .arg(data)
        .args(&planillas.paths)
        .stdout(Stdio::null())
        .spawn()?;
    let (status, peak_kib) = watch(&mut child)?;
    let took = start.elapsed();
    ensure!(status.success(), "the import ended with {status}");
    Ok(Import { took, peak_kib })
}

/// How often the peak is read: what grows after the last reading is missed.
const LOOK: Duration = Duration::from_millis(5);

#[expect(clippy::disallowed_methods, reason = "watches another process, which calls nobody")]
fn watch(child: &mut Child) -> Result<(ExitStatus, u64)> {
    let mut peak = 0;
    loop {
        peak = peak_kib(child.id()).unwrap_or(peak);
        if let Some(status) = child.try_wait()? {
            return Ok((status, peak));
        }
        std::thread::sleep(LOOK);
    }
}

/// The highest resident memory so far; `None` when the process is over.
fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn program() -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("vinculo");
    ensure!(beside.exists(), "build it first: cargo build --release");
    beside.canonicalize().context("vinculo")
}
