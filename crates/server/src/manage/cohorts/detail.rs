//! `GET /manage/v1/cohorts/{id}/`

use axum::Json;
use axum::extract::State;
use uuid::Uuid;
use vinculo_store::{AuditAction, Cohort, WorkspaceId};

use crate::App;
use crate::api::query::PathId;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::cohorts::CohortStatus;
use crate::error::ApiError;
use crate::openapi::IdInPath;

/// How far a cohort has come.
#[utoipa::path(
    get, path = "/manage/v1/cohorts/{id}/", tag = "cohorts", operation_id = "DetailCohort",
    params(IdInPath),
    responses((status = 200, description = "The cohort", body = CohortStatus))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<CohortStatus>, ApiError> {
    let cohort = read_one(&app, &caller.trail, caller.workspace.id, id).await?;
    Ok(Json(CohortStatus::of(&cohort)))
}

/// One cohort that is about to be shown.
///
/// # Errors
/// 404 when there is none, and when it cannot be noted.
pub(crate) async fn read_one(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<Cohort, ApiError> {
    let cohort = app.store().read(move |tx| tx.cohort(workspace, id)).await?;
    let cohort = cohort.ok_or_else(ApiError::not_found)?;
    trail.read_one(app, Entry::of(AuditAction::CohortsRead).object(id)).await?;
    Ok(cohort)
}
