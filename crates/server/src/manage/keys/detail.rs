//! `GET /manage/v1/keys/{id}/`

use axum::Json;
use axum::extract::State;

use crate::App;
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::keys::KeyStatus;
use crate::openapi::IdInPath;

/// A key by its Secret ID, without its password.
#[utoipa::path(
    get, path = "/manage/v1/keys/{id}/", tag = "keys", operation_id = "DetailKey",
    params(IdInPath),
    responses((status = 200, description = "The key", body = KeyStatus))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<KeyStatus>, ApiError> {
    let workspace = caller.workspace.id;
    let key = app.store().read(move |tx| tx.listed_api_key(workspace, id)).await?;
    Ok(Json(KeyStatus::of(&key.ok_or_else(ApiError::not_found)?, app.now_micros())?))
}
