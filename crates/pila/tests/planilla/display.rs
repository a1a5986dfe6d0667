//! The words of the findings.

use crate::helpers::{altered, sample};
use vinculo_pila::planilla;

fn findings(bytes: &[u8]) -> String {
    let report = planilla::check(bytes);
    report.findings.iter().map(|finding| format!("{finding}\n")).collect()
}

fn of_bad(name: &str) -> String {
    findings(&sample(&format!("bad/{name}.txt")))
}

#[test]
fn files_that_are_no_planilla() {
    insta::assert_snapshot!(of_bad("01-empty"), @"");
    insta::assert_snapshot!(of_bad("16-utf8"), @"");
    insta::assert_snapshot!(of_bad("19-zip"), @"");
    insta::assert_snapshot!(findings(b"hello\n"), @"");
    insta::assert_snapshot!(findings(b"\xfe\xff\x000"), @"");
}

#[test]
fn structure() {
    insta::assert_snapshot!(of_bad("03-short-detail"), @"");
    insta::assert_snapshot!(of_bad("37-mixed-versions"), @"");
    insta::assert_snapshot!(of_bad("07-sequence-gap"), @"");
    insta::assert_snapshot!(of_bad("13-record-type"), @"");
    insta::assert_snapshot!(of_bad("20-no-header"), @"");
    insta::assert_snapshot!(of_bad("22-header-last"), @"");
    insta::assert_snapshot!(of_bad("43-two-planillas-glued"), @"");
    insta::assert_snapshot!(of_bad("25-tab"), @"");
    insta::assert_snapshot!(of_bad("35-undefined-byte"), @"");
    insta::assert_snapshot!(of_bad("ok-04-trailing-blank-lines"), @"");
}

#[test]
fn header() {
    insta::assert_snapshot!(of_bad("09-check-digit"), @"");
    insta::assert_snapshot!(of_bad("14-header-count"), @"");
    insta::assert_snapshot!(of_bad("15-header-total"), @"");
    insta::assert_snapshot!(of_bad("ok-08-total-rounding"), @"");
    insta::assert_snapshot!(of_bad("30-planilla-type"), @"");
    insta::assert_snapshot!(of_bad("32-correction-without-related"), @"");
    insta::assert_snapshot!(of_bad("41-e-from-independent"), @"");
    insta::assert_snapshot!(findings(&altered("01-nandu-E-2025-10.txt", 1, 227, b"P")), @"");
    insta::assert_snapshot!(findings(&altered("01-nandu-E-2025-10.txt", 1, 312, b"2026-03")), @"");
    insta::assert_snapshot!(findings(&altered("01-nandu-E-2025-10.txt", 1, 329, b"          ")), @"");
}

#[test]
fn detail() {
    insta::assert_snapshot!(of_bad("10-letter-in-amount"), @"");
    insta::assert_snapshot!(of_bad("33-letters-in-cc"), @"");
    insta::assert_snapshot!(of_bad("ok-07-lower-case"), @"");
    insta::assert_snapshot!(of_bad("31-correction-A-alone"), @"");
    insta::assert_snapshot!(of_bad("38-dates-reversed"), @"");
    insta::assert_snapshot!(of_bad("39-shifted"), @"");
    insta::assert_snapshot!(of_bad("40-correction-mark-in-E"), @"");
    insta::assert_snapshot!(findings(&altered("01-nandu-E-2025-10.txt", 2, 137, b"x")), @"");
    insta::assert_snapshot!(findings(&altered("01-nandu-E-2025-10.txt", 2, 146, b"X")), @"");
    insta::assert_snapshot!(findings(&altered("01-nandu-E-2025-10.txt", 2, 26, b"03")), @"");
    insta::assert_snapshot!(findings(&altered("01-nandu-E-2025-10.txt", 2, 154, b"999999")), @"");
    insta::assert_snapshot!(findings(&altered("01-nandu-E-2025-10.txt", 2, 8, b"NI")), @"");
}

#[test]
fn payer_record() {
    insta::assert_snapshot!(findings(&altered("type1/type1-nandu.txt", 1, 219, b"9")), @"");
    insta::assert_snapshot!(findings(&altered("type1/type1-nandu.txt", 1, 319, b"9999")), @"");
    let twice = sample("type1/type1-nandu.txt").repeat(2);
    insta::assert_snapshot!(findings(&twice), @"");
    let short = sample("type1/type1-nandu.txt").split_off(1);
    insta::assert_snapshot!(findings(&short), @"");
}
