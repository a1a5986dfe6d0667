//! Events and deliveries as they are shown.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use vinculo_store::{
    AuditAction, Delivery, DeliveryFilter, DeliveryId, DeliveryState, Event, EventFilter, EventId,
    PageRequest, StoredAttempt,
};
use vinculo_vault::{Context, DataKey, WrappedKey};

use crate::App;
use crate::audit::{Entry, Trail};
use crate::clock::wire_time;
use crate::error::ApiError;
use crate::jobs::{body_context, excerpt_row};
use crate::openapi::WebhookBody;
use crate::secrets::WorkspaceSecrets;

/// Types of events that there are.
pub(crate) const ALL_TYPES: [&str; 6] =
    ["EMPLOYMENTS", "OWNERS", "LINK", "COHORT", "TEST", "ENDPOINT"];

const ONE: PageRequest = PageRequest { limit: 1, offset: 0 };

/// How many deliveries of an event there are in each state.
#[derive(Debug, Clone, Copy, Default, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryCounts {
    /// On their way.
    pub pending: i64,
    /// Answered with a 2xx.
    pub delivered: i64,
    /// Given up.
    pub failed: i64,
    /// Not sent any more.
    pub cancelled: i64,
}

/// An event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "6f0a1c52b7de4f8c9a3e5d7b1c2f4a60", "webhook_type": "EMPLOYMENTS",
    "webhook_code": "historical_update", "link": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a",
    "created_at": "2026-11-24T12:00:00.000000Z",
    "deliveries": { "pending": 0, "delivered": 1, "failed": 0, "cancelled": 0 }, "body": null
}))]
pub struct EventStatus {
    /// The `webhook_id`.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub id: String,
    /// `EMPLOYMENTS`, `OWNERS`, `LINK`, `COHORT`, `TEST` or `ENDPOINT`.
    pub webhook_type: String,
    /// What happened.
    pub webhook_code: String,
    /// The link it is about; null when it is about none, or the link is gone.
    #[schema(required)]
    pub link: Option<Uuid>,
    /// When it happened.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Its deliveries by state.
    pub deliveries: DeliveryCounts,
    /// What is sent; null in lists.
    #[schema(required, value_type = Option<WebhookBody>)]
    pub body: Option<Value>,
}

/// An event on its way to an endpoint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": 1, "event": "6f0a1c52b7de4f8c9a3e5d7b1c2f4a60",
    "endpoint": "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b",
    "link": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a", "webhook_type": "EMPLOYMENTS",
    "webhook_code": "historical_update", "status": "delivered", "tries": 1,
    "created_at": "2026-11-24T12:00:00.000000Z", "finished_at": "2026-11-24T12:00:00.200000Z",
    "next_try_at": null, "replayed_at": null, "delivered_at": "2026-11-24T12:00:00.000000Z",
    "attempts": null
}))]
pub struct DeliveryStatus {
    /// Its number.
    pub id: i64,
    /// The `webhook_id` of its event.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub event: String,
    /// The endpoint; null once that was deleted.
    #[schema(required)]
    pub endpoint: Option<Uuid>,
    /// The link its event is about; null when it is about none, or the link is gone.
    #[schema(required)]
    pub link: Option<Uuid>,
    /// Type of its event.
    pub webhook_type: String,
    /// What happened.
    pub webhook_code: String,
    /// `pending`, `delivered`, `failed` (given up), or `cancelled` (its endpoint was disabled or
    /// deleted or wants no more of its type, or its link was deleted).
    pub status: &'static str,
    /// Tries so far.
    pub tries: i64,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it ended.
    #[schema(required, format = DateTime)]
    pub finished_at: Option<String>,
    /// When it is tried next at the earliest; while a try is going on, when that is given up for lost.
    #[schema(required, format = DateTime)]
    pub next_try_at: Option<String>,
    /// When it was last sent again on request, or sent to an endpoint that had not been told when it happened.
    #[schema(required, format = DateTime)]
    pub replayed_at: Option<String>,
    /// When the first try began that was answered with a 2xx, also when it has been sent again since.
    #[schema(required, format = DateTime)]
    pub delivered_at: Option<String>,
    /// Every try, in order; null in lists, and without answers in those of the command line.
    #[schema(required)]
    pub attempts: Option<Vec<AttemptStatus>>,
}

/// One try.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttemptStatus {
    /// When it began.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// How long it took, milliseconds.
    pub duration_ms: i64,
    /// Status of the answer.
    #[schema(required)]
    pub status: Option<i64>,
    /// Why there was no answer: `timeout`, `dns` (the name does not resolve), `connect` (nobody
    /// accepts the connection), `reset`, `tls`, `invalid_response`,
    /// `refused_address`, `invalid_url`, `invalid_header`, `erased` or `internal`.
    #[schema(required)]
    pub failure: Option<String>,
    /// The start of the answer's body, at most 4 KiB; what is no text in it is replaced.
    #[schema(required)]
    pub answer: Option<String>,
}

