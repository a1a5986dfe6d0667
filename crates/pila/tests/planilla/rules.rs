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
    assert_eq!(report.lines, 1_501);
}

/// A change of one place of a good file.
enum Change {
    /// Other bytes at a column (from 1) of a line (from 1).
    Set(usize, usize, &'static [u8]),
    /// Other bytes at two places.
    SetBoth((usize, usize, &'static [u8]), (usize, usize, &'static [u8])),
    Insert(usize, usize, &'static [u8]),
    Remove(usize, usize),
    Append(&'static [u8]),
    /// The lines before this one.
    Cut(usize),
}

impl Change {
    fn of(&self, name: &str) -> Vec<u8> {
        let mut bytes = sample(name);
        let lines: Vec<usize> = std::iter::once(0)
            .chain(
                bytes.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').map(|(at, _)| at + 1),
            )
            .collect();
        let at = |line: usize, column: usize| lines[line - 1] + column - 1;
        match *self {
            Self::Set(line, column, text) => return altered(name, line, column, text),
            Self::SetBoth((line, column, text), (other, there, then)) => {
                bytes[at(line, column)..][..text.len()].copy_from_slice(text);
                bytes[at(other, there)..][..then.len()].copy_from_slice(then);
            }
            Self::Insert(line, column, text) => {
                let at = at(line, column);
                bytes.splice(at..at, text.iter().copied());
            }
            Self::Remove(line, column) => {
                bytes.remove(at(line, column));
            }
            Self::Append(text) => bytes.extend_from_slice(text),
            Self::Cut(line) => bytes.truncate(at(line, 1)),
        }
        bytes
    }
}

/// For every rule a change of a good file that breaks it.
fn cases() -> Vec<(&'static str, &'static str, Change)> {
    use Change::{Append, Cut, Insert, Remove, Set, SetBoth};
    const LEAVE: &str = "02-nandu-E-2025-11.txt";
    const CORRECTION: &str = "06-nandu-N-2025-11.txt";
    const PAYER: &str = "type1/type1-nandu.txt";
    let record = include_bytes!("../samples/type1/type1-nandu.txt");
    let month = |code, change| (code, MONTH, change);
    vec![
        month("empty_file", Cut(1)),
        month("binary_content", Set(1, 1, b"\x89PNG")),
        month("wrong_encoding", Set(2, 38, b"\x81")),
        month("byte_order_mark", Insert(1, 1, b"\xef\xbb\xbf")),
        month("lone_carriage_return", Set(2, 38, b"\r")),
        month("control_character", Set(2, 38, b"\t")),
        month("blank_line", Insert(3, 1, b"\r\n")),
        month("trailing_blank_line", Append(b"\r\n")),
        month("mixed_line_ends", Remove(1, 360)),
        month("end_of_file_mark", Append(b"\x1a")),
        month("record_length", Remove(2, 693)),
        month("record_type", Set(2, 2, b"3")),
        month("missing_header", Set(1, 2, b"2")),
        month("second_header", Set(2, 2, b"1")),
        month("header_not_first", SetBoth((1, 2, b"2"), (2, 2, b"1"))),
        month("no_detail", Cut(2)),
        ("extra_record", PAYER, Append(record)),
        month("sequence", Set(3, 7, b"9")),
        month("header_sequence", Set(1, 7, b"0")),
        month("required", Set(1, 8, &[b' '; 200])),
        month("numeric", Set(2, 203, b"O")),
        month("rate", Set(2, 239, b",")),
        month("alignment", Set(2, 37, b" ")),
        month("zero_filled", Set(1, 228, b"0000000000")),
        month("date", Set(2, 525, b"2025-13-01")),
        month("period", Set(1, 310, b"00")),
        month("health_period", Set(1, 318, b"2")),
        month("days", Set(2, 187, b"1")),
        month("catalog", Set(2, 26, b"99")),
        month("mark", Set(2, 137, b"Z")),
        month("mark_not_allowed", Set(2, 144, b"A")),
        month("nationality", Set(2, 30, b"X")),
        month("document_number", Set(2, 10, b"A")),
        month("check_digit", Set(1, 226, b"9")),
        month("lower_case", Set(2, 37, b"p")),
        month("novelty_dates", Set(2, 137, b"X")),
        ("correction_pair", CORRECTION, Set(7, 144, b"A")),
        month("planilla_payer_mismatch", Set(1, 357, b"2")),
        month("planilla_worker_mismatch", Set(2, 27, b"3")),
        month("contribution_amount", Set(2, 318, b"1")),
        month("contribution_total", Set(2, 275, b"3")),
        month("days_agree", Set(2, 186, b"29")),
        month("bases_agree", Set(3, 223, b"7")),
        month("base_floor", Set(2, 214, b"3")),
        month("base_cap", Set(3, 203, b"4")),
        month("solidarity_fund", Set(3, 285, b"9")),
        ("unpaid_leave_rate", LEAVE, Set(3, 241, b"6")),
        month("other_parafiscal_base", Set(2, 673, b"1")),
        month("exoneration", Set(4, 506, b"S")),
        month("risk_class", Set(2, 513, b"3")),
        month("hours", Set(2, 676, b"1")),
        month("month_days", Set(2, 184, b"29292929")),
        month("header_total_contributors", Set(1, 343, b"8")),
        month("header_payroll_total", Set(1, 350, b"9")),
    ]
}

#[test]
fn every_rule_is_broken_by_one_change_of_a_good_file() {
    let cases = cases();
    for rule in planilla::rules() {
        let found: Vec<_> = cases.iter().filter(|(code, ..)| *code == rule.code).collect();
        let [(_, name, change)] = found[..] else {
            panic!("{} cases for the rule {}", found.len(), rule.code);
        };
        assert!(planilla::check(&sample(name)).findings.is_empty(), "{name}");
        let report = planilla::check(&change.of(name));
        let broken = report.findings.iter().any(|finding| finding.rule == rule.code);
        assert!(broken, "{} is not among {:#?}", rule.code, report.findings);
    }
    assert_eq!(cases.len(), planilla::rules().count());
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
