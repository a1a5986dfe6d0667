//! Traps that real writers set: what is read in spite of them is told.

use vinculo_pila::planilla::layout::PAYER as PAYER_FIELDS;
use vinculo_pila::planilla::{self, Finding, Severity};

use crate::helpers::{altered, planilla, sample};

const MONTH: &str = "01-nandu-E-2025-10.txt";
const INDEPENDENT: &str = "17-indep-I-2025-08.txt";
const STAFFING: &str = "27-temporal-E-2025-12-ascii.txt";
const PAYER: &str = "type1/type1-nandu.txt";

/// Rule, line and field of each finding, errors with a mark.
fn told(bytes: &[u8]) -> Vec<String> {
    let name = |it: &Finding| {
        let mark = if it.severity == Severity::Error { "!" } else { "" };
        let field = it.field.map(|field| format!(" {field}")).unwrap_or_default();
        format!("{}{mark} {}{field}", it.rule, it.line)
    };
    planilla::check(bytes).findings.iter().map(name).collect()
}

/// The same after a change of one place.
fn after(name: &str, line: usize, column: usize, text: &[u8]) -> Vec<String> {
    told(&altered(name, line, column, text))
}

/// A file with another text at each of several places.
fn changed(name: &str, places: &[(usize, usize, &[u8])]) -> Vec<u8> {
    let mut bytes = sample(name);
    for &(line, column, text) in places {
        let before = bytes.split_inclusive(|&byte| byte == b'\n').take(line - 1);
        let at = before.map(<[u8]>::len).sum::<usize>() + column - 1;
        bytes[at..at + text.len()].copy_from_slice(text);
    }
    bytes
}

#[test]
fn digits_that_spaces_pad_are_told() {
    assert_eq!(after(MONTH, 1, 319, b"71000101  "), ["numeric 1 17"]);
    assert_eq!(after(MONTH, 1, 319, b"  71000101"), ["numeric 1 17"]);
    let related = |text| after("06-nandu-N-2025-11.txt", 1, 228, text);
    assert_eq!(related(b"71000207  "), ["numeric 1 9"]);
    assert_eq!(related(b"0071000207"), [""; 0]);
    let payer = |column, text| after(PAYER, 1, column, text);
    let column = |field: usize| usize::try_from(PAYER_FIELDS[field - 1].columns().0).unwrap();
    assert!(payer(column(14), b" 111").contains(&"numeric 1 14".to_owned()));
    assert!(payer(column(28), b" 9").contains(&"numeric 1 28".to_owned()));
    assert_eq!(after(MONTH, 2, 687, b" 201110"), ["numeric 2 98"]);
    assert_eq!(after(MONTH, 2, 687, b"201110 "), ["numeric 2 98"]);
}

#[test]
fn every_odd_line_end_is_told() {
    let ends = |end: &[u8]| {
        let lines = sample(MONTH);
        let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let bytes: Vec<u8> = lines.flat_map(|line| [line, end].concat()).collect();
        told(&bytes)
    };
    assert_eq!(ends(b"\n"), [""; 0]);
    assert_eq!(ends(b"\r\n"), [""; 0]);
    assert_eq!(ends(b"\r"), ["lone_carriage_return! 1"]);
    // What text modes make of CR LF, and LF CR.
    assert_eq!(ends(b"\r\r\n")[..2], ["record_length! 1", "lone_carriage_return! 1"]);
    assert_eq!(ends(b"\n\r")[..2], ["lone_carriage_return! 2", "record_type! 2 1"]);
    assert_eq!(ends(b"\n\n")[0], "blank_line! 2");
    for end in [&b"\x0b"[..], b"\x0c", b"\x1e", b"\x85", b"\0"] {
        assert_eq!(ends(end)[0].split(' ').next(), Some("record_length!"), "{end:?}");
    }
    assert_eq!(after(MONTH, 3, 694, b"\r\r")[0], "record_length! 3");
}

