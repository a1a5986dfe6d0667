//! `POST /manage/v1/webhook-endpoints/{id}/test/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::write_once;
use crate::App;
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::once::Once;
use crate::openapi::{IdInPath, OnceParams};
use crate::webhooks;

/// A test on its way.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestSent {
    /// The `webhook_id` of the event.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    event: String,
}

/// Sends the endpoint an event of type `TEST`, as any other is sent.
#[utoipa::path(
    post, path = "/manage/v1/webhook-endpoints/{id}/test/", tag = "webhooks",
    operation_id = "TestWebhookEndpoint",
    params(IdInPath, OnceParams),
    responses(
        (status = 202, description = "On its way", body = TestSent),
        (status = 400, description = "An Idempotency-Key that is none"),
        (status = 409, description = "The endpoint is disabled, or the key was used for another request")
    )
)]
pub(crate) async fn test(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    once: Once,
) -> Result<Response, ApiError> {
    let attempt = once.of(&app, &caller, b"")?;
    write_once(app, caller, attempt, StatusCode::ACCEPTED, move |tx, app, trail, secrets| {
        Ok(TestSent { event: webhooks::test(tx, app, trail, secrets, id)?.simple().to_string() })
    })
    .await
}
