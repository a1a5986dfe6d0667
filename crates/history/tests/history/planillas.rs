//! Rules about planilla files that the sample files do not show.

use std::slice;

use crate::support::{ach_row, all_since, date, month, payer, planilla_line, projected};
use vinculo_history::{
    Employment, Note, Options, Projection, StatusChange, WorkActivities, project,
};
use vinculo_pila::{
    Administrator, Contribution, Correction, DocumentKind, Names, Origin, Payer, PayerProfile,
    PerSystem,
};

const PERSON: &str = "1900500009";

fn works() -> Payer {
    payer(DocumentKind::Nit, "990100217", "TALLER EJEMPLO S.A.S.")
}

fn line(period: &str, number: &str, at: u32, base: i64) -> Contribution {
    planilla_line(PERSON, works(), period, number, at, base)
}

fn only(projection: &Projection) -> &Employment {
    assert_eq!(projection.employments.len(), 1);
    &projection.employments[0]
}

fn gross(lines: &[Contribution]) -> Option<i64> {
    only(&projected(lines, "2026-03")).months[0].gross_amount
}

fn notes(lines: &[Contribution]) -> Vec<Note> {
    only(&projected(lines, "2026-03")).provenance.months[0].notes.clone()
}

fn draft(line: Contribution) -> Contribution {
    let mut draft = line;
    draft.paid = false;
    draft.planilla.number = None;
    draft.planilla.paid_on = None;
    draft
}

fn correction(role: Correction, line: Contribution) -> Contribution {
    let mut corrected = line;
    corrected.planilla.kind = Some("N".to_owned());
    corrected.planilla.paid_on = Some(date("2026-02-20"));
    corrected.correction = Some(role);
    corrected
}

#[test]
fn a_second_copy_of_a_file_is_ignored_and_another_number_adds() {
    let first = line("2026-01", "0000000100", 1, 2_000_000);
    assert_eq!(gross(&[first.clone(), first.clone()]), Some(2_000_000));
    let other = line("2026-01", "0000000101", 1, 500_000);
    assert_eq!(gross(&[first.clone(), other]), Some(2_500_000));

    // Another file under the same number: the one paid first stands.
    let mut forged = line("2026-01", "0000000100", 2, 9_000_000);
    forged.planilla.paid_on = Some(date("2026-02-15"));
    assert_eq!(gross(&[forged, first]), Some(2_000_000));
}

#[test]
fn a_draft_counts_until_its_planilla_is_paid() {
    let paid = line("2026-01", "0000000100", 1, 2_000_000);
    let unpaid = draft(line("2026-01", "", 1, 1_900_000));
    assert_eq!(gross(&[unpaid.clone(), paid]), Some(2_000_000));
    assert_eq!(gross(slice::from_ref(&unpaid)), Some(1_900_000));
    assert_eq!(notes(slice::from_ref(&unpaid)), [Note::Unpaid]);

    let hidden =
        Options { current_month: month("2026-03"), window_months: None, include_drafts: false };
    let found = project(slice::from_ref(&unpaid), &[], &hidden);
    assert!(found.employments.is_empty() && found.owner.is_none());

    let mut branch = line("2026-01", "0000000100", 1, 2_000_000);
    branch.planilla.branch = Some("02".to_owned());
    assert_eq!(gross(&[unpaid, branch]), Some(3_900_000));
}

#[test]
fn a_planilla_number_is_the_same_with_and_without_what_fills_it_up() {
    let padded = line("2026-01", "0000123456", 1, 2_000_000);
    for other in ["123456", "123456    ", "000123456"] {
        let again = line("2026-01", other, 1, 2_000_000);
        assert_eq!(gross(&[padded.clone(), again]), Some(2_000_000), "{other:?}");
    }
    let another = line("2026-01", "1234560", 1, 500_000);
    assert_eq!(gross(&[padded, another]), Some(2_500_000));
}

