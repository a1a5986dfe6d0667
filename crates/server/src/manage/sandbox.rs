//! `/manage/v1/sandbox/`: the calendar of a sandbox. Production has none.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use vinculo_store::{AuditAction, Tx};

use crate::App;
use crate::api::body::{Fields, JsonObject, shown};
use crate::audit::Entry;
use crate::auth::Caller;
use crate::clock::wire_time;
use crate::error::{ApiError, ErrorItem};
use crate::once::Once;
use crate::openapi::OnceParams;
use crate::sandbox;

/// Months by which a calendar can be moved at once, and altogether: the simulated operator knows no
/// more.
const MOST_AT_ONCE: i64 = 24;
const MOST: i64 = 240;

/// How the calendar of a sandbox stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SandboxCalendar {
    /// Months by which it is ahead of the real one.
    months_ahead: i64,
    /// The month it is in the sandbox, `YYYY-MM`.
    current_month: String,
    /// The newest month that the simulated operator tells of.
    newest_month: String,
    /// When it was last moved; null when it never was.
    moved_at: Option<String>,
}

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "months": 1 }))]
#[expect(dead_code, reason = "the schema of the request; the field is read by name")]
pub(crate) struct AdvanceSandbox {
    /// By how many months.
    #[schema(minimum = 1, maximum = 24)]
    months: i64,
}

impl SandboxCalendar {
    fn read(tx: &mut Tx<'_>, app: &App, caller: &Caller) -> Result<Self, ApiError> {
        let stands = sandbox::calendar(tx, &caller.workspace)?;
        let current = sandbox::month(app, stands.months_ahead)?;
        Ok(Self {
            months_ahead: stands.months_ahead,
            current_month: current.to_string(),
            newest_month: current.plus(-1).to_string(),
            moved_at: stands.moved_at.map(wire_time),
        })
    }
}

/// How the calendar of the sandbox stands.
#[utoipa::path(
    get, path = "/manage/v1/sandbox/", tag = "sandbox", operation_id = "ReadSandbox",
    responses((status = 200, description = "The calendar", body = SandboxCalendar))
)]
pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<SandboxCalendar>, ApiError> {
    sandbox::only(&caller.workspace, "The calendar")?;
    let reader = app.clone();
    let read = app.store().read(move |tx| SandboxCalendar::read(tx, &reader, &caller));
    Ok(Json(read.await?))
}

/// Moves the calendar of the sandbox ahead. Every recurrent link that is valid is refreshed, and its
/// webhooks tell of what is new.
#[utoipa::path(
    post, path = "/manage/v1/sandbox/advance/", tag = "sandbox", operation_id = "AdvanceSandbox",
    request_body = AdvanceSandbox,
    params(OnceParams),
    responses(
        (status = 200, description = "The calendar", body = SandboxCalendar),
        (status = 400, description = "No number of months, or more than the operator knows")
    )
)]
pub(crate) async fn advance(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    sandbox::only(&caller.workspace, "The calendar")?;
    let attempt = once.of(&app, &caller, body.raw())?;
    let months = months(&body)?;
    let writer = app.clone();
    let turn = move |tx: &mut Tx<'_>| turn(tx, &writer, &caller, Some(months));
    attempt.write(&app, StatusCode::OK, turn).await
}

/// Puts the calendar of the sandbox back to the real month. Every recurrent link that is valid is
/// refreshed: months that are still to come disappear.
#[utoipa::path(
    post, path = "/manage/v1/sandbox/reset/", tag = "sandbox", operation_id = "ResetSandbox",
    params(OnceParams),
    responses(
        (status = 200, description = "The calendar", body = SandboxCalendar),
        (status = 400, description = "An Idempotency-Key that is none")
    )
)]
pub(crate) async fn reset(
    State(app): State<App>,
    caller: Caller,
    once: Once,
) -> Result<Response, ApiError> {
    sandbox::only(&caller.workspace, "The calendar")?;
    let attempt = once.of(&app, &caller, &[])?;
    let writer = app.clone();
    let turn = move |tx: &mut Tx<'_>| turn(tx, &writer, &caller, None);
    attempt.write(&app, StatusCode::OK, turn).await
}

fn months(body: &JsonObject) -> Result<i64, ApiError> {
    let mut fields = Fields::new(body);
    let given = fields.required("months");
    let months = given.and_then(|given| {
        let text = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
        let months = text.parse().ok().filter(|months| (1..=MOST_AT_ONCE).contains(months));
        if months.is_none() {
            let message = format!("\"{}\" is not a number from 1 to {MOST_AT_ONCE}.", shown(&text));
            fields.refuse(ErrorItem::field("invalid", "months", message));
        }
        months
    });
    fields.finish()?;
    Ok(months.unwrap_or_default())
}

/// Moves the calendar ahead, or back to the real month.
fn turn(
    tx: &mut Tx<'_>,
    app: &App,
    caller: &Caller,
    months: Option<i64>,
) -> Result<SandboxCalendar, ApiError> {
    let (workspace, now) = (caller.workspace.id, app.now_micros());
    tx.lock_workspace(workspace)?;
    let ahead = sandbox::months_ahead(tx, &caller.workspace)?;
    let wanted = months.map_or(0, |months| ahead + months);
    if wanted > MOST {
        let message = format!("The calendar is {ahead} months ahead, and can be at most {MOST}.");
        let item = ErrorItem::field("invalid", "months", message);
        return Err(ApiError::bad_request(vec![item]));
    }
    caller.trail.note(tx, app, Entry::of(AuditAction::CalendarMoved))?;
    tx.move_sandbox(workspace, wanted, now)?;
    tx.refresh_all_links(workspace, now)?;
    SandboxCalendar::read(tx, app, caller)
}
