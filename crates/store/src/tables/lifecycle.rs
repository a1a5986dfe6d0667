//! What becomes of a link over time: when it is due for something, and what is written then.

use vinculo_vault::Sealed;

use super::job_turns::Wanted;
use super::{AccessMode, LinkId, Micros, Resource, SubjectId, Trigger, WorkspaceId};
use crate::{Result, Row, Tx, Value};

/// What a link will be due for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Due {
    /// When it is filled again without anybody asking, and the trigger of that load.
    pub refresh: Option<(Micros, Trigger)>,
    /// When its document is erased.
    pub expires_at: Option<Micros>,
    /// When what was loaded for it is erased.
    pub stale_at: Option<Micros>,
}

impl Due {
    /// From four columns, the first of them at `first`.
    pub(super) fn from_row(row: &Row<'_>, first: usize) -> Result<Self> {
        let trigger = row.opt_text(first + 1)?;
        let trigger = trigger.map(|text| Trigger::from_column(&text)).transpose()?;
        Ok(Self {
            refresh: row.opt_int(first)?.zip(trigger),
            expires_at: row.opt_int(first + 2)?,
            stale_at: row.opt_int(first + 3)?,
        })
    }

    pub(super) fn refresh_at(&self) -> Option<Micros> {
        self.refresh.map(|(at, _)| at)
    }

    pub(super) fn refresh_trigger(&self) -> Option<&'static str> {
        self.refresh.map(|(_, trigger)| trigger.as_str())
    }
}

/// What links are looked for that are due for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueFor {
    /// Links of the workspace are filled again.
    Refresh(WorkspaceId),
    /// A document is erased.
    Expiry,
    /// What was loaded is erased.
    Staleness,
}

/// A link that is due for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueLink {
    /// Since when.
    pub at: Micros,
    /// The link.
    pub id: LinkId,
}

impl DueLink {
    /// Comes before every one of them.
    pub const FIRST: Self = Self { at: Micros::MIN, id: LinkId(0) };
}

/// What can be changed about a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSettings {
    /// Mode.
    pub access_mode: AccessMode,
    /// Refresh rate of a recurrent link.
    pub refresh_rate: Option<String>,
    /// `store`, `nostore` or `<n>d`.
    pub credentials_storage: String,
    /// `<n>d`, when requested.
    pub stale_in: Option<String>,
    /// Resources as requested.
    pub fetch_resources: Vec<Resource>,
    /// What the link will be due for.
    pub due: Due,
}

