//! What an operator watches: how much work waits and for how long, whom nobody reaches, whether the
//! schema is this program's.

use super::{Job, Micros};
use crate::{Dialect, Result, Schema, Tx, migrate};

/// Most rows that are counted of anything: beyond that a larger number says nothing new.
pub(super) const COUNTED: i64 = 100_000;

/// The work of one kind that nobody is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// A kind of job, or `delivery`.
    pub kind: &'static str,
    /// Rows that are due; of the jobs of all kinds, and of deliveries, the first 100,000.
    pub due: i64,
    /// Rows that are held by a worker or wait for a later moment; counted alike.
    pub later: i64,
    /// Since when the oldest of those that are due is; of deliveries, of those to endpoints of which nobody
    /// holds one: the others wait for their receiver. Of received files, of those in spools of which nobody
    /// holds one: the others wait for those before them.
    pub oldest_due: Option<Micros>,
}

/// Jobs that were tried again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingJobs {
    /// Their kind.
    pub kind: String,
    /// How many.
    pub jobs: i64,
    /// How often the one was tried that was tried most.
    pub tried: i64,
    /// Why that one failed last; no personal data.
    pub failure: Option<String>,
}

/// Jobs of one kind that have been due for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdueJobs {
    /// Their kind.
    pub kind: String,
    /// How many nobody is there for, as far as can be told.
    pub unattended: i64,
    /// Received files that wait for those before them: somebody holds others of their spool.
    pub behind: i64,
    /// Jobs of that kind that somebody holds.
    pub held: i64,
}

/// Whether `jobs` has a received file that waits for those before it: of its spool somebody holds one.
const IS_BEHIND: &str = "(kind = 'import_file' and (spool_id in \
     (select h.spool_id from jobs h where h.leased = 1 and h.due_at > $1 \
     and h.kind = 'import_file' and h.spool_id is not null) \
     or spool_id is null and exists (select 1 from jobs h where h.leased = 1 and h.due_at > $1 \
     and h.kind = 'import_file' and h.spool_id is null)))";

/// Webhook endpoints of all workspaces, by how they do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndpointCounts {
    /// Their last try that is known did not fail.
    pub working: i64,
    /// It did.
    pub failing: i64,
    /// Nothing is sent to them.
    pub disabled: i64,
}

/// How the server of a database is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseServer {
    /// Its version as it numbers it: 150014 is 15.14.
    pub version: i64,
    /// Whether what it has committed is whole after a power cut: `fsync` and `full_page_writes`.
    pub survives_crashes: bool,
    /// Whether a commit waits for the disk: `synchronous_commit`.
    pub waits_for_disk: bool,
    /// Connections of everybody now.
    pub connections: i64,
    /// Connections that it takes of those who are no superuser.
    pub most_connections: i64,
}

/// Why a database takes no writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    /// It follows another one.
    Standby,
    /// It, or the session, was told so.
    Setting,
}

impl ReadOnly {
    /// The reason for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standby => "it is a standby",
            Self::Setting => "default_transaction_read_only is on",
        }
    }
}

