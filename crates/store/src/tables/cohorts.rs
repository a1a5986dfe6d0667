//! Cohorts: many people handed in at once, each a row of which a link is made.

use uuid::Uuid;

use super::cohort_rows::ENDED;
use super::ids::text_enum;
use super::page::Where;
use super::{CohortId, CohortRowState, Micros, Page, PageRequest, WorkspaceId};
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

/// What is left to do for a cohort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CohortWork {
    /// Rows whose link is being filled.
    pub loading: i64,
    /// When the next of those without a link is due; `None` when every row has one, is in a job of a
    /// source, or has ended.
    pub due_at: Option<Micros>,
}

const COLUMNS: &str = "select c.id, c.uuid, c.workspace_id, c.state, c.quiet, c.defaults, c.total, \
                       c.ok, c.no_data, c.invalid, c.failed, c.cancelled, c.created_at, \
                       c.finished_at from cohorts c";

const OPEN: &str = "c.state in ('running', 'cancelling')";

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

    /// Ends the rows whose load has ended, and counts what has ended. Answers what is left to do.
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
        let loading = self.query_one(
            "select count(*) from cohort_rows where cohort_id = $1 and state = 'loading'",
            &[id.into()],
            |row| row.int(0),
        )?;
        let due_at = self.query_opt(
            "select due_at from cohort_rows where cohort_id = $1 and state = 'waiting' \
             and source_job_id is null order by due_at, line limit 1",
            &[id.into()],
            |row| row.int(0),
        )?;
        Ok(CohortWork { loading, due_at })
    }

    /// Adds the rows that have ended since the last time to the cohort's numbers.
    fn count_cohort(&mut self, id: CohortId) -> Result<()> {
        let ended = self.query(
            "update cohort_rows set counted = 1 \
             where cohort_id = $1 and ended_at is not null and counted = 0 returning state",
            &[id.into()],
            |row| CohortRowState::from_column(&row.text(0)?),
        )?;
        if ended.is_empty() {
            return Ok(());
        }
        let of = |state| ended.iter().filter(|ended| **ended == state).count() as i64;
        use CohortRowState::{Cancelled, Failed, Invalid, NoData, Ok as Filled};
        let [ok, no_data, invalid, failed, cancelled] =
            [Filled, NoData, Invalid, Failed, Cancelled].map(|state| of(state).into());
        self.execute(
            "update cohorts set ok = ok + $2, no_data = no_data + $3, invalid = invalid + $4, \
             failed = failed + $5, cancelled = cancelled + $6 where id = $1",
            &[id.into(), ok, no_data, invalid, failed, cancelled],
        )?;
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
        let cancelled = self.execute(
            &format!(
                "update cohort_rows set state = 'cancelled', counted = 1, {ENDED} = $2 \
                 where cohort_id = $1 and state = 'waiting'"
            ),
            &[id.into(), now.into()],
        )?;
        // Who counts other rows at this moment holds them and waits for the cohort: they are left to it.
        self.execute(
            "update cohorts set cancelled = cancelled + $2 where id = $1",
            &[id.into(), (cancelled as i64).into()],
        )?;
        Ok(true)
    }

    /// Ends a cohort whose rows have all ended. `None` when some have not, or it had ended already, so
    /// that what runs twice tells it once.
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
        // Somebody else may have ended its last rows.
        self.count_cohort(id)?;
        self.query_opt(&format!("{COLUMNS} where c.id = $1"), &[id.into()], Cohort::from_row)
    }
}
