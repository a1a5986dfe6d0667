//! Dated figures: minimum wages, rates, working hours.

use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil::Date;

use super::table::{Record, Row, records};
use super::validity::Validity;
use crate::Month;

/// A fraction of money with seven decimals, `0.16000` or `0.0052200`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rate {
    ten_millionths: u32,
}

/// Text that is not a rate from 0 to 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a rate: expected 0 or 1, a dot and at most seven decimals")]
pub struct InvalidRate(String);

impl Rate {
    const UNIT: u32 = 10_000_000;

    /// Nothing.
    pub const ZERO: Self = Self { ten_millionths: 0 };

    /// The rate in ten-millionths: 1,600,000 for 16 %.
    #[must_use]
    pub const fn ten_millionths(self) -> u32 {
        self.ten_millionths
    }

    /// This share of an amount in whole pesos, half a peso up.
    #[must_use]
    pub fn of(self, pesos: i64) -> i64 {
        let unit = i128::from(Self::UNIT);
        let product = i128::from(pesos) * i128::from(self.ten_millionths);
        saturated((product + unit / 2).div_euclid(unit))
    }

    /// The amount this is a share of: `amount / rate`, half a peso up; `None` for a rate of 0.
    #[must_use]
    pub fn whole_of(self, share: i64) -> Option<i64> {
        let rate = i128::from(self.ten_millionths);
        if rate == 0 {
            return None;
        }
        let product = i128::from(share) * i128::from(Self::UNIT);
        Some(saturated((2 * product + rate).div_euclid(2 * rate)))
    }

    /// The contribution on a base: this share, rounded up to the next 100 pesos (Decreto 780 de
    /// 2016, article 3.2.1.5).
    #[must_use]
    pub fn contribution(self, base: i64) -> i64 {
        let hundred = i128::from(Self::UNIT) * 100;
        let product = i128::from(base) * i128::from(self.ten_millionths);
        saturated((product + hundred - 1).div_euclid(hundred) * 100)
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
            let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
            if !matches!(whole, "0" | "1") || decimals.len() > 7 || !digits(decimals) {
                return None;
            }
            let ten_millionths = format!("{whole}{decimals:0<7}").parse().ok()?;
            (ten_millionths <= Self::UNIT).then_some(Self { ten_millionths })
        };
        parse().ok_or_else(|| InvalidRate(text.to_owned()))
    }
}

fn saturated(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Which rate to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateKind {
    /// Pensions, all of it (employees and self-employed).
    PensionTotal,
    /// Pensions, share of the employer.
    PensionEmployer,
    /// Pensions, share of the employee.
    PensionWorker,
    /// Pensions in high-risk activities, all of it.
    PensionHighRisk,
    /// Pensions on a line of unpaid leave: share of the employer alone.
    PensionUnpaidLeave,
    /// Health, all of it.
    HealthTotal,
    /// Health, share of the employer.
    HealthEmployer,
    /// Health, share of the employee.
    HealthWorker,
    /// Health through an exonerated payer.
    HealthExonerated,
    /// Health on a line of unpaid leave of a payer that is not exonerated.
    HealthUnpaidLeave,
    /// Work risk, initial rate of classes 1 to 5.
    ArlClass1,
    /// Work risk, class 2.
    ArlClass2,
    /// Work risk, class 3.
    ArlClass3,
    /// Work risk, class 4.
    ArlClass4,
    /// Work risk, class 5.
    ArlClass5,
    /// Family fund, employees.
    FamilyFund,
    /// SENA, private payers without exoneration.
    Sena,
    /// SENA, public bodies.
    SenaPublic,
    /// ICBF.
    Icbf,
    /// ESAP, public bodies.
    Esap,
    /// Ministry of Education, public bodies.
    Men,
    /// Share of a comprehensive salary that is its base.
    ComprehensiveBase,
    /// Share of the income of the self-employed that is their base.
    SelfEmployedBase,
}

impl RateKind {
    const fn key(self) -> &'static str {
        match self {
            Self::PensionTotal => "pension_total",
            Self::PensionEmployer => "pension_employer",
            Self::PensionWorker => "pension_worker",
            Self::PensionHighRisk => "pension_high_risk",
            Self::PensionUnpaidLeave => "pension_unpaid_leave",
            Self::HealthTotal => "health_total",
            Self::HealthEmployer => "health_employer",
            Self::HealthWorker => "health_worker",
            Self::HealthExonerated => "health_exonerated",
            Self::HealthUnpaidLeave => "health_unpaid_leave",
            Self::ArlClass1 => "arl_class_1",
            Self::ArlClass2 => "arl_class_2",
            Self::ArlClass3 => "arl_class_3",
            Self::ArlClass4 => "arl_class_4",
            Self::ArlClass5 => "arl_class_5",
            Self::FamilyFund => "family_fund",
            Self::Sena => "sena",
            Self::SenaPublic => "sena_public",
            Self::Icbf => "icbf",
            Self::Esap => "esap",
            Self::Men => "men",
            Self::ComprehensiveBase => "comprehensive_base",
            Self::SelfEmployedBase => "self_employed_base",
        }
    }
}

