//! No bytes make the check fail, and what it accepts can be read in full.

use crate::changes::{apply, changes, source};
use crate::helpers::sample;
use proptest::prelude::*;
use vinculo_pila::planilla::{self, File, Finding, Severity};

/// A finding says what the table of rules says of it.
fn assert_like_table(finding: &Finding) {
    let rule = planilla::rules().find(|rule| rule.code == finding.rule).unwrap();
    assert!(rule.severities.contains(&finding.severity), "{finding}");
    assert!(finding.article.starts_with("Res") || rule.article() == finding.article, "{finding}");
    let fields: Vec<_> = rule.fields().map(|place| place.field).collect();
    match finding.field {
        Some(number) => assert!(
            fields.iter().any(|field| field.number == number
                && Some(field.name_en) == finding.field_en
                && Some(field.name_es) == finding.field_es),
            "{finding}"
        ),
        None => assert!(fields.is_empty(), "{finding}"),
    }
}

/// The positions of a finding lie inside its line.
fn assert_inside(finding: &Finding, bytes: &[u8]) {
    let Some((start, end)) = finding.columns else { return };
    let line = usize::try_from(finding.line).unwrap();
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let line = text.split_inclusive(|&byte| byte == b'\n').nth(line - 1).unwrap();
    let record = line.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = record.unwrap_or(line);
    assert!(1 <= start && start <= end && end as usize <= line.len(), "{finding}");
}

/// Checks and reads, and holds what one says against the other.
fn assert_consistent(bytes: &[u8]) {
    let report = planilla::check(bytes);
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    assert_eq!(errors.count() > 0, !report.accepted());
    for finding in &report.findings {
        assert!(finding.line <= report.lines + 1, "{finding}");
        assert_like_table(finding);
        assert_inside(finding, bytes);
    }
    match planilla::read(bytes) {
        Ok(file) => {
            assert!(report.accepted());
            if let File::Planilla(planilla) = file {
                let lines = planilla.report().summary.as_ref().unwrap().lines as usize;
                assert_eq!(planilla.contributions().count(), lines);
            }
        }
        Err(refused) => assert_eq!(refused, report),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_can_be_checked(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        assert_consistent(&bytes);
    }

    #[test]
    fn any_text_can_be_checked(text in "(01|02|)[ -~\u{a0}-\u{ff}\r\n]{0,800}") {
        let bytes: Vec<u8> = text.chars().filter_map(|c| u8::try_from(c).ok()).collect();
        assert_consistent(&bytes);
    }

    #[test]
    fn altered_files_can_be_checked(
        mut bytes in source(),
        changes in changes(),
    ) {
        for (at, change) in &changes {
            apply(&mut bytes, *at, change);
        }
        assert_consistent(&bytes);
    }

    // Every line of this file has a payroll base, so that the header's total misses each of them.
    #[test]
    fn no_prefix_of_a_file_is_taken_for_the_whole(cut in 0_usize..6_613) {
        let bytes = sample("03-nandu-E-2025-12.txt");
        prop_assert!(!planilla::check(&bytes[..cut]).accepted());
    }

    #[test]
    fn findings_never_show_a_document(column in 0_usize..16) {
        let line = 361 + 8 + column;
        let mut bytes = sample("02-nandu-E-2025-11.txt");
        bytes[line] = b'O';
        let report = planilla::check(&bytes);
        for finding in &report.findings {
            prop_assert!(!finding.to_string().contains("19000"), "{}", finding);
        }
    }
}
