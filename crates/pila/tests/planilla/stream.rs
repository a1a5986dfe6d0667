//! Files read piece by piece.

use std::io::{self, BufReader, Read};

use proptest::prelude::*;
use vinculo_pila::planilla::{self, CheckOptions, ReadError, Reader};

use crate::changes::{Change, apply, changes, source};
use crate::helpers::{contributions, planilla, sample, samples, text_files};

/// Checks over a buffer of `capacity` bytes.
fn in_pieces(bytes: &[u8], capacity: usize) -> planilla::Report {
    planilla::check_reader(&mut BufReader::with_capacity(capacity, bytes)).unwrap()
}

#[test]
fn every_sample_has_the_same_report_in_pieces() {
    for folder in ["", "bad", "type1"] {
        for path in text_files(&samples().join(folder)) {
            let bytes = std::fs::read(&path).unwrap();
            let whole = planilla::check(&bytes);
            for capacity in [1, 7, 694, 695, 4_096, 1 << 20] {
                assert!(in_pieces(&bytes, capacity) == whole, "{} {capacity}", path.display());
            }
        }
    }
}

#[test]
fn every_sample_has_the_same_contributions_in_pieces() {
    for path in text_files(&samples()) {
        let bytes = std::fs::read(&path).unwrap();
        let mut reader = Reader::new(BufReader::with_capacity(1_000, bytes.as_slice())).unwrap();
        let whole = planilla(&bytes);
        assert_eq!(reader.header().bytes(), whole.header().bytes());
        let lines: Vec<_> = reader.contributions().map(Result::unwrap).collect();
        assert!(lines == whole.contributions().collect::<Vec<_>>(), "{}", path.display());
    }
}

#[test]
fn a_check_shows_every_detail_on_the_way() {
    for path in text_files(&samples()) {
        let bytes = std::fs::read(&path).unwrap();
        let mut input = BufReader::with_capacity(1_000, bytes.as_slice());
        let mut seen = Vec::new();
        let report = planilla::check_reader_seeing(&mut input, CheckOptions::default(), |detail| {
            seen.push(detail.bytes().to_vec());
        });
        assert!(report.unwrap() == planilla::check(&bytes), "{}", path.display());
        let whole: Vec<_> =
            planilla(&bytes).details().map(|detail| detail.bytes().to_vec()).collect();
        assert!(seen == whole, "{}", path.display());
    }
}

#[test]
fn odd_ends_are_read_as_the_plain_file() {
    let plain = contributions("03-nandu-E-2025-12.txt");
    for odd in
        ["ok-01-lf", "ok-02-no-final-line-end", "ok-04-trailing-blank-lines", "ok-05-eof-mark"]
    {
        let bytes = sample(&format!("bad/{odd}.txt"));
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        let lines: Vec<_> = reader.contributions().map(Result::unwrap).collect();
        assert_eq!(lines, plain, "{odd}");
    }
}

#[test]
fn details_are_given_one_by_one() {
    let bytes = sample("16-casa-S-2025-12.txt");
    let mut reader = Reader::new(BufReader::with_capacity(100, bytes.as_slice())).unwrap();
    let mut sequences = Vec::new();
    while let Some(detail) = reader.next_detail().unwrap() {
        sequences.push(detail.sequence().unwrap());
    }
    assert_eq!(sequences, [1, 2]);
    assert!(reader.next_contribution().unwrap().is_none());
}

#[test]
fn what_is_no_planilla_cannot_be_read() {
    for name in ["bad/01-empty.txt", "bad/20-no-header.txt", "type1/type1-nandu.txt"] {
        let bytes = sample(name);
        assert!(matches!(Reader::new(bytes.as_slice()), Err(ReadError::Header)), "{name}");
    }
    let bytes = sample("bad/03-short-detail.txt");
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    let lines: Vec<_> = reader.contributions().collect();
    assert_eq!(lines.len(), 3);
    assert!(matches!(lines[2], Err(ReadError::Detail { line: 4 })));
}

/// An input that gives its bytes, is interrupted now and then, and fails at its end.
struct Failing<'a> {
    bytes: &'a [u8],
    interrupted: bool,
}

impl Read for Failing<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.bytes.is_empty() {
            return Err(io::Error::other("the disk is gone"));
        }
        self.bytes.read(to)
    }
}

#[test]
fn a_failing_input_is_an_error_and_an_interrupted_one_is_not() {
    let bytes = sample("01-nandu-E-2025-10.txt");
    let failing = || BufReader::with_capacity(500, Failing { bytes: &bytes, interrupted: false });
    assert_eq!(planilla::check_reader(&mut failing()).unwrap_err().to_string(), "the disk is gone");
    let mut reader = Reader::new(failing()).unwrap();
    let read: Vec<_> = reader.contributions().collect();
    assert_eq!(read.len(), 8);
    assert!(matches!(read[7], Err(ReadError::Io(_))));
}

