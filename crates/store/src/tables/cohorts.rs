//! Cohorts: many people handed in at once, each a row of which a link is made. A row is worked on
//! while it waits, and is written to only from the state it was read in: what comes second changes
//! nothing.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed};

use super::ids::text_enum;
use super::page::Where;
use super::{CohortId, LoadId, Micros, Page, PageRequest, WorkspaceId};
use crate::{Result, Row, Tx};

text_enum! {
    /// How far a cohort has come.
    CohortState in "cohorts" {
        /// Its rows are being received.
        Receiving = "receiving",
        /// Links are being made of its rows.
        Running = "running",
        /// Nothing more is begun; what was begun ends.
        Cancelling = "cancelling",
        /// Every row has ended.
        Finished = "finished",
        /// Every row has ended, some of them because it was cancelled.
        Cancelled = "cancelled",
    }
}

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

/// A cohort to be received.
#[derive(Debug, Clone)]
pub struct NewCohort<'a> {
    /// Public id.
    pub uuid: Uuid,
    /// Workspace it belongs to.
    pub workspace: WorkspaceId,
    /// Whether the customer is told of its end alone.
    pub quiet: bool,
    /// What holds for rows that say nothing else; JSON.
    pub defaults: &'a str,
    /// When it was received.
    pub created_at: Micros,
}

/// How many rows of a cohort have ended, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CohortCounts {
    /// All rows.
    pub total: i64,
    /// Rows with a link that is filled.
    pub ok: i64,
    /// Rows about people whom no source knows.
    pub no_data: i64,
    /// Rows of which no link is made.
    pub invalid: i64,
    /// Rows that no source answered.
    pub failed: i64,
    /// Rows that were cancelled.
    pub cancelled: i64,
}

/// A stored cohort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    /// Internal id.
    pub id: CohortId,
    /// Public id.
    pub uuid: Uuid,
    /// Workspace it belongs to.
    pub workspace: WorkspaceId,
    /// How far it has come.
    pub state: CohortState,
    /// Whether the customer is told of its end alone.
    pub quiet: bool,
    /// What holds for rows that say nothing else; JSON.
    pub defaults: String,
    /// Rows, as they were last counted.
    pub counts: CohortCounts,
    /// When it was received.
    pub created_at: Micros,
    /// When its last row ended.
    pub finished_at: Option<Micros>,
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

/// What is left to do for a cohort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CohortWork {
    /// Rows without a link.
    pub waiting: i64,
    /// Rows whose link is being filled.
    pub loading: i64,
    /// When the next of those without a link is due.
    pub due_at: Option<Micros>,
}

const COLUMNS: &str = "select c.id, c.uuid, c.workspace_id, c.state, c.quiet, c.defaults, c.total, \
                       c.ok, c.no_data, c.invalid, c.failed, c.cancelled, c.created_at, \
                       c.finished_at from cohorts c";

const OPEN: &str = "c.state in ('running', 'cancelling')";

const ENDED: &str = "sealed = null, person_index = null, ended_at";

impl Cohort {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: CohortId(row.int(0)?),
            uuid: row.uuid(1)?,
            workspace: WorkspaceId(row.int(2)?),
            state: CohortState::from_column(&row.text(3)?)?,
            quiet: row.int(4)? != 0,
            defaults: row.text(5)?,
            counts: CohortCounts {
                total: row.int(6)?,
                ok: row.int(7)?,
                no_data: row.int(8)?,
                invalid: row.int(9)?,
                failed: row.int(10)?,
                cancelled: row.int(11)?,
            },
            created_at: row.int(12)?,
            finished_at: row.opt_int(13)?,
        })
    }
}

