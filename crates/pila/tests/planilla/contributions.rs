//! From files to the normal form.

use crate::helpers::{altered, contributions, planilla, sample, samples, text_files};
use vinculo_pila::planilla::{self, File};
use vinculo_pila::{
    Amounts, Contribution, Correction, Document, DocumentKind, Month, Names, Novelties,
    NoveltiesKnown, Origin, PerSystem, PlanillaRef,
};

const fn per_system<T>(pension: T, health: T, arl: T, ccf: T) -> PerSystem<T> {
    PerSystem { pension: Some(pension), health: Some(health), arl: Some(arl), ccf: Some(ccf) }
}

fn code(administrator: Option<&vinculo_pila::Administrator>) -> Option<&str> {
    administrator?.code.as_deref()
}

#[test]
fn a_line_carries_all_it_says() {
    let lines = contributions("02-nandu-E-2025-11.txt");
    let leave = &lines[1];
    assert_eq!(leave.origin, Origin::Planilla);
    assert_eq!(leave.person, Document::new(DocumentKind::Cc, "1900000101"));
    let names = Names {
        first: "MARÍA".to_owned(),
        second: "JOSÉ".to_owned(),
        surname: "PEÑARANDA".to_owned(),
        second_surname: "NIÑO".to_owned(),
    };
    assert_eq!(leave.names, names);
    assert_eq!(leave.payer.document, Document::new(DocumentKind::Nit, "990100217"));
    assert_eq!(leave.payer.name.as_deref(), Some("INDUSTRIAS ÑANDÚ DEL CAFÉ S.A.S."));
    assert_eq!(leave.payer.kind_code.as_deref(), Some("01"));
    assert_eq!(leave.payer.activity_code, None);
    assert_eq!(leave.period, Month::new(2025, 11).unwrap());
    let reference = PlanillaRef {
        kind: Some("E".to_owned()),
        number: Some("0071000207".to_owned()),
        branch: None,
        paid_on: Some(jiff::civil::date(2025, 12, 10)),
        operator: Some("88".to_owned()),
    };
    assert_eq!(leave.planilla, reference);
    assert_eq!(leave.line, 2);
    assert_eq!(leave.correction, None);
    assert_eq!(leave.worker_kind.as_deref(), Some("01"));
    assert_eq!(leave.worker_subtype.as_deref(), Some("00"));
    assert_eq!(leave.days, per_system(6, 6, 6, 6));
    assert_eq!(leave.base, per_system(284_700, 284_700, 284_700, 284_700));
    assert_eq!(leave.basic_salary, Some(1_423_500));
    assert_eq!(leave.salary_kind, Some('F'));
    let novelties = Novelties { sln: Some('X'), ..Novelties::default() };
    assert_eq!(leave.novelties, novelties);
    assert_eq!(leave.novelties_known, NoveltiesKnown::All);
    let amounts = Amounts {
        pension: Some(34_200),
        voluntary_worker: Some(0),
        fsp_solidarity: Some(0),
        fsp_subsistence: Some(0),
        health: Some(0),
        arl: Some(0),
        ccf: Some(0),
        sena: Some(0),
        icbf: Some(0),
    };
    assert_eq!(leave.amounts, amounts);
    assert_eq!(code(leave.pension_fund.as_ref()), Some("230301"));
    assert_eq!(code(leave.health_provider.as_ref()), Some("EPS037"));
    assert_eq!(leave.risk_class, Some('2'));
    assert_eq!(leave.arl_activity.as_deref(), Some("2011101"));
    assert!(leave.paid);
}

