//! Every rule against the smallest change of a good file that breaks it.

use vinculo_pila::planilla::{self, Severity};

use crate::helpers::sample;

/// A change of one place of a good file.
pub(crate) enum Change {
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
    /// The sample after the change.
    pub(crate) fn of(&self, name: &str) -> Vec<u8> {
        let mut bytes = sample(name);
        let ends = bytes.iter().enumerate().filter(|&(_, &byte)| byte == b'\n');
        let lines: Vec<usize> = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let at = |line: usize, column: usize| lines[line - 1] + column - 1;
        let set = |bytes: &mut Vec<u8>, (line, column, text): (usize, usize, &[u8])| {
            bytes[at(line, column)..][..text.len()].copy_from_slice(text);
        };
        match *self {
            Self::Set(line, column, text) => set(&mut bytes, (line, column, text)),
            Self::SetBoth(one, other) => {
                set(&mut bytes, one);
                set(&mut bytes, other);
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

    /// Bytes that the sample has otherwise.
    fn bytes(&self, name: &str) -> usize {
        let (before, after) = (sample(name), self.of(name));
        let other = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        match self {
            Self::Set(..) | Self::SetBoth(..) => other,
            _ => before.len().abs_diff(after.len()),
        }
    }
}

/// A change, and the finding it must lead to.
struct Case {
    rule: &'static str,
    severity: Severity,
    name: &'static str,
    change: Change,
    line: u64,
    field: Option<u16>,
}

/// A rule that refuses.
const fn refuses(rule: &'static str, name: &'static str, change: Change, at: At) -> Case {
    Case { rule, severity: Severity::Error, name, change, line: at.0, field: at.1 }
}

/// A rule that warns.
const fn warns(rule: &'static str, name: &'static str, change: Change, at: At) -> Case {
    Case { severity: Severity::Warning, ..refuses(rule, name, change, at) }
}

/// Line and field of the finding.
#[derive(Clone, Copy)]
struct At(u64, Option<u16>);

const fn field(line: u64, field: u16) -> At {
    At(line, Some(field))
}

const fn line(line: u64) -> At {
    At(line, None)
}

/// What one byte cannot break, and why.
const MORE_THAN_A_BYTE: [(&str, Severity, &str); 6] = [
    ("empty_file", Severity::Error, "a planilla has a thousand bytes"),
    ("binary_content", Severity::Error, "the shortest signature has two bytes"),
    ("byte_order_mark", Severity::Error, "the mark has three bytes"),
    ("header_not_first", Severity::Error, "a good file has one header, and it is the first record"),
    (
        "zero_filled",
        Severity::Warning,
        "the fields have ten characters, all of them spaces or none",
    ),
    (
        "header_total_contributors",
        Severity::Warning,
        "a document in two forms and a header that counts both",
    ),
];

const MONTH: &str = "01-nandu-E-2025-10.txt";
const LEAVE: &str = "02-nandu-E-2025-11.txt";
const LEAVER: &str = "03-nandu-E-2025-12.txt";
const JANUARY: &str = "05-nandu-E-2026-01.txt";
const CORRECTION: &str = "06-nandu-N-2025-11.txt";
const INDEPENDENT: &str = "17-indep-I-2025-08.txt";
const PAYER: &str = "type1/type1-nandu.txt";

/// For every rule and each of its severities a change of a good file.
fn cases() -> Vec<Case> {
    [of_files(), of_headers(), of_forms(), of_lines()].into_iter().flatten().collect()
}

fn of_files() -> Vec<Case> {
    use Change::{Append, Cut, Insert, Remove, Set};
    vec![
        refuses("empty_file", MONTH, Cut(1), line(0)),
        refuses("binary_content", MONTH, Set(1, 1, b"\x1f\x8b"), line(1)),
        refuses("wrong_encoding", MONTH, Set(2, 38, b"\x81"), line(2)),
        refuses("byte_order_mark", MONTH, Insert(1, 1, b"\xef\xbb\xbf"), line(1)),
        refuses("lone_carriage_return", MONTH, Set(2, 38, b"\r"), line(2)),
        refuses("control_character", MONTH, Set(2, 38, b"\t"), line(2)),
        refuses("blank_line", MONTH, Insert(3, 1, b"\n"), line(3)),
        warns("trailing_blank_line", MONTH, Append(b"\n"), line(9)),
        warns("mixed_line_ends", MONTH, Remove(1, 360), line(2)),
        warns("end_of_file_mark", MONTH, Append(b"\x1a"), line(9)),
        refuses("record_length", MONTH, Remove(2, 693), line(2)),
        refuses("record_type", MONTH, Set(2, 2, b"3"), field(2, 1)),
        refuses("missing_header", MONTH, Set(1, 2, b"2"), field(1, 1)),
        refuses("second_header", MONTH, Set(2, 2, b"1"), field(2, 1)),
        refuses("header_not_first", MONTH, SWAPPED, field(2, 1)),
        // The line end after the header: what follows is part of it.
        refuses("no_detail", INDEPENDENT, Remove(1, 361), line(1)),
        // In the middle of the record.
        refuses("extra_record", PAYER, Insert(1, 300, b"\n"), line(2)),
        refuses("sequence", MONTH, Set(3, 7, b"9"), field(3, 2)),
    ]
}

const SWAPPED: Change = Change::SetBoth((1, 2, b"2"), (2, 2, b"1"));

fn of_headers() -> Vec<Case> {
    use Change::{Set, SetBoth};
    vec![
        warns("header_sequence", MONTH, Set(1, 7, b"0"), field(1, 3)),
        warns("required", MONTH, Set(1, 248, b"S"), field(1, 12)),
        warns("numeric", MONTH, Set(1, 319, b" "), field(1, 17)),
        warns("zero_filled", MONTH, Set(1, 228, b"0000000000"), field(1, 9)),
        warns("related_planilla", MONTH, Set(1, 237, b"7"), field(1, 9)),
        refuses("date", MONTH, Set(1, 334, b"9"), field(1, 18)),
        refuses("period", MONTH, Set(1, 310, b"0"), field(1, 15)),
        // The year of the payment.
        warns("period", MONTH, Set(1, 332, b"4"), field(1, 15)),
        warns("health_period", MONTH, Set(1, 318, b"2"), field(1, 16)),
        refuses("catalog", MONTH, Set(1, 227, b"P"), field(1, 8)),
        warns("catalog", MONTH, Set(1, 3, b"9"), field(1, 2)),
        warns("payer_class", PAYER, Set(1, 270, b"I"), field(1, 7)),
        warns("mail_address", PAYER, Set(1, 348, b"."), field(1, 17)),
        refuses("check_digit", MONTH, Set(1, 226, b"9"), field(1, 7)),
        refuses("planilla_payer_mismatch", MONTH, Set(1, 357, b"2"), field(1, 8)),
        warns("planilla_payer_mismatch", INDEPENDENT, Set(2, 19, b"9"), field(2, 4)),
        refuses("header_total_contributors", MONTH, Set(1, 343, b"8"), field(1, 19)),
        warns(
            "header_total_contributors",
            LEAVE,
            SetBoth((1, 343, b"8"), (3, 10, b"001900000101")),
            field(1, 19),
        ),
        refuses("header_payroll_total", MONTH, Set(1, 350, b"9"), field(1, 20)),
        warns("header_payroll_total", MONTH, Set(1, 355, b"1"), field(1, 20)),
    ]
}

fn of_forms() -> Vec<Case> {
    use Change::Set;
    vec![
        refuses("required", CORRECTION, Set(2, 144, b" "), field(2, 22)),
        refuses("numeric", MONTH, Set(2, 203, b"O"), field(2, 42)),
        refuses("rate", MONTH, Set(2, 239, b","), field(2, 46)),
        warns("rate", MONTH, Set(2, 462, b" "), field(2, 70)),
        warns("alignment", MONTH, Set(2, 37, b" "), field(2, 11)),
        refuses("days", MONTH, Set(2, 187, b"1"), field(2, 37)),
        refuses("mark", MONTH, Set(2, 137, b"Z"), field(2, 15)),
        warns("mark", MONTH, Set(2, 201, b"0"), field(2, 41)),
        warns("transfer_mark", JANUARY, Set(2, 139, b"X"), field(2, 17)),
        refuses("mark_not_allowed", MONTH, Set(2, 144, b"A"), field(2, 22)),
        warns("nationality", MONTH, Set(2, 30, b"X"), field(2, 7)),
        refuses("document_number", MONTH, Set(2, 10, b"A"), field(2, 4)),
        warns("document_number", MONTH, Set(2, 10, b"0"), field(2, 4)),
        warns("lower_case", MONTH, Set(2, 37, b"p"), field(2, 11)),
        refuses("novelty_dates", LEAVE, Set(3, 563, b"0"), field(3, 84)),
        warns("novelty_dates", MONTH, Set(2, 137, b"X"), field(2, 80)),
        refuses("correction_pair", CORRECTION, Set(7, 144, b"A"), field(6, 22)),
        warns("correction_pair", CORRECTION, Set(6, 144, b"C"), field(6, 22)),
    ]
}

fn of_lines() -> Vec<Case> {
    use Change::Set;
    vec![
        warns("planilla_worker_mismatch", MONTH, Set(2, 27, b"3"), field(2, 5)),
        warns("contribution_amount", MONTH, Set(2, 321, b"1"), field(2, 55)),
        warns("contribution_total", MONTH, Set(2, 275, b"3"), field(2, 50)),
        warns("days_agree", MONTH, Set(2, 186, b"2"), field(2, 37)),
        warns("bases_agree", MONTH, Set(3, 223, b"7"), field(3, 44)),
        warns("base_floor", MONTH, Set(2, 214, b"3"), field(2, 43)),
        warns("base_cap", MONTH, Set(3, 203, b"4"), field(3, 42)),
        warns("solidarity_fund", MONTH, Set(3, 285, b"9"), field(3, 51)),
        warns("unpaid_leave_rate", LEAVE, Set(3, 241, b"6"), field(3, 46)),
        warns("other_parafiscal_base", MONTH, Set(2, 673, b"1"), field(2, 95)),
        warns("exoneration", MONTH, Set(4, 506, b"S"), field(4, 76)),
        warns("exonerated_health", MONTH, Set(2, 311, b"5"), field(2, 54)),
        warns("risk_class", MONTH, Set(2, 513, b"3"), field(2, 98)),
        warns("hours", MONTH, Set(2, 676, b"1"), field(2, 96)),
        warns("month_days", LEAVER, Set(10, 138, b" "), field(10, 36)),
    ]
}

#[test]
fn every_rule_is_broken_at_its_place_by_one_byte_of_a_good_file() {
    for case in cases() {
        let (rule, name) = (case.rule, case.name);
        assert!(planilla::check(&sample(name)).findings.is_empty(), "{name}");
        let report = planilla::check(&case.change.of(name));
        let expected = (rule, case.severity, case.line, case.field);
        let found = |it: &planilla::Finding| (it.rule, it.severity, it.line, it.field) == expected;
        assert!(report.findings.iter().any(found), "{expected:?} is not in {:#?}", report.findings);
        let more = MORE_THAN_A_BYTE.iter().any(|&(it, of, _)| (it, of) == (rule, case.severity));
        assert_eq!(case.change.bytes(name) > 1, more, "bytes of the change for {expected:?}");
    }
}

#[test]
fn every_rule_has_a_case_for_each_of_its_severities() {
    let cases = cases();
    let mut expected = 0;
    for rule in planilla::rules() {
        for &severity in rule.severities {
            let of = |case: &&Case| (case.rule, case.severity) == (rule.code, severity);
            assert_eq!(cases.iter().filter(of).count(), 1, "{} {severity}", rule.code);
            expected += 1;
        }
    }
    assert_eq!(cases.len(), expected);
}
