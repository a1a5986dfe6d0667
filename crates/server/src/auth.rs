//! Who is calling: the API key of the Basic header (contract 1.4).

use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use uuid::Uuid;
use vinculo_store::{ApiKeyId, Tx, Workspace};
use vinculo_vault::SecretHash;

use crate::App;
use crate::error::ApiError;
use crate::limits::Told;
use crate::sandbox;
use crate::tokens::WidgetToken;

/// A caller whose key was verified: whoever holds this may act in its workspace.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The workspace of the key.
    pub workspace: Workspace,
    /// The key, whose limit the request counts towards.
    pub key: Option<ApiKeyId>,
}

/// A caller whose key is looked up together with what it reads, in one visit to the database.
pub(crate) struct Asking {
    credentials: Credentials,
    told: Told,
}

/// The two halves of a key, as given.
pub(crate) struct Credentials {
    pub(crate) secret_id: Uuid,
    pub(crate) password: String,
}

/// What a request says about who sends it.
pub(crate) enum Authorization {
    /// A key.
    Basic(Credentials),
    /// A widget token.
    Bearer(String),
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Self::of(app, Authorization::of(&parts.headers)).await?;
        app.limits().admit(parts, &caller)?;
        sandbox::admit(&parts.headers, &caller.workspace)?;
        Ok(caller)
    }
}

impl Caller {
    /// The caller behind a key.
    ///
    /// # Errors
    /// 401 unless there is one and it is right; 403 for a widget token, however good.
    pub(crate) async fn of(app: &App, given: Option<Authorization>) -> Result<Self, ApiError> {
        match given {
            Some(Authorization::Basic(credentials)) => Self::verify(app, credentials).await,
            Some(Authorization::Bearer(token)) => {
                WidgetToken::open(app, &token).await?;
                Err(ApiError::denied())
            }
            None => Err(ApiError::unauthenticated()),
        }
    }

    /// The caller behind the two halves of a key.
    ///
    /// # Errors
    /// 401 when they do not belong together.
    pub(crate) async fn verify(app: &App, credentials: Credentials) -> Result<Self, ApiError> {
        let reader = app.clone();
        app.store().read(move |tx| Self::look_up(tx, &reader, &credentials)).await
    }

    fn look_up(tx: &mut Tx<'_>, app: &App, credentials: &Credentials) -> Result<Self, ApiError> {
        let key = tx.api_key(credentials.secret_id)?.ok_or_else(ApiError::unauthenticated)?;
        let stored = SecretHash::from_bytes(&key.secret_hash).map_err(ApiError::unexpected)?;
        let secrets = app.secrets(key.workspace.id)?;
        if !secrets.indexes().verify_secret(&credentials.password, &stored) {
            return Err(ApiError::unauthenticated());
        }
        Ok(Self { workspace: key.workspace, key: Some(key.id) })
    }
}

impl FromRequestParts<App> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match Authorization::of(&parts.headers) {
            Some(Authorization::Basic(credentials)) => {
                Ok(Self { credentials, told: Told::of(parts) })
            }
            // Nobody who sends anything else is a caller; it says why.
            other => {
                Caller::of(app, other).await?;
                Err(ApiError::unauthenticated())
            }
        }
    }
}

impl Asking {
    /// Reads for the caller, if there is one and it may ask.
    ///
    /// # Errors
    /// 401 when the halves of the key do not belong together, 429 when it has sent too many
    /// requests, and what `work` gives.
    pub(crate) async fn read<T: Send + 'static>(
        self,
        app: &App,
        work: impl FnOnce(&mut Tx<'_>, Caller) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let reader = app.clone();
        app.store()
            .read(move |tx| {
                let caller = Caller::look_up(tx, &reader, &self.credentials)?;
                reader.limits().admit_read(&self.told, &caller)?;
                work(tx, caller)
            })
            .await
    }
}

impl Authorization {
    /// Reads the header; `None` when it is missing or cannot be read.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, rest) = header.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Bearer(rest.trim().to_owned()));
        }
        scheme.eq_ignore_ascii_case("basic").then(|| basic(rest.trim()))?.map(Self::Basic)
    }
}

/// The pair of a Basic header, split at the first colon; the password may hold more of them.
fn basic(encoded: &str) -> Option<Credentials> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, password) = decoded.split_once(':')?;
    Some(Credentials { secret_id: Uuid::try_parse(id).ok()?, password: password.to_owned() })
}
