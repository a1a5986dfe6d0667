//! What a request says about a consent.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_store::{ConsentMethod, ConsentTerms};

use crate::api::body::{Fields, JsonObject, shown};
use crate::api::institutions::PILA;
use crate::api::links::ResourceName;
use crate::api::links::fields::resources_of;
use crate::clock::micros;
use crate::consents::{Grant, RevocationContents};
use crate::error::{ApiError, ErrorItem};
use crate::manage::subjects::person_of;
use crate::sources;

/// Longest purpose or reason, characters.
const LONGEST_TEXT: usize = 1000;

/// Longest version of a text, characters.
const LONGEST_VERSION: usize = 64;

/// A consent to be recorded.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({
    "document_type": "CC", "document_number": "1999000900",
    "resources": ["EMPLOYMENTS", "OWNERS"], "purpose": "Estudio de una solicitud de crédito",
    "method": "api_attestation", "text_version": "2026-03", "language": "es-CO",
    "proof": { "reference": "solicitud-00042" }
}))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(super) struct NewConsent {
    /// PILA's two letters, such as `CC`.
    document_type: String,
    /// Digits and letters; dots, spaces and dashes are dropped.
    document_number: String,
    /// Which data: `EMPLOYMENTS`, `OWNERS` or both.
    #[schema(min_items = 1)]
    resources: Vec<ResourceName>,
    /// What the data is for; kept sealed.
    #[schema(min_length = 1, max_length = 1000)]
    purpose: String,
    /// Where the data may be fetched: `pila_co_employment` (the default).
    #[schema(pattern = "^pila_co_employment$")]
    source: Option<String>,
    /// How the consent was obtained.
    method: MethodName,
    /// Version of the text that the person agreed to. Kept in clear: it must not name the person.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    text_version: String,
    /// Language of that text.
    #[schema(pattern = "^[a-z]{2,3}(-[A-Z]{2})?$")]
    language: String,
    /// What shows that the person agreed, or where that is; any JSON, kept sealed.
    proof: Option<Value>,
    /// When the person agreed; now when not given.
    #[schema(format = DateTime)]
    granted_at: Option<String>,
    /// From when on the consent holds no longer; never when not given.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// How a consent was obtained.
#[derive(utoipa::ToSchema)]
#[schema(as = ConsentMethod, rename_all = "snake_case")]
#[expect(dead_code, reason = "a description")]
pub(super) enum MethodName {
    /// You say so, with whatever proof you have.
    ApiAttestation,
    /// The person agreed on a page.
    ConsentPage,
    /// A document that the person signed.
    Upload,
}

/// What is said when a consent is taken back.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "reason": "La persona la revocó por correo" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(super) struct Revocation {
    /// Why or how; kept sealed.
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// What shows that it was taken back; any JSON, kept sealed.
    proof: Option<Value>,
}

/// Who takes every consent back, and what is said of it.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({
    "document_type": "CC", "document_number": "1999000900",
    "reason": "La persona la revocó por correo"
}))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(super) struct PersonRevocation {
    /// PILA's two letters, such as `CC`.
    document_type: String,
    /// Digits and letters; dots, spaces and dashes are dropped.
    document_number: String,
    /// Why or how; kept sealed.
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// What shows that they were taken back; any JSON, kept sealed.
    proof: Option<Value>,
}

/// Reads a consent that was given by `now`.
///
/// # Errors
/// 400 with every field that is wrong.
pub(super) fn grant(body: &JsonObject, now: Timestamp) -> Result<Grant, ApiError> {
    let mut fields = Fields::new(body);
    let person = asked_about(&mut fields);
    let given = fields.required("resources");
    let resources = given.and_then(|_| resources_of(&mut fields, "resources"));
    if given.and_then(Value::as_array).is_some_and(Vec::is_empty) {
        fields.refuse(ErrorItem::field("empty", "resources", "This list may not be empty."));
    }
    let purpose =
        fields.required_text("purpose").and_then(|text| bounded(&mut fields, "purpose", text));
    let source = fields.optional_choice("source", |name| (name == PILA).then_some(PILA));
    let method = fields.required_text("method");
    let method = method.and_then(|_| fields.optional_choice("method", ConsentMethod::parse));
    let text_version =
        text_version(&mut fields, person.as_ref().map(|person| person.number.as_str()));
    let language = language(&mut fields);
    let granted_at = moment(&mut fields, "granted_at").unwrap_or(now);
    let expires_at = moment(&mut fields, "expires_at");
    if granted_at > now {
        let message = format!("{granted_at} is in the future.");
        fields.refuse(ErrorItem::field("invalid", "granted_at", message));
    }
    if let Some(end) = expires_at.filter(|end| *end <= granted_at) {
        let message = format!("{end} is not after the consent was given.");
        fields.refuse(ErrorItem::field("invalid", "expires_at", message));
    }
    let proof = fields.anything("proof");
    fields.finish()?;
    let terms = || {
        Some(ConsentTerms {
            resources: resources?,
            source: source.unwrap_or(PILA).to_owned(),
            method: method?,
            text_version: text_version?,
            language: language?,
            granted_at: micros(granted_at),
            expires_at: expires_at.map(micros),
        })
    };
    let read = person.zip(terms()).zip(purpose);
    let read = read.map(|((person, terms), purpose)| Grant { person, terms, purpose, proof });
    read.ok_or_else(|| ApiError::unexpected("a field passed and is missing"))
}

