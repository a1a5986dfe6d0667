//! Economic activities: CIIU Rev. 4 A.C. classes and the work-risk table of Decreto 768 de 2022.

use std::sync::LazyLock;

use super::table::{Record, Row, Sorted};

/// A class of CIIU Rev. 4 A.C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Four digits with leading zero.
    pub code: &'static str,
    /// Section letter.
    pub section: &'static str,
    /// Official name.
    pub name_es: &'static str,
}

/// An activity of the work-risk table (detail field 98).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskActivity {
    /// Risk class, CIIU class and variant in one number, as filed.
    pub code: &'static str,
    /// Risk class, `1`–`5`.
    pub risk_class: char,
    /// CIIU class, four digits.
    pub ciiu: &'static str,
}

impl Record for Activity {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            code: row.text("code")?,
            section: row.text("section")?,
            name_es: row.text("name_es")?,
        })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

impl Record for RiskActivity {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            code: row.text("code")?,
            risk_class: row.parsed("risk_class")?,
            ciiu: row.text("ciiu")?,
        })
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

static ACTIVITIES: LazyLock<Sorted<Activity>> =
    LazyLock::new(|| Sorted::read(include_str!("../../data/catalogs/ciiu.tsv")));

static RISK_ACTIVITIES: LazyLock<Sorted<RiskActivity>> =
    LazyLock::new(|| Sorted::read(include_str!("../../data/catalogs/arl_activities.tsv")));

/// The CIIU class with this four-digit code, if the list has it.
#[must_use]
pub fn activity(ciiu: &str) -> Option<&'static Activity> {
    ACTIVITIES.get(ciiu)
}

/// Every CIIU class, by code.
pub fn activities() -> impl Iterator<Item = &'static Activity> {
    ACTIVITIES.iter()
}

/// The work-risk activity with this code, if the table has it.
#[must_use]
pub fn risk_activity(code: &str) -> Option<&'static RiskActivity> {
    RISK_ACTIVITIES.get(code)
}

/// Every work-risk activity, by code.
pub fn risk_activities() -> impl Iterator<Item = &'static RiskActivity> {
    RISK_ACTIVITIES.iter()
}
