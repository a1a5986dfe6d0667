//! Rows of *Consultas PILA*: three worked histories and the rules about rows.

use crate::support::{ach_row, all_since, bases, month, payer, projected};
use serde_json::{Value, json};
use vinculo_history::{
    Employment, EmploymentType, Note, Options, SalaryType, StatusChange, project,
};
use vinculo_pila::{Administrator, Contribution, DocumentKind, Payer, PerSystem};

fn mill() -> Payer {
    Payer {
        activity_code: Some("1311".to_owned()),
        class_code: Some("A".to_owned()),
        ..payer(DocumentKind::Nit, "999500101", "HILADOS EJEMPLO S.A.S.")
    }
}

fn cafe() -> Payer {
    Payer {
        activity_code: Some("5613".to_owned()),
        class_code: Some("B".to_owned()),
        ..payer(DocumentKind::Nit, "999500102", "CAFE MODELO LTDA")
    }
}

/// The keys of `expected` in what was found, whatever else was.
#[track_caller]
fn assert_holds(found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, value) in expected {
                assert_holds(&found[key], value);
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert_holds(found, expected);
            }
        }
        _ => assert_eq!(found, expected),
    }
}

fn wire(employment: &Employment) -> Value {
    json!({
        "employer_data": employment.employer,
        "salary_and_benefit_details": employment.months,
    })
}

fn notes(employment: &Employment, of: &str) -> Vec<Note> {
    let found = employment.provenance.months.iter().find(|m| m.month == month(of));
    found.unwrap().notes.clone()
}

#[test]
fn job_change_partial_months_and_a_month_above_the_salary() {
    let row = |payer, period, line, salary, base| Contribution {
        basic_salary: Some(salary),
        ..ach_row("1900500001", payer, period, line, base)
    };
    let mut rows = [
        row(mill(), "2026-06", 0, 2_600_000, 2_600_000),
        row(mill(), "2026-07", 1, 2_600_000, 1_300_000),
        row(cafe(), "2026-08", 2, 3_000_000, 2_200_000),
        row(cafe(), "2026-09", 3, 3_000_000, 3_000_000),
        row(cafe(), "2026-10", 4, 3_000_000, 3_420_000),
    ];
    rows[1].novelties.ret = Some('X');
    rows[2].novelties.ing = Some('X');
    let found = projected(&rows, "2026-11");
    let common = |month: &str, gross: i64, net: i64, salary: &str, changes: Value| {
        json!({
            "month": month, "gross_amount": gross, "net_amount": net,
            "employment_type": "SALARIED", "employment_type_additional_info": "01 Dependiente",
            "salary_type": salary, "salary_comprehensive": false,
            "parafiscal_contribution": true, "pension_fund_name": null,
            "healthcare_provider_name": null, "status_changes": changes,
        })
    };
    let [first, second] = found.employments.as_slice() else {
        panic!("two employments");
    };
    assert_holds(
        &wire(first),
        &json!({
            "employer_data": {
                "name": "CAFE MODELO LTDA", "id_type": "NIT", "id_number": 999_500_102,
                "economic_activity_code": 5613, "contributor_class_code": "B",
                "contributor_type_code": 1, "contributor_type_description": "Empleador",
                "tenure": 3,
            },
            "salary_and_benefit_details": [
                common("2026-10", 3_420_000, 3_146_400, "VARIABLE", json!([])),
                common("2026-09", 3_000_000, 2_760_000, "FIXED", json!([])),
                common("2026-08", 2_200_000, 2_024_000, "FIXED", json!(["FIRST_MONTH"])),
            ],
        }),
    );
    assert_holds(
        &wire(second),
        &json!({
            "employer_data": {
                "name": "HILADOS EJEMPLO S.A.S.", "id_type": "NIT", "id_number": 999_500_101,
                "economic_activity_code": 1311, "contributor_class_code": "A", "tenure": 2,
            },
            "salary_and_benefit_details": [
                common("2026-07", 1_300_000, 1_196_000, "FIXED", json!(["FINAL_MONTH"])),
                common("2026-06", 2_600_000, 2_392_000, "FIXED", json!([])),
            ],
        }),
    );
    assert!(!first.provenance.tenure_is_lower_bound);
    assert!(second.provenance.tenure_is_lower_bound);
    assert_eq!(notes(first, "2026-10"), [Note::NetEstimated]);
}

