//! From contributions to employments and owner.
//!
//! PILA proves contributions, not payslips. Amounts are reconstructed from contribution bases and
//! the [`Note`]s beside each month say where the reconstruction is a bound or an estimate.
//!
//! [`project`] is a pure function of everything known about one person:
//!
//! 1. `select`: a file counts once, a draft only while nothing settled stands in its place;
//! 2. `correct`: correction planillas replace what they correct;
//! 3. `merge`: several sources, one account of each month;
//! 4. `month`, with `kind`, `gross`, `net` and `status`: one row per payer and month;
//! 5. `employer`, `tenure` and `owner`: what is said once.
//!
//! [`trace`] says of every line what became of it on that way.

mod correct;
mod employer;
mod gross;
mod kind;
mod merge;
mod month;
mod net;
mod note;
mod owner;
mod payer;
mod select;
mod status;
mod tenure;
mod trace;
mod types;

use vinculo_pila::{Contribution, Document, PayerProfile};

use merge::Ledger;

pub use employer::{WorkActivities, work_activity};
pub use note::Note;
pub use trace::{LineRole, TracedLine, trace};
pub use types::{
    EmployerData, Employment, Filled, IdType, MonthDetail, MonthField, MonthProvenance, Options,
    Owner, Projection, Provenance, SalaryType, StatusChange,
};
pub use vinculo_pila::catalog::EmploymentType;

/// The owner and the employments that the contributions of **one** person prove.
///
/// `contributions` are all lines known about the person, of any source and in any order;
/// `profiles` what the payers' own records add. Employments come newest first (newest month, then
/// payer), and so do their months. Lines of worker kinds that prove no employment (students
/// insured for risk only, beneficiaries) count for the owner alone.
#[must_use]
pub fn project(
    contributions: &[Contribution],
    profiles: &[PayerProfile],
    options: &Options,
) -> Projection {
    let lines = select::lines(contributions.iter(), options.include_drafts);
    let ledger = merge::ledger(&have_come(&lines, options));
    let mut employments: Vec<Employment> =
        ledger.payers().filter_map(|payer| employment(payer, &ledger, profiles, options)).collect();
    employments.sort_by(|a, b| newest(b).cmp(&newest(a)).then(a.payer.cmp(&b.payer)));
    Projection { owner: owner::of(&lines), employments }
}

/// The lines without those about a month that is later than the next one: a slip of the pen would be
/// the newest month for years.
fn have_come<'a>(lines: &[&'a Contribution], options: &Options) -> Vec<&'a Contribution> {
    let next = options.current_month.plus(1);
    lines.iter().filter(|line| line.period <= next).copied().collect()
}

fn newest(employment: &Employment) -> Option<vinculo_pila::Month> {
    employment.months.first().map(|detail| detail.month)
}

/// The employment with one payer; `None` when no month falls in the window.
fn employment(
    payer: &Document,
    ledger: &Ledger<'_>,
    profiles: &[PayerProfile],
    options: &Options,
) -> Option<Employment> {
    let accounts = ledger.months_of(payer);
    let tenure = tenure::of(accounts)?;
    let mut months = Vec::new();
    let mut provenance = Vec::new();
    for account in accounts.iter().rev().filter(|account| options.shows(account.month)) {
        let (detail, origin) = month::detail(account, ledger.pensioned_after(account.month));
        months.push(detail);
        provenance.push(origin);
    }
    if months.is_empty() {
        return None;
    }
    Some(Employment {
        payer: payer.clone(),
        employer: employer::of(payer, accounts, profiles, tenure.months),
        months,
        provenance: Provenance {
            continuous_since: tenure.since,
            tenure_is_lower_bound: !tenure.from_start_mark,
            months_contributed: u32::try_from(accounts.len()).unwrap_or(u32::MAX),
            months: provenance,
        },
    })
}
