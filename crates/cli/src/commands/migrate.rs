//! `vinculo migrate`

use std::process::ExitCode;

use anstream::println;

use crate::args::Database;
use crate::installation::target;
use crate::print::GOOD;

/// Brings the database to this version's schema and says what was done.
pub(crate) fn run(options: &Database) -> anyhow::Result<ExitCode> {
    let applied = vinculo_store::migrate(&target(options)?)?;
    for name in applied.data.iter().chain(&applied.vault) {
        println!("applied {name}");
    }
    println!("{GOOD}up to date{GOOD:#}");
    Ok(ExitCode::SUCCESS)
}