impl Tx<'_> {
    /// Stores a cohort whose rows are still to come.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_cohort(&mut self, cohort: &NewCohort<'_>) -> Result<CohortId> {
        self.query_one(
            "insert into cohorts (uuid, workspace_id, state, quiet, defaults, total, ok, no_data, \
             invalid, failed, cancelled, created_at) \
             values ($1, $2, 'receiving', $3, $4, 0, 0, 0, 0, 0, 0, $5) returning id",
            &[
                cohort.uuid.into(),
                cohort.workspace.into(),
                i64::from(cohort.quiet).into(),
                cohort.defaults.into(),
                cohort.created_at.into(),
            ],
            |row| Ok(CohortId(row.int(0)?)),
        )
    }

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
            ]
        });
        self.bulk_insert("cohort_rows", &columns, rows)
    }

    /// All rows are there: the work on them begins.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin_cohort(&mut self, id: CohortId) -> Result<()> {
        self.execute(
            "update cohorts set state = 'running', total = \
             (select count(*) from cohort_rows r where r.cohort_id = cohorts.id) \
             where id = $1 and state = 'receiving'",
            &[id.into()],
        )?;
        Ok(())
    }

    /// Removes a cohort that was not received whole.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_cohort(&mut self, id: CohortId) -> Result<()> {
        let received = "(select id from cohorts where id = $1 and state = 'receiving')";
        for table in ["cohort_rows where cohort_id", "cohorts where id"] {
            self.execute(&format!("delete from {table} in {received}"), &[id.into()])?;
        }
        Ok(())
    }

    /// Cohorts that somebody began to send before a moment and that are not here whole.
    ///
    /// # Errors
    /// When the database fails.
    pub fn stranded_cohorts(&mut self, before: Micros) -> Result<Vec<CohortId>> {
        self.query(
            "select id from cohorts where state = 'receiving' and created_at < $1 order by id",
            &[before.into()],
            |row| Ok(CohortId(row.int(0)?)),
        )
    }

    /// The cohort with this public id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cohort(&mut self, workspace: WorkspaceId, uuid: Uuid) -> Result<Option<Cohort>> {
        self.query_opt(
            &format!(
                "{COLUMNS} where c.uuid = $1 and c.workspace_id = $2 and c.state <> 'receiving'"
            ),
            &[uuid.into(), workspace.into()],
            Cohort::from_row,
        )
    }

    /// A page of the workspace's cohorts, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cohorts(&mut self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Cohort>> {
        let mut clause = Where::equals("c.workspace_id", workspace);
        clause.and_in("c.state", CohortState::ALL.iter().skip(1).copied());
        let (tail, params) = clause.sliced("c.created_at desc, c.id desc", page);
        let rows = self.query(&format!("{COLUMNS}{tail}"), &params, Cohort::from_row)?;
        let sql = format!("select count(*) from cohorts c{}", clause.sql());
        let count = self.query_one(&sql, clause.params(), |row| row.int(0))?;
        Ok(Page { count, rows })
    }

    /// The workspace's cohorts with rows that have not ended, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_cohorts(&mut self, workspace: WorkspaceId) -> Result<Vec<Cohort>> {
        self.query(
            &format!("{COLUMNS} where c.workspace_id = $1 and {OPEN} order by c.id"),
            &[workspace.into()],
            Cohort::from_row,
        )
    }

    /// Rows of which a link may be made now, longest due first.
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
            "select line, sealed, tries from cohort_rows where cohort_id = $1 \
             and state = 'waiting' and due_at <= $2 order by due_at, line limit $3",
            &[id.into(), now.into(), limit.into()],
            |row| Ok(CohortRow { line: row.int(0)?, sealed: row.sealed(1)?, tries: row.int(2)? }),
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

    /// The sources did not answer about a row: it is tried again later.
    ///
    /// # Errors
    /// When the database fails.
    pub fn postpone_cohort_row(
        &mut self,
        (id, line): (CohortId, i64),
        due_at: Micros,
    ) -> Result<()> {
        self.execute(
            "update cohort_rows set due_at = $3, tries = tries + 1 \
             where cohort_id = $1 and line = $2 and state = 'waiting'",
            &[id.into(), line.into(), due_at.into()],
        )?;
        Ok(())
    }

    /// Ends the rows whose load has ended, and counts all rows anew. Answers what is left to do.
    ///
    /// # Errors
    /// When the database fails.
    pub fn settle_cohort(&mut self, id: CohortId, now: Micros) -> Result<CohortWork> {
        let load = "from loads l where l.id = cohort_rows.load_id";
        self.execute(
            &format!(
                "update cohort_rows set state = case \
                 when not exists (select 1 {load} and l.state = 'done') then 'failed' \
                 when found = 1 then 'ok' else 'no_data' end, \
                 code = case when exists (select 1 {load}) then (select l.failure {load}) \
                 else 'link_deleted' end, {ENDED} = $2 \
                 where cohort_id = $1 and state = 'loading' \
                 and not exists (select 1 {load} and l.state = 'waiting')"
            ),
            &[id.into(), now.into()],
        )?;
        self.count_cohort(id)?;
        self.query_one(
            "select cast(coalesce(sum(case when state = 'waiting' then 1 else 0 end), 0) as bigint), \
             count(*), min(case when state = 'waiting' then due_at end) \
             from cohort_rows where cohort_id = $1 and state in ('waiting', 'loading')",
            &[id.into()],
            |row| {
                let waiting = row.int(0)?;
                let loading = row.int(1)? - waiting;
                Ok(CohortWork { waiting, loading, due_at: row.opt_int(2)? })
            },
        )
    }

    fn count_cohort(&mut self, id: CohortId) -> Result<()> {
        let of = |state: CohortRowState| {
            format!(
                "{state} = (select count(*) from cohort_rows r \
                 where r.cohort_id = cohorts.id and r.state = '{state}')"
            )
        };
        use CohortRowState::{Cancelled, Failed, Invalid, NoData, Ok as Filled};
        let counts = [Filled, NoData, Invalid, Failed, Cancelled].map(of).join(", ");
        self.execute(&format!("update cohorts set {counts} where id = $1"), &[id.into()])?;
        Ok(())
    }

    /// Ends the rows that wait for a link; those that have one go on. `false` when the cohort has
    /// ended or was cancelled already.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cancel_cohort(&mut self, id: CohortId, now: Micros) -> Result<bool> {
        let changed = self.execute(
            "update cohorts set state = 'cancelling' where id = $1 and state = 'running'",
            &[id.into()],
        )?;
        if changed == 0 {
            return Ok(false);
        }
        self.execute(
            &format!(
                "update cohort_rows set state = 'cancelled', {ENDED} = $2 \
                 where cohort_id = $1 and state = 'waiting'"
            ),
            &[id.into(), now.into()],
        )?;
        self.count_cohort(id)?;
        Ok(true)
    }

    /// Ends a cohort whose rows have all ended. `false` when it had ended already, so that what runs
    /// twice tells it once.
    ///
    /// # Errors
    /// When the database fails.
    pub fn finish_cohort(&mut self, id: CohortId, now: Micros) -> Result<Option<Cohort>> {
        let changed = self.execute(
            "update cohorts set finished_at = $2, state = case state \
             when 'cancelling' then 'cancelled' else 'finished' end \
             where id = $1 and state in ('running', 'cancelling') \
             and not exists (select 1 from cohort_rows r where r.cohort_id = cohorts.id \
             and r.state in ('waiting', 'loading'))",
            &[id.into(), now.into()],
        )?;
        if changed == 0 {
            return Ok(None);
        }
        self.query_opt(&format!("{COLUMNS} where c.id = $1"), &[id.into()], Cohort::from_row)
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
