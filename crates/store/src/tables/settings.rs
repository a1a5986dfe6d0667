//! What a workspace has decided for itself, as one document that its reader understands.

use super::{Micros, WorkspaceId};
use crate::{Result, Tx};

impl Tx<'_> {
    /// Holds the workspace until the transaction ends, so that two changes of its settings come one
    /// after the other.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lock_workspace(&mut self, workspace: WorkspaceId) -> Result<()> {
        // An update that changes nothing locks the row on both engines.
        let sql = "update workspaces set created_at = created_at where id = $1";
        self.execute(sql, &[workspace.into()])?;
        Ok(())
    }

    /// The settings of a workspace; `None` when it never decided anything.
    ///
    /// # Errors
    /// When the database fails.
    pub fn workspace_settings(&mut self, workspace: WorkspaceId) -> Result<Option<String>> {
        self.query_opt(
            "select document from workspace_settings where workspace_id = $1",
            &[workspace.into()],
            |row| row.text(0),
        )
    }

    /// Stores the settings of a workspace.
    ///
    /// # Errors
    /// When the database fails.
    pub fn put_workspace_settings(
        &mut self,
        workspace: WorkspaceId,
        document: &str,
        now: Micros,
    ) -> Result<()> {
        self.execute(
            "insert into workspace_settings (workspace_id, document, updated_at) \
             values ($1, $2, $3) on conflict (workspace_id) do update set \
             document = excluded.document, updated_at = excluded.updated_at",
            &[workspace.into(), document.into(), now.into()],
        )?;
        Ok(())
    }
}
