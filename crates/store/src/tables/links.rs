//! Links: a subject connected to an institution.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed, WrappedKey};

use super::ids::text_enum;
use super::page::Where;
use super::{Due, LinkId, Micros, Page, PageRequest, Resource, SubjectId, TimeSpan, WorkspaceId};
use crate::{Result, Row, Tx};

text_enum! {
    /// Whether a link is filled once or kept fresh.
    AccessMode in "links" {
        /// Filled on demand.
        Single = "single",
        /// Refreshed on a schedule.
        Recurrent = "recurrent",
    }
}

text_enum! {
    /// What the institution last said about the credentials.
    LinkStatus in "links" {
        /// Accepted.
        Valid = "valid",
        /// Refused, or no longer stored.
        Invalid = "invalid",
        /// Creation has not been completed.
        Unconfirmed = "unconfirmed",
        /// A second factor is needed.
        TokenRequired = "token_required",
    }
}

/// A link to be stored.
#[derive(Debug, Clone)]
pub struct NewLink<'a> {
    /// Public id.
    pub uuid: Uuid,
    /// Workspace it belongs to.
    pub workspace: WorkspaceId,
    /// Person behind it.
    pub subject: SubjectId,
    /// Institution name.
    pub institution: &'a str,
    /// Mode.
    pub access_mode: AccessMode,
    /// Refresh rate of a recurrent link, such as `7d`.
    pub refresh_rate: Option<&'a str>,
    /// Public id of the organization whose key made it.
    pub created_by: Uuid,
    /// When it was made.
    pub created_at: Micros,
    /// Last successful contact with the institution.
    pub last_accessed_at: Option<Micros>,
    /// Pseudonym of the person at the institution.
    pub institution_user_id: &'a str,
    /// `store`, `nostore` or `<n>d`.
    pub credentials_storage: &'a str,
    /// `<n>d`, when requested.
    pub stale_in: Option<&'a str>,
    /// Resources as requested.
    pub fetch_resources: &'a [Resource],
    /// Look-up value of the external id.
    pub external_index: Option<&'a BlindIndex>,
    /// What it will be due for.
    pub due: Due,
    /// Consent it is made under; `None` when the customer attests by contract.
    pub consent: Option<Uuid>,
    /// Document and external id, sealed with the subject's key.
    pub sealed: &'a Sealed,
}

/// A stored link with what is needed to open its sealed part.
#[derive(Debug, Clone)]
pub struct Link {
    /// Internal id.
    pub id: LinkId,
    /// Public id.
    pub uuid: Uuid,
    /// Workspace it belongs to.
    pub workspace: WorkspaceId,
    /// Person behind it.
    pub subject: SubjectId,
    /// Institution name.
    pub institution: String,
    /// Mode.
    pub access_mode: AccessMode,
    /// What the institution last said.
    pub status: LinkStatus,
    /// Refresh rate of a recurrent link.
    pub refresh_rate: Option<String>,
    /// Public id of the organization whose key made it.
    pub created_by: Uuid,
    /// Last successful contact with the institution.
    pub last_accessed_at: Option<Micros>,
    /// When it was made.
    pub created_at: Micros,
    /// Pseudonym of the person at the institution.
    pub institution_user_id: String,
    /// `store`, `nostore` or `<n>d`.
    pub credentials_storage: String,
    /// `<n>d`, when requested.
    pub stale_in: Option<String>,
    /// Resources as requested.
    pub fetch_resources: Vec<Resource>,
    /// What it will be due for.
    pub due: Due,
    /// Retrievals that failed since the last one that did not.
    pub failures: i64,
    /// Consent it was made under; `None` when the customer attested by contract.
    pub consent: Option<Uuid>,
    /// Document and external id, sealed with the subject's key.
    pub sealed: Sealed,
    /// The subject's wrapped key.
    pub key: WrappedKey,
}

/// Which links of a workspace a list shows.
#[derive(Debug, Clone, Default)]
pub struct LinkFilter {
    /// Only these public ids.
    pub ids: Option<Vec<Uuid>>,
    /// Only these institutions.
    pub institutions: Option<Vec<String>>,
    /// Only this mode.
    pub access_mode: Option<AccessMode>,
    /// Only these statuses.
    pub statuses: Option<Vec<LinkStatus>>,
    /// Only links with one of these refresh rates; an inner `None` stands for links without one.
    pub refresh_rate: Option<Option<String>>,
    /// Only these pseudonyms.
    pub institution_user_ids: Option<Vec<String>>,
    /// Only these external ids.
    pub external_ids: Option<Vec<BlindIndex>>,
    /// None made by these organizations.
    pub not_created_by: Vec<Uuid>,
    /// Only links made in this span.
    pub created: TimeSpan,
}

impl LinkFilter {
    fn clause(&self, workspace: WorkspaceId) -> Where<'_> {
        // Ids lead to fewer rows than the workspace does, which is thus kept from its index.
        let own = if self.ids.is_some() { "+l.workspace_id" } else { "l.workspace_id" };
        let mut clause = Where::equals(own, workspace);
        if let Some(ids) = &self.ids {
            clause.and_in("l.uuid", ids.iter().copied());
        }
        if let Some(institutions) = &self.institutions {
            clause.and_in("l.institution", institutions);
        }
        if let Some(mode) = self.access_mode {
            clause.and_in("l.access_mode", [mode]);
        }
        if let Some(statuses) = &self.statuses {
            clause.and_in("l.status", statuses.iter().copied());
        }
        match &self.refresh_rate {
            Some(Some(rate)) => clause.and_in("l.refresh_rate", [rate]),
            Some(None) => clause.and_null("l.refresh_rate"),
            None => {}
        }
        if let Some(ids) = &self.institution_user_ids {
            clause.and_in("l.institution_user_id", ids);
        }
        if let Some(indexes) = &self.external_ids {
            clause.and_in("l.external_index", indexes);
        }
        clause.and_not_in("l.created_by", self.not_created_by.iter().copied());
        clause.and_span("l.created_at", self.created);
        clause
    }
}

