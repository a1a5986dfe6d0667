//! The normal form every source is brought into: one person, one payer, one month, one line.
//!
//! A field that a source does not carry is `None`. `None` means *unknown* and is never read as
//! zero, false or empty: an operator that reports no days says nothing about days.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Document, Month};

/// Where a contribution was read. In the order in which one is believed before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A planilla file (Resolución 2388 de 2016, technical annex 2, type-2 file).
    Planilla,
    /// A row of ACH Colombia's *Consultas PILA*.
    Ach,
    /// A payment of Ágil Data.
    AgilData,
    /// A payment of Mareigua's query.
    Mareigua,
    /// A payment of Mareigua's report of 825 columns.
    MareiguaReport,
}

/// The kind of worker in the scale of a source that does not use PILA's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerScale {
    /// Works for somebody.
    Employee,
    /// Pays for their own work.
    SelfEmployed,
    /// Draws a pension.
    Pensioner,
}

/// The four parts of a name, as filed (capitals, accents kept).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Names {
    /// First given name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first: String,
    /// Second given name, empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub second: String,
    /// First surname.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub surname: String,
    /// Second surname, empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub second_surname: String,
}

/// The payer (*aportante*) as this line's source describes it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Payer {
    /// Identity document; a NIT carries no check digit.
    pub document: Document,
    /// Legal name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// CIIU Rev. 4 A.C. class, four digits with leading zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_code: Option<String>,
    /// Text of the activity, when the source gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_text: Option<String>,
    /// Class by size or benefit: `A` `B` `C` `D` `I`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_code: Option<String>,
    /// Text of the class, when the source gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_text: Option<String>,
    /// Kind of payer (*tipo de aportante*), two digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind_code: Option<String>,
    /// Text of the kind, when the source gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind_text: Option<String>,
}

impl Payer {
    /// A payer of whom no more is told than document and name.
    #[must_use]
    pub const fn named(document: Document, name: Option<String>) -> Self {
        Self {
            document,
            name,
            activity_code: None,
            activity_text: None,
            class_code: None,
            class_text: None,
            kind_code: None,
            kind_text: None,
        }
    }
}

/// The planilla a line belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanillaRef {
    /// Letter of the planilla type (`E`, `I`, `N`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Number given by the operator; `None` before payment (a draft).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Branch code, `None` for a single presentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Day the money moved, `YYYY-MM-DD`; `None` before payment or when the source is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_on: Option<jiff::civil::Date>,
    /// Two-digit code of the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

/// Role of a line in a correction planilla (*planilla N*), detail field 22.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Correction {
    /// `A`: the line as it was paid.
    AsPaid,
    /// `C`: the line as it should be.
    AsCorrected,
}

/// One value per subsystem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct PerSystem<T> {
    /// Pensions (AFP).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pension: Option<T>,
    /// Health (EPS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<T>,
    /// Work risk (ARL).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arl: Option<T>,
    /// Family fund (CCF).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ccf: Option<T>,
}

/// Amounts paid for the line, whole pesos (detail fields 47–71).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Amounts {
    /// Field 47, mandatory pension contribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pension: Option<i64>,
    /// Field 48, voluntary payment of the worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voluntary_worker: Option<i64>,
    /// Field 51, solidarity fund, first sub-account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsp_solidarity: Option<i64>,
    /// Field 52, solidarity fund, second sub-account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsp_subsistence: Option<i64>,
    /// Field 55, mandatory health contribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<i64>,
    /// Field 63, work risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arl: Option<i64>,
    /// Field 65, family fund.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ccf: Option<i64>,
    /// Field 67, SENA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sena: Option<i64>,
    /// Field 69, ICBF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icbf: Option<i64>,
}

