//! An endpoint that says it is gone, or fails for days, is disabled.

use vinculo_store::{AuditAction, DisabledReason, DueDelivery, Error, Micros, Recipients, Tx};

use crate::App;
use crate::audit::{Entry, Trail};
use crate::error::ApiError;
use crate::jobs::{Webhook, emit_own};

/// A day, microseconds.
const DAY: Micros = 24 * 60 * 60 * 1_000_000;
/// How long an endpoint may fail.
const PATIENCE: Micros = 5 * DAY;
/// After so long without a try an endpoint that failed may have been mended: it has a day again.
const QUIET: Micros = 2 * DAY;

/// Notes that an endpoint did not take an event, before the try is recorded. Answers why the endpoint
/// has to be disabled. It is left in peace until `held_until`, when that is given. A try to an endpoint that was changed or disabled meanwhile says nothing.
pub(crate) fn note_failed(
    tx: &mut Tx<'_>,
    due: &DueDelivery,
    gone: bool,
    now: Micros,
    held_until: Option<Micros>,
) -> Result<Option<DisabledReason>, Error> {
    let Some(failing) = tx.endpoint_failed(due.endpoint, &due.address, now, QUIET, held_until)?
    else {
        return Ok(None);
    };
    let too_long = now - failing.since >= PATIENCE && now - failing.again_since >= DAY;
    Ok(if gone { Some(DisabledReason::Gone) } else { too_long.then_some(DisabledReason::Failing) })
}

/// Disables an endpoint, and leaves an event that says so.
pub(crate) fn disable(
    tx: &mut Tx<'_>,
    app: &App,
    due: &DueDelivery,
    reason: DisabledReason,
) -> Result<(), ApiError> {
    if !tx.disable_endpoint(due.endpoint, reason, app.now_micros())? {
        return Ok(());
    }
    tracing::warn!(endpoint = %due.endpoint_uuid, %reason, "webhook endpoint disabled");
    let noted = Entry::of(AuditAction::WebhookDisabled).object(due.endpoint_uuid);
    Trail::system(due.workspace).note(tx, app, noted)?;
    let secrets = app.secrets(due.workspace)?;
    let webhook = Webhook::endpoint_disabled(due.endpoint_uuid, reason.as_str());
    emit_own(tx, app, &secrets, &webhook, Recipients::Nobody)?;
    Ok(())
}
