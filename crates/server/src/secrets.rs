//! The keys of the installation, opened once at start: the vault, and each workspace's data key
//! and blind indexes.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;
use vinculo_store::{Environment, Workspace, WorkspaceId};
use vinculo_vault::{DataKey, Vault, VaultError, WorkspaceKeys, WrappedKey};

/// A workspace that this process has no keys for.
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

/// Every key the process works with.
#[derive(Debug, Clone)]
pub struct Secrets {
    vault: Vault,
    workspaces: Arc<HashMap<WorkspaceId, Arc<WorkspaceSecrets>>>,
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
        let mut opened = HashMap::with_capacity(workspaces.len());
        for (workspace, wrapped) in workspaces {
            let id = workspace.id;
            let data_key = vault.unwrap_key(&wrapped)?;
            let indexes = vault.workspace_keys_at(id.0, index_version);
            opened.insert(id, Arc::new(WorkspaceSecrets { workspace, data_key, indexes }));
        }
        Ok(Self { vault, workspaces: Arc::new(opened) })
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
        self.workspaces.get(&id).cloned().ok_or(UnknownWorkspace(id))
    }

    /// The secrets of every workspace, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<WorkspaceSecrets>> {
        let mut all: Vec<_> = self.workspaces.values().cloned().collect();
        all.sort_unstable_by_key(|secrets| secrets.workspace.id);
        all
    }

    /// The secrets of an organization's workspace, if this process knows it.
    #[must_use]
    pub fn of_organization(
        &self,
        organization: Uuid,
        environment: Environment,
    ) -> Option<Arc<WorkspaceSecrets>> {
        let mut all = self.workspaces.values();
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
        let matching = self.workspaces.values().filter(|s| s.workspace.environment == environment);
        let oldest = matching.min_by_key(|secrets| secrets.workspace.id);
        oldest.cloned().ok_or(UnknownWorkspace(WorkspaceId(0)))
    }
}
