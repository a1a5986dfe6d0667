//! `DELETE /api/owners/{id}/`

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
    delete, path = "/api/owners/{id}/", tag = "owners", operation_id = "DestroyOwner",
    params(IdInPath),
    responses((status = 204, description = "Removed"))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    objects::delete(&app, &caller, Resource::Owners, id).await
}
