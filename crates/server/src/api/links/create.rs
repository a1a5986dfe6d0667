//! `POST /api/links/`: accept or refuse a person, answer with a link, load in the background.

use axum::extract::State;
use axum::response::Response;
use axum::{Extension, http};
use http::StatusCode;
use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_sources::Outcome;
use vinculo_store::{
    AccessMode, Job, NewLink, NewLoad, Purpose, Resource, SourceCallId, Subject, Trigger, Tx,
};
use vinculo_vault::{Vault, WrappedKey};

use super::schema::{AccessMode as ModeName, Link, ResourceName};
use super::wire::{WireLink, words};
use crate::App;
use crate::api::body::{Fields, JsonObject, shown};
use crate::api::institutions::PILA;
use crate::api::page::json;
use crate::clock::{micros, wire_time};
use crate::error::{ApiError, ErrorItem};
use crate::jobs::record_calls;
use crate::permit::{Permitted, WriteLinks};
use crate::projection::LinkSecrets;
use crate::request_id::RequestId;
use crate::sources::{self, Asked, best, cedula, is_down};

/// Default of a single link: how long the cédula is kept (contract 3.3.3).
const SINGLE_STORAGE: &str = "365d";
/// Recurrent links must keep it.
const RECURRENT_STORAGE: &str = "store";
/// Default pace of a recurrent link.
const REFRESH_RATE: &str = "7d";

const LOGIN_ERROR_UNKNOWN: &str = "Invalid credentials provided to login to the institution";
const LOGIN_ERROR_UNEXPECTED: &str = "Impossible to login, something unexpected happened while \
                                      logging into the institution. Try again later.";
const LOGIN_ERROR_MALFORMED: &str = "Login not attempted due to invalid credentials";

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
    /// Cédula de ciudadanía, 3 to 10 digits; dots, spaces and dashes are dropped.
    #[schema(pattern = "^[ .-]*([0-9][ .-]*){3,10}$")]
    username: String,
    /// `EMPLOYMENTS`, `OWNERS` or both.
    fetch_resources: Option<Vec<ResourceName>>,
    /// `single` or `recurrent` (the default).
    access_mode: Option<ModeName>,
    /// Your own reference, 3 to 256 characters; stored as null when it looks like personal data.
    #[schema(min_length = 3, max_length = 256)]
    external_id: Option<String>,
}

struct Wanted {
    username: String,
    resources: Vec<Resource>,
    access_mode: AccessMode,
    external_id: Option<String>,
}

