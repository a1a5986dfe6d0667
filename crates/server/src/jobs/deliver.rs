//! One try to deliver one event to one endpoint, and what becomes of the delivery.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;
use vinculo_store::{
    AttemptRecord, ClaimedDelivery, DeliveryId, DeliveryState, DueDelivery, Micros, SubjectId, Tx,
};
use vinculo_vault::{Context, DataKey, Sealed};
use vinculo_webhook::{Answer, Attempt, MAX_RETRY_AFTER, Request, next_try};

use super::opening::{Opened, Unopened, comes_again};
use super::search::Ended;
use crate::clock::{after, micros};
use crate::error::ApiError;
use crate::limits::FirstTry;
use crate::settings::Settings;
use crate::webhooks::{self, health};
use crate::{App, request_id, traces};

/// Why nothing was sent: the person was erased.
const ERASED: &str = "erased";
/// Why nothing was sent: it does not open, and has not for days.
const INTERNAL: &str = "internal";

/// How long an endpoint is left in peace that is busy and does not say how long.
const PEACE: Duration = Duration::from_secs(10);

/// How a try ended.
struct Tried {
    started_at: Timestamp,
    duration: Duration,
    /// The receiver's answer, or why there is none, in one word.
    result: Result<Answer, &'static str>,
    /// Start of the answer's body.
    excerpt: Option<Sealed>,
}

/// What every webhook tells of the request behind it.
#[derive(Deserialize)]
struct Told {
    request_id: Uuid,
}

/// Sends and records. What cannot be opened is put off as [`comes_again`] says, and that is no try: nothing was
/// sent.
pub(super) async fn run(app: &App, due: DueDelivery) -> Result<Ended, ApiError> {
    if due.is_unwanted {
        let (id, now) = (due.claim.id, app.now_micros());
        app.store().write(move |tx| tx.cancel_unwanted_deliveries(&[id], now)).await?;
        return Ok(Ended::ForNow);
    }
    let started_at = app.now();
    let unsent =
        |why| Tried { started_at, duration: Duration::ZERO, result: Err(why), excerpt: None };
    let tried = if due.subject.is_some() && due.key.is_none() {
        // The person was erased: nobody can read the body any more.
        unsent(ERASED)
    } else {
        match Opened::of(app, &due).await {
            Ok(opened) => send(app, &due, &opened).await,
            Err(why) => match put_off(app, &due, why).await? {
                Some(ended) => return Ok(ended),
                None => unsent(INTERNAL),
            },
        }
    };
    record(app, due, tried).await
}

/// Has a delivery that cannot be opened come again. `None` when that is a failed try.
async fn put_off(app: &App, due: &DueDelivery, why: Unopened) -> Result<Option<Ended>, ApiError> {
    let at = comes_again(&why, due.waits_since, app.now());
    let cause = match why {
        Unopened::Unread(error) => return Err(error),
        Unopened::NoKey(cause) | Unopened::Refused(cause) => cause,
    };
    let Some(at) = at else {
        tracing::error!(cause, "delivery cannot be opened: a failed try");
        return Ok(None);
    };
    tracing::error!(cause, "delivery cannot be opened: put off, and no try is used up");
    let claim = due.claim;
    app.store().write(move |tx| tx.put_off_delivery(claim, at)).await?;
    Ok(Some(Ended::ForNow))
}

/// Writes down what came of a try.
async fn record(app: &App, due: DueDelivery, tried: Tried) -> Result<Ended, ApiError> {
    let result = tried.result.as_ref().map(|answer| answer.status).map_err(|failure| *failure);
    app.metrics().delivery_tried(result, tried.duration);
    tracing::debug!(?result, took = ?tried.duration, "tried to deliver");
    let (recorder, delivered) = (app.clone(), tried.result.as_ref().is_ok_and(Answer::delivered));
    let first = first_try(app, &due, &tried);
    traces::tried(result, delivered);
    if delivered {
        let write = app.store().write_once(move |tx| record_success(tx, &recorder, &due, tried));
        if let Some((claim, tried)) = write.await? {
            record_late(app, claim, tried).await?;
        }
        note(app, first);
        return Ok(Ended::ForGood);
    }
    let endpoint = due.endpoint;
    match app.store().write(move |tx| record_failure(tx, &recorder, &due, &tried)).await {
        Ok(disabled) => {
            note(app, first);
            if disabled {
                webhooks::cancel_rest(app, endpoint).await;
            }
        }
        Err(Unwritten::TakenOver) => tracing::debug!("another worker has taken the delivery over"),
        Err(Unwritten::Failed(error)) => return Err(error),
    }
    Ok(Ended::ForNow)
}

