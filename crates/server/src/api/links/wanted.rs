//! What a registration asks for, and the terms that come of it.

use vinculo_pila::{Document, DocumentKind};
use vinculo_store::{AccessMode, Resource};

use super::fields;
use crate::api::body::{Fields, JsonObject, shown};
use crate::api::institutions::PILA;
use crate::api::refusal;
use crate::error::{ApiError, ErrorItem};
use crate::settings::Settings;
use crate::sources::{self, SourcePolicy};
use crate::terms::{RefreshRate, Storage};

/// What the caller asked for; `None` where the workspace's settings decide.
pub(super) struct Wanted {
    username: String,
    kind: DocumentKind,
    resources: Option<Vec<Resource>>,
    access_mode: AccessMode,
    external_id: Option<String>,
    storage: Option<Storage>,
    stale_in: Option<String>,
}

impl Wanted {
    /// Reads the fields.
    ///
    /// # Errors
    /// 400 with every field that is wrong.
    pub(super) fn parse(body: &JsonObject) -> Result<Self, ApiError> {
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
        Ok(Self {
            username: username.unwrap_or_default(),
            kind,
            resources,
            access_mode: access_mode.unwrap_or(AccessMode::Recurrent),
            external_id,
            storage,
            stale_in,
        })
    }

    /// Who it is about.
    ///
    /// # Errors
    /// 400 `login_error` when that is no document: no source is asked.
    pub(super) fn person(&self) -> Result<Document, ApiError> {
        sources::person(self.kind, &self.username).map_err(|_| refusal::malformed())
    }

    /// The customer's reference, unless it looks like personal data.
    pub(super) fn reference(self, person: &Document) -> Option<String> {
        self.external_id.filter(|id| !is_personal(id, person))
    }
}

/// On which terms a link is made.
pub(super) struct Terms {
    pub(super) access_mode: AccessMode,
    pub(super) refresh_rate: RefreshRate,
    pub(super) storage: Storage,
    pub(super) stale_in: Option<String>,
    pub(super) resources: Vec<Resource>,
    pub(super) allow_duplicates: bool,
    pub(super) accept_unknown: bool,
    pub(super) require_consent: bool,
    pub(super) source_policy: SourcePolicy,
}

impl Terms {
    /// # Errors
    /// When mode, storage and resources do not go together (contract 6.3).
    pub(super) fn new(wanted: &Wanted, settings: &Settings) -> Result<Self, ApiError> {
        let recurrent = wanted.access_mode == AccessMode::Recurrent;
        let default = if recurrent { Storage::Store } else { Storage::SINGLE };
        let storage = wanted.storage.unwrap_or(default);
        if recurrent && storage != Storage::Store {
            let message = "Recurrent links must store the credentials";
            return Err(ApiError::refused("invalid_credentials_storage", message));
        }
        let named = || settings.fetch_resources.iter().filter_map(|name| Resource::parse(name));
        let resources = wanted.resources.clone().unwrap_or_else(|| named().collect());
        if storage == Storage::NoStore && resources.is_empty() {
            let message = "Single links without stored credentials must fetch resources";
            return Err(ApiError::refused("invalid_fetch_resources", message));
        }
        Ok(Self {
            access_mode: wanted.access_mode,
            refresh_rate: settings.refresh_rate(),
            storage,
            stale_in: wanted.stale_in.clone(),
            resources,
            allow_duplicates: settings.allow_duplicate_links,
            accept_unknown: settings.accept_unknown_people,
            require_consent: settings.require_consent,
            source_policy: settings.source_policy,
        })
    }

    pub(super) fn is_recurrent(&self) -> bool {
        self.access_mode == AccessMode::Recurrent
    }

    /// What the link is for, also when it loads nothing by itself.
    pub(super) fn to_ask(&self) -> &[Resource] {
        Resource::or_all(&self.resources)
    }

    /// A recurrent link loads everything unless told otherwise; a single one only what was asked.
    pub(super) fn to_load(&self) -> &[Resource] {
        if self.is_recurrent() { Resource::or_all(&self.resources) } else { &self.resources }
    }
}

/// Whether a reference looks like personal data: an e-mail address, a text with spaces, a telephone
/// or card number, or the document itself (contract 6.8).
fn is_personal(external_id: &str, person: &Document) -> bool {
    let digits: String = external_id.chars().filter(char::is_ascii_digit).collect();
    let kept = external_id.chars().filter(char::is_ascii_alphanumeric);
    let bare: String = kept.map(|c| c.to_ascii_uppercase()).collect();
    let only_number =
        external_id.chars().all(|c| matches!(c, '0'..='9' | '+' | '-' | '.' | '(' | ')'));
    external_id.contains('@')
        || external_id.contains(char::is_whitespace)
        || digits == person.number
        || bare.ends_with(&person.number)
        || only_number && (is_telephone(external_id, &digits) || is_card(&digits))
}

/// A mobile number or a land line of Colombia, or any number with a plus sign (ITU-T E.164).
fn is_telephone(written: &str, digits: &str) -> bool {
    let national = digits.strip_prefix("57").filter(|rest| rest.len() == 10).unwrap_or(digits);
    let colombian = national.starts_with('3') || national.starts_with("60");
    written.starts_with('+') && (8..=15).contains(&digits.len())
        || national.len() == 10 && colombian
}

/// The number of a payment card (ISO/IEC 7812): its length, the digits that issuers begin with, and a
/// good check digit. Numbers that count time begin otherwise.
fn is_card(digits: &str) -> bool {
    let issuer = digits.get(..4).and_then(|first| first.parse::<u16>().ok());
    let issued = issuer.is_some_and(|first| matches!(first, 2221..=2720 | 3000..=6999));
    let sum: u32 = digits.bytes().rev().map(|digit| u32::from(digit - b'0')).enumerate().fold(
        0,
        |sum, (place, digit)| match place % 2 {
            0 => sum + digit,
            _ => sum + digit * 2 % 10 + digit * 2 / 10,
        },
    );
    (13..=19).contains(&digits.len()) && issued && sum.is_multiple_of(10)
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
            ("6015551234", true),
            ("(601)555-1234", true),
            ("576015551234", true),
            ("+14155552671", true),
            ("+1-415-555-2671", true),
            ("+1234567", false),
            ("14155552671", false),
            ("4111111111111111", true),
            ("4111-1111-1111-1111", true),
            ("4111111111111112", false),
            ("378282246310005", true),
            ("5555.5555.5555.4444", true),
            ("2223003122003222", true),
            ("6011000990139424", true),
            ("order-4111111111111111", false),
            // A time in milliseconds, and in digits, whose sums are good.
            ("1719360000004", false),
            ("20240626120003", false),
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
