//! Days and bases of one line, against each other and against the minimum wage.

use super::detail::RecordCheck;
use super::header::Figures;
use crate::catalog::{Duty, WorkerType};
use crate::planilla::finding::Findings;
use crate::planilla::layout::DETAIL;
use crate::planilla::rule::Rule;
use crate::planilla::scalar;

/// Pension, health, work risk: the field of the base and that of its days.
const FLOORED: [(usize, usize); 3] = [(42, 36), (43, 37), (44, 38)];

/// Checks a record whose fields have the right form.
pub(super) fn check(
    record: &RecordCheck<'_>,
    worker: &WorkerType,
    figures: &Figures,
    findings: &mut Findings,
) {
    // Only kinds that owe all three can be expected to report all three alike.
    let owes_all = [worker.health, worker.arl, worker.ccf].iter().all(|&duty| duty == Duty::Owed);
    let days = [37, 38, 39].map(|number| record.value(number));
    if owes_all && days.iter().any(|&days| days > 0) {
        days_agree(record, days, findings);
        if !is_absence(record) {
            bases_agree(record, findings);
        }
    } else if owes_all && [43, 44, 45].iter().any(|&number| record.value(number) > 0) {
        findings.warn(Rule::DaysAgree, &record.cell::<37>(), "days, because there is a base");
    }
    floor(record, figures, findings);
    unpaid_leave(record, figures, findings);
    other_parafiscal_base(record, findings);
}

/// Whether the line is one of leave, sickness or holiday, which have rules of their own.
pub(super) fn is_absence(record: &RecordCheck<'_>) -> bool {
    let marks = [24, 25, 26, 27].map(|number| record.detail.field(&DETAIL[number - 1]));
    marks.iter().any(|&mark| mark != b" ") || record.value(30) > 0
}

fn days_agree(record: &RecordCheck<'_>, days: [u64; 3], findings: &mut Findings) {
    let most = days.into_iter().max().unwrap_or_default();
    for (number, days) in [37, 38, 39].into_iter().zip(days) {
        if days != most {
            let expected = format!("{most:02}, as in the other subsystems");
            findings.warn(Rule::DaysAgree, &record.cell_of(number), &expected);
        }
    }
}

/// The base of the family fund may be larger: it has no cap, and it counts holidays paid in cash.
/// Bases are rounded up one by one, so that a peso is no difference.
fn bases_agree(record: &RecordCheck<'_>, findings: &mut Findings) {
    let [health, risk, family] = [43, 44, 45].map(|number| record.value(number));
    if health == 0 {
        findings.warn(Rule::BasesAgree, &record.cell::<43>(), "a base, because there are days");
        return;
    }
    if health.abs_diff(risk) > 1 {
        let expected = format!("{health:09}, the base of health");
        findings.warn(Rule::BasesAgree, &record.cell::<44>(), &expected);
    }
    if family + 1 < health {
        let expected = format!("{health:09} or more, the base of health");
        findings.warn(Rule::BasesAgree, &record.cell::<45>(), &expected);
    }
}

/// No base is below a minimum wage by days. A base of 0 is none.
fn floor(record: &RecordCheck<'_>, figures: &Figures, findings: &mut Findings) {
    let Some(wage) = figures.minimum_wage else { return };
    for (base, days) in FLOORED {
        let (value, days) = (record.value(base), record.value(days));
        if value > 0 && (value + 1) * 30 < wage * days {
            let due = (wage * days).div_ceil(30);
            let expected = format!("{due:09} or more, the minimum wage of {days} days");
            findings.warn(Rule::BaseFloor, &record.cell_of(base), &expected);
        }
    }
}

/// On unpaid leave the worker pays nothing: some writers keep the rates of work. A service
/// commission (mark C) pays them rightly.
fn unpaid_leave(record: &RecordCheck<'_>, figures: &Figures, findings: &mut Findings) {
    if record.detail.raw::<24>() != b"X" {
        return;
    }
    let (Some(pension), Some(on_leave)) = (figures.pension, figures.health_on_leave) else {
        return;
    };
    if scalar::ten_millionths(record.detail.raw::<46>()) >= pension {
        let expected = "the employer's share: the leave is unpaid";
        findings.warn(Rule::UnpaidLeaveRate, &record.cell::<46>(), expected);
    }
    let health = scalar::ten_millionths(record.detail.raw::<54>());
    if health != 0 && health != on_leave {
        let expected = "the employer's share or nothing: the leave is unpaid";
        findings.warn(Rule::UnpaidLeaveRate, &record.cell::<54>(), expected);
    }
}

/// Field 95 against the exoneration, what SENA and ICBF get, and the other bases: one writer fills
/// it with zeros on the right.
fn other_parafiscal_base(record: &RecordCheck<'_>, findings: &mut Findings) {
    let base = record.value(95);
    let paid = record.value(67) + record.value(69) > 0;
    let largest = [43, 44, 45].map(|number| record.value(number)).into_iter().max();
    let expected = if base > 0 && record.detail.raw::<76>() == b"S" {
        "000000000: the worker is exonerated"
    } else if base == 0 && paid {
        "the base of what SENA and ICBF get"
    } else if largest.is_some_and(|largest| base > largest) {
        "no more than the other bases"
    } else {
        return;
    };
    findings.warn(Rule::OtherParafiscalBase, &record.cell::<95>(), expected);
}
