//! The owner on the wire, described (contract 4.3).

use uuid::Uuid;

use crate::openapi::{Page, Partial};

/// A page of owners.
pub(crate) type Owners = Page<Shaped>;

/// An object with the keys that were asked for.
pub(crate) type Shaped = Partial<Owner>;

/// The person behind a link.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "0d2c6f5e-9b1a-4c3d-8e7f-6a5b4c3d2e1f",
    "link": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a",
    "internal_identification": "1999000001",
    "collected_at": "2026-11-24T12:00:02.110934Z",
    "created_at": "2026-11-24T12:00:02.402118Z",
    "display_name": "PERSONA EJEMPLO UNO",
    "email": null,
    "phone_number": null,
    "address": null,
    "document_id": { "document_type": "CC", "document_number": "1999000001" },
    "business_name": null,
    "first_name": "PERSONA",
    "last_name": "EJEMPLO",
    "second_last_name": "UNO"
}))]
#[expect(dead_code, reason = "a description; `filling.rs` writes it")]
pub(crate) struct Owner {
    /// Id of the owner.
    id: Uuid,
    /// The link it was loaded for.
    #[schema(required)]
    link: Option<Uuid>,
    /// The institution's own id of the person.
    #[schema(required)]
    internal_identification: Option<String>,
    /// When the source was read.
    #[schema(format = DateTime)]
    collected_at: String,
    /// When it was stored.
    #[schema(format = DateTime)]
    created_at: String,
    /// Whole name.
    #[schema(required)]
    display_name: Option<String>,
    /// Not in PILA.
    #[schema(required)]
    email: Option<String>,
    /// Not in PILA.
    #[schema(required)]
    phone_number: Option<String>,
    /// Not in PILA.
    #[schema(required)]
    address: Option<String>,
    #[schema(required)]
    document_id: Option<OwnerDocument>,
    /// Not in PILA.
    #[schema(required)]
    business_name: Option<String>,
    /// Given names.
    #[schema(required)]
    first_name: Option<String>,
    /// First surname.
    #[schema(required)]
    last_name: Option<String>,
    /// Second surname.
    #[schema(required)]
    second_last_name: Option<String>,
}

/// What is sealed about owners and can be looked for; all that is given must hold. The other filters
/// must leave at most 10,000 owners.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct OwnerFilters {
    /// Exactly this e-mail address.
    email: Option<String>,
    /// Part of the whole name, three characters at least. Case does not count, accents do.
    #[param(rename = "display_name__icontains", min_length = 3)]
    name_part: Option<String>,
}

/// Document of a person.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a description; `filling.rs` writes it")]
pub(crate) struct OwnerDocument {
    /// `CC`; from imported planillas also `CE`, `TI`, `PT`, `PASSPORT` and others.
    #[schema(required)]
    document_type: Option<String>,
    /// Number of the document.
    #[schema(required)]
    document_number: Option<String>,
}