fn split_month_and_correction() -> Vec<Contribution> {
    let row = |period, kind: &str, line, salary, base| {
        let mut row = Contribution {
            basic_salary: Some(salary),
            ..ach_row("1900500002", mill(), period, line, base)
        };
        row.planilla.kind = Some(kind.to_owned());
        row
    };
    let mut rows = vec![
        row("2026-08", "E", 0, 4_000_000, 2_666_667),
        row("2026-08", "E", 1, 4_000_000, 1_333_334),
        row("2026-09", "E", 2, 4_000_000, 4_000_000),
        row("2026-09", "N", 3, 4_000_000, 4_000_000),
        row("2026-09", "N", 4, 4_000_000, 4_380_000),
        row("2026-10", "E", 5, 28_000_000, 19_600_000),
    ];
    rows[5].salary_kind = Some('X');
    rows
}

#[test]
fn split_month_correction_and_comprehensive_salary() {
    let found = projected(&split_month_and_correction(), "2026-11");
    let [employment] = found.employments.as_slice() else {
        panic!("one employment");
    };
    let row = |month: &str, gross: i64, net: i64, salary: &str, comprehensive: bool| {
        json!({
            "month": month, "gross_amount": gross, "net_amount": net, "salary_type": salary,
            "salary_comprehensive": comprehensive, "status_changes": [],
        })
    };
    assert_holds(
        &wire(employment),
        &json!({
            "employer_data": {
                "name": "HILADOS EJEMPLO S.A.S.", "id_type": "NIT", "id_number": 999_500_101,
                "tenure": 3,
            },
            "salary_and_benefit_details": [
                row("2026-10", 28_000_000, 26_236_000, "FIXED", true),
                row("2026-09", 4_380_000, 4_029_600, "VARIABLE", false),
                row("2026-08", 4_000_001, 3_680_001, "FIXED", false),
            ],
        }),
    );
    assert_eq!(notes(employment, "2026-09"), [Note::Corrected, Note::NetEstimated]);
    assert_eq!(notes(employment, "2026-08"), [Note::NetEstimated]);
}

fn self_employed(period: &str, line: u32, base: i64) -> Contribution {
    let own = Payer {
        activity_code: Some("7410".to_owned()),
        class_code: Some("I".to_owned()),
        kind_code: Some("02".to_owned()),
        ..payer(DocumentKind::Cc, "1900500003", "IRENE LOPEZ MUESTRA")
    };
    let mut row = ach_row("1900500003", own, period, line, base);
    row.base.ccf = Some(0);
    row.worker_kind = Some("59".to_owned());
    row.planilla.kind = Some("I".to_owned());
    row
}

#[test]
fn self_employed_with_a_gap_and_a_month_on_the_floor() {
    let mut rows = [
        self_employed("2026-07", 0, 3_200_000),
        self_employed("2026-09", 1, 1_750_905),
        self_employed("2026-10", 2, 3_200_000),
    ];
    let named = |name: &str| Administrator { code: None, name: Some(name.to_owned()) };
    rows[2].pension_fund = Some(named("FONDO EJEMPLO"));
    rows[2].health_provider = Some(named("EPS EJEMPLO"));
    let found = projected(&rows, "2026-11");
    let [employment] = found.employments.as_slice() else {
        panic!("one employment");
    };
    let row = |month: &str, gross: i64, net: i64, fund: Value, provider: Value| {
        json!({
            "month": month, "gross_amount": gross, "net_amount": net,
            "employment_type": "CONTRACTUAL", "salary_type": "VARIABLE",
            "parafiscal_contribution": false, "pension_fund_name": fund,
            "healthcare_provider_name": provider, "status_changes": [],
        })
    };
    assert_holds(
        &wire(employment),
        &json!({
            "employer_data": {
                "name": "IRENE LOPEZ MUESTRA", "id_type": "CC", "id_number": 1_900_500_003,
                "economic_activity_code": 7410, "contributor_class_code": "I",
                "contributor_type_code": 2, "tenure": 2,
            },
            "salary_and_benefit_details": [
                row("2026-10", 8_000_000, 7_088_000, json!("FONDO EJEMPLO"), json!("EPS EJEMPLO")),
                row("2026-09", 1_750_905, 1_251_897, json!(null), json!(null)),
                row("2026-07", 8_000_000, 7_088_000, json!(null), json!(null)),
            ],
        }),
    );
    assert_eq!(notes(employment, "2026-09"), [Note::BaseAtFloor, Note::NetEstimated]);
    let owner = found.owner.unwrap();
    assert_eq!(owner.display_name.as_deref(), Some("IRENE LOPEZ MUESTRA"));
    assert_eq!(owner.first_name.as_deref(), Some("IRENE"));
}

#[test]
fn a_correction_without_a_new_value_corrects_nothing() {
    let mut rows = split_month_and_correction();
    rows.retain(|row| row.line == 2 || row.line == 3);
    let found = projected(&rows, "2026-11");
    assert_eq!(found.employments[0].months[0].gross_amount, Some(4_000_000));
    assert_eq!(notes(&found.employments[0], "2026-09"), [Note::NetEstimated]);
}

