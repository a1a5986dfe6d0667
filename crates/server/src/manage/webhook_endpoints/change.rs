//! `PATCH /manage/v1/webhook-endpoints/{id}/`

use axum::Json;
use axum::extract::State;

use super::{WebhookType, types};
use crate::App;
use crate::api::body::{Fields, OptionalJsonObject};
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::IdInPath;
use crate::webhooks::{self, EndpointChange, EndpointStatus};

/// The request; what is missing stays.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "enabled": true, "replay_missed": true }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct ChangeWebhookEndpoint {
    /// Where to send events.
    url: Option<String>,
    /// Value of the `Authorization` header; null takes it away.
    authorization: Option<String>,
    /// Types of events to send; null for all.
    #[schema(min_items = 1)]
    webhook_types: Option<Vec<WebhookType>>,
    /// Whether anything is sent. What waits for an endpoint that is disabled is cancelled.
    enabled: Option<bool>,
    /// Whether it gets what it missed: since it was disabled, or since it was added when it was
    /// enabled already.
    replay_missed: Option<bool>,
}

/// Changes an endpoint. Tries that begin from now on go where it says.
#[utoipa::path(
    patch, path = "/manage/v1/webhook-endpoints/{id}/", tag = "webhooks",
    operation_id = "ChangeWebhookEndpoint",
    request_body = Option<ChangeWebhookEndpoint>,
    params(IdInPath),
    responses(
        (status = 200, description = "The endpoint", body = EndpointStatus),
        (status = 409, description = "replay_missed, and the endpoint is disabled")
    )
)]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Json<EndpointStatus>, ApiError> {
    let mut fields = Fields::new(&body);
    let names: Vec<&str> = fields.names().collect();
    let named = |name| names.contains(&name);
    let url = match body.0.get("url") {
        None | Some(serde_json::Value::Null) => None,
        Some(_) => fields.required_text("url"),
    };
    let authorization = fields.optional_text("authorization");
    let types = types(&mut fields);
    let enabled = fields.optional_bool("enabled");
    let and_replay = fields.optional_bool("replay_missed").unwrap_or(false);
    let secrets = app.secrets(caller.workspace.id)?;
    let of = Some((&*secrets, id));
    let wrong = webhooks::judge(&app, of, url.as_deref(), authorization.as_deref()).await?;
    wrong.into_iter().for_each(|item| fields.refuse(item));
    fields.finish()?;
    let change = EndpointChange {
        url,
        authorization: named("authorization").then_some(authorization),
        types: named("webhook_types").then_some(types),
        enabled,
    };
    Ok(Json(webhooks::apply(&app, caller.trail, &secrets, id, change, and_replay).await?))
}
