//! No method of a transaction goes without a test here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_method_is_called_by_the_contract() {
    let methods = methods();
    assert!(methods.len() > 40, "the methods were not found: {methods:?}");
    let tests: String = sources("tests/contract").into_iter().map(|(_, text)| text).collect();
    let missing: Vec<_> =
        methods.iter().filter(|method| !tests.contains(&format!("tx.{method}("))).collect();
    assert!(missing.is_empty(), "methods without a contract test: {missing:?}");
}

/// The public functions inside `impl Tx` of every table's file.
fn methods() -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    for (name, text) in sources("src/tables") {
        let blocks: Vec<_> = text.split("\nimpl Tx<'_> {\n").skip(1).collect();
        let hidden = text.matches("\nimpl Tx").count() > blocks.len();
        assert!(!hidden, "{name}: an impl of Tx whose methods were not found");
        for block in blocks {
            let body = block.split("\n}\n").next().unwrap_or(block);
            for part in body.split("\n    pub fn ").skip(1) {
                let end = part.find(['(', '<']).unwrap_or(part.len());
                methods.insert(part[..end].to_owned());
            }
        }
    }
    methods
}

/// The Rust files of a folder of this package, by name.
fn sources(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(&folder).expect("no such folder");
    let mut sources: Vec<_> = files
        .map(|file| {
            let path = file.expect("not listed").path();
            let text = fs::read_to_string(&path).expect("not read");
            (
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                text,
            )
        })
        .filter(|(name, _)| name.ends_with(".rs"))
        .collect();
    sources.sort();
    sources
}
