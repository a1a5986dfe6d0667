//! What an endpoint is to be sent of what it missed: noted when somebody wants it, until it is done.

use uuid::Uuid;

use super::endpoints::types_of;
use super::{EndpointId, Micros, WorkspaceId};
use crate::{Result, Tx};

/// An endpoint that is to be sent what it missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedReplay {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Its public id.
    pub uuid: Uuid,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Types of events it wants; `None` for all.
    pub types: Option<Vec<String>>,
    /// When that was last wanted.
    pub wanted_at: Micros,
    /// It missed what ended without having arrived then or later.
    pub ended_since: Micros,
    /// And what happened then or later without having been on its way to it.
    pub happened_since: Micros,
}

impl Tx<'_> {
    /// Notes that an endpoint is to be sent what ended without having arrived, and what happened, since these
    /// times; since an earlier time when such a note is not done.
    ///
    /// # Errors
    /// When the database fails.
    pub fn want_missed(
        &mut self,
        id: EndpointId,
        ended_since: Micros,
        happened_since: Micros,
        now: Micros,
    ) -> Result<()> {
        self.execute(
            "update webhook_endpoints set replay_wanted_at = $4, replay_ended_since = \
             case when replay_ended_since < $2 then replay_ended_since else $2 end, \
             replay_happened_since = case when replay_happened_since < $3 \
             then replay_happened_since else $3 end where id = $1",
            &[id.into(), ended_since.into(), happened_since.into(), now.into()],
        )?;
        Ok(())
    }

    /// The enabled endpoints, or the one among them, that are to be sent what they missed, in order of
    /// their ids.
    ///
    /// # Errors
    /// When the database fails.
    pub fn missed_replays(&mut self, only: Option<EndpointId>) -> Result<Vec<MissedReplay>> {
        self.query(
            "select id, uuid, workspace_id, webhook_types, replay_wanted_at, replay_ended_since, \
             replay_happened_since from webhook_endpoints where replay_wanted_at is not null \
             and disabled_at is null and (cast($1 as bigint) is null or id = $1) order by id",
            &[only.into()],
            |row| {
                Ok(MissedReplay {
                    endpoint: EndpointId(row.int(0)?),
                    uuid: row.uuid(1)?,
                    workspace: WorkspaceId(row.int(2)?),
                    types: row.opt_text(3)?.map(|listed| types_of(&listed)),
                    wanted_at: row.int(4)?,
                    ended_since: row.int(5)?,
                    happened_since: row.int(6)?,
                })
            },
        )
    }

    /// Forgets that an enabled endpoint is to be sent what it missed; with a time, only when that was last
    /// wanted then.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_missed(&mut self, id: EndpointId, wanted_at: Option<Micros>) -> Result<()> {
        self.execute(
            "update webhook_endpoints set replay_wanted_at = null, replay_ended_since = null, \
             replay_happened_since = null where id = $1 and disabled_at is null \
             and replay_wanted_at is not null \
             and (cast($2 as bigint) is null or replay_wanted_at = $2)",
            &[id.into(), wanted_at.into()],
        )?;
        Ok(())
    }
}
