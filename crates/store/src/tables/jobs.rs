//! Jobs: rows that say what to do next. A worker takes one by lease and must finish it under the
//! attempt number it was given; a worker whose lease was taken over is refused. Workspaces take turns:
//! whoever has the fewest jobs at work comes first, and within a workspace the longest due. Received files are a
//! queue of their own: neither they nor what else there is to do wait for the others.

use uuid::Uuid;

use super::job_turns::Wanted;
use super::{ImportId, JobId, LoadId, Micros, WorkspaceId};
use crate::{Error, Queue, Result, Row, Tx, Value};

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

    /// Where those wait of a kind.
    pub(super) fn queue_of(kind: &str) -> Queue {
        if kind == Self::ImportFile(ImportId(0)).kind() { Queue::Files } else { Queue::Jobs }
    }

    const fn columns(self) -> (&'static str, i64) {
        match self {
            Self::SyncLink(load) => ("sync_link", load.0),
            Self::ImportFile(import) => ("import_file", import.0),
            Self::WorkCohorts(workspace) => ("work_cohorts", workspace.0),
        }
    }

    /// Whose turn it takes, of the row that `$2` is the id of.
    const fn workspace(self) -> &'static str {
        match self {
            Self::SyncLink(_) => "(select workspace_id from loads where id = $2)",
            Self::ImportFile(_) => "(select workspace_id from imports where id = $2)",
            Self::WorkCohorts(_) => "cast($2 as bigint)",
        }
    }

    /// The spool that its file is in, of the row that `$2` is the id of.
    const fn spool(self) -> &'static str {
        match self {
            Self::ImportFile(_) => "(select spool_id from imports where id = $2)",
            Self::SyncLink(_) | Self::WorkCohorts(_) => "null",
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
    /// Whose turn it takes.
    pub workspace: WorkspaceId,
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
            workspace: WorkspaceId(row.int(4)?),
        })
    }
}

impl Tx<'_> {
    /// Adds a job, due at once or later. One that waits already is due then at the latest; one that is
    /// worked on stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn enqueue(&mut self, job: Job, due_at: Micros, now: Micros) -> Result<()> {
        let (kind, target) = job.columns();
        self.execute(
            &format!(
                "insert into jobs (kind, target_id, due_at, created_at, workspace_id, spool_id) \
                 values ($1, $2, $3, $4, coalesce({}, 0), {}) on conflict (kind, target_id) \
                 do update set due_at = excluded.due_at \
                 where jobs.leased = 0 and jobs.due_at > excluded.due_at",
                job.workspace(),
                job.spool()
            ),
            &[kind.into(), target.into(), due_at.into(), now.into()],
        )?;
        self.wake(Job::queue_of(kind));
        Ok(())
    }

    /// Takes up to `limit` due jobs, but no received files, until `lease_until`, in turns: a workspace comes after
    /// those of which fewer are at work. Answers them in no particular order. When it takes that many, there
    /// may be more, and it wakes the queue.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_jobs(
        &mut self,
        now: Micros,
        lease_until: Micros,
        limit: i64,
    ) -> Result<Vec<ClaimedJob>> {
        self.claim(Wanted::Jobs, [now, lease_until, limit, i64::MAX], &[])
    }

    /// As [`Self::claim_jobs`], but one job of each workspace of which none is at work.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_first_jobs(
        &mut self,
        now: Micros,
        lease_until: Micros,
        limit: i64,
    ) -> Result<Vec<ClaimedJob>> {
        self.claim(Wanted::Jobs, [now, lease_until, limit, 1], &[])
    }

    /// As [`Self::claim_jobs`], but received files, which are [`Queue::Files`]: those that are in the spool
    /// `spool`, or in no known one; without a spool, all.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_files(
        &mut self,
        now: Micros,
        lease_until: Micros,
        limit: i64,
        spool: Option<Uuid>,
    ) -> Result<Vec<ClaimedJob>> {
        self.claim(Wanted::Files("$5"), [now, lease_until, limit, i64::MAX], &[spool.into()])
    }

    fn claim(
        &mut self,
        wanted: Wanted,
        terms: [i64; 4],
        spool: &[Value<'_>],
    ) -> Result<Vec<ClaimedJob>> {
        let chosen = wanted.chosen(self.dialect());
        let params = [&terms.map(Value::from)[..], spool].concat();
        let jobs = self.query(
            &format!(
                "update jobs set leased = 1, due_at = $2, attempt = attempt + 1 \
                 where id {chosen} returning id, kind, target_id, attempt, workspace_id"
            ),
            &params,
            ClaimedJob::from_row,
        )?;
        if jobs.len() as i64 >= terms[2] {
            self.wake(wanted.queue());
        }
        Ok(jobs)
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

    /// Prolongs the leases of running jobs that are still held. A row that somebody is changing is left
    /// as it is, so that this waits for nobody.
    ///
    /// # Errors
    /// When the database fails.
    pub fn extend_jobs(&mut self, jobs: &[ClaimedJob], lease_until: Micros) -> Result<()> {
        let passing = self.dialect().passing_locked();
        let sql = format!(
            "update jobs set due_at = $3 where id = (select id from jobs \
             where id = $1 and attempt = $2 and leased > 0{passing})"
        );
        for job in jobs {
            self.execute(&sql, &[job.id.into(), job.attempt.into(), lease_until.into()])?;
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
            (
                "cohort_rows",
                "state = 'waiting' and cohort_id in \
                 (select id from cohorts where state in ('running', 'cancelling'))",
                now,
                longest,
            ),
            ("source_jobs", "ended_at is null", now, longest),
        ] {
            let sql = format!("update {table} set due_at = $1 where due_at > $2 and {leased}");
            self.execute(&sql, &[at.into(), beyond.into()])?;
        }
        let sql = "update webhook_endpoints set held_until = $1 where held_until > $2";
        self.execute(sql, &[now.into(), longest.into()])?;
        let sql = "update links set refresh_at = $1 where refresh_at > $1";
        self.execute(sql, &[refresh.into()])?;
        for queue in Queue::ALL {
            self.wake(queue);
        }
        Ok(())
    }

    /// Whether a workspace has at least `most` loads of links that are due and not being worked on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_crowded(&mut self, workspace: WorkspaceId, now: Micros, most: i64) -> Result<bool> {
        let due = Wanted::Loads.due(self.dialect(), "$1", "$2");
        let last = self.query_opt(
            &format!("select j.id {due} limit 1 offset $3"),
            &[workspace.into(), now.into(), (most - 1).max(0).into()],
            |row| row.int(0),
        )?;
        Ok(last.is_some())
    }

    /// When the next row of a queue becomes due, past or future.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_due(&mut self, queue: Queue) -> Result<Option<Micros>> {
        match queue {
            Queue::Jobs => {
                let next = Wanted::Jobs.next(self.dialect());
                self.query_one(&next, &[], |row| row.opt_int(0))
            }
            Queue::Files => self.next_file_in_reach(None),
            Queue::Deliveries => self.next_due_delivery(),
        }
    }

    /// When the next received file becomes due that somebody with this spool can take, past or future.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_file_in_reach(&mut self, spool: Option<Uuid>) -> Result<Option<Micros>> {
        let next = Wanted::Files("$1").next(self.dialect());
        self.query_one(&next, &[spool.into()], |row| row.opt_int(0))
    }

    /// Rows waiting or running in all queues; 0 when all work is done.
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
