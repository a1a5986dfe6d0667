//! Sandboxes whose calendar was moved.

use super::{Micros, WorkspaceId};
use crate::{Result, Tx};

/// How the calendar of a sandbox stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Months by which it is ahead.
    pub months_ahead: i64,
    /// When it was last moved; `None` when it never was.
    pub moved_at: Option<Micros>,
}

impl Tx<'_> {
    /// How the calendar of a workspace stands.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sandbox(&mut self, workspace: WorkspaceId) -> Result<Sandbox> {
        let moved = self.query_opt(
            "select months_ahead, moved_at from sandboxes where workspace_id = $1",
            &[workspace.into()],
            |row| Ok(Sandbox { months_ahead: row.int(0)?, moved_at: row.opt_int(1)? }),
        )?;
        Ok(moved.unwrap_or_default())
    }

    /// Moves the calendar of a workspace to so many months ahead. Whoever adds to what it was holds
    /// the workspace ([`lock_workspace`](Self::lock_workspace)).
    ///
    /// # Errors
    /// When the database fails.
    pub fn move_sandbox(
        &mut self,
        workspace: WorkspaceId,
        months_ahead: i64,
        now: Micros,
    ) -> Result<()> {
        self.execute(
            "insert into sandboxes (workspace_id, months_ahead, moved_at) values ($1, $2, $3) \
             on conflict (workspace_id) do update set months_ahead = excluded.months_ahead, \
             moved_at = excluded.moved_at",
            &[workspace.into(), months_ahead.into(), now.into()],
        )?;
        Ok(())
    }

    /// Makes every link of a workspace that is refreshed on its own due at once. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn refresh_all_links(&mut self, workspace: WorkspaceId, now: Micros) -> Result<u64> {
        self.execute(
            "update links set refresh_at = $2 where workspace_id = $1 and refresh_at > $2",
            &[workspace.into(), now.into()],
        )
    }
}
