//! Making a link: what is settled before a source is asked about the person, and the transaction
//! that follows the answer.

use std::sync::Arc;

use uuid::Uuid;
use vinculo_pila::{Document, DocumentKind};
use vinculo_store::{
    AuditAction, Due, Job, LinkId, LoadId, NewLink, NewLoad, SourceCallId, SubjectId, Trigger, Tx,
};
use vinculo_vault::{DataKey, WrappedKey};

use super::check::Checked;
use super::wanted::{Terms, Wanted};
use super::wire::{WireLink, words};
use crate::api::institutions::PILA;
use crate::audit::Entry;
use crate::clock::wire_time;
use crate::consents::{self, Given, Standing};
use crate::error::{ApiError, ErrorItem};
use crate::projection::LinkSecrets;
use crate::secrets::WorkspaceSecrets;
use crate::settings::Settings;
use crate::terms::stale_at;

/// What is settled before a source is asked.
pub(super) struct Admission {
    pub(super) terms: Terms,
    pub(super) person: Document,
    pub(super) consent: Option<Uuid>,
}

impl Admission {
    /// Refuses a second link of a person, where the workspace wants that, and whom it may not ask
    /// about; a consent that is being given is one.
    ///
    /// # Errors
    /// 400 for these, for terms that do not go together, and for what is no document.
    pub(super) fn read(
        tx: &mut Tx<'_>,
        secrets: &WorkspaceSecrets,
        wanted: &Wanted,
        being_given: Option<Uuid>,
        now: i64,
    ) -> Result<Self, ApiError> {
        let (workspace, indexes) = (secrets.workspace().id, secrets.indexes());
        let terms = Terms::new(wanted, &Settings::read(tx, workspace)?)?;
        let person = wanted.person()?;
        let index = indexes.lookup_document(person.kind.code(), &person.number);
        let known = tx.subject(workspace, &index)?;
        if let Some(subject) = &known
            && !terms.allow_duplicates
            && tx.has_link(workspace, subject.id, PILA)?
        {
            return Err(duplicated(indexes.institution_user_id(PILA, &pseudonymised(&person))));
        }
        let standing = known.map(|subject| Standing::of(tx, subject.id)).transpose()?;
        let standing = standing.unwrap_or_else(Standing::of_nobody);
        let consent = match being_given {
            None => standing.basis(terms.to_ask(), now, terms.require_consent)?,
            given => given,
        };
        Ok(Self { terms, person, consent })
    }
}

fn duplicated(institution_user_id: String) -> ApiError {
    let item = ErrorItem::whole("duplicated", "Link already exists");
    ApiError::bad_request(vec![ErrorItem {
        institution_user_id: Some(institution_user_id),
        ..item
    }])
}

/// What the pseudonym of a person is made from: the bare number of a cédula de ciudadanía, and kind
/// and number of any other document.
fn pseudonymised(person: &Document) -> String {
    match person.kind {
        DocumentKind::Cc => person.number.clone(),
        kind => format!("{kind}-{}", person.number),
    }
}

/// Everything the one transaction needs.
pub(super) struct Registration {
    pub(super) checked: Arc<Checked>,
    /// A consent that is recorded with the link.
    pub(super) given: Option<Given>,
    pub(super) terms: Terms,
    pub(super) external_id: Option<String>,
    /// Public id of the link.
    pub(super) uuid: Uuid,
    pub(super) request_id: Uuid,
    /// Whether the customer is not told when the link is filled.
    pub(super) quiet: bool,
    /// The key of a person whom the workspace does not know yet.
    pub(super) offered: WrappedKey,
}

/// A link, and what fills it.
type Started = (LinkId, Option<LoadId>);

/// What the transaction made.
pub(super) struct Registered {
    pub(super) subject: SubjectId,
    pub(super) key: DataKey,
    pub(super) link: LinkId,
    /// What fills the link; `None` when nothing does.
    pub(super) load: Option<LoadId>,
    /// The link as clients see it.
    pub(super) body: Vec<u8>,
}

