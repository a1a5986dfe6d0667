//! Data that was restored from a backup does not know what was taken back since: that is kept beside
//! the keys, and done again.

use vinculo_store::Store;

use super::ledger::revoke_again;
use crate::error::ApiError;
use crate::secrets::Secrets;

/// Consents taken back in one transaction: each locks its person, and nobody waits for two.
const BATCH: i64 = 1;

/// Takes every consent back that was taken back since the data was copied, each with its receipt, and
/// answers how many there were. `now` is in microseconds since 1970 UTC. Done again, it does nothing.
/// Blocks.
///
/// # Errors
/// When the database fails, or what was said then does not open.
pub fn take_back_again(store: &Store, secrets: &Secrets, now: i64) -> Result<u64, ApiError> {
    let mut revoked = 0;
    for workspace in secrets.all() {
        let id = workspace.workspace().id;
        loop {
            let (all, secrets) = (secrets.clone(), workspace.clone());
            let done = store.write_blocking(move |tx| {
                let lost = tx.lost_revocations(id, BATCH)?;
                for lost in &lost {
                    revoke_again(tx, (&all, &secrets), lost, now)?;
                }
                Ok::<_, ApiError>(lost.len() as u64)
            })?;
            if done == 0 {
                break;
            }
            revoked += done;
        }
    }
    Ok(revoked)
}
