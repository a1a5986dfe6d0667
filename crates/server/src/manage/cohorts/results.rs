//! `GET /manage/v1/cohorts/{id}/results/`

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;
use vinculo_store::{AuditAction, CohortId, WorkspaceId};

use crate::App;
use crate::api::query::PathId;
use crate::api::slices::{self, Slice};
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::cohorts::{RESULT_HEADER, SLICE, result_lines};
use crate::error::ApiError;
use crate::openapi::{File, IdInPath};

/// What became of each row so far: its line in the file, its state, its link, and why there is none.
/// The line stands for the person; neither documents nor references are repeated.
#[utoipa::path(
    get, path = "/manage/v1/cohorts/{id}/results/", tag = "cohorts", operation_id = "CohortResults",
    params(IdInPath),
    responses((
        status = 200, description = "One row a line, after a header",
        body = inline(File), content_type = "text/csv"
    ))
)]
pub(crate) async fn results(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    download(&app, &caller.trail, caller.workspace.id, id).await
}

/// The results of a cohort as a file.
///
/// # Errors
/// 404 when there is none, and when it cannot be noted.
pub(crate) async fn download(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<Response, ApiError> {
    let cohort = app.store().read(move |tx| tx.cohort(workspace, id)).await?;
    let cohort = cohort.ok_or_else(ApiError::not_found)?;
    let entry = Entry::of(AuditAction::CohortsRead).object(id).objects(cohort.counts.total);
    trail.read_one(app, entry).await?;
    let (app, cohort) = (app.clone(), cohort.id);
    let slice = move |after| rows(app.clone(), cohort, after);
    Ok(slices::answer("text/csv; charset=utf-8", "the results of a cohort", slice))
}

async fn rows(app: App, cohort: CohortId, after: i64) -> Result<Slice, ApiError> {
    let slice = app.store().read(move |tx| tx.cohort_results(cohort, after, SLICE)).await?;
    let header = if after == 0 { RESULT_HEADER } else { "" };
    let lines = format!("{header}{}", result_lines(&slice));
    let after = slice.last().map(|last| last.line).filter(|_| slice.len() as i64 == SLICE);
    Ok((lines.into_bytes(), after))
}
