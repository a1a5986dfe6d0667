//! Who is calling: the API key of the Basic header (contract 1.4), and whether it may.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, MatchedPath};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use uuid::Uuid;
use vinculo_store::{ActorKind, ApiKeyId, AuditAction, Tx, Workspace};
use vinculo_vault::SecretHash;

use crate::App;
use crate::audit::{Origin, Trail};
use crate::client::Client;
use crate::error::ApiError;
use crate::keys::Networks;
use crate::limits::Told;
use crate::sandbox;
use crate::scopes::{Need, Scopes, needed};
use crate::tokens::WidgetToken;

/// A caller whose key was verified and holds the scope of the operation: whoever holds this may do
/// it in the key's workspace.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The workspace of the key.
    pub workspace: Workspace,
    /// The key, whose limit the request counts towards.
    pub key: Option<ApiKeyId>,
    /// What the key holds.
    pub scopes: Scopes,
    /// Whether it was opened by the password before its last one.
    pub by_old_password: bool,
    /// Who that is, for the audit log.
    pub trail: Trail,
}

/// A caller whose key is looked up together with what it reads, in one visit to the database.
pub(crate) struct Asking {
    credentials: Credentials,
    demand: Demand,
    origin: Result<Origin, ApiError>,
    told: Told,
}

/// A key whose password is right, before anybody asked whether it may be used here and for this.
struct OpenedKey {
    caller: Caller,
    networks: Networks,
}

/// What a request asks of its key beside the password.
#[derive(Clone, Copy)]
struct Demand {
    need: Option<Need>,
    address: Option<IpAddr>,
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
        let caller = Self::of(app, parts, Authorization::of(&parts.headers)).await?;
        sandbox::admit(&parts.headers, &caller.workspace)?;
        Ok(caller)
    }
}

impl Caller {
    /// Somebody who came without a key, and may do what the code that made this does.
    pub(crate) fn without_key(workspace: Workspace, trail: Trail) -> Self {
        Self { workspace, key: None, scopes: Scopes::NONE, by_old_password: false, trail }
    }

