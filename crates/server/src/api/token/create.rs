//! `POST /api/token/`: a pair of tokens for a browser, which must not see the key.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use vinculo_store::AuditAction;

use super::request::{self, GenerateToken, Wanted};
use crate::App;
use crate::api::body::JsonObject;
use crate::api::page::json;
use crate::audit::Entry;
use crate::auth::{Authorization, Caller, Credentials};
use crate::client;
use crate::error::{ApiError, ErrorItem};
use crate::once::{Claim, Once};
use crate::openapi::OnceParams;
use crate::tokens::{self, ACCESS_LIFETIME, Claims, TokenType};

/// A pair of tokens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "access": "eyJ0eXAi.eyJ0b2tl.c2lnbmF0", "refresh": "eyJ0eXAi.eyJ0b2tl.cmVmcmVz" }))]
pub(crate) struct WidgetTokens {
    /// For `Authorization: Bearer`; ten minutes, or until its link is made or updated.
    access: String,
    /// Opens nothing: there is no endpoint that takes it.
    refresh: String,
}

/// Makes tokens for a widget.
///
/// The access token opens what its scopes say, for ten minutes or until it has made its link.
#[utoipa::path(
    post, path = "/api/token/", tag = "token", operation_id = "GenerateWidgetAccessToken",
    security((), ("keys" = [])),
    request_body = GenerateToken,
    params(OnceParams),
    responses((status = 200, description = "The tokens", body = WidgetTokens))
)]
pub(crate) async fn create(
    State(app): State<App>,
    parts: Parts,
    once: Result<Once, ApiError>,
    body: Result<JsonObject, ApiError>,
) -> Result<Response, ApiError> {
    // Who it is comes before what is wrong.
    let given = body.as_ref().ok().and_then(in_body);
    let caller = match given {
        Some(credentials) => Caller::enter(&app, &parts, credentials?).await?,
        None => Caller::of(&app, &parts, Authorization::of(&parts.headers)).await?,
    };
    let (once, body) = (once?, body?);
    let wanted = request::parse(&body, caller.workspace.environment)?;
    // A token opens no more than the key that made it.
    if let Some(scope) = caller.scopes.lack_of(request::needed(&wanted.scopes)) {
        return Err(ApiError::denied_without(scope));
    }
    let host = host(&app, &parts);
    let attempt = once.of(&app, &caller, body.raw())?;
    attempt.run(|claim| generate(app, caller, wanted, host, claim)).await
}

async fn generate(
    app: App,
    caller: Caller,
    wanted: Wanted,
    host: Option<String>,
    claim: Claim,
) -> Result<Response, ApiError> {
    if let Some(id) = wanted.link {
        exists(&app, &caller, id).await?;
    }
    let tokens = issue(&app, &caller, wanted, host).await?;
    let body = serde_json::to_vec(&tokens)?;
    let (kept, writer) = (body.clone(), app.clone());
    let keep = app.store().write(move |tx| {
        caller.trail.note(tx, &writer, Entry::of(AuditAction::TokenCreated))?;
        claim.record(tx, StatusCode::OK, &kept, None)
    });
    keep.await?;
    Ok(json(StatusCode::OK, body))
}

/// The key in the body; `None` when it names neither half.
fn in_body(body: &JsonObject) -> Option<Result<Credentials, ApiError>> {
    let (id, password) = (body.0.get("id"), body.0.get("password"));
    id.or(password)?;
    let id = id.and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
    let both = id.zip(password.and_then(Value::as_str));
    let key =
        both.map(|(secret_id, password)| Credentials { secret_id, password: password.to_owned() });
    Some(key.ok_or_else(ApiError::unauthenticated))
}

async fn exists(app: &App, caller: &Caller, id: Uuid) -> Result<(), ApiError> {
    let workspace = caller.workspace.id;
    if app.store().read(move |tx| tx.link(workspace, id)).await?.is_some() {
        return Ok(());
    }
    let message = format!("Object with id={id} does not exist.");
    Err(ApiError::bad_request(vec![ErrorItem::field("does_not_exist", "link_id", message)]))
}

/// Where the client reaches the server: host and port.
fn host(app: &App, parts: &Parts) -> Option<String> {
    let url = client::base(parts, app)?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

async fn issue(
    app: &App,
    caller: &Caller,
    wanted: Wanted,
    host: Option<String>,
) -> Result<WidgetTokens, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    let organization = caller.workspace.organization;
    let name = app.store().read(move |tx| tx.organization_name(organization)).await?;
    let iat = app.now().as_second();
    let access = Claims {
        token_type: TokenType::Access,
        exp: iat + ACCESS_LIFETIME,
        iat,
        jti: app.uuid().map_err(ApiError::unexpected)?,
        user_id: organization,
        organization_id: organization,
        organization_name: name.unwrap_or_default(),
        environment: caller.workspace.environment.to_string(),
        scopes: wanted.scopes,
        api_url: host.clone(),
        iss: host,
        link_id: wanted.link,
        defaults: wanted.defaults,
        widget: wanted.widget,
    };
    let refresh = Claims {
        token_type: TokenType::Refresh,
        exp: iat.saturating_add_unsigned(app.config().refresh_token_lifetime.as_secs()),
        jti: app.uuid().map_err(ApiError::unexpected)?,
        widget: None,
        ..access.clone()
    };
    Ok(WidgetTokens {
        access: tokens::sign(&secrets, &access)?,
        refresh: tokens::sign(&secrets, &refresh)?,
    })
}
