//! What both operations read and show.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use vinculo_pila::catalog::{Letters, document_type};
use vinculo_pila::{Document, DocumentKind};
use vinculo_store::{Erasure, Tx};

use crate::api::body::{Fields, JsonObject};
use crate::audit::ToldEntry;
use crate::clock::wire_time;
use crate::error::{ApiError, ErrorItem};
use crate::secrets::WorkspaceSecrets;

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "document_type": "CC", "document_number": "1999000001" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct PersonOfDocument {
    /// PILA's two letters, such as `CC`.
    document_type: String,
    /// Digits and letters; dots, spaces and dashes are dropped.
    document_number: String,
}

/// What is left of a person: that there was an erasure, and how much went. Says nobody's name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b", "erased_at": "2026-11-24T12:00:00.000000Z",
    "links": 1, "objects": 3, "contributions": 48, "source_calls": 1, "cancelled_webhooks": 0,
    "admitted_at": null
}))]
pub(crate) struct ErasureReceipt {
    id: Uuid,
    erased_at: String,
    /// Links that were removed.
    links: i64,
    /// Employments and owners that were removed.
    objects: i64,
    /// Lines of planillas and of operators' answers that were removed.
    contributions: i64,
    /// Questions to operators that no longer say about whom.
    source_calls: i64,
    /// Webhooks that waited and are not sent.
    cancelled_webhooks: i64,
    /// When imports were told to take lines about the person again.
    admitted_at: Option<String>,
}

impl ErasureReceipt {
    pub(super) fn of(erasure: &Erasure) -> Self {
        Self {
            id: erasure.uuid,
            erased_at: wire_time(erasure.erased_at),
            links: erasure.erased.links,
            objects: erasure.erased.objects,
            contributions: erasure.erased.contributions,
            source_calls: erasure.erased.source_calls,
            cancelled_webhooks: erasure.erased.deliveries,
            admitted_at: erasure.admitted_at.map(wire_time),
        }
    }
}

/// Everything that is known about a person in the workspace.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(crate) struct SubjectReport {
    pub(super) made_at: String,
    /// Whether there is anything but questions that were asked and receipts of erasures.
    pub(super) known: bool,
    /// Links, as `/api/links/` shows them.
    #[schema(value_type = Vec<Object>)]
    pub(super) links: Vec<Value>,
    /// Owners, as `/api/owners/` shows them.
    #[schema(value_type = Vec<Object>)]
    pub(super) owners: Vec<Value>,
    /// Employments, as `/api/co/employments/` shows them.
    #[schema(value_type = Vec<Object>)]
    pub(super) employments: Vec<Value>,
    /// Lines of planillas and of operators' answers, each with what brought it and when.
    #[schema(value_type = Vec<Object>)]
    pub(super) contributions: Vec<Value>,
    /// What a payer record says about the person as a payer.
    #[schema(value_type = Option<Object>)]
    pub(super) payer_record: Option<Value>,
    /// When the links were loaded.
    #[schema(value_type = Vec<Object>)]
    pub(super) loads: Vec<Value>,
    /// Questions to sources about the person.
    #[schema(value_type = Vec<Object>)]
    pub(super) source_calls: Vec<Value>,
    /// Consents of the person, with their receipts.
    #[schema(value_type = Vec<Object>)]
    pub(super) consents: Vec<Value>,
    /// Rows of cohorts that wait and are about the person, each with its cohort, line and when it was
    /// received.
    #[schema(value_type = Vec<Object>)]
    pub(super) cohort_rows: Vec<Value>,
    /// What receivers of webhooks were told of, and when.
    #[schema(value_type = Vec<Object>)]
    pub(super) events: Vec<Value>,
    /// Receipt of the last erasure.
    pub(super) erasure: Option<ErasureReceipt>,
    /// Entries of the audit log about the person.
    pub(super) accesses_count: i64,
    /// Who saw or changed what and when, newest first; the newest 10,000.
    pub(super) accesses: Vec<ToldEntry>,
}

/// The person a body names.
///
/// # Errors
/// When a field is missing, or is no document that a planilla could hold.
pub(crate) fn person(body: &JsonObject) -> Result<Document, ApiError> {
    let mut fields = Fields::new(body);
    let person = person_of(&mut fields);
    fields.finish()?;
    person.ok_or_else(|| ApiError::unexpected("a field passed and is missing"))
}

/// The person that these fields name; `None` when one of them is refused. What is told apart is what
/// planillas do: letters where a kind of document has none, not its length.
pub(crate) fn person_of(fields: &mut Fields<'_>) -> Option<Document> {
    let kind = match fields.required_text("document_type") {
        Some(_) => fields.optional_choice("document_type", |code| {
            DocumentKind::from_code(&code.trim().to_uppercase())
        }),
        None => None,
    };
    let number = fields.required_text("document_number").map(|number| {
        let kept = number.chars().filter(|c| !matches!(c, '.' | '-') && !c.is_whitespace());
        kept.map(|c| c.to_ascii_uppercase()).collect::<String>()
    });
    let sound = |number: &String| {
        (1..=16).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    // The value itself is somebody's document, and is not repeated.
    if number.as_ref().is_some_and(|number| !sound(number)) {
        let message = "Ensure this field has 1 to 16 digits and letters.";
        fields.refuse(ErrorItem::field("invalid", "document_number", message));
        return None;
    }
    let (kind, number) = (kind?, number?);
    // Passports are written under the kind PT, too.
    let digits_alone = kind != DocumentKind::Pt
        && document_type(kind.code()).is_some_and(|known| known.letters == Letters::No);
    if digits_alone && !number.bytes().all(|b| b.is_ascii_digit()) {
        let message = format!("A document of the kind {} has digits alone.", kind.code());
        fields.refuse(ErrorItem::field("invalid", "document_number", message));
        return None;
    }
    Some(Document::new(kind, number))
}

/// The document as links and lines are kept, and as it was asked about: earlier versions kept the
/// number as it was written.
pub(crate) fn spellings(person: &Document) -> Vec<Document> {
    let mut all = vec![person.clone().normal(), person.clone()];
    all.dedup();
    all
}

/// The spelling by which the workspace knows a person: the one without zeros in front, unless it knows
/// nobody but by the one that was asked about.
pub(crate) fn known_spelling(
    tx: &mut Tx<'_>,
    secrets: &WorkspaceSecrets,
    person: Document,
) -> Result<Document, vinculo_store::Error> {
    let workspace = secrets.workspace().id;
    let mut known = |document: &Document| {
        let index = secrets.indexes().lookup_document(document.kind.code(), &document.number);
        Ok::<_, vinculo_store::Error>(tx.subject(workspace, &index)?.is_some())
    };
    let normal = person.clone().normal();
    let as_asked = normal != person && !known(&normal)? && known(&person)?;
    Ok(if as_asked { person } else { normal })
}
