//! Opening what a delivery is about to send, and what becomes of one that cannot be opened.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use vinculo_store::{DueDelivery, Micros, WorkspaceId};
use vinculo_vault::{DataKey, VaultError};

use super::announce::body_context;
use crate::App;
use crate::clock::{after, micros};
use crate::error::ApiError;
use crate::secrets::{UnknownWorkspace, WorkspaceSecrets};
use crate::webhooks::Address;

/// How soon a delivery that could not be opened comes again: another process may have the key.
const SOONEST: Micros = 60 * 1_000_000;
/// How much later at most, however long it has waited.
const LATEST: Micros = 60 * SOONEST;
/// How long what does not open under the keys that are there is waited for: as long as it takes to notice and
/// to restore it.
const PATIENCE: Micros = 3 * 24 * LATEST;

/// What is sent, opened.
pub(super) struct Opened {
    secrets: Arc<WorkspaceSecrets>,
    /// The key of the person, when the event is about one.
    own: Option<DataKey>,
    pub(super) body: Bytes,
    pub(super) address: Address,
}

/// Why a delivery cannot be opened.
pub(super) enum Unopened {
    /// The database did not answer.
    Unread(ApiError),
    /// This process lacks a key: another one has it, or this one has it when it starts the next time.
    NoKey(String),
    /// It does not open under the keys that are there: it was altered, or one of them is another one.
    Refused(String),
}

impl Opened {
    /// Opens body and address, learning the keys of an organization that another process has made.
    pub(super) async fn of(app: &App, due: &DueDelivery) -> Result<Self, Unopened> {
        let secrets = secrets_of(app, due.workspace).await?;
        let own = due.key.as_ref().map(|wrapped| app.all_secrets().vault().unwrap_key(wrapped));
        let own = own.transpose()?;
        let key = own.as_ref().unwrap_or(secrets.data_key());
        let body = key.open(body_context(due.webhook_id), &due.body)?.to_vec().into();
        let address =
            Address::open(&secrets, due.endpoint_uuid, &due.address).map_err(|error| {
                Unopened::Refused(error.cause().unwrap_or("the address is not one").to_owned())
            })?;
        Ok(Self { secrets, own, body, address })
    }

    /// The key of whom the event is about: the person, or the workspace.
    pub(super) fn key(&self) -> &DataKey {
        self.own.as_ref().unwrap_or(self.secrets.data_key())
    }
}

/// The keys of a workspace, looked for when it is not known: another process has made it.
async fn secrets_of(app: &App, workspace: WorkspaceId) -> Result<Arc<WorkspaceSecrets>, Unopened> {
    if let Ok(known) = app.all_secrets().of(workspace) {
        return Ok(known);
    }
    let all = app.store().read(|tx| tx.workspaces()).await;
    let learnt = app.all_secrets().learn(all.map_err(|error| Unopened::Unread(error.into()))?);
    match app.all_secrets().of(workspace) {
        Ok(known) => Ok(known),
        Err(unknown) => Err(learnt.err().map_or_else(|| unknown.into(), Into::into)),
    }
}

impl From<VaultError> for Unopened {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::MasterKeyMissing { .. } => Self::NoKey(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}

impl From<UnknownWorkspace> for Unopened {
    fn from(error: UnknownWorkspace) -> Self {
        Self::NoKey(error.to_string())
    }
}

/// When a delivery that could not be opened comes again without a try having been used up: after a tenth of the
/// time that it has waited, within a minute and an hour. `None` when that is a failed try as any other: it does
/// not open under the keys that are there, and has not for days, so that it ends by its schedule.
pub(super) fn comes_again(why: &Unopened, waits_since: Micros, now: Timestamp) -> Option<Micros> {
    let waited = micros(now) - waits_since;
    if matches!(why, Unopened::Refused(_)) && waited >= PATIENCE {
        return None;
    }
    let wait = (waited / 10).clamp(SOONEST, LATEST).unsigned_abs();
    Some(micros(after(now, Duration::from_micros(wait))))
}
