//! The answer of a check.

use jiff::civil::Date;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::finding::Finding;
use crate::Month;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Type 2: one header and its detail.
    Planilla,
    /// Type 1: general data of a payer.
    PayerRecord,
}

/// What a planilla says about itself and what its detail adds up to. A value that could not be
/// read is `None`, or zero where it is a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Kind of payer (header field 21), two digits.
    pub payer_kind: Option<String>,
    /// Letter of the planilla type (header field 8).
    pub planilla_kind: Option<char>,
    /// Month of work (header field 15).
    pub period: Option<Month>,
    /// Whether the operator gave it a number (header field 17); a draft has none.
    pub numbered: bool,
    /// Day of payment (header field 18).
    pub paid_on: Option<Date>,
    /// Distinct workers in the detail, without beneficiaries (worker kind 40); at most 100,000, more
    /// than a planilla can have.
    pub workers: u32,
    /// Detail records.
    pub lines: u32,
    /// Sum of the family-fund base (detail field 45), whole pesos. The `A` lines of a correction
    /// are left out, as they were counted by the planilla they correct.
    pub payroll_total: i64,
    /// Length of the detail records: 676, 686 or 693.
    pub record_length: Option<u16>,
}

/// Everything a check found. Serialized it also has how many findings are not listed, `unlisted`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the file is; `None` when that cannot be told.
    pub kind: Option<FileKind>,
    /// Findings in the order of the file. At most [`LISTED_PER_RULE`](Self::LISTED_PER_RULE) of each
    /// rule and severity are listed.
    pub findings: Vec<Finding>,
    /// Errors found, listed or not.
    pub errors: u64,
    /// Warnings found, listed or not.
    pub warnings: u64,
    /// Lines of the file.
    pub lines: u64,
    /// Set for a planilla with a header.
    pub summary: Option<Summary>,
}

impl Report {
    /// Findings of one rule and severity beyond this number are counted and not listed, so that a
    /// file with the same fault on every line cannot fill the memory or hide the others.
    pub const LISTED_PER_RULE: u32 = 1_000;

    pub(super) const fn empty() -> Self {
        Self { kind: None, findings: Vec::new(), errors: 0, warnings: 0, lines: 0, summary: None }
    }

    /// Whether the file may be read: it has no error.
    #[must_use]
    pub const fn accepted(&self) -> bool {
        self.errors == 0
    }

    /// Findings that are counted and not listed.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        let listed = u64::try_from(self.findings.len()).unwrap_or(u64::MAX);
        (self.errors + self.warnings).saturating_sub(listed)
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 7)?;
        report.serialize_field("kind", &self.kind)?;
        report.serialize_field("findings", &self.findings)?;
        report.serialize_field("errors", &self.errors)?;
        report.serialize_field("warnings", &self.warnings)?;
        report.serialize_field("unlisted", &self.unlisted())?;
        report.serialize_field("lines", &self.lines)?;
        report.serialize_field("summary", &self.summary)?;
        report.end()
    }
}
