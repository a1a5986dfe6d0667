//! `POST /manage/v1/keys/{id}/retire/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::holder::Holder;
use crate::App;
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::keys::{self, KeyStatus};
use crate::once::Once;
use crate::openapi::{IdInPath, OnceParams};

/// Ends a rotation: the old password opens the key no more.
///
/// A request with the old password itself is refused, so that the new one is known to have arrived.
#[utoipa::path(
    post, path = "/manage/v1/keys/{id}/retire/", tag = "keys", operation_id = "RetirePassword",
    params(IdInPath, OnceParams),
    responses(
        (status = 200, description = "The key", body = KeyStatus),
        (status = 400, description = "The request was made with the old password itself")
    )
)]
pub(crate) async fn retire(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let attempt = once.of(&app, &caller, b"")?;
    let (writer, now) = (app.clone(), app.now_micros());
    attempt
        .write(&app, StatusCode::OK, move |tx| {
            let holder = Holder::of(tx, &caller)?;
            let (key, _) = holder.find(tx, id)?;
            if holder.is(&key) && caller.by_old_password {
                let message = "This request uses the old password itself: use the new one.";
                return Err(ApiError::refused("validation_error", message));
            }
            keys::retire(tx, &writer, &caller.trail, &key)?;
            let key = tx.listed_api_key_by_id(key.id)?.ok_or_else(ApiError::not_found)?;
            Ok(KeyStatus::of(&key, now)?)
        })
        .await
}
