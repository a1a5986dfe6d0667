//! Webhook endpoints: where a workspace wants its events sent.

use uuid::Uuid;
use vinculo_store::{AuditAction, Environment, NewEndpoint};
use vinculo_webhook::{authorization_header, check_url};

use crate::App;
use crate::audit::{Entry, Trail};
use crate::error::ApiError;
use crate::jobs::{Address, address_context};

/// An endpoint that cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The URL may not be called.
    #[error("url: {0}")]
    Url(#[from] vinculo_webhook::UrlError),
    /// The Authorization value cannot be a header.
    #[error("authorization: {0}")]
    Authorization(#[from] vinculo_webhook::AuthorizationError),
    /// Storing it failed.
    #[error("the endpoint could not be stored: {0}")]
    Store(String),
}

impl From<ApiError> for AddressError {
    fn from(error: ApiError) -> Self {
        Self::Store(error.cause().unwrap_or("refused").to_owned())
    }
}

/// Adds an endpoint for the organization `default`. `authorization` is a full header value, or a
/// bare token that is sent as `Bearer <token>` (contract 5.1).
///
/// # Errors
/// When the URL may not be called, the value cannot be a header, or the database fails.
pub async fn add_endpoint(
    app: &App,
    environment: Environment,
    url: String,
    authorization: Option<String>,
) -> Result<Uuid, AddressError> {
    check_url(&url, app.config().webhook_allow_private)?;
    if let Some(value) = &authorization {
        authorization_header(value)?;
    }
    let address = Address { url, authorization };
    Ok(store(app, environment, &address).await?)
}

async fn store(app: &App, environment: Environment, address: &Address) -> Result<Uuid, ApiError> {
    let secrets = app.secrets_of(environment)?;
    let uuid = app.uuid().map_err(ApiError::unexpected)?;
    let document = serde_json::to_vec(address)?;
    let sealed = secrets.data_key().seal(address_context(uuid), &document)?;
    let (workspace, created_at) = (secrets.workspace().id, app.now_micros());
    let writer = app.clone();
    app.store()
        .write(move |tx| {
            tx.insert_endpoint(&NewEndpoint { uuid, workspace, created_at, sealed: &sealed })?;
            let entry = Entry::of(AuditAction::WebhookCreated).object(uuid);
            Trail::console(workspace).note(tx, &writer, entry)
        })
        .await?;
    Ok(uuid)
}
