//! `vinculo pila check`

use std::io::BufReader;
use std::process::ExitCode;

use anstream::println;
use vinculo_pila::planilla::{self, CheckOptions, Report, Severity};

use super::files::{Files, InputFile};
use crate::args::CheckFiles;
use crate::print::{BAD, DIM, GOOD};

/// Checks files and prints what was found, as `file:line:columns`.
pub(crate) fn check(options: &CheckFiles) -> anyhow::Result<ExitCode> {
    let allowed: Vec<&str> = options.allow.iter().map(String::as_str).collect();
    let checks = CheckOptions::allowing(&allowed)?;
    let mut accepted = true;
    let mut files = Files::of(&options.files);
    while let Some(file) = files.next() {
        let place = file.place();
        let report = match report(&file, checks) {
            Ok(report) => report,
            Err(error) => {
                files.fail(&place, error);
                continue;
            }
        };
        accepted &= report.accepted();
        if options.json {
            let document = serde_json::json!({
                "file": place, "accepted": report.accepted(), "report": report
            });
            println!("{document}");
        } else {
            print_report(&place, &report);
        }
    }
    Ok(if accepted && files.all_read() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the checks say of a file.
pub(super) fn report(file: &InputFile, checks: CheckOptions) -> anyhow::Result<Report> {
    Ok(planilla::check_reader_with(&mut BufReader::new(file.open()?), checks)?)
}

fn print_report(place: &str, report: &Report) {
    print_findings(place, report);
    let (colour, verdict) = if report.accepted() { (GOOD, "accepted") } else { (BAD, "refused") };
    let Report { lines, errors, warnings, .. } = report;
    println!(
        "{place}: {colour}{verdict}{colour:#}, {lines} lines, {errors} errors, {warnings} warnings"
    );
}

/// Prints what was found in a file, one line each, as `file:line:columns`.
pub(super) fn print_findings(place: &str, report: &Report) {
    for finding in &report.findings {
        let colour = if finding.severity == Severity::Error { BAD } else { DIM };
        println!("{place}:{colour}{finding}{colour:#}");
    }
    let (unlisted, most) = (report.unlisted(), Report::LISTED_PER_RULE);
    if unlisted > 0 {
        println!(
            "{place}: {unlisted} more are not listed: {most} of a rule are, and all are counted"
        );
    }
}
