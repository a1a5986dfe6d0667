//! Every person of the sample planillas, against what the mapping says of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vinculo_history::{Employment, Options, Owner, project, work_activity};
use vinculo_pila::planilla::{self, File};
use vinculo_pila::{Contribution, Document, PayerProfile};

fn tests_of(krate: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(krate).join("tests")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    assert!(!files.is_empty(), "no {extension} in {}", folder.display());
    files
}

fn samples() -> (BTreeMap<Document, Vec<Contribution>>, Vec<PayerProfile>) {
    let folder = tests_of("pila").join("samples");
    let mut people: BTreeMap<Document, Vec<Contribution>> = BTreeMap::new();
    let mut profiles = Vec::new();
    for path in [files(&folder, "txt"), files(&folder.join("type1"), "txt")].concat() {
        let bytes = fs::read(&path).unwrap();
        match planilla::read(&bytes) {
            Ok(File::Planilla(planilla)) => {
                let mut lines: Vec<_> = planilla.contributions().collect();
                let activity = work_activity(&lines).map(str::to_owned);
                lines.iter_mut().for_each(|line| line.payer.activity_code.clone_from(&activity));
                for line in lines {
                    people.entry(line.person.clone()).or_default().push(line);
                }
            }
            Ok(File::PayerRecord(profile)) => profiles.push(profile),
            Err(report) => panic!("{} is refused: {report:?}", path.display()),
        }
    }
    (people, profiles)
}

fn options() -> Options {
    Options { current_month: "2026-03".parse().unwrap(), window_months: None, include_drafts: true }
}

fn owner(owner: &Owner) -> Value {
    json!({
        "display_name": owner.display_name,
        "first_name": owner.first_name,
        "last_name": owner.last_name,
        "second_last_name": owner.second_last_name,
        "document_id": {
            "document_type": owner.document_type,
            "document_number": owner.document_number,
        },
    })
}

/// An employment in the shape of the expected files: months ascending, amounts as fractions.
fn employer(employment: &Employment) -> Value {
    let mut months = serde_json::to_value(&employment.months).unwrap();
    let rows = months.as_array_mut().unwrap();
    rows.reverse();
    for row in rows {
        for amount in ["gross_amount", "net_amount"] {
            row[amount] = json!(row[amount].as_i64().unwrap() as f64);
        }
    }
    json!({
        "employer_data": employment.employer,
        "salary_and_benefit_details": months,
    })
}

fn provenance(employment: &Employment) -> Value {
    let provenance = &employment.provenance;
    let months = provenance.months.iter().rev().map(|month| {
        json!({
            "month": month.month,
            "lines": month.lines,
            "days": month.days,
            "paid": month.paid,
            "notes": month.notes,
        })
    });
    json!({
        "id_number": employment.employer.id_number,
        "continuous_since": provenance.continuous_since,
        "months_contributed": provenance.months_contributed,
        "months": months.collect::<Vec<_>>(),
    })
}

fn by_id(values: &Value) -> Vec<Value> {
    let mut values = values.as_array().unwrap().clone();
    values.sort_by_key(|value| {
        let id = value.get("id_number").or_else(|| value.pointer("/employer_data/id_number"));
        id.map(Value::to_string)
    });
    values
}

#[test]
fn every_sample_person_is_projected_as_expected() {
    let (people, profiles) = samples();
    let expected = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected"), "json");
    assert_eq!(people.len(), expected.len());
    for path in expected {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (kind, number) = name.split_once('-').unwrap();
        let kind = vinculo_pila::DocumentKind::from_code(kind).unwrap();
        let lines = &people[&Document::new(kind, number)];
        let found = project(lines, &profiles, &options());
        let expected: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();

        assert_eq!(owner(found.owner.as_ref().unwrap()), expected["owner"], "owner of {name}");
        let employers: Value = found.employments.iter().map(employer).collect();
        assert_eq!(by_id(&employers), by_id(&expected["employers"]), "employers of {name}");
        let origins: Value = found.employments.iter().map(provenance).collect();
        let stated = &expected["provenance"]["employers"];
        assert_eq!(by_id(&origins), by_id(stated), "provenance of {name}");
    }
}

#[test]
fn employments_and_months_come_newest_first() {
    let (people, profiles) = samples();
    for lines in people.values() {
        let found = project(lines, &profiles, &options());
        let newest: Vec<_> = found.employments.iter().map(|e| e.months[0].month).collect();
        assert!(newest.is_sorted_by(|a, b| a >= b));
        for employment in &found.employments {
            assert!(employment.months.is_sorted_by(|a, b| a.month > b.month));
        }
    }
}

#[test]
fn hiding_drafts_leaves_only_paid_months() {
    let (people, profiles) = samples();
    let hidden = Options { include_drafts: false, ..options() };
    let mut removed = 0;
    for lines in people.values() {
        let shown = project(lines, &profiles, &options());
        let paid = project(lines, &profiles, &hidden);
        let months = |p: &vinculo_history::Projection| -> usize {
            p.employments.iter().map(|e| e.months.len()).sum()
        };
        removed += months(&shown) - months(&paid);
        let mut origins = paid.employments.iter().flat_map(|e| &e.provenance.months);
        assert!(origins.all(|month| month.paid));
    }
    // Six lines of the unpaid planilla and the 120 people of the upload without a number.
    assert_eq!(removed, 126);
}
