//! `PATCH /manage/v1/keys/{id}/`

use axum::extract::State;
use axum::{Extension, Json};
use vinculo_store::AuditAction;

use super::holder::{Holder, keeps_itself};
use super::wire::{KeyRequest, Wanted};
use crate::App;
use crate::api::body::OptionalJsonObject;
use crate::api::query::PathId;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::client::Client;
use crate::error::ApiError;
use crate::keys::KeyStatus;
use crate::openapi::IdInPath;

/// Changes what a key is called, opens, and may be used from and until; what is not named stays.
///
/// A key cannot take from itself what it is being used with.
#[utoipa::path(
    patch, path = "/manage/v1/keys/{id}/", tag = "keys", operation_id = "ChangeKey",
    request_body = Option<KeyRequest>,
    params(IdInPath),
    responses((status = 200, description = "The key", body = KeyStatus))
)]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    Extension(client): Extension<Client>,
    PathId(id): PathId,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Json<KeyStatus>, ApiError> {
    let now = app.now_micros();
    let wanted = Wanted::read(&body, now)?;
    let writer = app.clone();
    let changed = app.store().write(move |tx| {
        let holder = Holder::of(tx, &caller)?;
        let (key, before) = holder.find(tx, id)?;
        let terms = wanted.onto(before);
        holder.may_give(&terms)?;
        if holder.is(&key) {
            keeps_itself(&terms, client.address)?;
        }
        let entry = Entry::of(AuditAction::KeyChanged).object(id);
        caller.trail.note(tx, &writer, entry)?;
        tx.set_api_key_terms(key.id, &terms.to_stored())?;
        tx.listed_api_key_by_id(key.id)?.ok_or_else(ApiError::not_found)
    });
    Ok(Json(KeyStatus::of(&changed.await?, now)?))
}
