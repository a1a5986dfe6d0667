//! `POST /api/links/`: accept or refuse a person, answer with a link, load in the background.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_pila::{Document, DocumentKind};
use vinculo_store::{
    AccessMode, Due, Job, NewLink, NewLoad, Resource, SourceCallId, SubjectId, Trigger, Tx,
};
use vinculo_vault::{DataKey, WrappedKey};

use super::check::Checked;
use super::fields;
use super::schema::{AccessMode as ModeName, Link, ResourceName};
use super::wire::{WireLink, words};
use crate::App;
use crate::api::body::{Fields, JsonObject, shown};
use crate::api::institutions::PILA;
use crate::api::page::json;
use crate::api::refusal;
use crate::auth::Caller;
use crate::clock::wire_time;
use crate::error::{ApiError, ErrorItem};
use crate::once::{Claim, Once};
use crate::openapi::OnceParams;
use crate::permit::{Permitted, WriteLinks};
use crate::projection::LinkSecrets;
use crate::request_id::RequestId;
use crate::settings::Settings;
use crate::sources;
use crate::terms::{RefreshRate, Storage};

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

/// What the caller asked for; `None` where the workspace's settings decide.
struct Wanted {
    username: String,
    kind: DocumentKind,
    resources: Option<Vec<Resource>>,
    access_mode: AccessMode,
    external_id: Option<String>,
    storage: Option<Storage>,
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
    params(OnceParams),
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
    body: JsonObject,
) -> Result<Response, ApiError> {
    let attempt = once.of(&app, &caller, body.raw())?;
    attempt.run(|claim| ask_and_register(app, caller, request_id, claim, body)).await
}

async fn ask_and_register(
    app: App,
    permit: Permitted<WriteLinks>,
    request_id: Uuid,
    claim: Claim,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let wanted = parse(&permit.with_defaults(body))?;
    let person =
        sources::person(wanted.kind, &wanted.username).map_err(|_| refusal::malformed())?;
    let settings = admit(&app, &permit, &person).await?;
    let terms = Terms::new(wanted, &settings, &person)?;
    let checked = Checked::ask(app.clone(), permit.clone(), person).await?;
    if let Some(refusal) = checked.refusal(settings.accept_unknown_people) {
        checked.record_refusal().await?;
        return Err(refusal);
    }
    let (_, offered) = app.all_secrets().vault().new_data_key()?;
    let uuid = app.uuid().map_err(ApiError::unexpected)?;
    let registration = Registration { checked, permit, terms, uuid, request_id, claim, offered };
    let body = app.store().write(move |tx| registration.write(tx)).await?;
    Ok(json(StatusCode::CREATED, body))
}

fn parse(body: &JsonObject) -> Result<Wanted, ApiError> {
    let mut fields = Fields::new(body);
    let institution = fields.required_text("institution");
    if let Some(name) = institution.filter(|name| name != PILA) {
        let message = format!("Object with name={} does not exist.", shown(&name));
        fields.refuse(ErrorItem::field("does_not_exist", "institution", message));
    }
    let username = fields.required_text("username");
    let kind = fields::username_kind(&mut fields);
    let resources = fields::resources(&mut fields);
    let access_mode = fields.optional_choice("access_mode", AccessMode::parse);
    let external_id = fields::external_id(&mut fields);
    let storage = fields::storage(&mut fields);
    let stale_in = fields::stale_in(&mut fields);
    fields.finish()?;
    Ok(Wanted {
        username: username.unwrap_or_default(),
        kind,
        resources,
        access_mode: access_mode.unwrap_or(AccessMode::Recurrent),
        external_id,
        storage,
        stale_in,
    })
}

/// The workspace's settings, unless they refuse a second link of this person: then no source is
/// asked.
async fn admit(app: &App, caller: &Caller, person: &Document) -> Result<Settings, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    let person = person.clone();
    app.store()
        .read(move |tx| {
            let workspace = secrets.workspace().id;
            let settings = Settings::read(tx, workspace)?;
            if settings.allow_duplicate_links {
                return Ok(settings);
            }
            let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
            match tx.subject(workspace, &index)? {
                Some(subject) if tx.has_link(workspace, subject.id, PILA)? => {
                    let indexes = secrets.indexes();
                    Err(duplicated(indexes.institution_user_id(PILA, &pseudonymised(&person))))
                }
                _ => Ok(settings),
            }
        })
        .await
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

/// On which terms a link is made.
struct Terms {
    access_mode: AccessMode,
    refresh_rate: RefreshRate,
    storage: Storage,
    stale_in: Option<String>,
    resources: Vec<Resource>,
    external_id: Option<String>,
    allow_duplicates: bool,
}

impl Terms {
    /// # Errors
    /// When mode, storage and resources do not go together (contract 6.3).
    fn new(wanted: Wanted, settings: &Settings, person: &Document) -> Result<Self, ApiError> {
        let recurrent = wanted.access_mode == AccessMode::Recurrent;
        let default = if recurrent { Storage::Store } else { Storage::SINGLE };
        let storage = wanted.storage.unwrap_or(default);
        if recurrent && storage != Storage::Store {
            let message = "Recurrent links must store the credentials";
            return Err(ApiError::refused("invalid_credentials_storage", message));
        }
        let named = || settings.fetch_resources.iter().filter_map(|name| Resource::parse(name));
        let resources = wanted.resources.unwrap_or_else(|| named().collect());
        if storage == Storage::NoStore && resources.is_empty() {
            let message = "Single links without stored credentials must fetch resources";
            return Err(ApiError::refused("invalid_fetch_resources", message));
        }
        Ok(Self {
            access_mode: wanted.access_mode,
            refresh_rate: settings.refresh_rate(),
            storage,
            stale_in: wanted.stale_in,
            resources,
            external_id: wanted.external_id.filter(|id| !is_personal(id, person)),
            allow_duplicates: settings.allow_duplicate_links,
        })
    }

