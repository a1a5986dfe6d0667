//! `GET /api/links/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::{
    AccessMode, AuditAction, Link, LinkFilter, LinkStatus, Page, PageRequest, WorkspaceId,
};

use super::schema::{LinkFilters, Links};
use super::wire;
use crate::App;
use crate::api::page::PageQuery;
use crate::api::query::Query;
use crate::api::shape::Shape;
use crate::api::span;
use crate::audit::{Shown, Trail};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{CreatedParams, IdParams, PageParams, ShapeParams};
use crate::secrets::WorkspaceSecrets;

type LinksPage = Page<Link>;

/// Links of the workspace, newest first (contract 3.3.2).
#[utoipa::path(
    get, path = "/api/links/", tag = "links", operation_id = "ListLinks",
    params(IdParams, LinkFilters, CreatedParams, ShapeParams, PageParams),
    responses((status = 200, description = "A page", body = Links))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    let filter = filter(&page.query, &secrets)?;
    let found = read(&app, &caller.trail, caller.workspace.id, filter, page.request()).await?;
    let (vault, shape) = (app.all_secrets().vault(), Shape::of(&page.query));
    let documents = found.rows.iter().map(|link| {
        let document = wire::document(vault, link)?;
        Ok::<_, ApiError>(shape.apply(document)?)
    });
    page.answer(found.count, documents.collect::<Result<Vec<_>, _>>()?)
}

/// A page of links that is about to be shown.
///
/// # Errors
/// When the database fails, or it cannot be noted.
pub(crate) async fn read(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    filter: LinkFilter,
    request: PageRequest,
) -> Result<LinksPage, ApiError> {
    let found = app.store().read(move |tx| tx.links(workspace, &filter, request)).await?;
    let about = found.rows.iter().map(|link| (link.subject, link.id));
    trail.read(app, Shown::of(AuditAction::LinksRead, about)).await?;
    Ok(found)
}

/// The filters that a query names.
///
/// # Errors
/// 400 for a value that is none.
pub(crate) fn filter(query: &Query, secrets: &WorkspaceSecrets) -> Result<LinkFilter, ApiError> {
    let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let external_ids = query.any_of("external_id")?;
    let index = |ids: Vec<&str>| ids.iter().map(|id| secrets.indexes().external_id(id)).collect();
    Ok(LinkFilter {
        ids: query.ids("id")?,
        institutions: query.any_of("institution")?.map(owned),
        access_mode: query.choice("access_mode", AccessMode::parse)?,
        statuses: query.choices("status", LinkStatus::parse)?,
        refresh_rate: query.get("refresh_rate").map(|rate| match rate {
            "null" => None,
            rate => Some(rate.to_owned()),
        }),
        institution_user_ids: query.any_of("institution_user_id")?.map(owned),
        external_ids: external_ids.map(index),
        not_created_by: query.id_list("created_by__not_in")?,
        created: span::created(query)?,
    })
}
