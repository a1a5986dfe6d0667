//! Deliveries made again: the same `webhook_id`, the same bytes.

use std::sync::Arc;

use uuid::Uuid;
use vinculo_store::{
    AuditAction, DeliveryFilter, DeliveryId, DeliveryState, Endpoint, EndpointId, Error,
    EventFilter, Micros, MissedReplay, PageRequest, ReplayPage, ReplayPlace, TimeSpan, Tx,
    WorkspaceId,
};

use crate::App;
use crate::audit::{Entry, Trail};
use crate::error::ApiError;
use crate::webhooks::DeliveryStatus;

/// Rows looked at by one read.
pub(super) const LOOKED_AT: i64 = 1000;

/// Deliveries made again in one transaction: a few milliseconds of the one writer of an embedded database.
const BATCH: usize = 200;

/// How far apart the clocks of processes may be, microseconds, and an event from the commit that tells of it:
/// what an endpoint missed is looked for from so long before it was disabled.
const APART: Micros = 60 * 1_000_000;

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
        count += missed(app, workspace, endpoint.id, events.clone()).await?;
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
    tx.replay_deliveries(workspace, &filter, &[delivery.id], app.now_micros())?;
    Ok(DeliveryStatus::of(&read(tx)?))
}

/// Notes that an endpoint, which is enabled now, is to be sent what it did not get since it was disabled as it
/// is described here; when it was not, since it was added.
pub(super) fn want_missed(tx: &mut Tx<'_>, before: &Endpoint, now: Micros) -> Result<(), Error> {
    let added = before.created_at;
    let off = before.disabled.map_or(added, |(at, _)| (at - APART).max(added));
    let failing = before.failing_since.filter(|_| before.disabled.is_some());
    tx.want_missed(before.id, failing.map_or(off, |since| since.min(off)), off, now)
}

/// Sends an endpoint what is noted of it. What is left after a failure is found by [`send_all_missed`].
pub(super) async fn send_missed(app: &App, endpoint: EndpointId) {
    let sent = async {
        for wanted in app.store().read(move |tx| tx.missed_replays(Some(endpoint))).await? {
            send(app, wanted).await?;
        }
        Ok::<_, ApiError>(())
    };
    if let Err(error) = sent.await {
        tracing::warn!(cause = error.cause(), "what an endpoint missed waits for the sweep");
    }
}

/// Sends every endpoint what is noted of it and has not been sent: the process ended that was about to, or is
/// at it.
///
/// # Errors
/// When the database fails.
pub(crate) async fn send_all_missed(app: &App) -> Result<(), ApiError> {
    for wanted in app.store().read(|tx| tx.missed_replays(None)).await? {
        send(app, wanted).await?;
    }
    Ok(())
}

/// Sends an endpoint what is noted of it, and then forgets that. Of what failed or was cancelled, types alone that
/// it wants; done by two at once, everything is sent once.
async fn send(app: &App, wanted: MissedReplay) -> Result<(), ApiError> {
    let (workspace, endpoint) = (wanted.workspace, wanted.endpoint);
    let filter = DeliveryFilter {
        endpoints: Some(vec![wanted.uuid]),
        states: Some(vec![DeliveryState::Failed, DeliveryState::Cancelled]),
        finished_since: Some(wanted.ended_since),
        not_replayed_since: Some(wanted.wanted_at),
        events: EventFilter { types: wanted.types, ..EventFilter::default() },
        ..DeliveryFilter::default()
    };
    again(app, workspace, filter).await?;
    let created = TimeSpan { from: Some(wanted.happened_since), before: None };
    let happened = EventFilter { created, ..EventFilter::default() };
    missed(app, workspace, endpoint, happened).await?;
    let done = move |tx: &mut Tx<'_>| tx.forget_missed(endpoint, Some(wanted.wanted_at));
    Ok(app.store().write(done).await?)
}

async fn enabled(app: &App, workspace: WorkspaceId, id: Uuid) -> Result<Endpoint, ApiError> {
    let endpoint = app.store().read(move |tx| tx.endpoint(workspace, id)).await?;
    let endpoint = endpoint.ok_or_else(ApiError::not_found)?;
    if endpoint.disabled.is_some() { Err(super::disabled()) } else { Ok(endpoint) }
}

async fn again(app: &App, workspace: WorkspaceId, filter: DeliveryFilter) -> Result<i64, ApiError> {
    let (now, filter) = (app.now_micros(), Arc::new(filter));
    let of = Arc::clone(&filter);
    let look =
        move |tx: &mut Tx<'_>, at| tx.deliveries_to_replay(workspace, &of, at, LOOKED_AT, now);
    let act = move |tx: &mut Tx<'_>, ids: &[_]| tx.replay_deliveries(workspace, &filter, ids, now);
    in_batches(app, look, act).await
}

async fn missed(
    app: &App,
    workspace: WorkspaceId,
    endpoint: EndpointId,
    filter: EventFilter,
) -> Result<i64, ApiError> {
    let now = app.now_micros();
    let look =
        move |tx: &mut Tx<'_>, at| tx.missed_events(workspace, endpoint, &filter, at, LOOKED_AT);
    let act = move |tx: &mut Tx<'_>, ids: &[_]| tx.deliver_missed(workspace, endpoint, ids, now);
    in_batches(app, look, act).await
}

/// Looks for rows step by step, and acts on what each step finds, a few rows in a transaction. Answers on
/// how many it has acted.
pub(super) async fn in_batches<I: Copy + Send + 'static>(
    app: &App,
    look: impl Fn(&mut Tx<'_>, ReplayPlace) -> Result<ReplayPage<I>, Error> + Clone + Send + 'static,
    act: impl Fn(&mut Tx<'_>, &[I]) -> Result<u64, Error> + Clone + Send + 'static,
) -> Result<i64, ApiError> {
    let (mut count, mut place) = (0, Some(ReplayPlace::default()));
    while let Some(at) = place {
        let look = look.clone();
        let page = app.store().read(move |tx| look(tx, at)).await?;
        for rows in page.found.chunks(BATCH) {
            let (act, rows) = (act.clone(), rows.to_vec());
            let done = app.store().write(move |tx| act(tx, &rows)).await?;
            count += i64::try_from(done).unwrap_or(i64::MAX);
        }
        place = page.next;
    }
    Ok(count)
}
