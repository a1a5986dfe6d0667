//! `GET /api/institutions/{id}/`

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use super::Institution;
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
    _caller: Permitted<ReadInstitutions>,
    id: Result<Path<i32>, PathRejection>,
) -> Result<Json<Institution>, ApiError> {
    let pila = Institution::pila();
    if id.is_ok_and(|Path(id)| id == pila.id) { Ok(Json(pila)) } else { Err(ApiError::not_found()) }
}
