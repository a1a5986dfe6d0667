//! Planillas to check and import.

use std::path::{Path, PathBuf};

use vinculo_pila::planilla::layout::{DETAIL, HEADER};

/// A sample file of the crate that reads planillas.
pub(crate) fn sample(name: &str) -> PathBuf {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pila/tests/samples");
    samples.join(name).canonicalize().expect("a sample")
}

/// A sample planilla with its people many times over, each time under other numbers.
pub(crate) struct Multiplied {
    pub(crate) bytes: Vec<u8>,
    /// Records of the detail.
    pub(crate) lines: usize,
    /// One number of every copy.
    pub(crate) documents: Vec<String>,
}

impl Multiplied {
    /// The largest sample, `copies` times.
    pub(crate) fn new(copies: usize) -> Self {
        let bytes = std::fs::read(sample("27-temporal-E-2025-12-ascii.txt")).expect("a sample");
        let text = String::from_utf8(bytes).expect("a sample without accents");
        let (header, details) = text.split_once("\r\n").expect("a header");
        let details: Vec<&str> = details.lines().collect();
        let mut made = Self { bytes: Vec::new(), lines: 0, documents: Vec::new() };
        made.push(&multiplied_header(header, copies));
        for copy in 0..copies {
            for detail in &details {
                made.lines += 1;
                made.push(&renumbered(detail, made.lines, copy));
            }
            let first = renumbered(details[0], 1, copy);
            made.documents.push(first[DETAIL[3].range()].trim().to_owned());
        }
        made
    }

    fn push(&mut self, record: &str) {
        self.bytes.extend_from_slice(record.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// Workers (field 19) and payroll (field 20) of the header, multiplied.
fn multiplied_header(header: &str, copies: usize) -> String {
    let mut header = header.to_owned();
    for field in [&HEADER[18], &HEADER[19]] {
        let range = field.range();
        let times = header[range.clone()].parse::<usize>().expect("a number") * copies;
        header.replace_range(range.clone(), &format!("{times:0width$}", width = range.len()));
    }
    header
}

/// A record of the detail with its sequence (field 2) and the document of its copy (field 4).
fn renumbered(detail: &str, sequence: usize, copy: usize) -> String {
    let mut detail = detail.to_owned();
    detail.replace_range(DETAIL[1].range(), &format!("{sequence:05}"));
    let document = DETAIL[3].range();
    let number: usize = detail[document.clone()].trim().parse().expect("a number");
    let width = document.len();
    detail.replace_range(document, &format!("{:<width$}", number + copy * 1000));
    detail
}
