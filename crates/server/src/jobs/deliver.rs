//! One try to deliver one event to one endpoint.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vinculo_store::{AttemptRecord, DeliveryState, DueDelivery};
use vinculo_vault::{Context, DataKey};
use vinculo_webhook::{Attempt, Request, next_try};

use super::sync_link::body_context;
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

/// Sends and records. What goes wrong here is a failed try, never a lost delivery: the lease runs
/// out and the row is taken again.
pub(super) async fn run(app: &App, due: DueDelivery) -> Result<(), ApiError> {
    let Some(wrapped) = &due.key else {
        return record(app, &due, None, DeliveryState::Cancelled).await;
    };
    let key = app.all_secrets().vault().unwrap_key(wrapped)?;
    let body = key.open(body_context(due.webhook_id), &due.body)?;
    let secrets = app.secrets(due.workspace)?;
    let sealed = open_own(&secrets, address_context(due.endpoint_uuid), &due.address)?;
    let address: Address = serde_json::from_slice(&sealed)?;
    let started_at = app.now_micros();
    let attempt = send(app, &address, body.to_vec()).await;
    let state = if attempt.delivered() { DeliveryState::Delivered } else { DeliveryState::Pending };
    record(app, &due, Some(Tried { started_at, attempt, key }), state).await
}

struct Tried {
    started_at: i64,
    attempt: Attempt,
    key: DataKey,
}

async fn send(app: &App, address: &Address, body: Vec<u8>) -> Attempt {
    app.sender()
        .send(Request {
            url: &address.url,
            authorization: address.authorization.as_deref(),
            body: body.into(),
            headers: &[],
        })
        .await
}

async fn record(
    app: &App,
    due: &DueDelivery,
    tried: Option<Tried>,
    state: DeliveryState,
) -> Result<(), ApiError> {
    let now = app.now_micros();
    let claim = due.claim;
    let (state, due_at) = match (state, &tried) {
        (DeliveryState::Pending, Some(tried)) => next(app, claim.attempt, tried),
        (state, _) => (state, now),
    };
    app.store()
        .write(move |tx| {
            let excerpt = tried.as_ref().map(|tried| excerpt(tried, &claim)).transpose()?.flatten();
            let attempt = tried.as_ref().map(|tried| &tried.attempt);
            let answer = attempt.and_then(|attempt| attempt.result.as_ref().ok());
            let failure = match attempt {
                Some(attempt) => attempt.result.as_ref().err().map(ToString::to_string),
                None => Some("cancelled".to_owned()),
            };
            let duration = attempt.map_or(0, |attempt| attempt.duration.as_micros());
            tx.record_attempt(
                &AttemptRecord {
                    claim,
                    started_at: tried.as_ref().map_or(now, |tried| tried.started_at),
                    duration_us: i64::try_from(duration).unwrap_or(i64::MAX),
                    status: answer.map(|answer| i64::from(answer.status)),
                    failure: failure.as_deref(),
                    excerpt: excerpt.as_ref(),
                    state,
                    due_at,
                },
                now,
            )?;
            Ok::<_, ApiError>(())
        })
        .await
}

/// When to try again, or that this was the last try.
fn next(app: &App, attempt: i64, tried: &Tried) -> (DeliveryState, i64) {
    let now = app.now();
    let answer = tried.attempt.result.as_ref().ok();
    let since_epoch = Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH));
    let at = UNIX_EPOCH + since_epoch.unwrap_or_default();
    let asked = answer.and_then(|answer| answer.retry_after).map(|after| after.wait(at));
    let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
    match next_try(attempt, app.random_u64(), asked) {
        Some(wait) => {
            (DeliveryState::Pending, micros(now.checked_add(wait).unwrap_or(Timestamp::MAX)))
        }
        None => (DeliveryState::Failed, micros(now)),
    }
}

fn excerpt(
    tried: &Tried,
    claim: &vinculo_store::ClaimedDelivery,
) -> Result<Option<vinculo_vault::Sealed>, ApiError> {
    let Ok(answer) = &tried.attempt.result else { return Ok(None) };
    if answer.excerpt.is_empty() {
        return Ok(None);
    }
    let row = [claim.id.0, claim.attempt];
    Ok(Some(tried.key.seal(Context::of_ids("attempts", &row), &answer.excerpt)?))
}
