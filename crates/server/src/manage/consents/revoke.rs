//! `POST /manage/v1/consents/{id}/revoke/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_store::AuditAction;

use super::wanted::{self, Revocation};
use super::wire::{self, WireConsent};
use crate::App;
use crate::api::body::OptionalJsonObject;
use crate::api::page::json;
use crate::api::query::PathId;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::consents::{self, RevocationContents};
use crate::error::ApiError;
use crate::once::{Claim, Once};
use crate::openapi::{IdInPath, OnceParams};

/// Takes a consent back, and adds the receipt of that to the chain of the workspace.
///
/// Unless another consent of the person holds, nothing is fetched or shown from now on. A consent that was taken back
/// before stays as it is.
#[utoipa::path(
    post, path = "/manage/v1/consents/{id}/revoke/", tag = "consents", operation_id = "RevokeConsent",
    request_body = Option<Revocation>,
    params(IdInPath, OnceParams),
    responses((status = 200, description = "The consent", body = WireConsent))
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    once: Once,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Response, ApiError> {
    let said = wanted::revocation(&body)?;
    let attempt = once.of(&app, &caller, body.raw())?;
    attempt.run(|claim| take_back(app, caller, id, said, claim)).await
}

async fn take_back(
    app: App,
    caller: Caller,
    id: Uuid,
    said: RevocationContents,
    claim: Claim,
) -> Result<Response, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    let writer = app.clone();
    let body = app.store().write(move |tx| {
        let consent = consents::revoke(tx, &writer, &secrets, id, &said)?;
        let entry = Entry::of(AuditAction::ConsentRevoked).person(consent.subject);
        caller.trail.note(tx, &writer, entry.object(consent.uuid))?;
        wire::written(tx, &writer, &consent, &claim, StatusCode::OK)
    });
    Ok(json(StatusCode::OK, body.await?))
}
