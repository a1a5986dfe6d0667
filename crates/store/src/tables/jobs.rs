//! Jobs: rows that say what to do next. A worker takes one by lease and must finish it under the
//! attempt number it was given; a worker whose lease was taken over is refused. Workspaces take turns:
//! whoever has the fewest jobs at work comes first, and within a workspace the longest due.

use uuid::Uuid;

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

/// Which jobs somebody can take whose spool is `$5`, or who sees all files: a received file is in one spool
/// alone.
const IN_REACH: &str = "(spool_id is null or spool_id = $5 or $5 is null)";

/// Due rows that are looked at beside those that may be taken, on PostgreSQL: others may be taking
/// some at the same moment.
const BESIDE: i64 = 32;

/// Workspaces with jobs, found one after the other in an index: as many looks as there are of them,
/// however many jobs.
const WITH_JOBS: &str = "with recursive at(id) as (select min(workspace_id) from jobs union all \
     select (select min(j.workspace_id) from jobs j where j.workspace_id > at.id) from at \
     where at.id is not null)";

/// How many jobs of each workspace are at work.
const HELD: &str = "(select workspace_id, count(*) as held from jobs \
     where leased = 1 and due_at > $1 group by workspace_id) h";

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
        self.wake(Queue::Jobs);
        Ok(())
    }

    /// Takes up to `limit` due jobs until `lease_until`, in turns: a workspace comes after those of
    /// which fewer jobs are at work. Answers them in no particular order. When it takes that many, there
    /// may be more, and it wakes the queue. Files are taken that are in the spool `spool`, or in no known one;
    /// without a spool, all.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_jobs(
        &mut self,
        now: Micros,
        lease_until: Micros,
        limit: i64,
        spool: Option<Uuid>,
    ) -> Result<Vec<ClaimedJob>> {
        self.claim(&Job::KINDS, [now, lease_until, limit, i64::MAX], spool)
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
        spool: Option<Uuid>,
    ) -> Result<Vec<ClaimedJob>> {
        self.claim(&Job::KINDS, [now, lease_until, limit, 1], spool)
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
        spool: Option<Uuid>,
    ) -> Result<Vec<ClaimedJob>> {
        let kinds = [Job::ImportFile(ImportId(0)).kind()];
        self.claim(&kinds, [now, lease_until, limit, i64::MAX], spool)
    }

    /// Of these kinds alone: what a later version left is for a worker that knows it.
    fn claim(
        &mut self,
        kinds: &[&'static str],
        terms: [i64; 4],
        spool: Option<Uuid>,
    ) -> Result<Vec<ClaimedJob>> {
        let chosen = match self.dialect() {
            Dialect::Sqlite => format!("in ({})", turns_of_sqlite(kinds)),
            // An array, unlike a set, is made once, whatever the plan.
            Dialect::Postgres => format!("= any(array({}))", turns_of_postgres(kinds)),
        };
        let [now, until, limit, most] = terms.map(Into::into);
        let jobs = self.query(
            &format!(
                "update jobs set leased = 1, due_at = $2, attempt = attempt + 1 \
                 where id {chosen} returning id, kind, target_id, attempt, workspace_id"
            ),
            &[now, until, limit, most, spool.into()],
            ClaimedJob::from_row,
        )?;
        if jobs.len() as i64 >= terms[2] {
            self.wake(Queue::Jobs);
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
        self.wake(Queue::Jobs);
        self.wake(Queue::Deliveries);
        Ok(())
    }

    /// Whether a workspace has at least `most` loads of links that are due and not being worked on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_crowded(&mut self, workspace: WorkspaceId, now: Micros, most: i64) -> Result<bool> {
        let last = self.query_opt(
            "select id from jobs where workspace_id = $1 and due_at <= $2 \
             and kind = 'sync_link' order by due_at, id limit 1 offset $3",
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
                self.query_one("select min(due_at) from jobs", &[], |row| row.opt_int(0))
            }
            Queue::Deliveries => self.next_due_delivery(),
        }
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

/// The due rows whose turn it is. Of each workspace no more are looked at than may be taken, so that
/// a long backlog costs no more than a short one.
fn turns_of_sqlite(kinds: &[&str]) -> String {
    let kinds = kinds.join("', '");
    format!(
        "{WITH_JOBS} select t.id from (select d.id, d.due_at, d.workspace_id, \
         row_number() over (partition by d.workspace_id order by d.due_at, d.id) as place \
         from at join jobs d on d.id in (select f.id from jobs f where f.workspace_id = at.id \
         and f.due_at <= $1 and f.kind in ('{kinds}') and {IN_REACH} order by f.due_at, f.id limit $3)) t \
         left join {HELD} on h.workspace_id = t.workspace_id \
         where t.place + coalesce(h.held, 0) <= $4 \
         order by t.place + coalesce(h.held, 0), t.due_at, t.id limit $3"
    )
}

/// The same with the chosen rows locked, one after the other in the order of their turns: rows that
/// another worker is taking are passed over, and a row that was taken since this statement began no
/// longer has the `due_at` it was chosen by. Worded so that rows come from an index in their order,
/// whatever the planner knows about the table.
fn turns_of_postgres(kinds: &[&str]) -> String {
    let kinds = kinds.join("', '");
    format!(
        "select t.id from ({WITH_JOBS} select d.id, d.due_at from at left join {HELD} \
         on h.workspace_id = at.id cross join lateral \
         (select f.id, f.due_at, row_number() over (order by f.due_at, f.id) as place from \
         (select workspace_id, due_at, id from jobs where workspace_id >= at.id \
         and case when kind in ('{kinds}') and {IN_REACH} then true else false end \
         order by workspace_id, due_at, id limit $3 + {BESIDE}) f \
         where f.workspace_id = at.id and f.due_at <= $1) d \
         where d.place + coalesce(h.held, 0) <= $4 \
         order by d.place + coalesce(h.held, 0), d.due_at, d.id limit $3 + {BESIDE}) turn \
         cross join lateral (select j.id from jobs j where j.id = turn.id \
         and j.due_at = turn.due_at for update skip locked) t limit $3"
    )
}
