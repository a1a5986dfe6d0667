//! `GET /manage/v1/cohorts/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::{AuditAction, PageRequest, WorkspaceId};

use crate::App;
use crate::api::page::PageQuery;
use crate::audit::{Entry, Trail};
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
    let found = read(&app, &caller.trail, caller.workspace.id, page.request()).await?;
    let shown = found.rows.iter().map(serde_json::to_vec);
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}

/// A page of cohorts that is about to be shown.
///
/// # Errors
/// When the database fails, or it cannot be noted.
pub(crate) async fn read(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    request: PageRequest,
) -> Result<vinculo_store::Page<CohortStatus>, ApiError> {
    let found = app.store().read(move |tx| tx.cohorts(workspace, request)).await?;
    let entry = Entry::of(AuditAction::CohortsRead).objects(found.rows.len() as i64);
    trail.read_one(app, entry).await?;
    let rows = found.rows.iter().map(CohortStatus::of).collect();
    Ok(vinculo_store::Page { count: found.count, rows })
}
