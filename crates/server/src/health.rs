//! Whether the process lives and whether it can serve.

use axum::extract::State;
use http::StatusCode;

use crate::App;
use crate::error::ApiError;

/// `GET /livez`: 200 as long as the process answers.
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// `GET /readyz`: 200 when the database answers, 503 otherwise.
pub(crate) async fn readyz(State(app): State<App>) -> Result<&'static str, ApiError> {
    app.store().read(|tx| tx.pending_work()).await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        ApiError::status(
            StatusCode::SERVICE_UNAVAILABLE,
            "service_unavailable",
            "The database does not answer.",
        )
    })?;
    Ok("ok")
}
