//! Jobs of sources: many people asked about at once. Whoever goes on after a crash finds them here and
//! looks at them, instead of handing the same people in again.

use vinculo_vault::BlindIndex;

use super::{CohortId, CohortRow, Micros, SourceJobId, WorkspaceId};
use crate::{Result, Row, Tx};

/// A job to be handed in.
#[derive(Debug, Clone, Copy)]
pub struct NewSourceJob<'a> {
    /// Workspace on whose behalf it is.
    pub workspace: WorkspaceId,
    /// Cohort whose rows it asks about.
    pub cohort: CohortId,
    /// Name of the source.
    pub source: &'a str,
    /// What it may cost, whole pesos.
    pub reserved: i64,
    /// By how many months the calendar of the workspace is ahead.
    pub months_ahead: i64,
    /// When it is handed in.
    pub submitted_at: Micros,
    /// When it is looked at; until then the source has time to say what it calls the job.
    pub due_at: Micros,
}

/// A job that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceJob {
    /// Internal id.
    pub id: SourceJobId,
    /// Cohort whose rows it asks about.
    pub cohort: CohortId,
    /// Name of the source.
    pub source: String,
    /// What the source calls it; `None` until that is known.
    pub reference: Option<String>,
    /// What it may cost that no call tells, whole pesos.
    pub reserved: i64,
    /// By how many months the calendar of the workspace was ahead.
    pub months_ahead: i64,
    /// How often it was looked at.
    pub looks: i64,
    /// Whether it has a result.
    pub finished: bool,
    /// When it was handed in.
    pub submitted_at: Micros,
    /// When its result is gone, as far as that is known.
    pub expires_at: Option<Micros>,
    /// When it is looked at next.
    pub due_at: Micros,
}

/// What was seen of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceJobSight {
    /// How often it was looked at.
    pub looks: i64,
    /// Whether it has a result.
    pub finished: bool,
    /// When its result is gone, as far as that is known.
    pub expires_at: Option<Micros>,
    /// When it is looked at next.
    pub due_at: Micros,
}

/// What becomes of a row that a job says nothing about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftRow {
    /// It may be in another job.
    Again,
    /// It was not asked about, and may be in another job.
    Unasked,
    /// It is asked about alone from now on.
    Alone,
}

impl SourceJob {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: SourceJobId(row.int(0)?),
            cohort: CohortId(row.int(1)?),
            source: row.text(2)?,
            reference: row.opt_text(3)?,
            reserved: row.int(4)?,
            months_ahead: row.int(5)?,
            looks: row.int(6)?,
            finished: row.int(7)? != 0,
            submitted_at: row.int(8)?,
            expires_at: row.opt_int(9)?,
            due_at: row.int(10)?,
        })
    }
}