/// Reads what is said when a consent is taken back.
///
/// # Errors
/// 400 with every field that is wrong.
pub(super) fn revocation(body: &JsonObject) -> Result<RevocationContents, ApiError> {
    let mut fields = Fields::new(body);
    let said = said(&mut fields);
    fields.finish()?;
    Ok(said)
}

/// Reads who takes every consent back, and what is said of it.
///
/// # Errors
/// 400 with every field that is wrong.
pub(super) fn person_revocation(
    body: &JsonObject,
) -> Result<(Document, RevocationContents), ApiError> {
    let mut fields = Fields::new(body);
    let (person, said) = (person_of(&mut fields), said(&mut fields));
    fields.finish()?;
    let person = person.ok_or_else(|| ApiError::unexpected("a field passed and is missing"))?;
    Ok((person, said))
}

fn said(fields: &mut Fields<'_>) -> RevocationContents {
    let reason = fields.optional_text("reason").and_then(|text| bounded(fields, "reason", text));
    RevocationContents { reason, proof: fields.anything("proof") }
}

/// A person whom a link can be about.
fn asked_about(fields: &mut Fields<'_>) -> Option<Document> {
    let person = person_of(fields)?;
    // The value itself is somebody's document, and is not repeated.
    let read = sources::person(person.kind, &person.number);
    if let Err(error) = &read {
        fields.refuse(ErrorItem::field("invalid", "document_number", format!("This is {error}.")));
    }
    read.ok()
}

fn bounded(fields: &mut Fields<'_>, name: &'static str, text: String) -> Option<String> {
    if text.chars().count() <= LONGEST_TEXT {
        return Some(text);
    }
    let message = format!("Ensure this field has no more than {LONGEST_TEXT} characters.");
    fields.refuse(ErrorItem::field("max_length", name, message));
    None
}

/// The version stays when the person is erased.
fn text_version(fields: &mut Fields<'_>, document: Option<&str>) -> Option<String> {
    let version = fields.required_text("text_version")?;
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if version.len() > LONGEST_VERSION || !version.chars().all(sound) {
        let message = format!(
            "\"{}\" is not 1 to {LONGEST_VERSION} letters, digits, dots, dashes and underscores.",
            shown(&version)
        );
        fields.refuse(ErrorItem::field("invalid", "text_version", message));
        return None;
    }
    let bare: String = version.chars().filter(char::is_ascii_alphanumeric).collect();
    if document.is_some_and(|number| number.len() > 4 && bare.to_ascii_uppercase().contains(number))
    {
        let message = "The version of the text must not name the person.";
        fields.refuse(ErrorItem::field("invalid", "text_version", message));
        return None;
    }
    Some(version)
}

fn language(fields: &mut Fields<'_>) -> Option<String> {
    let language = fields.required_text("language")?;
    let (name, region) =
        language.split_once('-').map_or((language.as_str(), None), |(a, b)| (a, Some(b)));
    let sound = (2..=3).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase())
        && region.is_none_or(|r| r.len() == 2 && r.bytes().all(|b| b.is_ascii_uppercase()));
    if !sound {
        let message = format!("\"{}\" is not a language such as es or es-CO.", shown(&language));
        fields.refuse(ErrorItem::field("invalid", "language", message));
        return None;
    }
    Some(language)
}

/// A moment since 1970: the laws are younger.
fn moment(fields: &mut Fields<'_>, name: &'static str) -> Option<Timestamp> {
    let text = fields.optional_text(name)?;
    let moment = text.parse().ok().filter(|at| *at >= Timestamp::UNIX_EPOCH);
    if moment.is_none() {
        let message = format!("\"{}\" is not a moment such as 2026-11-24T12:00:00Z.", shown(&text));
        fields.refuse(ErrorItem::field("invalid", name, message));
    }
    moment
}

/// Which consents a list shows.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(super) struct ConsentFilters {
    /// Consents of the person behind this link.
    link: Option<Uuid>,
    /// Consents of the people behind these links.
    #[param(rename = "link__in", style = Form, explode = false)]
    links: Option<Vec<Uuid>>,
    /// Consents of people with a link of this reference.
    external_id: Option<String>,
    /// Consents of people with a link of one of these references.
    #[param(rename = "external_id__in", style = Form, explode = false)]
    external_ids: Option<Vec<String>>,
    /// What they are good for now.
    status: Option<StatusName>,
}

/// What a consent is good for.
#[derive(utoipa::ToSchema)]
#[schema(as = ConsentStatus, rename_all = "lowercase")]
#[expect(dead_code, reason = "a description")]
pub(super) enum StatusName {
    /// It holds.
    Valid,
    /// Its time is over.
    Expired,
    /// The person took it back.
    Revoked,
}
