//! What the fields of a detail record say of each other. All of these are warnings: operators
//! recalculate small differences, and old rules differed.

use super::bases;
use super::detail::RecordCheck;
use super::field;
use super::header::{Figures, HeaderFacts};
use super::month::{self, EXONERATION_LIMIT};
use crate::catalog::{self, Duty, Family, WorkerType};
use crate::planilla::finding::{Cell, Findings};
use crate::planilla::layout::DETAIL;
use crate::planilla::rule::Rule;
use crate::planilla::scalar;

/// A contribution: the fields of its base, its rate and its amount.
struct Contribution {
    base: usize,
    rate: usize,
    amount: usize,
}

/// Pension, health, work risk, family fund, SENA, ICBF, ESAP and the Ministry of Education.
const CONTRIBUTIONS: [Contribution; 8] = [
    Contribution { base: 42, rate: 46, amount: 47 },
    Contribution { base: 43, rate: 54, amount: 55 },
    Contribution { base: 44, rate: 61, amount: 63 },
    Contribution { base: 45, rate: 64, amount: 65 },
    Contribution { base: 95, rate: 66, amount: 67 },
    Contribution { base: 95, rate: 68, amount: 69 },
    Contribution { base: 95, rate: 70, amount: 71 },
    Contribution { base: 95, rate: 72, amount: 73 },
];

/// Rates are held in ten-millionths.
const UNIT: u64 = 10_000_000;

/// Contributions are rounded up to this many pesos (Decreto 780/2016, article 3.2.1.5).
const ROUNDING: u64 = 100;

/// The same in ten-millionths.
const STEP: u64 = ROUNDING * UNIT;

/// Checks a record whose fields have the right form.
pub(super) fn check(
    record: &RecordCheck<'_>,
    worker: &WorkerType,
    header: Option<&HeaderFacts>,
    findings: &mut Findings,
) {
    contributions(record, findings);
    pension_total(record, findings);
    nationality(record, findings);
    exoneration(record, worker, findings);
    risk_class(record, findings);
    if let Some(header) = header {
        exonerated_health(record, worker, &header.figures, findings);
        hours(record, worker, &header.figures, findings);
        worker_in_planilla(record, header, worker, findings);
        pays_alone(record, header, worker, findings);
    }
}

/// Each contribution is its base times its rate, rounded up.
fn contributions(record: &RecordCheck<'_>, findings: &mut Findings) {
    for contribution in &CONTRIBUTIONS {
        let rate = record.detail.field(&DETAIL[contribution.rate - 1]);
        let amount = record.value(contribution.amount);
        // Most lines owe nothing to half of the funds.
        if amount == 0 && rate == b"0.00000" {
            continue;
        }
        let share = record.value(contribution.base) * scalar::ten_millionths(rate);
        let due = share.div_ceil(STEP) * ROUNDING;
        if amount != due {
            let expected =
                format!("{due}, field {} times field {}", contribution.base, contribution.rate);
            let cell = record.cell_of(contribution.amount);
            findings.warn(Rule::ContributionAmount, &cell, &expected);
        }
    }
}

/// Field 50 adds the mandatory and the voluntary payments.
fn pension_total(record: &RecordCheck<'_>, findings: &mut Findings) {
    let due = record.value(47) + record.value(48) + record.value(49);
    if record.value(50) != due {
        let expected = format!("{due}, the sum of fields 47 to 49");
        findings.warn(Rule::ContributionTotal, &record.cell::<50>(), &expected);
    }
}

/// Fields 7 and 8 against the kind of document.
fn nationality(record: &RecordCheck<'_>, findings: &mut Findings) {
    let national = matches!(record.detail.raw::<3>(), b"CC" | b"TI" | b"RC");
    let mut forbid = |cell: Cell<'_>, expected| {
        findings.warn(Rule::Nationality, &cell, expected);
    };
    if record.detail.raw::<7>() == b"X" && national {
        forbid(record.cell::<7>(), "blank: the document is a national's");
    }
    if record.detail.raw::<8>() == b"X" && !national {
        forbid(record.cell::<8>(), "blank: the document is a foreigner's");
    }
}

