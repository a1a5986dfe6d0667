//! Webhook endpoints: where a workspace wants its events sent.

use uuid::Uuid;
use vinculo_vault::Sealed;

use super::{EndpointId, Micros, WorkspaceId};
use crate::{Result, Tx};

/// An endpoint to be stored.
#[derive(Debug, Clone)]
pub struct NewEndpoint<'a> {
    /// Public id; part of what seals the address.
    pub uuid: Uuid,
    /// Workspace whose events it receives.
    pub workspace: WorkspaceId,
    /// When it was made.
    pub created_at: Micros,
    /// Address and Authorization value, sealed with the workspace's key.
    pub sealed: &'a Sealed,
}

/// A stored endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Internal id.
    pub id: EndpointId,
    /// Public id.
    pub uuid: Uuid,
    /// When it was made.
    pub created_at: Micros,
    /// Address and Authorization value, sealed with the workspace's key.
    pub sealed: Sealed,
}

impl Tx<'_> {
    /// Stores an endpoint.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_endpoint(&mut self, endpoint: &NewEndpoint<'_>) -> Result<EndpointId> {
        self.query_one(
            "insert into webhook_endpoints (uuid, workspace_id, created_at, sealed) \
             values ($1, $2, $3, $4) returning id",
            &[
                endpoint.uuid.into(),
                endpoint.workspace.into(),
                endpoint.created_at.into(),
                endpoint.sealed.into(),
            ],
            |row| Ok(EndpointId(row.int(0)?)),
        )
    }

    /// The workspace's endpoints, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn endpoints(&mut self, workspace: WorkspaceId) -> Result<Vec<Endpoint>> {
        self.query(
            "select id, uuid, created_at, sealed from webhook_endpoints \
             where workspace_id = $1 and disabled_at is null order by id",
            &[workspace.into()],
            |row| {
                Ok(Endpoint {
                    id: EndpointId(row.int(0)?),
                    uuid: row.uuid(1)?,
                    created_at: row.int(2)?,
                    sealed: row.sealed(3)?,
                })
            },
        )
    }
}
