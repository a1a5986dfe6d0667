//! `vinculo pila check`

use std::collections::VecDeque;
use std::io::BufReader;
use std::num::NonZero;
use std::process::ExitCode;
use std::thread;

use anstream::println;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use vinculo_pila::planilla::{self, CheckOptions, Report, Severity};

use super::files::{Files, InputFile, Met};
use crate::args::CheckFiles;
use crate::print::{BAD, DIM, GOOD, failure};

/// Bytes read from a file at once.
const READ_AHEAD: usize = 64 * 1024;

/// Checks files and prints what was found, as `file:line:columns`.
pub(crate) fn check(options: &CheckFiles) -> anyhow::Result<ExitCode> {
    let allowed: Vec<&str> = options.allow.iter().map(String::as_str).collect();
    let checks = CheckOptions::allowing(&allowed)?;
    let mut good = true;
    check_all(Files::of(&options.files), checks, |turn| good &= turn.tell(options.json));
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is to be told next.
enum Turn {
    /// Of a file that is being checked.
    Checking { place: String, report: Receiver<anyhow::Result<Report>> },
    /// That nothing is checked.
    Other(Met),
}

impl Turn {
    /// Waits for the report and prints it; whether nothing is wrong.
    fn tell(self, json: bool) -> bool {
        let (place, report) = match self {
            Self::Checking { place, report } => {
                (place, report.recv().map_err(Into::into).flatten())
            }
            Self::Other(met) => {
                let good = !met.is_unreadable();
                met.or_tell();
                return good;
            }
        };
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                failure(&error.context(place));
                return false;
            }
        };
        if json {
            let accepted = report.accepted();
            let document =
                serde_json::json!({"file": place, "accepted": accepted, "report": report});
            println!("{document}");
        } else {
            print_report(&place, &report);
        }
        report.accepted()
    }
}

/// Checks as many files at once as there are processors. They are told of in their order, and so few
/// reports wait for that that memory does not grow with the files.
fn check_all(files: Files, checks: CheckOptions, mut tell: impl FnMut(Turn)) {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let (work, waiting) = unbounded::<(InputFile, Sender<anyhow::Result<Report>>)>();
    thread::scope(|scope| {
        for _ in 0..processors {
            let waiting = waiting.clone();
            scope.spawn(move || {
                for (file, answer) in waiting {
                    // Only who ends the program does not wait for it.
                    let _ = answer.send(report(&file, checks));
                }
            });
        }
        let mut turns = VecDeque::new();
        for met in files {
            turns.push_back(match met {
                Met::File(file) => {
                    let (place, (answer, report)) = (file.place(), bounded(1));
                    let _ = work.send((file, answer));
                    Turn::Checking { place, report }
                }
                other => Turn::Other(other),
            });
            if turns.len() > 2 * processors {
                turns.pop_front().into_iter().for_each(&mut tell);
            }
        }
        drop(work);
        turns.into_iter().for_each(tell);
    });
}

/// What the checks say of a file.
pub(super) fn report(file: &InputFile, checks: CheckOptions) -> anyhow::Result<Report> {
    let mut file = BufReader::with_capacity(READ_AHEAD, file.open()?);
    Ok(planilla::check_reader_with(&mut file, checks)?)
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
