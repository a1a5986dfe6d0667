//! Administrators of the money (AFP, EPS, CCF, ARL) and operators of the planilla.

use std::sync::LazyLock;

use super::table::{Indexed, Record, Row, Sorted};
use super::validity::Validity;

/// An administrator of one of the subsystems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// PILA code, for example `230301`, `EPS037`, `CCF22`, `14-23`.
    pub code: &'static str,
    /// Short commercial name.
    pub name: &'static str,
    /// Tax number without check digit.
    pub nit: Option<&'static str>,
    /// Kind of health provider or regime of pension fund; `None` for the others.
    pub kind: Option<&'static str>,
    /// It still takes contributions; old periods and arrears name the historic ones.
    pub active: bool,
    /// When it takes contributions.
    pub validity: Validity,
}

/// A planilla operator (*operador de información*, header field 22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Two digits.
    pub code: &'static str,
    /// Company or bank.
    pub name: &'static str,
    /// Brand of the service.
    pub brand: &'static str,
}

impl Record for Entity {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            code: row.text("code")?,
            name: row.text("name")?,
            nit: row.optional("nit")?,
            kind: row.text("kind").or_else(|| row.text("regime")),
            active: row.text("status")? != "historic",
            validity: Validity::read(row)?,
        })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

impl Record for Operator {
    fn read(row: &Row) -> Option<Self> {
        Some(Self { code: row.text("code")?, name: row.text("name")?, brand: row.text("brand")? })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

static PENSION_FUNDS: LazyLock<Sorted<Entity>> =
    LazyLock::new(|| Sorted::read(include_str!("../../data/catalogs/pension_funds.tsv")));

static HEALTH_PROVIDERS: LazyLock<Sorted<Entity>> =
    LazyLock::new(|| Sorted::read(include_str!("../../data/catalogs/health_providers.tsv")));

static FAMILY_FUNDS: LazyLock<Sorted<Entity>> =
    LazyLock::new(|| Sorted::read(include_str!("../../data/catalogs/ccf.tsv")));

static RISK_INSURERS: LazyLock<Sorted<Entity>> =
    LazyLock::new(|| Sorted::read(include_str!("../../data/catalogs/arl.tsv")));

static OPERATORS: LazyLock<Indexed<Operator>> =
    LazyLock::new(|| Indexed::read(include_str!("../../data/catalogs/operators.tsv")));

/// The pension fund (AFP) with this code, if the list has it.
#[must_use]
pub fn pension_fund(code: &str) -> Option<&'static Entity> {
    PENSION_FUNDS.get(code)
}

/// Every pension fund, by code.
pub fn pension_funds() -> impl Iterator<Item = &'static Entity> {
    PENSION_FUNDS.iter()
}

/// The health provider (EPS and others) with this code, if the list has it.
#[must_use]
pub fn health_provider(code: &str) -> Option<&'static Entity> {
    HEALTH_PROVIDERS.get(code)
}

/// Every health provider, by code.
pub fn health_providers() -> impl Iterator<Item = &'static Entity> {
    HEALTH_PROVIDERS.iter()
}

/// The family fund (CCF) with this code, if the list has it.
#[must_use]
pub fn family_fund(code: &str) -> Option<&'static Entity> {
    FAMILY_FUNDS.get(code)
}

/// Every family fund, by code.
pub fn family_funds() -> impl Iterator<Item = &'static Entity> {
    FAMILY_FUNDS.iter()
}

/// The work-risk insurer (ARL) with this code, if the list has it.
#[must_use]
pub fn risk_insurer(code: &str) -> Option<&'static Entity> {
    RISK_INSURERS.get(code)
}

/// Every work-risk insurer, by code.
pub fn risk_insurers() -> impl Iterator<Item = &'static Entity> {
    RISK_INSURERS.iter()
}

/// The operator with this two-digit code, if the list has it.
#[must_use]
pub fn operator(code: &str) -> Option<&'static Operator> {
    OPERATORS.get(code)
}

/// Every operator with a known code, by code.
pub fn operators() -> impl Iterator<Item = &'static Operator> {
    OPERATORS.iter()
}
