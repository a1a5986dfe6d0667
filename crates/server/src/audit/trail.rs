//! Who is at work, in which workspace, from where, and for what purpose.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_store::{ActorKind, Micros, NewAuditEntry, Tx, WorkspaceId};
use vinculo_vault::{DataKey, Nonces, Redacted, Sealed};

use super::{Entry, Shown, context};
use crate::App;
use crate::client::Client;
use crate::error::{ApiError, ErrorItem};
use crate::masked::without_numbers;
use crate::request_id::RequestId;

const HEADER: &str = "X-Purpose";

/// Longest purpose, characters.
const LONGEST: usize = 200;

/// Where a request comes from, and what it says it is for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    request: Option<Uuid>,
    client: Redacted<Option<IpAddr>>,
    purpose: Redacted<Option<Arc<str>>>,
}

/// Who is at work. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Trail {
    workspace: Option<WorkspaceId>,
    actor: ActorKind,
    actor_id: Option<Uuid>,
    origin: Origin,
}

/// The part of an entry that is sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Hidden {
    pub(super) client: Option<IpAddr>,
    pub(super) purpose: Option<String>,
}

impl Origin {
    /// Reads a request.
    ///
    /// # Errors
    /// 400 when the purpose is no text, too long, or given twice.
    pub(crate) fn of(parts: &Parts) -> Result<Self, ApiError> {
        let mut given = parts.headers.get_all(HEADER).iter();
        let purpose = given.next().map(|value| read(value, given.next().is_some())).transpose()?;
        Ok(Self { purpose: Redacted::new(purpose), ..Self::without_purpose(parts) })
    }

    fn without_purpose(parts: &Parts) -> Self {
        Self {
            request: parts.extensions.get::<RequestId>().map(|id| id.0),
            client: Redacted::new(parts.extensions.get::<Client>().and_then(|it| it.address)),
            purpose: Redacted::default(),
        }
    }

    /// A request that was refused, of which no more is told than the address.
    pub(super) fn stranger(request: Uuid, client: Option<IpAddr>) -> Self {
        let client = Redacted::new(client);
        Self { request: Some(request), client, purpose: Redacted::default() }
    }
}

fn read(value: &HeaderValue, repeated: bool) -> Result<Arc<str>, ApiError> {
    let purpose = std::str::from_utf8(value.as_bytes()).unwrap_or_default().trim();
    let sound =
        (1..=LONGEST).contains(&purpose.chars().count()) && !purpose.chars().any(char::is_control);
    if sound && !repeated {
        return Ok(without_numbers(purpose).into());
    }
    // The purpose itself may name somebody, and is not repeated.
    let message = "Ensure this header is given once, with 1 to 200 characters of UTF-8.";
    Err(ApiError::bad_request(vec![ErrorItem::field("invalid", HEADER, message)]))
}

impl Trail {
    /// Somebody who was let in.
    pub(crate) const fn of(
        workspace: WorkspaceId,
        (actor, id): (ActorKind, Uuid),
        origin: Origin,
    ) -> Self {
        Self { workspace: Some(workspace), actor, actor_id: Some(id), origin }
    }

    /// Somebody who is signed in to the dashboard.
    pub(crate) const fn user(workspace: WorkspaceId, user: Uuid, origin: Origin) -> Self {
        Self::of(workspace, (ActorKind::User, user), origin)
    }

    /// Somebody who was not let in to an organization.
    pub(crate) const fn stranger_in(workspace: WorkspaceId, origin: Origin) -> Self {
        Self::without_id(Some(workspace), ActorKind::Stranger, origin)
    }

    /// The command line; without a workspace it is at work on the installation.
    pub(crate) fn console(workspace: impl Into<Option<WorkspaceId>>) -> Self {
        Self::without_id(workspace.into(), ActorKind::Console, Origin::default())
    }

    /// Nobody: something came due; without a workspace in the installation.
    pub(crate) fn system(workspace: impl Into<Option<WorkspaceId>>) -> Self {
        Self::without_id(workspace.into(), ActorKind::System, Origin::default())
    }

    /// The key that is at work, its workspace, and the request with the address that it came from.
    pub(super) fn refused_key(&self) -> Option<(WorkspaceId, Uuid, (Uuid, Option<IpAddr>))> {
        let came = (self.origin.request?, *self.origin.client.expose());
        Some((self.workspace?, self.actor_id?, came))
    }

    /// Somebody who was not let in.
    pub(super) const fn stranger(origin: Origin) -> Self {
        Self::without_id(None, ActorKind::Stranger, origin)
    }

    const fn without_id(workspace: Option<WorkspaceId>, actor: ActorKind, origin: Origin) -> Self {
        Self { workspace, actor, actor_id: None, origin }
    }

    /// Notes what was changed, in the transaction that changes it.
    ///
    /// # Errors
    /// When the database fails: the transaction must not be committed.
    pub(crate) fn note(&self, tx: &mut Tx<'_>, app: &App, entry: Entry) -> Result<(), ApiError> {
        tx.audit(&[self.entry(app, entry, app.now_micros(), None)?])?;
        app.audit().announce();
        Ok(())
    }

    /// Notes what is about to be shown. Waits for nothing but room in the memory of what is to be
    /// written.
    ///
    /// # Errors
    /// 503 when there is none for so long that the database must be in trouble: nothing may be
    /// shown then.
    pub(crate) async fn read(&self, app: &App, shown: Shown) -> Result<(), ApiError> {
        app.audit().take(app, self, shown.entries()).await
    }

    /// As [`Self::read`], for one thing.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) async fn read_one(&self, app: &App, entry: Entry) -> Result<(), ApiError> {
        app.audit().take(app, self, vec![(entry, None)]).await
    }

    /// The entry as it is stored; one of many is sealed with the next of these nonces.
    pub(super) fn entry(
        &self,
        app: &App,
        entry: Entry,
        created_at: Micros,
        nonces: Option<&mut Nonces>,
    ) -> Result<NewAuditEntry, ApiError> {
        Ok(NewAuditEntry {
            writer: app.audit().process(),
            workspace: self.workspace,
            created_at,
            action: entry.action,
            actor: self.actor,
            actor_id: self.actor_id,
            person: entry.person,
            link: entry.link,
            object: entry.object,
            objects: entry.objects,
            request_id: self.origin.request,
            sealed: self.hidden(app, nonces)?,
        })
    }

    /// Address and purpose, sealed with the key of the workspace, or of the installation.
    fn hidden(&self, app: &App, nonces: Option<&mut Nonces>) -> Result<Option<Sealed>, ApiError> {
        let Origin { request, client, purpose } = &self.origin;
        let (client, purpose) = (*client.expose(), purpose.expose().as_deref());
        let Some(request) = request.filter(|_| client.is_some() || purpose.is_some()) else {
            return Ok(None);
        };
        let hidden = Hidden { client, purpose: purpose.map(str::to_owned) };
        let bytes = serde_json::to_vec(&hidden)?;
        let seal = |key: &DataKey| match nonces {
            Some(nonces) => key.seal_one_of_many(nonces, context(request), &bytes),
            None => key.seal(context(request), &bytes),
        };
        let sealed = match self.workspace {
            Some(id) => seal(app.secrets(id)?.data_key())?,
            None => seal(&app.all_secrets().vault().audit_key()?)?,
        };
        Ok(Some(sealed))
    }
}
