//! `POST /manage/v1/subjects/admit/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use vinculo_pila::Document;
use vinculo_store::AuditAction;

use super::wire::{ErasureReceipt, PersonOfDocument, person, spellings};
use crate::App;
use crate::api::body::JsonObject;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::once::Once;
use crate::openapi::OnceParams;

/// What imports do with lines about a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AdmittedPerson {
    /// Whether imports passed over the person until now.
    changed: bool,
    /// The receipt of the last erasure; null when there was never one.
    receipt: Option<ErasureReceipt>,
}

/// Lets imports take lines about an erased person again: somebody gave a new consent.
///
/// What was erased does not come back; files that are imported from now on count.
#[utoipa::path(
    post, path = "/manage/v1/subjects/admit/", tag = "subjects", operation_id = "AdmitSubject",
    request_body = PersonOfDocument,
    params(OnceParams),
    responses((status = 200, description = "What imports do now", body = AdmittedPerson))
)]
pub(crate) async fn admit(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let person = person(&body)?;
    let attempt = once.of(&app, &caller, body.raw())?;
    let workspace = caller.workspace.id;
    let secrets = app.secrets(workspace)?;
    let (now, writer) = (app.now_micros(), app.clone());
    attempt
        .write(&app, StatusCode::OK, move |tx| {
            let (mut changed, mut receipt) = (false, None);
            for Document { kind, number } in spellings(&person) {
                let person = secrets.indexes().erased_person(kind.code(), &number);
                changed |= tx.admit_person(workspace, &person, now)?;
                receipt = receipt.or(tx.erasure(workspace, &person)?);
            }
            caller.trail.note(tx, &writer, Entry::of(AuditAction::SubjectAdmitted))?;
            Ok(AdmittedPerson { changed, receipt: receipt.as_ref().map(ErasureReceipt::of) })
        })
        .await
}
