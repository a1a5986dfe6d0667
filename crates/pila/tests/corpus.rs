//! What the fuzz targets ask of any bytes, asked of the samples and of inputs that once failed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[path = "../../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "a library of its own for the fuzz targets")]
mod properties;

use std::path::{Path, PathBuf};

fn inputs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/samples", "tests/samples/bad", "tests/samples/type1"];
    let mut inputs = Vec::new();
    for folder in folders.map(|folder| root.join(folder)).iter().chain([&regressions()]) {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        inputs.extend(entries.filter(|path| path.is_file()));
    }
    inputs.sort();
    inputs
}

fn regressions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions")
}

#[expect(clippy::print_stdout, reason = "shown when the property fails: the input that broke it")]
fn replay(property: fn(&[u8])) {
    let inputs = inputs();
    assert!(inputs.len() > 90);
    for path in inputs {
        println!("{}", path.display());
        property(&std::fs::read(path).unwrap());
    }
}

#[test]
fn check_holds() {
    replay(properties::check);
}

#[test]
fn reader_holds() {
    replay(properties::reader);
    // The last byte of an input is the size of the pieces; the file stands before it.
    replay(|file| properties::reader(&[file, b"\x8b"].concat()));
}

#[test]
fn projection_holds() {
    replay(properties::projection);
}

/// The targets need a nightly compiler: they hold nothing but the call.
#[test]
fn every_property_has_its_target() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let targets = std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap().count();
    let library = std::fs::read_to_string(fuzz.join("src/lib.rs")).unwrap();
    let properties = library.lines().filter_map(|line| line.strip_prefix("pub fn "));
    let properties: Vec<_> = properties.filter_map(|line| line.split('(').next()).collect();
    assert_eq!(properties, ["check", "reader", "projection"]);
    assert_eq!(targets, properties.len());
    for name in properties {
        let target = std::fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        let call =
            format!("libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vinculo_fuzz::{name}(bytes));");
        assert_eq!(target.lines().collect::<Vec<_>>(), ["#![no_main]", "", &call]);
        let path = format!("path = \"fuzz_targets/{name}.rs\"");
        assert!(manifest.contains(&format!("name = \"{name}\"\n{path}")), "{name}");
    }
}
