//! Jobs: rows that say what to do next. A worker takes one by lease and must finish it under the
//! attempt number it was given; a worker whose lease was taken over is refused.

use super::{ImportId, JobId, LoadId, Micros, WorkspaceId};
use crate::{Dialect, Error, Queue, Result, Row, Tx};

/// What a job is about: its kind and the id of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Fill a link.
    SyncLink(LoadId),
    /// Check and load a received file.
    ImportFile(ImportId),
    /// Make links of the rows of a workspace's cohorts.
    WorkCohorts(WorkspaceId),
}

impl Job {
    /// Every kind there is: work of a kind that is missing here is not counted in a backlog.
    pub const KINDS: [&str; 3] = [
        Self::SyncLink(LoadId(0)).kind(),
        Self::ImportFile(ImportId(0)).kind(),
        Self::WorkCohorts(WorkspaceId(0)).kind(),
    ];

    /// Its kind.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        self.columns().0
    }

    const fn columns(self) -> (&'static str, i64) {
        match self {
            Self::SyncLink(load) => ("sync_link", load.0),
            Self::ImportFile(import) => ("import_file", import.0),
            Self::WorkCohorts(workspace) => ("work_cohorts", workspace.0),
        }
    }

    fn from_columns(kind: &str, target: i64) -> Result<Self> {
        match kind {
            "sync_link" => Ok(Self::SyncLink(LoadId(target))),
            "import_file" => Ok(Self::ImportFile(ImportId(target))),
            "work_cohorts" => Ok(Self::WorkCohorts(WorkspaceId(target))),
            _ => Err(Error::Corrupt { table: "jobs", what: format!("kind {kind:?}") }),
        }
    }
}

/// A job held by a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimedJob {
    /// The row.
    pub id: JobId,
    /// What to do.
    pub job: Job,
    /// Which try this is, from 1; the token that proves the lease.
    pub attempt: i64,
}

impl ClaimedJob {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: JobId(row.int(0)?),
            job: Job::from_columns(&row.text(1)?, row.int(2)?)?,
            attempt: row.int(3)?,
        })
    }
}

