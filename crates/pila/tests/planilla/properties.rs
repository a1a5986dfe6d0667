//! No bytes make the check fail, and what it accepts can be read in full.

use crate::helpers::sample;
use proptest::prelude::*;
use vinculo_pila::planilla::{self, File, Severity};

/// Checks and reads, and holds what one says against the other.
fn assert_consistent(bytes: &[u8]) {
    let report = planilla::check(bytes);
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    assert_eq!(errors.count() > 0, !report.accepted());
    for finding in &report.findings {
        assert!(finding.line <= report.lines + 1, "{finding}");
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

fn source() -> impl Strategy<Value = Vec<u8>> {
    const NAMES: &[&str] = &[
        "02-nandu-E-2025-11.txt",
        "06-nandu-N-2025-11.txt",
        "16-casa-S-2025-12.txt",
        "25-penon-E-2021-06-686.txt",
        "26-penon-E-2018-01-676.txt",
        "type1/type1-nandu.txt",
        "bad/ok-06-702.txt",
    ];
    proptest::sample::select(NAMES).prop_map(sample)
}

/// One change to a file: at a place, as a share of its length.
#[derive(Debug, Clone)]
enum Change {
    Replace(u8),
    Insert(u8),
    Remove,
    CutHere,
    Duplicate(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let byte =
        prop_oneof![any::<u8>(), proptest::sample::select(&b" 0129AX.-\r\n\t\x1a\x81\xd1Z"[..]),];
    prop_oneof![
        4 => byte.clone().prop_map(Change::Replace),
        2 => byte.prop_map(Change::Insert),
        1 => Just(Change::Remove),
        1 => Just(Change::CutHere),
        1 => (1_usize..1_500).prop_map(Change::Duplicate),
    ]
}

fn apply(bytes: &mut Vec<u8>, at: proptest::sample::Index, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let at = at.index(bytes.len());
    match *change {
        Change::Replace(byte) => bytes[at] = byte,
        Change::Insert(byte) => bytes.insert(at, byte),
        Change::Remove => {
            bytes.remove(at);
        }
        Change::CutHere => bytes.truncate(at),
        Change::Duplicate(length) => {
            let end = (at + length).min(bytes.len());
            bytes.extend_from_within(at..end);
        }
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
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), change()), 1..6),
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
