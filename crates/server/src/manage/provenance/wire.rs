//! What is told about an employment, in the shape of the wire.

use serde::Serialize;
use uuid::Uuid;
use vinculo_history::{LineRole, MonthField, Note};
use vinculo_pila::PerSystem;

/// Where an employment comes from. Amounts are whole pesos, reconstructed from contribution bases:
/// PILA proves contributions, not payslips.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "employment": "e4f3a2b1-0c9d-4e8f-a7b6-c5d4e3f2a1b0",
    "link": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a",
    "employer": "EMPRESA EJEMPLO SAS",
    "collected_at": "2026-11-24T12:00:04.517004Z",
    "projected_at": "2026-11-25T08:30:00.120000Z",
    "matches_employment": true,
    "tenure": {
        "months": 24, "since": "2024-11", "is_lower_bound": true, "months_contributed": 24
    },
    "months": [{
        "month": "2026-10",
        "gross_amount": 3_677_000,
        "net_amount": 3_382_840,
        "days": 30,
        "paid": true,
        "source": "planillas",
        "filled": [],
        "notes": ["corrected"],
        "lines": [{
            "source": "planillas",
            "import": "9b1f0c3d-5e2a-4968-8c9d-0e1f2a3b4c5d",
            "source_call": null,
            "read_at": "2026-11-24T11:58:31.004120Z",
            "line": 7,
            "planilla_number": "0000000451",
            "planilla_type": "N",
            "paid_on": "2026-11-12",
            "paid": true,
            "worker_type": "01",
            "days": { "pension": 30, "health": 30, "arl": 30, "ccf": 30 },
            "bases": {
                "pension": 3_677_000, "health": 3_677_000, "arl": 3_677_000, "ccf": 3_677_000
            },
            "role": "counted",
            "counts_in_gross": true
        }]
    }]
}))]
pub(crate) struct EmploymentProvenance {
    /// Id of the employment.
    pub(super) employment: Uuid,
    /// The link it was loaded for.
    pub(super) link: Uuid,
    /// Legal name of the employer, as the employment has it.
    #[schema(required)]
    pub(super) employer: Option<String>,
    /// When the source of the stored employment was read.
    #[schema(format = DateTime)]
    pub(super) collected_at: String,
    /// When this answer was made from the lines that are known.
    #[schema(format = DateTime)]
    pub(super) projected_at: String,
    /// Whether these lines give what the employment shows; otherwise something has changed since it
    /// was loaded.
    pub(super) matches_employment: bool,
    /// Null when no line proves the employment any more.
    #[schema(required)]
    pub(super) tenure: Option<ProvenanceTenure>,
    /// Newest first, as far back as the employment goes.
    pub(super) months: Vec<ProvenanceMonth>,
}

/// What `tenure` rests on.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProvenanceTenure {
    /// Continuous months up to the newest one.
    pub(super) months: u32,
    /// The first of them, `YYYY-MM`.
    #[schema(pattern = "^\\d{4}-(0[1-9]|1[0-2])$")]
    pub(super) since: String,
    /// No line marks the start: the bond may be older than what is known.
    pub(super) is_lower_bound: bool,
    /// Months with lines that count, of all time, gaps left out.
    pub(super) months_contributed: u32,
}

/// One month and what made it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProvenanceMonth {
    /// `YYYY-MM`.
    #[schema(pattern = "^\\d{4}-(0[1-9]|1[0-2])$")]
    pub(super) month: String,
    /// As the employment has it.
    #[schema(required)]
    pub(super) gross_amount: Option<i64>,
    /// As the employment has it.
    #[schema(required)]
    pub(super) net_amount: Option<i64>,
    /// Sum over the lines that count; null when one does not tell.
    #[schema(required)]
    pub(super) days: Option<u32>,
    /// Whether every line that counts was paid.
    pub(super) paid: bool,
    /// The source that speaks for the month: its lines count.
    pub(super) source: String,
    /// What it does not tell, and which other one did.
    pub(super) filled: Vec<FilledField>,
    /// What to know about the amounts.
    pub(super) notes: Vec<MonthNote>,
    /// In the order of filing.
    pub(super) lines: Vec<ProvenanceLine>,
}

/// A field of the month that another source told.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FilledField {
    /// As the employment calls it.
    pub(super) field: FieldOfMonth,
    /// Who told it.
    pub(super) source: String,
}