/// Settled is what was paid and has its number.
#[test]
fn what_lacks_its_number_or_its_payment_gives_way_to_the_settled_planilla() {
    let settled = line("2026-01", "0000000100", 1, 2_000_000);
    let mut unnumbered = line("2026-01", "", 1, 1_900_000);
    unnumbered.planilla.number = None;
    let mut unpaid = draft(line("2026-01", "", 1, 1_800_000));
    unpaid.planilla.number = Some("0000000100".to_owned());
    assert_eq!(gross(&[unnumbered.clone(), settled.clone()]), Some(2_000_000));
    assert_eq!(gross(&[unpaid.clone(), settled]), Some(2_000_000));
    assert_eq!(gross(&[unpaid.clone(), unnumbered.clone()]), Some(1_900_000), "paid comes first");
    assert_eq!(gross(slice::from_ref(&unpaid)), Some(1_800_000));
    assert_eq!(notes(slice::from_ref(&unpaid)), [Note::Unpaid]);
    let hidden = Options { include_drafts: false, ..all_since("2026-03") };
    let paid_months = |line| project(&[line], &[], &hidden).employments.len();
    assert_eq!((paid_months(unpaid), paid_months(unnumbered)), (0, 1));
}

#[test]
fn a_payer_written_in_two_ways_is_one() {
    let mut other = line("2026-02", "0000000101", 1, 2_000_000);
    other.payer.document.number = "0990100217".to_owned();
    let filed = line("2026-01", "0000000100", 1, 2_000_000);
    assert_eq!(only(&projected(&[filed, other], "2026-03")).employer.tenure, 2);
}

#[test]
fn a_correction_replaces_the_line_it_repeats() {
    let paid = line("2026-01", "0000000100", 1, 2_000_000);
    let other = line("2026-01", "0000000100", 2, 400_000);
    let was = correction(Correction::AsPaid, line("2026-01", "0000000050", 1, 2_000_000));
    let is = correction(Correction::AsCorrected, line("2026-01", "0000000050", 2, 2_300_000));
    let lines = [is, was, other, paid];
    assert_eq!(gross(&lines), Some(2_700_000));
    assert_eq!(notes(&lines), [Note::Corrected, Note::DaysOver30]);
}

#[test]
fn a_correction_finds_its_line_by_marks_or_because_it_is_the_only_one() {
    let mut leave = line("2026-01", "0000000100", 1, 700_000);
    leave.novelties.ige = Some('X');
    let work = line("2026-01", "0000000100", 2, 1_300_000);
    let mut was = correction(Correction::AsPaid, line("2026-01", "0000000200", 1, 777_777));
    was.novelties.ige = Some('X');
    assert_eq!(gross(&[leave.clone(), work.clone(), was.clone()]), Some(1_300_000));
    assert_eq!(
        gross(&[leave, line("2026-02", "0000000300", 1, 900_000), was.clone()]),
        Some(900_000)
    );
    // The only line of the month leaves and nothing is left of it.
    assert!(projected(&[work, was], "2026-03").employments.is_empty());
}

#[test]
fn a_correction_of_an_unknown_original_stands_alone() {
    let was = correction(Correction::AsPaid, line("2026-01", "0000000200", 1, 2_000_000));
    let is = correction(Correction::AsCorrected, line("2026-01", "0000000200", 2, 2_300_000));
    assert_eq!(gross(&[was, is]), Some(2_300_000));
}

#[test]
fn a_second_correction_corrects_the_first() {
    let paid = line("2026-01", "0000000100", 1, 2_000_000);
    let a1 = correction(Correction::AsPaid, line("2026-01", "0000000200", 1, 2_000_000));
    let c1 = correction(Correction::AsCorrected, line("2026-01", "0000000200", 2, 2_300_000));
    let mut a2 = correction(Correction::AsPaid, line("2026-01", "0000000201", 1, 2_300_000));
    let mut c2 = correction(Correction::AsCorrected, line("2026-01", "0000000201", 2, 2_500_000));
    for line in [&mut a2, &mut c2] {
        line.planilla.paid_on = Some(date("2026-03-01"));
    }
    assert_eq!(gross(&[c2, a2, c1, a1, paid]), Some(2_500_000));
}

