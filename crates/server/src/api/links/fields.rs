//! Fields that several operations on links read.

use vinculo_pila::DocumentKind;
use vinculo_store::Resource;

use crate::api::body::{Fields, shown};
use crate::error::ErrorItem;
use crate::sources::document_kind;
use crate::terms::{Storage, days};

const RESOURCES: &str =
    "The institution only supports the following resources: EMPLOYMENTS, OWNERS";

/// The resources named, each once; `None` when the field is missing or null. The contract names the
/// field of this error `resources`.
pub(crate) fn resources(fields: &mut Fields<'_>) -> Option<Vec<Resource>> {
    resources_of(fields, "fetch_resources")
}

/// As [`resources`], from another field.
pub(crate) fn resources_of(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<Resource>> {
    let given = fields.optional_list(name)?;
    let mut resources = Vec::new();
    for item in given {
        match item.as_str().and_then(Resource::parse) {
            Some(resource) if resources.contains(&resource) => {}
            Some(resource) => resources.push(resource),
            None => {
                fields.refuse(ErrorItem::field("invalid", "resources", RESOURCES));
                break;
            }
        }
    }
    Some(resources)
}

/// `external_id`, if given.
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

/// `credentials_storage`, if given.
pub(crate) fn storage(fields: &mut Fields<'_>) -> Option<Storage> {
    let text = fields.optional_text("credentials_storage").filter(|text| !text.is_empty())?;
    let storage = Storage::parse(&text);
    if storage.is_none() {
        let message = format!("\"{}\" is not store, nostore, or 1d to 365d.", shown(&text));
        fields.refuse(ErrorItem::field("invalid", "credentials_storage", message));
    }
    storage
}

/// `stale_in`, if given.
pub(crate) fn stale_in(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.optional_text("stale_in").filter(|text| !text.is_empty())?;
    let days = days(&text);
    if days.is_none() {
        let message = format!("\"{}\" is not a number of days such as 90d.", shown(&text));
        fields.refuse(ErrorItem::field("invalid", "stale_in", message));
    }
    days.map(|days| format!("{days}d"))
}

/// The kind of document behind `username_type`; a cédula de ciudadanía when none is named.
///
/// A code such as `101` belongs to an institution of another country: it says nothing here, and is
/// tolerated (contract 3.3.3). Whatever else is not known may name a document of another kind, as
/// Colombia's tax office has codes of two digits: a cédula with its number would be somebody else's.
pub(super) fn username_kind(fields: &mut Fields<'_>) -> DocumentKind {
    let given = fields.optional_choice("username_type", |text| {
        let foreign = text.len() == 3 && (100..=999_u16).contains(&text.parse().unwrap_or(0));
        document_kind(text).or_else(|| (text.is_empty() || foreign).then_some(DocumentKind::Cc))
    });
    given.unwrap_or(DocumentKind::Cc)
}
