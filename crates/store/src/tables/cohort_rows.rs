//! The rows of cohorts. A row is worked on while it waits, and is written to only from the state it was
//! read in: what comes second changes nothing.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed};

use super::ids::text_enum;
use super::{CohortId, LoadId, Micros, WorkspaceId};
use crate::{Result, Row, Tx};

text_enum! {
    /// How far a row of a cohort has come.
    CohortRowState in "cohort_rows" {
        /// No link was made yet.
        Waiting = "waiting",
        /// A link was made, and is being filled.
        Loading = "loading",
        /// The link is filled.
        Ok = "ok",
        /// No source knows the person.
        NoData = "no_data",
        /// No link is made of what the row says.
        Invalid = "invalid",
        /// The sources did not answer.
        Failed = "failed",
        /// It was cancelled before a link was made.
        Cancelled = "cancelled",
    }
}

/// A row to be stored.
#[derive(Debug, Clone)]
pub struct NewCohortRow {
    /// Its line in the file, from 1.
    pub line: i64,
    /// Its person under the key that is for erasures alone; `None` when it names none.
    pub person: Option<BlindIndex>,
    /// What it says.
    pub sealed: Sealed,
}

/// A row that waits.
#[derive(Debug, Clone)]
pub struct CohortRow {
    /// Its line in the file.
    pub line: i64,
    /// What it says.
    pub sealed: Sealed,
    /// How often the sources did not answer.
    pub tries: i64,
    /// How many jobs of sources it was in.
    pub submissions: i64,
    /// Whether it is asked about alone.
    pub alone: bool,
}

impl CohortRow {
    pub(super) fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            line: row.int(0)?,
            sealed: row.sealed(1)?,
            tries: row.int(2)?,
            submissions: row.int(3)?,
            alone: row.int(4)? != 0,
        })
    }
}

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowEnd<'a> {
    /// Its last state.
    pub state: CohortRowState,
    /// The link that was made, if any.
    pub link: Option<Uuid>,
    /// Code of the error.
    pub code: Option<&'a str>,
    /// Field that the error is about.
    pub field: Option<&'a str>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CohortResult {
    /// Its line in the file.
    pub line: i64,
    /// How far it has come.
    pub state: CohortRowState,
    /// The link that was made, if any; it may be gone.
    pub link: Option<Uuid>,
    /// Why there is none, or why it is not filled.
    pub code: Option<String>,
    /// Field that the error is about.
    pub field: Option<String>,
}

/// What becomes of what a row said when it ends.
pub(super) const ENDED: &str = "sealed = null, person_index = null, ended_at";