#[test]
fn tenure_starts_after_a_gap_an_end_or_at_a_start() {
    let months = |marks: [&str; 5]| -> Vec<Contribution> {
        let line_of = |(at, mark): (usize, &&str)| {
            let mut line = line("2025-09", &format!("{at:010}"), 1, 2_000_000);
            line.period = month("2025-09").plus(i32::try_from(at).unwrap());
            line.novelties.ing = mark.contains('I').then_some('X');
            line.novelties.ret = mark.contains('R').then_some('X');
            (!mark.contains('-')).then_some(line)
        };
        marks.iter().enumerate().filter_map(line_of).collect()
    };
    let cases = [
        (["", "", "", "", ""], 5, true),
        (["I", "", "", "", ""], 5, false),
        (["", "-", "", "", ""], 3, true),
        (["", "", "I", "", ""], 3, false),
        (["", "", "R", "", ""], 2, true),
        (["", "", "", "IR", ""], 1, true),
        (["", "", "", "", "R"], 5, true),
    ];
    for (marks, tenure, lower_bound) in cases {
        let found = projected(&months(marks), "2026-03");
        let employment = only(&found);
        assert_eq!(employment.employer.tenure, tenure, "{marks:?}");
        assert_eq!(employment.provenance.tenure_is_lower_bound, lower_bound, "{marks:?}");
    }
}

#[test]
fn leaving_and_coming_back_in_a_month_restarts_tenure_there() {
    let mut leaves = line("2026-01", "0000000100", 1, 600_000);
    leaves.novelties.ret = Some('X');
    let mut returns = line("2026-01", "0000000100", 2, 400_000);
    returns.novelties.ing = Some('X');
    let lines = [
        line("2025-12", "0000000099", 1, 2_000_000),
        leaves,
        returns,
        line("2026-02", "0000000101", 1, 2_000_000),
    ];
    let found = projected(&lines, "2026-03");
    assert_eq!(only(&found).provenance.continuous_since, month("2026-01"));
    assert_eq!(only(&found).provenance.months_contributed, 3);
    let changes = [StatusChange::FirstMonth, StatusChange::FinalMonth];
    assert_eq!(only(&found).months[1].status_changes, changes);
}

/// A month after one of leaving and starting; `marks` are its lines, each with the days it tells.
fn tenure_after(marks: &[(&str, Option<&str>)]) -> u32 {
    let marked = |(at, (mark, day)): (u32, &(&str, Option<&str>))| {
        let mut line = line("2026-01", "0000000100", at, 600_000);
        let day = day.map(date);
        match *mark {
            "RET" => (line.novelties.ret, line.ended_on) = (Some('X'), day),
            _ => (line.novelties.ing, line.started_on) = (Some('X'), day),
        }
        line
    };
    let mut lines: Vec<_> = (1..).zip(marks).map(marked).collect();
    lines.push(line("2026-02", "0000000101", 1, 2_000_000));
    only(&projected(&lines, "2026-03")).employer.tenure
}

#[test]
fn days_tell_whether_the_end_or_the_start_of_a_month_came_last() {
    let (end, start) = (("RET", Some("2026-01-10")), ("ING", Some("2026-01-25")));
    assert_eq!(tenure_after(&[end, start]), 2);
    assert_eq!(tenure_after(&[start, end]), 2, "the order of lines says nothing");
    let (end, start) = (("RET", Some("2026-01-20")), ("ING", Some("2026-01-05")));
    assert_eq!(tenure_after(&[end, start]), 1);
    assert_eq!(tenure_after(&[start, end]), 1);
    // Of a mark on every line the day may stand on one.
    let repeated = [("RET", Some("2026-01-10")), ("ING", Some("2026-01-25")), ("RET", None)];
    assert_eq!(tenure_after(&repeated), 2);
    let one_day = [("RET", Some("2026-01-10")), ("ING", Some("2026-01-10"))];
    assert_eq!(tenure_after(&one_day), 1, "started and ended on one day");
    // Without a day of either, the lines are in order.
    for day in [None, Some("2026-01-20")] {
        assert_eq!(tenure_after(&[("RET", day), ("ING", None)]), 2);
        assert_eq!(tenure_after(&[("ING", None), ("RET", day)]), 1);
    }
}

