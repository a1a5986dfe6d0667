//! `POST /manage/v1/deliveries/replay/`, `…/{id}/replay/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use vinculo_store::DeliveryFilter;

use super::read;
use crate::App;
use crate::api::body::{Fields, JsonObject, shown};
use crate::api::page::json;
use crate::api::query::{PathNumber, Query};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::once::{Claim, Once};
use crate::openapi::{NumberInPath, OnceParams};
use crate::webhooks::{self, DeliveryStatus};

/// Which deliveries are sent again: those for which everything named holds, as in the list. At least
/// one must be; other names are refused.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "status": "failed", "created_at__gte": "2026-11-24" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct ReplayWanted {
    /// Of this event.
    event: Option<Uuid>,
    /// To this endpoint. Without a `status`, events that were never on their way to it are sent
    /// too.
    endpoint: Option<Uuid>,
    /// To these endpoints.
    #[schema(rename = "endpoint__in", min_items = 1)]
    endpoints: Option<Vec<Uuid>>,
    /// Of events about this link.
    link: Option<Uuid>,
    /// About these links.
    #[schema(rename = "link__in", min_items = 1)]
    links: Option<Vec<Uuid>>,
    /// Of events of this type: `EMPLOYMENTS`, `OWNERS`, `LINK`, `COHORT`, `TEST` or `ENDPOINT`.
    webhook_type: Option<String>,
    /// Of these types.
    #[schema(rename = "webhook_type__in", min_items = 1)]
    webhook_types: Option<Vec<String>>,
    /// `pending`, `delivered`, `failed` or `cancelled`.
    status: Option<String>,
    /// With one of these.
    #[schema(rename = "status__in", min_items = 1)]
    statuses: Option<Vec<String>>,
    /// Of events of this day, or of this moment.
    created_at: Option<String>,
    /// Of events that happened later.
    #[schema(rename = "created_at__gt")]
    after: Option<String>,
    /// Of events that happened then or later: a day or a moment.
    #[schema(rename = "created_at__gte")]
    from: Option<String>,
    /// Of events that happened earlier.
    #[schema(rename = "created_at__lt")]
    before: Option<String>,
    /// Of events that happened then or earlier.
    #[schema(rename = "created_at__lte")]
    until: Option<String>,
    /// Of events between two days or moments, both of them included.
    #[schema(rename = "created_at__range", min_items = 2, max_items = 2)]
    range: Option<Vec<String>>,
}

/// What is sent again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replayed {
    /// How many deliveries are due now.
    replayed: i64,
}

/// Sends deliveries again: the same `webhook_id`, the same bytes, the schedule from its beginning.
/// Those whose endpoint is disabled or deleted, or whose event is about a deleted link, are passed
/// over.
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
                webhooks::replay(&app, caller.trail, caller.workspace.id, wanted).await?;
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
        (status = 409, description = "The endpoint is disabled or deleted, the link is deleted, or the key was used for another request")
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

/// What the list takes too.
const KNOWN: [&str; 15] = [
    "event",
    "endpoint",
    "endpoint__in",
    "link",
    "link__in",
    "webhook_type",
    "webhook_type__in",
    "status",
    "status__in",
    "created_at",
    "created_at__gt",
    "created_at__gte",
    "created_at__lt",
    "created_at__lte",
    "created_at__range",
];

/// Reads the filters as the list does. What it does not know would make it send more than is wanted,
/// and is refused.
fn wanted(body: &JsonObject) -> Result<DeliveryFilter, ApiError> {
    let mut fields = Fields::new(body);
    let mut pairs = Vec::new();
    for (name, value) in &body.0 {
        let Some(known) = KNOWN.into_iter().find(|known| known == name) else {
            let message = format!("There is no filter {}.", shown(name));
            fields.refuse(ErrorItem::field("invalid", shown(name), message));
            continue;
        };
        if value.is_null() {
            continue;
        }
        match text(known, value) {
            Ok(text) => pairs.push((known.to_owned(), text)),
            Err(error) => fields.refuse(error),
        }
    }
    if body.0.values().all(Value::is_null) {
        let message = format!("Name at least one of {}.", KNOWN.join(", "));
        fields.refuse(ErrorItem::whole("required", message));
    }
    fields.finish()?;
    read::filter(&Query::of(pairs))
}

/// A value as it stands in a query: of a list, the items with commas between them.
fn text(name: &'static str, value: &Value) -> Result<String, ErrorItem> {
    let is_list = name.ends_with("__in") || name.ends_with("__range");
    let text = match value {
        Value::Array(items) if is_list => {
            let items: Option<Vec<_>> = items.iter().map(Value::as_str).collect();
            items.map(|items| items.join(","))
        }
        value => value.as_str().map(str::to_owned),
    };
    let text = text.ok_or_else(|| ErrorItem::field("invalid", name, "Not a valid string."))?;
    // What is blank counts as not given in a query.
    if text.split(',').any(|item| item.trim().is_empty()) {
        return Err(ErrorItem::field("blank", name, "This field may not be blank."));
    }
    Ok(text)
}