/// What a try says of how late events are: the first of a delivery, and every one that failed.
fn first_try(app: &App, due: &DueDelivery, tried: &Tried) -> Option<FirstTry> {
    let (begun_at, now) = (micros(tried.started_at), app.now_micros());
    let failed_until = match &tried.result {
        Ok(answer) if answer.delivered() => None,
        Ok(answer) => Some(peace(app, answer).unwrap_or(now)),
        Err(ERASED | INTERNAL) => return None,
        Err(_) => Some(now),
    };
    Some(FirstTry {
        workspace: due.workspace,
        endpoint: due.endpoint,
        made_at: due.first_due.or(failed_until)?,
        begun_at,
        theirs: tried.micros(),
        recorded_at: now,
        failed_until,
    })
}

/// Says it, once the try is recorded.
fn note(app: &App, first: Option<FirstTry>) {
    if let Some(first) = first {
        app.limits().tried(FirstTry { recorded_at: app.now_micros(), ..first });
    }
}

/// Why nothing is known of a try.
enum Unwritten {
    /// Whoever lost a delivery to another worker writes nothing of it, nor of its endpoint.
    TakenOver,
    /// It could not be written.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for Unwritten {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn send(app: &App, due: &DueDelivery, opened: &Opened) -> Tried {
    let Opened { body, address, .. } = opened;
    if let Ok(Told { request_id }) = serde_json::from_slice(body) {
        request_id::is_behind(request_id);
    }
    let started_at = app.now();
    let (id, now) = (due.webhook_id.simple().to_string(), micros(started_at));
    let timestamp = started_at.as_second().to_string();
    let mut headers = vec![("webhook-id", id.as_str()), ("webhook-timestamp", &timestamp)];
    let signatures = address.signatures(&id, now, body);
    headers.extend(signatures.as_deref().map(|signatures| ("webhook-signature", signatures)));
    let request = Request {
        url: &address.url,
        authorization: address.authorization.as_deref(),
        body: body.clone(),
        headers: &headers,
    };
    #[cfg(feature = "failpoints")]
    vinculo_store::failpoint::pass("before a request");
    let Attempt { result, duration } = app.sender().send(request).await;
    #[cfg(feature = "failpoints")]
    vinculo_store::failpoint::pass("after an answer");
    let result = result.map_err(|failure| failure.code());
    let excerpt = excerpt(opened.key(), due.subject, due.claim, result.as_ref().ok());
    Tried { started_at, duration, result, excerpt }
}

/// The start of an answer, sealed. One that cannot be is not kept: the try is what it was.
fn excerpt(
    key: &DataKey,
    subject: Option<SubjectId>,
    claim: ClaimedDelivery,
    answer: Option<&Answer>,
) -> Option<Sealed> {
    let answer = answer.filter(|answer| !answer.excerpt.is_empty())?;
    let row = excerpt_row(subject, claim.id, claim.attempt);
    let sealed = key.seal(Context::of_ids("attempts", &row), &answer.excerpt);
    sealed.inspect_err(|error| tracing::error!(%error, "an answer is not kept")).ok()
}

/// What binds the start of an answer to its try.
pub(crate) fn excerpt_row(
    subject: Option<SubjectId>,
    delivery: DeliveryId,
    attempt: i64,
) -> [i64; 3] {
    [subject.map_or(0, |subject| subject.0), delivery.0, attempt]
}

/// Writes a try down that delivered. Answers it when something else has become of the delivery
/// meanwhile, to be written down by more statements than one.
fn record_success(
    tx: &mut Tx<'_>,
    app: &App,
    due: &DueDelivery,
    tried: Tried,
) -> Result<Option<(ClaimedDelivery, Tried)>, ApiError> {
    let now = app.now_micros();
    let record = tried.as_record(due.claim, DeliveryState::Delivered, now);
    let held = tx.record_delivered(&record, due.endpoint, &due.address, now)?;
    Ok((!held).then_some((due.claim, tried)))
}

