//! What the fields of a detail record say of each other. All of these are warnings: operators
//! recalculate small differences, and old rules differed.

use super::detail::RecordCheck;
use super::header::HeaderFacts;
use crate::catalog::WorkerType;
use crate::planilla::finding::{Cell, Findings};
use crate::planilla::layout::DETAIL;
use crate::planilla::rule::Rule;
use crate::planilla::scalar;
use crate::planilla::text::trim;

/// A contribution: the fields of its base, its rate and its amount.
struct Contribution {
    base: usize,
    rate: usize,
    amount: usize,
}

/// Pension, health, work risk, family fund, SENA and ICBF.
const CONTRIBUTIONS: [Contribution; 6] = [
    Contribution { base: 42, rate: 46, amount: 47 },
    Contribution { base: 43, rate: 54, amount: 55 },
    Contribution { base: 44, rate: 61, amount: 63 },
    Contribution { base: 45, rate: 64, amount: 65 },
    Contribution { base: 95, rate: 66, amount: 67 },
    Contribution { base: 95, rate: 68, amount: 69 },
];

/// Rates are held in ten-millionths.
const UNIT: u64 = 10_000_000;

/// Contributions are rounded up to this many pesos (Decreto 780/2016, article 3.2.1.5).
const ROUNDING: u64 = 100;

/// The exoneration ends at this many minimum wages (tax code, article 114-1).
const EXONERATION_LIMIT: i64 = 10;

/// Checks a record whose fields have the right form.
pub(super) fn check(
    record: &RecordCheck<'_>,
    worker: &WorkerType,
    header: Option<&HeaderFacts<'_>>,
    findings: &mut Findings,
) {
    contributions(record, findings);
    pension_total(record, findings);
    nationality(record, findings);
    exoneration(record, worker, header, findings);
    risk_class(record, findings);
    hours(record, findings);
    if let Some(header) = header {
        worker_in_planilla(record, header, worker, findings);
    }
}

/// The digits of a numeric field, 0 when it is one of those that may be blank.
fn value(record: &RecordCheck<'_>, field: usize) -> u64 {
    let raw = record.detail.field(&DETAIL[field - 1]);
    scalar::digits(raw).or_else(|| scalar::digits(trim(raw))).unwrap_or_default()
}

/// Each contribution is its base times its rate, give or take one step of rounding.
fn contributions(record: &RecordCheck<'_>, findings: &mut Findings) {
    for contribution in &CONTRIBUTIONS {
        let rate = scalar::ten_millionths(record.detail.field(&DETAIL[contribution.rate - 1]));
        let share = value(record, contribution.base) * rate;
        let amount = value(record, contribution.amount) * UNIT;
        if share.abs_diff(amount) > ROUNDING * UNIT {
            let due = share.div_ceil(ROUNDING * UNIT) * ROUNDING;
            let expected =
                format!("{due}, field {} times field {}", contribution.base, contribution.rate);
            let cell = record.cell_of(contribution.amount);
            findings.warn(Rule::ContributionAmount, &cell, &expected);
        }
    }
}

/// Field 50 adds the mandatory and the voluntary payments.
fn pension_total(record: &RecordCheck<'_>, findings: &mut Findings) {
    let due = value(record, 47) + value(record, 48) + value(record, 49);
    if value(record, 50) != due {
        let expected = format!("{due}, the sum of fields 47 to 49");
        findings.warn(Rule::ContributionTotal, &record.cell::<50>(), &expected);
    }
}

/// Fields 7 and 8 against the kind of document.
fn nationality(record: &RecordCheck<'_>, findings: &mut Findings) {
    let national = matches!(record.detail.raw::<3>(), b"CC" | b"TI" | b"RC");
    let mut forbid = |cell: Cell<'_>, expected| {
        findings.warn(Rule::MarkNotAllowed, &cell, expected);
    };
    if record.detail.raw::<7>() == b"X" && national {
        forbid(record.cell::<7>(), "blank: the document is a national's");
    }
    if record.detail.raw::<8>() == b"X" && !national {
        forbid(record.cell::<8>(), "blank: the document is a foreigner's");
    }
}

/// Field 76 against the kind of worker and the limit of the exoneration.
fn exoneration(
    record: &RecordCheck<'_>,
    worker: &WorkerType,
    header: Option<&HeaderFacts<'_>>,
    findings: &mut Findings,
) {
    if record.detail.raw::<76>() != b"S" {
        return;
    }
    let limit = header.and_then(|header| header.minimum_wage).map(|wage| wage * EXONERATION_LIMIT);
    let base = i64::try_from(value(record, 43)).unwrap_or(i64::MAX);
    if !worker.exoneration_allowed {
        let expected = format!("N: worker kind {} cannot be exonerated", worker.code);
        findings.warn(Rule::Exoneration, &record.cell::<76>(), &expected);
    } else if limit.is_some_and(|limit| base >= limit) {
        let expected = "N: the base of health is 10 minimum wages or more";
        findings.warn(Rule::Exoneration, &record.cell::<76>(), expected);
    }
}

/// The activity starts with its risk class. Accepted files with a zero there were seen.
fn risk_class(record: &RecordCheck<'_>, findings: &mut Findings) {
    let class = record.detail.raw::<78>();
    let activity = record.detail.raw::<98>();
    let stated = |text: &[u8]| text.first().is_some_and(|byte| (b'1'..=b'5').contains(byte));
    if stated(class) && stated(activity) && activity.first() != class.first() {
        let expected = "an activity of the risk class in field 78";
        findings.warn(Rule::RiskClass, &record.cell::<98>(), expected);
    }
}

fn hours(record: &RecordCheck<'_>, findings: &mut Findings) {
    if value(record, 96) > 240 {
        findings.warn(Rule::Hours, &record.cell::<96>(), "000 to 240");
    }
}

/// The lists of both sides are known to be incomplete, so a mismatch needs both.
fn worker_in_planilla(
    record: &RecordCheck<'_>,
    header: &HeaderFacts<'_>,
    worker: &WorkerType,
    findings: &mut Findings,
) {
    let Some(planilla) = header.planilla else {
        return;
    };
    let excludes = |list: &[&str], code: &str| !list.is_empty() && !list.contains(&code);
    if excludes(&worker.planilla_types, planilla.code)
        && excludes(&planilla.worker_types, worker.code)
    {
        let expected = format!("a worker kind that planilla {} carries", planilla.code);
        findings.warn(Rule::PlanillaWorkerMismatch, &record.cell::<5>(), &expected);
    }
}
