//! `GET /api/co/employments/{id}/`

use axum::extract::{RawQuery, State};
use axum::response::Response;
use vinculo_store::Resource;

use crate::App;
use crate::api::objects;
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;

/// One object by its id.
#[utoipa::path(
    get, path = "/api/co/employments/{id}/", tag = "employments",
    params(
        ("id" = uuid::Uuid, Path, description = "Id of the object"),
        ("fields" = Option<String>, Query, description = "Keys to show"),
        ("omit" = Option<String>, Query, description = "Keys not to show"),
    ),
    responses((status = 200), (status = 401), (status = 404))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    objects::detail(&app, &caller, Resource::Employments, id, query.as_deref()).await
}
