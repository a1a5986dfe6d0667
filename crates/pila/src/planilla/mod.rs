//! The planilla file: reading it, checking it, bringing its lines into the normal form.
//!
//! Layouts and rules are those of annex 2 of Resolución 2388 de 2016 and its amendments:
//!
//! - **type 2**, a planilla of active workers: one header of 359 characters, then one detail
//!   record of 676, 686 or 693 characters per worker and stretch of the month;
//! - **type 1**, one record of 567 (earlier 552) characters with the general data of a payer.
//!
//! Text is cp1252, a byte a character. [`check`] reports every finding with line, columns, field
//! and rule; [`read`] gives the contents of a file that has no error:
//!
//! ```
//! use vinculo_pila::planilla::{self, File};
//!
//! # let bytes = include_bytes!("../../tests/samples/21-indep-I-2026-01.txt");
//! match planilla::read(bytes) {
//!     Ok(File::Planilla(planilla)) => {
//!         assert_eq!(planilla.contributions().count(), 1);
//!     }
//!     Ok(File::PayerRecord(profile)) => println!("{}", profile.name),
//!     Err(report) => {
//!         for finding in &report.findings {
//!             println!("{finding}");
//!         }
//!     }
//! }
//! ```

use std::io::{self, BufRead};

mod check;
mod contribution;
mod file;
mod finding;
pub mod layout;
mod line_reader;
mod lines;
mod options;
mod reader;
mod report;
mod rule;
mod scalar;
mod sight;
mod source;
mod text;
mod view;
pub mod write;

pub use file::{File, Planilla};
pub use finding::{Finding, Severity};
pub use options::{CheckOptions, NotOverridable};
pub use reader::{ReadError, Reader};
pub use report::{FileKind, Report, Summary};
pub use rule::{RuleField, RuleInfo, rules};
pub use scalar::nit_check_digit;
pub use text::{byte_of, character, decode};
pub use view::{
    Detail, DetailLayout, Header, HeaderLayout, Layout, PayerLayout, PayerRecord, Record,
};
pub use write::{
    DetailBuf, DetailLength, FieldError, FieldProblem, HeaderBuf, LineEnding, PayerRecordBuf,
    RecordBuf, WriteError, Writer,
};

/// Checks a whole file: its form, its codes and its totals. Any bytes may be given.
#[must_use]
pub fn check(bytes: &[u8]) -> Report {
    check::run(bytes, CheckOptions::default())
}

/// Checks a whole file, letting some rules pass.
#[must_use]
pub fn check_with(bytes: &[u8], options: CheckOptions) -> Report {
    check::run(bytes, options)
}

/// Checks a file of any size piece by piece: the report of [`check`] over the same bytes, in
/// memory that grows with the distinct workers (100,000 of them at most) and with the findings
/// that are kept.
///
/// # Errors
///
/// When the input fails; an interrupted read is tried again.
pub fn check_reader(input: &mut dyn BufRead) -> io::Result<Report> {
    check::run_stream(input, CheckOptions::default(), &mut |_| ())
}

/// Checks a file piece by piece, letting some rules pass.
///
/// # Errors
///
/// When the input fails; an interrupted read is tried again.
pub fn check_reader_with(input: &mut dyn BufRead, options: CheckOptions) -> io::Result<Report> {
    check::run_stream(input, options, &mut |_| ())
}

/// Checks a file piece by piece and shows every detail record to `see` on the way, in the order of
/// the file. What `see` learned holds when the report accepts the file: until then, any record can
/// be a damaged one.
///
/// # Errors
///
/// When the input fails; an interrupted read is tried again.
pub fn check_reader_seeing(
    input: &mut dyn BufRead,
    options: CheckOptions,
    mut see: impl FnMut(Detail<'_>),
) -> io::Result<Report> {
    check::run_stream(input, options, &mut see)
}

/// Reads a file, or gives the report of the check that refuses it.
///
/// # Errors
///
/// The report of [`check`] when it has an error.
pub fn read(bytes: &[u8]) -> Result<File<'_>, Report> {
    file::read(bytes, CheckOptions::default())
}

/// Reads a file, letting some rules pass.
///
/// # Errors
///
/// The report of [`check_with`] when it has an error.
pub fn read_with(bytes: &[u8], options: CheckOptions) -> Result<File<'_>, Report> {
    file::read(bytes, options)
}
