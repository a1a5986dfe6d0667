//! Net pay of a month: gross minus what the worker contributes. Taxes, loans and court orders are
//! in no planilla, so this is an upper bound.

use vinculo_pila::catalog::{self, Family, Rate, RateKind};
use vinculo_pila::{Contribution, Month, Origin};

use crate::gross::is_working;
use crate::kind;
use crate::note::{Note, Notes};

/// Net pay in whole pesos, never below 0; `None` when a rate of the month is not known, or the
/// source tells too little of the bases to estimate it.
pub(crate) fn amount(
    gross: i64,
    lines: &[&Contribution],
    origin: Origin,
    month: Month,
    notes: &mut Notes,
) -> Option<i64> {
    match origin {
        Origin::Planilla => {}
        Origin::Ach => drop(notes.insert(Note::NetEstimated)),
        // A pension base alone, or none.
        Origin::AgilData | Origin::Mareigua | Origin::MareiguaReport => return None,
    }
    let of_family = |family: Family| -> Vec<&Contribution> {
        lines.iter().copied().filter(|line| kind::family(line) == family).collect()
    };
    let (dependent, independent) = (of_family(Family::Dependent), of_family(Family::Independent));
    let borne = match origin {
        Origin::Planilla => withheld(&dependent, month).map(|sum| sum + paid_alone(&independent)),
        _ => estimate(&dependent, Shares::WORKER, month, notes)
            .zip(estimate(&independent, Shares::TOTAL, month, notes))
            .map(|(one, other)| one + other),
    };
    let Some(borne) = borne else {
        notes.insert(Note::RateUnknown);
        return None;
    };
    let net = i128::from(gross) - borne;
    Some(i64::try_from(net.max(0)).unwrap_or(i64::MAX))
}

/// What a payer withholds from its employees: their share of the bases on which something was
/// paid, the solidarity fund and voluntary payments. The share is the same whether the payer is
/// exonerated or pays the high-risk pension.
fn withheld(lines: &[&Contribution], month: Month) -> Option<i128> {
    let base = |paid: fn(&Contribution) -> Option<i64>, base: fn(&Contribution) -> Option<i64>| {
        let working = lines.iter().filter(|line| is_working(line));
        total(working.filter(|line| paid(line).unwrap_or_default() > 0).map(|line| base(line)))
    };
    let health = base(|line| line.amounts.health, |line| line.base.health);
    let pension = base(|line| line.amounts.pension, |line| line.base.pension);
    let other = lines.iter().flat_map(|line| {
        let paid = line.amounts;
        [paid.fsp_solidarity, paid.fsp_subsistence, paid.voluntary_worker]
    });
    let health = share(RateKind::HealthWorker, health, month)?;
    let pension = share(RateKind::PensionWorker, pension, month)?;
    Some(i128::from(health) + i128::from(pension) + i128::from(total(other)))
}

/// What the self-employed pay, as paid. Work risk of classes 4 and 5 is borne by the contracting
/// party (Decreto 723 de 2013).
fn paid_alone(lines: &[&Contribution]) -> i128 {
    let amounts = lines.iter().flat_map(|line| {
        let paid = line.amounts;
        let own_risk = !matches!(line.risk_class, Some('4' | '5'));
        [
            paid.pension,
            paid.voluntary_worker,
            paid.fsp_solidarity,
            paid.fsp_subsistence,
            paid.health,
            paid.ccf,
            paid.arl.filter(|_| own_risk),
        ]
    });
    i128::from(total(amounts))
}

/// Rates of pension and health that the worker bears.
#[derive(Clone, Copy)]
struct Shares {
    pension: RateKind,
    health: RateKind,
}

impl Shares {
    const WORKER: Self = Self { pension: RateKind::PensionWorker, health: RateKind::HealthWorker };
    const TOTAL: Self = Self { pension: RateKind::PensionTotal, health: RateKind::HealthTotal };
}

/// What the worker bears by the rates of the law, from bases alone.
fn estimate(
    lines: &[&Contribution],
    shares: Shares,
    month: Month,
    notes: &mut Notes,
) -> Option<i128> {
    let working = || lines.iter().filter(|line| is_working(line));
    let health = total(working().map(|line| line.base.health));
    let pension = total(working().map(|line| line.base.pension));
    let fund = solidarity_fund(pension, month, notes)?;
    let health = share(shares.health, health, month)?;
    let pension = share(shares.pension, pension, month)?;
    Some(i128::from(health) + i128::from(pension) + i128::from(fund))
}

/// The contribution to the solidarity fund. In a year whose wage is not in the catalog yet the
/// last known wage decides, which can only place the base in a higher band.
fn solidarity_fund(base: i64, month: Month, notes: &mut Notes) -> Option<i64> {
    if base == 0 {
        return Some(0);
    }
    if let Some(rate) = catalog::solidarity_fund_rate(base, month) {
        return Some(rate.of(base));
    }
    let last = catalog::minimum_wages().last().filter(|wage| wage.year < month.year())?;
    let rate = catalog::solidarity_fund_rate(base, Month::new(last.year, 12)?)?;
    if rate != Rate::ZERO {
        notes.insert(Note::MinimumWageUnknown);
    }
    Some(rate.of(base))
}

fn share(kind: RateKind, base: i64, month: Month) -> Option<i64> {
    if base == 0 {
        return Some(0);
    }
    catalog::rate(kind, month).map(|rate| rate.of(base))
}

/// Sum of amounts, unknown and negative ones counting 0.
fn total(amounts: impl Iterator<Item = Option<i64>>) -> i64 {
    amounts.flatten().fold(0, |sum: i64, amount| sum.saturating_add(amount.max(0)))
}
