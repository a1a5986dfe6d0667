//! `PATCH /api/owners/`

use axum::extract::State;

use super::schema::Shaped;
use crate::App;
use crate::api::body::JsonObject;
use crate::api::resume::{self, Resume};
use crate::auth::Caller;
use crate::error::ApiError;

/// Resumes a retrieval that stopped at a second factor: PILA has none, so the session is always
/// over.
#[utoipa::path(
    patch, path = "/api/owners/", tag = "owners", operation_id = "PatchOwners",
    request_body = Resume,
    responses(
        (status = 200, description = "The owner; never, as no session is ever open", body = [Shaped]),
        (status = 400, description = "Invalid fields, or session_expired"),
        (status = 404, description = "No such link")
    )
)]
pub(crate) async fn resume(
    State(app): State<App>,
    caller: Caller,
    body: JsonObject,
) -> Result<(), ApiError> {
    resume::refuse(&app, &caller, &body).await
}
