use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vinculo_pila::planilla::{self, Finding, layout};

use super::*;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pila/tests/samples")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(samples().join(folder)).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<_> = all.filter(|it| it.extension().is_some_and(|it| it == "txt")).collect();
    files.sort();
    files
}

/// Whether a text needs no words: what the file holds, a number, a month.
fn speaks_for_itself(text: &str) -> bool {
    !text.contains(|c: char| c.is_ascii_lowercase())
}

/// The texts of findings that have no Spanish.
fn untold(findings: &[Finding]) -> BTreeSet<String> {
    let mut untold = BTreeSet::new();
    for finding in findings {
        assert!(meaning(finding.rule, Language::Es).is_some(), "{}", finding.rule);
        for text in [&*finding.found, &*finding.expected, finding.article] {
            let known = in_spanish(text, PHRASES).is_some();
            let law = text.starts_with("Ley")
                || text.starts_with("Decreto")
                || text.starts_with("Estatuto")
                || text.starts_with("Código");
            if !known && !speaks_for_itself(text) && !law {
                untold.insert(text.to_owned());
            }
        }
    }
    untold
}

#[test]
fn every_rule_has_a_sentence_in_both_languages() {
    for rule in rules() {
        for language in [Language::Es, Language::En] {
            assert!(
                meaning(rule.code, language).is_some_and(|it| it.ends_with('.')),
                "{}",
                rule.code
            );
        }
    }
    assert_eq!(
        meaning("check_digit", Language::En).unwrap(),
        "The check digit of a NIT does not match."
    );
}

#[test]
fn every_finding_about_a_bad_file_is_told_in_spanish() {
    let mut untold_texts = BTreeSet::new();
    for file in files("bad").into_iter().chain(files("")).chain(files("type1")) {
        let bytes = std::fs::read(&file).unwrap();
        untold_texts.extend(untold(&planilla::check(&bytes).findings));
    }
    assert_eq!(untold_texts, BTreeSet::new());
}

#[test]
fn every_finding_about_a_changed_field_is_told_in_spanish() {
    let mut untold_texts = BTreeSet::new();
    let mut rules = BTreeSet::new();
    let layouts: [(&str, usize, &[layout::Field]); 8] = [
        ("01-nandu-E-2025-10.txt", 1, &layout::HEADER),
        ("01-nandu-E-2025-10.txt", 2, &layout::DETAIL),
        ("02-nandu-E-2025-11.txt", 3, &layout::DETAIL),
        ("05-nandu-E-2026-01.txt", 2, &layout::DETAIL),
        ("06-nandu-N-2025-11.txt", 1, &layout::HEADER),
        ("06-nandu-N-2025-11.txt", 7, &layout::DETAIL),
        ("09-penon-E-2025-10.txt", 4, &layout::DETAIL),
        ("type1/type1-nandu.txt", 1, &layout::PAYER),
    ];
    for (name, line, fields) in layouts {
        let bytes = std::fs::read(samples().join(name)).unwrap();
        let before = bytes.split_inclusive(|&byte| byte == b'\n').take(line - 1);
        let start: usize = before.map(<[u8]>::len).sum();
        for field in fields {
            let range = field.range();
            for text in [
                " ", "0", "9", "1", "2", "X", "x", "S", "Z", "P", "U", "N", "-", ".", "\t", "RC",
                "PE",
            ] {
                for whole in [false, true] {
                    let mut changed = bytes.clone();
                    let Some(place) = changed.get_mut(start + range.start..start + range.end)
                    else {
                        continue;
                    };
                    let times = if whole { place.len() } else { text.len().min(place.len()) };
                    for (at, byte) in place.iter_mut().take(times).enumerate() {
                        *byte = text.as_bytes()[at % text.len()];
                    }
                    let findings = planilla::check(&changed).findings;
                    rules.extend(findings.iter().map(|finding| finding.rule));
                    untold_texts.extend(untold(&findings));
                }
            }
        }
    }
    assert_eq!(untold_texts, BTreeSet::new());
    assert!(rules.len() > 35, "{rules:?}");
}

#[test]
fn values_stay_as_they_are() {
    let told = |text| told(text, Language::Es).into_owned();
    assert_eq!(told("9 digits"), "9 dígitos");
    assert_eq!(told("00007, the workers of the detail"), "00007, los cotizantes del detalle");
    assert_eq!(told("\"O01423500\""), "\"O01423500\"");
    assert_eq!(told("one of blank X R C"), "vacío, o uno de X R C");
    assert_eq!(
        told("Resolución 2388/2016, annex 2, 2.1.2.1"),
        "Resolución 2388/2016, anexo 2, 2.1.2.1"
    );
    assert_eq!(told("2025-10 or 2025-11"), "2025-10 o 2025-11");
    assert_eq!(told("2025-11"), "2025-11");
    assert_eq!(super::told("9 digits", Language::En), "9 digits");
}