    fn is_recurrent(&self) -> bool {
        self.access_mode == AccessMode::Recurrent
    }

    /// A recurrent link loads everything unless told otherwise; a single one only what was asked.
    fn to_load(&self) -> &[Resource] {
        if self.is_recurrent() { Resource::or_all(&self.resources) } else { &self.resources }
    }
}

/// Everything the one transaction needs.
struct Registration {
    checked: Checked,
    permit: Permitted<WriteLinks>,
    terms: Terms,
    uuid: Uuid,
    request_id: Uuid,
    claim: Claim,
    offered: WrappedKey,
}

impl Registration {
    /// Subject, link, the kept answer, load and job; returns the body of the 201.
    fn write(&self, tx: &mut Tx<'_>) -> Result<Vec<u8>, ApiError> {
        let Checked { app, caller, person, .. } = &self.checked;
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
        let key = app.all_secrets().vault().unwrap_key(&subject.key)?;
        let kept = self.checked.record(tx, subject.id, &key)?;
        let body = self.write_link(tx, (subject.id, &key), &pseudonym, kept)?;
        self.permit.spend(tx, now)?;
        self.claim.record(tx, StatusCode::CREATED, &body, Some((subject.id, &key)))?;
        Ok(body)
    }

    fn write_link(
        &self,
        tx: &mut Tx<'_>,
        (subject, key): (SubjectId, &DataKey),
        pseudonym: &str,
        kept: Option<SourceCallId>,
    ) -> Result<Vec<u8>, ApiError> {
        let (Checked { app, caller, person, .. }, terms) = (&self.checked, &self.terms);
        let now = app.now_micros();
        let external_id = terms.external_id.clone();
        let secrets = LinkSecrets { document: Some(person.clone()), external_id };
        let indexes = app.secrets(caller.workspace.id)?;
        let external_index =
            terms.external_id.as_deref().map(|id| indexes.indexes().external_id(id));
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
                stale_at: None,
            },
            sealed: &secrets.seal(key, self.uuid)?,
        };
        self.start(tx, &link, kept)?;
        self.answer(&link)
    }

    /// Stores the link and the load that fills it.
    fn start(
        &self,
        tx: &mut Tx<'_>,
        link: &NewLink<'_>,
        kept: Option<SourceCallId>,
    ) -> Result<(), ApiError> {
        let id = tx.insert_link(link)?;
        if self.terms.to_load().is_empty() {
            return Ok(());
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
            source_call: kept,
            created_at: link.created_at,
        })?;
        Ok(tx.enqueue(Job::SyncLink(load), link.created_at, link.created_at)?)
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
            external_id: self.terms.external_id.as_deref(),
            created_at: wire_time(link.created_at),
            institution_user_id: link.institution_user_id,
            credentials_storage: link.credentials_storage,
            stale_in: link.stale_in,
            fetch_resources: words(link.fetch_resources),
        })?)
    }
}

/// Whether a reference looks like personal data: an e-mail address, a text with spaces, a
/// Colombian phone number, or the document itself (contract 6.8).
fn is_personal(external_id: &str, person: &Document) -> bool {
    let digits: String = external_id.chars().filter(char::is_ascii_digit).collect();
    let kept = external_id.chars().filter(char::is_ascii_alphanumeric);
    let bare: String = kept.map(|c| c.to_ascii_uppercase()).collect();
    let only_number = external_id.chars().all(|c| matches!(c, '0'..='9' | '+' | '-' | '.' | ' '));
    let mobile = digits.strip_prefix("57").filter(|rest| rest.len() == 10).unwrap_or(&digits);
    external_id.contains('@')
        || external_id.contains(char::is_whitespace)
        || digits == person.number
        || bare.ends_with(&person.number)
        || (only_number && mobile.len() == 10 && mobile.starts_with('3'))
}

#[cfg(test)]
mod tests {
    use vinculo_pila::DocumentKind;

    use super::*;

    #[test]
    fn references_that_name_a_person_are_recognised() {
        let person = Document::new(DocumentKind::Cc, "1999000001");
        for (external_id, personal) in [
            ("COHORT_32_User_6790023X5", false),
            ("user-00042", false),
            ("12345", false),
            ("someone@example.com", true),
            ("PERSONA EJEMPLO", true),
            ("3001234567", true),
            ("+573001234567", true),
            ("1999000001", true),
            ("cc-1.999.000.001", true),
            ("user-42-1999000001", true),
        ] {
            assert_eq!(is_personal(external_id, &person), personal, "{external_id}");
        }
        let passport = Document::new(DocumentKind::Pa, "AB199900");
        assert!(is_personal("pa-ab199900", &passport));
        assert!(!is_personal("user-00042", &passport));
    }
}