/// Novelties (*novedades*) of a line: the mark as filed, `None` when blank.
///
/// What a blank means depends on [`Contribution::novelties_known`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Novelties {
    /// Field 15, start with this payer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ing: Option<char>,
    /// Field 16, end with this payer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ret: Option<char>,
    /// Field 17, transfer from another EPS (historic).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tde: Option<char>,
    /// Field 18, transfer to another EPS (historic).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tae: Option<char>,
    /// Field 19, transfer from another pension fund (historic).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tdp: Option<char>,
    /// Field 20, transfer to another pension fund (historic).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tap: Option<char>,
    /// Field 21, lasting pay change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vsp: Option<char>,
    /// Field 23, pay of the month differs from the salary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vst: Option<char>,
    /// Field 24, unpaid leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sln: Option<char>,
    /// Field 25, sick leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ige: Option<char>,
    /// Field 26, parental leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lma: Option<char>,
    /// Field 27, `X` holiday, `L` paid leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vac: Option<char>,
    /// Field 28, voluntary pension payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avp: Option<char>,
    /// Field 29, change of work centre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vct: Option<char>,
    /// Field 30, days of work-related sick leave.
    pub irl_days: u8,
}

/// Which novelties a source is able to report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoveltiesKnown {
    /// All of them (a planilla).
    #[default]
    All,
    /// Only ING and RET (an ACH row): absence of any other mark means unknown.
    StartAndEnd,
    /// None (Ágil Data, Mareigua's query).
    None,
}

/// An administrator, by PILA code, by name, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Administrator {
    /// PILA code (`230301`, `EPS037`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Name as the source gives it, used when the code is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One contribution line: one person × one payer × one month × one origin row. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Contribution {
    /// Where it was read.
    pub origin: Origin,
    /// Identity document of the worker (*cotizante*).
    pub person: Document,
    /// Name of the worker as filed.
    pub names: Names,
    /// Who paid.
    pub payer: Payer,
    /// Month of work (header field 15, *período de pago distinto a salud*).
    pub period: Month,
    /// The planilla the line stands in.
    pub planilla: PlanillaRef,
    /// Position of the line inside its origin (sequence of the planilla, index of the row).
    pub line: u32,
    /// Role in a correction planilla.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
    /// Kind of worker (*tipo de cotizante*), two digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_kind: Option<String>,
    /// Subtype of worker, two digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_subtype: Option<String>,
    /// Kind of worker as a source tells it that has no PILA code for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_scale: Option<WorkerScale>,
    /// Days contributed, 0–30.
    pub days: PerSystem<u8>,
    /// Contribution base (IBC), whole pesos.
    pub base: PerSystem<i64>,
    /// Income of the month by the source's own reckoning, whole pesos. Not a base: no share of it
    /// and no cap is the law's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub income: Option<i64>,
    /// Monthly contract salary, whole pesos (field 40).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_salary: Option<i64>,
    /// Kind of salary (field 41): `X` integral, `F` fixed, `V` variable, `0`; `None` when blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salary_kind: Option<char>,
    /// Marks of the line.
    pub novelties: Novelties,
    /// Which marks the source can report.
    pub novelties_known: NoveltiesKnown,
    /// Day of the start (field 80); `None` when blank or not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_on: Option<jiff::civil::Date>,
    /// Day of the end (field 81); `None` when blank or not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_on: Option<jiff::civil::Date>,
    /// Amounts paid.
    pub amounts: Amounts,
    /// Pension fund of the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pension_fund: Option<Administrator>,
    /// Health provider of the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_provider: Option<Administrator>,
    /// Risk class, `1`–`5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_class: Option<char>,
    /// Work-risk activity (field 98, Decreto 768 de 2022): risk class, CIIU class, variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arl_activity: Option<String>,
    /// Whether the contribution was paid; a draft is `false`.
    pub paid: bool,
}

/// What the payer's own record (type 1) adds to its planillas.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PayerProfile {
    /// Identity document of the payer.
    pub document: Document,
    /// Legal name, field 1.
    pub name: String,
    /// CIIU class, field 14, four digits with leading zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_code: Option<String>,
    /// Class by size or benefit, field 7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_code: Option<String>,
    /// Legal nature, field 8: `1` public, `2` private, `3` mixed, `4`, `5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_nature: Option<String>,
    /// Kind of payer, field 30, two digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind_code: Option<String>,
}

/// The parts are left out: a log line cannot leak a name.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names(…)")
    }
}

/// The name is left out: a payer can be a person.
impl fmt::Debug for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payer").field("document", &self.document).finish_non_exhaustive()
    }
}

/// The name is left out: a payer can be a person.
impl fmt::Debug for PayerProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayerProfile").field("document", &self.document).finish_non_exhaustive()
    }
}
