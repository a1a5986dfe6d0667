//! `GET /manage/v1/retention/`: what is old and about to go, and what has gone.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::jobs::{RuleStatus, retention_report};

/// Every rule of the workspace.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retention {
    rules: Vec<RuleStatus>,
}

/// What every rule would remove now, and what it has removed. Nothing is removed by asking.
#[utoipa::path(
    get, path = "/manage/v1/retention/", tag = "settings", operation_id = "ReadRetention",
    responses((status = 200, description = "The rules", body = Retention))
)]
pub(crate) async fn report(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Retention>, ApiError> {
    let rules = retention_report(&app, Some(caller.workspace.id)).await?;
    Ok(Json(Retention { rules }))
}
