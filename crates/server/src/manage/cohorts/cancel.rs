//! `DELETE /manage/v1/cohorts/{id}/`

use axum::Json;
use axum::extract::State;
use uuid::Uuid;
use vinculo_store::{AuditAction, Job, WorkspaceId};

use crate::App;
use crate::api::query::PathId;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::cohorts::CohortStatus;
use crate::error::ApiError;
use crate::openapi::IdInPath;

/// Cancels the rows of a cohort that wait. Links that were made stay, and are filled; the cohort and
/// its results can be read as before. Nothing happens to one that has ended.
#[utoipa::path(
    delete, path = "/manage/v1/cohorts/{id}/", tag = "cohorts", operation_id = "CancelCohort",
    params(IdInPath),
    responses((status = 200, description = "The cohort", body = CohortStatus))
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<CohortStatus>, ApiError> {
    Ok(Json(stop(&app, caller.trail, caller.workspace.id, id).await?))
}

/// Cancels what waits of a cohort.
///
/// # Errors
/// 404 when there is none.
pub(crate) async fn stop(
    app: &App,
    trail: Trail,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<CohortStatus, ApiError> {
    let writer = app.clone();
    let cancelled = app.store().write(move |tx| {
        let cohort = tx.cohort(workspace, id)?.ok_or_else(ApiError::not_found)?;
        let now = writer.now_micros();
        tx.lock_workspace(workspace)?;
        if tx.cancel_cohort(cohort.id, now)? {
            tx.enqueue(Job::WorkCohorts(workspace), now, now)?;
        }
        trail.note(tx, &writer, Entry::of(AuditAction::CohortCancelled).object(id))?;
        let cohort = tx.cohort(workspace, id)?.ok_or_else(ApiError::not_found)?;
        Ok::<_, ApiError>(CohortStatus::of(&cohort))
    });
    cancelled.await
}
