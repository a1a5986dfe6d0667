//! `GET /api/links/{id}/`

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use vinculo_store::AuditAction;

use super::schema::Link;
use super::wire;
use crate::App;
use crate::api::page::json;
use crate::api::query::Query;
use crate::api::shape::Shape;
use crate::audit::Entry;
use crate::error::ApiError;
use crate::openapi::{IdInPath, Partial, ShapeParams};
use crate::permit::{OnLink, ReadLinks};

type Shown = Partial<Link>;

/// One link by its id.
#[utoipa::path(
    get, path = "/api/links/{id}/", tag = "links", operation_id = "DetailLink",
    security(("keys" = []), ("widget" = [])),
    params(IdInPath, ShapeParams),
    responses((status = 200, description = "The link", body = Shown))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: OnLink<ReadLinks>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let (workspace, id) = (caller.workspace.id, caller.id);
    let found = app.store().read(move |tx| tx.link(workspace, id)).await?;
    let link = found.ok_or_else(ApiError::not_found)?;
    let entry = Entry::of(AuditAction::LinksRead).link(&link);
    caller.trail.read_one(&app, entry).await?;
    let document = wire::document(app.all_secrets().vault(), &link)?;
    let shape = Shape::of(&Query::parse(query.as_deref().unwrap_or_default()));
    Ok(json(StatusCode::OK, shape.apply(document)?))
}
