//! Imports whose file is gone: data that was restored without the spool.

use uuid::Uuid;

use super::{ImportId, Micros};
use crate::{Result, Tx};

impl Tx<'_> {
    /// Every import that has not ended, of every workspace, with its public id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_imports(&mut self) -> Result<Vec<(ImportId, Uuid)>> {
        self.query(
            "select id, uuid from imports where state in ('waiting', 'loading') order by id",
            &[],
            |row| Ok((ImportId(row.int(0)?), row.uuid(1)?)),
        )
    }

    /// Refuses an import that has not ended, because its file is gone: what was stored of it goes,
    /// and so does its job. `false` when it had ended.
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
        for sql in [
            "delete from jobs where kind = 'import_file' and target_id = $1",
            "delete from contributions where origin = 'planilla' and batch_id = $1",
        ] {
            self.execute(sql, &[id.into()])?;
        }
        Ok(true)
    }
}
