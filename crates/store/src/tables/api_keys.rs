//! API keys: a Secret ID in clear and a keyed hash of the Secret Password.

use uuid::Uuid;

use super::{ApiKeyId, Environment, Micros, Workspace, WorkspaceId};
use crate::{Result, Tx};

/// A key to be stored.
#[derive(Debug, Clone)]
pub struct NewApiKey<'a> {
    /// Workspace the key opens.
    pub workspace: WorkspaceId,
    /// Public half.
    pub secret_id: Uuid,
    /// Keyed hash of the secret half.
    pub secret_hash: &'a [u8],
    /// What its owner calls it.
    pub name: &'a str,
    /// When it was made.
    pub created_at: Micros,
}

/// A key as authentication needs it.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Internal id.
    pub id: ApiKeyId,
    /// Keyed hash of the secret half, to be compared in constant time.
    pub secret_hash: Vec<u8>,
    /// Workspace the key opens.
    pub workspace: Workspace,
}

impl Tx<'_> {
    /// Stores a key.
    ///
    /// # Errors
    /// `Conflict` when the Secret ID exists.
    pub fn insert_api_key(&mut self, key: &NewApiKey<'_>) -> Result<ApiKeyId> {
        self.query_one(
            "insert into api_keys (secret_id, workspace_id, name, secret_hash, created_at) \
             values ($1, $2, $3, $4, $5) returning id",
            &[
                key.secret_id.into(),
                key.workspace.into(),
                key.name.into(),
                key.secret_hash.into(),
                key.created_at.into(),
            ],
            |row| Ok(ApiKeyId(row.int(0)?)),
        )
    }

    /// The key with this Secret ID, unless it was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn api_key(&mut self, secret_id: Uuid) -> Result<Option<ApiKey>> {
        self.query_opt(
            "select k.id, k.secret_hash, w.id, w.uuid, o.uuid, w.environment \
             from api_keys k \
             join workspaces w on w.id = k.workspace_id \
             join organizations o on o.id = w.organization_id \
             where k.secret_id = $1 and k.revoked_at is null",
            &[secret_id.into()],
            |row| {
                Ok(ApiKey {
                    id: ApiKeyId(row.int(0)?),
                    secret_hash: row.bytes(1)?,
                    workspace: Workspace {
                        id: WorkspaceId(row.int(2)?),
                        uuid: row.uuid(3)?,
                        organization: row.uuid(4)?,
                        environment: Environment::from_column(&row.text(5)?)?,
                    },
                })
            },
        )
    }
}
