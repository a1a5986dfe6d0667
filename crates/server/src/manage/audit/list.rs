//! `GET /manage/v1/audit/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::{AuditAction, AuditFilter, PageRequest, WorkspaceId};

use super::{AuditFilters, bring_up_to_date, filter};
use crate::App;
use crate::api::page::PageQuery;
use crate::audit::{Entry, Teller, ToldEntry, Trail};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{CreatedParams, Page, PageParams};

type Entries = Page<ToldEntry>;

/// Who read or changed what in the workspace, newest first. Looking is noted too.
#[utoipa::path(
    get, path = "/manage/v1/audit/", tag = "audit", operation_id = "ListAudit",
    params(AuditFilters, CreatedParams, PageParams),
    responses((status = 200, description = "A page", body = Entries))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let filter = filter(&page.query)?;
    let workspace = caller.workspace.id;
    let found = read(&app, &caller.trail, workspace, filter, page.request()).await?;
    let shown = found.rows.iter().map(serde_json::to_vec);
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}

/// A page of entries that is about to be shown.
///
/// # Errors
/// When the database fails, or it cannot be noted.
pub(crate) async fn read(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    filter: AuditFilter,
    request: PageRequest,
) -> Result<vinculo_store::Page<ToldEntry>, ApiError> {
    bring_up_to_date(app).await?;
    let found = app.store().read(move |tx| tx.audit_entries(workspace, &filter, request)).await?;
    let entry = Entry::of(AuditAction::AuditRead).objects(found.rows.len() as i64);
    trail.read_one(app, entry).await?;
    let mut teller = Teller::new(app)?;
    let rows = found.rows.into_iter().map(|entry| teller.tell(entry));
    Ok(vinculo_store::Page { count: found.count, rows: rows.collect::<Result<_, _>>()? })
}
