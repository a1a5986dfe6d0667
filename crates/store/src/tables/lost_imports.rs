//! Imports whose file is not there: data that was restored without the spool, and spools that nobody works off.

use uuid::Uuid;

use super::{ImportId, Micros};
use crate::{Result, Tx};

/// An import that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenImport {
    /// Internal id.
    pub id: ImportId,
    /// Public id.
    pub uuid: Uuid,
    /// The spool that its file is in; `None` when that is not known.
    pub spool: Option<Uuid>,
    /// When its job is due, or when whoever is at work on it loses it; `None` when it has none.
    pub due_at: Option<Micros>,
    /// Whether somebody has taken its job, and not given it back.
    pub is_taken: bool,
}

impl Tx<'_> {
    /// Every import that has not ended, of every workspace.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_imports(&mut self) -> Result<Vec<OpenImport>> {
        self.query(
            "select i.id, i.uuid, i.spool_id, j.due_at, coalesce(j.leased, 0) from imports i left join jobs j \
             on j.kind = 'import_file' and j.target_id = i.id \
             where i.state in ('waiting', 'loading') order by i.id",
            &[],
            |row| {
                Ok(OpenImport {
                    id: ImportId(row.int(0)?),
                    uuid: row.uuid(1)?,
                    spool: row.opt_uuid(2)?,
                    due_at: row.opt_int(3)?,
                    is_taken: row.int(4)? == 1,
                })
            },
        )
    }

    /// Refuses an import that has not ended, because its file is gone: its job goes, and what was stored of it
    /// may ([`Self::drop_uncounted_lines`]). `false` when it had ended.
    ///
    /// # Errors
    /// When the database fails.
    pub fn refuse_lost_import(&mut self, id: ImportId, now: Micros) -> Result<bool> {
        let refused = self.execute(
            "update imports set state = 'refused', loaded = 0, finished_at = $2 \
             where id = $1 and state in ('waiting', 'loading')",
            &[id.into(), now.into()],
        )?;
        if refused == 0 {
            return Ok(false);
        }
        let job = "delete from jobs where kind = 'import_file' and target_id = $1";
        self.execute(job, &[id.into()])?;
        Ok(true)
    }
}
