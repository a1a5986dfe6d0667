//! Correction planillas (`N`): the line as it was paid leaves, the line as it should be enters.

use vinculo_pila::{Contribution, Correction, Novelties};

use crate::select::is_correction;

/// The lines of one payer and month after corrections, and whether any applied.
///
/// `lines` are in the order of filing; corrections apply after everything else, in that order.
pub(crate) fn apply<'a>(lines: &[&'a Contribution]) -> (Vec<&'a Contribution>, bool) {
    let (corrections, mut current): (Vec<_>, Vec<_>) =
        lines.iter().copied().partition(|line| is_correction(line));
    let (with_role, without_role): (Vec<_>, Vec<_>) =
        corrections.into_iter().partition(|line| line.correction.is_some());
    let mut corrected = !with_role.is_empty();
    for file in with_role.chunk_by(|a, b| same_file(a, b)) {
        by_role(&mut current, file);
    }
    if !without_role.is_empty() {
        corrected |= by_likeness(&mut current, &without_role);
    }
    (current, corrected)
}

fn same_file(a: &Contribution, b: &Contribution) -> bool {
    a.planilla == b.planilla && a.origin == b.origin
}

/// One correction planilla with marked lines: every `A` line removes the line it repeats, then
/// the `C` lines are added. An `A` line whose original is unknown is dropped.
fn by_role<'a>(current: &mut Vec<&'a Contribution>, file: &[&'a Contribution]) {
    for paid in file.iter().filter(|line| line.correction == Some(Correction::AsPaid)) {
        if let Some(at) = original_of(paid, current) {
            current.remove(at);
        }
    }
    let right = file.iter().filter(|line| line.correction == Some(Correction::AsCorrected));
    current.extend(right);
}

/// Where the original of an `A` line is: equal in everything that matters, else equal in marks,
/// else the only line there is.
fn original_of(paid: &Contribution, current: &[&Contribution]) -> Option<usize> {
    let same = |line: &&&Contribution| {
        line.worker_kind == paid.worker_kind
            && line.novelties == paid.novelties
            && line.days == paid.days
            && line.base == paid.base
    };
    let marks = |line: &Contribution| Novelties { irl_days: 0, ..line.novelties };
    let position =
        |test: &dyn Fn(&&&Contribution) -> bool| current.iter().position(|line| test(&line));
    position(&same)
        .or_else(|| position(&|line| marks(line) == marks(paid)))
        .or_else(|| (current.len() == 1).then_some(0))
}

/// Correction rows of a source that does not tell which half a row is.
///
/// A row alike to a line not yet matched is the "as paid" half and removes it; the others are the
/// "as it should be" half. Without any of those nothing is corrected. Answers whether it was.
fn by_likeness<'a>(current: &mut Vec<&'a Contribution>, rows: &[&'a Contribution]) -> bool {
    let mut remaining = current.clone();
    let mut right = Vec::new();
    for row in rows {
        match remaining.iter().position(|line| alike(line, row)) {
            Some(at) => drop(remaining.remove(at)),
            None => right.push(*row),
        }
    }
    if right.is_empty() {
        return false;
    }
    if remaining.len() == current.len() {
        let only = remaining.len() == 1;
        let kinds: Vec<_> = right.iter().map(|row| &row.worker_kind).collect();
        remaining.retain(|line| !only && !kinds.contains(&&line.worker_kind));
    }
    remaining.extend(right);
    *current = remaining;
    true
}

/// Likeness of two rows: equal bases, salary, marks and kind of worker.
pub(crate) fn alike(a: &Contribution, b: &Contribution) -> bool {
    let figures = |line: &Contribution| (line.base, line.basic_salary);
    let marks = |line: &Contribution| (line.novelties, line.salary_kind);
    figures(a) == figures(b) && marks(a) == marks(b) && a.worker_kind == b.worker_kind
}
