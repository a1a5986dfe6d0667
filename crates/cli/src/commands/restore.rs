//! `vinculo restore`

use std::process::ExitCode;

use anstream::println;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::erasure::settle_restored;
use vinculo_store::Store;

use super::vault::print_settled;
use crate::args::Restore;
use crate::installation::{home, secrets_of_restored, spool_dir, target};
use crate::print::{DIM, GOOD};

/// Makes an embedded database from copies, brings it to this version's schema, and settles what has
/// changed since the copy: erasures, revocations, and imports whose files are gone.
pub(crate) fn run(options: &Restore) -> anyhow::Result<ExitCode> {
    let target = target(&options.database)?;
    let home = home(&options.database, &target);
    let spool = spool_dir(&home);
    let now = micros(SystemClock.now());
    let settle = |store: &Store| {
        settle_restored(store, &spool, now, options.lost.into(), |store| {
            secrets_of_restored(&options.database, store, now)
        })
    };
    let keys = options.keys.as_deref();
    let settled = vinculo_store::restore(&target, &options.from, keys, settle)?;
    println!("{GOOD}restored{GOOD:#} {}", options.from.display());
    print_settled(settled);
    println!("{DIM}`vinculo doctor` tells whether the master key opens it.{DIM:#}");
    Ok(ExitCode::SUCCESS)
}