#[test]
fn pay_of_two_kinds_of_worker_in_a_month_is_reckoned_for_each() {
    let mut apprentice = line("2026-01", "0000000100", 1, 875_453);
    apprentice.worker_kind = Some("19".to_owned());
    apprentice.basic_salary = Some(1_313_179);
    apprentice.days.pension = Some(0);
    for days in [&mut apprentice.days.health, &mut apprentice.days.arl, &mut apprentice.days.ccf] {
        *days = Some(10);
    }
    let mut employee = line("2026-01", "0000000100", 2, 1_400_000);
    employee.days = PerSystem { pension: Some(20), health: Some(20), arl: Some(20), ccf: Some(20) };
    let found = projected(&[apprentice, employee], "2026-03");
    let detail = &only(&found).months[0];
    assert_eq!(detail.gross_amount, Some(437_726 + 1_400_000));
    assert_eq!(detail.net_amount, Some(437_726 + 1_400_000 - 112_000));
    assert_eq!(detail.employment_type_additional_info.as_deref(), Some("01 Dependiente"));
    assert_eq!(only(&found).provenance.months[0].notes, [Note::SeveralWorkerTypes]);
}

#[test]
fn a_planilla_wins_over_a_row_and_bases_are_never_added() {
    let row = ach_row(PERSON, works(), "2026-01", 0, 1_500_000);
    let filed = line("2026-01", "0000000100", 1, 2_000_000);
    let found = projected(&[row.clone(), filed], "2026-03");
    assert_eq!(only(&found).months[0].gross_amount, Some(2_000_000));
    let origin = &only(&found).provenance.months[0];
    assert_eq!((origin.origin, origin.lines), (Origin::Planilla, 1));
    assert_eq!(origin.notes, [Note::SourcesDisagree]);

    // A month the operator saw paid is not a draft any more.
    let unpaid = draft(line("2026-01", "", 1, 2_000_000));
    let found = projected(&[row.clone(), unpaid], "2026-03");
    assert_eq!(only(&found).provenance.months[0].origin, Origin::Ach);
    assert!(only(&found).provenance.months[0].paid);

    // Months of either source make one history.
    let later = line("2026-02", "0000000101", 1, 2_000_000);
    let found = projected(&[row, later], "2026-03");
    assert_eq!(only(&found).employer.tenure, 2);
}

#[test]
fn an_activity_that_lost_a_digit_has_no_class() {
    let class = |activity: &str| {
        let mut counted = WorkActivities::default();
        counted.add_activity(activity);
        counted.most_frequent()
    };
    assert_eq!(class("2011101"), Some("0111"));
    for odd in ["201110", "01829901", "", "0000001"] {
        assert_eq!(class(odd), None, "{odd:?}");
    }
}

#[test]
fn independents_whose_base_is_no_share_of_income_earn_what_they_declare() {
    let of = |kind: &str| {
        let mut line = line("2026-01", "0000000100", 1, 4_000_000);
        line.worker_kind = Some(kind.to_owned());
        (gross(std::slice::from_ref(&line)), notes(&[line]))
    };
    for kind in ["04", "33", "53", "66", "74", "76"] {
        assert_eq!(of(kind), (Some(4_000_000), vec![]), "{kind}");
    }
    for kind in ["03", "16", "42", "57", "59"] {
        assert_eq!(of(kind), (Some(10_000_000), vec![]), "{kind}");
    }
}

#[test]
fn the_payers_own_record_comes_first_and_unknown_kinds_are_null() {
    let profile = |document| PayerProfile {
        document,
        name: "OTRO NOMBRE".to_owned(),
        activity_code: Some("0111".to_owned()),
        class_code: Some("B".to_owned()),
        legal_nature: Some("2".to_owned()),
        kind_code: Some("02".to_owned()),
    };
    let mut filed = line("2026-01", "0000000100", 1, 2_000_000);
    filed.arl_activity = Some("1561101".to_owned());
    let options = all_since("2026-03");
    let found = project(&[filed.clone()], &[profile(works().document)], &options);
    let employer = &only(&found).employer;
    assert_eq!(employer.name.as_deref(), Some("TALLER EJEMPLO S.A.S."));
    assert_eq!(employer.economic_activity_code, Some(111));
    assert!(employer.economic_activity_code_description.as_deref().unwrap().contains("cereales"));
    assert_eq!(employer.contributor_class_code.as_deref(), Some("B"));
    assert_eq!(employer.contributor_type_code, Some(1));

    filed.payer = payer(DocumentKind::Pa, "XA990001", "PERSONA DE PRUEBA");
    let found = project(&[filed.clone()], &[], &options);
    let wire = serde_json::to_value(&only(&found).employer).unwrap();
    assert_eq!(wire["id_type"], "PASSPORT");
    assert_eq!(wire["id_number"], serde_json::Value::Null);
    assert_eq!(wire["economic_activity_code"], 5611);

    filed.payer = payer(DocumentKind::Pt, "999123", "PERSONA DE PRUEBA");
    let found = project(&[filed], &[], &options);
    let wire = serde_json::to_value(&only(&found).employer).unwrap();
    assert_eq!((&wire["id_type"], &wire["id_number"]), (&serde_json::Value::Null, &999_123.into()));
}

