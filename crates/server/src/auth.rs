//! Who is calling: the API key of the Basic header (contract 1.4).

use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use uuid::Uuid;
use vinculo_store::{ApiKeyId, Workspace};
use vinculo_vault::SecretHash;

use crate::App;
use crate::error::ApiError;

/// A caller whose key was verified: whoever holds this may act in its workspace.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The workspace of the key.
    pub workspace: Workspace,
    /// The key, whose limit the request counts towards.
    pub key: Option<ApiKeyId>,
}

struct Credentials {
    secret_id: Uuid,
    password: String,
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Self::verify(parts, app).await?;
        app.limits().admit(parts, &caller)?;
        Ok(caller)
    }
}

impl Caller {
    async fn verify(parts: &Parts, app: &App) -> Result<Self, ApiError> {
        let credentials = basic(parts).ok_or_else(ApiError::unauthenticated)?;
        let secret_id = credentials.secret_id;
        let key = app
            .store()
            .read(move |tx| tx.api_key(secret_id))
            .await?
            .ok_or_else(ApiError::unauthenticated)?;
        let stored = SecretHash::from_bytes(&key.secret_hash).map_err(ApiError::unexpected)?;
        let secrets = app.secrets(key.workspace.id)?;
        if !secrets.indexes().verify_secret(&credentials.password, &stored) {
            return Err(ApiError::unauthenticated());
        }
        Ok(Self { workspace: key.workspace, key: Some(key.id) })
    }
}

/// The pair of a Basic header, split at the first colon; the password may hold more of them.
fn basic(parts: &Parts) -> Option<Credentials> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, password) = decoded.split_once(':')?;
    Some(Credentials { secret_id: Uuid::try_parse(id).ok()?, password: password.to_owned() })
}