impl Tx<'_> {
    /// Stores rows of a cohort, due at once.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_cohort_rows(
        &mut self,
        (workspace, cohort): (WorkspaceId, CohortId),
        rows: &[NewCohortRow],
        now: Micros,
    ) -> Result<u64> {
        let columns = [
            "cohort_id",
            "line",
            "workspace_id",
            "state",
            "found",
            "tries",
            "due_at",
            "person_index",
            "sealed",
            "counted",
        ];
        let rows = rows.iter().map(|row| {
            vec![
                cohort.into(),
                row.line.into(),
                workspace.into(),
                CohortRowState::Waiting.into(),
                0_i64.into(),
                0_i64.into(),
                now.into(),
                row.person.as_ref().into(),
                (&row.sealed).into(),
                0_i64.into(),
            ]
        });
        self.bulk_insert("cohort_rows", &columns, rows)
    }

    /// Rows of which a link may be made now, longest due first, without those that a job of a source
    /// asks about.
    ///
    /// # Errors
    /// When the database fails.
    pub fn due_cohort_rows(
        &mut self,
        id: CohortId,
        now: Micros,
        limit: i64,
    ) -> Result<Vec<CohortRow>> {
        self.query(
            "select line, sealed, tries, submissions, alone from cohort_rows where cohort_id = $1 \
             and state = 'waiting' and source_job_id is null and due_at <= $2 \
             order by due_at, line limit $3",
            &[id.into(), now.into(), limit.into()],
            CohortRow::from_row,
        )
    }

    /// A link was made of a row, and a load fills it; `found` says whether a source has data.
    /// `false` when the row does not wait any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn load_cohort_row(
        &mut self,
        (id, line): (CohortId, i64),
        link: Uuid,
        load: LoadId,
        found: bool,
    ) -> Result<bool> {
        let changed = self.execute(
            "update cohort_rows set state = 'loading', link_uuid = $3, load_id = $4, found = $5, \
             sealed = null, person_index = null \
             where cohort_id = $1 and line = $2 and state = 'waiting'",
            &[id.into(), line.into(), link.into(), load.into(), i64::from(found).into()],
        )?;
        Ok(changed == 1)
    }

    /// Ends a row that waits. `false` when it does not any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_cohort_row(
        &mut self,
        (id, line): (CohortId, i64),
        end: &RowEnd<'_>,
        now: Micros,
    ) -> Result<bool> {
        let changed = self.execute(
            &format!(
                "update cohort_rows set state = $3, link_uuid = $4, code = $5, field = $6, \
                 {ENDED} = $7 where cohort_id = $1 and line = $2 and state = 'waiting'"
            ),
            &[
                id.into(),
                line.into(),
                end.state.into(),
                end.link.into(),
                end.code.into(),
                end.field.into(),
                now.into(),
            ],
        )?;
        Ok(changed == 1)
    }

    /// The sources did not answer about a row, or could not be asked: later again. Adds `tries` to those
    /// that were made. A job of a source asks about it no more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn postpone_cohort_row(
        &mut self,
        (id, line): (CohortId, i64),
        due_at: Micros,
        tries: i64,
    ) -> Result<()> {
        self.execute(
            "update cohort_rows set due_at = $3, tries = tries + $4, source_job_id = null \
             where cohort_id = $1 and line = $2 and state = 'waiting'",
            &[id.into(), line.into(), due_at.into(), tries.into()],
        )?;
        Ok(())
    }

    /// What became of the rows after a line, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cohort_results(
        &mut self,
        id: CohortId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<CohortResult>> {
        self.query(
            "select line, state, link_uuid, code, field from cohort_rows \
             where cohort_id = $1 and line > $2 order by line limit $3",
            &[id.into(), after.into(), limit.into()],
            |row| {
                Ok(CohortResult {
                    line: row.int(0)?,
                    state: CohortRowState::from_column(&row.text(1)?)?,
                    link: row.opt_uuid(2)?,
                    code: row.opt_text(3)?,
                    field: row.opt_text(4)?,
                })
            },
        )
    }

    /// Ends the rows that wait and are about people who were erased after they were received: rows
    /// that were restored from a backup.
    pub(super) fn end_rows_of_the_erased(&mut self) -> Result<u64> {
        let erasure = "from erasures e join cohorts c on c.id = cohort_rows.cohort_id \
                       where e.workspace_id = cohort_rows.workspace_id \
                       and e.person_index = cohort_rows.person_index \
                       and e.erased_at >= c.created_at";
        self.execute(
            &format!(
                "update cohort_rows set state = 'invalid', code = 'erased', {ENDED} = \
                 (select max(e.erased_at) {erasure}) where person_index is not null \
                 and exists (select 1 {erasure})"
            ),
            &[],
        )
    }

    /// The rows that wait and are about this person: cohort, line, and when it was received.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cohort_rows_about(
        &mut self,
        workspace: WorkspaceId,
        person: &BlindIndex,
    ) -> Result<Vec<(Uuid, i64, Micros)>> {
        self.query(
            "select c.uuid, r.line, c.created_at from cohort_rows r \
             join cohorts c on c.id = r.cohort_id \
             where r.workspace_id = $1 and r.person_index = $2 order by r.cohort_id, r.line",
            &[workspace.into(), person.into()],
            |row| Ok((row.uuid(0)?, row.int(1)?, row.int(2)?)),
        )
    }

    /// Ends every row that waits and is about this person, who is being erased. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erase_cohort_rows(
        &mut self,
        workspace: WorkspaceId,
        person: &BlindIndex,
        now: Micros,
    ) -> Result<u64> {
        self.execute(
            &format!(
                "update cohort_rows set state = 'invalid', code = 'erased', {ENDED} = $3 \
                 where workspace_id = $1 and person_index = $2"
            ),
            &[workspace.into(), person.into(), now.into()],
        )
    }
}
