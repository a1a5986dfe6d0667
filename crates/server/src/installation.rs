//! The first open of a database: root key, the organization `default`, its two workspaces.

use std::sync::Arc;

use uuid::Uuid;
use vinculo_store::{Environment, OrganizationId, Store, Tx, Workspace};
use vinculo_vault::{
    MasterKeys, Random, RandomError, Vault, VaultError, WrappedKey, random_uuid_v4,
};

use crate::secrets::Secrets;

/// The organization that every installation has.
pub const ORGANIZATION: &str = "default";

/// An installation that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] vinculo_store::Error),
    /// The master key does not open this installation.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The system has no randomness to give.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The data is there, the keys that open it are not.
    #[error("{}", vinculo_store::Error::KeysMissing)]
    KeysMissing,
    /// There are keys, and they were made for other data.
    #[error(
        "the keys that are there belong to another installation: restore this one's vault.db, or \
         schema `vault`"
    )]
    Strangers,
    /// The keys do not open who became known last, and nobody erased them.
    #[error(
        "the keys are older than the data: there is no key of the person who became known last, nor the \
         receipt of an erasure. Use a copy of the keys that is as new as the data; `vinculo doctor --deep` \
         says of how many people there is none"
    )]
    KeysOlder,
    /// Look-up values of two derivations are there: nothing would be found.
    #[error("a rotation of the index keys was stopped: run `vinculo vault rotate-index` again")]
    IndexRotation,
}

/// Opens the keys of an installation, creating what a new database lacks. `now` is in microseconds
/// since 1970 UTC. Two processes that open a new database at once end up with the same keys.
///
/// Every version of the master key that wraps anything is tried, so that a key that is wrong or
/// missing is found here and not in the middle of a request.
///
/// # Errors
/// When the database fails, its keys are gone or older than the data, the master keys are not those the
/// installation was made with, or a rotation of the index keys has not ended.
pub fn open(
    store: &Store,
    masters: MasterKeys,
    random: Arc<dyn Random>,
    now: i64,
) -> Result<Secrets, OpenError> {
    let vault = open_vault(store, masters, Arc::clone(&random), now)?;
    try_versions(store, &vault)?;
    let (index, are_older) = store.read_blocking(|tx| {
        Ok::<_, vinculo_store::Error>((tx.index_version()?, tx.youngest_is_unopened()?))
    })?;
    if are_older {
        return Err(OpenError::KeysOlder);
    }
    if index.rotating {
        return Err(OpenError::IndexRotation);
    }
    let creator = vault.clone();
    let workspaces = store.write_blocking(move |tx| {
        let found = tx.workspaces()?;
        if !found.is_empty() {
            tx.keep_revocations()?;
            return Ok(found);
        }
        create(tx, &creator, &*random, now)
    })?;
    Ok(Secrets::open(vault, workspaces, index.version)?)
}

/// Whether these master keys open an installation that is there. Makes nothing. Blocks.
///
/// # Errors
/// When the database fails, its keys are gone, or the master keys are not those the installation
/// was made with.
pub fn verify(
    store: &Store,
    masters: MasterKeys,
    random: Arc<dyn Random>,
) -> Result<Vault, OpenError> {
    let root = store.read_blocking(find_keys)?;
    let vault = Vault::open(masters, &root, random)?;
    try_versions(store, &vault)?;
    Ok(vault)
}

fn try_versions(store: &Store, vault: &Vault) -> Result<(), OpenError> {
    let vault = vault.clone();
    store.read_blocking(move |tx| try_keys(tx, &vault))
}

/// The root key, when the keys are there and were made for this data.
pub(crate) fn find_keys(tx: &mut Tx<'_>) -> Result<WrappedKey, OpenError> {
    let root = tx.root_key()?.ok_or(OpenError::KeysMissing)?;
    if tx.keys_fit()? { Ok(root) } else { Err(OpenError::Strangers) }
}

/// As [`find_keys`], and whether they are wrapped by masters of this vault: one look for every version.
pub(crate) fn try_keys(tx: &mut Tx<'_>, vault: &Vault) -> Result<(), OpenError> {
    find_keys(tx)?;
    for key in tx.one_key_per_version()? {
        vault.unwrap_key(&key)?;
    }
    Ok(())
}

fn open_vault(
    store: &Store,
    masters: MasterKeys,
    random: Arc<dyn Random>,
    now: i64,
) -> Result<Vault, OpenError> {
    let offered = Vault::create_root(&masters, &*random)?;
    let root = store.write_blocking(move |tx| -> Result<WrappedKey, OpenError> {
        if tx.root_key()?.is_some() {
            return find_keys(tx);
        }
        if !tx.is_new()? {
            return Err(OpenError::KeysMissing);
        }
        tx.insert_root_key(&offered, now)?;
        Ok(offered)
    })?;
    Ok(Vault::open(masters, &root, random)?)
}

fn create(
    tx: &mut Tx<'_>,
    vault: &Vault,
    random: &dyn Random,
    now: i64,
) -> Result<Vec<(Workspace, WrappedKey)>, OpenError> {
    add_organization(tx, vault, random, ORGANIZATION, now)?;
    Ok(tx.workspaces()?)
}

/// Makes an organization with both of its workspaces.
pub(crate) fn add_organization(
    tx: &mut Tx<'_>,
    vault: &Vault,
    random: &dyn Random,
    name: &str,
    now: i64,
) -> Result<OrganizationId, OpenError> {
    let organization = tx.insert_organization(uuid(random)?, name, now)?;
    for &environment in Environment::ALL {
        let (_, wrapped) = vault.new_data_key()?;
        tx.insert_workspace(uuid(random)?, organization, environment, &wrapped, now)?;
    }
    Ok(organization)
}

fn uuid(random: &dyn Random) -> Result<Uuid, RandomError> {
    random_uuid_v4(random).map(Uuid::from_bytes)
}
