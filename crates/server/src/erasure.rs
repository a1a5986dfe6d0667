//! What surrounds the erasure of people: destroyed keys leave the files too, and what a restored
//! backup brings back goes again.

use std::path::Path;

use serde::Serialize;
use vinculo_store::Store;

use crate::App;
use crate::error::ApiError;
use crate::imports;

/// People finished in one transaction.
const BATCH: i64 = 100;

/// What was left over in restored data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// People who had been erased since the backup was taken; nothing of them is left.
    pub erased_people: u64,
    /// Imports that were under way when the backup was taken, and whose files it does not hold.
    pub refused_imports: u64,
}

/// Settles data that was restored from a backup, before anybody serves it: what is left of people
/// whose key is gone is removed, and imports whose file is not in the folder `spool` are refused,
/// so that it can be handed in again. `now` is in microseconds since 1970 UTC. Done again, it does
/// nothing. Blocks.
///
/// # Errors
/// When the database fails.
pub fn settle_restored(
    store: &Store,
    spool: &Path,
    now: i64,
) -> Result<Settled, vinculo_store::Error> {
    let mut erased_people = 0;
    loop {
        let finished = store.write_blocking(|tx| tx.finish_erasures(BATCH))?;
        if finished == 0 {
            break;
        }
        erased_people += finished;
    }
    let mut refused_imports = 0;
    for (id, uuid) in store.read_blocking(|tx| tx.open_imports())? {
        if !imports::spool_file_of(spool, uuid).exists() {
            let refused = store.write_blocking(move |tx| tx.refuse_lost_import(id, now))?;
            refused_imports += u64::from(refused);
        }
    }
    Ok(Settled { erased_people, refused_imports })
}

/// Takes destroyed keys out of the files of an embedded database. Somebody who reads the keys at
/// this very moment may be in the way; it is done again every hour.
pub(crate) async fn scrub(app: &App) -> Result<(), ApiError> {
    if !app.store().scrub_keys().await? {
        tracing::debug!("the log of the keys is in use and stays for now");
    }
    Ok(())
}
