//! `POST /manage/v1/webhook-endpoints/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;

use super::{WebhookType, types, write_once};
use crate::App;
use crate::api::body::{Fields, JsonObject};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::once::Once;
use crate::openapi::OnceParams;
use crate::secrets::WorkspaceSecrets;
use crate::webhooks::{self, EndpointStatus, WantedEndpoint};

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "url": "https://example.com/hooks", "authorization": "Bearer s3cret" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct NewWebhookEndpoint {
    /// Where to send events.
    url: String,
    /// Value of the `Authorization` header; a bare token is sent as `Bearer <token>`.
    authorization: Option<String>,
    /// Types of events to send; all when null or missing.
    #[schema(min_items = 1)]
    webhook_types: Option<Vec<WebhookType>>,
    /// Whether anything is sent, from the beginning on; true when null or missing.
    #[schema(default = true)]
    enabled: Option<bool>,
}

/// Adds an endpoint. The answer shows the secret that its requests are signed with; no other does.
#[utoipa::path(
    post, path = "/manage/v1/webhook-endpoints/", tag = "webhooks",
    operation_id = "CreateWebhookEndpoint",
    request_body = NewWebhookEndpoint,
    params(OnceParams),
    responses((status = 201, description = "The endpoint and its secret", body = EndpointStatus))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let wanted = wanted(&app, None, &body).await?;
    let attempt = once.of(&app, &caller, body.raw())?;
    write_once(app, caller, attempt, StatusCode::CREATED, move |tx, app, trail, secrets| {
        webhooks::add(tx, app, trail, secrets, &wanted)
    })
    .await
}

/// Reads a request, and judges what it names; of the endpoint `of` a workspace, what is new.
///
/// # Errors
/// 400 with every field that is wrong.
pub(crate) async fn wanted(
    app: &App,
    of: Option<(&WorkspaceSecrets, Uuid)>,
    body: &JsonObject,
) -> Result<WantedEndpoint, ApiError> {
    let mut fields = Fields::new(body);
    let url = fields.required_text("url");
    let authorization = fields.optional_text("authorization");
    let types = types(&mut fields);
    let enabled = fields.optional_bool("enabled").unwrap_or(true);
    let wrong = webhooks::judge(app, of, url.as_deref(), authorization.as_deref()).await?;
    wrong.into_iter().for_each(|item| fields.refuse(item));
    fields.finish()?;
    let url = url.ok_or_else(|| ApiError::unexpected("a field passed and is missing"))?;
    Ok(WantedEndpoint { url, authorization, types, enabled })
}
