//! Which of the given lines made a month, and what became of the others.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vinculo_pila::{Contribution, Document, Month};

use crate::merge::{self, Account};
use crate::{Options, correct, gross, have_come, kind, payer, select};

/// What a line is to its month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineRole {
    /// Counts, and its bases enter the gross.
    Counted,
    /// Counts with its days and marks; unpaid leave adds nothing to the gross.
    UnpaidLeave,
    /// A correction planilla took it back.
    Corrected,
    /// The half of a correction that repeats what was filed before.
    AsPaid,
    /// An equal row that counts already reaches the salary.
    Duplicate,
    /// Another source speaks for the month.
    OtherSource,
    /// Of a planilla without payment or number that a settled one replaced, or that does not count
    /// here.
    Draft,
    /// Of a second copy of a planilla that counts already, or of another file under its number.
    Copy,
    /// Of a kind of worker that proves no employment.
    NoEmployment,
}

impl LineRole {
    /// Whether the bases of the line enter the gross of the month.
    #[must_use]
    pub const fn counts_in_gross(self) -> bool {
        matches!(self, Self::Counted)
    }

    /// Whether the line is one of [`MonthProvenance::lines`](crate::MonthProvenance).
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Counted | Self::UnpaidLeave)
    }
}

/// One of the given lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracedLine {
    /// Its place in the contributions given to [`trace`].
    pub index: usize,
    /// What it is to its month.
    pub role: LineRole,
}

/// Every line about a payer in the months that [`project`](crate::project) shows for it with the
/// same contributions and options, in the order of filing. `payer` is
/// [`Employment::payer`](crate::Employment); one without an employment has no months.
///
/// `replaced` are the places of lines of drafts whose planilla was settled without the person: a
/// projection is made without them.
#[must_use]
pub fn trace(
    contributions: &[Contribution],
    replaced: &BTreeSet<usize>,
    payer: &Document,
    options: &Options,
) -> BTreeMap<Month, Vec<TracedLine>> {
    let standing = contributions.iter().enumerate().filter(|(index, _)| !replaced.contains(index));
    let standing = standing.map(|(_, line)| line);
    let selected = select::lines(standing.clone(), options.include_drafts);
    let ledger = merge::ledger(&have_come(&selected, options));
    let sorter = Sorter {
        filed: select::of_planillas(standing, options.include_drafts).map(place).collect(),
        selected: selected.iter().copied().map(place).collect(),
    };
    let mut of_payer: BTreeMap<Month, Vec<(usize, &Contribution)>> = BTreeMap::new();
    for (index, line) in contributions.iter().enumerate() {
        if payer::canonical(&line.payer.document) == *payer {
            of_payer.entry(line.period).or_default().push((index, line));
        }
    }
    let accounts = ledger.months_of(payer).iter().filter(|account| options.shows(account.month));
    let traced = accounts.map(|account| {
        let mut lines = of_payer.remove(&account.month).unwrap_or_default();
        lines.sort_by(|(_, a), (_, b)| select::filed(a, b));
        (account.month, sorter.sort(account, &lines))
    });
    traced.collect()
}

/// A line by where it is in memory: equal lines are not the same line.
type Place = *const Contribution;

fn place(line: &Contribution) -> Place {
    std::ptr::from_ref(line)
}

/// Goes the way of a projection again, to see where each line was left behind.
struct Sorter {
    /// Lines of planillas, without drafts that do not count.
    filed: BTreeSet<Place>,
    /// Lines that count once.
    selected: BTreeSet<Place>,
}

impl Sorter {
    fn sort(&self, account: &Account<'_>, lines: &[(usize, &Contribution)]) -> Vec<TracedLine> {
        let all = || lines.iter().map(|(_, line)| *line);
        let settled = all().filter(|line| self.selected.contains(&place(line)));
        let settled = settled.filter(|line| kind::proves_employment(line));
        let settled: Vec<_> = settled.filter(|line| line.origin == account.origin).collect();
        let (settled, _) = correct::apply(&settled);
        let settled: BTreeSet<_> = settled.into_iter().map(place).collect();
        let counted: BTreeSet<_> = account.lines.iter().copied().map(place).collect();
        let role = |line: &Contribution| match place(line) {
            at if counted.contains(&at) && gross::is_working(line) => LineRole::Counted,
            at if counted.contains(&at) => LineRole::UnpaidLeave,
            at if self.selected.contains(&at) => left_behind(account, &settled, line),
            at if self.filed.contains(&at) => LineRole::Copy,
            _ => LineRole::Draft,
        };
        lines.iter().map(|&(index, line)| TracedLine { index, role: role(line) }).collect()
    }
}

/// Why a line that was selected does not count; `settled` are the month's after corrections.
fn left_behind(account: &Account<'_>, settled: &BTreeSet<Place>, line: &Contribution) -> LineRole {
    if !kind::proves_employment(line) {
        LineRole::NoEmployment
    } else if line.origin != account.origin {
        LineRole::OtherSource
    } else if settled.contains(&place(line)) {
        LineRole::Duplicate
    } else if select::is_correction(line) {
        LineRole::AsPaid
    } else {
        LineRole::Corrected
    }
}
