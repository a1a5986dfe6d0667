//! Which jobs come next: workspaces in turns, received files apart from all others.

use super::Job;
use crate::{Dialect, Queue};

/// Due rows that are looked at beside those that may be taken, on PostgreSQL: others may be taking
/// some at the same moment.
const BESIDE: i64 = 32;

/// Workspaces with jobs, found one after the other in an index: as many looks as there are of them,
/// however many jobs.
const WITH_JOBS: &str = "with recursive at(id) as (select min(workspace_id) from jobs union all \
     select (select min(j.workspace_id) from jobs j where j.workspace_id > at.id) from at \
     where at.id is not null)";

/// 1 for a received file, 0 for anything else, in the words of the index `jobs_apart`.
const IS_FILE: &str = "case j.kind when 'import_file' then 1 else 0 end";

/// Which jobs are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// Loads of links.
    Loads,
    /// All that this program knows, but received files.
    Jobs,
    /// Received files that are in the spool that this parameter names, or in no known one; when it is null, all.
    Files(&'static str),
}

impl Wanted {
    /// Where they wait.
    pub(super) fn queue(self) -> Queue {
        if self.is_file() == 1 { Queue::Files } else { Queue::Jobs }
    }

    fn is_file(self) -> i32 {
        i32::from(matches!(self, Self::Files(_)))
    }

    /// Of these kinds alone: what a later version left is for a worker that knows it.
    fn condition(self) -> String {
        match self {
            Self::Loads => "j.kind = 'sync_link'".to_owned(),
            Self::Jobs => {
                let of = |kind: &&str| Job::queue_of(kind) == Queue::Jobs;
                let kinds: Vec<_> = Job::KINDS.into_iter().filter(of).collect();
                format!("j.kind in ('{}')", kinds.join("', '"))
            }
            Self::Files(spool) => {
                format!("(j.spool_id is null or j.spool_id = {spool} or {spool} is null)")
            }
        }
    }

    /// From and of what to select jobs `j` of a workspace that are due at a moment, the longest due first. However
    /// many there are of others, none of those is looked at.
    pub(super) fn due(self, dialect: Dialect, workspace: &str, moment: &str) -> String {
        let (file, condition) = (self.is_file(), self.condition());
        match dialect {
            Dialect::Sqlite => format!(
                "from jobs j where {IS_FILE} = {file} and j.workspace_id = {workspace} \
                 and j.due_at <= {moment} and {condition} order by j.due_at, j.id"
            ),
            // Worded so that rows come from that index in their order, whatever the planner knows about the table.
            Dialect::Postgres => format!(
                "from jobs j where ({IS_FILE}, j.workspace_id) >= ({file}, {workspace}) \
                 and ({IS_FILE}, j.workspace_id, j.due_at) <= ({file}, {workspace}, {moment}) \
                 and case when {condition} then true else false end \
                 order by {IS_FILE}, j.workspace_id, j.due_at, j.id"
            ),
        }
    }

    /// When the first becomes due, past or future.
    pub(super) fn next(self, dialect: Dialect) -> String {
        let due = self.due(dialect, "at.id", &i64::MAX.to_string());
        format!("{WITH_JOBS} select min((select j.due_at {due} limit 1)) from at")
    }

    /// Those whose turn it is of them that are due at `$1`: up to `$3`, and of a workspace no more than leave it
    /// with `$4` at work. Of each no more are looked at than may be taken, so that a long backlog costs no more
    /// than a short one.
    pub(super) fn chosen(self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Sqlite => format!("in ({})", self.of_sqlite()),
            // An array, unlike a set, is made once, whatever the plan.
            Dialect::Postgres => format!("= any(array({}))", self.of_postgres()),
        }
    }

    /// How many of them each workspace has at work.
    fn held(self) -> String {
        format!(
            "(select j.workspace_id, count(*) as held from jobs j where j.leased = 1 \
             and j.due_at > $1 and {IS_FILE} = {} group by j.workspace_id) h",
            self.is_file()
        )
    }

    fn of_sqlite(self) -> String {
        let (due, held) = (self.due(Dialect::Sqlite, "at.id", "$1"), self.held());
        format!(
            "{WITH_JOBS} select t.id from (select d.id, d.due_at, d.workspace_id, \
             row_number() over (partition by d.workspace_id order by d.due_at, d.id) as place \
             from at join jobs d on d.id in (select j.id {due} limit $3)) t \
             left join {held} on h.workspace_id = t.workspace_id \
             where t.place + coalesce(h.held, 0) <= $4 \
             order by t.place + coalesce(h.held, 0), t.due_at, t.id limit $3"
        )
    }

    /// The same with the chosen rows locked, one after the other in the order of their turns: rows that
    /// another worker is taking are passed over, and a row that was taken since this statement began no
    /// longer has the `due_at` it was chosen by.
    fn of_postgres(self) -> String {
        let (due, held) = (self.due(Dialect::Postgres, "at.id", "$1"), self.held());
        format!(
            "select t.id from ({WITH_JOBS} select d.id, d.due_at from at left join {held} \
             on h.workspace_id = at.id cross join lateral \
             (select f.id, f.due_at, row_number() over (order by f.due_at, f.id) as place from \
             (select j.id, j.due_at {due} limit $3 + {BESIDE}) f) d \
             where d.place + coalesce(h.held, 0) <= $4 \
             order by d.place + coalesce(h.held, 0), d.due_at, d.id limit $3 + {BESIDE}) turn \
             cross join lateral (select j.id from jobs j where j.id = turn.id \
             and j.due_at = turn.due_at for update skip locked) t limit $3"
        )
    }
}
