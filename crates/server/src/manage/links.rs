//! `/manage/v1/links/{id}/`: what the public contract does not show of a link, and the one thing it
//! gives no field for.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{AccessMode, AuditAction, Due, Link, LinkSettings, LinkStatus, Trigger};

use crate::App;
use crate::api::body::{Fields, JsonObject};
use crate::api::links::RefreshRateName;
use crate::api::links::access::hold;
use crate::api::query::PathId;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::clock::wire_time;
use crate::consents;
use crate::error::{ApiError, ErrorItem};
use crate::openapi::IdInPath;
use crate::terms::RefreshRate;

/// When a link is due for what.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkLife {
    id: Uuid,
    access_mode: &'static str,
    status: &'static str,
    /// `6h`, `12h`, `24h`, `7d` or `30d`; null for a single link.
    refresh_rate: Option<String>,
    /// When it is loaded next without anybody asking.
    next_refresh_at: Option<String>,
    /// When its document is erased.
    credentials_expire_at: Option<String>,
    /// When what was loaded for it is erased, unless it is loaded again before.
    data_stale_at: Option<String>,
    /// Retrievals that failed since the last one that did not; six make it invalid.
    failed_retrievals: i64,
    /// The consent it was made under.
    consent: Option<Uuid>,
    /// What it was made on the strength of: `consent`, or `contract_attestation`: you say by contract
    /// that you have one.
    legal_basis: &'static str,
}

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "refresh_rate": "24h" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct ChangeLink {
    /// `6h`, `12h`, `24h`, `7d` or `30d`.
    refresh_rate: RefreshRateName,
}

impl LinkLife {
    fn of(link: &Link) -> Self {
        Self {
            id: link.uuid,
            access_mode: link.access_mode.as_str(),
            status: link.status.as_str(),
            refresh_rate: link.refresh_rate.clone(),
            next_refresh_at: link.due.refresh.map(|(at, _)| wire_time(at)),
            credentials_expire_at: link.due.expires_at.map(wire_time),
            data_stale_at: link.due.stale_at.map(wire_time),
            failed_retrievals: link.failures,
            consent: link.consent,
            legal_basis: consents::legal_basis(link.consent),
        }
    }
}

/// When a link is due for what.
#[utoipa::path(
    get, path = "/manage/v1/links/{id}/", tag = "links", operation_id = "LinkLife",
    params(IdInPath),
    responses((status = 200, description = "When it is due for what", body = LinkLife))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<LinkLife>, ApiError> {
    let workspace = caller.workspace.id;
    let link = app.store().read(move |tx| tx.link(workspace, id)).await?;
    let link = link.ok_or_else(ApiError::not_found)?;
    let entry = Entry::of(AuditAction::LinksRead).link(&link);
    caller.trail.read_one(&app, entry).await?;
    Ok(Json(LinkLife::of(&link)))
}

/// Sets how often a recurrent link is loaded; the next load is that long from now.
#[utoipa::path(
    patch, path = "/manage/v1/links/{id}/", tag = "links", operation_id = "ChangePace",
    request_body = ChangeLink,
    params(IdInPath),
    responses(
        (status = 200, description = "When it is due for what", body = LinkLife),
        (status = 400, description = "An unknown rate, or a link that is not recurrent")
    )
)]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    body: JsonObject,
) -> Result<Json<LinkLife>, ApiError> {
    let mut fields = Fields::new(&body);
    let rate = match fields.required_text("refresh_rate") {
        Some(_) => fields.optional_choice("refresh_rate", RefreshRate::parse),
        None => None,
    };
    fields.finish()?;
    let rate = rate.unwrap_or(RefreshRate::Weekly);
    let (workspace, trail, writer) = (caller.workspace.id, caller.trail, app.clone());
    let changed = app.store().write(move |tx| {
        let link = hold(tx, workspace, id)?;
        tx.set_link_settings(link.id, &paced(&writer, &link, rate)?)?;
        trail.note(tx, &writer, Entry::of(AuditAction::LinkChanged).link(&link))?;
        tx.link_by_id(link.id)?.ok_or_else(ApiError::not_found)
    });
    Ok(Json(LinkLife::of(&changed.await?)))
}

fn paced(app: &App, link: &Link, rate: RefreshRate) -> Result<LinkSettings, ApiError> {
    if link.access_mode != AccessMode::Recurrent {
        let message = "A single link is not refreshed on its own.";
        let item = ErrorItem::field("invalid", "refresh_rate", message);
        return Err(ApiError::bad_request(vec![item]));
    }
    let next = rate.next(app.now_micros(), app.random_u64());
    let refresh = match link.due.refresh {
        // The first load of a link that was just made recurrent comes when it was promised.
        Some(first @ (_, Trigger::Refresh)) => Some(first),
        _ => (link.status == LinkStatus::Valid).then_some((next, Trigger::Schedule)),
    };
    Ok(LinkSettings {
        access_mode: link.access_mode,
        refresh_rate: Some(rate.as_str().to_owned()),
        credentials_storage: link.credentials_storage.clone(),
        stale_in: link.stale_in.clone(),
        fetch_resources: link.fetch_resources.clone(),
        due: Due { refresh, ..link.due },
    })
}
