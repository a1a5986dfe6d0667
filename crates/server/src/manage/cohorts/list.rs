//! `GET /manage/v1/cohorts/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::AuditAction;

use crate::App;
use crate::api::page::PageQuery;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::cohorts::CohortStatus;
use crate::error::ApiError;
use crate::openapi::{Page, PageParams};

type Cohorts = Page<CohortStatus>;

/// Cohorts of the workspace, newest first.
#[utoipa::path(
    get, path = "/manage/v1/cohorts/", tag = "cohorts", operation_id = "ListCohorts",
    params(PageParams),
    responses((status = 200, description = "A page", body = Cohorts))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let (workspace, request) = (caller.workspace.id, page.request());
    let found = app.store().read(move |tx| tx.cohorts(workspace, request)).await?;
    let entry = Entry::of(AuditAction::CohortsRead).objects(found.rows.len() as i64);
    caller.trail.read_one(&app, entry).await?;
    let shown = found.rows.iter().map(|cohort| serde_json::to_vec(&CohortStatus::of(cohort)));
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}
