//! `GET /api/institutions/{id}/`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use super::Institution;
use crate::App;
use crate::error::ApiError;
use crate::permit::{Permitted, ReadInstitutions};

/// One institution by its number.
#[utoipa::path(
    get, path = "/api/institutions/{id}/", tag = "institutions",
    operation_id = "DetailInstitution",
    security(("keys" = []), ("widget" = [])),
    params(("id" = i32, Path, description = "Number of the institution", example = 4001)),
    responses((status = 200, description = "The institution", body = Institution))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Permitted<ReadInstitutions>,
    id: Result<Path<i32>, PathRejection>,
) -> Result<Json<Institution>, ApiError> {
    let pila = Institution::pila(&app, caller.workspace.environment);
    if id.is_ok_and(|Path(id)| id == pila.id) { Ok(Json(pila)) } else { Err(ApiError::not_found()) }
}
