//! Who has opened the consent page with a widget's token.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed};

use super::ids::text_enum;
use super::{Micros, WorkspaceId};
use crate::{Result, Tx};

text_enum! {
    /// How far somebody is.
    ConnectState in "connect_sessions" {
        /// The page asks.
        Open = "open",
        /// The source is being asked.
        Asking = "asking",
        /// The link was made or updated.
        Done = "done",
        /// The person said no.
        Left = "left",
    }
}

/// A session to be stored, in the state [`ConnectState::Open`].
#[derive(Debug)]
pub struct NewConnectSession<'a> {
    /// Its public id.
    pub uuid: Uuid,
    /// Hash of its cookie.
    pub token: &'a BlindIndex,
    /// Workspace of the token it was opened with.
    pub workspace: WorkspaceId,
    /// Id of that token.
    pub jti: Uuid,
    /// When it begins.
    pub created_at: Micros,
    /// What the token says.
    pub sealed: &'a Sealed,
}

/// A stored session.
#[derive(Debug)]
pub struct ConnectSession {
    /// Its public id.
    pub uuid: Uuid,
    /// Workspace of the token it was opened with.
    pub workspace: WorkspaceId,
    /// Id of that token.
    pub jti: Uuid,
    /// How far it is.
    pub state: ConnectState,
    /// How often the source was asked.
    pub attempts: i64,
    /// When it began.
    pub created_at: Micros,
    /// When its state last changed.
    pub changed_at: Micros,
    /// What the token says, what was typed, and how it ended.
    pub sealed: Sealed,
}

impl Tx<'_> {
    /// Begins a session.
    ///
    /// # Errors
    /// `Conflict` when there is one with its id.
    pub fn insert_connect_session(&mut self, session: &NewConnectSession<'_>) -> Result<()> {
        self.execute(
            "insert into connect_sessions (uuid, token_hash, workspace_id, jti, state, attempts, \
             created_at, changed_at, sealed) values ($1, $2, $3, $4, $5, 0, $6, $6, $7)",
            &[
                session.uuid.into(),
                session.token.into(),
                session.workspace.into(),
                session.jti.into(),
                ConnectState::Open.into(),
                session.created_at.into(),
                session.sealed.into(),
            ],
        )?;
        Ok(())
    }

    /// The session with this id, for whoever has its cookie.
    ///
    /// # Errors
    /// When the database fails.
    pub fn connect_session(
        &mut self,
        uuid: Uuid,
        token: &BlindIndex,
    ) -> Result<Option<ConnectSession>> {
        self.query_opt(
            "select workspace_id, jti, state, attempts, created_at, changed_at, sealed \
             from connect_sessions where uuid = $1 and token_hash = $2",
            &[uuid.into(), token.into()],
            |row| {
                Ok(ConnectSession {
                    uuid,
                    workspace: WorkspaceId(row.int(0)?),
                    jti: row.uuid(1)?,
                    state: ConnectState::from_column(&row.text(2)?)?,
                    attempts: row.int(3)?,
                    created_at: row.int(4)?,
                    changed_at: row.int(5)?,
                    sealed: row.sealed(6)?,
                })
            },
        )
    }

    /// How often the source was asked by sessions of one token.
    ///
    /// # Errors
    /// When the database fails.
    pub fn connect_attempts(&mut self, workspace: WorkspaceId, jti: Uuid) -> Result<i64> {
        self.query_one(
            "select cast(coalesce(sum(attempts), 0) as bigint) from connect_sessions \
             where workspace_id = $1 and jti = $2",
            &[workspace.into(), jti.into()],
            |row| row.int(0),
        )
    }

    /// Takes a session from the state it was `seen` in to another. A session that begins to ask
    /// counts one attempt more. `false` when somebody else was faster.
    ///
    /// # Errors
    /// When the database fails.
    pub fn change_connect_session(
        &mut self,
        seen: &ConnectSession,
        to: ConnectState,
        now: Micros,
        sealed: &Sealed,
    ) -> Result<bool> {
        let attempts = seen.attempts + i64::from(to == ConnectState::Asking);
        let changed = self.execute(
            "update connect_sessions set state = $5, attempts = $6, changed_at = $7, sealed = $8 \
             where workspace_id = $1 and uuid = $2 and state = $3 and attempts = $4",
            &[
                seen.workspace.into(),
                seen.uuid.into(),
                seen.state.into(),
                seen.attempts.into(),
                to.into(),
                attempts.into(),
                now.into(),
                sealed.into(),
            ],
        )?;
        Ok(changed == 1)
    }
}
