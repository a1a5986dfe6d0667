//! `GET /api/links/{id}/`

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;

use super::wire::{self, WireLink};
use crate::App;
use crate::api::page::json;
use crate::api::query::Query;
use crate::api::shape::Shape;
use crate::error::ApiError;
use crate::permit::{OnLink, ReadLinks};

/// One link by its id.
#[utoipa::path(
    get, path = "/api/links/{id}/", tag = "links",
    params(
        ("id" = uuid::Uuid, Path, description = "Id of the link"),
        ("fields" = Option<String>, Query, description = "Keys to show"),
        ("omit" = Option<String>, Query, description = "Keys not to show"),
    ),
    responses((status = 200, body = WireLink<'static>), (status = 401), (status = 404))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: OnLink<ReadLinks>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let (workspace, id) = (caller.workspace.id, caller.id);
    let found = app.store().read(move |tx| tx.link(workspace, id)).await?;
    let link = found.ok_or_else(ApiError::not_found)?;
    let document = wire::document(app.all_secrets().vault(), &link)?;
    let shape = Shape::of(&Query::parse(query.as_deref().unwrap_or_default()));
    Ok(json(StatusCode::OK, shape.apply(document)?))
}
