//! `vinculo pila check`

use std::path::Path;
use std::process::ExitCode;

use anstream::println;
use anyhow::Context as _;
use vinculo_pila::planilla::{self, Report, Severity};

use crate::args::CheckFiles;
use crate::print::{BAD, DIM, GOOD};

/// Checks files and prints what was found, as `file:line:columns`.
pub(crate) fn check(options: &CheckFiles) -> anyhow::Result<ExitCode> {
    let mut refused = 0;
    for path in &options.files {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let report = planilla::check(&bytes);
        if !report.accepted() {
            refused += 1;
        }
        if options.json {
            let document = serde_json::json!({
                "file": path.display().to_string(), "accepted": report.accepted(), "report": report
            });
            println!("{document}");
        } else {
            print_report(path, &report);
        }
    }
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_report(path: &Path, report: &Report) {
    print_findings(path, report);
    let (colour, verdict) = if report.accepted() { (GOOD, "accepted") } else { (BAD, "refused") };
    println!("{}: {colour}{verdict}{colour:#}, {} lines", path.display(), report.lines);
}

/// Prints what was found in a file, one line each, as `file:line:columns`.
pub(super) fn print_findings(path: &Path, report: &Report) {
    for finding in &report.findings {
        let colour = if finding.severity == Severity::Error { BAD } else { DIM };
        println!("{}:{colour}{finding}{colour:#}", path.display());
    }
}
