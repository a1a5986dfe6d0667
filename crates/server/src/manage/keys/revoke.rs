//! `DELETE /manage/v1/keys/{id}/`

use axum::extract::State;
use http::StatusCode;
use vinculo_store::AuditAction;

use super::holder::Holder;
use crate::App;
use crate::api::query::PathId;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::error::ApiError;
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
    let (writer, now) = (app.clone(), app.now_micros());
    let revoked = app.store().write(move |tx| {
        let holder = Holder::of(tx, &caller)?;
        let (key, _) = holder.find(tx, id)?;
        if holder.is(&key) {
            let message = "This request uses the key itself: revoke it with another one.";
            return Err(ApiError::refused("validation_error", message));
        }
        caller.trail.note(tx, &writer, Entry::of(AuditAction::KeyRevoked).object(id))?;
        Ok(tx.revoke_api_key(key.id, now)?)
    });
    revoked.await?;
    Ok(StatusCode::NO_CONTENT)
}
