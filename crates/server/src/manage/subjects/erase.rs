//! `POST /manage/v1/subjects/erase/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use vinculo_pila::Document;
use vinculo_store::{AuditAction, Erased, NewErasure, Tx};

use super::wire::{ErasureReceipt, PersonOfDocument, person, spellings};
use crate::App;
use crate::api::body::JsonObject;
use crate::api::page::json;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::consents;
use crate::erasure;
use crate::error::ApiError;
use crate::once::{Claim, Once};
use crate::openapi::OnceParams;

/// What became of a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ErasedPerson {
    /// Whether anything was known until now.
    known: bool,
    /// The receipt of this erasure or of the last one before; null when there was never one.
    receipt: Option<ErasureReceipt>,
}

/// Erases a person: destroys the key of everything that is known, and removes it.
///
/// Backups become unreadable for that person. Webhooks that wait are not sent. Imports pass over
/// lines about the person from now on.
#[utoipa::path(
    post, path = "/manage/v1/subjects/erase/", tag = "subjects", operation_id = "EraseSubject",
    request_body = PersonOfDocument,
    params(OnceParams),
    responses((status = 200, description = "What became of the person", body = ErasedPerson))
)]
pub(crate) async fn erase(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let person = person(&body)?;
    let attempt = once.of(&app, &caller, body.raw())?;
    attempt.run(|claim| run(app, caller, person, claim)).await
}

async fn run(
    app: App,
    caller: Caller,
    person: Document,
    claim: Claim,
) -> Result<Response, ApiError> {
    let writer = app.clone();
    let body = app.store().write(move |tx| {
        let body = serde_json::to_vec(&erase_person(tx, &writer, &caller, &person)?)?;
        claim.record(tx, StatusCode::OK, &body, None)?;
        Ok::<_, ApiError>(body)
    });
    let body = body.await?;
    // The erasure stands whatever becomes of this: the key is out of reach for every program.
    if let Err(error) = erasure::scrub(&app).await {
        tracing::warn!(cause = error.cause(), "destroyed keys stay in the log for now");
    }
    Ok(json(StatusCode::OK, body))
}

fn erase_person(
    tx: &mut Tx<'_>,
    app: &App,
    caller: &Caller,
    person: &Document,
) -> Result<ErasedPerson, ApiError> {
    let workspace = caller.workspace.id;
    let secrets = app.secrets(workspace)?;
    let mut forgotten = Vec::new();
    // In the order of all others: first the person, then the workspace, then the rows.
    for document in spellings(person) {
        let index = secrets.indexes().lookup_document(document.kind.code(), &document.number);
        if let Some(subject) = tx.subject(workspace, &index)? {
            tx.lock_subject(subject.id)?;
        }
    }
    tx.lock_workspace(workspace)?;
    for document in spellings(person) {
        let (kind, number) = (document.kind.code(), document.number.as_str());
        let index = secrets.indexes().lookup_document(kind, number);
        let receipt = secrets.indexes().erased_person(kind, number);
        let rows = tx.erase_cohort_rows(workspace, &receipt, app.now_micros())?;
        let erased = tx.erase_person(workspace, &index)?;
        forgotten.push((document, receipt, erased.or((rows > 0).then(Erased::default))));
    }
    let known = forgotten.iter().any(|(_, _, erased)| erased.is_some());
    let (mut entry, mut told) = (Entry::of(AuditAction::SubjectErased), None);
    for (document, person, erased) in forgotten {
        if known {
            let uuid = app.uuid().map_err(ApiError::unexpected)?;
            entry = entry.object(uuid);
            let (erased, erased_at) = (erased.unwrap_or_default(), app.now_micros());
            tx.insert_erasure(&NewErasure { uuid, workspace, person: &person, erased, erased_at })?;
            consents::note_erasure(tx, app, &secrets, &document, uuid)?;
        }
        told = told.or(tx.erasure(workspace, &person)?);
    }
    caller.trail.note(tx, app, entry)?;
    Ok(ErasedPerson { known, receipt: told.as_ref().map(ErasureReceipt::of) })
}
