//! Entries as people see them.

use std::collections::HashMap;
use std::io::Write;
use std::net::IpAddr;

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{AuditEntry, AuditFilter, Environment, WorkspaceId};
use vinculo_vault::DataKey;

use super::context;
use super::trail::Hidden;
use crate::App;
use crate::clock::wire_time;
use crate::error::ApiError;

/// Entries read at once for an export.
pub(crate) const SLICE: i64 = 500;

/// Something that was read or changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": 7, "created_at": "2026-11-24T12:00:00.000000Z", "environment": "sandbox",
    "action": "employments.read", "actor": "key",
    "actor_id": "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b",
    "link": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a", "object": null, "objects": 2,
    "request_id": "0b7f1c3d5e2a49688c9d0e1f2a3b4c5d", "client_address": "203.0.113.7",
    "purpose": "credit application 4711", "block": null
}))]
pub(crate) struct ToldEntry {
    /// Place in the log.
    id: i64,
    pub(crate) created_at: String,
    /// `sandbox` or `production`; null when it is about the installation.
    environment: Option<&'static str>,
    /// What was done, such as `employments.read`.
    pub(crate) action: &'static str,
    /// `key`, `widget`, `person`, `user`, `console`, `system` or `stranger`.
    pub(crate) actor: &'static str,
    /// Secret ID of the key, id of the token, of the visit to the consent page, or of the user.
    pub(crate) actor_id: Option<Uuid>,
    /// The link it is about.
    pub(crate) link: Option<Uuid>,
    /// The one thing it is about that is no link.
    pub(crate) object: Option<Uuid>,
    /// How many objects were shown, or how often it happened.
    pub(crate) objects: i64,
    /// As in `X-Request-Id`.
    request_id: Option<String>,
    /// Where the request came from.
    #[schema(value_type = Option<String>)]
    pub(crate) client_address: Option<IpAddr>,
    /// What `X-Purpose` said.
    pub(crate) purpose: Option<String>,
    /// The block that holds it; null for a moment, until it is chained.
    block: Option<ToldBlock>,
}

/// Where an entry is chained.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToldBlock {
    chain: Uuid,
    sequence: i64,
}

/// Opens what is hidden of entries.
pub(crate) struct Teller<'a> {
    app: &'a App,
    installation: DataKey,
    environments: HashMap<WorkspaceId, &'static str>,
}

impl<'a> Teller<'a> {
    /// For entries of any workspace.
    pub(crate) fn new(app: &'a App) -> Result<Self, ApiError> {
        let installation = app.all_secrets().vault().audit_key()?;
        Ok(Self { app, installation, environments: HashMap::new() })
    }

    /// An entry as people see it.
    ///
    /// # Errors
    /// When its hidden part does not open.
    pub(crate) fn tell(&mut self, found: AuditEntry) -> Result<ToldEntry, ApiError> {
        let AuditEntry { id, block, entry } = found;
        let hidden = match entry.request_id.zip(entry.sealed.as_ref()) {
            Some((request, sealed)) => {
                let context = context(request);
                let bytes = match entry.workspace {
                    Some(id) => self.app.secrets(id)?.data_key().open(context, sealed)?,
                    None => self.installation.open(context, sealed)?,
                };
                serde_json::from_slice(&bytes)?
            }
            None => Hidden { client: None, purpose: None },
        };
        Ok(ToldEntry {
            id,
            created_at: wire_time(entry.created_at),
            environment: entry.workspace.map(|id| self.environment(id)).transpose()?,
            action: entry.action.as_str(),
            actor: entry.actor.as_str(),
            actor_id: entry.actor_id,
            link: entry.link,
            object: entry.object,
            objects: entry.objects,
            request_id: entry.request_id.map(|id| id.simple().to_string()),
            client_address: hidden.client,
            purpose: hidden.purpose,
            block: block.map(|(chain, sequence)| ToldBlock { chain, sequence }),
        })
    }

    fn environment(&mut self, id: WorkspaceId) -> Result<&'static str, ApiError> {
        if let Some(known) = self.environments.get(&id) {
            return Ok(known);
        }
        let environment = self.app.secrets(id)?.workspace().environment.as_str();
        self.environments.insert(id, environment);
        Ok(environment)
    }

    /// Entries as JSON Lines.
    ///
    /// # Errors
    /// As [`Self::tell`].
    pub(crate) fn lines(&mut self, entries: Vec<AuditEntry>) -> Result<Vec<u8>, ApiError> {
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, &self.tell(entry)?)?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

/// Writes the log as JSON Lines, oldest first: of an environment of the organization `default`, or
/// of everybody and the installation. Notes the export itself first, and answers how many entries
/// were written. Memory does not grow with the log. Blocks a little at a time, while it writes.
///
/// # Errors
/// When the database fails, an entry does not open, or `out` cannot be written.
pub async fn export(
    app: &App,
    environment: Option<Environment>,
    out: &mut impl Write,
) -> Result<u64, ApiError> {
    let secrets = environment.map(|environment| app.secrets_of(environment)).transpose()?;
    let workspace = secrets.map(|secrets| secrets.workspace().id);
    let noted = super::Trail::console(workspace);
    let noter = app.clone();
    let entry = super::Entry::of(vinculo_store::AuditAction::AuditExported);
    app.store().write(move |tx| noted.note(tx, &noter, entry)).await?;
    let mut teller = Teller::new(app)?;
    let (mut after, mut written) = (0, 0);
    loop {
        let read = app.store().read(move |tx| {
            tx.audit_entries_after(workspace, &AuditFilter::default(), after, SLICE)
        });
        let slice = read.await?;
        let Some(last) = slice.last() else { return Ok(written) };
        after = last.id;
        written += slice.len() as u64;
        out.write_all(&teller.lines(slice)?).map_err(ApiError::unexpected)?;
    }
}
