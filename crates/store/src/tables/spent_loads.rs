//! Which loads say nothing any more that a newer one does not: marked as they end, so that the removal of what is
//! old need not go through all that stays.

use super::page::Where;
use super::{LoadId, WorkspaceId};
use crate::{Result, Tx};

/// Whether a newer load of the link and the same resources was done and kept.
pub(super) const SUPERSEDED: &str = "exists (select 1 from loads n where n.link_id = loads.link_id \
     and n.id > loads.id and n.resources = loads.resources and n.state = 'done' and n.save_data = 1)";

/// An ended load that nobody has marked: a program ended it that knew nothing of it.
pub(super) const UNMARKED: &str = "may_go is null and finished_at is not null";

/// Whether an ended load may go.
pub(super) fn may_go() -> String {
    format!("(state = 'failed' or save_data = 0 or {SUPERSEDED})")
}

impl Tx<'_> {
    /// Marks the older loads in whose place this one has come, if it was kept. Whoever ends a load as done holds
    /// its person: no other of the link ends meanwhile.
    pub(super) fn supersede_loads(&mut self, by: LoadId) -> Result<()> {
        self.execute_later(
            "update loads set may_go = 1 where link_id = (select link_id from loads \
             where id = $1 and save_data = 1) and id < $1 and resources = (select resources \
             from loads where id = $1) and state = 'done' and (may_go is null or may_go = 0)",
            &[by.into()],
        )
    }

    /// Marks up to `limit` ended loads of the workspace that an earlier program left unmarked, the oldest first,
    /// with those in whose place they have come. Answers how many it marked; 0 when none is left, or others are
    /// at what is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn mark_loads(&mut self, workspace: WorkspaceId, limit: i64) -> Result<u64> {
        let passing = self.dialect().passing_locked();
        let unmarked = self.query(
            &format!(
                "select id from loads where workspace_id = $1 and {UNMARKED} order by finished_at \
                 limit $2{passing}"
            ),
            &[workspace.into(), limit.into()],
            |row| row.int(0),
        )?;
        if unmarked.is_empty() {
            return Ok(0);
        }
        let mut these = Where::equals("+workspace_id", workspace);
        these.and_in("id", unmarked.iter().copied());
        let (these, params) = (these.sql(), these.params());
        let may_go = may_go();
        // Somebody who ends a newer one meanwhile may have marked it.
        let mark = format!(
            "update loads set may_go = case when {may_go} then 1 else 0 end{these} and may_go is null"
        );
        let marked = self.execute(&mark, params)?;
        let locking = self.dialect().locking();
        let earlier = format!(
            "update loads set may_go = 1 where id in (select id from loads where link_id in \
             (select link_id from loads{these}) and may_go = 0 and {SUPERSEDED} order by id{locking})"
        );
        self.execute(&earlier, params)?;
        Ok(marked)
    }
}
