//! Keys as whoever runs the installation manages them: every key of the organization `default`.

use uuid::Uuid;
use vinculo_store::{Environment, ListedKey, Micros, PageRequest, Tx, WorkspaceId};

use super::{IssuedKey, KeyStatus, retire, revoke, rotate};
use crate::App;
use crate::audit::Trail;
use crate::error::ApiError;

/// The keys of an environment, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_keys(app: &App, environment: Environment) -> Result<Vec<KeyStatus>, ApiError> {
    let workspace = app.secrets_of(environment)?.workspace().id;
    let all = PageRequest { limit: i64::MAX, offset: 0 };
    let page = app.store().read(move |tx| tx.api_keys(workspace, all)).await?;
    let shown = page.rows.iter().map(|key| KeyStatus::of(key, app.now_micros()));
    Ok(shown.collect::<Result<_, _>>()?)
}

/// Gives a key another password. The one before opens it too until `old_until`, or until it is
/// retired. `None` when there is no such key.
///
/// # Errors
/// 400 while an older password still opens it; when the database fails.
pub async fn rotate_key(
    app: &App,
    secret_id: Uuid,
    old_until: Option<Micros>,
) -> Result<Option<IssuedKey>, ApiError> {
    let rotator = app.clone();
    change(app, secret_id, move |tx, workspace, key| {
        let secrets = rotator.secrets(workspace)?;
        let trail = Trail::console(workspace);
        let secret_password = rotate(tx, &rotator, &trail, &secrets, key, old_until)?;
        let environment = secrets.workspace().environment.as_str();
        Ok(IssuedKey { secret_id, secret_password, environment })
    })
    .await
}

/// Makes the password before the last one open nothing any more. Whether there is such a key.
///
/// # Errors
/// When the database fails.
pub async fn retire_key(app: &App, secret_id: Uuid) -> Result<bool, ApiError> {
    let writer = app.clone();
    let retired = change(app, secret_id, move |tx, workspace, key| {
        retire(tx, &writer, &Trail::console(workspace), key)
    });
    Ok(retired.await?.is_some())
}

/// Makes a key open nothing any more. Whether there was such a key.
///
/// # Errors
/// When the database fails.
pub async fn revoke_key(app: &App, secret_id: Uuid) -> Result<bool, ApiError> {
    let writer = app.clone();
    let revoked = change(app, secret_id, move |tx, workspace, key| {
        revoke(tx, &writer, &Trail::console(workspace), key)
    });
    Ok(revoked.await?.is_some())
}

/// Does something with the key of this Secret ID, whichever environment it opens.
async fn change<T: Send + 'static>(
    app: &App,
    secret_id: Uuid,
    work: impl FnOnce(&mut Tx<'_>, WorkspaceId, &ListedKey) -> Result<T, ApiError> + Send + 'static,
) -> Result<Option<T>, ApiError> {
    let mut workspaces = Vec::new();
    for environment in Environment::ALL {
        workspaces.push(app.secrets_of(*environment)?.workspace().id);
    }
    app.store()
        .write(move |tx| {
            for workspace in workspaces {
                tx.lock_workspace(workspace)?;
                if let Some(key) = tx.listed_api_key(workspace, secret_id)? {
                    return work(tx, workspace, &key).map(Some);
                }
            }
            Ok(None)
        })
        .await
}
