//! `DELETE /manage/v1/keys/{id}/`

use axum::extract::State;
use http::StatusCode;

use super::holder::Holder;
use crate::App;
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::keys;
use crate::openapi::IdInPath;

/// Revokes a key: it opens nothing any more. A key cannot revoke itself.
#[utoipa::path(
    delete, path = "/manage/v1/keys/{id}/", tag = "keys", operation_id = "RevokeKey",
    params(IdInPath),
    responses(
        (status = 204, description = "Revoked"),
        (status = 400, description = "The key of the request itself")
    )
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    let writer = app.clone();
    let revoked = app.store().write(move |tx| {
        let holder = Holder::of(tx, &caller)?;
        let (key, _) = holder.find(tx, id)?;
        if holder.is(&key) {
            let message = "This request uses the key itself: revoke it with another one.";
            return Err(ApiError::refused("validation_error", message));
        }
        keys::revoke(tx, &writer, &caller.trail, &key)
    });
    revoked.await?;
    Ok(StatusCode::NO_CONTENT)
}