impl Tx<'_> {
    /// Adds a job, due at once or later. A job that is waiting already stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn enqueue(&mut self, job: Job, due_at: Micros, now: Micros) -> Result<()> {
        let (kind, target) = job.columns();
        self.execute(
            "insert into jobs (kind, target_id, due_at, created_at) values ($1, $2, $3, $4) \
             on conflict (kind, target_id) do nothing",
            &[kind.into(), target.into(), due_at.into(), now.into()],
        )?;
        self.wake(Queue::Jobs);
        Ok(())
    }

    /// Takes up to `limit` due jobs until `lease_until`, the longest due first; answers them in no
    /// particular order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_jobs(
        &mut self,
        now: Micros,
        lease_until: Micros,
        limit: i64,
    ) -> Result<Vec<ClaimedJob>> {
        self.claim(&Job::KINDS, now, lease_until, limit)
    }

    /// As [`Self::claim_jobs`], but received files alone: for a worker that knows nothing of the
    /// sources and webhooks that links need.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_imports(
        &mut self,
        now: Micros,
        lease_until: Micros,
        limit: i64,
    ) -> Result<Vec<ClaimedJob>> {
        self.claim(&[Job::ImportFile(ImportId(0)).kind()], now, lease_until, limit)
    }

    /// Of these kinds alone: what a later version left is for a worker that knows it.
    fn claim(
        &mut self,
        kinds: &[&'static str],
        now: Micros,
        lease_until: Micros,
        limit: i64,
    ) -> Result<Vec<ClaimedJob>> {
        let due = format!(
            "select id from jobs where due_at <= $1 and kind in ('{}') order by due_at, id limit $3",
            kinds.join("', '")
        );
        let chosen = match self.dialect() {
            Dialect::Sqlite => format!("in ({due})"),
            // An array, unlike a set, is made once, whatever the plan.
            Dialect::Postgres => format!("= any(array({due} for update skip locked))"),
        };
        self.query(
            &format!(
                "update jobs set leased = 1, due_at = $2, attempt = attempt + 1 \
                 where id {chosen} returning id, kind, target_id, attempt"
            ),
            &[now.into(), lease_until.into(), limit.into()],
            ClaimedJob::from_row,
        )
    }

    /// Removes a job that is done. `false` when the lease was lost.
    ///
    /// # Errors
    /// When the database fails.
    pub fn finish_job(&mut self, job: &ClaimedJob) -> Result<bool> {
        let changed = self.execute(
            "delete from jobs where id = $1 and attempt = $2",
            &[job.id.into(), job.attempt.into()],
        )?;
        Ok(changed == 1)
    }

    /// Gives a job back, to be taken again at `due_at`. `false` when the lease was lost.
    ///
    /// # Errors
    /// When the database fails.
    pub fn reschedule_job(
        &mut self,
        job: &ClaimedJob,
        due_at: Micros,
        failure: &str,
    ) -> Result<bool> {
        let changed = self.execute(
            "update jobs set leased = 0, due_at = $3, failure = $4 where id = $1 and attempt = $2",
            &[job.id.into(), job.attempt.into(), due_at.into(), failure.into()],
        )?;
        Ok(changed == 1)
    }

    /// Prolongs the leases of running jobs that are still held.
    ///
    /// # Errors
    /// When the database fails.
    pub fn extend_jobs(&mut self, jobs: &[ClaimedJob], lease_until: Micros) -> Result<()> {
        for job in jobs {
            self.execute(
                "update jobs set due_at = $3 where id = $1 and attempt = $2 and leased = 1",
                &[job.id.into(), job.attempt.into(), lease_until.into()],
            )?;
        }
        Ok(())
    }

    /// Gives back everything that some earlier process held: called by the one process that has
    /// just become the runner of this database.
    ///
    /// # Errors
    /// When the database fails.
    pub fn void_leases(&mut self, now: Micros) -> Result<()> {
        self.execute("update jobs set leased = 0, due_at = $1 where leased = 1", &[now.into()])?;
        self.execute(
            "update deliveries set leased = 0, due_at = $1 where leased = 1 and state = 'pending'",
            &[now.into()],
        )?;
        Ok(())
    }

    /// Ends what waits for a time by which the clock may be wrong: leases end at `lease_until` at the
    /// latest, and whatever else waits beyond `longest` is due now. Links that would be refreshed
    /// beyond `refresh` are refreshed then.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_waits(
        &mut self,
        now: Micros,
        lease_until: Micros,
        longest: Micros,
        refresh: Micros,
    ) -> Result<()> {
        for (table, leased, at, beyond) in [
            ("jobs", "leased = 1", lease_until, lease_until),
            ("jobs", "leased = 0", now, longest),
            ("deliveries", "leased = 1 and state = 'pending'", lease_until, lease_until),
            ("deliveries", "leased = 0 and state = 'pending'", now, longest),
            ("cohort_rows", "state = 'waiting'", now, longest),
        ] {
            let sql = format!("update {table} set due_at = $1 where due_at > $2 and {leased}");
            self.execute(&sql, &[at.into(), beyond.into()])?;
        }
        let sql = "update links set refresh_at = $1 where refresh_at > $1";
        self.execute(sql, &[refresh.into()])?;
        self.wake(Queue::Jobs);
        self.wake(Queue::Deliveries);
        Ok(())
    }

    /// How many jobs are due and not being worked on, counted up to `most`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count_due_jobs(&mut self, now: Micros, most: i64) -> Result<i64> {
        let sql = "select count(*) from (select 1 from jobs where due_at <= $1 limit $2) due";
        self.query_one(sql, &[now.into(), most.into()], |row| row.int(0))
    }

    /// When the next row of a queue becomes due, past or future.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_due(&mut self, queue: Queue) -> Result<Option<Micros>> {
        let sql = match queue {
            Queue::Jobs => "select min(due_at) from jobs",
            // One look into an index per endpoint, however many rows wait.
            Queue::Deliveries => {
                "select min(next) from (select (select min(d.due_at) from deliveries d \
                 where d.endpoint_id = e.id and d.state = 'pending') as next \
                 from webhook_endpoints e where e.disabled_at is null) due"
            }
        };
        self.query_one(sql, &[], |row| row.opt_int(0))
    }

    /// Rows waiting or running in both queues; 0 when all work is done.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pending_work(&mut self) -> Result<i64> {
        self.query_one(
            "select (select count(*) from jobs) + \
             (select count(*) from deliveries where state = 'pending')",
            &[],
            |row| row.int(0),
        )
    }
}
