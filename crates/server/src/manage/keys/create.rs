//! `POST /manage/v1/keys/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::holder::Holder;
use super::wire::{KeyRequest, KeyWithPassword, Wanted, with_password};
use crate::App;
use crate::api::body::OptionalJsonObject;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::keys::{self, KeyStatus, Terms};
use crate::once::Once;
use crate::openapi::OnceParams;

/// Makes a key; its password is shown once.
///
/// The new key holds no scope, no address and no time that the key of the request does not hold.
#[utoipa::path(
    post, path = "/manage/v1/keys/", tag = "keys", operation_id = "CreateKey",
    request_body(content = Option<KeyRequest>),
    params(OnceParams),
    responses((status = 201, description = "The key", body = KeyWithPassword))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Response, ApiError> {
    let wanted = Wanted::read(&body, app.now_micros())?;
    let attempt = once.of(&app, &caller, body.raw())?;
    let terms = wanted.onto(Terms::unlimited(String::new()));
    let writer = app.clone();
    attempt
        .write_apart(&app, StatusCode::CREATED, move |tx| {
            Holder::of(tx, &caller)?.may_give(&terms)?;
            let workspace = caller.workspace.id;
            let secrets = writer.secrets(workspace)?;
            let made = keys::insert(tx, &writer, &caller.trail, &secrets, &terms)?;
            let key = tx.listed_api_key(workspace, made.secret_id)?;
            let key = key.ok_or_else(|| ApiError::unexpected("a key that was made is gone"))?;
            with_password(KeyStatus::of(&key, writer.now_micros())?, made.secret_password)
        })
        .await
}
