//! `DELETE /api/co/employments/{id}/`

use axum::extract::State;
use http::StatusCode;
use vinculo_store::Resource;

use crate::App;
use crate::api::objects;
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::IdInPath;

/// Removes one object; its link and its other objects stay (contract 6.6).
#[utoipa::path(
    delete, path = "/api/co/employments/{id}/", tag = "employments", operation_id = "destroyEmploymentColombia",
    params(IdInPath),
    responses((status = 204, description = "Removed"))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    objects::delete(&app, &caller, Resource::Employments, id).await
}
