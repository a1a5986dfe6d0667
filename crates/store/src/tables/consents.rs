//! Consents: what a person has allowed, until when, and whether it was revoked.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed, WrappedKey};

use super::ids::text_enum;
use super::page::Where;
use super::{Micros, Page, PageRequest, Resource, SubjectId, TimeSpan, WorkspaceId};
use crate::{Result, Row, Tx};

text_enum! {
    /// How a consent was obtained.
    ConsentMethod in "consents" {
        /// The customer says so, with whatever proof it has.
        ApiAttestation = "api_attestation",
        /// The person agreed on a page.
        ConsentPage = "consent_page",
        /// A document that the person signed.
        Upload = "upload",
    }
}

text_enum! {
    /// What a consent is good for at a moment.
    ConsentStatus in "consents" {
        /// It holds.
        Valid = "valid",
        /// Its time is over.
        Expired = "expired",
        /// The person took it back.
        Revoked = "revoked",
    }
}

/// What a consent says about itself in clear: nothing of it is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentTerms {
    /// Which data.
    pub resources: Vec<Resource>,
    /// Where the data may be fetched.
    pub source: String,
    /// How it was obtained.
    pub method: ConsentMethod,
    /// Version of the text that the person agreed to.
    pub text_version: String,
    /// Language of that text.
    pub language: String,
    /// When the person agreed.
    pub granted_at: Micros,
    /// From when on it holds no longer.
    pub expires_at: Option<Micros>,
}

/// A consent to be stored.
#[derive(Debug, Clone)]
pub struct NewConsent<'a> {
    /// Public id; part of what seals the rest.
    pub uuid: Uuid,
    /// Workspace it was given to.
    pub workspace: WorkspaceId,
    /// Who gave it.
    pub subject: SubjectId,
    /// What it says in clear.
    pub terms: &'a ConsentTerms,
    /// When it was recorded.
    pub created_at: Micros,
    /// What else it says, sealed with the person's key.
    pub sealed: &'a Sealed,
}

/// A stored consent with what is needed to open its sealed parts.
#[derive(Debug, Clone)]
pub struct Consent {
    /// Public id.
    pub uuid: Uuid,
    /// Workspace it was given to.
    pub workspace: WorkspaceId,
    /// Who gave it.
    pub subject: SubjectId,
    /// What it says in clear.
    pub terms: ConsentTerms,
    /// When it was taken back.
    pub revoked_at: Option<Micros>,
    /// When it was recorded.
    pub created_at: Micros,
    /// What else it says.
    pub sealed: Sealed,
    /// What was said when it was taken back.
    pub sealed_revocation: Option<Sealed>,
    /// The person's wrapped key.
    pub key: WrappedKey,
}

/// Which data a person has allowed, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The consent.
    pub consent: Uuid,
    /// Which data.
    pub resources: Vec<Resource>,
    /// When the person agreed.
    pub granted_at: Micros,
    /// From when on it holds no longer.
    pub expires_at: Option<Micros>,
    /// When it was taken back.
    pub revoked_at: Option<Micros>,
    /// When it was recorded.
    pub created_at: Micros,
}

/// Which consents of a workspace a list shows.
#[derive(Debug, Clone, Default)]
pub struct ConsentFilter {
    /// Only these public ids.
    pub ids: Option<Vec<Uuid>>,
    /// Only of the people behind these links.
    pub links: Option<Vec<Uuid>>,
    /// Only of people with a link that has one of these external ids.
    pub external_ids: Option<Vec<BlindIndex>>,
    /// Only those that are this at that moment.
    pub status: Option<(ConsentStatus, Micros)>,
    /// Only those recorded in this span.
    pub created: TimeSpan,
}