    /// The caller behind a key.
    ///
    /// # Errors
    /// 401 unless there is one and it is right; 403 for a widget token, however good, and for a key
    /// that may not be used from here or for this; 429 when it was used too often.
    pub(crate) async fn of(
        app: &App,
        parts: &Parts,
        given: Option<Authorization>,
    ) -> Result<Self, ApiError> {
        match given {
            Some(Authorization::Basic(credentials)) => Self::enter(app, parts, credentials).await,
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
    /// As [`Self::of`].
    pub(crate) async fn enter(
        app: &App,
        parts: &Parts,
        credentials: Credentials,
    ) -> Result<Self, ApiError> {
        let (reader, demand, origin) = (app.clone(), Demand::of(parts), Origin::of(parts));
        let look = move |tx: &mut Tx<'_>| OpenedKey::look_up(tx, &reader, &credentials, origin);
        let key = app.store().read_briefly(look).await?;
        let met = demand.met_by(app, &key);
        // A key that asks for what it may not have counts too, and deletes nothing.
        app.limits().admit(parts, &key.caller, met.is_ok())?;
        met?;
        Ok(key.used(app))
    }
}

impl OpenedKey {
    fn look_up(
        tx: &mut Tx<'_>,
        app: &App,
        credentials: &Credentials,
        origin: Result<Origin, ApiError>,
    ) -> Result<Self, ApiError> {
        let key = tx.api_key(credentials.secret_id)?.ok_or_else(ApiError::unauthenticated)?;
        let secrets = match app.secrets(key.workspace.id) {
            Ok(known) => known,
            Err(_) => {
                // Another process made the organization since this one began.
                app.all_secrets().learn(tx.workspaces()?)?;
                app.secrets(key.workspace.id)?
            }
        };
        let now = app.now_micros();
        let opens = |hash: &[u8]| {
            let stored = SecretHash::from_bytes(hash).map_err(ApiError::unexpected)?;
            Ok::<_, ApiError>(secrets.indexes().verify_secret(&credentials.password, &stored))
        };
        let old = key.old_hash.as_deref().filter(|_| key.old_until.is_none_or(|at| at > now));
        let by_new = opens(&key.secret_hash)?;
        let by_old_password = !by_new && old.map_or(Ok(false), opens)?;
        let expired = key.terms.expires_at.is_some_and(|at| at <= now);
        if expired || !(by_new || by_old_password) {
            return Err(ApiError::unauthenticated());
        }
        let scopes = Scopes::stored(&key.terms.scopes);
        let networks = key.terms.allow_list.parse::<Networks>()?;
        let trail = Trail::of(key.workspace.id, (ActorKind::Key, credentials.secret_id), origin?);
        let (workspace, key) = (key.workspace, Some(key.id));
        Ok(Self { caller: Caller { workspace, key, scopes, by_old_password, trail }, networks })
    }

    fn used(self, app: &App) -> Caller {
        if let Some(key) = self.caller.key {
            app.key_uses().note(key, app.now_micros());
        }
        self.caller
    }
}

impl Demand {
    fn of(parts: &Parts) -> Self {
        let route = parts.extensions.get::<MatchedPath>();
        let client = parts.extensions.get::<Client>();
        Self {
            need: route.and_then(|route| needed(&parts.method, route.as_str())),
            address: client.and_then(|client| client.address),
        }
    }

    /// What is refused is counted in the audit log: it is how a stolen key looks.
    fn met_by(self, app: &App, key: &OpenedKey) -> Result<(), ApiError> {
        let refused = |why| app.audit().refused(&key.caller.trail, why, app.now());
        if !key.networks.allow(self.address) {
            refused(AuditAction::KeyFromElsewhere);
            return Err(ApiError::denied_from(self.address));
        }
        match self.need {
            Some(Need::AnyKey) => Ok(()),
            Some(Need::Scope(scope)) if key.caller.scopes.allow(scope) => Ok(()),
            Some(Need::Scope(scope)) => {
                refused(AuditAction::KeyWithoutScope);
                Err(ApiError::denied_without(scope))
            }
            None => Err(ApiError::unexpected("a route that the table of scopes does not list")),
        }
    }
}

impl FromRequestParts<App> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match Authorization::of(&parts.headers) {
            Some(Authorization::Basic(credentials)) => {
                let (demand, origin) = (Demand::of(parts), Origin::of(parts));
                Ok(Self { credentials, demand, origin, told: Told::of(parts) })
            }
            // Nobody who sends anything else is a caller; it says why.
            other => {
                Caller::of(app, parts, other).await?;
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
    /// requests, 403 when it may not be used from here or for this, and what `work` gives.
    pub(crate) async fn read<T: Send + 'static>(
        self,
        app: &App,
        work: impl FnOnce(&mut Tx<'_>, Caller) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        app.store().read(self.then(app, work)).await
    }

    /// As [`Self::read`], for `work` that looks at a few rows by their key ([`vinculo_store::Store::read_briefly`]).
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) async fn read_briefly<T: Send + 'static>(
        self,
        app: &App,
        work: impl FnOnce(&mut Tx<'_>, Caller) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        app.store().read_briefly(self.then(app, work)).await
    }

    /// `work` behind the look at the key.
    fn then<T>(
        self,
        app: &App,
        work: impl FnOnce(&mut Tx<'_>, Caller) -> Result<T, ApiError> + Send + 'static,
    ) -> impl FnOnce(&mut Tx<'_>) -> Result<T, ApiError> + Send + 'static {
        let reader = app.clone();
        move |tx| {
            let key = OpenedKey::look_up(tx, &reader, &self.credentials, self.origin)?;
            reader.limits().admit_read(&self.told, &key.caller)?;
            self.demand.met_by(&reader, &key)?;
            work(tx, key.used(&reader))
        }
    }
}

impl Authorization {
    /// Reads the header; `None` when it is missing, cannot be read, or is there twice: who stands
    /// between might believe the other one.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let header = all.next().filter(|_| all.next().is_none())?.to_str().ok()?;
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
