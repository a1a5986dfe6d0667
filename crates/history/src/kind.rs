//! The kind of worker of a month.

use vinculo_pila::catalog::{self, EmploymentType, Family, WorkerType};
use vinculo_pila::{Contribution, WorkerScale};

use crate::gross;
use crate::note::{Note, Notes};

/// The catalog entry of a line's kind of worker.
pub(crate) fn worker_type(line: &Contribution) -> Option<&'static WorkerType> {
    line.worker_kind.as_deref().and_then(catalog::worker_type)
}

/// The family of a line's kind of worker; an unknown kind is treated as `Other`.
pub(crate) fn family(line: &Contribution) -> Family {
    match (worker_type(line), line.worker_scale) {
        (Some(kind), _) => kind.family,
        (None, Some(WorkerScale::Employee)) => Family::Dependent,
        (None, Some(WorkerScale::SelfEmployed)) => Family::Independent,
        (None, Some(WorkerScale::Pensioner) | None) => Family::Other,
    }
}

/// Whether the base of a line is a share of what the person earned.
pub(crate) fn base_is_share_of_income(line: &Contribution) -> bool {
    match worker_type(line) {
        Some(kind) => kind.base_is_share_of_income,
        None => line.worker_scale == Some(WorkerScale::SelfEmployed),
    }
}

/// Whether a line proves an employment; an unknown kind does.
pub(crate) fn proves_employment(line: &Contribution) -> bool {
    worker_type(line).is_none_or(|kind| kind.employment_evidence)
}

/// Whether a line's subtype says that the person draws a pension.
pub(crate) fn pensioned(line: &Contribution) -> bool {
    let subtype = line.worker_subtype.as_deref().and_then(catalog::worker_subtype);
    subtype.and_then(|subtype| subtype.employment_type_override) == Some(EmploymentType::Pensioned)
}

/// Days of a line: the most of the four subsystems; `None` when the source tells none.
pub(crate) fn days(line: &Contribution) -> Option<u32> {
    let days = line.days;
    let known = [days.pension, days.health, days.arl, days.ccf];
    known.into_iter().flatten().max().map(u32::from)
}

/// Days of several lines; `None` when one does not tell.
pub(crate) fn total_days(lines: &[&Contribution]) -> Option<u32> {
    lines.iter().map(|line| days(line)).sum()
}

/// A line of the kind of worker that has most days of the month, or, where the source tells no
/// days, the largest base. Of equals the first.
pub(crate) fn principal<'a>(
    lines: &[&'a Contribution],
    notes: &mut Notes,
) -> Option<&'a Contribution> {
    let by_days = total_days(lines).is_some();
    let weight = |line: &Contribution| match days(line) {
        Some(days) if by_days => i64::from(days),
        _ => gross::largest_base(line),
    };
    let mut kinds: Vec<(&'a Contribution, i64)> = Vec::new();
    for line in lines {
        match kinds.iter_mut().find(|(kind, _)| kind.worker_kind == line.worker_kind) {
            Some((_, sum)) => *sum = sum.saturating_add(weight(line)),
            None => kinds.push((line, weight(line))),
        }
    }
    if kinds.len() > 1 {
        notes.insert(Note::SeveralWorkerTypes);
    }
    if kinds.iter().any(|(line, _)| is_unknown(line)) {
        notes.insert(Note::UnknownWorkerType);
    }
    let most = kinds.iter().map(|(_, sum)| *sum).max();
    kinds.into_iter().find(|(_, sum)| Some(*sum) == most).map(|(line, _)| line)
}

fn is_unknown(line: &Contribution) -> bool {
    worker_type(line).is_none() && line.worker_scale.is_none()
}

/// The kind of bond of a month.
pub(crate) fn employment_type(
    principal: &Contribution,
    lines: &[&Contribution],
) -> Option<EmploymentType> {
    if lines.iter().any(|line| pensioned(line)) {
        return Some(EmploymentType::Pensioned);
    }
    match (worker_type(principal), principal.worker_scale) {
        (Some(kind), _) => kind.employment_type,
        (None, Some(WorkerScale::Employee)) => Some(EmploymentType::Salaried),
        (None, Some(WorkerScale::SelfEmployed)) => Some(EmploymentType::Contractual),
        (None, Some(WorkerScale::Pensioner)) => Some(EmploymentType::Pensioned),
        (None, None) => None,
    }
}

/// `<code> <name>` of the kind, and `; subtipo <code> <name>` when there is one.
pub(crate) fn additional_info(principal: &Contribution, lines: &[&Contribution]) -> Option<String> {
    let code = principal.worker_kind.as_deref()?;
    let name = worker_type(principal).map(|kind| kind.name_es);
    let mut info = labelled(code, name);
    let same_kind = lines.iter().filter(|line| line.worker_kind == principal.worker_kind);
    let subtype = same_kind
        .filter_map(|line| line.worker_subtype.as_deref())
        .find(|subtype| *subtype != "00");
    if let Some(code) = subtype {
        let name = catalog::worker_subtype(code).map(|subtype| subtype.name_es);
        info.push_str("; subtipo ");
        info.push_str(&labelled(code, name));
    }
    Some(info)
}

fn labelled(code: &str, name: Option<&str>) -> String {
    name.map_or_else(|| code.to_owned(), |name| format!("{code} {name}"))
}