/// Writes a try down that delivered after something else had become of its delivery.
async fn record_late(app: &App, claim: ClaimedDelivery, tried: Tried) -> Result<(), ApiError> {
    let now = app.now_micros();
    app.store()
        .write(move |tx| {
            tx.record_attempt(&tried.as_record(claim, DeliveryState::Delivered, now), now)
        })
        .await?;
    Ok(())
}

/// Writes a try down that did not deliver, with what becomes of the delivery and of its endpoint. Answers
/// whether that was disabled.
fn record_failure(
    tx: &mut Tx<'_>,
    app: &App,
    due: &DueDelivery,
    tried: &Tried,
) -> Result<bool, Unwritten> {
    let now = app.now_micros();
    let answer = tried.result.as_ref().ok();
    let disable = match tried.result {
        // It says nothing about the endpoint.
        Err(ERASED | INTERNAL) => None,
        _ => {
            let gone = answer.is_some_and(|answer| answer.status == 410);
            health::note_failed(tx, due, gone, now, answer.and_then(|answer| peace(app, answer)))?
        }
    };
    let (state, due_at) = match tried.result {
        Err(ERASED) => (DeliveryState::Cancelled, now),
        _ if disable.is_some() => (DeliveryState::Failed, now),
        _ => next(app, due.tried + 1, answer, &Settings::read(tx, due.workspace)?),
    };
    let recorded = tx.record_attempt(&tried.as_record(due.claim, state, due_at), now)?;
    if !recorded && tx.is_taken_over(due.claim)? {
        return Err(Unwritten::TakenOver);
    }
    // Also when the delivery was cancelled meanwhile: what the endpoint said of itself stands.
    let Some(reason) = disable else { return Ok(false) };
    health::disable(tx, app, due, reason)?;
    Ok(true)
}

impl Tried {
    /// How long it took, microseconds.
    fn micros(&self) -> Micros {
        Micros::try_from(self.duration.as_micros()).unwrap_or(Micros::MAX)
    }

    /// As it is stored.
    fn as_record(
        &self,
        claim: ClaimedDelivery,
        state: DeliveryState,
        due_at: Micros,
    ) -> AttemptRecord<'_> {
        AttemptRecord {
            claim,
            started_at: micros(self.started_at),
            duration_us: self.micros(),
            status: self.result.as_ref().ok().map(|answer| i64::from(answer.status)),
            failure: self.result.as_ref().err().copied(),
            excerpt: self.excerpt.as_ref(),
            state,
            due_at,
        }
    }
}

/// How long a receiver wants to be left in peace.
fn asked(app: &App, answer: &Answer) -> Option<Duration> {
    let since_epoch = Duration::try_from(app.now().duration_since(Timestamp::UNIX_EPOCH));
    let clock = UNIX_EPOCH + since_epoch.unwrap_or_default();
    answer.retry_after.map(|after| after.wait(clock))
}

/// Until when nothing else is sent to an endpoint that gave this answer: it is busy, or somebody before it
/// is.
fn peace(app: &App, answer: &Answer) -> Option<Micros> {
    if !matches!(answer.status, 429 | 502..=504) {
        return None;
    }
    let wait = asked(app, answer).unwrap_or(PEACE).min(MAX_RETRY_AFTER);
    Some(micros(after(app.now(), wait)))
}

/// When to try again, or that this was the last try.
fn next(
    app: &App,
    tried: i64,
    answer: Option<&Answer>,
    settings: &Settings,
) -> (DeliveryState, Micros) {
    let now = app.now();
    let asked = answer.and_then(|answer| asked(app, answer));
    let tried = u32::try_from(tried).unwrap_or(u32::MAX);
    match next_try(&settings.webhook_retry_seconds, tried, app.random_u64(), asked) {
        Some(wait) => (DeliveryState::Pending, micros(after(now, wait))),
        None => (DeliveryState::Failed, micros(now)),
    }
}
