//! Which lines made a month.

use std::collections::BTreeSet;

use vinculo_history::LineRole::{
    AsPaid, Copy, Corrected, Counted, Draft, Duplicate, NoEmployment, OtherSource, UnpaidLeave,
};
use vinculo_history::{LineRole, Options, trace};
use vinculo_pila::{Contribution, Correction, DocumentKind, Payer};

use crate::support::{ach_row, all_since, date, month, payer, planilla_line, projected};

const PERSON: &str = "1900500011";

fn works() -> Payer {
    payer(DocumentKind::Nit, "990100217", "TALLER EJEMPLO S.A.S.")
}

fn line(number: &str, at: u32, base: i64) -> Contribution {
    planilla_line(PERSON, works(), "2026-01", number, at, base)
}

fn row(at: u32, base: i64) -> Contribution {
    ach_row(PERSON, works(), "2026-01", at, base)
}

fn draft(mut line: Contribution) -> Contribution {
    line.paid = false;
    line.planilla.number = None;
    line.planilla.paid_on = None;
    line
}

fn correction(role: Option<Correction>, mut line: Contribution) -> Contribution {
    line.planilla.kind = Some("N".to_owned());
    line.correction = role;
    line
}

/// The roles of the lines, all of one month, in the order they are given in.
fn roles_with(lines: &[Contribution], options: &Options) -> Vec<LineRole> {
    let traced = trace(lines, &BTreeSet::new(), &works().document, options);
    let of_month = &traced[&month("2026-01")];
    let mut sorted: Vec<_> = of_month.iter().map(|line| (line.index, line.role)).collect();
    sorted.sort_unstable();
    assert!(sorted.iter().map(|(index, _)| *index).eq(0..lines.len()), "{sorted:?}");
    sorted.into_iter().map(|(_, role)| role).collect()
}

fn roles(lines: &[Contribution]) -> Vec<LineRole> {
    roles_with(lines, &all_since("2026-03"))
}

#[test]
fn unpaid_leave_counts_without_pay() {
    let mut leave = line("100", 2, 900_000);
    leave.novelties.sln = Some('X');
    assert_eq!(roles(&[line("100", 1, 2_000_000), leave]), [Counted, UnpaidLeave]);
}

#[test]
fn a_correction_shows_what_it_took_back() {
    let lines = [
        line("100", 1, 2_000_000),
        line("100", 2, 400_000),
        correction(Some(Correction::AsPaid), line("200", 1, 2_000_000)),
        correction(Some(Correction::AsCorrected), line("200", 2, 2_300_000)),
    ];
    assert_eq!(roles(&lines), [Corrected, Counted, AsPaid, Counted]);
    assert_eq!(projected(&lines, "2026-03").employments[0].months[0].gross_amount, Some(2_700_000));

    let rows = [row(0, 2_000_000), row(1, 2_000_000), row(2, 2_300_000)];
    let [first, was, is] = rows;
    let rows = [first, correction(None, was), correction(None, is)];
    assert_eq!(roles(&rows), [Corrected, AsPaid, Counted]);
}

#[test]
fn drafts_copies_and_duplicates_are_told_apart() {
    let paid = line("100", 1, 2_000_000);
    let mut other_file = line("100", 7, 9_000_000);
    other_file.planilla.paid_on = Some(date("2026-02-15"));
    let lines = [paid.clone(), paid.clone(), draft(paid), other_file];
    assert_eq!(roles(&lines), [Counted, Copy, Draft, Copy]);

    let mut branch = draft(line("", 1, 500_000));
    branch.planilla.branch = Some("02".to_owned());
    let lines = [line("100", 1, 2_000_000), branch];
    assert_eq!(roles(&lines), [Counted, Counted]);
    let hidden = Options { include_drafts: false, ..all_since("2026-03") };
    assert_eq!(roles_with(&lines, &hidden), [Counted, Draft]);

    assert_eq!(roles(&[row(0, 2_000_000), row(1, 2_000_000)]), [Counted, Duplicate]);
}

/// The settled planilla does not name the person: only who knows its file can tell.
#[test]
fn a_draft_whose_planilla_was_settled_without_the_person_is_told_as_one() {
    let mut branch = line("200", 1, 500_000);
    branch.planilla.branch = Some("02".to_owned());
    let lines = [draft(line("", 1, 2_000_000)), branch];
    let traced = trace(&lines, &BTreeSet::from([0]), &works().document, &all_since("2026-03"));
    let roles: Vec<_> =
        traced[&month("2026-01")].iter().map(|line| (line.index, line.role)).collect();
    assert_eq!(roles, [(1, Counted), (0, Draft)]);
}

#[test]
fn another_source_and_other_kinds_of_worker_do_not_count() {
    let mut student = line("100", 2, 0);
    student.worker_kind = Some("23".to_owned());
    let lines = [row(0, 1_900_000), line("100", 1, 2_000_000), student];
    assert_eq!(roles(&lines), [OtherSource, Counted, NoEmployment]);
}

#[test]
fn lines_come_in_the_order_of_filing_and_of_one_payer() {
    let mut late = line("300", 1, 100_000);
    late.planilla.paid_on = Some(date("2026-03-01"));
    let someone = payer(DocumentKind::Nit, "990200435", "OTRA EMPRESA S.A.S.");
    let elsewhere = planilla_line(PERSON, someone, "2026-01", "400", 1, 1_000_000);
    let with_digit = payer(DocumentKind::Nit, "9901002172", "TALLER EJEMPLO S.A.S.");
    let same = planilla_line(PERSON, with_digit, "2026-01", "100", 1, 2_000_000);
    let lines = [late, elsewhere, same];
    let (none, options) = (BTreeSet::new(), all_since("2026-03"));
    let traced = trace(&lines, &none, &works().document, &options);
    let order: Vec<_> = traced[&month("2026-01")].iter().map(|line| line.index).collect();
    assert_eq!(order, [2, 0]);
    assert!(trace(&[], &none, &works().document, &options).is_empty());
}