/// A line without end, given in pieces: more than any memory.
struct Endless {
    start: &'static [u8],
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if !self.start.is_empty() {
            return self.start.read(to);
        }
        let count = to.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        to[..count].fill(b'0');
        self.left -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_line_without_end_is_a_finding() {
    const LENGTH: u64 = 64 << 20;
    let start = b"01";
    let input = Endless { start, left: LENGTH };
    let report = planilla::check_reader(&mut BufReader::new(input)).unwrap();
    let finding = &report.findings[0];
    assert_eq!(finding.rule, "record_length");
    assert_eq!(finding.found, format!("{} characters", LENGTH + 2));
    assert_eq!(report.lines, 1);
}

#[test]
fn a_long_line_looks_the_same_from_memory_and_in_pieces() {
    let mut bytes = sample("01-nandu-E-2025-10.txt");
    for (length, tail) in [(4_093, 'X'), (4_094, '\u{1a}'), (5_000, ' '), (5_000, '\r')] {
        let at = bytes.len();
        bytes.extend_from_slice(b"02");
        bytes.resize(at + length, b'0');
        bytes.push(u8::try_from(tail).unwrap());
        for end in [b"\n".as_slice(), b"\r\n", b""] {
            let bytes = [&bytes, end].concat();
            assert_eq!(in_pieces(&bytes, 100), planilla::check(&bytes), "{length} {tail:?}");
        }
    }
}

#[test]
fn an_end_mark_far_from_the_end_is_none() {
    let file = sample("01-nandu-E-2025-10.txt");
    let padded = |count: usize, with: &[u8]| {
        let mut bytes = file.clone();
        bytes.push(0x1a);
        bytes.extend(with.iter().cycle().take(count));
        bytes
    };
    for with in [b"\x1a".as_slice(), b" ", b"\r\n", b" \x1a\n"] {
        for (count, accepted) in [(0, true), (127, true), (4_095, true), (4_096, false)] {
            let bytes = padded(count, with);
            let report = planilla::check(&bytes);
            assert_eq!(report.accepted(), accepted, "{count} times {with:?}");
            for capacity in [1, 1_000] {
                assert_eq!(in_pieces(&bytes, capacity), report);
            }
            assert_eq!(planilla::read(&bytes).is_ok(), accepted);
        }
    }
}

// Would take hours if the rest of the file were looked at again for every line.
#[test]
fn many_lines_after_a_mark_take_no_more_than_any_other_lines() {
    let mut bytes = sample("01-nandu-E-2025-10.txt");
    let lines = 200_000;
    bytes.push(0x1a);
    bytes.resize(bytes.len() + lines, b'\n');
    let report = planilla::check(&bytes);
    assert_eq!(report.lines, 8 + lines as u64);
    assert!(report.findings.iter().any(|found| found.rule == "control_character"));
    assert_eq!(in_pieces(&bytes, 10_000), report);
}

#[test]
fn a_mark_inside_the_file_is_a_control_character() {
    let mut bytes = sample("01-nandu-E-2025-10.txt");
    bytes.splice(361..361, *b"\x1a \r\n\x1a\r\n");
    let report = planilla::check(&bytes);
    assert!(report.findings.iter().any(|found| found.rule == "control_character"));
    assert_eq!(in_pieces(&bytes, 13), report);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    #[test]
    fn pieces_and_memory_agree_on_altered_files(
        mut bytes in source(),
        changes in changes(),
        capacity in 1_usize..2_000,
    ) {
        for (at, change) in &changes {
            apply(&mut bytes, *at, change);
        }
        prop_assert_eq!(in_pieces(&bytes, capacity), planilla::check(&bytes));
    }

    #[test]
    fn pieces_and_memory_agree_on_any_bytes(
        bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), proptest::sample::select(&b"01 \r\n\x1a\xc3\x91A"[..])],
            0..400,
        ),
        capacity in 1_usize..50,
    ) {
        prop_assert_eq!(in_pieces(&bytes, capacity), planilla::check(&bytes));
    }

    #[test]
    fn pieces_and_memory_agree_on_tails(
        tail in "[ \r\n\u{1a}]{0,40}",
        more in proptest::option::of(Just(Change::Duplicate(1_000))),
        at in any::<proptest::sample::Index>(),
        capacity in 1_usize..800,
    ) {
        let mut bytes = sample("16-casa-S-2025-12.txt");
        bytes.extend_from_slice(tail.as_bytes());
        if let Some(change) = &more {
            apply(&mut bytes, at, change);
            bytes.extend_from_slice(tail.as_bytes());
        }
        prop_assert_eq!(in_pieces(&bytes, capacity), planilla::check(&bytes));
    }
}
