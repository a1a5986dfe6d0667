//! Borders of single rules.

use vinculo_pila::DocumentKind;
use vinculo_pila::planilla::{self, Severity};

use crate::helpers::{altered, planilla, sample};
use crate::mutations::Change;

const MONTH: &str = "01-nandu-E-2025-10.txt";

/// What a change of one place leads to: the rules found, errors with a mark.
fn after(line: usize, column: usize, text: &[u8]) -> Vec<String> {
    let report = planilla::check(&altered(MONTH, line, column, text));
    let name = |finding: &planilla::Finding| match finding.severity {
        Severity::Error => format!("{}!", finding.rule),
        Severity::Warning => finding.rule.to_owned(),
    };
    report.findings.iter().map(name).collect()
}

#[test]
fn a_rate_needs_its_dot_in_its_place() {
    let rate = |text: &[u8]| after(2, 456, text);
    assert!(rate(b"0.00000").is_empty());
    assert_eq!(rate(b"0000000"), ["rate"]);
    assert_eq!(rate(b"0.0    "), ["rate"]);
    assert_eq!(rate(b"       "), ["numeric"]);
    // Padded on the wrong side, as one writer does.
    assert_eq!(rate(b"    0.0"), ["rate"]);
    for wrong in [b"0000.16", b"00.1600", b"0.1 600", b"1.00000", b"0160000", b"0,16000"] {
        assert_eq!(rate(wrong), ["rate!"], "{wrong:?}");
    }
    // The rate of pensions may not be left out.
    assert_eq!(after(2, 238, b"       "), ["rate!"]);
}

#[test]
fn a_day_must_exist() {
    let leaves = |text: &[u8]| after(2, 525, text);
    assert!(leaves(b"2025-10-31").is_empty());
    for wrong in [b"2025-02-30", b"0000-00-00", b"31-10-2025", b"2025-10-3 ", b"2025/10/31"] {
        assert_eq!(leaves(wrong), ["date!"], "{wrong:?}");
    }
}

#[test]
fn numbers_tolerate_blanks_where_writers_leave_them() {
    assert_eq!(after(2, 348, b"         "), ["numeric"]);
    assert_eq!(after(2, 390, b"7        "), ["numeric"]);
    assert_eq!(after(2, 390, b"7 7      "), ["numeric!"]);
    assert_eq!(after(2, 254, b"         "), ["numeric!"]);
}

#[test]
fn a_nit_has_fifteen_digits_at_most() {
    assert_eq!(after(1, 210, b"9901002170000000"), ["document_number!"]);
}

#[test]
fn the_payroll_may_differ_by_a_peso_a_line() {
    let lines = 7;
    let source = planilla::check(&sample(MONTH)).summary.unwrap();
    assert_eq!(source.lines, lines);
    let claimed = |total: i64| after(1, 344, format!("{total:012}").as_bytes());
    assert!(claimed(source.payroll_total).is_empty());
    assert_eq!(claimed(source.payroll_total - i64::from(lines)), ["header_payroll_total"]);
    assert_eq!(claimed(source.payroll_total + i64::from(lines) + 1), ["header_payroll_total!"]);
}

#[test]
fn the_payroll_of_a_correction_may_count_the_lines_as_paid() {
    const CORRECTION: &str = "06-nandu-N-2025-11.txt";
    let bytes = sample(CORRECTION);
    let bases = planilla(&bytes).contributions().filter_map(|line| line.base.ccf).sum::<i64>();
    let all = altered(CORRECTION, 1, 344, format!("{bases:012}").as_bytes());
    assert!(planilla::check(&all).findings.is_empty());
}

#[test]
fn a_correction_needs_both_sides_of_a_person() {
    const CORRECTION: &str = "06-nandu-N-2025-11.txt";
    let unmarked = planilla::check(&altered(CORRECTION, 2, 144, b" "));
    assert!(unmarked.findings.iter().any(|found| found.rule == "required" && found.line == 2));
    assert!(!unmarked.accepted());
}

#[test]
fn one_fault_on_every_line_is_counted_and_not_listed_without_end() {
    let source = sample(MONTH);
    let mut lines = source.split_inclusive(|&byte| byte == b'\n');
    let mut bytes = lines.next().unwrap().to_vec();
    let mut record = lines.next().unwrap().to_vec();
    record[201] = b'O';
    for sequence in 1..=1_500 {
        record[2..7].copy_from_slice(format!("{sequence:05}").as_bytes());
        bytes.extend_from_slice(&record);
    }
    let report = planilla::check(&bytes);
    assert_eq!(report.errors, 1_500);
    assert_eq!(report.findings.len(), 1_000);
    assert_eq!(report.unlisted(), 500);
    assert_eq!(serde_json::to_value(&report).unwrap()["unlisted"], 500);
    assert_eq!(report.lines, 1_501);
}