impl ConsentFilter {
    fn clause(&self, workspace: WorkspaceId) -> Where<'_> {
        let narrow = self.ids.is_some() || self.links.is_some() || self.external_ids.is_some();
        // As for objects: ids lead to fewer rows than the workspace does.
        let own = if narrow { "+c.workspace_id" } else { "c.workspace_id" };
        let mut clause = Where::equals(own, workspace);
        if let Some(ids) = &self.ids {
            clause.and_in("c.uuid", ids.iter().copied());
        }
        if let Some(links) = &self.links {
            let template = "c.subject_id in (select subject_id from links \
                            where +workspace_id = $1 and uuid in ({}))";
            clause.and_list(template, links.iter().copied());
        }
        if let Some(indexes) = &self.external_ids {
            let template = "c.subject_id in (select subject_id from links \
                            where workspace_id = $1 and external_index in ({}))";
            clause.and_list(template, indexes);
        }
        match self.status {
            Some((ConsentStatus::Revoked, _)) => clause.and_not_null("c.revoked_at"),
            Some((ConsentStatus::Expired, now)) => {
                clause.and_null("c.revoked_at");
                clause.and_list("c.expires_at <= {}", [now]);
            }
            Some((ConsentStatus::Valid, now)) => {
                clause.and_null("c.revoked_at");
                clause.and_list("(c.expires_at is null or c.expires_at > {})", [now]);
            }
            None => {}
        }
        clause.and_span("c.created_at", self.created);
        clause
    }
}

const COLUMNS: &str = "select c.uuid, c.subject_id, c.resources, c.source, c.method, \
     c.text_version, c.language, c.granted_at, c.expires_at, c.revoked_at, c.created_at, \
     c.sealed, c.sealed_revocation, k.wrapped, c.workspace_id from consents c \
     join data_keys k on k.owner_kind = 'subject' and k.owner_id = +c.subject_id";

impl Consent {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            uuid: row.uuid(0)?,
            workspace: WorkspaceId(row.int(14)?),
            subject: SubjectId(row.int(1)?),
            terms: ConsentTerms {
                resources: Resource::from_list(&row.text(2)?)?,
                source: row.text(3)?,
                method: ConsentMethod::from_column(&row.text(4)?)?,
                text_version: row.text(5)?,
                language: row.text(6)?,
                granted_at: row.int(7)?,
                expires_at: row.opt_int(8)?,
            },
            revoked_at: row.opt_int(9)?,
            created_at: row.int(10)?,
            sealed: row.sealed(11)?,
            sealed_revocation: row.opt_sealed(12)?,
            key: row.wrapped_key(13)?,
        })
    }

    /// What it is good for at `now`.
    #[must_use]
    pub fn status(&self, now: Micros) -> ConsentStatus {
        match (self.revoked_at, self.terms.expires_at) {
            (Some(_), _) => ConsentStatus::Revoked,
            (None, Some(end)) if end <= now => ConsentStatus::Expired,
            _ => ConsentStatus::Valid,
        }
    }
}