#[test]
fn a_correction_alike_to_nothing_replaces_the_only_row_or_its_kind() {
    let mut rows = split_month_and_correction();
    rows.retain(|row| row.line == 2 || row.line == 4);
    let found = projected(&rows, "2026-11");
    assert_eq!(found.employments[0].months[0].gross_amount, Some(4_380_000));

    let mut apprentice = rows[0].clone();
    apprentice.worker_kind = Some("19".to_owned());
    apprentice.base = bases(500_000);
    apprentice.basic_salary = Some(500_000);
    apprentice.line = 9;
    rows.push(apprentice);
    let found = projected(&rows, "2026-11");
    assert_eq!(found.employments[0].months[0].gross_amount, Some(4_880_000));
    let expected = [Note::Corrected, Note::SeveralWorkerTypes, Note::NetEstimated];
    assert_eq!(notes(&found.employments[0], "2026-09"), expected);
}

#[test]
fn equal_rows_count_once_only_when_one_reaches_the_salary() {
    let whole = |line| ach_row("1900500004", mill(), "2026-09", line, 2_000_000);
    let found = projected(&[whole(0), whole(1)], "2026-11");
    assert_eq!(found.employments[0].months[0].gross_amount, Some(2_000_000));
    assert!(notes(&found.employments[0], "2026-09").contains(&Note::DuplicateRow));

    let half = |line| Contribution { basic_salary: Some(4_000_000), ..whole(line) };
    let found = projected(&[half(0), half(1)], "2026-11");
    assert_eq!(found.employments[0].months[0].gross_amount, Some(4_000_000));
    assert_eq!(notes(&found.employments[0], "2026-09"), [Note::NetEstimated]);
}

#[test]
fn late_and_special_planillas_are_noted() {
    for (kind, note) in [("M", Note::Arrears), ("J", Note::SpecialPlanilla)] {
        let mut row = ach_row("1900500004", mill(), "2026-09", 0, 2_000_000);
        row.planilla.kind = Some(kind.to_owned());
        let found = projected(&[row], "2026-11");
        assert!(notes(&found.employments[0], "2026-09").contains(&note), "{kind}");
    }
}

#[test]
fn a_base_at_the_cap_follows_the_salary_of_a_whole_month() {
    let mut row = ach_row("1900500004", mill(), "2025-11", 0, 35_587_500);
    row.basic_salary = Some(58_000_000);
    let found = projected(&[row.clone()], "2026-11");
    assert_eq!(found.employments[0].months[0].gross_amount, Some(58_000_000));
    // 4 % and 4 % of the base and 2 % for the solidarity fund.
    assert_eq!(found.employments[0].months[0].net_amount, Some(58_000_000 - 3_558_750));

    row.novelties.ret = Some('X');
    let found = projected(&[row], "2026-11");
    assert_eq!(found.employments[0].months[0].gross_amount, Some(35_587_500));
}

#[test]
fn unknown_stays_unknown() {
    let mut row = ach_row("1900500004", mill(), "2026-09", 0, 2_000_000);
    row.base = PerSystem::default();
    row.basic_salary = None;
    row.worker_kind = Some("99".to_owned());
    let found = projected(&[row.clone()], "2026-11");
    let detail = &found.employments[0].months[0];
    assert_eq!((detail.gross_amount, detail.net_amount), (None, None));
    assert_eq!(detail.employment_type, None);
    assert_eq!(detail.employment_type_additional_info.as_deref(), Some("99"));
    assert_eq!(detail.parafiscal_contribution, None);
    assert_eq!(detail.salary_type, None);
    assert_eq!(notes(&found.employments[0], "2026-09"), [Note::UnknownWorkerType]);

    row.worker_kind = None;
    let found = projected(&[row], "2026-11");
    assert_eq!(found.employments[0].months[0].employment_type_additional_info, None);
}

#[test]
fn optional_fields_of_an_operator_are_used() {
    let mut row = ach_row("1900500004", mill(), "2026-09", 0, 2_000_000);
    row.pension_fund = Some(Administrator {
        code: Some("230301".to_owned()),
        name: Some("PORVENIR S.A.".to_owned()),
    });
    row.health_provider = Some(Administrator { code: Some("EPS999".to_owned()), name: None });
    row.novelties.lma = Some('X');
    row.novelties.vst = Some('X');
    let found = projected(&[row], "2026-11");
    let detail = &found.employments[0].months[0];
    assert_eq!(detail.pension_fund_name.as_deref(), Some("Porvenir"));
    assert_eq!(detail.healthcare_provider_name.as_deref(), Some("EPS999"));
    assert_eq!(detail.salary_type, Some(SalaryType::Variable));
    let changes = [StatusChange::OnLeave, StatusChange::TemporarySalaryChange];
    assert_eq!(detail.status_changes, changes);
}

