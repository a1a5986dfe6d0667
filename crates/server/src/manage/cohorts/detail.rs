//! `GET /manage/v1/cohorts/{id}/`

use axum::Json;
use axum::extract::State;
use vinculo_store::AuditAction;

use crate::App;
use crate::api::query::PathId;
use crate::audit::Entry;
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
    let workspace = caller.workspace.id;
    let cohort = app.store().read(move |tx| tx.cohort(workspace, id)).await?;
    let cohort = cohort.ok_or_else(ApiError::not_found)?;
    caller.trail.read_one(&app, Entry::of(AuditAction::CohortsRead).object(id)).await?;
    Ok(Json(CohortStatus::of(&cohort)))
}
