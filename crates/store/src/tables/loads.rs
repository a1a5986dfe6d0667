//! Loads: one request to fill a link.

use uuid::Uuid;

use super::ids::text_enum;
use super::spent_loads::SUPERSEDED;
use super::{LinkId, LoadId, Micros, Resource, SourceCallId, SubjectId, WorkspaceId};
use crate::{Result, Tx};

text_enum! {
    /// Why a load runs.
    Trigger in "loads" {
        /// The link was made.
        Creation = "creation",
        /// The customer asked for fresh data.
        Refresh = "refresh",
        /// The link is recurrent and its time has come.
        Schedule = "schedule",
        /// A retrieval request.
        Request = "request",
    }
}

text_enum! {
    /// How far a load has come.
    LoadState in "loads" {
        /// Waiting for its job.
        Waiting = "waiting",
        /// Finished; its events are out.
        Done = "done",
        /// Given up.
        Failed = "failed",
    }
}

/// A load to be stored.
#[derive(Debug, Clone)]
pub struct NewLoad<'a> {
    /// Workspace of the link.
    pub workspace: WorkspaceId,
    /// Person behind the link.
    pub subject: SubjectId,
    /// Link to fill.
    pub link: LinkId,
    /// Why it runs.
    pub trigger: Trigger,
    /// What to load.
    pub resources: &'a [Resource],
    /// Request that asked for it; repeated in the webhooks.
    pub request_id: Uuid,
    /// First and last day asked for, `YYYY-MM-DD`.
    pub window: Option<(&'a str, &'a str)>,
    /// Whether what is found is kept.
    pub save_data: bool,
    /// Whether the customer is not told what it found.
    pub quiet: bool,
    /// The question already asked while the request waited, whose answer the job uses.
    pub source_call: Option<SourceCallId>,
    /// When it was asked for.
    pub created_at: Micros,
}

/// A stored load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Internal id.
    pub id: LoadId,
    /// Workspace of the link.
    pub workspace: WorkspaceId,
    /// Person behind the link.
    pub subject: SubjectId,
    /// Link to fill.
    pub link: LinkId,
    /// Why it runs.
    pub trigger: Trigger,
    /// What to load.
    pub resources: Vec<Resource>,
    /// Request that asked for it.
    pub request_id: Uuid,
    /// First and last day asked for, `YYYY-MM-DD`.
    pub window: Option<(String, String)>,
    /// Whether what is found is kept.
    pub save_data: bool,
    /// Whether the customer is not told what it found.
    pub quiet: bool,
    /// How far it has come.
    pub state: LoadState,
    /// The question already asked.
    pub source_call: Option<SourceCallId>,
    /// When it was asked for.
    pub created_at: Micros,
}

/// How a load went, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadCourse {
    /// Why it runs.
    pub trigger: Trigger,
    /// How far it has come.
    pub state: LoadState,
    /// Why it was given up, one word.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: Micros,
    /// When it ended.
    pub finished_at: Option<Micros>,
}