/// Key of the solidarity-fund bands in the list of rates.
const SOLIDARITY_FUND: &str = "solidarity_fund";

struct RateRow {
    key: &'static str,
    rate: Option<Rate>,
    validity: Validity,
    smmlv_from: Option<i64>,
    smmlv_below: Option<i64>,
}

impl Record for RateRow {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            key: row.text("key")?,
            // Some rows are rules in words ("25 SMMLV"); they carry no key and are not looked up.
            rate: row.parsed("rate"),
            validity: Validity::read(row)?,
            smmlv_from: row.optional_parsed("smmlv_from")?,
            smmlv_below: row.optional_parsed("smmlv_below")?,
        })
    }

    fn code(&self) -> &'static str {
        self.key
    }
}

/// The legal minimum wage (SMMLV) of a year and what hangs on it, whole pesos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinimumWage {
    /// Calendar year.
    pub year: i32,
    /// The monthly wage.
    pub pesos: i64,
    /// Transport allowance of the month.
    pub transport_allowance: i64,
    /// Cap of the contribution base, 25 wages (Ley 797 de 2003, article 5).
    pub base_cap: i64,
}

impl Record for MinimumWage {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            year: row.parsed("year")?,
            pesos: row.parsed("smmlv")?,
            transport_allowance: row.parsed("transport_allowance")?,
            base_cap: row.parsed("cap_25")?,
        })
    }

    fn code(&self) -> &'static str {
        ""
    }
}

/// The legal working time.
#[derive(Debug, Clone, Copy)]
struct Hours {
    validity: Validity,
    monthly: u16,
}

impl Record for Hours {
    fn read(row: &Row) -> Option<Self> {
        Some(Self { validity: Validity::read(row)?, monthly: row.parsed("monthly_hours_30_days")? })
    }

    fn code(&self) -> &'static str {
        ""
    }
}

static RATES: LazyLock<Box<[RateRow]>> =
    LazyLock::new(|| records(include_str!("../../data/catalogs/contribution_rates.tsv")).collect());

/// Where the first band of the solidarity fund begins, in any month.
static LOWEST_BAND: LazyLock<Option<i64>> = LazyLock::new(|| {
    let bands = RATES.iter().filter(|row| row.key == SOLIDARITY_FUND);
    bands.filter_map(|row| row.smmlv_from).min()
});

static WAGES: LazyLock<Box<[MinimumWage]>> =
    LazyLock::new(|| records(include_str!("../../data/catalogs/smmlv.tsv")).collect());

static HOURS: LazyLock<Box<[Hours]>> =
    LazyLock::new(|| records(include_str!("../../data/catalogs/work_hours.tsv")).collect());

/// The rate of a kind in force in a month; `None` before the first one known.
#[must_use]
pub fn rate(kind: RateKind, month: Month) -> Option<Rate> {
    let in_force = |row: &&RateRow| row.key == kind.key() && row.validity.holds_in(month);
    RATES.iter().rev().find(in_force)?.rate
}

/// The worker's rate to the pension solidarity fund (Ley 797 de 2003, articles 7 and 8) for a
/// pension base in pesos.
///
/// `Rate` 0 below the first band; `None` when no minimum wage is known for the month.
#[must_use]
pub fn solidarity_fund_rate(base: i64, month: Month) -> Option<Rate> {
    let wage = i128::from(minimum_wage(month)?);
    let reaches = |wages: i64| i128::from(base) >= i128::from(wages) * wage;
    // Most people pay nothing to it.
    if !LOWEST_BAND.is_some_and(reaches) {
        return Some(Rate::ZERO);
    }
    let band = RATES.iter().find(|row| {
        row.key == SOLIDARITY_FUND
            && row.validity.holds_in(month)
            && row.smmlv_from.is_some_and(reaches)
            && !row.smmlv_below.is_some_and(reaches)
    });
    Some(band.and_then(|row| row.rate).unwrap_or(Rate::ZERO))
}

/// The minimum monthly wage (SMMLV) of a month in whole pesos; `None` when no decree is known.
#[must_use]
pub fn minimum_wage(month: Month) -> Option<i64> {
    wage_figures(month).map(|wage| wage.pesos)
}

/// The minimum wage of a month with the figures that follow from it.
#[must_use]
pub fn wage_figures(month: Month) -> Option<&'static MinimumWage> {
    WAGES.iter().rev().find(|wage| wage.year == month.year())
}

/// Every minimum wage, by year.
pub fn minimum_wages() -> impl Iterator<Item = &'static MinimumWage> {
    WAGES.iter()
}

/// Legal working hours of a month of 30 days on a day (Ley 2101 de 2021).
#[must_use]
pub fn monthly_hours(day: Date) -> Option<u16> {
    let hours = HOURS.iter().find(|hours| hours.validity.holds_on(day))?;
    Some(hours.monthly)
}
