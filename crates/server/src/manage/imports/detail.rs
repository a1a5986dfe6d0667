//! `GET /manage/v1/imports/{id}/`

use axum::Json;
use axum::extract::State;
use vinculo_store::AuditAction;

use crate::App;
use crate::api::query::PathId;
use crate::audit::Entry;
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
    let workspace = caller.workspace.id;
    let import = app.store().read(move |tx| tx.import_by_uuid(workspace, id)).await?;
    let import = import.ok_or_else(ApiError::not_found)?;
    let entry = Entry::of(AuditAction::ImportsRead).object(id);
    caller.trail.read_one(&app, entry).await?;
    Ok(Json(imports::status(&app, &import)?))
}