impl Registration {
    /// Subject, link, the kept answer, load and job.
    ///
    /// # Errors
    /// 400 when the person got a link or took a consent back while the source was asked.
    pub(super) fn write(&self, tx: &mut Tx<'_>) -> Result<Registered, ApiError> {
        let Checked { app, caller, person, .. } = &*self.checked;
        let secrets = app.secrets(caller.workspace.id)?;
        let indexes = secrets.indexes();
        let now = app.now_micros();
        let index = indexes.lookup_document(person.kind.code(), &person.number);
        let subject = tx.ensure_subject(caller.workspace.id, &index, &self.offered, now)?;
        let pseudonym = indexes.institution_user_id(PILA, &pseudonymised(person));
        if !self.terms.allow_duplicates {
            tx.lock_subject(subject.id)?;
            if tx.has_link(caller.workspace.id, subject.id, PILA)? {
                return Err(duplicated(pseudonym));
            }
        }
        if let Some(given) = &self.given {
            consents::grant(tx, app, &secrets, (given, &caller.trail), &self.offered)?;
        }
        // A consent may have been taken back while the source was asked.
        let standing = Standing::of(tx, subject.id)?;
        let consent = standing.basis(self.terms.to_ask(), now, self.terms.require_consent)?;
        let key = app.all_secrets().vault().unwrap_key(&subject.key)?;
        let loads = !self.terms.to_load().is_empty();
        let kept = self.checked.record(tx, subject.id, &key, loads)?;
        let ((link, load), body) =
            self.write_link(tx, (subject.id, &key), &pseudonym, (kept, consent))?;
        Ok(Registered { subject: subject.id, key, link, load, body })
    }

    fn write_link(
        &self,
        tx: &mut Tx<'_>,
        (subject, key): (SubjectId, &DataKey),
        pseudonym: &str,
        (kept, consent): (Option<SourceCallId>, Option<Uuid>),
    ) -> Result<(Started, Vec<u8>), ApiError> {
        let (Checked { app, caller, person, .. }, terms) = (&*self.checked, &self.terms);
        let now = app.now_micros();
        let external_id = self.external_id.clone();
        let secrets = LinkSecrets { document: Some(person.clone()), external_id };
        let indexes = app.secrets(caller.workspace.id)?;
        let external_index =
            self.external_id.as_deref().map(|id| indexes.indexes().external_id(id));
        let refresh = (terms.refresh_rate.next(now, app.random_u64()), Trigger::Schedule);
        let link = NewLink {
            uuid: self.uuid,
            workspace: caller.workspace.id,
            subject,
            institution: PILA,
            access_mode: terms.access_mode,
            refresh_rate: terms.is_recurrent().then_some(terms.refresh_rate.as_str()),
            created_by: caller.workspace.organization,
            created_at: now,
            last_accessed_at: Some(now),
            institution_user_id: pseudonym,
            credentials_storage: &terms.storage.to_string(),
            stale_in: terms.stale_in.as_deref(),
            fetch_resources: &terms.resources,
            external_index: external_index.as_ref(),
            due: Due {
                refresh: terms.is_recurrent().then_some(refresh),
                expires_at: terms.storage.ends(now),
                stale_at: Some(stale_at(now, terms.stale_in.as_deref())),
            },
            consent,
            sealed: &secrets.seal(key, self.uuid)?,
        };
        let made = self.start(tx, &link, kept)?;
        let entry = Entry::of(AuditAction::LinkCreated).person(subject).new_link(self.uuid);
        caller.trail.note(tx, app, entry)?;
        Ok((made, self.answer(&link)?))
    }

    /// Stores the link and the load that fills it.
    fn start(
        &self,
        tx: &mut Tx<'_>,
        link: &NewLink<'_>,
        kept: Option<SourceCallId>,
    ) -> Result<Started, ApiError> {
        let id = tx.insert_link(link)?;
        if self.terms.to_load().is_empty() {
            return Ok((id, None));
        }
        let load = tx.insert_load(&NewLoad {
            workspace: link.workspace,
            subject: link.subject,
            link: id,
            trigger: Trigger::Creation,
            resources: self.terms.to_load(),
            request_id: self.request_id,
            window: None,
            save_data: true,
            quiet: self.quiet,
            source_call: kept,
            created_at: link.created_at,
        })?;
        tx.enqueue(Job::SyncLink(load), link.created_at, link.created_at)?;
        Ok((id, Some(load)))
    }

    fn answer(&self, link: &NewLink<'_>) -> Result<Vec<u8>, ApiError> {
        Ok(serde_json::to_vec(&WireLink {
            id: link.uuid,
            institution: link.institution,
            access_mode: link.access_mode.as_str(),
            status: "valid",
            refresh_rate: link.refresh_rate,
            created_by: link.created_by,
            last_accessed_at: link.last_accessed_at.map(wire_time),
            external_id: self.external_id.as_deref(),
            created_at: wire_time(link.created_at),
            institution_user_id: link.institution_user_id,
            credentials_storage: link.credentials_storage,
            stale_in: link.stale_in,
            fetch_resources: words(link.fetch_resources),
        })?)
    }
}