impl EventStatus {
    pub(crate) fn of(event: &Event, states: &[(EventId, DeliveryState, i64)]) -> Self {
        let count = |wanted| {
            let found = states.iter().find(|(id, state, _)| (*id, *state) == (event.id, wanted));
            found.map_or(0, |(_, _, count)| *count)
        };
        Self {
            id: event.webhook_id.simple().to_string(),
            webhook_type: event.webhook_type.clone(),
            webhook_code: event.webhook_code.clone(),
            link: event.link,
            created_at: wire_time(event.created_at),
            deliveries: DeliveryCounts {
                pending: count(DeliveryState::Pending),
                delivered: count(DeliveryState::Delivered),
                failed: count(DeliveryState::Failed),
                cancelled: count(DeliveryState::Cancelled),
            },
            body: None,
        }
    }
}

impl AttemptStatus {
    /// A try, without what was answered.
    pub(crate) fn of(attempt: &StoredAttempt) -> Self {
        Self {
            started_at: wire_time(attempt.started_at),
            duration_ms: attempt.duration_us / 1000,
            status: attempt.status,
            failure: attempt.failure.clone(),
            answer: None,
        }
    }
}

impl DeliveryStatus {
    /// A delivery with its tries, without what was answered to them.
    pub(crate) fn with_tries(delivery: &Delivery, tries: &[StoredAttempt]) -> Self {
        let attempts = Some(tries.iter().map(AttemptStatus::of).collect());
        Self { attempts, ..Self::of(delivery) }
    }

    pub(crate) fn of(delivery: &Delivery) -> Self {
        let pending = delivery.state == DeliveryState::Pending;
        Self {
            id: delivery.id.0,
            event: delivery.webhook_id.simple().to_string(),
            endpoint: delivery.endpoint,
            link: delivery.link,
            webhook_type: delivery.webhook_type.clone(),
            webhook_code: delivery.webhook_code.clone(),
            status: delivery.state.as_str(),
            tries: delivery.tried,
            created_at: wire_time(delivery.created_at),
            finished_at: delivery.finished_at.map(wire_time),
            next_try_at: pending.then(|| wire_time(delivery.due_at)),
            replayed_at: delivery.replayed_at.map(wire_time),
            delivered_at: delivery.delivered_at.map(wire_time),
            attempts: None,
        }
    }
}

/// An event with its body, which is noted.
///
/// # Errors
/// 404 when the workspace has none with this id.
pub(crate) async fn one_event(
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    id: Uuid,
) -> Result<EventStatus, ApiError> {
    let workspace = secrets.workspace().id;
    let filter = EventFilter { id: Some(id), ..EventFilter::default() };
    let (event, states) = app
        .store()
        .read(move |tx| {
            let event = tx.events(workspace, &filter, ONE)?.rows.pop();
            let event = event.ok_or_else(ApiError::not_found)?;
            let states = tx.delivery_states(workspace, &[event.id])?;
            Ok::<_, ApiError>((event, states))
        })
        .await?;
    trail.read_one(app, Entry::of(AuditAction::EventsRead).object(id)).await?;
    let body = with_key(app, secrets, event.key.as_ref(), |key| {
        let body = key.open(body_context(event.webhook_id), &event.body)?;
        Ok(serde_json::from_slice(&body)?)
    })?;
    Ok(EventStatus { body: Some(body), ..EventStatus::of(&event, &states) })
}

/// A delivery with its tries and what was answered to them, which is noted.
///
/// # Errors
/// 404 when the workspace has none with this number.
pub(crate) async fn one_delivery(
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    id: i64,
) -> Result<DeliveryStatus, ApiError> {
    let workspace = secrets.workspace().id;
    let filter = DeliveryFilter { id: Some(DeliveryId(id)), ..DeliveryFilter::default() };
    let (delivery, tries) = app
        .store()
        .read(move |tx| {
            let delivery = tx.deliveries(workspace, &filter, ONE)?.rows.pop();
            let delivery = delivery.ok_or_else(ApiError::not_found)?;
            let tries = tx.attempts(delivery.id)?;
            Ok::<_, ApiError>((delivery, tries))
        })
        .await?;
    let entry = Entry::of(AuditAction::DeliveriesRead);
    let entry = delivery.link.map_or(entry, |link| entry.new_link(link));
    trail.read_one(app, entry).await?;
    let attempts = with_key(app, secrets, delivery.key.as_ref(), |key| {
        tries.iter().map(|attempt| shown(attempt, &delivery, key)).collect()
    })?;
    Ok(DeliveryStatus { attempts: Some(attempts), ..DeliveryStatus::of(&delivery) })
}

fn shown(
    attempt: &StoredAttempt,
    delivery: &Delivery,
    key: &DataKey,
) -> Result<AttemptStatus, ApiError> {
    let row = excerpt_row(delivery.subject, delivery.id, attempt.number);
    let answer = attempt.excerpt.as_ref().map(|excerpt| {
        let opened = key.open(Context::of_ids("attempts", &row), excerpt)?;
        Ok::<_, ApiError>(String::from_utf8_lossy(&opened).into_owned())
    });
    Ok(AttemptStatus { answer: answer.transpose()?, ..AttemptStatus::of(attempt) })
}

/// Works with the key of the person an event is about, or with the workspace's.
fn with_key<T>(
    app: &App,
    secrets: &WorkspaceSecrets,
    wrapped: Option<&WrappedKey>,
    work: impl FnOnce(&DataKey) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    match wrapped {
        Some(wrapped) => work(&app.all_secrets().vault().unwrap_key(wrapped)?),
        None => work(secrets.data_key()),
    }
}
