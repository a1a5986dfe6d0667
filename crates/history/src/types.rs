//! What a projection holds. The wire shapes serialise to the keys of the public contract.

use serde::{Deserialize, Serialize};
use vinculo_pila::catalog::EmploymentType;
use vinculo_pila::{Document, Month, Origin};

use crate::Note;

/// Choices of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The calendar month of today in Bogotá.
    pub current_month: Month,
    /// Months shown before the current one; `None` shows all. Tenure always sees all.
    pub window_months: Option<u32>,
    /// Unpaid planillas count, marked [`Note::Unpaid`].
    pub include_drafts: bool,
}

impl Options {
    /// Whether a month falls in the window.
    pub(crate) fn shows(&self, month: Month) -> bool {
        let age = self.current_month.months_since(month);
        self.window_months.is_none_or(|window| i64::from(age) <= i64::from(window))
    }
}

/// Everything the public model says about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// Who the person is; `None` when no line counts.
    pub owner: Option<Owner>,
    /// One employment per payer, newest first.
    pub employments: Vec<Employment>,
}

/// The person, as the newest line names them (capitals, accents as filed).
///
/// `Debug` prints no name and no number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Given names then surnames, single spaces.
    pub display_name: Option<String>,
    /// Given names.
    pub first_name: Option<String>,
    /// First surname.
    pub last_name: Option<String>,
    /// Second surname.
    pub second_last_name: Option<String>,
    /// `CC`, `CE`, `TI`, `PT`, …; a passport is `PASSPORT`.
    pub document_type: String,
    /// Number of the document.
    pub document_number: String,
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Owner({} …)", self.document_type)
    }
}

/// The bond with one payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Employment {
    /// Identity of the payer; a NIT has no check digit.
    pub payer: Document,
    /// `employer_data` of the wire.
    pub employer: EmployerData,
    /// `salary_and_benefit_details` of the wire, newest first.
    pub months: Vec<MonthDetail>,
    /// Where it comes from; not on the wire.
    pub provenance: Provenance,
}

/// Kind of a payer's document, in the words of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum IdType {
    /// Tax number.
    Nit,
    /// Foreigner card.
    Ce,
    /// Citizenship card.
    Cc,
    /// Passport.
    Passport,
}

/// `employer_data` of the public contract (section 4.1). Names a person when the payer is one, so
/// `Debug` prints neither name nor number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmployerData {
    /// Legal name.
    pub name: Option<String>,
    /// Kind of document; `None` for kinds the contract has no value for.
    pub id_type: Option<IdType>,
    /// Number of the document without check digit; `None` when it holds letters.
    pub id_number: Option<i64>,
    /// CIIU class as an integer, so without leading zero.
    pub economic_activity_code: Option<i64>,
    /// Name of that class.
    pub economic_activity_code_description: Option<String>,
    /// `A` `B` `C` `D` `I`.
    pub contributor_class_code: Option<String>,
    /// Name of that class.
    pub contributor_class_code_description: Option<String>,
    /// Kind of payer.
    pub contributor_type_code: Option<i64>,
    /// Name of that kind.
    pub contributor_type_description: Option<String>,
    /// Continuous months up to the newest one.
    pub tenure: u32,
}

impl std::fmt::Debug for EmployerData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmployerData")
            .field("id_type", &self.id_type)
            .field("economic_activity_code", &self.economic_activity_code)
            .field("contributor_class_code", &self.contributor_class_code)
            .field("contributor_type_code", &self.contributor_type_code)
            .field("tenure", &self.tenure)
            .finish_non_exhaustive()
    }
}

/// How pay is agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SalaryType {
    /// The same every month.
    Fixed,
    /// Depends on the work of the month.
    Variable,
}

/// What happened in a month (section 4.2), in the order they are listed on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StatusChange {
    /// Started with this payer.
    FirstMonth,
    /// Stopped with this payer.
    FinalMonth,
    /// Unpaid, sick, parental or paid leave.
    OnLeave,
    /// Stopped, and drew a pension later.
    RetirementMonth,
    /// On holiday.
    OnVacation,
    /// Lasting pay change.
    PermanentSalaryChange,
    /// Pay of this month differs from the salary.
    TemporarySalaryChange,
}

/// One row of `salary_and_benefit_details` (section 4.1). Money in whole pesos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthDetail {
    /// Month of work.
    pub month: Month,
    /// Before deductions; `None` when no base is known.
    pub gross_amount: Option<i64>,
    /// After the worker's contributions, an upper bound; `None` when it cannot be told.
    pub net_amount: Option<i64>,
    /// Kind of bond.
    pub employment_type: Option<EmploymentType>,
    /// Code and name of the kind of worker.
    pub employment_type_additional_info: Option<String>,
    /// Family fund, SENA or ICBF were paid.
    pub parafiscal_contribution: Option<bool>,
    /// Comprehensive salary (*salario integral*); `None` when no source tells.
    pub salary_comprehensive: Option<bool>,
    /// How pay is agreed.
    pub salary_type: Option<SalaryType>,
    /// Pension fund of the month.
    pub pension_fund_name: Option<String>,
    /// Health provider of the month.
    pub healthcare_provider_name: Option<String>,
    /// What happened, each once.
    pub status_changes: Vec<StatusChange>,
}

/// Where an employment comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// First month of the tenure.
    pub continuous_since: Month,
    /// The tenure does not begin at a start mark: it may be longer.
    pub tenure_is_lower_bound: bool,
    /// Months with lines, gaps ignored and the window too.
    pub months_contributed: u32,
    /// One per month shown, newest first.
    pub months: Vec<MonthProvenance>,
}

/// Where a month comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthProvenance {
    /// Month of work.
    pub month: Month,
    /// Source of its lines.
    pub origin: Origin,
    /// Lines that count, after corrections.
    pub lines: u32,
    /// Sum of their days; `None` when a line does not tell.
    pub days: Option<u32>,
    /// Every line was paid.
    pub paid: bool,
    /// Remarks.
    pub notes: Vec<Note>,
    /// What that source does not tell, and which other one did.
    pub filled: Vec<Filled>,
}

/// A field of a month that was filled in from another source than the one that speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The field.
    pub field: MonthField,
    /// Who told it.
    pub origin: Origin,
}

/// The fields of [`MonthDetail`] that another source can fill in. Amounts are never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MonthField {
    /// [`MonthDetail::employment_type`].
    EmploymentType,
    /// [`MonthDetail::employment_type_additional_info`].
    EmploymentTypeAdditionalInfo,
    /// [`MonthDetail::parafiscal_contribution`].
    ParafiscalContribution,
    /// [`MonthDetail::salary_comprehensive`].
    SalaryComprehensive,
    /// [`MonthDetail::salary_type`].
    SalaryType,
    /// [`MonthDetail::pension_fund_name`].
    PensionFundName,
    /// [`MonthDetail::healthcare_provider_name`].
    HealthcareProviderName,
    /// [`MonthDetail::status_changes`].
    StatusChanges,
}
