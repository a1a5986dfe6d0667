//! Lines of operators that tell a pension base alone, or an income and no base.

use std::collections::BTreeSet;

use vinculo_history::{
    Employment, EmploymentType, Filled, MonthField, Note, Projection, SalaryType, StatusChange,
    project, trace,
};
use vinculo_pila::{
    Administrator, Contribution, DocumentKind, Novelties, NoveltiesKnown, Origin, PerSystem,
    WorkerScale,
};

use crate::support::{ach_row, all_since, month, payer, planilla_line};

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

fn employee(origin: Origin) -> Contribution {
    line(origin, Some(WorkerScale::Employee))
}

fn named(name: &str) -> Option<Administrator> {
    Some(Administrator { code: None, name: Some(name.to_owned()) })
}

#[test]
fn what_one_source_cannot_tell_another_fills_in() {
    let hilados = payer(DocumentKind::Nit, "999500101", "HILADOS EJEMPLO S.A.S.");
    let row =
        Contribution { basic_salary: None, ..ach_row(PERSON, hilados, "2026-09", 0, 3_000_000) };
    let query = Contribution {
        income: Some(3_900_000),
        health_provider: named("EPS EJEMPLO"),
        ..employee(Origin::Mareigua)
    };
    let report = Contribution {
        income: Some(3_900_000),
        health_provider: named("OTRA EPS"),
        pension_fund: named("FONDO EJEMPLO"),
        novelties_known: NoveltiesKnown::StartAndEnd,
        novelties: Novelties { ret: Some('X'), ..Novelties::default() },
        ..employee(Origin::MareiguaReport)
    };
    let found = projected(&[report.clone(), query.clone(), row]);
    let (month, provenance) = (&found.months[0], &found.provenance.months[0]);
    assert_eq!((month.gross_amount, provenance.origin), (Some(3_000_000), Origin::Ach));
    assert_eq!(month.healthcare_provider_name.as_deref(), Some("EPS EJEMPLO"));
    assert_eq!(month.pension_fund_name.as_deref(), Some("FONDO EJEMPLO"));
    assert_eq!(month.status_changes, [], "the row tells starts and ends itself");
    let filled = |field, origin| Filled { field, origin };
    let expected = [
        filled(MonthField::PensionFundName, Origin::MareiguaReport),
        filled(MonthField::HealthcareProviderName, Origin::Mareigua),
    ];
    assert_eq!(provenance.filled, expected);

    let base = PerSystem { pension: Some(3_000_000), ..PerSystem::default() };
    let paid = Contribution { base, worker_scale: None, ..employee(Origin::AgilData) };
    let found = projected(&[paid, query, report]);
    let (month, provenance) = (&found.months[0], &found.provenance.months[0]);
    assert_eq!((month.gross_amount, provenance.origin), (Some(3_000_000), Origin::AgilData));
    assert_eq!(month.employment_type, Some(EmploymentType::Salaried));
    assert_eq!(month.status_changes, [StatusChange::FinalMonth]);
    let told: Vec<_> =
        provenance.filled.iter().map(|filled| (filled.field, filled.origin)).collect();
    assert_eq!(told[0], (MonthField::EmploymentType, Origin::Mareigua));
    assert_eq!(told.last(), Some(&(MonthField::StatusChanges, Origin::MareiguaReport)));
}

#[test]
fn whether_a_salary_is_comprehensive_is_said_by_who_can_tell() {
    let base = PerSystem { pension: Some(19_600_000), ..PerSystem::default() };
    let paid = Contribution { base, worker_scale: None, ..employee(Origin::AgilData) };
    let told = |salary_kind| Contribution {
        income: Some(28_000_000),
        salary_kind,
        ..employee(Origin::Mareigua)
    };
    let comprehensive = |lines: &[Contribution]| projected(lines).months[0].salary_comprehensive;
    assert_eq!(comprehensive(std::slice::from_ref(&paid)), None);
    assert_eq!(comprehensive(&[told(None)]), None);
    assert_eq!(comprehensive(&[told(Some('0'))]), Some(false));
    assert_eq!(comprehensive(&[told(Some('X'))]), Some(true));

    let found = projected(&[paid, told(Some('X'))]);
    let (month, provenance) = (&found.months[0], &found.provenance.months[0]);
    assert_eq!(month.salary_comprehensive, Some(true));
    assert_eq!(
        (month.gross_amount, month.salary_type),
        (Some(19_600_000), Some(SalaryType::Fixed))
    );
    let field = MonthField::SalaryComprehensive;
    assert!(provenance.filled.contains(&Filled { field, origin: Origin::Mareigua }));
    assert_eq!(provenance.notes, [Note::BaseNotConverted]);
}