impl Tx<'_> {
    /// Notes, before it happens, that a job about these rows is handed in. Rows that do not wait, or are
    /// in another job, are left out: the lines of those that are in it are answered.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin_source_job(
        &mut self,
        job: &NewSourceJob<'_>,
        lines: &[i64],
    ) -> Result<(SourceJobId, Vec<i64>)> {
        let id = self.query_one(
            "insert into source_jobs (workspace_id, cohort_id, source, people, reserved, \
             months_ahead, looks, finished, submitted_at, due_at) \
             values ($1, $2, $3, $4, $5, $6, 0, 0, $7, $8) returning id",
            &[
                job.workspace.into(),
                job.cohort.into(),
                job.source.into(),
                (lines.len() as i64).into(),
                job.reserved.into(),
                job.months_ahead.into(),
                job.submitted_at.into(),
                job.due_at.into(),
            ],
            |row| Ok(SourceJobId(row.int(0)?)),
        )?;
        let mut taken = Vec::with_capacity(lines.len());
        for line in lines {
            let changed = self.execute(
                "update cohort_rows set source_job_id = $3, submissions = submissions + 1 \
                 where cohort_id = $1 and line = $2 and state = 'waiting' \
                 and source_job_id is null",
                &[job.cohort.into(), (*line).into(), id.into()],
            )?;
            taken.extend(Some(*line).filter(|_| changed == 1));
        }
        Ok((id, taken))
    }

    /// The source has taken a job, and calls it `reference`. `false` when nobody waits for it any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn name_source_job(
        &mut self,
        id: SourceJobId,
        reference: &str,
        sight: SourceJobSight,
    ) -> Result<bool> {
        let named = self.execute(
            "update source_jobs set reference = $2 \
             where id = $1 and reference is null and ended_at is null",
            &[id.into(), reference.into()],
        )?;
        self.see_source_job(id, sight)?;
        Ok(named == 1)
    }

    /// A job was looked at.
    ///
    /// # Errors
    /// When the database fails.
    pub fn see_source_job(&mut self, id: SourceJobId, sight: SourceJobSight) -> Result<()> {
        self.execute(
            "update source_jobs set looks = $2, finished = $3, expires_at = $4, due_at = $5 \
             where id = $1 and ended_at is null",
            &[
                id.into(),
                sight.looks.into(),
                i64::from(sight.finished).into(),
                sight.expires_at.into(),
                sight.due_at.into(),
            ],
        )?;
        Ok(())
    }

    /// A workspace's jobs that have not ended, in the order in which they are due. A job whose rows
    /// have all ended otherwise ends here: what it may have cost stays reserved.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_source_jobs(
        &mut self,
        workspace: WorkspaceId,
        now: Micros,
    ) -> Result<Vec<SourceJob>> {
        self.execute(
            "update source_jobs set ended_at = $2 where workspace_id = $1 and ended_at is null \
             and not exists (select 1 from cohort_rows r \
             where r.source_job_id = source_jobs.id and r.state = 'waiting')",
            &[workspace.into(), now.into()],
        )?;
        self.query(
            "select id, cohort_id, source, reference, reserved, months_ahead, looks, finished, \
             submitted_at, expires_at, due_at from source_jobs \
             where workspace_id = $1 and ended_at is null order by due_at, id",
            &[workspace.into()],
            SourceJob::from_row,
        )
    }

    /// The rows that wait for a job, in the order of their lines.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_job_rows(&mut self, id: SourceJobId) -> Result<Vec<CohortRow>> {
        self.query(
            "select line, sealed, tries, submissions, alone from cohort_rows \
             where source_job_id = $1 and state = 'waiting' order by line",
            &[id.into()],
            CohortRow::from_row,
        )
    }

    /// Whether a person is asked about in a job that has not ended.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_in_source_job(
        &mut self,
        workspace: WorkspaceId,
        person: &BlindIndex,
    ) -> Result<bool> {
        self.query_one(
            "select exists (select 1 from cohort_rows where workspace_id = $1 \
             and person_index = $2 and state = 'waiting' and source_job_id is not null)",
            &[workspace.into(), person.into()],
            |row| row.bool(0),
        )
    }

    /// A row waits without a job again, and is due at a moment.
    ///
    /// # Errors
    /// When the database fails.
    pub fn leave_source_job(
        &mut self,
        (cohort, line): (CohortId, i64),
        left: LeftRow,
        due_at: Micros,
    ) -> Result<()> {
        self.execute(
            "update cohort_rows set source_job_id = null, due_at = $3, \
             alone = case when $4 = 1 then 1 else alone end, submissions = submissions - $5 \
             where cohort_id = $1 and line = $2 and state = 'waiting'",
            &[
                cohort.into(),
                line.into(),
                due_at.into(),
                i64::from(left == LeftRow::Alone).into(),
                i64::from(left == LeftRow::Unasked).into(),
            ],
        )?;
        Ok(())
    }

    /// The rows of a cohort that are in no job are asked about alone from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ask_alone(&mut self, cohort: CohortId) -> Result<()> {
        self.execute(
            "update cohort_rows set alone = 1 \
             where cohort_id = $1 and state = 'waiting' and source_job_id is null",
            &[cohort.into()],
        )?;
        Ok(())
    }

    /// `reserved` is what a job may cost, or have cost, that no call tells. It ends unless rows wait for
    /// it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn settle_source_job(&mut self, id: SourceJobId, reserved: i64, now: Micros) -> Result<()> {
        self.execute(
            "update source_jobs set reserved = $2, ended_at = case when exists \
             (select 1 from cohort_rows r where r.source_job_id = source_jobs.id \
             and r.state = 'waiting') then cast(null as bigint) else $3 end \
             where id = $1 and ended_at is null",
            &[id.into(), reserved.into(), now.into()],
        )?;
        Ok(())
    }

    /// What the jobs of a source that have not ended, or were handed in since `from`, may cost beside
    /// what its calls tell, whole pesos.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_reserved(&mut self, source: &str, from: Micros) -> Result<i64> {
        self.query_one(
            "select cast(coalesce(sum(reserved), 0) as bigint) from source_jobs \
             where source = $1 and reserved > 0 and (ended_at is null or submitted_at >= $2)",
            &[source.into(), from.into()],
            |row| row.int(0),
        )
    }
}
