//! `POST /manage/v1/webhook-endpoints/{id}/rotate-secret/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::write_once;
use crate::App;
use crate::api::body::{Fields, OptionalJsonObject};
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::once::Once;
use crate::openapi::{IdInPath, OnceParams};
use crate::webhooks::{self, EndpointStatus};

/// How long the secret before stays when nobody says, and at most, hours.
const KEPT: u16 = 24;
const LONGEST: u16 = 7 * 24;

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "keep_old_hours": 48 }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct RotateSecret {
    /// For how long requests are signed with the secrets before as well; 0 ends them at once.
    #[schema(minimum = 0, maximum = 168, default = 24)]
    keep_old_hours: Option<u16>,
}

/// Makes a new secret, which the answer shows; no other does. Requests carry a signature by the one before as
/// well, until that ends. When the answer was lost, make another: what signs goes on, and there are three
/// signatures. Until one has ended there is no fourth, unless `keep_old_hours` is 0.
#[utoipa::path(
    post, path = "/manage/v1/webhook-endpoints/{id}/rotate-secret/", tag = "webhooks",
    operation_id = "RotateWebhookSecret",
    request_body = Option<RotateSecret>,
    params(IdInPath, OnceParams),
    responses(
        (status = 200, description = "The endpoint and its new secret", body = EndpointStatus),
        (status = 409, description = "Three secrets sign, or the key was used for another request")
    )
)]
pub(crate) async fn rotate(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    once: Once,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Response, ApiError> {
    let mut fields = Fields::new(&body);
    let hours = match body.0.get("keep_old_hours") {
        None | Some(Value::Null) => Some(KEPT),
        Some(given) => given.as_u64().and_then(|hours| u16::try_from(hours).ok()),
    };
    let hours = hours.filter(|hours| *hours <= LONGEST);
    if hours.is_none() {
        let message = format!("Ensure this is a whole number from 0 to {LONGEST}.");
        fields.refuse(ErrorItem::field("invalid", "keep_old_hours", message));
    }
    fields.finish()?;
    let until = webhooks::old_until(&app, hours.unwrap_or(KEPT));
    let attempt = once.of(&app, &caller, body.raw())?;
    write_once(app, caller, attempt, StatusCode::OK, move |tx, app, trail, secrets| {
        webhooks::rotate(tx, app, trail, secrets, id, until)
    })
    .await
}
