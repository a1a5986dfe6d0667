//! API keys: made here, shown once, kept as a keyed hash.

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{AuditAction, Environment, NewApiKey};
use vinculo_vault::random_secret;

use crate::App;
use crate::audit::{Entry, Trail};
use crate::error::ApiError;

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

/// Makes an API key for the organization `default`.
///
/// # Errors
/// When the database fails or the system has no randomness to give.
pub async fn issue_key(
    app: &App,
    environment: Environment,
    name: String,
) -> Result<IssuedKey, ApiError> {
    let secrets = app.secrets_of(environment)?;
    let password = random_secret(app.random()).map_err(ApiError::unexpected)?;
    let hash = secrets.indexes().secret_hash(&password);
    let secret_id = app.uuid().map_err(ApiError::unexpected)?;
    let (workspace, created_at) = (secrets.workspace().id, app.now_micros());
    let writer = app.clone();
    app.store()
        .write(move |tx| {
            let entry = Entry::of(AuditAction::KeyCreated).object(secret_id);
            Trail::console(workspace).note(tx, &writer, entry)?;
            let id = tx.insert_api_key(&NewApiKey {
                workspace,
                secret_id,
                secret_hash: hash.as_bytes(),
                name: &name,
                created_at,
            })?;
            Ok::<_, ApiError>(id)
        })
        .await?;
    Ok(IssuedKey {
        secret_id,
        secret_password: password.to_string(),
        environment: environment.as_str(),
    })
}