#[test]
fn blanks_are_none() {
    let foreigner = &contributions("04-nandu-A-2025-12.txt")[0];
    assert_eq!(foreigner.person, Document::new(DocumentKind::Pa, "XA4410209"));
    assert_eq!(foreigner.names.surname, "D'ANGELO");
    assert_eq!(foreigner.names.second_surname, "");
    assert_eq!(foreigner.pension_fund, None);
    assert_eq!(foreigner.novelties.ing, Some('X'));
    assert_eq!(foreigner.novelties.ret, None);

    let contractor = &contributions("22-indpt-I-2026-01.txt")[0];
    assert_eq!(contractor.salary_kind, None);
    assert_eq!(contractor.payer.document, Document::new(DocumentKind::Pt, "999123"));

    let old = &contributions("26-penon-E-2018-01-676.txt")[0];
    assert_eq!(old.arl_activity, None);
}

#[test]
fn a_draft_is_not_paid() {
    let lines = contributions("08-nandu-E-2026-02-unpaid.txt");
    assert!(lines.iter().all(|line| !line.paid));
    assert_eq!(lines[0].planilla.number, None);
    assert_eq!(lines[0].planilla.paid_on, None);
    assert_eq!(lines[0].planilla.operator.as_deref(), Some("00"));
}

#[test]
fn a_number_of_zeros_is_no_number() {
    let bytes = altered("08-nandu-E-2026-02-unpaid.txt", 1, 319, b"0000000000");
    let planilla = planilla(&bytes);
    assert_eq!(planilla.header().planilla_number(), None);
    let rules: Vec<_> = planilla.report().findings.iter().map(|found| found.rule).collect();
    assert_eq!(rules, ["zero_filled"]);
}

#[test]
fn a_number_is_filled_up_with_zeros() {
    for written in [b"0071000205", b"71000205  ", b"  71000205"] {
        let bytes = altered("01-nandu-E-2025-10.txt", 1, 319, written);
        let number = planilla(&bytes).header().planilla_number();
        assert_eq!(number.as_deref(), Some("0071000205"));
    }
}

#[test]
fn documents_are_read_in_their_normal_form() {
    let person = |kind: &[u8; 2], number: &[u8; 16]| {
        let bytes = altered("01-nandu-E-2025-10.txt", 2, 8, &[&kind[..], number].concat());
        planilla(&bytes).contributions().next().unwrap().person
    };
    let of = Document::new;
    assert_eq!(person(b"CC", b"0019990000001   "), of(DocumentKind::Cc, "19990000001"));
    assert_eq!(person(b"PA", b"xa199901        "), of(DocumentKind::Pa, "XA199901"));
    assert_eq!(person(b"PA", b"00199901        "), of(DocumentKind::Pa, "00199901"));
    assert_eq!(person(b"TI", b"00010112345     "), of(DocumentKind::Ti, "00010112345"), "a birth");
}

#[test]
fn the_days_of_start_and_end_are_read() {
    let day = |field, text: &[u8; 10]| {
        let bytes = altered("01-nandu-E-2025-10.txt", 2, field, text);
        let line = planilla(&bytes).contributions().next().unwrap();
        (line.started_on, line.ended_on)
    };
    let tenth = Some(jiff::civil::date(2025, 10, 10));
    assert_eq!(day(515, b"2025-10-10"), (tenth, None));
    assert_eq!(day(525, b"2025-10-10"), (None, tenth));
}

#[test]
fn a_branch_counts_when_presentation_is_by_branch() {
    let header = b"S       012NORTE";
    let bytes = altered("01-nandu-E-2025-10.txt", 1, 248, header);
    let branch = planilla(&bytes).contributions().next().unwrap().planilla.branch;
    assert_eq!(branch.as_deref(), Some("012"));
    let single = altered("01-nandu-E-2025-10.txt", 1, 249, b"012");
    assert_eq!(planilla(&single).header().branch(), None);
}

#[test]
fn lines_of_a_correction_have_their_role() {
    let lines = contributions("06-nandu-N-2025-11.txt");
    let roles: Vec<_> = lines.iter().map(|line| line.correction.unwrap()).collect();
    assert_eq!(roles.iter().filter(|&&role| role == Correction::AsPaid).count(), 3);
    assert_eq!(roles.iter().filter(|&&role| role == Correction::AsCorrected).count(), 3);
    assert_eq!(roles[0], Correction::AsPaid);
}

