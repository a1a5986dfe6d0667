//! Borders of single rules.

use vinculo_pila::planilla::{self, Severity};

use crate::helpers::{altered, planilla, sample};

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
    for wrong in
        [b"0000.16", b"00.1600", b"0.1 600", b"1.00000", b"0160000", b"0,16000", b" 0.1600"]
    {
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
    assert_eq!(report.lines, 1_501);
}
