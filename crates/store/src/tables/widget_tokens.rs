//! Widget tokens that are used up. A token is known by its own `jti`; nothing else of it is stored.

use uuid::Uuid;

use super::{Micros, WorkspaceId};
use crate::{Result, Tx};

/// A token that opens nothing more.
#[derive(Debug, Clone, Copy)]
pub struct UsedToken {
    /// Workspace it was made for.
    pub workspace: WorkspaceId,
    /// Its id.
    pub jti: Uuid,
    /// When it would have ended anyway.
    pub expires_at: Micros,
}

impl Tx<'_> {
    /// Uses a token up; `false` when it is already.
    ///
    /// # Errors
    /// When the database fails.
    pub fn use_widget_token(&mut self, token: &UsedToken) -> Result<bool> {
        let inserted = self.execute(
            "insert into used_widget_tokens (workspace_id, jti, expires_at) values ($1, $2, $3) \
             on conflict (workspace_id, jti) do nothing",
            &[token.workspace.into(), token.jti.into(), token.expires_at.into()],
        )?;
        Ok(inserted == 1)
    }

    /// Whether a token is used up.
    ///
    /// # Errors
    /// When the database fails.
    pub fn widget_token_is_used(&mut self, workspace: WorkspaceId, jti: Uuid) -> Result<bool> {
        let sql = "select 1 from used_widget_tokens where workspace_id = $1 and jti = $2";
        let found = self.query_opt(sql, &[workspace.into(), jti.into()], |_| Ok(()))?;
        Ok(found.is_some())
    }
}
