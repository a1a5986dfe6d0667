//! The people and payers of the samples live in tests alone: whoever reads the sources, the documents
//! or the benchmarks meets the made-up country of the generator.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vinculo_pila::planilla::{Detail, Header, PayerRecord};

/// Shorter ones are found in other words and numbers.
const LONG: usize = 7;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file under a path, without what builds leave behind.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("target")).flat_map(|path| files(&path)).collect()
}

/// Whole names and documents of the payers and people of the good samples.
fn names_and_documents() -> BTreeSet<String> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let mut found = BTreeSet::new();
    let good = files(&samples).into_iter().filter(|path| {
        !path.starts_with(samples.join("bad")) && path.extension().is_some_and(|it| it == "txt")
    });
    for line in good.flat_map(|path| {
        fs::read(path).unwrap().split(|&b| b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>()
    }) {
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if let Some(detail) = Detail::new(line) {
            let parts = [
                detail.text::<13>(),
                detail.text::<14>(),
                detail.text::<11>(),
                detail.text::<12>(),
            ];
            let [first, second, surname, second_surname] = parts;
            for parts in [
                [&first, &second, &surname, &second_surname],
                [&surname, &second_surname, &first, &second],
            ] {
                let parts: Vec<_> =
                    parts.into_iter().filter(|it| !it.is_empty()).map(AsRef::as_ref).collect();
                found.insert(parts.join(" "));
            }
            found.insert(detail.text::<4>().into_owned());
        } else if let Some(header) = Header::new(line) {
            found.extend([header.text::<4>().into_owned(), header.text::<6>().into_owned()]);
        } else if let Some(payer) = PayerRecord::new(line) {
            found.extend([payer.text::<1>().into_owned(), payer.text::<3>().into_owned()]);
        }
    }
    found.retain(|text| text.len() >= LONG);
    found
}

/// Whether no letter or digit stands beside it: the digits of a document are part of many amounts.
fn stands_alone(text: &str, at: usize, name: &str) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + name.len()..].chars().next();
    !before.into_iter().chain(after).any(char::is_alphanumeric)
}

#[test]
fn no_sample_occurs_outside_tests() {
    let names = names_and_documents();
    assert!(names.len() > 300, "{}", names.len());
    let root = root();
    let crates = fs::read_dir(root.join("crates")).unwrap().map(|it| it.unwrap().path());
    let sources = crates.map(|path| path.join("src")).filter(|path| path.is_dir());
    let places = sources.chain(["docs", "bench", "README.md"].map(|path| root.join(path)));
    let mut looked_at = 0;
    for file in places.flat_map(|path| files(&path)) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        looked_at += 1;
        for name in &names {
            let at =
                text.match_indices(name.as_str()).find(|&(at, _)| stands_alone(&text, at, name));
            let at = at.map(|(at, _)| at);
            let line = at.map(|at| text[..at].lines().count());
            assert_eq!(line, None, "{name:?} in {}", file.display());
        }
    }
    assert!(looked_at > 300, "{looked_at}");
}
