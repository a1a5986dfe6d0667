//! `POST /manage/v1/webhook-endpoints/{id}/test/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use crate::App;
use crate::api::body::OptionalJsonObject;
use crate::api::page::json;
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
        (status = 400),
        (status = 409, description = "The endpoint is disabled, or the key was used for another request")
    )
)]
pub(crate) async fn test(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    once: Once,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Response, ApiError> {
    let attempt = once.of(&app, &caller, body.raw())?;
    attempt
        .run(|claim| async move {
            let (secrets, writer) = (app.secrets(caller.workspace.id)?, app.clone());
            let written = app.store().write(move |tx| {
                let event = webhooks::test(tx, &writer, &secrets, id)?.simple().to_string();
                let body = serde_json::to_vec(&TestSent { event })?;
                claim.record(tx, StatusCode::ACCEPTED, &body, None)?;
                Ok::<_, ApiError>(body)
            });
            Ok(json(StatusCode::ACCEPTED, written.await?))
        })
        .await
}
