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

/// What an engine that speaks the protocol must have is told, as far as the code shows it by name.
#[test]
fn what_is_asked_of_postgresql_is_on_the_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/SCALE.md");
    let page = fs::read_to_string(page).expect("no page");
    let (_, page) = page.split_once("### Other engines").expect("no such part");
    let folders = ["src", "src/engine", "src/tables", "src/migrate", "src/copy", "src/store"];
    let code: String = folders.into_iter().flat_map(sources).map(|(_, text)| text).collect();
    let words = code.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    let named: BTreeSet<_> =
        words.filter(|word| word.starts_with("pg_") && word.len() > 3).collect();
    assert!(named.len() > 10, "the names were not found: {named:?}");
    // Locks are told by what they are; the programs are those of a backup.
    let missing: Vec<_> = named
        .into_iter()
        .filter(|name| !name.contains("advisory") && !["pg_dump", "pg_restore"].contains(name))
        .filter(|name| !page.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "not in SCALE.md: {missing:?}");
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
        .map(|file| file.expect("not listed").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("not read");
            (
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                text,
            )
        })
        .collect();
    sources.sort();
    sources
}
