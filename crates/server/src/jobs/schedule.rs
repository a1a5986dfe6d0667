//! What links come due for without anybody asking: a refresh, the end of what they store, the end
//! of what was loaded for them. One transaction a link, which looks again before it acts: any
//! number of workers may look at the same time.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use vinculo_store::{
    AuditAction, DueFor, DueLink, Error, Job, Link, LinkId, LinkStatus, Micros, NewLoad, Resource,
    Trigger, Tx, WorkspaceId,
};

use crate::audit::{Entry, Trail};
use crate::clock::after;
use crate::error::ApiError;
use crate::projection::LinkSecrets;
use crate::terms::{RefreshRate, before};
use crate::{App, consents, traces};

/// Links handled between two looks.
const LINKS: i64 = 64;

/// Waiting loads of a workspace beside which no link of it begins another. Its jobs are taken in the order of
/// their coming: however many links are due at once, who has just made one waits for few of them.
const JOBS: i64 = 64;

/// Jobs that end before it is looked again whether there is room among those of workspaces that had none: a look
/// at every one of them would cost more than it finds.
const ROOM: u32 = 32;

/// Acts on every link that is due: at once where something that is stored has to go, and as there is
/// room among the jobs of its workspace where a refresh becomes one.
pub(super) async fn run_due(app: &App, stop: &CancellationToken) -> Done {
    let (mut places, mut left) = (BTreeMap::new(), BTreeSet::new());
    loop {
        let Ok(not_ended) = end_all(app, stop).await else { return Done::InPart };
        left.extend(not_ended);
        if stop.is_cancelled() {
            return Done::InPart;
        }
        let now = app.now_micros();
        let of = places.clone();
        let looked = app.store().read(move |tx| to_refresh(tx, now, of)).await;
        let Ok(found) = seen(looked) else { return Done::InPart };
        places = found.places;
        if found.due.is_empty() {
            // Links may have been passed over.
            return match (found.crowded, left.is_empty()) {
                (true, _) => Done::AsThereWasRoom,
                (false, true) => Done::All,
                (false, false) => Done::InPart,
            };
        }
        let due = found.due.into_iter().filter(|link| !left.contains(link)).collect();
        left.extend(act_on(app, due).await);
    }
}

/// How far links to be refreshed were looked at, by workspace: those that could not be acted on stay due.
type Places = BTreeMap<WorkspaceId, DueLink>;

/// What a look for links to be refreshed has found.
struct Look {
    due: Vec<LinkId>,
    places: Places,
    /// Whether a workspace has some and no room for them.
    crowded: bool,
}

/// Looks for the next links to be refreshed, of each workspace for as many as it has room for.
fn to_refresh(tx: &mut Tx<'_>, now: Micros, mut places: Places) -> Result<Look, Error> {
    let (mut due, mut crowded, mut rest) = (Vec::new(), false, LINKS);
    for (workspace, room) in tx.workspaces_to_refresh(now, JOBS)? {
        crowded |= room <= 0;
        let place = places.entry(workspace).or_insert(DueLink::FIRST);
        let found = match room.min(rest) {
            ..=0 => Vec::new(),
            limit => tx.due_links(DueFor::Refresh(workspace), now, *place, limit)?,
        };
        rest -= i64::try_from(found.len()).unwrap_or(rest);
        *place = found.last().copied().unwrap_or(*place);
        due.extend(found.into_iter().map(|link| link.id));
    }
    Ok(Look { due, places, crowded })
}

/// How much was done of what links were due for.
pub(super) enum Done {
    /// All of it.
    All,
    /// All but refreshes of workspaces that have as many jobs waiting as may.
    AsThereWasRoom,
    /// Some could not be acted on, and are due still.
    InPart,
}

/// Withholds what was revoked of people whose other consents have ended.
async fn withhold_all(app: &App, stop: &CancellationToken) -> Result<(), Unseen> {
    while !stop.is_cancelled() {
        let worker = app.clone();
        let done = app.store().write(move |tx| {
            let now = worker.now_micros();
            // One person in a transaction: nobody waits for two.
            let due = tx.due_to_withhold(now, 1)?;
            for &subject in &due {
                tx.lock_subject(subject)?;
                consents::withhold(tx, subject, now)?;
            }
            Ok(due.len())
        });
        if seen(done.await)? == 0 {
            break;
        }
    }
    Ok(())
}

/// Acts on the links that store what has to go. Answers those that could not be acted on.
async fn end_all(app: &App, stop: &CancellationToken) -> Result<Vec<LinkId>, Unseen> {
    withhold_all(app, stop).await?;
    let mut left = Vec::new();
    for what in [DueFor::Expiry, DueFor::Staleness] {
        let mut after = DueLink::FIRST;
        while !stop.is_cancelled() {
            let now = app.now_micros();
            let look = move |tx: &mut Tx<'_>| tx.due_links(what, now, after, LINKS);
            let due = seen(app.store().read(look).await)?;
            let Some(&last) = due.last() else { break };
            after = last;
            left.extend(act_on(app, due.into_iter().map(|link| link.id).collect()).await);
        }
    }
    Ok(left)
}

