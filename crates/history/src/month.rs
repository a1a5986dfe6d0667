//! One row of `salary_and_benefit_details` from the lines of a month.

use vinculo_pila::catalog::{self, EmploymentType, Entity, Family};
use vinculo_pila::{Administrator, Contribution, NoveltiesKnown, Origin};

use crate::merge::Account;
use crate::note::{Note, Notes};
use crate::types::{Filled, MonthDetail, MonthField, MonthProvenance, SalaryType};
use crate::{gross, kind, net, status};

/// The row of a month and where it comes from.
pub(crate) fn detail(
    account: &Account<'_>,
    pensioned_later: bool,
) -> (MonthDetail, MonthProvenance) {
    let lines = account.lines.as_slice();
    let mut notes = account.notes.clone();
    let days = kind::total_days(lines);
    if days.is_some_and(|days| days > 30) {
        notes.insert(Note::DaysOver30);
    }
    let mut detail = told(account, &mut notes);
    let marks = account.marks();
    detail.status_changes = status::changes(&marks.lines, pensioned_later, &mut notes);
    let mut filled = Vec::new();
    if marks.origin != account.origin && !detail.status_changes.is_empty() {
        filled.push(Filled { field: MonthField::StatusChanges, origin: marks.origin });
    }
    for other in &account.others {
        fill_in(&mut detail, told(other, &mut Notes::new()), other.origin, &mut filled);
    }
    if filled.iter().any(|filled| filled.field == MonthField::EmploymentType) {
        notes.remove(&Note::UnknownWorkerType);
    }
    if is_not_converted(account, &detail, &filled) {
        notes.insert(Note::BaseNotConverted);
    }
    filled.sort_unstable_by_key(|filled| filled.field);
    let provenance = MonthProvenance {
        month: account.month,
        origin: account.origin,
        lines: u32::try_from(lines.len()).unwrap_or(u32::MAX),
        days,
        paid: lines.iter().all(|line| line.paid),
        notes: notes.into_iter().collect(),
        filled,
    };
    (detail, provenance)
}

/// Whether the base of the month would be taken for a share of the income, had its own source told what
/// another one filled in. Amounts are never reckoned by two sources.
fn is_not_converted(account: &Account<'_>, detail: &MonthDetail, filled: &[Filled]) -> bool {
    let by_share = |filled: &Filled| match filled.field {
        MonthField::EmploymentType => detail.employment_type == Some(EmploymentType::Contractual),
        MonthField::SalaryComprehensive => detail.salary_comprehensive == Some(true),
        _ => false,
    };
    account.lines.iter().any(|line| gross::largest_base(line) > 0) && filled.iter().any(by_share)
}

/// What the lines of one source tell of a month, without what happened in it.
fn told(account: &Account<'_>, notes: &mut Notes) -> MonthDetail {
    let lines = account.lines.as_slice();
    let principal = kind::principal(lines, notes);
    let gross = gross::amount(lines, account.month, notes);
    let net =
        gross.and_then(|gross| net::amount(gross, lines, account.origin, account.month, notes));
    MonthDetail {
        month: account.month,
        gross_amount: gross,
        net_amount: net,
        employment_type: principal.and_then(|line| kind::employment_type(line, lines)),
        employment_type_additional_info: principal
            .and_then(|line| kind::additional_info(line, lines)),
        parafiscal_contribution: parafiscal(lines),
        salary_comprehensive: comprehensive(lines),
        salary_type: principal.and_then(|line| salary_type(line, lines)),
        pension_fund_name: administrator(
            lines,
            |line| line.pension_fund.as_ref(),
            catalog::pension_fund,
        ),
        healthcare_provider_name: administrator(
            lines,
            |line| line.health_provider.as_ref(),
            catalog::health_provider,
        ),
        status_changes: Vec::new(),
    }
}

