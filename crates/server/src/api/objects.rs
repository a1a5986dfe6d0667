//! Employments and owners are read the same way: one indexed query, one decryption per row; the
//! stored document already has the wire's shape.

use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_store::{ObjectFilter, Resource, SealedObject};
use vinculo_vault::Vault;

use super::page::{PageQuery, json};
use super::query::Query;
use super::shape::Shape;
use super::span;
use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::projection::object_context;

/// The filters both lists share.
pub(super) fn filter(page: &PageQuery) -> Result<ObjectFilter, ApiError> {
    let query = &page.query;
    Ok(ObjectFilter {
        links: query.ids("link")?,
        ids: query.ids("id")?,
        created: span::created(query)?,
    })
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
    let (vault, shape) = (app.all_secrets().vault(), Shape::of(&page.query));
    let documents = found.rows.iter().map(|object| {
        let document = open(vault, resource, object)?;
        Ok::<_, ApiError>(shape.apply(document)?)
    });
    page.answer(found.count, documents.collect::<Result<Vec<_>, _>>()?)
}

/// One object.
pub(super) async fn detail(
    app: &App,
    caller: &Caller,
    resource: Resource,
    id: Uuid,
    query: Option<&str>,
) -> Result<Response, ApiError> {
    let workspace = caller.workspace.id;
    let found = app.store().read(move |tx| tx.object(resource, workspace, id)).await?;
    let object = found.ok_or_else(ApiError::not_found)?;
    let document = open(app.all_secrets().vault(), resource, &object)?;
    let shape = Shape::of(&Query::parse(query.unwrap_or_default()));
    Ok(json(StatusCode::OK, shape.apply(document)?))
}

/// Removes one object; its link and its other objects stay.
pub(super) async fn delete(
    app: &App,
    caller: &Caller,
    resource: Resource,
    id: Uuid,
) -> Result<StatusCode, ApiError> {
    let workspace = caller.workspace.id;
    let removed = app.store().write(move |tx| tx.delete_object(resource, workspace, id)).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found()) }
}

pub(super) fn open(
    vault: &Vault,
    resource: Resource,
    object: &SealedObject,
) -> Result<Vec<u8>, ApiError> {
    let key = vault.unwrap_key(&object.key)?;
    let document = key.open(object_context(resource, object.uuid), &object.sealed)?;
    Ok(document.to_vec())
}
