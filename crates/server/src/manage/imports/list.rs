//! `GET /manage/v1/imports/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::{AuditAction, PageRequest, WorkspaceId};

use crate::App;
use crate::api::page::PageQuery;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::imports::{self, ImportStatus};
use crate::openapi::{Page, PageParams};

type Imports = Page<ImportStatus>;

/// Imports of the workspace, newest first, without their reports.
#[utoipa::path(
    get, path = "/manage/v1/imports/", tag = "imports", operation_id = "ListImports",
    params(PageParams),
    responses((status = 200, description = "A page", body = Imports))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let found = read(&app, &caller.trail, caller.workspace.id, page.request()).await?;
    let shown = found.rows.iter().map(serde_json::to_vec);
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}

/// A page of imports that is about to be shown.
///
/// # Errors
/// When the database fails, or it cannot be noted.
pub(crate) async fn read(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    request: PageRequest,
) -> Result<vinculo_store::Page<ImportStatus>, ApiError> {
    let found = app.store().read(move |tx| tx.imports(workspace, request)).await?;
    let entry = Entry::of(AuditAction::ImportsRead).objects(found.rows.len() as i64);
    trail.read_one(app, entry).await?;
    let shown = found.rows.into_iter().map(|mut import| {
        import.report = None;
        imports::status(app, &import)
    });
    Ok(vinculo_store::Page { count: found.count, rows: shown.collect::<Result<_, _>>()? })
}