#[test]
fn planillas_relate_to_another_one_as_their_type_asks() {
    let related = |letter: u8, number: &[u8], day: &[u8]| {
        let mut bytes = altered(MONTH, 1, 227, &[letter]);
        bytes[227..237].copy_from_slice(number);
        bytes[237..247].copy_from_slice(day);
        let report = planilla::check(&bytes);
        let of_header = report.findings.iter().filter(|finding| finding.line == 1);
        let shown = |it: &planilla::Finding| format!("{} {}", it.rule, it.field.unwrap());
        let told = of_header.filter(|it| matches!(it.field, Some(9 | 10))).map(shown);
        (told.collect::<Vec<_>>().join(", "), report.accepted())
    };
    let (none, day, number) = (&[b' '; 10], b"2025-10-10", b"1990000001");
    for letter in *b"JOQU" {
        assert_eq!(related(letter, none, none), ("required 9, required 10".to_owned(), true));
        assert_eq!(related(letter, b"0000000000", day), ("required 9".to_owned(), true));
        assert_eq!(related(letter, number, day), (String::new(), true));
    }
    assert_eq!(related(b'U', b"TITULO 007", day), (String::new(), true));
    assert!(!related(b'F', none, none).1, "a completion of nothing");
    for letter in *b"EAIMSYHTXKB" {
        let both = "related_planilla 9, related_planilla 10".to_owned();
        assert_eq!(related(letter, number, day).0, both);
        assert_eq!(related(letter, b"0000000000", none).0, "zero_filled 9");
        assert_eq!(related(letter, none, none).0, "");
    }
    // Nobody says what back pay and actuarial payments relate to.
    for letter in *b"WZ" {
        assert_eq!(related(letter, number, day).0, related(letter, none, none).0);
    }
}

#[test]
fn places_of_work_are_looked_up_in_pairs() {
    assert!(after(2, 32, b"05001").is_empty());
    assert_eq!(after(2, 32, b"98001"), ["catalog"], "no such department");
    assert_eq!(after(2, 32, b"05999"), ["catalog"], "no such municipality");
    assert_eq!(after(2, 32, b"11002"), ["catalog"], "one of another department");
    assert_eq!(after(2, 32, b"1100A"), ["catalog"]);
    assert_eq!(after(2, 32, b"   1 "), ["required"]);
    assert_eq!(after(2, 32, b"     "), ["required", "required"]);
    let payer = |column, text| {
        let report = planilla::check(&altered("type1/type1-nandu.txt", 1, column, text));
        let fields = report.findings.iter().map(|it| (it.rule, it.field.unwrap()));
        fields.collect::<Vec<_>>()
    };
    assert!(payer(314, b"00105").is_empty());
    assert_eq!(payer(314, b"99905"), [("catalog", 12)]);
    assert_eq!(payer(314, b"00198"), [("catalog", 13)]);
    assert_eq!(payer(564, b"98"), [("catalog", 32)]);
    assert!(payer(564, b"05").is_empty());
}

#[test]
fn a_kind_of_document_of_the_list_never_refuses() {
    let kind = |line: usize, column: usize, text: &[u8]| {
        after(line, column, text)
            .into_iter()
            .filter(|it| it.starts_with("catalog"))
            .collect::<Vec<_>>()
    };
    assert_eq!(kind(2, 8, b"PC"), ["catalog"]);
    assert_eq!(kind(2, 8, b"RC"), ["catalog"]);
    assert_eq!(kind(2, 8, b"NI"), ["catalog"]);
    assert_eq!(kind(1, 208, b"PC"), ["catalog"]);
    assert_eq!(kind(1, 208, b"RC"), ["catalog"]);
    assert_eq!(kind(2, 8, b"XX"), ["catalog!"]);
    assert_eq!(kind(1, 208, b"XX"), ["catalog!"]);
    let lines = altered(MONTH, 2, 8, b"PC");
    let person = planilla(&lines).contributions().next().unwrap().person;
    assert_eq!(person.kind, DocumentKind::Pc);
}

