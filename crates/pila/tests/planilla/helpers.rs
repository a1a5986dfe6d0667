//! Sample files for the tests.

use std::fs;
use std::path::{Path, PathBuf};

use vinculo_pila::Contribution;
use vinculo_pila::planilla::{self, File, Planilla};

/// The folder of the samples.
pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

/// The bytes of a sample.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    fs::read(samples().join(name)).unwrap()
}

/// The `.txt` files of a folder, sorted.
pub(crate) fn text_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
}

/// The planilla in these bytes.
pub(crate) fn planilla(bytes: &[u8]) -> Planilla<'_> {
    match planilla::read(bytes) {
        Ok(File::Planilla(planilla)) => planilla,
        Ok(File::PayerRecord(_)) => panic!("a payer record"),
        Err(report) => panic!("{:#?}", report.findings),
    }
}

/// The contributions of a sample.
pub(crate) fn contributions(name: &str) -> Vec<Contribution> {
    let bytes = sample(name);
    planilla(&bytes).contributions().collect()
}

/// A sample with the bytes at `column` (from 1) of `line` (from 1) replaced.
pub(crate) fn altered(name: &str, line: usize, column: usize, text: &[u8]) -> Vec<u8> {
    let mut bytes = sample(name);
    let start: usize =
        bytes.split_inclusive(|&byte| byte == b'\n').take(line - 1).map(<[u8]>::len).sum();
    let at = start + column - 1;
    bytes[at..at + text.len()].copy_from_slice(text);
    bytes
}