impl Tx<'_> {
    /// The work of every kind that is not being done.
    ///
    /// # Errors
    /// When the database fails.
    pub fn backlog(&mut self, now: Micros) -> Result<Vec<Backlog>> {
        let mut all: Vec<_> = Job::KINDS
            .iter()
            .map(|&kind| Backlog { kind, due: 0, later: 0, oldest_due: None })
            .collect();
        let due = format!(
            "select kind, count(*), min(case when {IS_BEHIND} then null else due_at end) from \
             (select kind, due_at, spool_id from jobs where due_at <= $1 order by due_at, id \
             limit $2) due group by kind"
        );
        let later = "select kind, count(*), null from (select kind from jobs \
             where due_at > $1 limit $2) later group by kind";
        for (sql, is_due) in [(due.as_str(), true), (later, false)] {
            let rows = self.query(sql, &[now.into(), COUNTED.into()], |row| {
                Ok((row.text(0)?, row.int(1)?, if is_due { row.opt_int(2)? } else { None }))
            })?;
            for (kind, rows, oldest) in rows {
                let Some(of_kind) = all.iter_mut().find(|it| it.kind == kind) else { continue };
                match is_due {
                    true => (of_kind.due, of_kind.oldest_due) = (rows, oldest),
                    false => of_kind.later = rows,
                }
            }
        }
        let deliveries = |past: &str| {
            format!(
                "select count(*) from (select d.id from webhook_endpoints e \
                 join deliveries d on d.endpoint_id = e.id where e.disabled_at is null \
                 and d.state = 'pending' and d.due_at {past} $1 limit $2) waiting"
            )
        };
        let [due, later] = ["<=", ">"].map(|past| {
            self.query_one(&deliveries(past), &[now.into(), COUNTED.into()], |row| row.int(0))
        });
        let oldest_due = self.next_unattended_delivery(now)?.filter(|at| *at <= now);
        all.push(Backlog { kind: "delivery", due: due?, later: later?, oldest_due });
        Ok(all)
    }

    /// Jobs that were tried at least `tried` times, by kind.
    ///
    /// # Errors
    /// When the database fails.
    pub fn failing_jobs(&mut self, tried: i64) -> Result<Vec<FailingJobs>> {
        self.query(
            "select kind, jobs, attempt, failure from (select kind, attempt, failure, \
             count(*) over (partition by kind) as jobs, \
             row_number() over (partition by kind order by attempt desc, id) as place \
             from jobs where attempt >= $1) failing where place = 1 order by kind",
            &[tried.into()],
            |row| {
                Ok(FailingJobs {
                    kind: row.text(0)?,
                    jobs: row.int(1)?,
                    tried: row.int(2)?,
                    failure: row.opt_text(3)?,
                })
            },
        )
    }

    /// Jobs that are due since before `due_before` and not taken at `now`, by kind; the first 100,000.
    ///
    /// # Errors
    /// When the database fails.
    pub fn overdue_jobs(&mut self, now: Micros, due_before: Micros) -> Result<Vec<OverdueJobs>> {
        self.query(
            &format!(
                "select kind, count(case when {IS_BEHIND} then null else 1 end), \
                 count(case when {IS_BEHIND} then 1 end), (select count(*) from jobs h \
                 where h.leased = 1 and h.due_at > $1 and h.kind = late.kind) from \
                 (select kind, spool_id from jobs where due_at < $2 order by due_at, id limit $3) late \
                 group by kind order by kind"
            ),
            &[now.into(), due_before.into(), COUNTED.into()],
            |row| {
                Ok(OverdueJobs {
                    kind: row.text(0)?,
                    unattended: row.int(1)?,
                    behind: row.int(2)?,
                    held: row.int(3)?,
                })
            },
        )
    }

    /// Deliveries that are due since before `due_before`, to endpoints that are sent to and of which nobody holds
    /// one at `now`; the first 100,000. Those of an endpoint that was left in peace until then are not late yet.
    ///
    /// # Errors
    /// When the database fails.
    pub fn overdue_deliveries(&mut self, now: Micros, due_before: Micros) -> Result<i64> {
        self.query_one(
            "select count(*) from (select d.id from webhook_endpoints e \
             join deliveries d on d.endpoint_id = e.id where e.disabled_at is null \
             and (e.held_until is null or e.held_until < $2) \
             and not exists (select 1 from deliveries h where h.endpoint_id = e.id \
             and h.state = 'pending' and h.leased = 1 and h.due_at > $1) \
             and d.state = 'pending' and d.due_at < $2 limit $3) late",
            &[now.into(), due_before.into(), COUNTED.into()],
            |row| row.int(0),
        )
    }

    /// How many webhook endpoints work, fail, and are disabled, in all workspaces.
    ///
    /// # Errors
    /// When the database fails.
    pub fn endpoint_counts(&mut self) -> Result<EndpointCounts> {
        self.query_one(
            "select count(case when disabled_at is null and failing_since is null then 1 end), \
             count(case when disabled_at is null and failing_since is not null then 1 end), \
             count(disabled_at) from webhook_endpoints",
            &[],
            |row| {
                Ok(EndpointCounts {
                    working: row.int(0)?,
                    failing: row.int(1)?,
                    disabled: row.int(2)?,
                })
            },
        )
    }

    /// Whether both schemas are this program's, or newer and safe for it: as the newest migration says in
    /// `oldest_program`.
    ///
    /// # Errors
    /// [`Error::Migration`](crate::Error::Migration) when one of them is older, or newer and not safe; else when the
    /// database fails.
    pub fn check_schema(&mut self) -> Result<Schema> {
        let [data, vault] = migrate::histories(self.dialect());
        let sql = format!(
            "select (select cast(max(version) as bigint) from {data}), \
             (select cast(max(version) as bigint) from {vault})"
        );
        let found = self.query_one(&sql, &[], |row| Ok([row.opt_int(0)?, row.opt_int(1)?]))?;
        migrate::check_versions(self.dialect(), found, || {
            let oldest = "select max(version) from oldest_program";
            Ok(self.query_one(oldest, &[], |row| row.opt_int(0))?.unwrap_or(0))
        })
    }

    /// How the server of the database is set up; `None` for an embedded one. Who may not see what the sessions of
    /// other roles are counts those that have a database and a role, which processes of the server's own seldom
    /// have.
    ///
    /// # Errors
    /// When the database fails.
    pub fn database_server(&mut self) -> Result<Option<DatabaseServer>> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(None);
        }
        self.query_opt(
            "select current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on', \
             current_setting('synchronous_commit') <> 'off', \
             (select count(*) from pg_stat_activity where backend_type = 'client backend' \
             or backend_type is null and datid is not null and usesysid is not null), \
             cast(current_setting('max_connections') as bigint) \
             - cast(current_setting('superuser_reserved_connections') as bigint), \
             cast(current_setting('server_version_num') as bigint)",
            &[],
            |row| {
                Ok(DatabaseServer {
                    version: row.int(4)?,
                    survives_crashes: row.bool(0)?,
                    waits_for_disk: row.bool(1)?,
                    connections: row.int(2)?,
                    most_connections: row.int(3)?,
                })
            },
        )
    }

    /// Why this connection could write nothing; `None` when it can. An embedded database is opened to be written,
    /// or not at all.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read_only(&mut self) -> Result<Option<ReadOnly>> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(None);
        }
        let sql = "select pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
        self.query_one(sql, &[], |row| {
            Ok(match (row.bool(0)?, row.bool(1)?) {
                (true, _) => Some(ReadOnly::Standby),
                (false, true) => Some(ReadOnly::Setting),
                (false, false) => None,
            })
        })
    }

    /// What time it is where the database is; `None` for an embedded one, which has no clock of its
    /// own.
    ///
    /// # Errors
    /// When the database fails.
    pub fn database_time(&mut self) -> Result<Option<Micros>> {
        match self.dialect() {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => self.query_one(
                "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)",
                &[],
                |row| row.opt_int(0),
            ),
        }
    }
}
