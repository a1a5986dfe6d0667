//! Planillas of a made-up country, on disk.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use vinculo_operator::country::{Country, Size};
use vinculo_pila::Month;

/// One town: a payer of every sort, and a large one whose branches file apart.
const PAYERS: u32 = 12;

/// People per payer follow from the lines wanted: a town has some fifteen times as many people,
/// and a person 1.14 lines a month.
const LINES_PER_SEAT: u32 = 17;

/// A country with about this many lines a month.
pub(crate) fn country(lines: u32) -> Result<Country> {
    let first = Month::new(2025, 11).context("a month")?;
    let people_per_payer = (lines / LINES_PER_SEAT).max(1);
    Ok(Country::new(2_388, Size { payers: PAYERS, people_per_payer, first, months: 3 })?)
}

/// The planillas of a month.
pub(crate) struct Planillas {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
}

impl Planillas {
    /// Writes those of the `number`-th month of the country.
    pub(crate) fn write(country: &Country, number: usize, folder: &Path) -> Result<Self> {
        let month = country.months().nth(number).context("no such month")?;
        let mut written = Self { paths: Vec::new(), lines: 0, bytes: 0 };
        for planilla in country.planillas(month) {
            let path = folder.join(planilla.file_name());
            planilla.write_to(BufWriter::new(File::create(&path)?))?;
            written.bytes += fs::metadata(&path)?.len();
            written.lines += planilla.lines() as u64;
            written.paths.push(path);
        }
        Ok(written)
    }
}
