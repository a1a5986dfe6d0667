//! Kinds and subtypes of worker (*tipo* and *subtipo de cotizante*), detail fields 5 and 6.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::table::{Indexed, Record, Row};
use super::validity::Validity;

/// How a kind of worker is treated when money is reconstructed from its bases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Employees: the payer withholds a share of the contributions.
    Dependent,
    /// Self-employed and contractors: they bear the contributions.
    Independent,
    /// Apprentices: the base is a legal figure, not the allowance.
    Apprentice,
    /// Students and interns.
    Student,
    /// Covered through another worker.
    Beneficiary,
    /// Councillors, programmes and others.
    Other,
}

/// Kind of bond in the words of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EmploymentType {
    /// Employee.
    Salaried,
    /// Contractor, self-employed, apprentice or another contract.
    Contractual,
    /// Works while drawing a pension.
    Pensioned,
}

/// Whether a kind of worker owes a contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Duty {
    /// Always.
    Owed,
    /// By choice.
    Optional,
    /// Never.
    NotOwed,
    /// The sources at hand do not say.
    Unknown,
}

/// A kind of worker (*tipo de cotizante*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerType {
    /// Two digits.
    pub code: &'static str,
    /// Official name.
    pub name_es: &'static str,
    /// Name in English.
    pub name_en: &'static str,
    /// Duty to contribute to health.
    pub health: Duty,
    /// Duty to contribute to pensions.
    pub pension: Duty,
    /// Duty to contribute to work risk.
    pub arl: Duty,
    /// Duty to contribute to the family fund.
    pub ccf: Duty,
    /// Hours worked (field 96) are filed.
    pub hours_field: bool,
    /// The exoneration of the tax code (article 114-1) is possible.
    pub exoneration_allowed: bool,
    /// The kind of salary (field 41) is filed; `None` when sources disagree.
    pub salary_kind_field: Option<bool>,
    /// Letters of the planilla types it may appear in; empty when not known.
    pub planilla_types: Box<[&'static str]>,
    /// Treatment of its bases.
    pub family: Family,
    /// The base is a legal share of the income and not the income itself.
    pub base_is_share_of_income: bool,
    /// Kind of bond; `None` when there is none.
    pub employment_type: Option<EmploymentType>,
    /// A line of this kind proves an employment.
    pub employment_evidence: bool,
    /// Listed in version 30 of the annex.
    pub in_v30: bool,
    /// When a planilla may have it.
    pub validity: Validity,
}

/// A subtype of worker (*subtipo de cotizante*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSubtype {
    /// Two digits, `00` for none.
    pub code: &'static str,
    /// Official name.
    pub name_es: &'static str,
    /// Name in English.
    pub name_en: &'static str,
    /// Pension contributions are owed; `None` when the worker type or another rule decides.
    pub pension_owed: Option<bool>,
    /// Health contributions are owed; `None` when the worker type or another rule decides.
    pub health_owed: Option<bool>,
    /// Kind of bond that takes the place of the worker type's.
    pub employment_type_override: Option<EmploymentType>,
}

impl Record for WorkerType {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            code: row.text("code")?,
            name_es: row.text("name_es")?,
            name_en: row.text("name_en")?,
            health: duty(row.text("health")?)?,
            pension: duty(row.text("pension")?)?,
            arl: duty(row.text("arl")?)?,
            ccf: duty(row.text("ccf")?)?,
            hours_field: row.flag("hours_field")?,
            exoneration_allowed: row.flag("exoneration_allowed")?,
            salary_kind_field: row.optional_flag("salary_kind_field")?,
            planilla_types: row.words("planilla_types")?,
            family: family(row.text("family")?)?,
            base_is_share_of_income: row.flag("base_is_share_of_income")?,
            employment_type: employment_type(row.optional("employment_type")?)?,
            employment_evidence: row.flag("employment_evidence")?,
            in_v30: row.flag("in_v30")?,
            validity: Validity::read(row)?,
        })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

impl Record for WorkerSubtype {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            code: row.text("code")?,
            name_es: row.text("name_es")?,
            name_en: row.text("name_en")?,
            pension_owed: row.optional_flag("pension_owed")?,
            health_owed: row.optional_flag("health_owed")?,
            employment_type_override: employment_type(row.optional("employment_type_override")?)?,
        })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

fn duty(text: &str) -> Option<Duty> {
    Some(match text {
        "owed" => Duty::Owed,
        "optional" => Duty::Optional,
        "not owed" => Duty::NotOwed,
        "unknown" => Duty::Unknown,
        _ => return None,
    })
}

fn family(text: &str) -> Option<Family> {
    Some(match text {
        "dependent" => Family::Dependent,
        "independent" => Family::Independent,
        "apprentice" => Family::Apprentice,
        "student" => Family::Student,
        "beneficiary" => Family::Beneficiary,
        "other" => Family::Other,
        _ => return None,
    })
}

fn employment_type(text: Option<&str>) -> Option<Option<EmploymentType>> {
    Some(match text {
        None => None,
        Some("SALARIED") => Some(EmploymentType::Salaried),
        Some("CONTRACTUAL") => Some(EmploymentType::Contractual),
        Some("PENSIONED") => Some(EmploymentType::Pensioned),
        Some(_) => return None,
    })
}

static TYPES: LazyLock<Indexed<WorkerType>> =
    LazyLock::new(|| Indexed::read(include_str!("../../data/catalogs/worker_types.tsv")));

static SUBTYPES: LazyLock<Indexed<WorkerSubtype>> =
    LazyLock::new(|| Indexed::read(include_str!("../../data/catalogs/worker_subtypes.tsv")));

/// The kind of worker with this two-digit code, if the list has it.
#[must_use]
pub fn worker_type(code: &str) -> Option<&'static WorkerType> {
    TYPES.get(code)
}

/// Every kind of worker, by code.
pub fn worker_types() -> impl Iterator<Item = &'static WorkerType> {
    TYPES.iter()
}

/// The subtype of worker with this two-digit code, if the list has it.
#[must_use]
pub fn worker_subtype(code: &str) -> Option<&'static WorkerSubtype> {
    SUBTYPES.get(code)
}

/// Every subtype of worker, by code.
pub fn worker_subtypes() -> impl Iterator<Item = &'static WorkerSubtype> {
    SUBTYPES.iter()
}
