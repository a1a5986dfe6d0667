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
    /// A draft has no number.
    Draft(Slot<'a>),
}

/// What a draft is a draft of: payer, month, planilla type, branch.
type Slot<'a> = (Document, Month, Option<&'a str>, Option<&'a str>);

/// The lines that count, in the order of [`filed`].
pub(crate) fn lines(contributions: &[Contribution], include_drafts: bool) -> Vec<&Contribution> {
    let mut files: BTreeMap<FileKey<'_>, Vec<&Contribution>> = BTreeMap::new();
    for line in of_planillas(contributions, include_drafts) {
        files.entry(file_key(line)).or_default().push(line);
    }
    let others = contributions.iter().filter(|c| c.origin != Origin::Planilla);
    let mut lines: Vec<_> = files.into_values().flat_map(once).chain(others).collect();
    lines.sort_by(|a, b| filed(a, b));
    lines
}

/// The lines of planillas, second copies included, without those of drafts that do not count.
pub(crate) fn of_planillas(
    contributions: &[Contribution],
    include_drafts: bool,
) -> impl Iterator<Item = &Contribution> {
    let planillas = || contributions.iter().filter(|c| c.origin == Origin::Planilla);
    let paid: BTreeSet<Slot<'_>> = planillas().filter(|c| c.paid).map(slot).collect();
    planillas().filter(move |c| c.paid || (include_drafts && !paid.contains(&slot(c))))
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
    let number = line.planilla.number.as_deref().unwrap_or_default();
    let digits = number.trim_start_matches('0');
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
        Some(number) => FileKey::Numbered(payer::canonical(&line.payer.document), number),
        None => FileKey::Draft(slot(line)),
    }
}

/// The lines of a file without those of its second copies.
///
/// Copies repeat the line numbers. A file of the same identity but another header is not a copy;
/// the one paid first counts.
fn once(mut lines: Vec<&Contribution>) -> Vec<&Contribution> {
    lines.sort_by(|a, b| header(a).cmp(&header(b)).then(a.line.cmp(&b.line)).then(a.cmp(b)));
    let Some(first) = lines.first().copied() else {
        return lines;
    };
    lines.retain(|line| header(line) == header(first));
    lines.dedup_by_key(|line| line.line);
    lines
}

fn header(line: &Contribution) -> (Option<Date>, Month, Option<&str>, Option<&str>) {
    (
        line.planilla.paid_on,
        line.period,
        line.planilla.kind.as_deref(),
        line.planilla.branch.as_deref(),
    )
}
