//! The files themselves.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use vinculo_history::{Options, project};
use vinculo_operator::country::{Country, Size, SizeError};
use vinculo_operator::personas;
use vinculo_pila::planilla::{self, File};
use vinculo_pila::{Contribution, DocumentKind};

use crate::support::{files, month, read, sized, small};

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let country = files(&small(1));
    assert_eq!(country, files(&small(1)));
    let other = files(&small(2));
    let both = country.keys().filter(|name| other.contains_key(*name));
    assert!(both.clone().count() > 20);
    for name in both.filter(|name| !name.starts_with("payer")) {
        assert_ne!(country[name], other[name], "{name}");
    }
}

#[test]
fn a_month_does_not_depend_on_what_was_asked_before() {
    let country = small(3);
    let bytes = |country: &Country| {
        let file = country.planillas(month("2025-12")).next().unwrap();
        let mut bytes = Vec::new();
        file.write_to(&mut bytes).unwrap();
        bytes
    };
    let alone = bytes(&country);
    files(&country);
    assert_eq!(bytes(&country), alone);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_has_an_error_or_a_warning(seed in any::<u64>()) {
        for (name, bytes) in files(&small(seed)) {
            let report = planilla::check(&bytes);
            prop_assert!(report.accepted(), "{name}: {:?}", report.findings);
            prop_assert_eq!(report.warnings, 0, "{}: {:?}", name, report.findings);
        }
    }
}

#[test]
fn no_file_of_a_year_without_figures_has_an_error_or_a_warning() {
    let first = month("2026-11");
    let size = Size { payers: 12, people_per_payer: 4, first, months: 50 };
    let country = Country::of_cedulas(17, size, 12).unwrap();
    let files = files(&country);
    for year in 2027..=2030 {
        assert!(files.keys().any(|name| name.contains(&format!("{year}-06"))), "{year}");
    }
    for (name, bytes) in files {
        let report = planilla::check(&bytes);
        assert_eq!((report.errors, report.warnings), (0, 0), "{name}: {:?}", report.findings);
    }
}

/// The file with its detail records cut, or filled up with spaces, to another length.
fn with_width(bytes: &[u8], length: usize, padded: usize) -> Vec<u8> {
    let mut other = Vec::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let record = line.strip_suffix(b"\r\n").unwrap();
        let detail = record.starts_with(b"02") && record.len() == 693;
        let record = if detail { &record[..length] } else { record };
        other.extend_from_slice(record);
        if detail {
            other.resize(other.len() + padded - length, b' ');
        }
        other.extend_from_slice(b"\r\n");
    }
    other
}

#[test]
fn every_width_of_the_detail_says_the_same() {
    let country = small(7);
    let read = |length, padded| {
        let mut people: BTreeMap<_, Vec<Contribution>> = BTreeMap::new();
        for (name, bytes) in files(&country) {
            let bytes = with_width(&bytes, length, padded);
            let report = planilla::check(&bytes);
            assert_eq!((report.errors, report.warnings), (0, 0), "{name}: {:?}", report.findings);
            let Ok(File::Planilla(planilla)) = planilla::read(&bytes) else { continue };
            let width = report.summary.and_then(|summary| summary.record_length);
            assert_eq!(width.map(usize::from), Some(length), "{name}");
            for mut line in planilla.contributions() {
                // Field 98, which only the longest record has.
                line.arl_activity = None;
                people.entry(line.person.clone()).or_default().push(line);
            }
        }
        let current_month = month("2026-03");
        let options = Options { current_month, window_months: None, include_drafts: true };
        let projected = people.values().map(|lines| project(lines, &[], &options));
        projected.collect::<Vec<_>>()
    };
    let whole = read(693, 693);
    assert!(whole.len() > 20 && whole.iter().any(|it| !it.employments.is_empty()));
    for (length, padded) in [(676, 676), (686, 686), (676, 702)] {
        assert_eq!(read(length, padded), whole, "{length} in {padded}");
    }
}

