//! `vinculo pila check`, by the line.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use vinculo_bench::server;
use vinculo_operator::country::{Country, Size};
use vinculo_pila::Month;

use crate::callgrind::{self, Counted};

/// What a thousand lines cost: two copies of a file are checked beside it, and what they add counts.
/// Callgrind writes into the folder.
pub(crate) fn thousand_lines(kept: &Path) -> anyhow::Result<Counted> {
    let first = Month::new(2025, 11).context("a month")?;
    let country = Country::new(2_388, Size { payers: 2, people_per_payer: 400, first, months: 1 })?;
    let largest = country.planillas(first).max_by_key(|planilla| planilla.lines());
    let largest = largest.context("no planilla")?;
    let folder = tempfile::tempdir()?;
    let copies = [1, 2, 3].map(|number: u8| folder.path().join(format!("planilla-{number}.txt")));
    for copy in &copies {
        largest.write_to(BufWriter::new(File::create(copy)?))?;
    }
    let (one, three) = (check(&copies[..1], kept)?, check(&copies, kept)?);
    let (lines, both) = (largest.lines() as u64, three.less(one));
    let thousand = |counted: u64| counted * 1000;
    Counted { instructions: thousand(both.instructions), allocations: thousand(both.allocations) }
        .each(2 * lines)
}

fn check(files: &[PathBuf], folder: &Path) -> anyhow::Result<Counted> {
    let mut check = Command::new(server::binary()?);
    check.args(["pila", "check"]).args(files);
    let into = folder.join(format!("planilla-{}.callgrind", files.len()));
    let status = callgrind::counted(&check, &into).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "pila check ended with {status}");
    callgrind::read(&into)
}