/// Registers a link.
///
/// The institution is asked about the cédula before the answer; then each resource is loaded in the
/// background, and the webhooks are called.
#[utoipa::path(
    post, path = "/api/links/", tag = "links", operation_id = "RegisterLink",
    security(("keys" = []), ("widget" = [])),
    request_body = RegisterLink,
    responses(
        (status = 201, description = "The link", body = Link),
        (status = 400, description = "Invalid fields, or refused by the institution"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Permitted<WriteLinks>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let wanted = parse(&caller.with_defaults(body))?;
    let person = cedula(&wanted.username)
        .map_err(|_| ApiError::refused("login_error", LOGIN_ERROR_MALFORMED))?;
    let secrets = app.secrets(caller.workspace.id)?;
    let asked = sources::ask(&app, &secrets, &person, app.config().check_timeout).await?;
    let checked = Checked { app, caller, request_id, person, asked };
    if let Some(refusal) = checked.refusal() {
        checked.record_refusal().await?;
        return Err(refusal);
    }
    checked.register(wanted).await
}

fn parse(body: &JsonObject) -> Result<Wanted, ApiError> {
    let mut fields = Fields::new(body);
    let institution = fields.required_text("institution");
    if let Some(name) = institution.filter(|name| name != PILA) {
        let message = format!("Object with name={} does not exist.", shown(&name));
        fields.refuse(ErrorItem::field("does_not_exist", "institution", message));
    }
    let username = fields.required_text("username");
    let resources = resources(&mut fields);
    let access_mode = fields.optional_choice("access_mode", AccessMode::parse);
    let external_id = external_id(&mut fields);
    fields.finish()?;
    Ok(Wanted {
        username: username.unwrap_or_default(),
        resources,
        access_mode: access_mode.unwrap_or(AccessMode::Recurrent),
        external_id,
    })
}

/// The contract names the field of this error `resources`.
pub(crate) fn resources(fields: &mut Fields<'_>) -> Vec<Resource> {
    let given = fields.optional_list("fetch_resources").unwrap_or_default();
    let mut resources = Vec::new();
    for item in given {
        match item.as_str().and_then(Resource::parse) {
            Some(resource) if resources.contains(&resource) => {}
            Some(resource) => resources.push(resource),
            None => {
                let message =
                    "The institution only supports the following resources: EMPLOYMENTS, OWNERS";
                fields.refuse(ErrorItem::field("invalid", "resources", message));
                break;
            }
        }
    }
    resources
}

pub(crate) fn external_id(fields: &mut Fields<'_>) -> Option<String> {
    let id = fields.optional_text("external_id")?;
    let (code, message) = match id.chars().count() {
        0..3 => ("min_length", "Ensure this field has at least 3 characters."),
        3..=256 => return Some(id),
        _ => ("max_length", "Ensure this field has no more than 256 characters."),
    };
    fields.refuse(ErrorItem::field(code, "external_id", message));
    None
}

/// A person about whom the sources have been asked.
struct Checked {
    app: App,
    caller: Permitted<WriteLinks>,
    request_id: Uuid,
    person: Document,
    asked: Vec<Asked>,
}

impl Checked {
    /// The error that stands for the outcome; `None` when the person is accepted.
    fn refusal(&self) -> Option<ApiError> {
        let Some(Asked { outcome, .. }) = best(&self.asked) else {
            return Some(ApiError::unexpected("no source is configured"));
        };
        let (code, message) = match outcome {
            Outcome::Resolved(_) => return None,
            Outcome::NoData(_) => ("login_error", LOGIN_ERROR_UNKNOWN),
            Outcome::InvalidInput(_) => ("login_error", LOGIN_ERROR_MALFORMED),
            Outcome::RetryLater { reason, .. } if is_down(*reason) => {
                ("institution_down", "The financial institution is down, try again later")
            }
            Outcome::RetryLater { .. } | Outcome::Withheld(_) => {
                ("institution_unavailable", "The financial institution is unavailable")
            }
            Outcome::NotAuthorized => {
                ("institution_inactive", "The institution has been temporarily deactivated")
            }
            Outcome::Fault(_) => ("login_error", LOGIN_ERROR_UNEXPECTED),
        };
        Some(ApiError::refused(code, message))
    }

    /// A refused person leaves no trace but the record that a question was asked.
    async fn record_refusal(self) -> Result<(), ApiError> {
        let Self { app, caller, person, asked, .. } = self;
        let secrets = app.secrets(caller.workspace.id)?;
        let writer = app.clone();
        app.store()
            .write(move |tx| {
                record_calls(tx, &writer, &secrets, &person, &asked, Purpose::Check, None)
                    .map(|_| ())
            })
            .await
    }

    async fn register(self, wanted: Wanted) -> Result<Response, ApiError> {
        let app = self.app.clone();
        let (_, offered) = app.all_secrets().vault().new_data_key()?;
        let registration = Registration {
            uuid: app.uuid().map_err(ApiError::unexpected)?,
            offered,
            external_id: wanted.external_id.filter(|id| !is_personal(id, &self.person)),
            access_mode: wanted.access_mode,
            resources: wanted.resources,
            checked: self,
        };
        let body = app.store().write(move |tx| registration.write(tx)).await?;
        Ok(json(StatusCode::CREATED, body))
    }
}

/// Everything the one transaction needs.
struct Registration {
    checked: Checked,
    uuid: Uuid,
    offered: WrappedKey,
    external_id: Option<String>,
    access_mode: AccessMode,
    resources: Vec<Resource>,
}

impl Registration {
    /// Subject, link, the kept answer, load and job; returns the body of the 201.
    fn write(&self, tx: &mut Tx<'_>) -> Result<Vec<u8>, ApiError> {
        let Checked { app, caller, person, asked, .. } = &self.checked;
        let secrets = app.secrets(caller.workspace.id)?;
        let now = micros(app.now());
        let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
        let subject = tx.ensure_subject(caller.workspace.id, &index, &self.offered, now)?;
        let kept = {
            let vault: &Vault = app.all_secrets().vault();
            let key = vault.unwrap_key(&subject.key)?;
            let owner = Some((subject.id, &key));
            record_calls(tx, app, &secrets, person, asked, Purpose::Check, owner)?
        };
        self.write_link(tx, &subject, kept, now)
    }

    fn write_link(
        &self,
        tx: &mut Tx<'_>,
        subject: &Subject,
        kept: Option<SourceCallId>,
        now: i64,
    ) -> Result<Vec<u8>, ApiError> {
        let Checked { app, caller, person, request_id, .. } = &self.checked;
        let secrets = app.secrets(caller.workspace.id)?;
        let key = app.all_secrets().vault().unwrap_key(&subject.key)?;
        let sealed =
            LinkSecrets { document: person.clone(), external_id: self.external_id.clone() };
        let external_index =
            self.external_id.as_deref().map(|id| secrets.indexes().external_id(id));
        let institution_user_id = secrets.indexes().institution_user_id(PILA, &person.number);
        let recurrent = self.access_mode == AccessMode::Recurrent;
        let link = NewLink {
            uuid: self.uuid,
            workspace: caller.workspace.id,
            subject: subject.id,
            institution: PILA,
            access_mode: self.access_mode,
            refresh_rate: recurrent.then_some(REFRESH_RATE),
            created_by: caller.workspace.organization,
            created_at: now,
            last_accessed_at: Some(now),
            institution_user_id: &institution_user_id,
            credentials_storage: if recurrent { RECURRENT_STORAGE } else { SINGLE_STORAGE },
            stale_in: None,
            fetch_resources: &self.resources,
            external_index: external_index.as_ref(),
            sealed: &sealed.seal(&key, self.uuid)?,
        };
        let id = tx.insert_link(&link)?;
        let resources = self.resources_to_load();
        if !resources.is_empty() {
            let load = tx.insert_load(&NewLoad {
                workspace: caller.workspace.id,
                subject: subject.id,
                link: id,
                trigger: Trigger::Creation,
                resources: &resources,
                request_id: *request_id,
                source_call: kept,
                created_at: now,
            })?;
            tx.enqueue(Job::SyncLink(load), now, now)?;
        }
        caller.spend(tx, now)?;
        self.answer(&link)
    }

    /// A recurrent link loads everything unless told otherwise; a single one only what was asked.
    fn resources_to_load(&self) -> Vec<Resource> {
        if self.resources.is_empty() && self.access_mode == AccessMode::Recurrent {
            return Resource::ALL.to_vec();
        }
        self.resources.clone()
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

/// Whether a reference looks like personal data: an e-mail address, a text with spaces, a
/// Colombian phone number, or the cédula itself (contract 6.8).
fn is_personal(external_id: &str, person: &Document) -> bool {
    let digits: String = external_id.chars().filter(char::is_ascii_digit).collect();
    let only_number = external_id.chars().all(|c| matches!(c, '0'..='9' | '+' | '-' | '.' | ' '));
    let mobile = digits.strip_prefix("57").filter(|rest| rest.len() == 10).unwrap_or(&digits);
    external_id.contains('@')
        || external_id.contains(char::is_whitespace)
        || digits == person.number
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
        ] {
            assert_eq!(is_personal(external_id, &person), personal, "{external_id}");
        }
    }
}
