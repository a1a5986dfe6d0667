//! The link a caller names: held for a change, and fit to be filled.

use http::StatusCode;
use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_store::{Link, LinkStatus, Tx, WorkspaceId};
use vinculo_vault::DataKey;

use crate::App;
use crate::error::ApiError;
use crate::projection::LinkSecrets;
use crate::terms::Storage;

/// The workspace's link, with its person held until the transaction ends.
///
/// # Errors
/// 404 when the workspace has no such link.
pub(crate) fn hold(tx: &mut Tx<'_>, workspace: WorkspaceId, id: Uuid) -> Result<Link, ApiError> {
    let seen = tx.link(workspace, id)?.ok_or_else(ApiError::not_found)?;
    tx.lock_subject(seen.subject)?;
    // It may have been changed or deleted before the lock was had.
    tx.link(workspace, id)?.ok_or_else(ApiError::not_found)
}

/// A link's key and what it opens.
pub(crate) fn open(app: &App, link: &Link) -> Result<(DataKey, LinkSecrets), ApiError> {
    let key = app.all_secrets().vault().unwrap_key(&link.key)?;
    let secrets = LinkSecrets::open(&key, link.uuid, &link.sealed)?;
    Ok((key, secrets))
}

/// The document to ask the institution with.
///
/// # Errors
/// When the link does not store it, or no longer, or the institution refused it (contract 6.1).
pub(crate) fn credentials(link: &Link, secrets: LinkSecrets) -> Result<Document, ApiError> {
    let stored = Storage::parse(&link.credentials_storage) != Some(Storage::NoStore);
    let Some(document) = secrets.document.filter(|_| stored) else { return Err(expired()) };
    match link.status {
        LinkStatus::Valid => Ok(document),
        LinkStatus::Invalid => Err(ApiError::refused(
            "invalid_link",
            "The link has been invalidated. You may need to update link credentials",
        )),
        LinkStatus::Unconfirmed | LinkStatus::TokenRequired => Err(ApiError::refused(
            "unconfirmed_link",
            "The link creation has not been completed yet",
        )),
    }
}

/// The link has no document any more.
pub(crate) fn expired() -> ApiError {
    ApiError::status(
        StatusCode::NOT_FOUND,
        "expired_credentials",
        "The credentials of this link have expired",
    )
}
