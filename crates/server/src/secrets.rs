//! The keys of the installation, opened once at start: the vault, and each workspace's data key
//! and blind indexes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use uuid::Uuid;
use vinculo_store::{Environment, Workspace, WorkspaceId};
use vinculo_vault::{DataKey, Vault, VaultError, WorkspaceKeys, WrappedKey};

/// A workspace that this process has no keys for yet.
#[derive(Debug, thiserror::Error)]
#[error("workspace {0} was created after this process started")]
pub struct UnknownWorkspace(pub WorkspaceId);

/// What opens one workspace's own secrets.
#[derive(Debug)]
pub struct WorkspaceSecrets {
    workspace: Workspace,
    data_key: DataKey,
    indexes: WorkspaceKeys,
}

impl WorkspaceSecrets {
    /// The workspace.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The key for what belongs to the workspace and to nobody in it: endpoints, reports.
    #[must_use]
    pub fn data_key(&self) -> &DataKey {
        &self.data_key
    }

    /// Look-up values and pseudonyms of this workspace.
    #[must_use]
    pub fn indexes(&self) -> &WorkspaceKeys {
        &self.indexes
    }
}

/// The oldest first. Every request looks into it, and there are few.
type Opened = BTreeMap<WorkspaceId, Arc<WorkspaceSecrets>>;

/// Every key the process works with.
#[derive(Debug, Clone)]
pub struct Secrets {
    vault: Vault,
    /// Version of the look-up index.
    index_version: u32,
    workspaces: Arc<RwLock<Opened>>,
}

impl Secrets {
    /// Opens the keys of these workspaces, with this version of the look-up index.
    ///
    /// # Errors
    /// When a wrapped key does not open under the vault's master keys.
    pub fn open(
        vault: Vault,
        workspaces: Vec<(Workspace, WrappedKey)>,
        index_version: u32,
    ) -> Result<Self, VaultError> {
        let opened = Self { vault, index_version, workspaces: Arc::default() };
        opened.learn(workspaces)?;
        Ok(opened)
    }

    /// Opens the keys of those of these workspaces that were not known. One that does not open keeps nobody from
    /// the others.
    ///
    /// # Errors
    /// When a wrapped key does not open under the vault's master keys.
    pub(crate) fn learn(&self, workspaces: Vec<(Workspace, WrappedKey)>) -> Result<(), VaultError> {
        let mut outcome = Ok(());
        for (workspace, wrapped) in workspaces {
            let id = workspace.id;
            if self.of(id).is_ok() {
                continue;
            }
            match self.vault.unwrap_key(&wrapped) {
                Ok(data_key) => {
                    let indexes = self.vault.workspace_keys_at(id.0, self.index_version);
                    let secrets = Arc::new(WorkspaceSecrets { workspace, data_key, indexes });
                    let mut known = self.workspaces.write().unwrap_or_else(PoisonError::into_inner);
                    known.insert(id, secrets);
                }
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Every workspace that is known now.
    fn known(&self) -> std::sync::RwLockReadGuard<'_, Opened> {
        self.workspaces.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vault, for subjects' keys.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The secrets of one workspace.
    ///
    /// # Errors
    /// When the workspace was created after this process started.
    pub fn of(&self, id: WorkspaceId) -> Result<Arc<WorkspaceSecrets>, UnknownWorkspace> {
        self.known().get(&id).cloned().ok_or(UnknownWorkspace(id))
    }

    /// The secrets of every workspace, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<WorkspaceSecrets>> {
        self.known().values().cloned().collect()
    }

    /// The secrets of an organization's workspace, if this process knows it.
    #[must_use]
    pub fn of_organization(
        &self,
        organization: Uuid,
        environment: Environment,
    ) -> Option<Arc<WorkspaceSecrets>> {
        let known = self.known();
        let mut all = known.values();
        let found = all.find(|secrets| {
            let workspace = secrets.workspace();
            workspace.organization == organization && workspace.environment == environment
        });
        found.cloned()
    }

    /// The oldest workspace of an environment: that of the organization `default`.
    ///
    /// # Errors
    /// When there is none.
    pub fn environment(
        &self,
        environment: Environment,
    ) -> Result<Arc<WorkspaceSecrets>, UnknownWorkspace> {
        let known = self.known();
        let oldest = known.values().find(|secrets| secrets.workspace.environment == environment);
        oldest.cloned().ok_or(UnknownWorkspace(WorkspaceId(0)))
    }
}