impl Tx<'_> {
    /// A retrieval succeeded at `at`: no failure counts any more, and what the link holds is fresh
    /// until `stale_at`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn mark_filled(&mut self, id: LinkId, at: Micros, stale_at: Option<Micros>) -> Result<()> {
        self.execute(
            "update links set failures = 0, last_accessed_at = $2, stale_at = $3 where id = $1",
            &[id.into(), at.into(), stale_at.into()],
        )?;
        Ok(())
    }

    /// A retrieval failed. Answers how many have failed in a row.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count_failure(&mut self, id: LinkId) -> Result<i64> {
        let sql = "update links set failures = failures + 1 where id = $1 returning failures";
        Ok(self.query_opt(sql, &[id.into()], |row| row.int(0))?.unwrap_or(0))
    }

    /// The institution refuses the person: nothing is asked any more on its own. `false` when the
    /// link was invalid already.
    ///
    /// # Errors
    /// When the database fails.
    pub fn invalidate_link(&mut self, id: LinkId) -> Result<bool> {
        let changed = self.execute(
            "update links set status = 'invalid', refresh_at = null, refresh_trigger = null \
             where id = $1 and status <> 'invalid'",
            &[id.into()],
        )?;
        Ok(changed == 1)
    }

    /// The institution accepts the person again.
    ///
    /// # Errors
    /// When the database fails.
    pub fn restore_link(
        &mut self,
        id: LinkId,
        sealed: &Sealed,
        at: Micros,
        due: &Due,
    ) -> Result<()> {
        self.execute(
            "update links set status = 'valid', failures = 0, last_accessed_at = $2, sealed = $3, \
             refresh_at = $4, refresh_trigger = $5, expires_at = $6, stale_at = $7 where id = $1",
            &[
                id.into(),
                at.into(),
                sealed.into(),
                due.refresh_at().into(),
                due.refresh_trigger().into(),
                due.expires_at.into(),
                due.stale_at.into(),
            ],
        )?;
        Ok(())
    }

    /// Writes everything that can be changed about a link.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_link_settings(&mut self, id: LinkId, settings: &LinkSettings) -> Result<()> {
        self.execute(
            "update links set access_mode = $2, refresh_rate = $3, credentials_storage = $4, \
             stale_in = $5, fetch_resources = $6, refresh_at = $7, refresh_trigger = $8, \
             expires_at = $9, stale_at = $10 where id = $1",
            &[
                id.into(),
                settings.access_mode.into(),
                settings.refresh_rate.as_deref().into(),
                settings.credentials_storage.as_str().into(),
                settings.stale_in.as_deref().into(),
                Resource::to_list(&settings.fetch_resources).as_str().into(),
                settings.due.refresh_at().into(),
                settings.due.refresh_trigger().into(),
                settings.due.expires_at.into(),
                settings.due.stale_at.into(),
            ],
        )?;
        Ok(())
    }

    /// Sets when a link is filled next without anybody asking.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_refresh(&mut self, id: LinkId, refresh: Option<(Micros, Trigger)>) -> Result<()> {
        let due = Due { refresh, ..Due::default() };
        self.execute(
            "update links set refresh_at = $2, refresh_trigger = $3 where id = $1",
            &[id.into(), due.refresh_at().into(), due.refresh_trigger().into()],
        )?;
        Ok(())
    }

    /// Puts `sealed`, which no longer holds the document, in the place of what a link keeps
    /// sealed: the link cannot be filled any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_credentials(&mut self, id: LinkId, sealed: &Sealed) -> Result<()> {
        self.execute(
            "update links set sealed = $2, status = 'invalid', expires_at = null, \
             refresh_at = null, refresh_trigger = null where id = $1",
            &[id.into(), sealed.into()],
        )?;
        Ok(())
    }

    /// Erases what was loaded for a link, and the record that it was: the link stays. When no other
    /// link of the person is left, what operators answered goes too; imported planillas stay.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erase_link_data(&mut self, id: LinkId, subject: SubjectId) -> Result<()> {
        for sql in [
            "delete from loads where link_id = $1 and state <> 'waiting'",
            "update links set stale_at = null where id = $1",
        ] {
            self.execute(sql, &[id.into()])?;
        }
        self.drop_link_data(id, subject)
    }

    /// Removes the objects of a link, and the answers kept about it. What operators answered goes
    /// with the last link of the person that has a use for it: one that holds data, or has a job that will bring it.
    /// A retrieval that somebody waits for brings its own.
    pub(super) fn drop_link_data(&mut self, id: LinkId, subject: SubjectId) -> Result<()> {
        for sql in [
            "delete from employments where link_id = $1",
            "delete from owners where link_id = $1",
            "delete from idempotency_keys where link_id = $1",
        ] {
            self.execute(sql, &[id.into()])?;
        }
        let others = "select 1 from links l where l.subject_id = $1 and l.id <> $2 \
             and (l.stale_at is not null or exists (select 1 from loads w join jobs j \
             on j.kind = 'sync_link' and j.target_id = w.id \
             where w.link_id = l.id and w.state = 'waiting'))";
        for sql in [
            "delete from contributions where subject_id = $1 and origin <> 'planilla'",
            "update source_calls set sealed_payload = null where subject_id = $1",
        ] {
            let sql = format!("{sql} and not exists ({others})");
            self.execute(&sql, &[subject.into(), id.into()])?;
        }
        Ok(())
    }

    /// Links that are due for something and come behind `after`, those that are due the longest first, up to
    /// `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn due_links(
        &mut self,
        what: DueFor,
        now: Micros,
        after: DueLink,
        limit: i64,
    ) -> Result<Vec<DueLink>> {
        let (column, workspace) = match what {
            DueFor::Refresh(workspace) => ("refresh_at", Some(workspace)),
            DueFor::Expiry => ("expires_at", None),
            DueFor::Staleness => ("stale_at", None),
        };
        let mut params = vec![now.into(), after.at.into(), after.id.into(), limit.into()];
        params.extend(workspace.map(Value::from));
        let of = if workspace.is_some() { "workspace_id = $5 and " } else { "" };
        self.query(
            &format!(
                "select {column}, id from links where {of}{column} <= $1 and {column} >= $2 \
                 and ({column} > $2 or id > $3) order by {column}, id limit $4"
            ),
            &params,
            |row| Ok(DueLink { at: row.int(0)?, id: LinkId(row.int(1)?) }),
        )
    }

    /// Workspaces with links that are due for a refresh, by id, and how many loads more may wait there beside
    /// those that are due and not being worked on, when `most` may.
    ///
    /// # Errors
    /// When the database fails.
    pub fn workspaces_to_refresh(
        &mut self,
        now: Micros,
        most: i64,
    ) -> Result<Vec<(WorkspaceId, i64)>> {
        let waiting = Wanted::Loads.due(self.dialect(), "w.id", "$1");
        self.query(
            &format!(
                "select w.id, $2 - (select count(*) from (select 1 {waiting} limit $2) due) \
                 from workspaces w where exists (select 1 from links l where l.workspace_id = w.id \
                 and l.refresh_at <= $1 limit 1 offset 0) order by w.id"
            ),
            &[now.into(), most.into()],
            |row| Ok((WorkspaceId(row.int(0)?), row.int(1)?)),
        )
    }

    /// When the next link is due for anything, or its person's data to be withheld, past or future.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_due_link(&mut self) -> Result<Option<Micros>> {
        self.query_one(
            "select min(moment) from \
             (select min(refresh_at) as moment from links where refresh_at is not null union all \
             select min(expires_at) from links where expires_at is not null union all \
             select min(stale_at) from links where stale_at is not null union all \
             select min(withhold_at) from subjects where withhold_at is not null) due",
            &[],
            |row| row.opt_int(0),
        )
    }

    /// Whether the workspace has a link of this person at this institution.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_link(
        &mut self,
        workspace: WorkspaceId,
        subject: SubjectId,
        institution: &str,
    ) -> Result<bool> {
        let found = self.query_opt(
            "select 1 from links where +workspace_id = $1 and subject_id = $2 \
             and institution = $3 limit 1",
            &[workspace.into(), subject.into(), institution.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }
}
