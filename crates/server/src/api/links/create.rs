//! `POST /api/links/`: accept or refuse a person, answer with a link, load in the background.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_pila::{Document, DocumentKind};
use vinculo_store::{
    AuditAction, Due, Job, LinkId, NewLink, NewLoad, SourceCallId, SubjectId, Trigger, Tx,
};
use vinculo_vault::{DataKey, WrappedKey};

use super::check::Checked;
use super::schema::{AccessMode as ModeName, Link, ResourceName};
use super::wanted::{Terms, Wanted};
use super::wire::{WireLink, words};
use crate::App;
use crate::api::body::JsonObject;
use crate::api::institutions::PILA;
use crate::api::page::json;
use crate::audit::Entry;
use crate::clock::wire_time;
use crate::consents::Standing;
use crate::error::{ApiError, ErrorItem};
use crate::once::{About, Claim, Once};
use crate::openapi::{OnceParams, WishParams};
use crate::permit::{Permitted, WriteLinks};
use crate::projection::LinkSecrets;
use crate::request_id::RequestId;
use crate::sandbox::Wish;
use crate::secrets::WorkspaceSecrets;
use crate::settings::Settings;
use crate::terms::stale_at;

// Source: contract 3.3.3.
/// The request. Further keys are ignored.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({
    "institution": "pila_co_employment", "username": "1999000002", "access_mode": "single",
    "fetch_resources": ["EMPLOYMENTS", "OWNERS"], "external_id": "user-00042"
}))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct RegisterLink {
    /// `pila_co_employment`.
    #[schema(pattern = "^pila_co_employment$")]
    institution: String,
    /// Number of the person's document; dots, spaces and dashes are dropped.
    username: String,
    /// Kind of the document: `001` cédula de ciudadanía (the default), `002` cédula de extranjería,
    /// `003` passport, `004` tarjeta de identidad, `PT`, `PE`.
    #[schema(pattern = "^(001|002|003|004|CC|CE|PA|TI|PT|PE)$")]
    username_type: Option<String>,
    /// `EMPLOYMENTS`, `OWNERS` or both.
    fetch_resources: Option<Vec<ResourceName>>,
    /// `single` or `recurrent` (the default).
    access_mode: Option<ModeName>,
    /// Your own reference, 3 to 256 characters; stored as null when it looks like personal data.
    #[schema(min_length = 3, max_length = 256)]
    external_id: Option<String>,
    /// How long the document is stored: `store`, `nostore`, or `1d` to `365d`; immutable.
    #[schema(pattern = "^(store|nostore|\\d{1,3}d)$")]
    credentials_storage: Option<String>,
    /// How long what was loaded is kept after the last load, such as `90d`; a year when not given.
    #[schema(pattern = "^\\d{1,3}d$")]
    stale_in: Option<String>,
}

