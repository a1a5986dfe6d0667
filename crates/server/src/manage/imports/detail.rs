//! `GET /manage/v1/imports/{id}/`

use axum::Json;
use axum::extract::State;
use uuid::Uuid;
use vinculo_store::{AuditAction, WorkspaceId};

use crate::App;
use crate::api::query::PathId;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::imports::{self, ImportStatus};
use crate::openapi::IdInPath;

/// How far an import has come, with its report.
#[utoipa::path(
    get, path = "/manage/v1/imports/{id}/", tag = "imports", operation_id = "DetailImport",
    params(IdInPath),
    responses((status = 200, description = "The import", body = ImportStatus))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<ImportStatus>, ApiError> {
    Ok(Json(read_one(&app, &caller.trail, caller.workspace.id, id).await?))
}

/// One import that is about to be shown, with its report.
///
/// # Errors
/// 404 when there is none, and when it cannot be noted.
pub(crate) async fn read_one(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<ImportStatus, ApiError> {
    let import = app.store().read(move |tx| tx.import_by_uuid(workspace, id)).await?;
    let import = import.ok_or_else(ApiError::not_found)?;
    trail.read_one(app, Entry::of(AuditAction::ImportsRead).object(id)).await?;
    imports::status(app, &import)
}
