//! An endpoint that says it is gone, or fails for days, is disabled.

use vinculo_store::{DisabledReason, DueDelivery, Micros, Recipients, Tx};

use crate::App;
use crate::error::ApiError;
use crate::jobs::{Webhook, emit_own};

/// How long an endpoint may fail, microseconds: five days.
const PATIENCE: Micros = 5 * 24 * 60 * 60 * 1_000_000;

/// How a try went, as far as it says something about the endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It took the event.
    Works,
    /// It did not.
    Failed,
    /// It wants nothing any more: status 410.
    Gone,
}

/// Notes how a try went, before it is recorded. Answers why the endpoint has to be disabled.
pub(crate) fn note(
    tx: &mut Tx<'_>,
    due: &DueDelivery,
    verdict: Verdict,
    now: Micros,
) -> Result<Option<DisabledReason>, ApiError> {
    if verdict == Verdict::Works {
        if due.failing {
            tx.endpoint_works(due.endpoint)?;
        }
        return Ok(None);
    }
    let since = tx.endpoint_failed(due.endpoint, now)?;
    let too_long = since.is_some_and(|since| now - since >= PATIENCE);
    Ok(match verdict {
        Verdict::Gone => Some(DisabledReason::Gone),
        _ => too_long.then_some(DisabledReason::Failing),
    })
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
