//! The listener for operators: metrics and health, apart from what clients can reach.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;

use crate::App;
use crate::error::ApiError;
use crate::health;

/// What Prometheus knows the text as.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/metrics`, `/livez` and `/readyz` until `stop` ends. Nobody is asked for a key: the
/// listener must be one that only operators reach.
///
/// # Errors
/// When the listener fails.
pub async fn serve_metrics(
    app: &App,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .with_state(app.clone());
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn metrics(State(app): State<App>) -> Result<Response, ApiError> {
    let text = app.metrics().read(&app).await.map_err(ApiError::unexpected)?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