/// Registers a link.
///
/// The institution is asked about the person before the answer; then each resource is loaded in the
/// background, and the webhooks are called.
#[utoipa::path(
    post, path = "/api/links/", tag = "links", operation_id = "RegisterLink",
    security(("keys" = []), ("widget" = [])),
    request_body = RegisterLink,
    params(OnceParams, WishParams),
    responses(
        (status = 201, description = "The link", body = Link),
        (status = 400, description = "Invalid fields, or refused by the institution"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Permitted<WriteLinks>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    once: Once,
    wish: Wish,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let attempt = once.of(&app, &caller, body.raw())?;
    attempt.run(|claim| ask_and_register(app, caller, request_id, claim, (wish, body))).await
}

async fn ask_and_register(
    app: App,
    permit: Permitted<WriteLinks>,
    request_id: Uuid,
    claim: Claim,
    (wish, body): (Wish, JsonObject),
) -> Result<Response, ApiError> {
    let wanted = Wanted::parse(&permit.with_defaults(body))?;
    let secrets = app.secrets(permit.workspace.id)?;
    let now = app.now_micros();
    let admission = app.store().read(move |tx| {
        Admission::read(tx, &secrets, &wanted, now).map(|admission| (admission, wanted))
    });
    let (Admission { terms, person, consent }, wanted) = admission.await?;
    let external_id = wanted.reference(&person);
    let asking = (terms.source_policy, false);
    let checked = Checked::ask(app.clone(), permit.clone(), person, consent, asking, &wish).await?;
    if let Some(refusal) = checked.refusal(terms.accept_unknown) {
        checked.record_refusal().await?;
        return Err(refusal);
    }
    let (_, offered) = app.all_secrets().vault().new_data_key()?;
    let registration = Registration {
        checked: Arc::clone(&checked),
        permit,
        terms,
        external_id,
        uuid: app.uuid().map_err(ApiError::unexpected)?,
        request_id,
        claim,
        offered,
    };
    let body = checked.commit(move |tx| registration.write(tx)).await?;
    Ok(json(StatusCode::CREATED, body))
}

/// What is settled before a source is asked.
struct Admission {
    terms: Terms,
    person: Document,
    consent: Option<Uuid>,
}

impl Admission {
    /// Refuses a second link of a person, where the workspace wants that, and whom it may not ask
    /// about.
    fn read(
        tx: &mut Tx<'_>,
        secrets: &WorkspaceSecrets,
        wanted: &Wanted,
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
        let consent = standing.basis(terms.to_ask(), now, terms.require_consent)?;
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
struct Registration {
    checked: Arc<Checked>,
    permit: Permitted<WriteLinks>,
    terms: Terms,
    external_id: Option<String>,
    uuid: Uuid,
    request_id: Uuid,
    claim: Claim,
    offered: WrappedKey,
}

impl Registration {
    /// Subject, link, the kept answer, load and job; returns the body of the 201.
    fn write(&self, tx: &mut Tx<'_>) -> Result<Vec<u8>, ApiError> {
        let Checked { app, caller, person, .. } = &*self.checked;
        let indexes = app.secrets(caller.workspace.id)?;
        let indexes = indexes.indexes();
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
        // A consent may have been taken back while the source was asked.
        let standing = Standing::of(tx, subject.id)?;
        let consent = standing.basis(self.terms.to_ask(), now, self.terms.require_consent)?;
        let key = app.all_secrets().vault().unwrap_key(&subject.key)?;
        let loads = !self.terms.to_load().is_empty();
        let kept = self.checked.record(tx, subject.id, &key, loads)?;
        let (link, body) = self.write_link(tx, (subject.id, &key), &pseudonym, (kept, consent))?;
        self.permit.spend(tx)?;
        let about = About { subject: subject.id, link: Some(link), key: &key };
        self.claim.record(tx, StatusCode::CREATED, &body, Some(about))?;
        Ok(body)
    }

    fn write_link(
        &self,
        tx: &mut Tx<'_>,
        (subject, key): (SubjectId, &DataKey),
        pseudonym: &str,
        (kept, consent): (Option<SourceCallId>, Option<Uuid>),
    ) -> Result<(LinkId, Vec<u8>), ApiError> {
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
        let id = self.start(tx, &link, kept)?;
        let entry = Entry::of(AuditAction::LinkCreated).person(subject).new_link(self.uuid);
        caller.trail.note(tx, app, entry)?;
        Ok((id, self.answer(&link)?))
    }

    /// Stores the link and the load that fills it.
    fn start(
        &self,
        tx: &mut Tx<'_>,
        link: &NewLink<'_>,
        kept: Option<SourceCallId>,
    ) -> Result<LinkId, ApiError> {
        let id = tx.insert_link(link)?;
        if self.terms.to_load().is_empty() {
            return Ok(id);
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
            quiet: false,
            source_call: kept,
            created_at: link.created_at,
        })?;
        tx.enqueue(Job::SyncLink(load), link.created_at, link.created_at)?;
        Ok(id)
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
