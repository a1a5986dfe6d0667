//! What happened in a month.

use vinculo_pila::Contribution;

use crate::kind;
use crate::note::{Note, Notes};
use crate::types::StatusChange;

/// The status changes of a month, in the order of [`StatusChange`], each once.
///
/// A mark the source cannot report is absent and gives nothing. `pensioned_later`: the person
/// draws a pension in a later month.
pub(crate) fn changes(
    lines: &[&Contribution],
    pensioned_later: bool,
    notes: &mut Notes,
) -> Vec<StatusChange> {
    if lines.iter().any(|line| has_other_letter(line)) {
        notes.insert(Note::MarkNotMapped);
    }
    let any = |test: fn(&Contribution) -> bool| lines.iter().any(|line| test(line));
    let pensioned = any(kind::pensioned);
    let table = [
        (StatusChange::FirstMonth, any(starts)),
        (StatusChange::FinalMonth, any(ends)),
        (StatusChange::OnLeave, any(on_leave)),
        (StatusChange::RetirementMonth, any(ends) && !pensioned && pensioned_later),
        (StatusChange::OnVacation, any(|line| line.novelties.vac == Some('X'))),
        (StatusChange::PermanentSalaryChange, any(|line| line.novelties.vsp == Some('X'))),
        (StatusChange::TemporarySalaryChange, any(has_variation)),
    ];
    let held = table.into_iter().filter(|(_, holds)| *holds);
    held.map(|(change, _)| change).collect()
}

/// Start with the payer.
pub(crate) fn starts(line: &Contribution) -> bool {
    line.novelties.ing == Some('X')
}

/// End with the payer.
pub(crate) fn ends(line: &Contribution) -> bool {
    line.novelties.ret == Some('X')
}

/// Pay of the month differs from the salary.
pub(crate) fn has_variation(line: &Contribution) -> bool {
    line.novelties.vst == Some('X')
}

fn on_leave(line: &Contribution) -> bool {
    let marks = &line.novelties;
    marks.sln.is_some()
        || marks.ige.is_some()
        || marks.lma.is_some()
        || marks.vac == Some('L')
        || marks.irl_days > 0
}

fn has_other_letter(line: &Contribution) -> bool {
    let other = |mark: Option<char>| mark.is_some_and(|letter| letter != 'X');
    other(line.novelties.ing) || other(line.novelties.ret)
}
