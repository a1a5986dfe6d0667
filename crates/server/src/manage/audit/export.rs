//! `GET /manage/v1/audit/export/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::{AuditAction, AuditFilter, WorkspaceId};

use super::{AuditFilters, bring_up_to_date, filter};
use crate::App;
use crate::api::page::PageQuery;
use crate::api::slices::{self, Slice};
use crate::audit::{Entry, SLICE, Teller, ToldEntry};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::CreatedParams;

/// The audit log of the workspace as JSON Lines, oldest first, as it was when the export began. The
/// export is noted too.
#[utoipa::path(
    get, path = "/manage/v1/audit/export/", tag = "audit", operation_id = "ExportAudit",
    params(AuditFilters, CreatedParams),
    responses((
        status = 200, description = "One entry a line",
        body = ToldEntry, content_type = "application/x-ndjson"
    ))
)]
pub(crate) async fn export(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let filter = filter(&page.query)?;
    let (trail, writer) = (caller.trail, app.clone());
    let entry = Entry::of(AuditAction::AuditExported);
    app.store().write(move |tx| trail.note(tx, &writer, entry)).await?;
    bring_up_to_date(&app).await?;
    let workspace = Some(caller.workspace.id);
    let slice = move |after| entries(app.clone(), (workspace, filter.clone()), after);
    Ok(slices::answer("application/x-ndjson", "an export of the audit log", slice))
}

async fn entries(
    app: App,
    (workspace, filter): (Option<WorkspaceId>, AuditFilter),
    after: i64,
) -> Result<Slice, ApiError> {
    let read = app.store().read(move |tx| tx.audit_entries_after(workspace, &filter, after, SLICE));
    let slice = read.await?;
    let after = slice.last().map(|last| last.id).filter(|_| slice.len() as i64 == SLICE);
    Ok((Teller::new(&app)?.lines(slice)?, after))
}