#[test]
fn no_line_is_lost() {
    for path in text_files(&samples()) {
        let bytes = std::fs::read(&path).unwrap();
        let records = bytes.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"02"));
        let planilla = planilla(&bytes);
        let sequences: Vec<u32> = planilla.contributions().map(|line| line.line).collect();
        let expected: Vec<u32> = (1..).take(records.count()).collect();
        assert_eq!(sequences, expected, "{}", path.display());
        let summary = planilla.report().summary.as_ref().unwrap();
        assert_eq!(summary.lines as usize, expected.len());
    }
}

/// The lines of an odd but valid file, beside those of the file it was made from.
fn beside(odd: &str, source: &str) -> (Vec<Contribution>, Vec<Contribution>) {
    (contributions(&format!("bad/{odd}.txt")), contributions(&format!("{source}.txt")))
}

#[test]
fn odd_forms_change_nothing() {
    for odd in [
        "ok-01-lf",
        "ok-02-no-final-line-end",
        "ok-03-mixed-line-ends",
        "ok-04-trailing-blank-lines",
        "ok-05-eof-mark",
        "ok-08-total-rounding",
        "ok-09-zero-rate-without-dot",
        "ok-10-blank-unused-amounts",
    ] {
        let (odd_lines, lines) = beside(odd, "03-nandu-E-2025-12");
        assert_eq!(odd_lines, lines, "{odd}");
    }
    let (padded, lines) = beside("ok-06-702", "26-penon-E-2018-01-676");
    assert_eq!(padded, lines);
}

#[test]
fn odd_values_change_only_themselves() {
    let (lower, mut lines) = beside("ok-07-lower-case", "03-nandu-E-2025-12");
    "Juan".clone_into(&mut lines[1].names.first);
    assert_eq!(lower, lines);

    let (passport, mut lines) = beside("ok-11-letters-in-pt", "03-nandu-E-2025-12");
    lines[1].person = Document::new(DocumentKind::Pt, "XA7701126");
    assert_eq!(passport, lines);

    let (extra, lines) = beside("ok-12-zero-day-line", "03-nandu-E-2025-12");
    let idle = extra.iter().find(|line| line.days == per_system(0, 0, 0, 0)).unwrap();
    assert_eq!(idle.base, per_system(0, 0, 0, 0));
    assert_eq!(extra.len(), lines.len() + 1);
}

#[test]
fn a_payer_record_becomes_a_profile() {
    let bytes = sample("type1/type1-muni.txt");
    let Ok(File::PayerRecord(profile)) = planilla::read(&bytes) else {
        panic!("a payer record is expected");
    };
    assert_eq!(profile.document, Document::new(DocumentKind::Nit, "990400879"));
    assert_eq!(profile.name, "MUNICIPIO DE VILLA ILUSIÓN");
    assert_eq!(profile.activity_code.as_deref(), Some("8412"));
    assert_eq!(profile.class_code.as_deref(), Some("A"));
    assert_eq!(profile.legal_nature.as_deref(), Some("1"));
    assert_eq!(profile.kind_code.as_deref(), Some("01"));
}

#[test]
fn the_older_payer_record_is_read_as_well() {
    let mut bytes = sample("type1/type1-nandu.txt");
    bytes.truncate(551);
    bytes.extend(b"1\r\n");
    let Ok(File::PayerRecord(profile)) = planilla::read(&bytes) else {
        panic!("a payer record is expected");
    };
    assert_eq!(profile.kind_code.as_deref(), Some("01"));
    assert_eq!(profile.activity_code.as_deref(), Some("1061"));
}

#[test]
fn the_summary_adds_up() {
    let report = planilla::check(&sample("02-nandu-E-2025-11.txt"));
    insta::assert_json_snapshot!(report);
    let report = planilla::check(&sample("06-nandu-N-2025-11.txt"));
    assert_eq!(report.summary.unwrap().payroll_total, 6_073_500);
}
