//! `vinculo operator export`

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anstream::println;
use anyhow::{Context as _, bail};
use vinculo_operator::country;
use vinculo_pila::planilla::WriteError;
use vinculo_server::clock::{Clock as _, SystemClock, bogota_month};

use crate::args::Export;

/// Writes the planillas of the newest months, and the record of each payer. A file that is there
/// already is left alone, and ends the command.
pub(crate) fn run(options: &Export) -> anyhow::Result<ExitCode> {
    let country = country();
    let payers = options.payers.unwrap_or(country.payers());
    if payers == 0 || payers > country.payers() {
        bail!("--payers {payers}: there are 1 to {}", country.payers());
    }
    let current = bogota_month(SystemClock.now()).context("the clock shows no month of PILA")?;
    let folder = &options.out;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let (mut files, mut lines) = (0_u64, 0);
    for payer in 0..payers {
        if let Some(record) = country.payer_record(payer) {
            write(folder, &record.file_name(), |out| record.write_to(out))?;
            files += 1;
        }
        for back in (1..=i32::from(options.months)).rev() {
            for planilla in country.planillas_of(payer, current.plus(-back)) {
                write(folder, &planilla.file_name(), |out| planilla.write_to(out))?;
                files += 1;
                lines += planilla.lines();
            }
        }
    }
    println!("{files} files with {lines} lines in {}", folder.display());
    Ok(ExitCode::SUCCESS)
}

fn write(
    folder: &Path,
    name: &str,
    contents: impl FnOnce(&mut BufWriter<File>) -> Result<(), WriteError>,
) -> anyhow::Result<()> {
    let path = folder.join(name);
    let failed = || format!("cannot write {}", path.display());
    let mut out = BufWriter::new(File::create_new(&path).with_context(failed)?);
    contents(&mut out).with_context(failed)?;
    out.flush().with_context(failed)
}
