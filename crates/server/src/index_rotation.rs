//! Rotating the keys of the look-up values, while nobody else uses the installation: every value is
//! put under the next derivation. Nothing that is sealed is opened.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use vinculo_store::{IndexColumn, Store, WorkspaceId};
use vinculo_vault::{Vault, WorkspaceKeys};

use crate::installation::OpenError;

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RotatedIndexes {
    /// The derivation in use now.
    pub version: u32,
    /// How many values each column has; so many were rotated.
    pub columns: Vec<RotatedColumn>,
}

/// One column of look-up values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RotatedColumn {
    /// Table and column.
    pub column: &'static str,
    /// Values.
    pub values: i64,
}

/// Puts every look-up value under the next derivation, a batch at a time; `progress` is told how
/// many were done so far. One that was stopped, however that was, goes on where it was; until it has
/// ended no server starts. The store must be exclusive. Blocks.
///
/// # Errors
/// When the database fails, a row belongs to no workspace, or a column has another number of values
/// at the end than were rotated.
pub fn rotate_indexes(
    store: &Store,
    vault: &Vault,
    mut progress: impl FnMut(u64),
) -> Result<RotatedIndexes, OpenError> {
    let (version, workspaces) = store.write_blocking(|tx| {
        tx.begin_index_rotation()?;
        Ok::<_, OpenError>((tx.index_version()?.version + 1, tx.workspaces()?))
    })?;
    let keys = workspaces
        .iter()
        .map(|(workspace, _)| (workspace.id, vault.workspace_keys_at(workspace.id.0, version)));
    let keys: Arc<HashMap<WorkspaceId, WorkspaceKeys>> = Arc::new(keys.collect());
    let mut done = 0;
    for &column in IndexColumn::ALL {
        loop {
            let keys = Arc::clone(&keys);
            let rotated = store.write_blocking(move |tx| {
                tx.rotate_indexes(column, |workspace, old| Some(keys.get(&workspace)?.next(old)))
            })?;
            let Some(rotated) = rotated else { break };
            done += rotated;
            progress(done);
        }
    }
    // While it counts as unfinished: one that is stopped here does this again.
    store.compact_blocking()?;
    let counts = store.write_blocking(|tx| tx.finish_index_rotation())?;
    let column =
        |(column, values): (IndexColumn, i64)| RotatedColumn { column: column.as_str(), values };
    Ok(RotatedIndexes { version, columns: counts.into_iter().map(column).collect() })
}
