//! Every sample file against its verdict.

use std::fs;

use crate::helpers::{samples, text_files};
use vinculo_pila::planilla::{self, FileKind, Finding, Severity};

fn lines_of(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

struct Verdict {
    file: String,
    refused: bool,
    rule: Option<String>,
    line: Option<u64>,
    field: Option<u16>,
}

fn verdicts() -> Vec<Verdict> {
    let table = fs::read_to_string(samples().join("verdicts.tsv")).unwrap();
    let read = |row: &str| {
        let cells: Vec<&str> = row.split('\t').collect();
        let open = |index: usize| Some(cells[index]).filter(|&cell| cell != "-");
        Verdict {
            file: cells[0].to_owned(),
            refused: match cells[1] {
                "refuse" => true,
                "accept" => false,
                other => panic!("{other} is no verdict"),
            },
            rule: open(2).map(str::to_owned),
            line: open(3).map(|cell| cell.parse().unwrap()),
            field: open(4).map(|cell| cell.parse().unwrap()),
        }
    };
    table.lines().skip(1).map(read).collect()
}

#[test]
fn every_malformed_file_gets_its_verdict() {
    for verdict in verdicts() {
        let bytes = fs::read(samples().join("bad").join(&verdict.file)).unwrap();
        let report = planilla::check(&bytes);
        let findings = lines_of(&report.findings);
        let name = &verdict.file;
        assert_eq!(report.accepted(), !verdict.refused, "{name}\n{findings}");
        let severity = if verdict.refused { Severity::Error } else { Severity::Warning };
        match &verdict.rule {
            None => assert_eq!(findings, "", "{name}"),
            Some(rule) => assert!(
                report.findings.iter().any(|finding| {
                    finding.rule == rule
                        && finding.severity == severity
                        && verdict.line.is_none_or(|line| finding.line == line)
                        && (finding.field == verdict.field || name.starts_with("39"))
                }),
                "{name}: {rule} is not among\n{findings}"
            ),
        }
        if !verdict.refused {
            let listed: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
            let expected = verdict.rule.as_deref();
            assert!(listed.iter().all(|&rule| Some(rule) == expected), "{name}\n{findings}");
        }
    }
}

#[test]
fn every_malformed_file_has_a_verdict() {
    let verdicts = verdicts();
    for path in text_files(&samples().join("bad")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(verdicts.iter().any(|verdict| verdict.file == name), "{name}");
    }
}

#[test]
fn a_refused_file_cannot_be_read() {
    for path in text_files(&samples().join("bad")) {
        let bytes = fs::read(&path).unwrap();
        let report = planilla::check(&bytes);
        match planilla::read(&bytes) {
            Ok(_) => assert!(report.accepted(), "{}", path.display()),
            Err(refused) => {
                assert_eq!(refused, report, "{}", path.display());
                assert!(!report.accepted(), "{}", path.display());
            }
        }
    }
}

#[test]
fn every_valid_planilla_is_accepted_without_findings() {
    let files = text_files(&samples());
    assert_eq!(files.len(), 27);
    for path in files {
        let report = planilla::check(&fs::read(&path).unwrap());
        // It shows two habits that even accepted files have; tests of traps name them.
        let habits = if path.ends_with("27-temporal-E-2025-12-ascii.txt") { 2 } else { 0 };
        let findings = lines_of(&report.findings);
        assert_eq!((report.errors, report.warnings), (0, habits), "{}\n{findings}", path.display());
        assert_eq!(report.kind, Some(FileKind::Planilla));
    }
}

#[test]
fn every_payer_record_is_accepted_without_findings() {
    let files = text_files(&samples().join("type1"));
    assert_eq!(files.len(), 8);
    for path in files {
        let report = planilla::check(&fs::read(&path).unwrap());
        assert_eq!(lines_of(&report.findings), "", "{}", path.display());
        assert_eq!(report.kind, Some(FileKind::PayerRecord));
    }
}