#[test]
fn the_wire_has_the_keys_of_the_contract_in_their_order() {
    let found = projected(&[line("2026-01", "0000000100", 1, 2_000_000)], "2026-03");
    let employer = serde_json::to_string(&only(&found).employer).unwrap();
    assert_eq!(
        employer,
        "{\"name\":\"TALLER EJEMPLO S.A.S.\",\"id_type\":\"NIT\",\"id_number\":990100217,\
         \"economic_activity_code\":null,\"economic_activity_code_description\":null,\
         \"contributor_class_code\":null,\"contributor_class_code_description\":null,\
         \"contributor_type_code\":1,\"contributor_type_description\":\"Empleador\",\
         \"tenure\":1}"
    );
    let month = serde_json::to_string(&only(&found).months[0]).unwrap();
    assert_eq!(
        month,
        "{\"month\":\"2026-01\",\"gross_amount\":2000000,\"net_amount\":1840000,\
         \"employment_type\":\"SALARIED\",\"employment_type_additional_info\":\"01 Dependiente\",\
         \"parafiscal_contribution\":true,\"salary_comprehensive\":false,\
         \"salary_type\":\"FIXED\",\"pension_fund_name\":null,\
         \"healthcare_provider_name\":null,\"status_changes\":[]}"
    );
}

#[test]
fn debug_prints_no_person() {
    let mut own = line("2026-01", "0000000100", 1, 2_000_000);
    own.payer = payer(DocumentKind::Cc, PERSON, "LOPEZ MUESTRA IRENE");
    let text = format!("{:?}", projected(&[own], "2026-03"));
    assert!(!text.contains(PERSON) && !text.contains("LOPEZ") && !text.contains("IRENE"));
}

#[test]
fn what_is_filed_last_names_the_owner_and_the_administrators() {
    let named = |line: Contribution, surname: &str, fund: &str| {
        let mut line = line;
        line.names.surname = surname.to_owned();
        line.pension_fund = Some(Administrator { code: Some(fund.to_owned()), name: None });
        line
    };
    let first = named(line("2026-01", "0000000100", 1, 1_000_000), "PRIMERA", "230201");
    let mut second = named(line("2026-01", "0000000099", 2, 1_000_000), "SEGUNDA", "230301");
    second.planilla.paid_on = Some(date("2026-01-20"));
    let mut unpaid = named(draft(line("2026-01", "", 1, 1_000_000)), "TERCERA", "25-14");
    unpaid.planilla.kind = Some("A".to_owned());
    let row = named(ach_row(PERSON, works(), "2026-01", 9, 1_000_000), "CUARTA", "231001");

    let surname = |lines: &[Contribution]| {
        let found = projected(lines, "2026-03");
        let fund = only(&found).months[0].pension_fund_name.clone().unwrap();
        (found.owner.unwrap().last_name.unwrap(), fund)
    };
    let said = |name: &str, fund: &str| (name.to_owned(), fund.to_owned());
    let mut lines = vec![row, second, first];
    assert_eq!(surname(&lines), said("SEGUNDA", "Porvenir"));
    lines.push(unpaid);
    assert_eq!(surname(&lines), said("TERCERA", "Colpensiones"));
}

#[test]
fn owner_names_are_joined_without_blank_parts() {
    let mut filed = line("2026-01", "0000000100", 1, 1_000_000);
    filed.names = Names {
        first: " MARIA  DEL ".to_owned(),
        second: "PILAR".to_owned(),
        surname: "DE LA ROSA".to_owned(),
        second_surname: " ".to_owned(),
    };
    let owner = projected(&[filed], "2026-03").owner.unwrap();
    assert_eq!(owner.display_name.as_deref(), Some("MARIA DEL PILAR DE LA ROSA"));
    assert_eq!(owner.first_name.as_deref(), Some("MARIA DEL PILAR"));
    assert_eq!(owner.second_last_name, None);
}
