//! Deliveries made again: the same `webhook_id`, the same bytes.

use uuid::Uuid;
use vinculo_store::{
    AuditAction, DeliveryFilter, DeliveryId, DeliveryState, Endpoint, EventFilter, EventId,
    PageRequest, TimeSpan, Tx, WorkspaceId,
};

use crate::App;
use crate::audit::{Entry, Trail};
use crate::error::ApiError;
use crate::webhooks::DeliveryStatus;

/// Deliveries made again in one transaction.
const BATCH: i64 = 1000;

/// Makes deliveries of the workspace due again; answers how many. Where endpoints are named and no
/// states, events that were never on their way to them are sent as well. In batches: after a crash
/// some are due and others are not, and the same request can be made again.
///
/// # Errors
/// 404 when there is no such endpoint, 409 when it is disabled.
pub(crate) async fn replay(
    app: &App,
    trail: Trail,
    workspace: WorkspaceId,
    wanted: DeliveryFilter,
) -> Result<i64, ApiError> {
    let mut endpoints = Vec::new();
    for id in wanted.endpoints.iter().flatten() {
        endpoints.push(enabled(app, workspace, *id).await?);
    }
    let (writer, named) = (app.clone(), wanted.endpoints.clone().unwrap_or_default());
    let note = app.store().write(move |tx| {
        let entry = Entry::of(AuditAction::WebhooksReplayed);
        let about = if let [one] = named[..] { entry.object(one) } else { entry };
        trail.note(tx, &writer, about)
    });
    note.await?;
    let (ever_sent_or_not, events) = (wanted.states.is_none(), wanted.events.clone());
    let mut count = again(app, workspace, wanted).await?;
    for endpoint in endpoints.iter().filter(|_| ever_sent_or_not) {
        count += missed(app, workspace, endpoint, events.clone()).await?;
    }
    Ok(count)
}

/// Sends one delivery again, whatever became of it; answers how it stands now.
///
/// # Errors
/// 404 when the workspace has none with this number, 409 when its endpoint is disabled or deleted, or
/// the link that its event is about is gone.
pub(crate) fn replay_one(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    id: i64,
) -> Result<DeliveryStatus, ApiError> {
    let filter = DeliveryFilter { id: Some(DeliveryId(id)), ..DeliveryFilter::default() };
    let page = PageRequest { limit: 1, offset: 0 };
    let read = |tx: &mut Tx<'_>| {
        let delivery = tx.deliveries(workspace, &filter, page)?.rows.pop();
        delivery.ok_or_else(ApiError::not_found)
    };
    let delivery = read(tx)?;
    if !delivery.can_be_sent {
        return Err(super::disabled());
    }
    if delivery.is_of_the_past {
        return Err(super::of_the_past());
    }
    trail.note(tx, app, Entry::of(AuditAction::WebhooksReplayed))?;
    // One that is being sent at this moment is on its way already.
    tx.replay_deliveries(workspace, &filter, DeliveryId(0), 1, app.now_micros())?;
    Ok(DeliveryStatus::of(&read(tx)?))
}

/// Sends an endpoint, which is enabled now, what it did not get since it was disabled as it is
/// described here; when it was not, since it was added. Of what was cancelled or failed, `types` alone.
pub(crate) async fn replay_missed(
    app: &App,
    workspace: WorkspaceId,
    before: &Endpoint,
    types: Option<Vec<String>>,
) -> Result<(), ApiError> {
    let off = before.disabled.map_or(before.created_at, |(at, _)| at);
    let since = before.failing_since.filter(|_| before.disabled.is_some()).unwrap_or(off).min(off);
    let filter = DeliveryFilter {
        endpoints: Some(vec![before.uuid]),
        states: Some(vec![DeliveryState::Failed, DeliveryState::Cancelled]),
        finished_since: Some(since),
        events: EventFilter { types, ..EventFilter::default() },
        ..DeliveryFilter::default()
    };
    again(app, workspace, filter).await?;
    let created = TimeSpan { from: Some(off), before: None };
    missed(app, workspace, before, EventFilter { created, ..EventFilter::default() }).await?;
    Ok(())
}

async fn enabled(app: &App, workspace: WorkspaceId, id: Uuid) -> Result<Endpoint, ApiError> {
    let endpoint = app.store().read(move |tx| tx.endpoint(workspace, id)).await?;
    let endpoint = endpoint.ok_or_else(ApiError::not_found)?;
    if endpoint.disabled.is_some() { Err(super::disabled()) } else { Ok(endpoint) }
}

async fn again(app: &App, workspace: WorkspaceId, filter: DeliveryFilter) -> Result<i64, ApiError> {
    let now = app.now_micros();
    in_batches(app, DeliveryId(0), move |tx, after| {
        tx.replay_deliveries(workspace, &filter, after, BATCH, now)
    })
    .await
}

async fn missed(
    app: &App,
    workspace: WorkspaceId,
    endpoint: &Endpoint,
    filter: EventFilter,
) -> Result<i64, ApiError> {
    let (endpoint, now) = (endpoint.id, app.now_micros());
    in_batches(app, EventId(0), move |tx, after| {
        tx.deliver_missed(workspace, endpoint, &filter, after, BATCH, now)
    })
    .await
}

/// Takes one transaction after the other, each from where the one before ended, until one does less
/// than it may. Answers how much was done.
async fn in_batches<I: Copy + Send + 'static>(
    app: &App,
    mut after: I,
    step: impl Fn(&mut Tx<'_>, I) -> vinculo_store::Result<Vec<I>> + Clone + Send + 'static,
) -> Result<i64, ApiError> {
    let mut count = 0;
    loop {
        let step = step.clone();
        let batch = app.store().write(move |tx| step(tx, after)).await?;
        let done = i64::try_from(batch.len()).unwrap_or(BATCH);
        count += done;
        match batch.last() {
            Some(last) if done == BATCH => after = *last,
            _ => return Ok(count),
        }
    }
}
