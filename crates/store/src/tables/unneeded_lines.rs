//! Lines of planillas that count no more, or never did: they go, some at a time, once nobody needs them to
//! tell whom they named.

use super::ImportId;
use crate::{Result, Tx};

/// The drafts that import `$1` replaced, and later files with its number, which counted before it did.
pub(super) const REPLACED: &str = "select old.id from imports own join imports old on own.id = $1 \
     where own.state = 'accepted' and old.workspace_id = own.workspace_id \
     and old.draft_index = own.draft_index and old.id <> own.id and old.state = 'superseded' \
     union all select again.id from imports own join imports again on own.id = $1 \
     where own.state = 'accepted' and again.workspace_id = own.workspace_id \
     and again.payer_index = own.payer_index and again.number_index = own.number_index \
     and again.id > own.id and again.state = 'repeated'";

/// An import `i` that has ended and does not count, and whose lines nobody needs: what has taken its place asks
/// them whom they named as long as it is worked on, and removes them then.
const UNCOUNTED: &str = "(i.state = 'refused' or i.state in ('repeated', 'superseded') \
     and not exists (select 1 from imports o join jobs j on j.kind = 'import_file' \
     and j.target_id = o.id where o.workspace_id = i.workspace_id \
     and o.draft_index = i.draft_index and o.state = 'accepted') \
     and not exists (select 1 from imports o join jobs j on j.kind = 'import_file' \
     and j.target_id = o.id where o.workspace_id = i.workspace_id \
     and o.payer_index = i.payer_index and o.number_index = i.number_index \
     and o.state = 'accepted'))";

impl Tx<'_> {
    /// Removes lines of what this import replaced, up to `limit`. Answers how many went; fewer than that when
    /// none is left.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_replaced_lines(&mut self, id: ImportId, limit: i64) -> Result<u64> {
        let replaced = self.query(REPLACED, &[id.into()], |row| row.int(0))?;
        let mut removed = 0;
        for import in replaced {
            let left = limit.saturating_sub(i64::try_from(removed).unwrap_or(i64::MAX));
            if left <= 0 {
                break;
            }
            removed += self.remove_lines_of(import, left)?;
        }
        Ok(removed)
    }

    /// Removes lines of an import that has ended and does not count, up to `limit`: of a planilla that turned out
    /// to be a repeated one, of a draft that came too late, of a file that was lost on the way. None goes while
    /// what counts in its place is worked on: that needs them, and removes them ([`Self::drop_replaced_lines`]).
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_uncounted_lines(&mut self, id: ImportId, limit: i64) -> Result<u64> {
        let sql = format!("select i.id from imports i where i.id = $1 and {UNCOUNTED}");
        match self.query_opt(&sql, &[id.into()], |row| row.int(0))? {
            Some(import) => self.remove_lines_of(import, limit),
            None => Ok(0),
        }
    }

    /// Imports behind `after` of which [`Self::drop_uncounted_lines`] has lines to remove, by id, up to `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn uncounted_imports(&mut self, after: ImportId, limit: i64) -> Result<Vec<ImportId>> {
        self.query(
            &format!(
                "select i.id from imports i where i.id > $1 and {UNCOUNTED} \
                 and exists (select 1 from contributions c where c.origin = 'planilla' \
                 and c.batch_id = i.id) order by i.id limit $2"
            ),
            &[after.into(), limit.into()],
            |row| Ok(ImportId(row.int(0)?)),
        )
    }

    /// Removes lines of an import, up to `limit`.
    pub(super) fn remove_lines_of(&mut self, import: i64, limit: i64) -> Result<u64> {
        self.execute(
            "delete from contributions where origin = 'planilla' and batch_id = $1 \
             and (subject_id, line) in (select subject_id, line from contributions \
             where origin = 'planilla' and batch_id = $1 limit $2)",
            &[import.into(), limit.into()],
        )
    }
}
