//! Small countries and what is read from their files.

use std::collections::BTreeMap;

use vinculo_operator::country::{Country, Size};
use vinculo_pila::planilla::{self, File};
use vinculo_pila::{Contribution, Document, Month, PayerProfile};

pub(crate) fn month(text: &str) -> Month {
    text.parse().unwrap()
}

/// A year around a new minimum wage, as small as one of every sort of payer allows.
pub(crate) fn small(seed: u64) -> Country {
    sized(seed, 12, 4, 6)
}

pub(crate) fn sized(seed: u64, payers: u32, people_per_payer: u32, months: u32) -> Country {
    let first = month("2025-09");
    Country::new(seed, Size { payers, people_per_payer, first, months }).unwrap()
}

/// Every file of the country, by name.
pub(crate) fn files(country: &Country) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut add = |name: String, bytes: Vec<u8>| {
        assert!(files.insert(name.clone(), bytes).is_none(), "{name} twice");
    };
    for month in country.months() {
        for file in country.planillas(month) {
            let mut bytes = Vec::new();
            file.write_to(&mut bytes).unwrap();
            add(file.file_name(), bytes);
        }
    }
    for record in country.payer_records() {
        let mut bytes = Vec::new();
        record.write_to(&mut bytes).unwrap();
        add(record.file_name(), bytes);
    }
    files
}

/// What the files say.
#[derive(Default)]
pub(crate) struct Filed {
    pub(crate) people: BTreeMap<Document, Vec<Contribution>>,
    pub(crate) payers: Vec<PayerProfile>,
}

pub(crate) fn read(country: &Country) -> Filed {
    let mut filed = Filed::default();
    for (name, bytes) in files(country) {
        match planilla::read(&bytes) {
            Ok(File::Planilla(planilla)) => {
                for line in planilla.contributions() {
                    filed.people.entry(line.person.clone()).or_default().push(line);
                }
            }
            Ok(File::PayerRecord(profile)) => filed.payers.push(profile),
            Err(report) => panic!("{name}: {:?}", report.findings),
        }
    }
    filed
}
