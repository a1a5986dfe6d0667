//! `GET /manage/v1/imports/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::AuditAction;

use crate::App;
use crate::api::page::PageQuery;
use crate::audit::Entry;
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
    let (workspace, request) = (caller.workspace.id, page.request());
    let found = app.store().read(move |tx| tx.imports(workspace, request)).await?;
    let entry = Entry::of(AuditAction::ImportsRead).objects(found.rows.len() as i64);
    caller.trail.read_one(&app, entry).await?;
    let shown = found.rows.into_iter().map(|mut import| {
        import.report = None;
        Ok::<_, ApiError>(serde_json::to_vec(&imports::status(&app, &import)?)?)
    });
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}
