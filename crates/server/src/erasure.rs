//! What surrounds the erasure of people: destroyed keys leave the files too, and what a restored
//! backup brings back goes again, as do consents and API keys that were taken back since.

use std::path::Path;

use serde::Serialize;
use vinculo_store::{OpenImport, Store, Unopened};

use crate::App;
use crate::consents;
use crate::error::ApiError;
use crate::imports;
use crate::installation::{self, OpenError};
use crate::jobs::LINES;
use crate::secrets::Secrets;

/// People finished in one transaction.
const BATCH: i64 = 100;

/// What was left over in restored data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// People who had been erased since the backup was taken; nothing of them is left.
    pub erased_people: u64,
    /// People who had neither a key nor a receipt; nothing of them is left either.
    pub lost_people: u64,
    /// Imports that were under way when the backup was taken, and whose files it does not hold.
    pub refused_imports: u64,
    /// Consents that had been taken back since the backup was taken, and are again.
    pub revoked_consents: u64,
    /// API keys that had been revoked since, and are again.
    pub revoked_keys: u64,
    /// API keys whose password in the backup was replaced since and opens them no longer than it was
    /// to: one that is replaced for good opens nothing.
    pub ended_keys: u64,
}

/// Restored data that is not settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] vinculo_store::Error),
    /// The keys are gone, or another installation's.
    #[error(transparent)]
    Keys(#[from] OpenError),
    /// A consent cannot be taken back again.
    #[error("a consent that was taken back since the backup is not: {0}")]
    Consents(String),
    /// The keys do not open somebody whom nobody erased.
    #[error(
        "the keys are older than the data: {people} people have neither a key nor the receipt of an \
         erasure, and {workspaces} workspaces have no key. Use a copy of the keys that is as new as \
         the data; if there is none, --without-receipts removes these people too"
    )]
    Unopened {
        /// People with neither key nor receipt.
        people: i64,
        /// Workspaces without a key.
        workspaces: i64,
    },
}

/// What becomes of people who have neither a key nor the receipt of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutReceipt {
    /// Nothing is settled.
    Refuse,
    /// They go like those who were erased: nothing opens them.
    Remove,
}

/// Settles data that was restored from a backup, before anybody serves it: what is left of people
/// whose key is gone is removed, imports whose file is not in the folder `spool` are refused, so that
/// it can be handed in again, and consents and API keys that were taken back since are taken back
/// again. `now` is in microseconds since 1970 UTC; `secrets` opens the keys, and is asked only when
/// consents have to be taken back. Done again, it does nothing. Blocks.
///
/// # Errors
/// Before anything is changed when the keys are not those of this data, or, unless told to remove
/// them, do not open people whom no receipt calls erased; what `secrets` gives; when the database
/// fails.
pub fn settle_restored<E: From<SettleError>>(
    store: &Store,
    spool: &Path,
    now: i64,
    without_receipt: WithoutReceipt,
    secrets: impl FnOnce(&Store) -> Result<Secrets, E>,
) -> Result<Settled, E> {
    let mut settled = settle_without_keys(store, spool, now, without_receipt)?;
    let lost = store.read_blocking(|tx| {
        let all = tx.workspaces()?.into_iter();
        let mut lost = false;
        for (workspace, _) in all {
            lost |= !tx.lost_revocations(workspace.id, 1)?.is_empty();
        }
        Ok::<_, vinculo_store::Error>(lost)
    });
    if lost.map_err(SettleError::from)? {
        let revoked = consents::take_back_again(store, &secrets(store)?, now);
        settled.revoked_consents = revoked.map_err(|error| {
            SettleError::Consents(error.cause().unwrap_or("it is gone").to_owned())
        })?;
    }
    Ok(settled)
}

fn settle_without_keys(
    store: &Store,
    spool: &Path,
    now: i64,
    without_receipt: WithoutReceipt,
) -> Result<Settled, SettleError> {
    store.read_blocking(installation::find_keys)?;
    let Unopened { people, workspaces } = store.read_blocking(|tx| tx.unopened())?;
    if (people > 0 || workspaces > 0) && without_receipt == WithoutReceipt::Refuse {
        return Err(SettleError::Unopened { people, workspaces });
    }
    let mut removed_people = 0;
    loop {
        let finished = store.write_blocking(|tx| tx.finish_erasures(BATCH))?;
        if finished == 0 {
            break;
        }
        removed_people += finished;
    }
    let mut refused_imports = 0;
    for OpenImport { id, uuid, .. } in store.read_blocking(|tx| tx.open_imports())? {
        if !imports::spool_file_of(spool, uuid).exists() {
            let refused = store.write_blocking(move |tx| tx.refuse_lost_import(id, now))?;
            refused_imports += u64::from(refused);
            while store.write_blocking(move |tx| tx.drop_uncounted_lines(id, LINES))? > 0 {}
        }
    }
    let lost_people = people.unsigned_abs();
    let erased_people = removed_people.saturating_sub(lost_people);
    let keys = store.write_blocking(|tx| tx.close_revoked_keys())?;
    Ok(Settled {
        erased_people,
        lost_people,
        refused_imports,
        revoked_consents: 0,
        revoked_keys: keys.revoked,
        ended_keys: keys.ended + keys.retired,
    })
}

/// Takes destroyed keys out of the files of an embedded database. Somebody who reads the keys at
/// this very moment may be in the way; it is done again every hour.
pub(crate) async fn scrub(app: &App) -> Result<(), ApiError> {
    if !app.store().scrub_keys().await? {
        tracing::debug!("the log of the keys is in use and stays for now");
    }
    Ok(())
}