const COLUMNS: &str = "select l.id, l.uuid, l.workspace_id, l.subject_id, l.institution, \
     l.access_mode, l.status, l.refresh_rate, l.created_by, l.last_accessed_at, l.created_at, \
     l.institution_user_id, l.credentials_storage, l.stale_in, l.fetch_resources, l.sealed, \
     k.wrapped, l.refresh_at, l.refresh_trigger, l.expires_at, l.stale_at, l.failures, \
     l.consent from links l \
     join data_keys k on k.owner_kind = 'subject' and k.owner_id = +l.subject_id";

impl Link {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: LinkId(row.int(0)?),
            uuid: row.uuid(1)?,
            workspace: WorkspaceId(row.int(2)?),
            subject: SubjectId(row.int(3)?),
            institution: row.text(4)?,
            access_mode: AccessMode::from_column(&row.text(5)?)?,
            status: LinkStatus::from_column(&row.text(6)?)?,
            refresh_rate: row.opt_text(7)?,
            created_by: row.uuid(8)?,
            last_accessed_at: row.opt_int(9)?,
            created_at: row.int(10)?,
            institution_user_id: row.text(11)?,
            credentials_storage: row.text(12)?,
            stale_in: row.opt_text(13)?,
            fetch_resources: Resource::from_list(&row.text(14)?)?,
            due: Due::from_row(row, 17)?,
            failures: row.int(21)?,
            consent: row.opt_uuid(22)?,
            sealed: row.sealed(15)?,
            key: row.wrapped_key(16)?,
        })
    }
}

impl Tx<'_> {
    /// Stores a link.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_link(&mut self, link: &NewLink<'_>) -> Result<LinkId> {
        self.query_one(
            "insert into links (uuid, workspace_id, subject_id, institution, access_mode, status, \
             refresh_rate, created_by, last_accessed_at, created_at, institution_user_id, \
             credentials_storage, stale_in, fetch_resources, external_index, sealed, refresh_at, \
             refresh_trigger, expires_at, stale_at, consent) values ($1, $2, $3, $4, $5, 'valid', \
             $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) returning id",
            &[
                link.uuid.into(),
                link.workspace.into(),
                link.subject.into(),
                link.institution.into(),
                link.access_mode.into(),
                link.refresh_rate.into(),
                link.created_by.into(),
                link.last_accessed_at.into(),
                link.created_at.into(),
                link.institution_user_id.into(),
                link.credentials_storage.into(),
                link.stale_in.into(),
                Resource::to_list(link.fetch_resources).as_str().into(),
                link.external_index.into(),
                link.sealed.into(),
                link.due.refresh_at().into(),
                link.due.refresh_trigger().into(),
                link.due.expires_at.into(),
                link.due.stale_at.into(),
                link.consent.into(),
            ],
            |row| Ok(LinkId(row.int(0)?)),
        )
    }

    /// The workspace's link with this public id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn link(&mut self, workspace: WorkspaceId, uuid: Uuid) -> Result<Option<Link>> {
        self.query_opt(
            &format!("{COLUMNS} where +l.workspace_id = $1 and l.uuid = $2"),
            &[workspace.into(), uuid.into()],
            Link::from_row,
        )
    }

    /// The link with this internal id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn link_by_id(&mut self, id: LinkId) -> Result<Option<Link>> {
        self.query_opt(&format!("{COLUMNS} where l.id = $1"), &[id.into()], Link::from_row)
    }

    /// Every link of a person, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn links_of(&mut self, subject: SubjectId) -> Result<Vec<Link>> {
        let sql =
            format!("{COLUMNS} where l.subject_id = $1 order by l.created_at desc, l.id desc");
        self.query(&sql, &[subject.into()], Link::from_row)
    }

    /// A page of the workspace's links, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn links(
        &mut self,
        workspace: WorkspaceId,
        filter: &LinkFilter,
        page: PageRequest,
    ) -> Result<Page<Link>> {
        let clause = filter.clause(workspace);
        let count = self.query_one(
            &format!("select count(*) from links l{}", clause.sql()),
            clause.params(),
            |row| row.int(0),
        )?;
        let (tail, params) = clause.sliced("l.created_at desc, l.id desc", page);
        let rows = self.query(&format!("{COLUMNS}{tail}"), &params, Link::from_row)?;
        Ok(Page { count, rows })
    }

    /// Removes a link with every object derived from it, its loads and their jobs. When it was the
    /// person's last link, what operators answered about the person goes too; contributions from
    /// imported planillas stay, and so do events that already happened; those that wait are not
    /// sent any more, but that the link was deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delete_link(&mut self, id: LinkId, subject: SubjectId, now: Micros) -> Result<()> {
        for sql in [
            "delete from jobs where kind = 'sync_link' \
             and target_id in (select id from loads where link_id = $1)",
            "delete from loads where link_id = $1",
        ] {
            self.execute(sql, &[id.into()])?;
        }
        self.drop_link_data(id, subject)?;
        self.cancel_where(
            "d.event_id in (select v.id from events v where v.subject_id = $3 and v.link_id = $2 \
             and v.webhook_code <> 'link_deleted')",
            &[id.into(), subject.into()],
            now,
        )?;
        self.execute("delete from links where id = $1", &[id.into()])?;
        Ok(())
    }
}
