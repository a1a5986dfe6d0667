//! One try to deliver one event to one endpoint, and what becomes of the delivery.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vinculo_store::{AttemptRecord, ClaimedDelivery, DeliveryState, DueDelivery, SubjectId};
use vinculo_vault::{Context, DataKey, Sealed};
use vinculo_webhook::{Answer, Attempt, Request, next_try};

use super::announce::body_context;
use crate::App;
use crate::clock::micros;
use crate::error::ApiError;
use crate::projection::open_own;

/// Where an endpoint is and what opens it; sealed with the workspace's key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Address {
    /// URL to post to.
    pub(crate) url: String,
    /// Value of the `Authorization` header as the customer typed it.
    pub(crate) authorization: Option<String>,
}

/// What binds an address to its endpoint.
pub(crate) fn address_context(endpoint: uuid::Uuid) -> Context<'static> {
    Context::of_uuid("webhook_endpoints", endpoint.into_bytes())
}

/// How a try ended.
struct Tried {
    started_at: Timestamp,
    duration: Duration,
    /// The receiver's answer, or why there is none, in one word.
    result: Result<Answer, &'static str>,
    /// Start of the answer's body.
    excerpt: Option<Sealed>,
}

/// Sends and records. Whatever goes wrong before the record is a failed try as well, with the next
/// one on schedule: nothing is lost, and nothing is tried in a hurry.
pub(super) async fn run(app: &App, due: DueDelivery) -> Result<(), ApiError> {
    let started_at = app.now();
    let tried = match &due.key {
        // The person was erased: nobody can read the body any more.
        None => {
            Tried { started_at, duration: Duration::ZERO, result: Err("erased"), excerpt: None }
        }
        Some(_) => send(app, &due).await.unwrap_or_else(|error| {
            let cause = error.cause().unwrap_or("refused").to_owned();
            tracing::error!(delivery = %due.claim.id, cause, "delivery could not be prepared");
            let result = Err("internal");
            Tried { started_at, duration: Duration::ZERO, result, excerpt: None }
        }),
    };
    let (state, due_at) = match &tried.result {
        Ok(answer) if answer.delivered() => (DeliveryState::Delivered, app.now()),
        _ if due.key.is_none() => (DeliveryState::Cancelled, app.now()),
        result => next(app, due.tried + 1, result.as_ref().ok()),
    };
    record(app, due.claim, tried, state, due_at).await
}

async fn send(app: &App, due: &DueDelivery) -> Result<Tried, ApiError> {
    let wrapped = due.key.as_ref().ok_or_else(|| ApiError::unexpected("no key"))?;
    let key = app.all_secrets().vault().unwrap_key(wrapped)?;
    let body = key.open(body_context(due.webhook_id), &due.body)?;
    let secrets = app.secrets(due.workspace)?;
    let sealed = open_own(&secrets, address_context(due.endpoint_uuid), &due.address)?;
    let address: Address = serde_json::from_slice(&sealed)?;
    let started_at = app.now();
    let request = Request {
        url: &address.url,
        authorization: address.authorization.as_deref(),
        body: body.to_vec().into(),
        headers: &[],
    };
    let Attempt { result, duration } = app.sender().send(request).await;
    let result = result.map_err(|failure| failure.code());
    let excerpt = excerpt(&key, due.subject, due.claim, result.as_ref().ok())?;
    Ok(Tried { started_at, duration, result, excerpt })
}

fn excerpt(
    key: &DataKey,
    subject: SubjectId,
    claim: ClaimedDelivery,
    answer: Option<&Answer>,
) -> Result<Option<Sealed>, ApiError> {
    let Some(answer) = answer.filter(|answer| !answer.excerpt.is_empty()) else { return Ok(None) };
    let row = [subject.0, claim.id.0, claim.attempt];
    Ok(Some(key.seal(Context::of_ids("attempts", &row), &answer.excerpt)?))
}

/// When to try again, or that this was the last try.
fn next(app: &App, tried: i64, answer: Option<&Answer>) -> (DeliveryState, Timestamp) {
    let now = app.now();
    let since_epoch = Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH));
    let clock = UNIX_EPOCH + since_epoch.unwrap_or_default();
    let asked = answer.and_then(|answer| answer.retry_after).map(|after| after.wait(clock));
    let tried = u32::try_from(tried).unwrap_or(u32::MAX);
    match next_try(tried, app.random_u64(), asked) {
        Some(wait) => (DeliveryState::Pending, now.checked_add(wait).unwrap_or(Timestamp::MAX)),
        None => (DeliveryState::Failed, now),
    }
}

async fn record(
    app: &App,
    claim: ClaimedDelivery,
    tried: Tried,
    state: DeliveryState,
    due_at: Timestamp,
) -> Result<(), ApiError> {
    let now = app.now_micros();
    app.store()
        .write(move |tx| {
            let answer = tried.result.as_ref().ok();
            let record = AttemptRecord {
                claim,
                started_at: micros(tried.started_at),
                duration_us: i64::try_from(tried.duration.as_micros()).unwrap_or(i64::MAX),
                status: answer.map(|answer| i64::from(answer.status)),
                failure: tried.result.as_ref().err().copied(),
                excerpt: tried.excerpt.as_ref(),
                state,
                due_at: micros(due_at),
            };
            tx.record_attempt(&record, now)?;
            Ok::<_, ApiError>(())
        })
        .await
}
