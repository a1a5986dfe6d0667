//! `POST /manage/v1/consents/revoke/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{AuditAction, Tx};

use super::wanted::{self, PersonRevocation};
use super::wire::WireReceipt;
use crate::App;
use crate::api::body::JsonObject;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::consents::{self, RevocationContents};
use crate::error::ApiError;
use crate::manage::subjects::spellings;
use crate::once::Once;
use crate::openapi::OnceParams;

/// What a person has taken back.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokedConsents {
    /// The consents that were taken back now; none when there was none that was not.
    revoked: Vec<RevokedConsent>,
}

/// One of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokedConsent {
    /// Its id.
    id: Uuid,
    /// Its places in the chain of the workspace.
    receipts: Vec<WireReceipt>,
}

/// Takes every consent of a person back that was not, also those whose time is over, and adds the
/// receipts of that to the chain of the workspace.
///
/// Nothing is fetched or shown from now on, until a consent is given anew.
#[utoipa::path(
    post, path = "/manage/v1/consents/revoke/", tag = "consents", operation_id = "RevokeConsentsOfPerson",
    request_body = PersonRevocation,
    params(OnceParams),
    responses((status = 200, description = "What was taken back", body = RevokedConsents))
)]
pub(crate) async fn revoke_all(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let (person, said) = wanted::person_revocation(&body)?;
    let attempt = once.of(&app, &caller, body.raw())?;
    let writer = app.clone();
    attempt
        .write(&app, StatusCode::OK, move |tx| {
            let secrets = writer.secrets(caller.workspace.id)?;
            let mut all = Vec::new();
            // In the order of all others: first every person, then the workspace.
            for document in spellings(&person) {
                let (kind, number) = (document.kind.code(), &document.number);
                let index = secrets.indexes().lookup_document(kind, number);
                if let Some(subject) = tx.subject(caller.workspace.id, &index)? {
                    tx.lock_subject(subject.id)?;
                    all.extend(tx.allowed_by(subject.id)?);
                }
            }
            let mut answer = RevokedConsents::default();
            for allowed in all.iter().filter(|allowed| allowed.revoked_at.is_none()) {
                answer.revoked.push(revoke(tx, &writer, &caller, allowed.consent, &said)?);
            }
            if answer.revoked.is_empty() {
                // That somebody asked for it is told all the same.
                let entry = Entry::of(AuditAction::ConsentRevoked).objects(0);
                caller.trail.note(tx, &writer, entry)?;
            }
            Ok(answer)
        })
        .await
}

fn revoke(
    tx: &mut Tx<'_>,
    app: &App,
    caller: &Caller,
    id: Uuid,
    said: &RevocationContents,
) -> Result<RevokedConsent, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    let consent = consents::revoke(tx, app, &secrets, id, said)?;
    let entry = Entry::of(AuditAction::ConsentRevoked).person(consent.subject).object(id);
    caller.trail.note(tx, app, entry)?;
    let receipts = tx.receipts_of_consents(consent.workspace, &[id])?;
    let receipts = receipts.iter().map(WireReceipt::of).collect::<Result<_, _>>()?;
    Ok(RevokedConsent { id, receipts })
}