#[test]
fn every_sort_of_payer_person_and_planilla_lives_here() {
    let country = sized(11, 24, 60, 4);
    let filed = read(&country);
    let lines = || filed.people.values().flatten();
    let seen = |value: fn(&Contribution) -> Option<String>| -> BTreeSet<String> {
        lines().filter_map(value).collect()
    };
    let expect = |found: BTreeSet<String>, all: &[&str]| {
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), all);
    };
    expect(seen(|line| line.planilla.kind.clone()), &["A", "E", "I", "M", "N", "S", "Y"]);
    expect(seen(|line| line.worker_kind.clone()), &["01", "02", "03", "12", "19", "51", "59"]);
    expect(seen(|line| line.worker_subtype.clone()), &["00", "01", "02"]);
    expect(seen(|line| Some(line.person.kind.to_string())), &["CC", "CE", "PA", "PT", "TI"]);
    let payers = seen(|line| Some(line.payer.document.kind.to_string()));
    assert!(payers.contains("NI") && payers.contains("CC"), "{payers:?}");
    expect(seen(|line| line.payer.kind_code.clone()), &["01", "02", "15"]);
    expect(seen(|line| line.salary_kind.map(String::from)), &["F", "V", "X"]);
    let classes: BTreeSet<_> = filed.payers.iter().filter_map(|it| it.class_code.clone()).collect();
    expect(classes, &["A", "B", "C", "D", "I"]);
    let natures: BTreeSet<_> =
        filed.payers.iter().filter_map(|it| it.legal_nature.clone()).collect();
    expect(natures, &["1", "2"]);

    let has = |test: fn(&Contribution) -> bool| assert!(lines().any(test));
    has(|line| line.novelties.ing.is_some());
    has(|line| line.novelties.ret.is_some());
    has(|line| line.novelties.vsp.is_some());
    has(|line| line.novelties.vst.is_some());
    has(|line| line.novelties.sln.is_some());
    has(|line| line.novelties.ige.is_some());
    has(|line| line.novelties.lma.is_some());
    has(|line| line.novelties.vac == Some('X'));
    has(|line| line.novelties.vac == Some('L'));
    has(|line| line.novelties.irl_days > 0);
    has(|line| line.amounts.fsp_solidarity > Some(0));
    has(|line| line.base.ccf > line.base.health);
    has(|line| !line.paid);
}

#[test]
fn numbers_stay_in_their_ranges() {
    let country = sized(5, 12, 40, 3);
    let mut numbers = BTreeMap::new();
    for (name, bytes) in files(&country) {
        let Ok(File::Planilla(planilla)) = planilla::read(&bytes) else { continue };
        if let Some(number) = planilla.header().planilla_number() {
            assert!(number.len() == 10 && number.as_str() >= "5000000000", "{name}: {number}");
            assert!(numbers.insert(number, name.clone()).is_none(), "a number twice: {name}");
        }
        for line in planilla.contributions() {
            let documents = [&line.person, &line.payer.document];
            for document in documents {
                let start = match document.kind {
                    DocumentKind::Nit => "995",
                    DocumentKind::Cc if document.number.starts_with("1994") => "1994",
                    DocumentKind::Cc => "1995",
                    DocumentKind::Ti => "1095",
                    DocumentKind::Ce => "9",
                    DocumentKind::Pt => "95",
                    DocumentKind::Pa => "XB0",
                    other => panic!("{other}"),
                };
                let rest = document.number.strip_prefix(start).unwrap();
                assert!(rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_digit()));
                assert!(personas().iter().all(|persona| persona.document() != *document));
            }
        }
    }
}

#[test]
fn a_large_payer_files_by_branch() {
    let country = sized(9, 3, 6_000, 1);
    let mut branches = BTreeSet::new();
    let mut people = 0;
    for file in country.planillas(month("2025-09")) {
        assert!(file.lines() <= 99_999);
        let mut bytes = Vec::new();
        file.write_to(&mut bytes).unwrap();
        let Ok(File::Planilla(planilla)) = planilla::read(&bytes) else { panic!("{file:?}") };
        assert_eq!(planilla.report().warnings, 0, "{:?}", planilla.report().findings);
        if let Some(branch) = planilla.header().branch() {
            branches.insert(branch);
            people += planilla.header().number::<19>().unwrap();
        }
    }
    assert_eq!(branches.into_iter().collect::<Vec<_>>(), ["001", "002", "003"]);
    assert!(people > 50_000, "{people}");
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let size = Size { payers: 12, people_per_payer: 4, first: month("2025-01"), months: 12 };
    let refused = |size| Country::new(0, size).unwrap_err();
    assert_eq!(refused(Size { payers: 0, ..size }), SizeError::Empty);
    assert_eq!(refused(Size { people_per_payer: 0, ..size }), SizeError::Empty);
    assert_eq!(refused(Size { months: 0, ..size }), SizeError::Empty);
    assert_eq!(
        refused(Size { payers: 12_000, people_per_payer: 4_000, ..size }).to_string(),
        "12000 payers and 60194000 people: at most 1000000 of each"
    );
    assert!(matches!(refused(Size { months: 600, ..size }), SizeError::Month(_)));
    assert!(matches!(refused(Size { first: month("1990-01"), ..size }), SizeError::Month(_)));
}
