//! `vinculo restore`

use std::process::ExitCode;

use anstream::println;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::erasure::settle_restored;

use super::vault::print_settled;
use crate::args::Restore;
use crate::installation::{home, spool_dir, target};
use crate::print::{DIM, GOOD};

/// Makes an embedded database from copies, brings it to this version's schema, and settles what has
/// changed since the copy: erasures, and imports whose files are gone.
pub(crate) fn run(options: &Restore) -> anyhow::Result<ExitCode> {
    let target = target(&options.database)?;
    let spool = spool_dir(&home(&options.database, &target));
    let now = micros(SystemClock.now());
    let settled =
        vinculo_store::restore(&target, &options.from, options.keys.as_deref(), |store| {
            settle_restored(store, &spool, now, options.lost.into())
        })?;
    println!("{GOOD}restored{GOOD:#} {}", options.from.display());
    print_settled(settled);
    println!("{DIM}`vinculo doctor` tells whether the master key opens it.{DIM:#}");
    Ok(ExitCode::SUCCESS)
}
