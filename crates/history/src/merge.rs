//! One account of each month of each payer, whatever the number of sources. The rule, written here
//! and nowhere else:
//!
//! - A month exists when any source saw it paid, or a planilla was filed for it.
//! - Of several sources the first in the order of [`Origin`] speaks for the month that saw it paid and
//!   tells pay, or else saw it paid, or else the draft. Bases of two sources are never added.
//! - What the one that speaks cannot tell (an EPS, a pension fund, marks, the kind of worker) is filled
//!   in from the others, in the same order.
//! - Neither the order nor the number of answers matters.

use std::collections::BTreeMap;

use vinculo_pila::{Contribution, Document, Month, NoveltiesKnown, Origin};

use crate::note::{Note, Notes};
use crate::{correct, gross, kind, payer};

/// Planilla types of enforcement, courts, winding-up and back pay.
const SPECIAL_PLANILLAS: [&str; 7] = ["J", "O", "Q", "U", "X", "Z", "W"];

/// The settled lines of one payer and month, all of one source.
pub(crate) struct Account<'a> {
    pub(crate) month: Month,
    pub(crate) origin: Origin,
    /// In the order of filing, corrections last; never empty.
    pub(crate) lines: Vec<&'a Contribution>,
    pub(crate) notes: Notes,
    /// What other sources say of the month, in the order of [`Origin`].
    pub(crate) others: Vec<Account<'a>>,
}

impl<'a> Account<'a> {
    fn is_paid(&self) -> bool {
        self.lines.iter().any(|line| line.paid)
    }

    fn tells_pay(&self) -> bool {
        self.lines.iter().any(|line| gross::is_told(line))
    }

    fn tells_marks(&self) -> bool {
        self.lines.iter().any(|line| line.novelties_known != NoveltiesKnown::None)
    }

    /// The account that tells what happened in the month: this one, or the first other that knows
    /// marks at all.
    pub(crate) fn marks(&self) -> &Self {
        let can = |account: &&Self| account.tells_marks();
        std::iter::once(self).chain(&self.others).find(can).unwrap_or(self)
    }

    /// The lines of every source, those that speak for the month last.
    pub(crate) fn all_lines(&self) -> impl DoubleEndedIterator<Item = &'a Contribution> {
        let others = self.others.iter().rev().flat_map(|other| other.lines.iter());
        others.chain(&self.lines).copied()
    }
}

/// Every account of a person.
pub(crate) struct Ledger<'a> {
    accounts: BTreeMap<Document, Vec<Account<'a>>>,
    last_pensioned: Option<Month>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn payers(&self) -> impl Iterator<Item = &Document> {
        self.accounts.keys()
    }

    /// The accounts of a payer, months ascending.
    pub(crate) fn months_of(&self, payer: &Document) -> &[Account<'a>] {
        self.accounts.get(payer).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the person draws a pension in a later month, with any payer.
    pub(crate) fn pensioned_after(&self, month: Month) -> bool {
        self.last_pensioned.is_some_and(|last| month < last)
    }
}

/// The lines of a payer, by month and source.
type ByMonth<'a> = BTreeMap<Month, BTreeMap<Origin, Vec<&'a Contribution>>>;

/// The ledger of a person from the lines that count, in the order of filing.
pub(crate) fn ledger<'a>(lines: &[&'a Contribution]) -> Ledger<'a> {
    let mut payers: BTreeMap<Document, ByMonth<'a>> = BTreeMap::new();
    for line in lines.iter().filter(|line| kind::proves_employment(line)) {
        let months = payers.entry(payer::canonical(&line.payer.document)).or_default();
        let sources = months.entry(line.period).or_default();
        sources.entry(line.origin).or_default().push(line);
    }
    let accounts: BTreeMap<_, Vec<_>> = payers
        .into_iter()
        .map(|(payer, months)| (payer, months.into_iter().filter_map(merged).collect()))
        .collect();
    let settled = || accounts.values().flatten();
    let pensioned = settled().filter(|account| account.lines.iter().any(|l| kind::pensioned(l)));
    Ledger { last_pensioned: pensioned.map(|account| account.month).max(), accounts }
}

/// The account of a month; `None` when no source saw it paid and there is no planilla.
fn merged<'a>(
    (month, sources): (Month, BTreeMap<Origin, Vec<&'a Contribution>>),
) -> Option<Account<'a>> {
    let settled = sources.into_iter().map(|(origin, lines)| settle(month, origin, &lines));
    let settled = settled.filter(|account| !account.lines.is_empty());
    let counts = |account: &Account<'_>| account.origin == Origin::Planilla || account.is_paid();
    let (mut accounts, unseen): (Vec<_>, Vec<_>) = settled.partition(counts);
    let first = |test: &dyn Fn(&Account<'_>) -> bool| accounts.iter().position(test);
    let best = first(&|account| account.is_paid() && account.tells_pay())
        .or_else(|| first(&|account| account.is_paid()))
        .unwrap_or(0);
    if best >= accounts.len() {
        return None;
    }
    let mut account = accounts.remove(best);
    if accounts.iter().any(|other| disagree(&account, other)) {
        account.notes.insert(Note::SourcesDisagree);
    }
    if account.is_paid() && !unseen.is_empty() {
        account.notes.insert(Note::UnpaidElsewhere);
    }
    account.others = accounts;
    Some(account)
}

/// Pension bases that differ by more than 1 % of the first.
fn disagree(account: &Account<'_>, other: &Account<'_>) -> bool {
    let base = |account: &Account<'_>| -> Option<i128> {
        let bases = account.lines.iter().map(|line| line.base.pension);
        bases.map(|base| base.map(i128::from)).sum()
    };
    match (base(account), base(other)) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() * 100 > ours.abs(),
        _ => false,
    }
}

/// The lines of one source after corrections and duplicates.
fn settle<'a>(month: Month, origin: Origin, lines: &[&'a Contribution]) -> Account<'a> {
    let (mut lines, corrected) = correct::apply(lines);
    let mut notes = Notes::new();
    let mut note = |note: Note, holds: bool| {
        if holds {
            notes.insert(note);
        }
    };
    note(Note::Corrected, corrected);
    if origin != Origin::Planilla {
        note(Note::DuplicateRow, drop_duplicates(&mut lines));
    }
    let kinds = || lines.iter().filter_map(|line| line.planilla.kind.as_deref());
    note(Note::Arrears, kinds().any(|kind| kind == "M"));
    note(Note::SpecialPlanilla, kinds().any(|kind| SPECIAL_PLANILLAS.contains(&kind)));
    note(Note::Unpaid, lines.iter().any(|line| !line.paid));
    Account { month, origin, lines, notes, others: Vec::new() }
}

/// Equal rows count once when one alone reaches the salary; equal parts of a month add up.
/// Answers whether any was dropped.
fn drop_duplicates(lines: &mut Vec<&Contribution>) -> bool {
    let before = lines.len();
    let mut kept: Vec<&Contribution> = Vec::with_capacity(before);
    for line in lines.iter() {
        let twin = |other: &&Contribution| {
            correct::alike(other, line) && other.planilla.kind == line.planilla.kind
        };
        let salary = line.basic_salary.unwrap_or_default();
        let whole = salary > 0 && gross::largest_base(line) >= salary;
        if !(whole && kept.iter().any(twin)) {
            kept.push(line);
        }
    }
    *lines = kept;
    lines.len() < before
}