impl Tx<'_> {
    /// Stores a consent.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_consent(&mut self, consent: &NewConsent<'_>) -> Result<()> {
        let terms = consent.terms;
        self.execute(
            "insert into consents (uuid, workspace_id, subject_id, resources, source, method, \
             text_version, language, granted_at, expires_at, created_at, sealed) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            &[
                consent.uuid.into(),
                consent.workspace.into(),
                consent.subject.into(),
                Resource::to_list(&terms.resources).as_str().into(),
                (&terms.source).into(),
                terms.method.into(),
                (&terms.text_version).into(),
                (&terms.language).into(),
                terms.granted_at.into(),
                terms.expires_at.into(),
                consent.created_at.into(),
                consent.sealed.into(),
            ],
        )?;
        Ok(())
    }

    /// The workspace's consent with this public id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn consent(&mut self, workspace: WorkspaceId, uuid: Uuid) -> Result<Option<Consent>> {
        self.query_opt(
            &format!("{COLUMNS} where +c.workspace_id = $1 and c.uuid = $2"),
            &[workspace.into(), uuid.into()],
            Consent::from_row,
        )
    }

    /// A page of the workspace's consents, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn consents(
        &mut self,
        workspace: WorkspaceId,
        filter: &ConsentFilter,
        page: PageRequest,
    ) -> Result<Page<Consent>> {
        let clause = filter.clause(workspace);
        let count = self.query_one(
            &format!("select count(*) from consents c{}", clause.sql()),
            clause.params(),
            |row| row.int(0),
        )?;
        let (tail, params) = clause.sliced("c.created_at desc, c.id desc", page);
        let rows = self.query(&format!("{COLUMNS}{tail}"), &params, Consent::from_row)?;
        Ok(Page { count, rows })
    }

    /// Every consent of a person, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn consents_of(&mut self, subject: SubjectId) -> Result<Vec<Consent>> {
        let sql = format!("{COLUMNS} where c.subject_id = $1 order by c.id desc");
        self.query(&sql, &[subject.into()], Consent::from_row)
    }

    /// What a person has allowed, the newest consent first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn allowed_by(&mut self, subject: SubjectId) -> Result<Vec<Allowed>> {
        self.query(
            "select uuid, resources, expires_at, revoked_at, created_at, granted_at from consents \
             where subject_id = $1 order by id desc",
            &[subject.into()],
            |row| {
                Ok(Allowed {
                    consent: row.uuid(0)?,
                    resources: Resource::from_list(&row.text(1)?)?,
                    expires_at: row.opt_int(2)?,
                    revoked_at: row.opt_int(3)?,
                    created_at: row.int(4)?,
                    granted_at: row.int(5)?,
                })
            },
        )
    }

    /// Takes a consent of the workspace back, which is kept beside the wrapped keys too. `false` when
    /// it was taken back before.
    ///
    /// # Errors
    /// When the database fails.
    pub fn revoke_consent(
        &mut self,
        workspace: WorkspaceId,
        uuid: Uuid,
        at: Micros,
        sealed: &Sealed,
    ) -> Result<bool> {
        let changed = self.execute(
            "update consents set revoked_at = $3, sealed_revocation = $4 \
             where +workspace_id = $1 and uuid = $2 and revoked_at is null",
            &[workspace.into(), uuid.into(), at.into(), sealed.into()],
        )?;
        if changed == 1 {
            self.keep_revoked_consent(uuid)?;
        }
        Ok(changed == 1)
    }

    /// Withholds what is known of a resource of a person, or shows it again.
    ///
    /// # Errors
    /// When the database fails.
    pub fn withhold(
        &mut self,
        resource: Resource,
        subject: SubjectId,
        withheld: bool,
    ) -> Result<()> {
        let table = resource.table();
        self.execute(
            &format!(
                "update {table} set withheld = $2 where withheld <> $2 and link_id in \
                 (select id from links where subject_id = $1)"
            ),
            &[subject.into(), i64::from(withheld).into()],
        )?;
        Ok(())
    }

    /// Whether anything that is known of a resource of a person is shown.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_shown(&mut self, resource: Resource, subject: SubjectId) -> Result<bool> {
        let table = resource.table();
        let found = self.query_opt(
            &format!(
                "select 1 from {table} where withheld = 0 and link_id in \
                 (select id from links where subject_id = $1) limit 1"
            ),
            &[subject.into()],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// Sets when what a person took back is to be withheld, because what still lets it be shown ends.
    ///
    /// # Errors
    /// When the database fails.
    pub fn withhold_at(&mut self, subject: SubjectId, at: Option<Micros>) -> Result<()> {
        let sql = "update subjects set withhold_at = $2 where id = $1";
        self.execute(sql, &[subject.into(), at.into()])?;
        Ok(())
    }

    /// Up to `limit` people of whom something is to be withheld by now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn due_to_withhold(&mut self, now: Micros, limit: i64) -> Result<Vec<SubjectId>> {
        self.query(
            "select id from subjects where withhold_at <= $1 order by withhold_at, id limit $2",
            &[now.into(), limit.into()],
            |row| Ok(SubjectId(row.int(0)?)),
        )
    }

    /// People of the workspace who have taken a consent back.
    ///
    /// # Errors
    /// When the database fails.
    pub fn people_who_revoked(&mut self, workspace: WorkspaceId) -> Result<Vec<SubjectId>> {
        self.query(
            "select distinct subject_id from consents \
             where workspace_id = $1 and revoked_at is not null order by subject_id",
            &[workspace.into()],
            |row| Ok(SubjectId(row.int(0)?)),
        )
    }
}
