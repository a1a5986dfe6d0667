//! `vinculo restore`

use std::process::ExitCode;
use std::sync::Arc;

use anstream::println;
use anyhow::Context as _;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::erasure::settle_restored;
use vinculo_server::installation;
use vinculo_store::Store;
use vinculo_vault::SystemRandom;

use super::vault::print_settled;
use crate::args::Restore;
use crate::installation::{home, spool_dir, target};
use crate::master_key;
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
            let random = Arc::new(SystemRandom);
            let masters = master_key::read(&options.database, &home, &target, &*random);
            let masters = masters.context("consents were revoked since the backup")?;
            Ok::<_, anyhow::Error>(installation::open(store, masters, random, now)?)
        })
    };
    let keys = options.keys.as_deref();
    let settled = vinculo_store::restore(&target, &options.from, keys, settle)?;
    println!("{GOOD}restored{GOOD:#} {}", options.from.display());
    print_settled(settled);
    println!("{DIM}`vinculo doctor` tells whether the master key opens it.{DIM:#}");
    Ok(ExitCode::SUCCESS)
}