#[test]
fn what_a_writer_does_on_many_lines_is_told_once() {
    let findings = planilla::check(&sample(STAFFING)).findings;
    let shown: Vec<_> =
        findings.iter().map(|it| (it.rule, it.line, it.field, &*it.found)).collect();
    let expected = [
        ("catalog", 2, Some(98), "\"0000001\", the first of 170 lines"),
        ("mark", 4, Some(41), "\"0\", the first of 26 lines"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(after(MONTH, 2, 201, b"0"), ["mark 2 41"]);
    assert_eq!(after(MONTH, 2, 201, b" "), [""; 0], "older files leave it blank");
    assert_eq!(after(MONTH, 2, 687, b"0000000"), ["catalog 2 98"]);
    assert_eq!(after(MONTH, 2, 687, b"2999901"), ["catalog 2 98"]);
    // Who has no risk class is not insured and has no activity.
    assert_eq!(after(MONTH, 2, 513, b" "), [""; 0]);
}

#[test]
fn a_contribution_is_rounded_up_and_not_otherwise() {
    let health = |amount: &[u8; 9]| after(MONTH, 2, 315, amount);
    assert_eq!(health(b"000057000"), [""; 0]);
    for wrong in [b"000056940", b"000056900", b"000057040", b"000057100"] {
        assert_eq!(health(wrong), ["contribution_amount 2 55"], "{wrong:?}");
    }
}

#[test]
fn who_pays_alone_and_who_pays_for_others_file_other_planillas() {
    let kind = |name: &str, kind: &[u8]| after(name, 1, 356, kind);
    assert_eq!(kind(INDEPENDENT, b"14"), [""; 0]);
    assert_eq!(kind(INDEPENDENT, b"01"), [""; 0], "a third party may pay");
    assert_eq!(kind("23-obra-Y-2025-12.txt", b"02"), ["planilla_payer_mismatch 1 8"]);
    assert_eq!(kind("23-obra-Y-2025-12.txt", b"15"), [""; 0]);
    assert_eq!(kind(MONTH, b"02"), ["planilla_payer_mismatch! 1 8"]);
    assert_eq!(after(INDEPENDENT, 2, 10, b"1900000889"), ["planilla_payer_mismatch 2 4"]);
    // A NIT is the number of the card, and needs its check digit.
    assert_eq!(after(INDEPENDENT, 1, 208, b"NI"), ["check_digit! 1 7"]);
}

#[test]
fn who_files_hours_and_was_there_has_some() {
    assert_eq!(after(MONTH, 2, 674, b"000"), ["hours 2 96"]);
    // Unpaid leave, and an apprentice, who files none.
    assert_eq!(after("02-nandu-E-2025-11.txt", 3, 674, b"000"), [""; 0]);
    let apprentice = |hours| after(MONTH, 5, 674, hours);
    assert_eq!(apprentice(b"000"), [""; 0]);
}

#[test]
fn a_month_after_its_payment_is_told() {
    let paid = |day: &[u8]| after(MONTH, 1, 329, day);
    assert_eq!(paid(b"2025-10-31"), [""; 0]);
    assert_eq!(paid(b"2025-09-30"), ["period 1 15"]);
    // A draft has no payment.
    const DRAFT: &str = "08-nandu-E-2026-02-unpaid.txt";
    assert_eq!(after(DRAFT, 1, 305, b"2026-062026-07"), [""; 0]);
}

#[test]
fn one_document_in_two_forms_is_one_worker() {
    const LEAVE: &str = "02-nandu-E-2025-11.txt";
    const ZEROS: &[u8] = b"001900000101";
    let two_forms = changed(LEAVE, &[(3, 10, ZEROS)]);
    assert_eq!(told(&two_forms), ["document_number 3 4"]);
    let people = |bytes: &[u8]| planilla(bytes).header().number::<19>();
    let counted = people(&two_forms).unwrap();
    // A writer that takes them for two people says one more.
    let more = format!("{:05}", counted + 1);
    let counted_twice = changed(LEAVE, &[(3, 10, ZEROS), (1, 339, more.as_bytes())]);
    assert_eq!(told(&counted_twice), ["header_total_contributors 1 19", "document_number 3 4"]);
    // Nobody else can be one more, nor two.
    let both = changed(LEAVE, &[(2, 10, ZEROS), (3, 10, ZEROS), (1, 339, more.as_bytes())]);
    assert!(told(&both).contains(&"header_total_contributors! 1 19".to_owned()));
    let two_more = format!("{:05}", counted + 2);
    let too_many = changed(LEAVE, &[(3, 10, ZEROS), (1, 339, two_more.as_bytes())]);
    assert!(told(&too_many).contains(&"header_total_contributors! 1 19".to_owned()));
    // Zeros make another number of an identity card of minors.
    let minor = changed(LEAVE, &[(2, 8, b"TI"), (3, 8, b"TI001900000101")]);
    assert!(told(&minor).contains(&"header_total_contributors! 1 19".to_owned()));
}

#[test]
fn codes_are_those_of_the_month() {
    let provider = |name: &str, code: &[u8; 6]| after(name, 2, 166, code);
    assert_eq!(provider(MONTH, b"EPS003"), ["catalog 2 33"], "historic in 2024 already");
    assert_eq!(provider("25-penon-E-2021-06-686.txt", b"EPS003"), [""; 0]);
    assert_eq!(provider(MONTH, b"EPS002"), [""; 0]);
    let worker = |month: &[u8; 7], kind: &[u8; 2]| {
        let bytes =
            changed(INDEPENDENT, &[(1, 305, month), (1, 312, month), (1, 329, &[b' '; 10])]);
        let at = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 26;
        let mut bytes = bytes;
        bytes[at..at + 2].copy_from_slice(kind);
        let told = told(&bytes);
        told.contains(&"catalog 2 5".to_owned())
    };
    assert!(worker(b"2026-07", b"76"));
    assert!(!worker(b"2026-08", b"76"));
    assert!(worker(b"2026-06", b"74"));
    assert!(!worker(b"2026-07", b"74"));
    // Back pay names months before its planilla type: what counts is when it was paid.
    let back_pay = |day: &[u8; 10]| {
        let told = told(&changed(MONTH, &[(1, 227, b"W"), (1, 329, day)]));
        told.contains(&"catalog 1 8".to_owned())
    };
    assert!(back_pay(b"2026-06-30"));
    assert!(!back_pay(b"2026-08-15"));
    assert!(!back_pay(b"          "), "nobody knows when it will be paid");
    let kind = |day: &[u8; 10]| told(&changed(MONTH, &[(1, 356, b"17"), (1, 329, day)]));
    assert_eq!(kind(b"2025-11-10"), ["catalog 1 21"]);
    assert_eq!(kind(b"2026-08-15"), [""; 0]);
}
