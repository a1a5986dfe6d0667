//! `POST /api/links/{id}/refresh/` (contract 3.3.9)

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_store::{AuditAction, Job, Link, NewLoad, Resource, Trigger, Tx, WorkspaceId};
use vinculo_vault::DataKey;

use super::access::{self, credentials, hold};
use super::fields;
use super::schema::ResourceName;
use crate::App;
use crate::api::body::{Fields, JsonObject, OptionalJsonObject};
use crate::api::mode::Accepted;
use crate::api::query::PathId;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::consents;
use crate::error::ApiError;
use crate::once::{About, Claim, Once};
use crate::openapi::{IdInPath, OnceParams};
use crate::request_id::RequestId;
use crate::terms::after;

/// How long a link that was refreshed is not refreshed again (contract 2.10).
const COOLDOWN: Duration = Duration::from_secs(10 * 60);

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "fetch_resources": ["EMPLOYMENTS"] }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct RefreshLink {
    /// `EMPLOYMENTS`, `OWNERS` or both; all when not given.
    fetch_resources: Option<Vec<ResourceName>>,
}

/// Loads the link again in the background; its webhooks carry the `request_id` of the answer.
#[utoipa::path(
    post, path = "/api/links/{id}/refresh/", tag = "links",
    operation_id = "RefreshHistoricalDataForLink",
    request_body = Option<RefreshLink>,
    params(IdInPath, OnceParams),
    responses(
        (status = 202, description = "The load has been asked for", body = Accepted),
        (status = 400, description = "Invalid fields, or an invalid link"),
        (status = 404, description = "No such link, or its credentials have expired"),
        (status = 409, description = "Refreshed within the last ten minutes, or the \
            Idempotency-Key was used for another request")
    )
)]
pub(crate) async fn refresh(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Extension(RequestId(request_id)): Extension<RequestId>,
    once: Once,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Response, ApiError> {
    let attempt = once.of(&app, &caller, body.raw())?;
    attempt.run(|claim| start(app, caller, id, request_id, claim, body)).await
}

async fn start(
    app: App,
    caller: Caller,
    id: Uuid,
    request_id: Uuid,
    claim: Claim,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = Fields::new(&body);
    let resources = fields::resources(&mut fields).unwrap_or_default();
    fields.finish()?;
    let (workspace, trail, writer) = (caller.workspace.id, caller.trail, app.clone());
    let body = app
        .store()
        .write(move |tx| {
            let resources = Resource::or_all(&resources);
            let (link, key) = ask(tx, &writer, &trail, (workspace, id), resources, request_id)?;
            let body = Accepted::body(request_id)?;
            let about = About { subject: link.subject, link: Some(link.id), key: &key };
            claim.record(tx, StatusCode::ACCEPTED, &body, Some(about))?;
            Ok::<_, ApiError>(body)
        })
        .await?;
    Ok(Accepted::answer(body))
}

/// Asks, in a transaction, that a link of a workspace be filled again; the link and its key.
///
/// # Errors
/// 404 when there is none, 400 when it cannot be filled, 409 when it was refreshed just now.
pub(crate) fn ask(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    (workspace, id): (WorkspaceId, Uuid),
    resources: &[Resource],
    request_id: Uuid,
) -> Result<(Link, DataKey), ApiError> {
    let link = hold(tx, workspace, id)?;
    let (key, secrets) = access::open(app, &link)?;
    credentials(&link, secrets)?;
    let now = app.now_micros();
    consents::permit(tx, &link, resources, now)?;
    if let Some(last) = tx.last_refresh(link.id)? {
        cool_down(after(last, COOLDOWN) - now)?;
    }
    let load = tx.insert_load(&NewLoad {
        workspace,
        subject: link.subject,
        link: link.id,
        trigger: Trigger::Refresh,
        resources,
        request_id,
        window: None,
        save_data: true,
        quiet: false,
        source_call: None,
        created_at: now,
    })?;
    tx.enqueue(Job::SyncLink(load), now, now)?;
    trail.note(tx, app, Entry::of(AuditAction::LinkRefreshed).link(&link))?;
    Ok((link, key))
}

/// `left` is what is left of the time, in microseconds.
fn cool_down(left: i64) -> Result<(), ApiError> {
    const MINUTE: i64 = 60_000_000;
    if left <= 0 {
        return Ok(());
    }
    let minutes = left.unsigned_abs().div_ceil(MINUTE.unsigned_abs());
    let message = format!(
        "The link has already been refreshed. Please wait {minutes} minutes before trying again."
    );
    Err(ApiError::status(StatusCode::CONFLICT, "link_refreshed", message))
}
