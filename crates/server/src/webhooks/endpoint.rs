//! Endpoints as they are shown and changed, each change in the caller's transaction.

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{
    AuditAction, DisabledReason, Endpoint, EndpointId, Micros, NewEndpoint, Recipients, Tx,
};
use vinculo_webhook::authorization_header;

use super::address::Address;
use crate::App;
use crate::audit::{Entry, Trail};
use crate::clock::wire_time;
use crate::error::{ApiError, ErrorItem};
use crate::jobs::{Webhook, emit_own};
use crate::secrets::WorkspaceSecrets;

/// Types of events that an endpoint can choose from.
pub(crate) const TYPES: [&str; 4] = ["EMPLOYMENTS", "OWNERS", "LINK", "COHORT"];

/// A webhook endpoint.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b", "url": "https://example.com/hooks",
    "has_authorization": true, "webhook_types": null, "enabled": true, "disabled_at": null,
    "disabled_reason": null, "failing_since": null, "held_until": null, "signed": true,
    "old_secret_until": null, "created_at": "2026-11-24T12:00:00.000000Z", "secret": null
}))]
pub struct EndpointStatus {
    /// Public id.
    pub id: Uuid,
    /// Where events are sent.
    pub url: String,
    /// Whether an `Authorization` value is sent; it is never shown.
    pub has_authorization: bool,
    /// Types of events it gets; null for all.
    #[schema(required)]
    pub webhook_types: Option<Vec<String>>,
    /// Whether anything is sent to it.
    pub enabled: bool,
    /// Since when nothing is.
    #[schema(required, format = DateTime)]
    pub disabled_at: Option<String>,
    /// `manual`, `gone` (it answered 410) or `failing` (every try failed for five days).
    #[schema(required)]
    pub disabled_reason: Option<&'static str>,
    /// The first failed try since the last one that did not fail.
    #[schema(required, format = DateTime)]
    pub failing_since: Option<String>,
    /// Until when nothing is sent to it, because it answered 429, 502, 503 or 504.
    #[schema(required, format = DateTime)]
    pub held_until: Option<String>,
    /// Whether requests are signed. Not before the first rotation of an endpoint that was added by
    /// a version that did not sign.
    pub signed: bool,
    /// Until when requests are signed with secrets before the newest as well.
    #[schema(required, format = DateTime)]
    pub old_secret_until: Option<String>,
    /// When it was added.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// The new secret, in the one answer that shows it; else null.
    #[schema(required)]
    pub secret: Option<String>,
}

/// An endpoint that somebody wants.
#[derive(Debug, Clone)]
pub struct WantedEndpoint {
    /// Where to send events.
    pub url: String,
    /// A full header value, or a bare token that is sent as `Bearer <token>` (contract 5.1).
    pub authorization: Option<String>,
    /// Types of events it gets; `None` for all.
    pub types: Option<Vec<String>>,
    /// Whether anything is sent to it yet.
    pub enabled: bool,
}

/// What somebody wants changed; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct EndpointChange {
    /// Where to send events.
    pub url: Option<String>,
    /// The `Authorization` value; an inner `None` takes it away.
    pub authorization: Option<Option<String>>,
    /// Types of events it gets; an inner `None` stands for all.
    pub types: Option<Option<Vec<String>>>,
    /// Whether anything is sent to it.
    pub enabled: Option<bool>,
}

impl EndpointStatus {
    pub(crate) fn of(
        secrets: &WorkspaceSecrets,
        endpoint: &Endpoint,
        now: Micros,
    ) -> Result<Self, ApiError> {
        let address = Address::open(secrets, endpoint.uuid, &endpoint.sealed)?;
        Ok(Self::shown(endpoint, &address, now))
    }

    fn shown(endpoint: &Endpoint, address: &Address, now: Micros) -> Self {
        Self {
            id: endpoint.uuid,
            url: address.url.clone(),
            has_authorization: address.authorization.is_some(),
            webhook_types: endpoint.types.clone(),
            enabled: endpoint.disabled.is_none(),
            disabled_at: endpoint.disabled.map(|(at, _)| wire_time(at)),
            disabled_reason: endpoint.disabled.map(|(_, reason)| reason.as_str()),
            failing_since: endpoint.failing_since.map(wire_time),
            held_until: endpoint.held_until.filter(|until| *until > now).map(wire_time),
            signed: address.is_signed(),
            old_secret_until: address.old_secret_until(now).map(wire_time),
            created_at: wire_time(endpoint.created_at),
            secret: None,
        }
    }
}

/// What is wrong with where an endpoint would be and what would open it. Where the endpoint `of` a workspace
/// is already is not judged again: it was when it came there.
///
/// # Errors
/// When the database fails.
pub(crate) async fn judge(
    app: &App,
    of: Option<(&WorkspaceSecrets, Uuid)>,
    url: Option<&str>,
    authorization: Option<&str>,
) -> Result<Vec<ErrorItem>, ApiError> {
    let mut wrong = Vec::new();
    let known = match of {
        Some((secrets, id)) => url_of(app, secrets, id).await?,
        None => None,
    };
    if let Some(url) = url.filter(|url| known.as_deref() != Some(*url))
        && let Err(error) = app.sender().check(url).await
    {
        wrong.push(ErrorItem::field("invalid", "url", error.to_string()));
    }
    if let Some(value) = authorization
        && let Err(error) = authorization_header(value)
    {
        wrong.push(ErrorItem::field("invalid", "authorization", error.to_string()));
    }
    Ok(wrong)
}

