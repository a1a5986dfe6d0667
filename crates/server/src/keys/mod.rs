//! API keys: made here, shown once, kept as a keyed hash, with what they allow.

mod networks;
mod operator;
mod status;
pub(crate) mod uses;

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{AuditAction, Environment, KeyTerms, ListedKey, Micros, NewApiKey, Tx};
use vinculo_vault::random_secret;

use crate::App;
use crate::api::body::check_line;
use crate::audit::{Entry, Trail};
use crate::error::{ApiError, ErrorItem};
use crate::scopes::Scopes;
use crate::secrets::WorkspaceSecrets;

pub use networks::{NetworkError, Networks, parse_network};
pub use operator::{list_keys, retire_key, revoke_key, rotate_key};
pub use status::KeyStatus;
use status::has_two_passwords;
pub(crate) use uses::KeyUses;

/// Longest name of a key, characters.
pub(crate) const LONGEST_NAME: usize = 256;

/// A key that was just made: the only time its password is seen.
#[derive(Serialize)]
pub struct IssuedKey {
    /// Public half.
    pub secret_id: Uuid,
    /// Secret half.
    pub secret_password: String,
    /// The environment it opens.
    pub environment: &'static str,
}

/// What a key allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What its owner calls it.
    pub name: String,
    /// What it opens.
    pub scopes: Scopes,
    /// Where it may be used from.
    pub networks: Networks,
    /// When it opens nothing any more.
    pub expires_at: Option<Micros>,
}

impl Terms {
    /// Everything, from everywhere, for good.
    #[must_use]
    pub fn unlimited(name: String) -> Self {
        let networks = Networks::default();
        Self { name, scopes: Scopes::EVERYTHING, networks, expires_at: None }
    }

    /// As they are stored.
    ///
    /// # Errors
    /// When a list of networks is none.
    pub fn of(stored: &KeyTerms) -> Result<Self, NetworkError> {
        Ok(Self {
            name: stored.name.clone(),
            scopes: Scopes::stored(&stored.scopes),
            networks: stored.allow_list.parse()?,
            expires_at: stored.expires_at,
        })
    }

    pub(crate) fn to_stored(&self) -> KeyTerms {
        KeyTerms {
            name: self.name.clone(),
            scopes: self.scopes.to_string(),
            allow_list: self.networks.to_string(),
            expires_at: self.expires_at,
        }
    }
}

/// Makes an API key for the organization `default` that may do everything.
///
/// # Errors
/// When the database fails or the system has no randomness to give.
pub async fn issue_key(
    app: &App,
    environment: Environment,
    name: String,
) -> Result<IssuedKey, ApiError> {
    issue_key_on(app, environment, Terms::unlimited(name)).await
}

/// Makes an API key for the organization `default`.
///
/// # Errors
/// 400 when its name is too long or not one line; when the database fails or the system has no randomness
/// to give.
pub async fn issue_key_on(
    app: &App,
    environment: Environment,
    terms: Terms,
) -> Result<IssuedKey, ApiError> {
    check_line(&terms.name, LONGEST_NAME).map_err(|(code, message)| {
        ApiError::bad_request(vec![ErrorItem::field(code, "name", message)])
    })?;
    let (secrets, writer) = (app.secrets_of(environment)?, app.clone());
    let trail = Trail::console(secrets.workspace().id);
    app.store().write(move |tx| insert(tx, &writer, &trail, &secrets, &terms)).await
}

/// Stores a new key of a workspace.
///
/// # Errors
/// As [`issue_key_on`].
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    terms: &Terms,
) -> Result<IssuedKey, ApiError> {
    let password = random_secret(app.random()).map_err(ApiError::unexpected)?;
    let secret_id = app.uuid().map_err(ApiError::unexpected)?;
    trail.note(tx, app, Entry::of(AuditAction::KeyCreated).object(secret_id))?;
    tx.insert_api_key(&NewApiKey {
        workspace: secrets.workspace().id,
        secret_id,
        secret_hash: secrets.indexes().secret_hash(&password).as_bytes(),
        terms: &terms.to_stored(),
        created_at: app.now_micros(),
    })?;
    let environment = secrets.workspace().environment.as_str();
    Ok(IssuedKey { secret_id, secret_password: password.to_string(), environment })
}

/// Gives a key another password, and answers it. The one before opens the key too until
/// `old_until`, or until it is retired.
///
/// # Errors
/// 400 while an older one still opens it; when the database fails.
pub(crate) fn rotate(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    secrets: &WorkspaceSecrets,
    key: &ListedKey,
    old_until: Option<Micros>,
) -> Result<String, ApiError> {
    if has_two_passwords(key, app.now_micros()) {
        let message = "Two passwords open this key already: retire the old one first.";
        return Err(ApiError::refused("validation_error", message));
    }
    let password = random_secret(app.random()).map_err(ApiError::unexpected)?;
    let hash = secrets.indexes().secret_hash(&password);
    trail.note(tx, app, Entry::of(AuditAction::KeyRotated).object(key.secret_id))?;
    tx.rotate_api_key(key.id, hash.as_bytes(), old_until)?;
    Ok(password.to_string())
}

/// Makes the password before the last one open a key no more.
///
/// # Errors
/// When the database fails.
pub(crate) fn retire(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    key: &ListedKey,
) -> Result<(), ApiError> {
    trail.note(tx, app, Entry::of(AuditAction::PasswordRetired).object(key.secret_id))?;
    Ok(tx.retire_old_password(key.id, app.now_micros())?)
}

/// Makes a key open nothing any more.
///
/// # Errors
/// When the database fails.
pub(crate) fn revoke(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    key: &ListedKey,
) -> Result<(), ApiError> {
    trail.note(tx, app, Entry::of(AuditAction::KeyRevoked).object(key.secret_id))?;
    Ok(tx.revoke_api_key(key.id, app.now_micros())?)
}
