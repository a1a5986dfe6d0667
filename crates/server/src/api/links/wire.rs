//! The link object (contract 3.3.1): exactly thirteen keys, in the guide's order.

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{Link, Resource};
use vinculo_vault::Vault;

use crate::clock::wire_time;
use crate::error::ApiError;
use crate::projection::LinkSecrets;

/// A link as clients see it.
#[derive(Debug, Serialize)]
pub(crate) struct WireLink<'a> {
    pub(crate) id: Uuid,
    pub(crate) institution: &'a str,
    pub(crate) access_mode: &'a str,
    pub(crate) status: &'a str,
    pub(crate) refresh_rate: Option<&'a str>,
    pub(crate) created_by: Uuid,
    pub(crate) last_accessed_at: Option<String>,
    pub(crate) external_id: Option<&'a str>,
    pub(crate) created_at: String,
    pub(crate) institution_user_id: &'a str,
    pub(crate) credentials_storage: &'a str,
    pub(crate) stale_in: Option<&'a str>,
    pub(crate) fetch_resources: Vec<&'static str>,
}

/// A stored link as the JSON of the wire.
pub(crate) fn document(vault: &Vault, link: &Link) -> Result<Vec<u8>, ApiError> {
    let secrets = LinkSecrets::open(&vault.unwrap_key(&link.key)?, link.uuid, &link.sealed)?;
    let wire = WireLink {
        id: link.uuid,
        institution: &link.institution,
        access_mode: link.access_mode.as_str(),
        status: link.status.as_str(),
        refresh_rate: link.refresh_rate.as_deref(),
        created_by: link.created_by,
        last_accessed_at: link.last_accessed_at.map(wire_time),
        external_id: secrets.external_id.as_deref(),
        created_at: wire_time(link.created_at),
        institution_user_id: &link.institution_user_id,
        credentials_storage: &link.credentials_storage,
        stale_in: link.stale_in.as_deref(),
        fetch_resources: words(&link.fetch_resources),
    };
    Ok(serde_json::to_vec(&wire)?)
}

/// The wire's words for resources.
pub(super) fn words(resources: &[Resource]) -> Vec<&'static str> {
    resources.iter().map(|resource| resource.as_str()).collect()
}
