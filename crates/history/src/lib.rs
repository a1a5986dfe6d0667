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
//!
//! ```
//! use std::collections::BTreeSet;
//!
//! use vinculo_history::{LineRole, Note, Options, project, trace};
//! use vinculo_pila::planilla::{self, File};
//!
//! # use vinculo_pila::planilla::{DetailBuf, HeaderBuf, Writer};
//! # use vinculo_pila::{Document, DocumentKind, Month};
//! # fn file() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
//! #     let month = Month::new(2025, 12).ok_or("a month")?;
//! #     let card = Document::new(DocumentKind::Cc, "1995000101");
//! #     let mut header = HeaderBuf::new();
//! #     header.set_text::<4>("EJEMPLO MUÑOZ PERSONA")?.set_payer(&card)?.set_mark::<8>('I')?;
//! #     header.set_month::<15>(month)?.set_month::<16>(month)?.set_number::<21>(2)?;
//! #     header.set_number::<17>(5_000_000_001_i64)?.set_date::<18>(jiff::civil::date(2026, 1, 13))?;
//! #     let mut line = DetailBuf::new();
//! #     line.set_person(&card)?.set_number::<5>(3)?.set_text::<9>("11")?.set_text::<10>("001")?;
//! #     line.set_text::<11>("EJEMPLO")?.set_text::<12>("MUÑOZ")?.set_text::<13>("PERSONA")?;
//! #     line.set_number::<36>(30)?.set_number::<37>(30)?;
//! #     line.set_number::<42>(1_423_500)?.set_rate::<46>("0.16".parse()?)?;
//! #     line.set_number::<43>(1_423_500)?.set_rate::<54>("0.125".parse()?)?;
//! #     line.set_number::<47>(227_800)?.set_number::<50>(227_800)?.set_number::<55>(178_000)?;
//! #     let mut writer = Writer::new(Vec::new());
//! #     writer.planilla(&mut header, &mut [line])?;
//! #     Ok(writer.finish()?)
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let bytes = file()?;
//! // The planilla of one self-employed person on the minimum wage, December 2025.
//! let Ok(File::Planilla(planilla)) = planilla::read(&bytes) else {
//!     return Err("the file has an error".into());
//! };
//! let lines: Vec<_> = planilla.contributions().collect();
//! let options = Options {
//!     current_month: "2026-01".parse()?,
//!     window_months: Some(24),
//!     include_drafts: true,
//! };
//! let found = project(&lines, &[], &options);
//! let [employment] = &found.employments[..] else { return Err("one payer".into()) };
//! for (month, origin) in employment.months.iter().zip(&employment.provenance.months) {
//!     println!("{}: {:?} pesos, {:?}", month.month, month.gross_amount, origin.notes);
//! }
//! // Nobody may contribute on less: the income is this or more, and the note says so.
//! assert_eq!(employment.months[0].gross_amount, Some(1_423_500));
//! assert_eq!(employment.provenance.months[0].notes, [Note::BaseAtFloor]);
//!
//! let roles = trace(&lines, &BTreeSet::new(), &employment.payer, &options);
//! assert_eq!(roles[&employment.months[0].month][0].role, LineRole::Counted);
//! # Ok(())
//! # }
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

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