/// Fills in what another source tells and nobody before it did.
fn fill_in(detail: &mut MonthDetail, other: MonthDetail, origin: Origin, filled: &mut Vec<Filled>) {
    let mut fill = |field: MonthField, was_filled: bool| {
        if was_filled {
            filled.push(Filled { field, origin });
        }
    };
    fill(MonthField::EmploymentType, put(&mut detail.employment_type, other.employment_type));
    fill(
        MonthField::EmploymentTypeAdditionalInfo,
        put(&mut detail.employment_type_additional_info, other.employment_type_additional_info),
    );
    fill(
        MonthField::ParafiscalContribution,
        put(&mut detail.parafiscal_contribution, other.parafiscal_contribution),
    );
    fill(
        MonthField::SalaryComprehensive,
        put(&mut detail.salary_comprehensive, other.salary_comprehensive),
    );
    fill(MonthField::SalaryType, put(&mut detail.salary_type, other.salary_type));
    fill(MonthField::PensionFundName, put(&mut detail.pension_fund_name, other.pension_fund_name));
    fill(
        MonthField::HealthcareProviderName,
        put(&mut detail.healthcare_provider_name, other.healthcare_provider_name),
    );
}

/// Puts a value where there is none; whether it did.
fn put<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let fills = place.is_none() && value.is_some();
    if fills {
        *place = value;
    }
    fills
}

/// Whether family fund, SENA or ICBF were paid, or, without amounts, whether a family-fund base
/// was reported. `None` when neither is known.
fn parafiscal(lines: &[&Contribution]) -> Option<bool> {
    let amounts = lines.iter().flat_map(|line| {
        let paid = line.amounts;
        [paid.ccf, paid.sena, paid.icbf]
    });
    let bases = lines.iter().map(|line| line.base.ccf);
    positive(amounts).or_else(|| positive(bases))
}

/// Whether the salary is comprehensive. An empty mark of a source that has the mark says that it is not;
/// of others it says nothing.
fn comprehensive(lines: &[&Contribution]) -> Option<bool> {
    let known = lines.iter().filter_map(|line| match (line.salary_kind, line.origin) {
        (None, Origin::AgilData | Origin::Mareigua | Origin::MareiguaReport) => None,
        _ => Some(gross::is_comprehensive(line)),
    });
    known.reduce(|one, other| one || other)
}

fn positive(values: impl Iterator<Item = Option<i64>>) -> Option<bool> {
    let known = values.flatten().map(|value| value > 0);
    known.reduce(|one, other| one || other)
}

/// How pay is agreed: by the kind of worker, else as filed, else by what the month shows.
fn salary_type(principal: &Contribution, lines: &[&Contribution]) -> Option<SalaryType> {
    let filed = |kind: char| lines.iter().any(|line| line.salary_kind == Some(kind));
    if kind::family(principal) == Family::Independent {
        return Some(SalaryType::Variable);
    }
    if filed('X') {
        return Some(SalaryType::Fixed);
    }
    if filed('V') {
        return Some(SalaryType::Variable);
    }
    let varies = if filed('F') {
        false
    } else if lines.iter().any(|line| status::has_variation(line)) {
        true
    } else if lines.iter().all(|line| line.novelties_known == NoveltiesKnown::All) {
        false
    } else {
        exceeds_salary(principal, lines)?
    };
    Some(if varies { SalaryType::Variable } else { SalaryType::Fixed })
}

/// Stands in for the mark of a variation where the source has none: the bases sum more than the
/// salary and a peso of rounding for each line. `None` when the salary is unknown.
fn exceeds_salary(principal: &Contribution, lines: &[&Contribution]) -> Option<bool> {
    let salary = lines.iter().filter_map(|line| line.basic_salary).max()?;
    let bases = lines.iter().map(|line| i128::from(gross::largest_base(line)));
    let limit = i128::from(salary) + i128::try_from(lines.len()).ok()?;
    Some(kind::family(principal) == Family::Dependent && bases.sum::<i128>() > limit)
}

/// The last administrator named in the month: the name of the catalog, else the given one, else
/// the code.
fn administrator(
    lines: &[&Contribution],
    of: fn(&Contribution) -> Option<&Administrator>,
    find: fn(&str) -> Option<&'static Entity>,
) -> Option<String> {
    let name = |administrator: &Administrator| {
        let code = administrator.code.as_deref().map(str::trim).filter(|code| !code.is_empty());
        let given = administrator.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let known = code.and_then(find).map(|entity| entity.name);
        known.or(given).or(code).map(str::to_owned)
    };
    lines.iter().rev().filter_map(|line| of(line)).find_map(name)
}