impl Tx<'_> {
    /// Stores a load.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_load(&mut self, load: &NewLoad<'_>) -> Result<LoadId> {
        self.query_one(
            "insert into loads (workspace_id, subject_id, link_id, trigger, resources, \
             request_id, state, source_call_id, created_at, window_from, window_to, save_data, \
             quiet) values ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $9, $10, $11, $12) \
             returning id",
            &[
                load.workspace.into(),
                load.subject.into(),
                load.link.into(),
                load.trigger.into(),
                Resource::to_list(load.resources).as_str().into(),
                load.request_id.into(),
                load.source_call.map(|call| call.0).into(),
                load.created_at.into(),
                load.window.map(|(from, _)| from).into(),
                load.window.map(|(_, to)| to).into(),
                i64::from(load.save_data).into(),
                i64::from(load.quiet).into(),
            ],
            |row| Ok(LoadId(row.int(0)?)),
        )
    }

    /// The load with this id, `None` once its link was deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn load(&mut self, id: LoadId) -> Result<Option<Load>> {
        self.query_opt(
            "select id, workspace_id, subject_id, link_id, trigger, resources, request_id, state, \
             source_call_id, created_at, window_from, window_to, save_data, quiet \
             from loads where id = $1",
            &[id.into()],
            |row| {
                Ok(Load {
                    id: LoadId(row.int(0)?),
                    workspace: WorkspaceId(row.int(1)?),
                    subject: SubjectId(row.int(2)?),
                    link: LinkId(row.int(3)?),
                    trigger: Trigger::from_column(&row.text(4)?)?,
                    resources: Resource::from_list(&row.text(5)?)?,
                    request_id: row.uuid(6)?,
                    state: LoadState::from_column(&row.text(7)?)?,
                    source_call: row.opt_int(8)?.map(SourceCallId),
                    created_at: row.int(9)?,
                    window: row.opt_text(10)?.zip(row.opt_text(11)?),
                    save_data: row.int(12)? != 0,
                    quiet: row.int(13)? != 0,
                })
            },
        )
    }

    /// Remembers which question was asked for a load, so that a second run need not ask again.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_load_call(&mut self, id: LoadId, call: SourceCallId) -> Result<()> {
        let sql = "update loads set source_call_id = $2 where id = $1";
        self.execute(sql, &[id.into(), call.into()])?;
        Ok(())
    }

    /// Everything that was loaded for a link so far, and kept.
    ///
    /// # Errors
    /// When the database fails.
    pub fn loaded_resources(&mut self, link: LinkId) -> Result<Vec<Resource>> {
        let rows = self.query(
            "select distinct resources from loads where link_id = $1 and state = 'done' \
             and save_data = 1",
            &[link.into()],
            |row| Resource::from_list(&row.text(0)?),
        )?;
        let mut all: Vec<Resource> = rows.into_iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// When a refresh of the link was last asked for. One that has its answer from a check followed
    /// an update of the link, which is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn last_refresh(&mut self, link: LinkId) -> Result<Option<Micros>> {
        self.query_one(
            "select max(created_at) from loads where link_id = $1 and trigger = 'refresh' \
             and not exists (select 1 from source_calls c \
             where c.id = loads.source_call_id and c.purpose = 'check')",
            &[link.into()],
            |row| row.opt_int(0),
        )
    }

    /// Whether a load of the link waits that has this trigger.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_waiting_load(&mut self, link: LinkId, trigger: Trigger) -> Result<bool> {
        let found = self.query_opt(
            "select 1 from loads where link_id = $1 and trigger = $2 and state = 'waiting' limit 1",
            &[link.into(), trigger.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    /// Whether a retrieval about the person is under way that began at `since` or later.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_open_request(&mut self, subject: SubjectId, since: Micros) -> Result<bool> {
        let found = self.query_opt(
            "select 1 from loads where link_id in (select id from links where subject_id = $1) \
             and trigger = 'request' and state = 'waiting' and created_at >= $2 limit 1",
            &[subject.into(), since.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    /// Ends retrievals about the person that began before `before`, wait, and have no job: who answered them died,
    /// or could not say that they had failed. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_lost_requests(
        &mut self,
        subject: SubjectId,
        before: Micros,
        now: Micros,
    ) -> Result<u64> {
        self.execute(
            "update loads set state = 'failed', failure = 'internal', finished_at = $3, may_go = 1 \
             where link_id in (select id from links where subject_id = $1) \
             and trigger = 'request' and state = 'waiting' and created_at < $2 \
             and not exists (select 1 from jobs j where j.kind = 'sync_link' \
             and j.target_id = loads.id)",
            &[subject.into(), before.into(), now.into()],
        )
    }

    /// Ends a load that was waiting, and marks what may go of it and of the older ones of its link. `false` when
    /// it had ended already, so that a job that runs twice emits once.
    ///
    /// # Errors
    /// When the database fails.
    pub fn finish_load(
        &mut self,
        id: LoadId,
        state: LoadState,
        failure: Option<&str>,
        now: Micros,
    ) -> Result<bool> {
        let sql = format!(
            "update loads set state = $2, failure = $3, finished_at = $4, may_go = case when \
             $2 = 'failed' or save_data = 0 or {SUPERSEDED} then 1 else 0 end \
             where id = $1 and state = 'waiting'"
        );
        let params = [id.into(), state.into(), failure.into(), now.into()];
        let ended = self.execute(&sql, &params)? == 1;
        if ended && state == LoadState::Done {
            self.supersede_loads(id)?;
        }
        Ok(ended)
    }

    /// How the last loads of a link went, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn load_courses(&mut self, link: LinkId, limit: i64) -> Result<Vec<LoadCourse>> {
        self.query(
            "select trigger, state, failure, created_at, finished_at from loads \
             where link_id = $1 order by id desc limit $2",
            &[link.into(), limit.into()],
            |row| {
                Ok(LoadCourse {
                    trigger: Trigger::from_column(&row.text(0)?)?,
                    state: LoadState::from_column(&row.text(1)?)?,
                    failure: row.opt_text(2)?,
                    created_at: row.int(3)?,
                    finished_at: row.opt_int(4)?,
                })
            },
        )
    }

    /// How long new links took from their creation to their data, microseconds: the last ones of a
    /// workspace that ended at `since` or later.
    ///
    /// # Errors
    /// When the database fails.
    pub fn creation_times(
        &mut self,
        workspace: WorkspaceId,
        since: Micros,
        limit: i64,
    ) -> Result<Vec<Micros>> {
        self.query(
            "select finished_at - created_at from loads where workspace_id = $1 \
             and finished_at >= $2 and trigger = 'creation' and state = 'done' \
             order by finished_at desc limit $3",
            &[workspace.into(), since.into(), limit.into()],
            |row| row.int(0),
        )
    }
}