#[test]
fn a_letter_that_is_no_start_mark_gives_a_note() {
    let mut row = ach_row("1900500004", mill(), "2026-09", 0, 2_000_000);
    row.novelties.ing = Some('R');
    let found = projected(&[row], "2026-11");
    assert!(found.employments[0].months[0].status_changes.is_empty());
    assert!(notes(&found.employments[0], "2026-09").contains(&Note::MarkNotMapped));
}

#[test]
fn a_company_written_with_its_check_digit_is_the_same_payer() {
    let long = payer(DocumentKind::Nit, "9995001016", "HILADOS EJEMPLO S.A.S.");
    let rows = [
        ach_row("1900500004", mill(), "2026-08", 0, 2_000_000),
        ach_row("1900500004", long, "2026-09", 1, 2_000_000),
    ];
    let found = projected(&rows, "2026-11");
    assert_eq!(found.employments.len(), 1);
    assert_eq!(found.employments[0].employer.id_number, Some(999_500_101));
    assert_eq!(found.employments[0].employer.tenure, 2);
    assert_eq!(found.employments[0].employer.economic_activity_code, Some(1311));
}

#[test]
fn a_natural_person_keeps_all_ten_digits() {
    // The card of a person as NIT; its last digit is the check digit of the others by chance.
    let own = payer(DocumentKind::Nit, "1900500029", "PERSONA DE PRUEBA");
    let digit = vinculo_pila::planilla::nit_check_digit("190050002");
    assert_eq!(digit, Some(9));
    let found = projected(&[ach_row("1900500004", own, "2026-09", 0, 2_000_000)], "2026-11");
    assert_eq!(found.employments[0].employer.id_number, Some(1_900_500_029));
}

#[test]
fn a_month_with_both_marks_did_not_end_the_bond() {
    let mut rows = [
        ach_row("1900500004", mill(), "2026-07", 0, 2_000_000),
        ach_row("1900500004", mill(), "2026-08", 1, 2_000_000),
        ach_row("1900500004", mill(), "2026-09", 2, 2_000_000),
    ];
    rows[1].novelties.ing = Some('X');
    rows[1].novelties.ret = Some('X');
    let found = projected(&rows, "2026-11");
    assert_eq!(found.employments[0].employer.tenure, 2);
    assert!(!found.employments[0].provenance.tenure_is_lower_bound);
}

#[test]
fn months_outside_the_window_count_for_tenure_alone() {
    let start = month("2024-01");
    let rows: Vec<_> = (0..34_u32)
        .map(|at| {
            let mut row = ach_row("1900500004", mill(), "2024-01", at, 2_000_000);
            row.period = start.plus(i32::try_from(at).unwrap());
            row
        })
        .collect();
    let options = Options { window_months: Some(24), ..all_since("2026-11") };
    let found = project(&rows, &[], &options);
    let [employment] = found.employments.as_slice() else {
        panic!("one employment");
    };
    assert_eq!(employment.months.len(), 24);
    assert_eq!(employment.months.last().unwrap().month, month("2024-11"));
    assert_eq!(employment.employer.tenure, 34);
    assert_eq!(employment.provenance.months_contributed, 34);
    let old = Options { window_months: Some(24), ..all_since("2030-01") };
    let found = project(&rows, &[], &old);
    assert!(found.employments.is_empty());
    assert!(found.owner.is_some());
}

#[test]
fn rows_without_evidence_name_the_owner_alone() {
    let mut row = ach_row("1900500004", mill(), "2026-09", 0, 2_000_000);
    row.worker_kind = Some("23".to_owned());
    let found = projected(&[row], "2026-11");
    assert!(found.employments.is_empty());
    assert_eq!(found.owner.unwrap().document_number, "1900500004");
    assert_eq!(projected(&[], "2026-11").owner, None);
}

#[test]
fn a_year_without_a_known_wage_gives_lower_bounds() {
    let mut rows = [self_employed("2190-01", 0, 3_200_000), self_employed("2190-01", 0, 9_000_000)];
    rows[1].worker_kind = Some("01".to_owned());
    rows[1].payer = mill();
    let found = projected(&rows, "2190-02");
    for employment in &found.employments {
        let detail = &employment.months[0];
        assert!(notes(employment, "2190-01").contains(&Note::MinimumWageUnknown));
        let expected = match detail.employment_type {
            // The base; without the 912,000 of pension and health.
            Some(EmploymentType::Contractual) => (3_200_000, 2_288_000),
            // Five wages of the last known year: 4 % twice and 1 % for the solidarity fund.
            _ => (9_000_000, 8_190_000),
        };
        assert_eq!(detail.gross_amount.zip(detail.net_amount), Some(expected));
    }
    assert_eq!(found.employments.len(), 2);
}