async fn url_of(
    app: &App,
    secrets: &WorkspaceSecrets,
    id: Uuid,
) -> Result<Option<String>, ApiError> {
    let workspace = secrets.workspace().id;
    let Some(endpoint) = app.store().read(move |tx| tx.endpoint(workspace, id)).await? else {
        return Ok(None);
    };
    Ok(Some(Address::open(secrets, id, &endpoint.sealed)?.url))
}

/// Adds an endpoint that was judged; the answer shows its secret.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    wanted: &WantedEndpoint,
) -> Result<EndpointStatus, ApiError> {
    let (uuid, now) = (app.uuid().map_err(ApiError::unexpected)?, app.now_micros());
    let mut address = Address::new(wanted.url.clone(), wanted.authorization.clone());
    let secret = address.rotate(app, now)?;
    let workspace = secrets.workspace().id;
    let (types, sealed) = (wanted.types.as_deref(), &address.seal(secrets, uuid)?);
    trail.note(tx, app, Entry::of(AuditAction::WebhookCreated).object(uuid))?;
    let id =
        tx.insert_endpoint(&NewEndpoint { uuid, workspace, created_at: now, types, sealed })?;
    if !wanted.enabled {
        tx.disable_endpoint(id, DisabledReason::Manual, now)?;
    }
    let added = tx.endpoint(workspace, uuid)?.ok_or_else(ApiError::not_found)?;
    Ok(EndpointStatus { secret: Some(secret), ..EndpointStatus::shown(&added, &address, now) })
}

/// Changes an endpoint as was wanted and judged.
pub(super) fn change(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    id: Uuid,
    wanted: EndpointChange,
) -> Result<EndpointStatus, ApiError> {
    let (endpoint, mut address) = hold(tx, secrets, id)?;
    if let Some(url) = wanted.url.filter(|url| *url != address.url) {
        address.url = url;
        // Where it failed is not where it is now.
        tx.endpoint_works(endpoint.id, &endpoint.sealed, Micros::MAX)?;
    }
    address.authorization = wanted.authorization.unwrap_or(address.authorization);
    let before = endpoint.types.clone();
    let types = wanted.types.unwrap_or(endpoint.types);
    trail.note(tx, app, Entry::of(AuditAction::WebhookChanged).object(id))?;
    tx.change_endpoint(endpoint.id, types.as_deref(), &address.seal(secrets, id)?)?;
    if is_narrower(types.as_deref(), before.as_deref()) {
        tx.narrow_endpoint(endpoint.id, app.now_micros())?;
    }
    match wanted.enabled {
        Some(true) => tx.enable_endpoint(endpoint.id, app.now_micros())?,
        Some(false) => {
            tx.disable_endpoint(endpoint.id, DisabledReason::Manual, app.now_micros())?;
        }
        None => {}
    }
    show(tx, app, secrets, id)
}

/// Whether there are types that were wanted before and are not any more; `None` stands for all.
fn is_narrower(types: Option<&[String]>, before: Option<&[String]>) -> bool {
    let Some(types) = types else { return false };
    let gone = |name: &str| !types.iter().any(|kept| kept == name);
    before.map_or_else(|| TYPES.into_iter().any(gone), |before| before.iter().any(|it| gone(it)))
}

/// Gives an endpoint a new secret, which the answer shows; requests are signed with those before
/// as well until `old_until`, unless that is now. 409 while as many as can be are promised to go on.
pub(crate) fn rotate(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    id: Uuid,
    old_until: Micros,
) -> Result<EndpointStatus, ApiError> {
    let (endpoint, mut address) = hold(tx, secrets, id)?;
    let now = app.now_micros();
    if let Some(until) = address.is_full_until(now).filter(|_| old_until > now) {
        return Err(super::still_signs(until));
    }
    let secret = address.rotate(app, old_until)?;
    trail.note(tx, app, Entry::of(AuditAction::WebhookSecretRotated).object(id))?;
    tx.change_endpoint(endpoint.id, endpoint.types.as_deref(), &address.seal(secrets, id)?)?;
    Ok(EndpointStatus { secret: Some(secret), ..show(tx, app, secrets, id)? })
}

/// Sends an endpoint a `TEST` event, which is answered by its id. As whoever emits an event, it
/// does not hold the endpoint: tests of one endpoint do not wait for one another's commits.
pub(crate) fn test(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    id: Uuid,
) -> Result<Uuid, ApiError> {
    let endpoint = tx.endpoint(secrets.workspace().id, id)?.ok_or_else(ApiError::not_found)?;
    if endpoint.disabled.is_some() {
        return Err(super::disabled());
    }
    trail.note(tx, app, Entry::of(AuditAction::WebhookTested).object(id))?;
    emit_own(tx, app, secrets, &Webhook::test(), Recipients::Only(endpoint.id))
}

/// Removes an endpoint; answers which it was.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    id: Uuid,
) -> Result<EndpointId, ApiError> {
    let (endpoint, _) = hold(tx, secrets, id)?;
    trail.note(tx, app, Entry::of(AuditAction::WebhookDeleted).object(id))?;
    tx.delete_endpoint(endpoint.id, app.now_micros())?;
    Ok(endpoint.id)
}

fn hold(
    tx: &mut Tx<'_>,
    secrets: &WorkspaceSecrets,
    id: Uuid,
) -> Result<(Endpoint, Address), ApiError> {
    let endpoint = tx.hold_endpoint(secrets.workspace().id, id)?;
    let endpoint = endpoint.ok_or_else(ApiError::not_found)?;
    let address = Address::open(secrets, id, &endpoint.sealed)?;
    Ok((endpoint, address))
}

fn show(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    id: Uuid,
) -> Result<EndpointStatus, ApiError> {
    let endpoint = tx.endpoint(secrets.workspace().id, id)?.ok_or_else(ApiError::not_found)?;
    EndpointStatus::of(secrets, &endpoint, app.now_micros())
}
