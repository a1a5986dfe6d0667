//! The employment on the wire, described (contract 4.1, 4.2).

use uuid::Uuid;

use crate::openapi::{Page, Partial};

/// A page of employments.
pub(crate) type Employments = Page<Shaped>;

/// An object with the keys that were asked for.
pub(crate) type Shaped = Partial<Employment>;

/// The bond with one employer.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "e4f3a2b1-0c9d-4e8f-a7b6-c5d4e3f2a1b0",
    "link": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a",
    "created_at": "2026-11-24T12:00:04.881230Z",
    "collected_at": "2026-11-24T12:00:04.517004Z",
    "employer_data": {
        "name": "COMERCIALIZADORA EJEMPLO S.A.S.",
        "id_type": "NIT",
        "id_number": 999_500_201,
        "economic_activity_code": 4711,
        "economic_activity_code_description": "Comercio al por menor",
        "contributor_class_code": "A",
        "contributor_class_code_description": "Aportante con 200 o más cotizantes",
        "contributor_type_code": 1,
        "contributor_type_description": "Empleador",
        "tenure": 24
    },
    "salary_and_benefit_details": [{
        "month": "2026-10",
        "gross_amount": 3_677_000,
        "net_amount": 3_382_840,
        "employment_type": "SALARIED",
        "employment_type_additional_info": "01 Dependiente",
        "parafiscal_contribution": true,
        "salary_comprehensive": false,
        "salary_type": "FIXED",
        "pension_fund_name": "Porvenir",
        "healthcare_provider_name": "EPS Sura",
        "status_changes": ["TEMPORARY_SALARY_CHANGE"]
    }]
}))]
#[expect(dead_code, reason = "a description; `filling.rs` writes it")]
pub(crate) struct Employment {
    /// Id of the employment.
    id: Uuid,
    /// The link it was loaded for.
    link: Uuid,
    /// When it was stored.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the source was read.
    #[schema(format = DateTime)]
    collected_at: String,
    employer_data: EmployerData,
    /// One row per month, newest first.
    salary_and_benefit_details: Vec<SalaryAndBenefitDetail>,
}

/// Who pays.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a description; `vinculo_history` has what is written")]
pub(crate) struct EmployerData {
    /// Legal name.
    #[schema(required)]
    name: Option<String>,
    /// Kind of document.
    #[schema(required)]
    id_type: Option<EmployerIdType>,
    /// Number of the document, without check digit; null when it holds letters.
    #[schema(required)]
    id_number: Option<i64>,
    /// Main activity, CIIU.
    #[schema(required)]
    economic_activity_code: Option<i64>,
    /// Name of the activity.
    #[schema(required)]
    economic_activity_code_description: Option<String>,
    /// `A`, `B`, `C`, `D` or `I`.
    #[schema(required)]
    contributor_class_code: Option<String>,
    /// Name of the class.
    #[schema(required)]
    contributor_class_code_description: Option<String>,
    /// Kind of payer.
    #[schema(required)]
    contributor_type_code: Option<i64>,
    /// Name of the kind.
    #[schema(required)]
    contributor_type_description: Option<String>,
    /// Continuous months up to the newest one.
    tenure: u32,
}

/// One month. Amounts are whole pesos.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a description; `vinculo_history` has what is written")]
pub(crate) struct SalaryAndBenefitDetail {
    /// `YYYY-MM`.
    #[schema(pattern = "^\\d{4}-(0[1-9]|1[0-2])$")]
    month: String,
    /// Before deductions.
    #[schema(required)]
    gross_amount: Option<f64>,
    /// After social security.
    #[schema(required)]
    net_amount: Option<f64>,
    /// Kind of bond.
    #[schema(required)]
    employment_type: Option<EmploymentType>,
    /// Code and name of the kind of worker.
    #[schema(required)]
    employment_type_additional_info: Option<String>,
    /// Whether family fund, SENA or ICBF were paid.
    #[schema(required)]
    parafiscal_contribution: Option<bool>,
    /// Integral salary.
    #[schema(required)]
    salary_comprehensive: Option<bool>,
    /// How pay is agreed.
    #[schema(required)]
    salary_type: Option<SalaryType>,
    /// Pension fund.
    #[schema(required)]
    pension_fund_name: Option<String>,
    /// Health provider.
    #[schema(required)]
    healthcare_provider_name: Option<String>,
    /// What happened in the month.
    status_changes: Vec<StatusChange>,
}

/// Kind of an employer's document.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum EmployerIdType {
    /// Tax number.
    Nit,
    /// Foreigner card.
    Ce,
    /// Citizenship card.
    Cc,
    /// Passport.
    Passport,
}

/// Kind of bond.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum EmploymentType {
    /// Employee.
    Salaried,
    /// Contractor or self-employed.
    Contractual,
    /// Draws a pension.
    Pensioned,
}

/// How pay is agreed.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum SalaryType {
    /// The same every month.
    Fixed,
    /// Depends on the work of the month.
    Variable,
}

/// What happened in a month.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum StatusChange {
    /// Started with this employer.
    FirstMonth,
    /// Stopped with this employer.
    FinalMonth,
    /// On leave.
    OnLeave,
    /// Retired.
    RetirementMonth,
    /// On holiday.
    OnVacation,
    /// Lasting pay change.
    PermanentSalaryChange,
    /// Pay of this month alone differs.
    TemporarySalaryChange,
}
