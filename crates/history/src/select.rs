//! Which lines count: files once, drafts only while nothing paid stands in their place.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use vinculo_pila::{Contribution, Document, Month, Origin};

use crate::payer;

/// Letter of the correction planilla.
pub(crate) const CORRECTION: &str = "N";

/// Identity of a planilla file.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum FileKey<'a> {
    /// Payer and the number the operator gave.
    Numbered(Document, &'a str),
    /// What is not settled stands in a place.
    Unsettled(Slot<'a>),
}

/// The place of a planilla: payer, month, type, branch.
type Slot<'a> = (Document, Month, Option<&'a str>, Option<&'a str>);

/// The lines that count, in the order of [`filed`].
pub(crate) fn lines<'a>(
    contributions: impl Iterator<Item = &'a Contribution> + Clone,
    include_drafts: bool,
) -> Vec<&'a Contribution> {
    let mut files: BTreeMap<FileKey<'_>, Vec<&Contribution>> = BTreeMap::new();
    for line in of_planillas(contributions.clone(), include_drafts) {
        files.entry(file_key(line)).or_default().push(line);
    }
    let others = contributions.filter(|c| c.origin != Origin::Planilla);
    let mut lines: Vec<_> = files.into_values().flat_map(once).chain(others).collect();
    lines.sort_by(|a, b| filed(a, b));
    lines
}

/// The lines of planillas, second copies included, without those of drafts that do not count and of
/// what a settled planilla stands for.
pub(crate) fn of_planillas<'a>(
    contributions: impl Iterator<Item = &'a Contribution> + Clone,
    include_drafts: bool,
) -> impl Iterator<Item = &'a Contribution> {
    let planillas = contributions.filter(|c| c.origin == Origin::Planilla);
    let settled: BTreeSet<_> = planillas.clone().filter(|c| is_settled(c)).map(slot).collect();
    planillas.filter(move |c| {
        is_settled(c) || ((c.paid || include_drafts) && !settled.contains(&slot(c)))
    })
}

/// Whether a line stands in a planilla that was paid and has its number.
fn is_settled(line: &Contribution) -> bool {
    line.paid && line.planilla.number.is_some()
}

/// Whether a line belongs to a correction planilla.
pub(crate) fn is_correction(line: &Contribution) -> bool {
    line.planilla.kind.as_deref() == Some(CORRECTION)
}

/// Order of filing: paid before drafts, then payment date, planilla number, line, and whatever else
/// tells two lines apart.
pub(crate) fn filed(a: &Contribution, b: &Contribution) -> Ordering {
    filing(a).cmp(&filing(b)).then_with(|| a.cmp(b))
}

fn filing(line: &Contribution) -> (bool, Option<Date>, usize, &str, u32) {
    let digits = line.planilla.number.as_deref().map(digits).unwrap_or_default();
    (!line.paid, line.planilla.paid_on, digits.len(), digits, line.line)
}

fn slot(line: &Contribution) -> Slot<'_> {
    (
        payer::canonical(&line.payer.document),
        line.period,
        line.planilla.kind.as_deref(),
        line.planilla.branch.as_deref(),
    )
}

fn file_key(line: &Contribution) -> FileKey<'_> {
    match line.planilla.number.as_deref() {
        Some(number) if line.paid => {
            FileKey::Numbered(payer::canonical(&line.payer.document), digits(number))
        }
        _ => FileKey::Unsettled(slot(line)),
    }
}

/// A planilla number without what programs fill it up with.
fn digits(number: &str) -> &str {
    number.trim().trim_start_matches('0')
}

/// The lines of a file without those of its second copies.
///
/// Copies repeat the line numbers. A file of the same identity but another header is not a copy;
/// the one paid first counts, and before one that was not paid.
fn once(mut lines: Vec<&Contribution>) -> Vec<&Contribution> {
    lines.sort_by(|a, b| header(a).cmp(&header(b)).then(a.line.cmp(&b.line)).then(a.cmp(b)));
    let Some(first) = lines.first().copied() else {
        return lines;
    };
    lines.retain(|line| header(line) == header(first));
    lines.dedup_by_key(|line| line.line);
    lines
}

fn header(line: &Contribution) -> (bool, Option<Date>, Month, Option<&str>, Option<&str>) {
    (
        !line.paid,
        line.planilla.paid_on,
        line.period,
        line.planilla.kind.as_deref(),
        line.planilla.branch.as_deref(),
    )
}
