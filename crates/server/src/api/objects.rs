//! Employments and owners are read the same way: one indexed query, one decryption per row; the
//! stored document already has the wire's shape.

use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_store::{ObjectFilter, Resource, SealedObject};
use vinculo_vault::Vault;

use super::page::{PageQuery, json};
use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::projection::object_context;

/// The filters both lists share.
pub(super) fn filter(page: &PageQuery) -> Result<ObjectFilter, ApiError> {
    Ok(ObjectFilter { links: page.query.ids("link")?, ids: page.query.ids("id")? })
}

/// A page of objects.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    resource: Resource,
    filter: ObjectFilter,
    page: &PageQuery,
) -> Result<Response, ApiError> {
    let (workspace, request) = (caller.workspace.id, page.request());
    let found =
        app.store().read(move |tx| tx.objects(resource, workspace, &filter, request)).await?;
    let vault = app.all_secrets().vault();
    let documents = found
        .rows
        .iter()
        .map(|object| open(vault, resource, object))
        .collect::<Result<Vec<_>, _>>()?;
    page.answer(found.count, documents)
}

/// One object.
pub(super) async fn detail(
    app: &App,
    caller: &Caller,
    resource: Resource,
    id: Uuid,
) -> Result<Response, ApiError> {
    let workspace = caller.workspace.id;
    let found = app.store().read(move |tx| tx.object(resource, workspace, id)).await?;
    let object = found.ok_or_else(ApiError::not_found)?;
    let document = open(app.all_secrets().vault(), resource, &object)?;
    Ok(json(StatusCode::OK, document))
}

fn open(vault: &Vault, resource: Resource, object: &SealedObject) -> Result<Vec<u8>, ApiError> {
    let key = vault.unwrap_key(&object.key)?;
    let document = key.open(object_context(resource, object.uuid), &object.sealed)?;
    Ok(document.to_vec())
}
