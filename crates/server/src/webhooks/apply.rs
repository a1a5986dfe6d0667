//! Changes of an endpoint with what follows from them for its deliveries, in transactions of their own. They go on
//! when whoever asked for them has gone, and what a process that ended left of them is found by a sweep.

use std::sync::Arc;

use uuid::Uuid;
use vinculo_store::{EndpointId, Tx};

use super::endpoint::{EndpointChange, EndpointStatus, change, remove};
use super::replay::LOOKED_AT;
use super::{disabled, replay};
use crate::App;
use crate::audit::Trail;
use crate::error::ApiError;
use crate::secrets::WorkspaceSecrets;

/// Deliveries cancelled in one transaction: a few milliseconds of the one writer of an embedded database.
const CANCELLED: i64 = 500;

/// Changes an endpoint; when `and_replay` is wanted, sends what it missed: since it was disabled, or
/// since it was added when it was enabled already. 409 when nothing is sent to it.
pub(crate) async fn apply(
    app: &App,
    trail: Trail,
    secrets: &Arc<WorkspaceSecrets>,
    id: Uuid,
    wanted: EndpointChange,
    and_replay: bool,
) -> Result<EndpointStatus, ApiError> {
    let (of, secrets) = (app.clone(), Arc::clone(secrets));
    let work = async move {
        let (enabled, has_types) = (wanted.enabled, wanted.types.is_some());
        if enabled == Some(true) {
            cancel_before_enabling(&of, &secrets, id).await?;
        }
        let (writer, owner) = (of.clone(), secrets);
        let write =
            move |tx: &mut Tx<'_>| write(tx, &writer, &trail, &owner, (id, wanted, and_replay));
        let (endpoint, changed) = of.store().write(write).await?;
        if enabled == Some(false) {
            cancel_rest(&of, endpoint).await;
        }
        if has_types {
            left_to_sweep(cancel_unwanted(&of, Some(endpoint)).await);
        }
        if and_replay {
            replay::send_missed(&of, endpoint).await;
        }
        Ok(changed)
    };
    app.complete(work).await
}

/// The transaction of a change.
fn write(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    (id, wanted, and_replay): (Uuid, EndpointChange, bool),
) -> Result<(EndpointId, EndpointStatus), ApiError> {
    let before = tx.hold_endpoint(secrets.workspace().id, id)?;
    let before = before.ok_or_else(ApiError::not_found)?;
    let enabled = wanted.enabled;
    let changed = change(tx, app, trail, secrets, id, wanted)?;
    if and_replay {
        if !changed.enabled {
            return Err(disabled());
        }
        replay::want_missed(tx, &before, app.now_micros())?;
    } else if enabled == Some(true) && before.disabled.is_some() {
        // What was to be sent before it was disabled is not wanted any more.
        tx.forget_missed(before.id, None)?;
    }
    Ok((before.id, changed))
}

/// Removes an endpoint, and cancels what waits for it.
pub(crate) async fn delete(
    app: &App,
    trail: Trail,
    secrets: &Arc<WorkspaceSecrets>,
    id: Uuid,
) -> Result<(), ApiError> {
    let (of, secrets) = (app.clone(), Arc::clone(secrets));
    let work = async move {
        let writer = of.clone();
        let write = move |tx: &mut Tx<'_>| remove(tx, &writer, &trail, &secrets, id);
        let removed = of.store().write(write).await?;
        cancel_rest(&of, removed).await;
        Ok(())
    };
    app.complete(work).await
}

/// Cancels what can never be sent, and what is not wanted any more.
pub(crate) async fn sweep(app: &App) -> Result<(), ApiError> {
    for endpoint in app.store().read(|tx| tx.stranded_endpoints()).await? {
        cancel_stranded(app, endpoint).await?;
    }
    app.store().write(|tx| tx.remove_orphaned_deliveries()).await?;
    cancel_unwanted(app, None).await
}

/// Cancels what still waits for an endpoint that was just disabled or deleted. What is left after a failure is
/// found by the [`sweep`].
pub(crate) async fn cancel_rest(app: &App, endpoint: EndpointId) {
    left_to_sweep(cancel_stranded(app, endpoint).await);
}

fn left_to_sweep(cancelled: Result<(), ApiError>) {
    if let Err(error) = cancelled {
        tracing::warn!(cause = error.cause(), "deliveries that are not sent wait for the sweep");
    }
}

/// Cancels what waits for the endpoints that want fewer types than before, or for the one among them, and is of
/// one of the others. Goes through what waits until there is none: some of it may have changed its place.
async fn cancel_unwanted(app: &App, only: Option<EndpointId>) -> Result<(), ApiError> {
    for (endpoint, narrowed_at) in app.store().read(move |tx| tx.narrowed_endpoints(only)).await? {
        let now = app.now_micros();
        let look = move |tx: &mut Tx<'_>, at| tx.unwanted_deliveries(endpoint, at, LOOKED_AT);
        let act = move |tx: &mut Tx<'_>, ids: &[_]| tx.cancel_unwanted_deliveries(ids, now);
        while replay::in_batches(app, look, act).await? > 0 {}
        app.store().write(move |tx| tx.forget_narrowed(endpoint, narrowed_at)).await?;
    }
    Ok(())
}

/// Cancels what still waits for an endpoint that is about to be enabled: the transaction that enables it
/// cancels what comes after.
async fn cancel_before_enabling(
    app: &App,
    secrets: &WorkspaceSecrets,
    id: Uuid,
) -> Result<(), ApiError> {
    let workspace = secrets.workspace().id;
    let found = app.store().read(move |tx| tx.endpoint(workspace, id)).await?;
    match found.filter(|endpoint| endpoint.disabled.is_some()) {
        Some(endpoint) => cancel_stranded(app, endpoint.id).await,
        None => Ok(()),
    }
}

/// Cancels what waits for an endpoint that is disabled or gone.
async fn cancel_stranded(app: &App, endpoint: EndpointId) -> Result<(), ApiError> {
    loop {
        let now = app.now_micros();
        let cancel = move |tx: &mut Tx<'_>| tx.cancel_stranded_deliveries(endpoint, CANCELLED, now);
        if app.store().write(cancel).await? < CANCELLED.unsigned_abs() {
            return Ok(());
        }
    }
}
