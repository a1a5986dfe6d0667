//! Events: something happened that every endpoint of the workspace must hear of.

use uuid::Uuid;
use vinculo_vault::Sealed;

use super::{EventId, LinkId, LoadId, Micros, SubjectId, WorkspaceId};
use crate::{Queue, Result, Tx};

/// An event to be emitted.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    /// Public id, the same in every delivery and every try; part of what seals the body.
    pub webhook_id: Uuid,
    /// Workspace it happened in.
    pub workspace: WorkspaceId,
    /// Person it is about.
    pub subject: SubjectId,
    /// Link it is about.
    pub link: LinkId,
    /// Load that caused it.
    pub load: Option<LoadId>,
    /// `EMPLOYMENTS`, `OWNERS` or `LINK`.
    pub webhook_type: &'a str,
    /// What happened, such as `historical_update`.
    pub webhook_code: &'a str,
    /// The body that is sent, byte for byte, sealed with the subject's key.
    pub body: &'a Sealed,
    /// When it happened.
    pub created_at: Micros,
}

impl Tx<'_> {
    /// Writes an event and one delivery per endpoint, in the transaction that changed the state.
    /// Nothing is sent here.
    ///
    /// # Errors
    /// When the database fails.
    pub fn emit(&mut self, event: &NewEvent<'_>) -> Result<EventId> {
        let id = self.query_one(
            "insert into events (webhook_id, workspace_id, subject_id, link_id, load_id, \
             webhook_type, webhook_code, created_at, sealed) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id",
            &[
                event.webhook_id.into(),
                event.workspace.into(),
                event.subject.into(),
                event.link.into(),
                event.load.map(|load| load.0).into(),
                event.webhook_type.into(),
                event.webhook_code.into(),
                event.created_at.into(),
                event.body.into(),
            ],
            |row| Ok(EventId(row.int(0)?)),
        )?;
        let deliveries = self.execute(
            "insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, \
             due_at, created_at) select workspace_id, cast($2 as bigint), cast($3 as bigint), id, \
             'pending', cast($4 as bigint), cast($4 as bigint) from webhook_endpoints \
             where workspace_id = $1 and disabled_at is null",
            &[event.workspace.into(), event.subject.into(), id.into(), event.created_at.into()],
        )?;
        if deliveries > 0 {
            self.wake(Queue::Deliveries);
        }
        Ok(id)
    }
}
