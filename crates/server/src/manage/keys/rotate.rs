//! `POST /manage/v1/keys/{id}/rotate/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::holder::Holder;
use super::wire::{KeyWithPassword, time_to_come, with_password};
use crate::App;
use crate::api::body::{Fields, OptionalJsonObject};
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::keys::{self, KeyStatus};
use crate::once::Once;
use crate::openapi::{IdInPath, OnceParams};

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "old_password_until": "2027-01-31T00:00:00Z" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct RotateKey {
    /// When the old password stops opening the key; until it is retired when not given.
    #[schema(format = DateTime)]
    old_password_until: Option<String>,
}

/// Gives a key another password, shown once. Both open it until the old one is retired.
///
/// While two passwords open a key there is no third.
#[utoipa::path(
    post, path = "/manage/v1/keys/{id}/rotate/", tag = "keys", operation_id = "RotateKey",
    request_body(content = Option<RotateKey>),
    params(IdInPath, OnceParams),
    responses((status = 200, description = "The key", body = KeyWithPassword))
)]
pub(crate) async fn rotate(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    PathId(id): PathId,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Response, ApiError> {
    let mut fields = Fields::new(&body);
    let old_until = time_to_come(&mut fields, "old_password_until", app.now_micros());
    fields.finish()?;
    let attempt = once.of(&app, &caller, body.raw())?;
    let writer = app.clone();
    attempt
        .write_apart(&app, StatusCode::OK, move |tx| {
            let (key, _) = Holder::of(tx, &caller)?.find(tx, id)?;
            let secrets = writer.secrets(caller.workspace.id)?;
            let password = keys::rotate(tx, &writer, &caller.trail, &secrets, &key, old_until)?;
            let key = tx.listed_api_key_by_id(key.id)?.ok_or_else(ApiError::not_found)?;
            with_password(KeyStatus::of(&key, writer.now_micros())?, password)
        })
        .await
}