/// One line about the month.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProvenanceLine {
    /// `planillas`, `ach`, `mareigua`, `agil_data` or `sandbox`.
    pub(super) source: String,
    /// The import that brought it; null for an operator's answer.
    #[schema(required)]
    pub(super) import: Option<Uuid>,
    /// The question that an operator answered with it; null for a planilla.
    #[schema(required)]
    pub(super) source_call: Option<Uuid>,
    /// When the file was received, or the operator asked.
    #[schema(format = DateTime)]
    pub(super) read_at: String,
    /// Sequence in the planilla, or place in the answer.
    pub(super) line: u32,
    /// Given by the operator; null before payment, and where the source tells none.
    #[schema(required)]
    pub(super) planilla_number: Option<String>,
    /// Letter.
    #[schema(required)]
    pub(super) planilla_type: Option<String>,
    /// Day of the payment, when known.
    #[schema(required, format = Date)]
    pub(super) paid_on: Option<String>,
    /// A draft is not.
    pub(super) paid: bool,
    /// Kind of worker, two digits.
    #[schema(required)]
    pub(super) worker_type: Option<String>,
    /// As filed.
    pub(super) days: DaysBySystem,
    /// Contribution bases as filed, whole pesos.
    pub(super) bases: BasesBySystem,
    /// What the line is to the month.
    pub(super) role: RoleOfLine,
    /// Whether its bases enter the gross.
    pub(super) counts_in_gross: bool,
}

/// Days contributed, each null when the source does not tell.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DaysBySystem {
    #[schema(required)]
    pension: Option<u8>,
    #[schema(required)]
    health: Option<u8>,
    /// Work risk.
    #[schema(required)]
    arl: Option<u8>,
    /// Family fund.
    #[schema(required)]
    ccf: Option<u8>,
}

/// Whole pesos, each null when the source does not tell.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BasesBySystem {
    #[schema(required)]
    pension: Option<i64>,
    #[schema(required)]
    health: Option<i64>,
    /// Work risk.
    #[schema(required)]
    arl: Option<i64>,
    /// Family fund.
    #[schema(required)]
    ccf: Option<i64>,
}

impl From<PerSystem<u8>> for DaysBySystem {
    fn from(PerSystem { pension, health, arl, ccf }: PerSystem<u8>) -> Self {
        Self { pension, health, arl, ccf }
    }
}

impl From<PerSystem<i64>> for BasesBySystem {
    fn from(PerSystem { pension, health, arl, ccf }: PerSystem<i64>) -> Self {
        Self { pension, health, arl, ccf }
    }
}

/// Says a word of `vinculo_history` on the wire, and no other.
macro_rules! words {
    ($(#[$about:meta])* $name:ident of $from:ident { $($word:ident),* $(,)? }) => {
        $(#[$about])*
        #[derive(Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(rename_all = "snake_case")]
        pub(super) enum $name { $($word),* }

        impl From<$from> for $name {
            fn from(word: $from) -> Self {
                match word { $($from::$word => Self::$word),* }
            }
        }
    };
}

words! {
    /// `counted`; `unpaid_leave` counts without pay; `corrected` was taken back by a correction
    /// planilla; `as_paid` repeats in a correction what was filed before; `duplicate` equals a row
    /// that reaches the salary; `other_source`: another source speaks for the month; `draft` was not
    /// paid and does not count; `copy` of a planilla that counts already; `no_employment`: a kind of
    /// worker that proves none.
    RoleOfLine of LineRole {
        Counted, UnpaidLeave, Corrected, AsPaid, Duplicate, OtherSource, Draft, Copy, NoEmployment,
    }
}

words! {
    /// A field of a month.
    FieldOfMonth of MonthField {
        EmploymentType, EmploymentTypeAdditionalInfo, ParafiscalContribution,
        SalaryComprehensive, SalaryType, PensionFundName, HealthcareProviderName, StatusChanges,
    }
}

words! {
    /// `unpaid`: a line counts that was not paid yet; `corrected` by a correction planilla; `arrears`:
    /// paid late; `special_planilla`: enforcement, a court, a winding-up or back pay;
    /// `duplicate_row`: equal rows counted once; `several_worker_types`; `unknown_worker_type`;
    /// `mark_not_mapped`: a start or end mark without a status; `days_over30`; `base_at_floor`: gross
    /// is a lower bound; `base_at_cap`: gross follows the filed salary; `minimum_wage_unknown`;
    /// `rate_unknown`; `net_estimated` by the legal rates; `sources_disagree` by more than 1 %;
    /// `gross_from_income`: no source told a base; `unpaid_elsewhere`: another operator did not see it
    /// paid; `base_not_converted`: by what another source told of the kind of worker or of salary the
    /// base is a share of the income, and gross is the base all the same.
    MonthNote of Note {
        Unpaid, Corrected, Arrears, SpecialPlanilla, DuplicateRow, SeveralWorkerTypes,
        UnknownWorkerType, MarkNotMapped, DaysOver30, BaseAtFloor, BaseAtCap, MinimumWageUnknown,
        RateUnknown, NetEstimated, SourcesDisagree, GrossFromIncome, UnpaidElsewhere,
        BaseNotConverted,
    }
}
