//! `POST /manage/v1/imports/`

use std::io::ErrorKind;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use vinculo_store::{AuditAction, ImportId, Tx, WorkspaceId};

use super::upload::upload;
use crate::App;
use crate::api::page::{PageQuery, json};
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem, item_of_status};
use crate::imports::{self, ImportStatus, ReceiveError, ReceivedFile, Spooled};
use crate::once::{Claim, Once};
use crate::openapi::{File, OnceParams};

/// Takes a planilla or a payer record, as it is, in the body.
///
/// Checking and storing happen in the background; a file that is there already is answered with its first import.
#[utoipa::path(
    post, path = "/manage/v1/imports/", tag = "imports", operation_id = "CreateImport",
    params(
        ("name" = Option<String>, Query, description = "Name of the file, for people"),
        ("allow" = Option<String>, Query, description = "Rules about totals that may pass: header_payroll_total, header_total_contributors"),
        OnceParams,
    ),
    request_body(content = inline(File), content_type = "application/octet-stream"),
    responses((status = 202, description = "Received", body = ImportStatus))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
    once: Once,
    body: Body,
) -> Result<Response, ApiError> {
    let allowed = page.query.list("allow").unwrap_or_default();
    let name = page.query.get("name").unwrap_or("upload");
    let file = ReceivedFile::new(name, &allowed).map_err(|error| {
        let item = ErrorItem::field("invalid_choice", "allow", error.to_string());
        ApiError::bad_request(vec![item])
    })?;
    let spooled = spool(&app, caller.workspace.id, body).await?;
    // The file itself went by: its digest stands for it.
    let attempt = once.of(&app, &caller, &spooled.sha256())?;
    attempt.run(|claim| store(app, caller.trail, file, spooled, claim)).await
}

/// Reads a body to its end into the spool.
///
/// # Errors
/// 413 for a file that is too large, 408 when it comes too slowly.
pub(crate) async fn spool(
    app: &App,
    workspace: WorkspaceId,
    body: Body,
) -> Result<Spooled, ApiError> {
    let (contents, sent) = upload(body);
    let spooled = imports::spool_file(app, workspace, contents);
    let (spooled, ()) = tokio::join!(spooled, sent);
    spooled.map_err(refusal)
}

async fn store(
    app: App,
    trail: Trail,
    file: ReceivedFile,
    spooled: Spooled,
    claim: Claim,
) -> Result<Response, ApiError> {
    let reader = app.clone();
    let stored = imports::store_import(&app, file, spooled, move |tx, (id, _)| {
        let body = serde_json::to_vec(&received(tx, &reader, &trail, id)?)?;
        claim.record(tx, StatusCode::ACCEPTED, &body, None)?;
        Ok(body)
    });
    Ok(json(StatusCode::ACCEPTED, stored.await?))
}

/// Notes, in the transaction that stores it, who brought an import, and tells how it stands.
///
/// # Errors
/// When the database fails.
pub(crate) fn received(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    id: ImportId,
) -> Result<ImportStatus, ApiError> {
    let import = tx.import(id)?;
    let import = import.ok_or_else(|| ApiError::unexpected("a received import is gone"))?;
    trail.note(tx, app, Entry::of(AuditAction::ImportCreated).object(import.uuid))?;
    imports::status(app, &import)
}

fn refusal(error: ReceiveError) -> ApiError {
    let status = match error {
        ReceiveError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ReceiveError::Spool(error) if error.kind() == ErrorKind::TimedOut => {
            StatusCode::REQUEST_TIMEOUT
        }
        ReceiveError::Spool(error) if error.kind() == ErrorKind::ConnectionAborted => {
            StatusCode::BAD_REQUEST
        }
        other => return ApiError::unexpected(other),
    };
    let item = item_of_status(status, &http::Method::POST);
    ApiError::status(status, item.code, item.message)
}
