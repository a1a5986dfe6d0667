//! Accepted files.

use std::fmt;

use super::check;
use super::contribution::{Shared, payer_profile};
use super::lines::Lines;
use super::options::CheckOptions;
use super::report::{FileKind, Report};
use super::text;
use super::view::{Detail, Header, PayerRecord};
use crate::{Contribution, PayerProfile};

/// A file that passed all checks.
#[derive(Debug, Clone)]
pub enum File<'a> {
    /// Type 2.
    Planilla(Planilla<'a>),
    /// Type 1. Its warnings are told by [`check`](super::check) alone.
    PayerRecord(PayerProfile),
}

/// An accepted planilla over the bytes of its file. `Debug` leaves the payer out, who may be a
/// person.
#[derive(Clone)]
pub struct Planilla<'a> {
    header: Header<'a>,
    shared: Box<Shared>,
    lines: Lines<'a>,
    report: Report,
}

impl fmt::Debug for Planilla<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planilla").field("report", &self.report).finish_non_exhaustive()
    }
}

impl<'a> Planilla<'a> {
    /// The header record.
    #[must_use]
    pub const fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// What the check found: warnings only.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// The detail records in the order of the file.
    pub fn details(&self) -> impl Iterator<Item = Detail<'a>> + use<'a> {
        self.lines.clone().filter_map(|line| Detail::new(line.bytes))
    }

    /// The lines in the normal form, in the order of the file.
    pub fn contributions(&self) -> impl Iterator<Item = Contribution> + '_ {
        self.details().filter_map(|detail| self.shared.contribution(&detail))
    }
}

/// The file in these bytes, or the report of the check that refuses it.
pub(super) fn read(bytes: &[u8], options: CheckOptions) -> Result<File<'_>, Report> {
    let report = check::run(bytes, options);
    if !report.accepted() {
        return Err(report);
    }
    let mut lines = Lines::new(text::body(bytes));
    let first = lines.next().map(|line| line.bytes).unwrap_or_default();
    if report.kind == Some(FileKind::PayerRecord) {
        return match PayerRecord::new(first).as_ref().and_then(payer_profile) {
            Some(profile) => Ok(File::PayerRecord(profile)),
            None => Err(report),
        };
    }
    match Header::new(first).and_then(|header| Some((header, Shared::of(&header)?))) {
        Some((header, shared)) => {
            let shared = Box::new(shared);
            Ok(File::Planilla(Planilla { header, shared, lines, report }))
        }
        None => Err(report),
    }
}
