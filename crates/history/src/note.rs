//! What a reader of a month should know about how it was reconstructed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A remark on one month of one payer. Not part of the public model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Stands on a planilla that was not paid yet.
    Unpaid,
    /// A correction planilla changed it.
    Corrected,
    /// Paid late, by an arrears planilla (`M`).
    Arrears,
    /// Comes from enforcement, a court, a winding-up or back pay (`J O Q U X Z W`).
    SpecialPlanilla,
    /// Equal rows counted once because one alone reaches the salary.
    DuplicateRow,
    /// The person had several kinds of worker in the month.
    SeveralWorkerTypes,
    /// The kind of worker is missing or not in the list.
    UnknownWorkerType,
    /// A start or end mark other than `X`: it gives no status.
    MarkNotMapped,
    /// The days of the lines sum more than 30.
    DaysOver30,
    /// The base of a self-employed person is the legal minimum: gross is a lower bound.
    BaseAtFloor,
    /// The base is the legal maximum: gross follows the filed salary.
    BaseAtCap,
    /// No minimum wage is known for the month.
    MinimumWageUnknown,
    /// A legal rate is not known for the month.
    RateUnknown,
    /// The source has no contribution amounts: net follows the legal rates.
    NetEstimated,
    /// Another source reports a pension base that differs by more than 1 %.
    SourcesDisagree,
    /// No source reports a base: gross is the income as one of them reckons it.
    GrossFromIncome,
    /// Another operator did not see the month paid: it sees only what was paid through itself.
    UnpaidElsewhere,
    /// Another source told a kind of worker or of salary by which the base would be a share of the
    /// income: gross is the base as it is.
    BaseNotConverted,
}

/// The notes of a month, each once, in the order of [`Note`].
pub(crate) type Notes = BTreeSet<Note>;
