//! `POST /manage/v1/deliveries/replay/`, `…/{id}/replay/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use vinculo_store::{DeliveryState, TimeSpan};

use crate::App;
use crate::api::body::{Fields, JsonObject, shown};
use crate::api::page::json;
use crate::api::query::{PathNumber, parse_id};
use crate::api::span;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::manage::events::known_type;
use crate::once::{Claim, Once};
use crate::openapi::{NumberInPath, OnceParams};
use crate::webhooks::{self, DeliveryStatus, Replay};

/// Which deliveries are sent again: those for which everything named holds. At least one must be.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "status": "failed", "created_at__gte": "2026-11-24" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct ReplayWanted {
    /// To this endpoint. Without a `status`, events that were never on their way to it are sent
    /// too.
    endpoint: Option<Uuid>,
    /// Of events about this link.
    link: Option<Uuid>,
    /// Of events of this type: `EMPLOYMENTS`, `OWNERS`, `LINK`, `COHORT`, `TEST`.
    webhook_type: Option<String>,
    /// `pending`, `delivered`, `failed` or `cancelled`.
    status: Option<String>,
    /// Of events that happened then or later: a day or a moment.
    #[schema(rename = "created_at__gte")]
    from: Option<String>,
    /// Of events that happened earlier.
    #[schema(rename = "created_at__lt")]
    before: Option<String>,
}

/// What is sent again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replayed {
    /// How many deliveries are due now.
    replayed: i64,
}

/// Sends deliveries again: the same `webhook_id`, the same bytes, the schedule from its beginning.
/// Those whose endpoint is disabled or deleted are passed over.
#[utoipa::path(
    post, path = "/manage/v1/deliveries/replay/", tag = "webhooks",
    operation_id = "ReplayDeliveries",
    request_body = ReplayWanted,
    params(OnceParams),
    responses(
        (status = 202, description = "On their way", body = Replayed),
        (status = 404, description = "No such endpoint"),
        (status = 409, description = "The endpoint is disabled, or the key was used for another request")
    )
)]
pub(crate) async fn replay(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let wanted = wanted(&body)?;
    let attempt = once.of(&app, &caller, body.raw())?;
    attempt
        .run(|claim| async move {
            let replayed =
                webhooks::replay(&app, caller.trail, caller.workspace.id, &wanted).await?;
            accepted(&app, claim, serde_json::to_vec(&Replayed { replayed })?).await
        })
        .await
}

/// Sends one delivery again, whatever became of it.
#[utoipa::path(
    post, path = "/manage/v1/deliveries/{id}/replay/", tag = "webhooks",
    operation_id = "ReplayDelivery",
    params(NumberInPath, OnceParams),
    responses(
        (status = 202, description = "On its way", body = DeliveryStatus),
        (status = 400),
        (status = 409, description = "The endpoint is disabled or deleted, or the key was used for another request")
    )
)]
pub(crate) async fn replay_one(
    State(app): State<App>,
    caller: Caller,
    PathNumber(id): PathNumber,
    once: Once,
) -> Result<Response, ApiError> {
    let attempt = once.of(&app, &caller, b"")?;
    let (writer, workspace) = (app.clone(), caller.workspace.id);
    attempt
        .write(&app, StatusCode::ACCEPTED, move |tx| {
            webhooks::replay_one(tx, &writer, &caller.trail, workspace, id)
        })
        .await
}

/// The answer, kept for a repeat. The effect came before: after a crash between both a repeat sends
/// once more, which a receiver knows by the `webhook_id`.
async fn accepted(app: &App, claim: Claim, body: Vec<u8>) -> Result<Response, ApiError> {
    let body = app.store().write(move |tx| {
        claim.record(tx, StatusCode::ACCEPTED, &body, None)?;
        Ok::<_, ApiError>(body)
    });
    Ok(json(StatusCode::ACCEPTED, body.await?))
}

fn wanted(body: &JsonObject) -> Result<Replay, ApiError> {
    let mut fields = Fields::new(body);
    let mut id = |name| {
        let parsed = fields.optional_text(name).map(|text| parse_id(name, &text));
        parsed.transpose().unwrap_or_else(|error| {
            fields.refuse_all(error);
            None
        })
    };
    let (endpoint, link) = (id("endpoint"), id("link"));
    let webhook_type = fields.optional_choice("webhook_type", known_type);
    let states = fields.optional_choice("status", DeliveryState::parse).map(|state| vec![state]);
    let mut bound = |name| {
        let moment = span::moment(&fields.optional_text(name)?);
        if moment.is_none() {
            fields.refuse(ErrorItem::field("invalid", name, span::WRONG));
        }
        moment
    };
    let created = TimeSpan { from: bound("created_at__gte"), before: bound("created_at__lt") };
    let known = ["endpoint", "link", "webhook_type", "status", "created_at__gte", "created_at__lt"];
    if !known.iter().any(|name| !body.0.get(*name).unwrap_or(&Value::Null).is_null()) {
        let message = format!("Name at least one of {}.", known.join(", "));
        fields.refuse(ErrorItem::whole("required", shown(&message)));
    }
    fields.finish()?;
    Ok(Replay { endpoint, link, webhook_type, states, created })
}