#[test]
fn a_kind_of_worker_that_is_filled_in_converts_no_base_and_is_not_called_unknown() {
    let base = PerSystem { pension: Some(3_200_000), ..PerSystem::default() };
    let paid = Contribution { base, worker_scale: None, ..employee(Origin::AgilData) };
    let told = |scale| Contribution {
        income: Some(8_000_000),
        worker_scale: Some(scale),
        ..employee(Origin::Mareigua)
    };
    for (scale, notes) in
        [(WorkerScale::SelfEmployed, vec![Note::BaseNotConverted]), (WorkerScale::Employee, vec![])]
    {
        let found = projected(&[paid.clone(), told(scale)]);
        assert_eq!(found.months[0].gross_amount, Some(3_200_000));
        assert_eq!(found.provenance.months[0].notes, notes, "{scale:?}");
    }
}

#[test]
fn a_month_that_has_not_come_is_none() {
    let hilados = || payer(DocumentKind::Nit, "999500101", "HILADOS EJEMPLO S.A.S.");
    let row = |period| ach_row(PERSON, hilados(), period, 0, 3_000_000);
    // Seen from November: health is paid a month ahead.
    let rows = ["2026-10", "2026-11", "2026-12", "2027-01", "2031-05"].map(row);
    let found = projected(&rows);
    let months: Vec<_> = found.months.iter().map(|month| month.month.to_string()).collect();
    assert_eq!(months, ["2026-12", "2026-11", "2026-10"]);
    assert_eq!(found.employer.tenure, 3);
    let traced = trace(&rows, &BTreeSet::new(), &found.payer, &all_since("2026-11"));
    assert_eq!(traced.keys().next_back(), Some(&month("2026-12")));
    // A planilla is no better: its month is a slip as well.
    let planilla = |(at, period): (usize, &str)| {
        planilla_line(PERSON, hilados(), period, &format!("{at:010}"), 1, 3_000_000)
    };
    let filed: Vec<_> =
        ["2026-11", "2026-12", "2062-01"].into_iter().enumerate().map(planilla).collect();
    let found = projected(&filed);
    let months: Vec<_> = found.months.iter().map(|month| month.month.to_string()).collect();
    assert_eq!(months, ["2026-12", "2026-11"]);
    assert_eq!(found.employer.tenure, 2);
    // The line is about somebody all the same.
    let owner = project(&rows[4..], &[], &all_since("2026-11")).owner;
    assert_eq!(owner.and_then(|owner| owner.last_name).as_deref(), Some("LOPEZ"));
}

#[test]
fn a_row_without_pay_does_not_speak_before_one_with_pay() {
    let hilados = payer(DocumentKind::Nit, "999500101", "HILADOS EJEMPLO S.A.S.");
    let row =
        Contribution { base: PerSystem::default(), ..ach_row(PERSON, hilados, "2026-09", 0, 0) };
    let told = Contribution { income: Some(3_900_000), ..employee(Origin::Mareigua) };
    let found = projected(&[row, told]);
    assert_eq!(found.months[0].gross_amount, Some(3_900_000));
    assert_eq!(found.provenance.months[0].notes, [Note::GrossFromIncome]);
}

#[test]
fn what_an_operator_did_not_see_paid_makes_no_month_and_takes_none_away() {
    let unseen = Contribution { paid: false, ..employee(Origin::Mareigua) };
    let found = project(std::slice::from_ref(&unseen), &[], &all_since("2026-11"));
    assert_eq!(found.employments, []);
    assert_eq!(found.owner.and_then(|owner| owner.last_name).as_deref(), Some("LOPEZ"));
    let base = PerSystem { pension: Some(3_000_000), ..PerSystem::default() };
    let mut paid = Contribution { base, ..employee(Origin::AgilData) };
    let found = projected(&[unseen.clone(), paid.clone()]);
    assert_eq!(found.months[0].gross_amount, Some(3_000_000));
    assert_eq!(found.provenance.months[0].notes, [Note::UnpaidElsewhere]);
    // What was paid names the person, however old.
    (paid.names.surname, paid.period) = ("OTRO".to_owned(), month("2025-01"));
    let owner = project(&[unseen, paid], &[], &all_since("2026-11")).owner;
    assert_eq!(owner.and_then(|owner| owner.last_name).as_deref(), Some("OTRO"));
}