/// Field 76 against the kind of worker. The limit of the exoneration is one of the month.
fn exoneration(record: &RecordCheck<'_>, worker: &WorkerType, findings: &mut Findings) {
    if record.detail.raw::<76>() == b"S" && !worker.exoneration_allowed {
        let expected = format!("N: worker kind {} cannot be exonerated", worker.code);
        findings.warn(Rule::Exoneration, &record.cell::<76>(), &expected);
    }
}

/// What an exonerated payer pays of health is the worker's share. Unpaid leave has rates of its own,
/// who owes no health has none, and whom the exoneration cannot reach has another finding.
fn exonerated_health(
    record: &RecordCheck<'_>,
    worker: &WorkerType,
    figures: &Figures,
    findings: &mut Findings,
) {
    let Some(due) = figures.health_exonerated else { return };
    let exonerated = record.detail.raw::<76>() == b"S" && record.detail.raw::<24>() == b" ";
    let limit = figures.minimum_wage.map_or(u64::MAX, |wage| wage * EXONERATION_LIMIT * 10);
    let pay = month::tenfold_pay(&record.detail, record.value(43));
    let reached = worker.exoneration_allowed && (1..limit).contains(&pay);
    if !exonerated || !reached || worker.health != Duty::Owed {
        return;
    }
    let subtype = catalog::worker_subtype(field::code(record.detail.raw::<6>()));
    let owed = subtype.and_then(|subtype| subtype.health_owed).unwrap_or(true);
    if owed && scalar::ten_millionths(record.detail.raw::<54>()) != due {
        let expected = "the worker's share: the worker is exonerated";
        findings.warn(Rule::ExoneratedHealth, &record.cell::<54>(), expected);
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

/// Hours by the days of the line; a line without days has none to compare with. Hours are those behind the
/// base of the family fund: who files them, has one and was not absent worked some.
fn hours(
    record: &RecordCheck<'_>,
    worker: &WorkerType,
    figures: &Figures,
    findings: &mut Findings,
) {
    let Some(month) = figures.hours else { return };
    let days = [36, 37, 38, 39].map(|number| record.value(number)).into_iter().max();
    let days = days.filter(|&days| days > 0);
    let has_base = record.value(45) > 0 && worker.hours_field && !bases::is_absence(record);
    if has_base && days.is_some() && record.value(96) == 0 {
        let expected = "hours, because there is a base of the family fund";
        findings.warn(Rule::Hours, &record.cell::<96>(), expected);
    }
    let days = days.unwrap_or(30);
    let limit = (month * days).div_ceil(30);
    if record.value(96) > limit {
        let expected = format!("{limit:03} at most in {days} days");
        findings.warn(Rule::Hours, &record.cell::<96>(), &expected);
    }
}

/// The lists of both sides are known to be incomplete, so a mismatch needs both.
fn worker_in_planilla(
    record: &RecordCheck<'_>,
    header: &HeaderFacts,
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

/// In planilla I who works is who pays. Third parties pay for kinds that prove no work; a citizenship
/// card is a tax number as well, and of other kinds a person may have one of each.
fn pays_alone(
    record: &RecordCheck<'_>,
    header: &HeaderFacts,
    worker: &WorkerType,
    findings: &mut Findings,
) {
    let alone = header.planilla.is_some_and(|planilla| planilla.code == "I");
    if !alone || worker.family != Family::Independent || !worker.employment_evidence {
        return;
    }
    let (header, detail) = (header.view(), record.detail);
    let kinds = (header.raw::<5>(), detail.raw::<3>());
    let comparable = kinds.0 == kinds.1 || kinds == (b"NI".as_slice(), b"CC".as_slice());
    let digits = |raw| field::code(raw).trim_start_matches('0');
    if comparable && digits(header.raw::<6>()) != digits(detail.raw::<4>()) {
        let expected = "the document of the payer: in planilla I the worker pays";
        findings.warn(Rule::PlanillaPayerMismatch, &record.cell::<4>(), expected);
    }
}
