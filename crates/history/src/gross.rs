//! Gross pay of a month, from contribution bases.

use vinculo_pila::catalog::{self, Family, RateKind};
use vinculo_pila::{Contribution, Month};

use crate::kind;
use crate::note::{Note, Notes};

/// How far the bases of a month at the cap may stay below 25 minimum wages: lines by days are cut
/// to whole pesos.
const CAP_TOLERANCE: i64 = 30;

/// How pay follows from bases.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Treatment {
    /// The base is the pay.
    Dependent,
    /// The base is a share of the income.
    ShareOfIncome,
    /// The base is a legal figure above the allowance.
    Apprentice,
    /// The base is all that is known.
    Other,
}

const TREATMENTS: [Treatment; 4] =
    [Treatment::Dependent, Treatment::ShareOfIncome, Treatment::Apprentice, Treatment::Other];

fn treatment(line: &Contribution) -> Treatment {
    match kind::family(line) {
        Family::Dependent => Treatment::Dependent,
        Family::Apprentice => Treatment::Apprentice,
        _ if kind::base_is_share_of_income(line) => Treatment::ShareOfIncome,
        _ => Treatment::Other,
    }
}

/// Gross pay in whole pesos; where no base is known the income the source tells, and `None` when it
/// tells none. Lines of unpaid leave count 0.
pub(crate) fn amount(lines: &[&Contribution], month: Month, notes: &mut Notes) -> Option<i64> {
    if lines.iter().all(|line| bases(line).is_empty()) {
        return income(lines, notes);
    }
    let mut total = 0_i64;
    for treated in TREATMENTS {
        let part: Vec<_> = lines.iter().copied().filter(|l| treatment(l) == treated).collect();
        if part.is_empty() {
            continue;
        }
        let pay = match treated {
            Treatment::Dependent => dependent(&part, month, notes),
            Treatment::ShareOfIncome => share_of_income(&part, month, notes),
            Treatment::Apprentice => apprentice(&part),
            Treatment::Other => sum(&part, personal_base),
        };
        total = total.saturating_add(pay);
    }
    Some(total)
}

/// Whether a line tells pay at all: a base, or an income.
pub(crate) fn is_told(line: &Contribution) -> bool {
    line.income.is_some() || !bases(line).is_empty()
}

/// What the source itself says was earned.
fn income(lines: &[&Contribution], notes: &mut Notes) -> Option<i64> {
    let incomes = lines.iter().filter_map(|line| line.income).map(|income| income.max(0));
    let total = incomes.reduce(i64::saturating_add)?;
    notes.insert(Note::GrossFromIncome);
    Some(total)
}

/// Whether a line is work and not unpaid leave.
pub(crate) fn is_working(line: &Contribution) -> bool {
    line.novelties.sln.is_none()
}

/// Whether the salary of a line is comprehensive.
pub(crate) fn is_comprehensive(line: &Contribution) -> bool {
    line.salary_kind == Some('X')
}

/// The largest of the bases of pension, health and family fund, unknown counting 0.
///
/// The work-risk base is left out: part-time workers report a full minimum wage there. The
/// family-fund base has no cap and holds holidays paid in cash.
pub(crate) fn largest_base(line: &Contribution) -> i64 {
    capped_base(line).max(line.base.ccf.unwrap_or_default())
}

/// The larger of the bases of pension and health.
fn capped_base(line: &Contribution) -> i64 {
    let (pension, health) = (line.base.pension, line.base.health);
    pension.unwrap_or_default().max(health.unwrap_or_default()).max(0)
}

/// The same, or the work-risk base where that is the only one.
fn personal_base(line: &Contribution) -> i64 {
    match capped_base(line) {
        0 => line.base.arl.unwrap_or_default().max(0),
        base => base,
    }
}

fn bases(line: &Contribution) -> Vec<i64> {
    let base = line.base;
    [base.pension, base.health, base.arl, base.ccf].into_iter().flatten().collect()
}

/// Sum over working lines.
fn sum(lines: &[&Contribution], base: impl Fn(&Contribution) -> i64) -> i64 {
    let working = lines.iter().filter(|line| is_working(line));
    working.fold(0, |total: i64, line| total.saturating_add(base(line)))
}

fn dependent(lines: &[&Contribution], month: Month, notes: &mut Notes) -> i64 {
    let mut pay = sum(lines, largest_base);
    if lines.iter().any(|line| is_comprehensive(line)) {
        match catalog::rate(RateKind::ComprehensiveBase, month).and_then(|r| r.whole_of(pay)) {
            Some(whole) => pay = whole,
            None => drop(notes.insert(Note::RateUnknown)),
        }
    }
    let cap = catalog::wage_figures(month).map(|figures| figures.base_cap);
    if cap.is_some_and(|cap| sum(lines, capped_base) >= cap - CAP_TOLERANCE) {
        notes.insert(Note::BaseAtCap);
        pay = pay.max(salary_of_the_month(lines).unwrap_or_default());
    }
    pay
}

fn share_of_income(lines: &[&Contribution], month: Month, notes: &mut Notes) -> i64 {
    let base = sum(lines, personal_base);
    let Some(floor) = floor(lines, month) else {
        notes.insert(Note::MinimumWageUnknown);
        return base;
    };
    if base <= floor {
        notes.insert(Note::BaseAtFloor);
        return base;
    }
    let income = catalog::rate(RateKind::SelfEmployedBase, month).and_then(|r| r.whole_of(base));
    income.unwrap_or_else(|| {
        notes.insert(Note::RateUnknown);
        base
    })
}

/// The legal minimum of the bases of these lines, and a peso of rounding for each. Where the
/// source tells no days the minimum of a whole month.
fn floor(lines: &[&Contribution], month: Month) -> Option<i64> {
    let wage = catalog::minimum_wage(month)?;
    let working: Vec<_> = lines.iter().copied().filter(|line| is_working(line)).collect();
    let days = kind::total_days(&working).unwrap_or(30);
    let rounding = i64::try_from(working.len()).unwrap_or(i64::MAX);
    Some((wage * i64::from(days)).div_euclid(30).saturating_add(rounding))
}

fn apprentice(lines: &[&Contribution]) -> i64 {
    let base = sum(lines, |line| personal_base(line).max(largest_base(line)));
    let known = lines.iter().any(|line| salary(line) > 0);
    let allowance = salary_for_days(lines).or_else(|| highest_salary(lines));
    allowance.filter(|_| known).map_or(base, |allowance| base.min(allowance))
}

/// The filed salary of a month at the cap: by days, or, where the source tells none, the whole
/// one if the person neither started nor stopped.
fn salary_of_the_month(lines: &[&Contribution]) -> Option<i64> {
    let cut = |line: &&Contribution| line.novelties.ing.is_some() || line.novelties.ret.is_some();
    let whole = || highest_salary(lines).filter(|_| !lines.iter().any(cut));
    salary_for_days(lines).or_else(whole)
}

/// The filed salary by days worked, half a peso up; `None` where the source tells no days.
fn salary_for_days(lines: &[&Contribution]) -> Option<i64> {
    let mut thirtieths = 0_i128;
    for line in lines.iter().filter(|line| is_working(line)) {
        thirtieths += i128::from(salary(line)) * i128::from(kind::days(line)?);
    }
    Some(i64::try_from((thirtieths + 15) / 30).unwrap_or(i64::MAX))
}

fn highest_salary(lines: &[&Contribution]) -> Option<i64> {
    let working = lines.iter().filter(|line| is_working(line));
    working.map(|line| salary(line)).max()
}

fn salary(line: &Contribution) -> i64 {
    line.basic_salary.unwrap_or_default().max(0)
}
