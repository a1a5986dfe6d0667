//! `vinculo vault …`

use std::process::ExitCode;

use anstream::println;
use indicatif::{ProgressBar, ProgressStyle};
use vinculo_server::audit;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::erasure::{Settled, settle_restored};
use vinculo_server::index_rotation::rotate_indexes;
use vinculo_server::rotation::{self, KeyStatus};
use vinculo_store::AuditAction;

use crate::args::{Lost, VaultOptions};
use crate::installation::{Installation, secrets_of_restored};
use crate::print::{BAD, DIM, GOOD, HEAD};

/// Prints how many keys each version of the master key wraps.
pub(crate) fn status(options: &VaultOptions) -> anyhow::Result<ExitCode> {
    let Installation { store, secrets, .. } = Installation::open(&options.database)?;
    let status = rotation::status(&store, secrets.vault())?;
    store.close_blocking();
    match options.json {
        true => println!("{}", serde_json::to_string(&status)?),
        false => print(&status),
    }
    Ok(ExitCode::SUCCESS)
}

/// Wraps every key by the newest master key and says which older ones are no longer needed.
pub(crate) fn rotate(options: &VaultOptions) -> anyhow::Result<ExitCode> {
    let Installation { store, secrets, .. } = Installation::open(&options.database)?;
    let bar = if options.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    bar.set_style(ProgressStyle::with_template("{spinner} {pos} keys wrapped anew")?);
    let rotated = rotation::rotate(&store, secrets.vault(), |done| bar.set_position(done));
    bar.finish_and_clear();
    let rotated = rotated?;
    let wrapped = i64::try_from(rotated.rewrapped).unwrap_or(i64::MAX);
    audit::note_command(&store, AuditAction::VaultRotated, wrapped, micros(SystemClock.now()))?;
    // What the older version wrapped leaves the files too.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(store.scrub_keys())?;
    store.close_blocking();
    if options.json {
        println!("{}", serde_json::to_string(&rotated)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{GOOD}{} keys wrapped anew{GOOD:#}", rotated.rewrapped);
    print(&rotated.status);
    Ok(ExitCode::SUCCESS)
}

/// Puts every look-up value under the next key, alone with the installation.
pub(crate) fn rotate_index(options: &VaultOptions) -> anyhow::Result<ExitCode> {
    let (store, _runner, vault) = Installation::open_alone(&options.database)?;
    let bar = if options.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    bar.set_style(ProgressStyle::with_template("{spinner} {pos} look-up values")?);
    let rotated = rotate_indexes(&store, &vault, |done| bar.set_position(done));
    bar.finish_and_clear();
    let rotated = rotated?;
    let values: i64 = rotated.columns.iter().map(|column| column.values).sum();
    let now = micros(SystemClock.now());
    audit::note_command(&store, AuditAction::IndexesRotated, values, now)?;
    store.close_blocking();
    if options.json {
        println!("{}", serde_json::to_string(&rotated)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{GOOD}version {}: {values} look-up values rotated{GOOD:#}", rotated.version);
    for column in &rotated.columns {
        println!("{:>10} {}", column.values, column.column);
    }
    Ok(ExitCode::SUCCESS)
}

/// Settles restored data before anybody serves it. The keys must be there; `restore` has done it.
pub(crate) fn settle(options: &VaultOptions, lost: Lost) -> anyhow::Result<ExitCode> {
    let database = &options.database;
    let (store, spool_dir) = Installation::open_restored(database)?;
    let now = micros(SystemClock.now());
    let settled = settle_restored(&store, &spool_dir, now, lost.into(), |store| {
        secrets_of_restored(database, store, now)
    });
    store.close_blocking();
    let settled = settled?;
    match options.json {
        true => println!("{}", serde_json::to_string(&settled)?),
        false => print_settled(settled),
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what was settled.
pub(crate) fn print_settled(settled: Settled) {
    println!("{} people were erased since the backup and are gone", settled.erased_people);
    if settled.lost_people > 0 {
        let lost = settled.lost_people;
        println!("{BAD}{lost} people{BAD:#} without a receipt of an erasure are gone too");
    }
    println!("{} consents were revoked since the backup and are again", settled.revoked_consents);
    println!("{} API keys were revoked since the backup and are again", settled.revoked_keys);
    if settled.ended_keys > 0 {
        let ended = settled.ended_keys;
        println!(
            "{BAD}{ended} passwords of API keys{BAD:#} were replaced since, and end as they did"
        );
    }
    println!("{} imports were under way: hand their files in again", settled.refused_imports);
}

fn print(status: &KeyStatus) {
    for version in &status.versions {
        let mark = if version.version == status.newest { "newest" } else { "older" };
        println!(
            "{HEAD}version {}{HEAD:#} {DIM}({mark}){DIM:#}: {} workspaces, {} people",
            version.version, version.workspaces, version.people
        );
    }
    println!("root key: version {}", status.root);
    let behind = status.root != status.newest
        || status.versions.iter().any(|version| version.version != status.newest);
    if behind {
        println!("older versions are needed until `vinculo vault rotate` has run");
    }
    for version in &status.not_needed {
        println!("version {version} is no longer needed");
    }
}
