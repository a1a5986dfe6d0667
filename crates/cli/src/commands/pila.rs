//! `vinculo pila check`

use std::io::BufReader;
use std::process::ExitCode;

use anstream::println;
use anyhow::Context as _;
use vinculo_pila::planilla::{self, CheckOptions, Report, Severity};

use super::files::expand;
use crate::args::CheckFiles;
use crate::print::{BAD, DIM, GOOD};

/// Checks files and prints what was found, as `file:line:columns`.
pub(crate) fn check(options: &CheckFiles) -> anyhow::Result<ExitCode> {
    let allowed: Vec<&str> = options.allow.iter().map(String::as_str).collect();
    let checks = CheckOptions::allowing(&allowed)?;
    let mut refused = 0;
    for file in expand(&options.files)? {
        let place = file.place();
        let mut contents = BufReader::new(file.open().with_context(|| place.clone())?);
        let report = planilla::check_reader_with(&mut contents, checks);
        let report = report.with_context(|| place.clone())?;
        if !report.accepted() {
            refused += 1;
        }
        if options.json {
            let document = serde_json::json!({
                "file": place, "accepted": report.accepted(), "report": report
            });
            println!("{document}");
        } else {
            print_report(&place, &report);
        }
    }
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_report(place: &str, report: &Report) {
    print_findings(place, report);
    let (colour, verdict) = if report.accepted() { (GOOD, "accepted") } else { (BAD, "refused") };
    println!("{place}: {colour}{verdict}{colour:#}, {} lines", report.lines);
}

/// Prints what was found in a file, one line each, as `file:line:columns`.
pub(super) fn print_findings(place: &str, report: &Report) {
    for finding in &report.findings {
        let colour = if finding.severity == Severity::Error { BAD } else { DIM };
        println!("{place}:{colour}{finding}{colour:#}");
    }
}
