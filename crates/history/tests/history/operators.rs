//! Lines of operators that tell a pension base alone, or an income and no base.

use vinculo_history::{Employment, EmploymentType, Note, Projection, SalaryType, project};
use vinculo_pila::{Contribution, DocumentKind, NoveltiesKnown, Origin, PerSystem, WorkerScale};

use crate::support::{ach_row, all_since, payer};

const PERSON: &str = "1900500007";

fn line(origin: Origin, scale: Option<WorkerScale>) -> Contribution {
    let (document, name) = match scale {
        Some(WorkerScale::SelfEmployed) => (DocumentKind::Cc, "IRENE LOPEZ MUESTRA"),
        _ => (DocumentKind::Nit, "HILADOS EJEMPLO S.A.S."),
    };
    let number = if document == DocumentKind::Cc { PERSON } else { "999500101" };
    Contribution {
        origin,
        worker_kind: None,
        worker_scale: scale,
        base: PerSystem::default(),
        basic_salary: None,
        novelties_known: NoveltiesKnown::None,
        ..ach_row(PERSON, payer(document, number, name), "2026-09", 0, 0)
    }
}

fn projected(lines: &[Contribution]) -> Employment {
    let Projection { employments, .. } = project(lines, &[], &all_since("2026-11"));
    let [employment] = employments.try_into().unwrap();
    employment
}

#[test]
fn an_income_stands_for_gross_where_no_base_is_told() {
    let told = Contribution {
        income: Some(3_100_000),
        ..line(Origin::Mareigua, Some(WorkerScale::Employee))
    };
    let found = projected(&[told]);
    let month = &found.months[0];
    assert_eq!((month.gross_amount, month.net_amount), (Some(3_100_000), None));
    assert_eq!(month.employment_type, Some(EmploymentType::Salaried));
    assert_eq!((month.parafiscal_contribution, month.salary_type), (None, None));
    assert_eq!(found.provenance.months[0].notes, [Note::GrossFromIncome]);
}

#[test]
fn an_income_never_stands_beside_a_base() {
    let told = Contribution {
        income: Some(9_000_000),
        base: PerSystem { pension: Some(3_000_000), ..PerSystem::default() },
        ..line(Origin::AgilData, Some(WorkerScale::Employee))
    };
    let found = projected(&[told]);
    assert_eq!(found.months[0].gross_amount, Some(3_000_000));
    assert!(!found.provenance.months[0].notes.contains(&Note::GrossFromIncome));
}

#[test]
fn the_base_of_the_self_employed_is_a_share_whoever_says_so() {
    let told = Contribution {
        base: PerSystem { pension: Some(3_200_000), ..PerSystem::default() },
        ..line(Origin::AgilData, Some(WorkerScale::SelfEmployed))
    };
    let month = &projected(&[told]).months[0];
    // 3,200,000 / 0.40; health is not told, so neither is what is left.
    assert_eq!((month.gross_amount, month.net_amount), (Some(8_000_000), None));
    assert_eq!(month.employment_type, Some(EmploymentType::Contractual));
    assert_eq!(month.salary_type, Some(SalaryType::Variable));
}

#[test]
fn the_sources_are_believed_in_their_order() {
    let base = |pesos| PerSystem { pension: Some(pesos), ..PerSystem::default() };
    let agil = Contribution { base: base(2_000_000), ..line(Origin::AgilData, None) };
    let query = Contribution { income: Some(5_000_000), ..line(Origin::Mareigua, None) };
    let report = Contribution { income: Some(6_000_000), ..line(Origin::MareiguaReport, None) };
    let all = [report, query, agil];
    for (skipped, origin, gross) in [
        (0, Origin::AgilData, 2_000_000),
        (1, Origin::Mareigua, 5_000_000),
        (2, Origin::MareiguaReport, 6_000_000),
    ] {
        let found = projected(&all[..all.len() - skipped]);
        assert_eq!(found.provenance.months[0].origin, origin);
        assert_eq!(found.months[0].gross_amount, Some(gross));
    }
}
