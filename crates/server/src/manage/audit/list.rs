//! `GET /manage/v1/audit/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::AuditAction;

use super::{AuditFilters, bring_up_to_date, filter};
use crate::App;
use crate::api::page::PageQuery;
use crate::audit::{Entry, Teller, ToldEntry};
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
    bring_up_to_date(&app).await?;
    let (workspace, request) = (caller.workspace.id, page.request());
    let found = app.store().read(move |tx| tx.audit_entries(workspace, &filter, request)).await?;
    let entry = Entry::of(AuditAction::AuditRead).objects(found.rows.len() as i64);
    caller.trail.read_one(&app, entry).await?;
    let mut teller = Teller::new(&app)?;
    let shown = found.rows.into_iter().map(|entry| {
        let told = teller.tell(entry)?;
        Ok::<_, ApiError>(serde_json::to_vec(&told)?)
    });
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}