/// It cannot be seen what is due. The log says why.
struct Unseen;

fn seen<T>(read: Result<T, vinculo_store::Error>) -> Result<T, Unseen> {
    read.map_err(|error| {
        tracing::error!(%error, "cannot see which links are due");
        Unseen
    })
}

/// Acts on links. Answers those that could not be acted on.
async fn act_on(app: &App, due: Vec<LinkId>) -> Vec<LinkId> {
    let mut left = Vec::new();
    for link in due {
        if let Err(error) = act(app, link).await {
            tracing::error!(%link, cause = error.cause().unwrap_or("refused"), "link left due");
            left.push(link);
        }
    }
    left
}

/// Waits until so many jobs have ended here, of which `room` gets a permit each, that there may be room; or, as far
/// as can be told, elsewhere.
pub(super) async fn wait_for_room(app: &App, room: &Semaphore, stop: &CancellationToken) {
    let poll = after(app.now(), app.config().runner.poll);
    tokio::select! {
        () = stop.cancelled() => {}
        // Nobody closes it.
        ended = room.acquire_many(ROOM) => if let Ok(ended) = ended { ended.forget() },
        () = app.clock().sleep_until(poll) => {}
    }
    room.forget_permits(room.available_permits());
}

async fn act(app: &App, id: LinkId) -> Result<(), ApiError> {
    let worker = app.clone();
    app.store()
        .write(move |tx| {
            let Some(seen) = tx.link_by_id(id)? else { return Ok(()) };
            tx.lock_subject(seen.subject)?;
            // It may have been changed or deleted before the lock was had.
            let Some(link) = tx.link_by_id(id)? else { return Ok(()) };
            let now = worker.now_micros();
            let is_due = |at: Option<Micros>| at.is_some_and(|at| at <= now);
            if is_due(link.due.stale_at) {
                // It goes as well, as what has ended.
                let since = before(now, worker.config().longest_retrieval());
                tx.end_lost_requests(link.subject, since, now)?;
                tx.erase_link_data(link.id, link.subject)?;
                note(tx, &worker, AuditAction::LinkEmptied, &link)?;
            }
            if is_due(link.due.expires_at) {
                forget(tx, &worker, &link)
            } else if let Some((at, trigger)) = link.due.refresh
                && at <= now
            {
                refresh(tx, &worker, &link, trigger, now)
            } else {
                Ok(())
            }
        })
        .await
}

fn note(tx: &mut Tx<'_>, app: &App, action: AuditAction, link: &Link) -> Result<(), ApiError> {
    Trail::system(link.workspace).note(tx, app, Entry::of(action).link(link))
}

/// The time is over for which the customer wanted the document stored (contract 6.3).
fn forget(tx: &mut Tx<'_>, app: &App, link: &Link) -> Result<(), ApiError> {
    note(tx, app, AuditAction::LinkExpired, link)?;
    let key = app.all_secrets().vault().unwrap_key(&link.key)?;
    let own = LinkSecrets::open(&key, link.uuid, &link.sealed)?;
    let forgotten = LinkSecrets { document: None, ..own };
    Ok(tx.forget_credentials(link.id, &forgotten.seal(&key, link.uuid)?)?)
}

fn refresh(
    tx: &mut Tx<'_>,
    app: &App,
    link: &Link,
    trigger: Trigger,
    now: Micros,
) -> Result<(), ApiError> {
    // The pace is kept while nothing may be fetched: a new consent finds the link as it was.
    let basis = consents::basis(tx, link, Resource::or_all(&link.fetch_resources), now)?;
    // A source that has been away for a whole period has one question waiting, not two.
    let waits = tx.has_waiting_load(link.id, trigger)?;
    if link.status == LinkStatus::Valid && basis.is_ok() && !waits {
        note(tx, app, AuditAction::LinkRefreshed, link)?;
        start_load(tx, app, link, trigger)?;
    }
    let rate = link.refresh_rate.as_deref().and_then(RefreshRate::parse);
    let next = rate.map(|rate| (rate.next(now, app.random_u64()), Trigger::Schedule));
    Ok(tx.set_refresh(link.id, next)?)
}

fn start_load(tx: &mut Tx<'_>, app: &App, link: &Link, trigger: Trigger) -> Result<(), ApiError> {
    let (now, request_id) = (app.now_micros(), app.uuid().map_err(ApiError::unexpected)?);
    drop(traces::beginning(request_id, "refresh"));
    let load = tx.insert_load(&NewLoad {
        workspace: link.workspace,
        subject: link.subject,
        link: link.id,
        trigger,
        resources: Resource::or_all(&link.fetch_resources),
        request_id,
        window: None,
        save_data: true,
        quiet: false,
        source_call: None,
        created_at: now,
    })?;
    Ok(tx.enqueue(Job::SyncLink(load), now, now)?)
}