#[test]
fn a_permit_ends_with_its_last_month() {
    let kind = |month: &[u8]| {
        let mut bytes = altered(MONTH, 2, 8, b"PE");
        bytes[304..311].copy_from_slice(month);
        let findings = planilla::check(&bytes).findings;
        findings.into_iter().filter(|it| it.field == Some(3) && it.line == 2).collect::<Vec<_>>()
    };
    assert!(kind(b"2023-08").is_empty());
    let late = kind(b"2023-09");
    assert_eq!((late.len(), late[0].rule), (1, "catalog"));
    assert_eq!(late[0].expected, "another kind: PE ended with 2023-08");
}

#[test]
fn transfers_are_blank_since_january_2026() {
    const OLD: &str = "03-nandu-E-2025-12.txt";
    const NEW: &str = "05-nandu-E-2026-01.txt";
    for (column, field) in (139..=142).zip(17..) {
        assert!(planilla::check(&altered(OLD, 2, column, b"X")).findings.is_empty());
        let findings = planilla::check(&altered(NEW, 2, column, b"X")).findings;
        let told = findings.iter().map(|it| (it.rule, it.field, it.severity));
        let expected = [("transfer_mark", Some(field), Severity::Warning)];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_public_bodies_pay_is_base_times_rate_as_well() {
    const PUBLIC: &str = "15-muni-E-2025-12.txt";
    let told = |column, text| {
        let findings = planilla::check(&altered(PUBLIC, 2, column, text)).findings;
        findings.iter().map(|it| (it.rule, it.field.unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(told(463, b"000025700"), [("contribution_amount", 71)]);
    assert_eq!(told(479, b"000051200"), [("contribution_amount", 73)]);
    assert_eq!(told(456, b"0.00000"), [("contribution_amount", 71)], "nothing is due");
    assert_eq!(told(472, b"       "), [("numeric", 72), ("contribution_amount", 73)]);
}

#[test]
fn an_activity_is_written_in_digits() {
    assert_eq!(after(2, 687, b"       "), ["numeric"]);
    assert_eq!(after(2, 687, b"1     7"), ["numeric!"]);
    let uninsured = Change::SetBoth((2, 513, b" "), (2, 687, b"       "));
    assert!(planilla::check(&uninsured.of(MONTH)).findings.is_empty());
}

#[test]
fn the_class_of_a_payer_suits_its_kind() {
    let told = |kind: &[u8], class: &[u8]| {
        let mut bytes = altered("type1/type1-nandu.txt", 1, 552, kind);
        bytes[269..270].copy_from_slice(class);
        planilla::check(&bytes).findings.iter().map(|it| it.rule).collect::<Vec<_>>()
    };
    assert!(told(b"01", b"D").is_empty());
    assert!(told(b"02", b"I").is_empty());
    assert_eq!(told(b"02", b"B"), ["payer_class"]);
    // The list does not say which classes waste pickers have.
    assert!(told(b"17", b"I").is_empty());
    // What is on no list has its own finding.
    assert_eq!(told(b"02", b"Z"), ["catalog"]);
    assert_eq!(told(b"99", b"B"), ["catalog"]);
}

#[test]
fn a_mail_address_may_be_left_out() {
    let told = |text: &[u8]| {
        let bytes = altered("type1/type1-nandu.txt", 1, 343, text);
        planilla::check(&bytes).findings.iter().map(|it| it.found.clone()).collect::<Vec<_>>()
    };
    assert!(told(&[b' '; 60]).is_empty());
    let mut text = [b' '; 60];
    text[..11].copy_from_slice(b"pagos.nandu");
    assert_eq!(told(&text), ["\"aaaaa.aaaaa\""]);
}

#[test]
fn the_table_of_rules_has_what_a_reader_needs() {
    for (at, rule) in planilla::rules().enumerate() {
        assert!(planilla::rules().skip(at + 1).all(|other| other.code != rule.code));
        assert!(rule.meaning.ends_with('.') && !rule.expected.ends_with('.'), "{}", rule.code);
        assert!(!rule.severities.is_empty() && !rule.article().is_empty());
        for place in rule.fields() {
            assert!(!place.field.name_es.is_empty() && !place.field.name_en.is_empty());
        }
    }
    let overridable: Vec<_> =
        planilla::rules().filter(|rule| rule.overridable()).map(|rule| rule.code).collect();
    assert_eq!(overridable, ["header_total_contributors", "header_payroll_total"]);
}
