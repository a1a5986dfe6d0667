//! Kinds and classes of payer, planilla types and document kinds.

use std::sync::LazyLock;

use super::table::{Indexed, Record, Row, Sorted};
use super::validity::Validity;
use crate::{DocumentKind, Month};

/// A planilla type (header field 8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanillaType {
    /// One letter.
    pub code: &'static str,
    /// Official name.
    pub name_es: &'static str,
    /// Name in English.
    pub name_en: &'static str,
    /// Pays late or corrects; `None` when not known.
    pub late_or_correction: Option<bool>,
    /// Must name the planilla it relates to (header field 9); `None` when not known.
    pub needs_related_planilla: Option<bool>,
    /// Kinds of worker it may carry; empty when not known.
    pub worker_types: Box<[&'static str]>,
    /// Listed in version 30 of the annex.
    pub in_v30: bool,
    /// When it may be filed.
    pub validity: Validity,
}

/// A kind of payer (*tipo de aportante*, header field 21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributorType {
    /// Two digits.
    pub code: &'static str,
    /// Official name.
    pub name_es: &'static str,
    /// Name in English.
    pub name_en: &'static str,
    /// Classes of payer it may have; empty when not known.
    pub allowed_classes: Box<[&'static str]>,
    /// Resolution that introduced it, when later than the base regulation.
    pub since: Option<&'static str>,
    /// When a payer may have it.
    pub validity: Validity,
}

/// A class of payer (*clase de aportante*, type-1 field 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributorClass {
    /// One letter.
    pub code: &'static str,
    /// Official name.
    pub name_es: &'static str,
    /// Name in English.
    pub name_en: &'static str,
}

/// Whether a document number may hold letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Letters {
    /// Digits only.
    No,
    /// Letters and digits.
    Yes,
    /// Digits only today, letters in older records.
    OlderData,
    /// The sources at hand do not say.
    Unknown,
}

/// A kind of identity document (detail field 3, header field 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentType {
    /// Two letters.
    pub code: &'static str,
    /// The kind, `None` for a code whose meaning is not known.
    pub kind: Option<DocumentKind>,
    /// Official name.
    pub name_es: &'static str,
    /// Name in English.
    pub name_en: &'static str,
    /// Letters in the number.
    pub letters: Letters,
    /// Shortest number, in characters.
    pub min_length: Option<u8>,
    /// Longest number, in characters.
    pub max_length: Option<u8>,
    /// May identify a worker; `None` when it depends on [`DocumentType::worker_condition`].
    pub worker: Option<bool>,
    /// The condition on its use for workers, as the list words it.
    pub worker_condition: Option<&'static str>,
    /// Last month for which it may identify a worker; `None` without one.
    pub worker_until: Option<Month>,
    /// May identify a payer; `None` when not known.
    pub payer: Option<bool>,
}

impl Record for PlanillaType {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            code: row.text("code")?,
            name_es: row.text("name_es")?,
            name_en: row.text("name_en")?,
            late_or_correction: row.optional_flag("late_or_correction")?,
            needs_related_planilla: row.optional_flag("needs_related_planilla")?,
            worker_types: row.words("worker_types")?,
            in_v30: row.flag("in_v30")?,
            validity: Validity::read(row)?,
        })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

impl Record for ContributorType {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            code: row.text("code")?,
            name_es: row.text("name_es")?,
            name_en: row.text("name_en")?,
            allowed_classes: row.words("allowed_classes")?,
            since: row.optional("since")?,
            validity: Validity::read(row)?,
        })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

impl Record for ContributorClass {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            code: row.text("code")?,
            name_es: row.text("name_es")?,
            name_en: row.text("name_en")?,
        })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

impl Record for DocumentType {
    fn read(row: &Row) -> Option<Self> {
        let code = row.text("code")?;
        let worker = row.optional_flag("worker")?;
        let worker_text = row.optional("worker")?;
        Some(Self {
            code,
            kind: DocumentKind::from_code(code),
            name_es: row.text("name_es")?,
            name_en: row.text("name_en")?,
            letters: letters(row.text("letters_allowed")?)?,
            min_length: row.optional_parsed("min_length")?,
            max_length: row.optional_parsed("max_length")?,
            worker,
            worker_condition: worker_text.filter(|_| worker.is_none()),
            worker_until: worker_text
                .and_then(|text| text.strip_prefix("periods up to ")?.parse().ok()),
            payer: row.optional_flag("payer")?,
        })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

fn letters(text: &str) -> Option<Letters> {
    Some(match text {
        "no" => Letters::No,
        "yes" => Letters::Yes,
        "older data only" => Letters::OlderData,
        "?" => Letters::Unknown,
        _ => return None,
    })
}

static PLANILLA_TYPES: LazyLock<Indexed<PlanillaType>> =
    LazyLock::new(|| Indexed::read(include_str!("../../data/catalogs/planilla_types.tsv")));

static CONTRIBUTOR_TYPES: LazyLock<Indexed<ContributorType>> =
    LazyLock::new(|| Indexed::read(include_str!("../../data/catalogs/contributor_types.tsv")));

static CONTRIBUTOR_CLASSES: LazyLock<Indexed<ContributorClass>> =
    LazyLock::new(|| Indexed::read(include_str!("../../data/catalogs/contributor_classes.tsv")));

static DOCUMENT_TYPES: LazyLock<Sorted<DocumentType>> =
    LazyLock::new(|| Sorted::read(include_str!("../../data/catalogs/document_types.tsv")));

/// The planilla type with this letter, if the list has it.
#[must_use]
pub fn planilla_type(code: &str) -> Option<&'static PlanillaType> {
    PLANILLA_TYPES.get(code)
}

/// Every planilla type, by letter.
pub fn planilla_types() -> impl Iterator<Item = &'static PlanillaType> {
    PLANILLA_TYPES.iter()
}

/// The kind of payer with this two-digit code, if the list has it.
#[must_use]
pub fn contributor_type(code: &str) -> Option<&'static ContributorType> {
    CONTRIBUTOR_TYPES.get(code)
}

/// Every kind of payer, by code.
pub fn contributor_types() -> impl Iterator<Item = &'static ContributorType> {
    CONTRIBUTOR_TYPES.iter()
}

/// The class of payer with this letter, if the list has it.
#[must_use]
pub fn contributor_class(code: &str) -> Option<&'static ContributorClass> {
    CONTRIBUTOR_CLASSES.get(code)
}

/// Every class of payer, by letter.
pub fn contributor_classes() -> impl Iterator<Item = &'static ContributorClass> {
    CONTRIBUTOR_CLASSES.iter()
}

/// The document kind with this two-letter code, if the list has it.
#[must_use]
pub fn document_type(code: &str) -> Option<&'static DocumentType> {
    DOCUMENT_TYPES.get(code)
}

/// Every document kind, by code.
pub fn document_types() -> impl Iterator<Item = &'static DocumentType> {
    DOCUMENT_TYPES.iter()
}
