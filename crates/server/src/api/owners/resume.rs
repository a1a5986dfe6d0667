//! `PATCH /api/owners/`

use axum::extract::State;

use crate::App;
use crate::api::body::JsonObject;
use crate::api::resume::{self, Resume};
use crate::auth::Caller;
use crate::error::ApiError;

/// Resumes a retrieval that stopped at a second factor: PILA has none, so the session is always
/// over.
#[utoipa::path(
    patch, path = "/api/owners/", tag = "owners", request_body = Resume,
    responses(
        (status = 400, description = "Invalid fields, or session_expired"),
        (status = 401), (status = 404)
    )
)]
pub(crate) async fn resume(
    State(app): State<App>,
    caller: Caller,
    body: JsonObject,
) -> Result<(), ApiError> {
    resume::refuse(&app, &caller, &body).await
}
