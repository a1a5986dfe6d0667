//! An endpoint that says it is gone, or fails for days, is disabled.

use vinculo_store::{DisabledReason, DueDelivery, EndpointId, Error, Micros, Recipients, Tx};

use crate::App;
use crate::error::ApiError;
use crate::jobs::{Webhook, emit_own};

/// How long an endpoint may fail, microseconds: five days.
const PATIENCE: Micros = 5 * 24 * 60 * 60 * 1_000_000;

/// Notes that an endpoint did not take an event, before the try is recorded. Answers why the endpoint
/// has to be disabled.
pub(crate) fn note_failed(
    tx: &mut Tx<'_>,
    endpoint: EndpointId,
    gone: bool,
    now: Micros,
) -> Result<Option<DisabledReason>, Error> {
    let since = tx.endpoint_failed(endpoint, now)?;
    let too_long = since.is_some_and(|since| now - since >= PATIENCE);
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
    let secrets = app.secrets(due.workspace)?;
    let webhook = Webhook::endpoint_disabled(due.endpoint_uuid, reason.as_str());
    emit_own(tx, app, &secrets, &webhook, Recipients::Nobody)?;
    Ok(())
}
