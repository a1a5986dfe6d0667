//! Rotating the master key: every wrapped key is wrapped anew by the newest version, while servers
//! that know both versions serve. What the keys protect is not touched.

use serde::Serialize;
use vinculo_store::{Store, StoredKey};
use vinculo_vault::{Vault, WrappedKey};

use crate::installation::OpenError;

/// Keys wrapped anew in one transaction: a few milliseconds of the one writer of an embedded
/// database.
const BATCH: i64 = 500;

/// Where the wrapped keys of an installation stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyStatus {
    /// Version of the master key that wraps new keys.
    pub newest: u32,
    /// Version that wraps the root key.
    pub root: u32,
    /// What each version wraps, oldest first.
    pub versions: Vec<VersionStatus>,
    /// Given versions that wrap nothing and are older than the newest: they may be taken away.
    pub not_needed: Vec<u32>,
}

/// What one version of the master key wraps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionStatus {
    /// The version.
    pub version: u32,
    /// Keys of workspaces, the root key not counted.
    pub workspaces: i64,
    /// Keys of people.
    pub people: i64,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rotated {
    /// Keys that were wrapped anew by this call, the root key included.
    pub rewrapped: u64,
    /// How things stand now.
    pub status: KeyStatus,
}

/// How things stand. Counts every key. Blocks.
///
/// # Errors
/// When the database fails or has no keys.
pub fn status(store: &Store, vault: &Vault) -> Result<KeyStatus, OpenError> {
    let (root, counts) =
        store.read_blocking(|tx| Ok::<_, OpenError>((root_key(tx)?, tx.count_keys()?)))?;
    let number = |version: i64| u32::try_from(version).unwrap_or(u32::MAX);
    let versions: Vec<_> = counts
        .iter()
        .map(|count| VersionStatus {
            version: number(count.version),
            workspaces: count.workspaces,
            people: count.subjects,
        })
        .collect();
    let newest = vault.current_version();
    let used = |version| root.version() == version || versions.iter().any(|v| v.version == version);
    let not_needed = vault.versions().filter(|&version| version < newest && !used(version));
    let mut not_needed: Vec<_> = not_needed.collect();
    not_needed.sort_unstable();
    Ok(KeyStatus { newest, root: root.version(), versions, not_needed })
}

/// Wraps every key by the newest master key, a batch at a time; `progress` is told how many were
/// done so far. Begun again, it goes on where it stopped. Keys that a server makes meanwhile under
/// an older version are found too, until none is left. Blocks.
///
/// # Errors
/// When the database fails, or a key is wrapped by a version that was not given.
pub fn rotate(
    store: &Store,
    vault: &Vault,
    mut progress: impl FnMut(u64),
) -> Result<Rotated, OpenError> {
    let version = vault.current_version();
    let mut rewrapped = 0;
    loop {
        let keys = store.read_blocking(move |tx| tx.keys_of_other_versions(version, BATCH))?;
        if keys.is_empty() {
            break;
        }
        rewrapped += rewrap(store, vault, keys)?;
        progress(rewrapped);
    }
    // The root key comes last: as long as it needs the older version, so does every start.
    let root = store.read_blocking(root_key)?;
    if let Some(new) = vault.rewrap(&root)? {
        rewrapped += u64::from(store.write_blocking(move |tx| tx.rewrap_root_key(&root, &new))?);
        progress(rewrapped);
    }
    Ok(Rotated { rewrapped, status: status(store, vault)? })
}

/// The work of a batch is done outside the transaction, which only writes.
fn rewrap(store: &Store, vault: &Vault, keys: Vec<StoredKey>) -> Result<u64, OpenError> {
    let mut pairs = Vec::with_capacity(keys.len());
    for key in keys {
        if let Some(new) = vault.rewrap(&key.wrapped)? {
            pairs.push((key, new));
        }
    }
    Ok(store.write_blocking(move |tx| {
        let mut changed = 0;
        for (old, new) in &pairs {
            changed += u64::from(tx.rewrap_key(old, new)?);
        }
        Ok::<_, vinculo_store::Error>(changed)
    })?)
}

fn root_key(tx: &mut vinculo_store::Tx<'_>) -> Result<WrappedKey, OpenError> {
    tx.root_key()?.ok_or(OpenError::KeysMissing)
}
