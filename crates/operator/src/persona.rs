//! What a persona is made of. Who there is, is in [`crate::personas`].

use vinculo_pila::{Document, DocumentKind};

use crate::conduct::Conduct;

/// A person the operator can be asked about.
#[derive(Debug)]
pub struct Persona {
    /// Kind of the identity document.
    pub kind: DocumentKind,
    /// Number of the identity document.
    pub number: &'static str,
    /// What asking about this person shows, in one line.
    pub description: &'static str,
    /// First and second given name, first and second surname.
    pub(crate) names: [&'static str; 4],
    /// PILA code of the health provider.
    pub(crate) health_provider: &'static str,
    /// PILA code of the pension fund.
    pub(crate) pension_fund: &'static str,
    /// How questions about this person go.
    pub(crate) conduct: Conduct,
    /// What the person does.
    pub(crate) work: &'static [Work],
}

impl Persona {
    /// The identity document.
    #[must_use]
    pub fn document(&self) -> Document {
        Document::new(self.kind, self.number)
    }

    /// The outcome of the first question, by the names of `vinculo_sources`: `resolved`, `no_data`,
    /// `withheld`, `retry_later`, `invalid_input`, `not_authorized` or `fault`.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        self.conduct.fault(1, 0).map_or("resolved", |fault| fault.outcome())
    }

    /// Seconds the operator takes for an answer.
    #[must_use]
    pub const fn seconds(&self) -> u64 {
        self.conduct.seconds
    }
}

/// A payer with a NIT.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) nit: &'static str,
    pub(crate) name: &'static str,
    /// CIIU class.
    pub(crate) activity: &'static str,
    /// Class by size.
    pub(crate) class: &'static str,
    pub(crate) headcount: i64,
}

/// One way in which a person contributes.
#[derive(Debug)]
pub(crate) enum Work {
    /// Paid for by a company.
    Job(Job),
    /// Pays alone, as payer of herself or himself.
    SelfEmployed {
        /// CIIU class.
        activity: &'static str,
        /// Income per calendar month, in thousandths of the minimum wage.
        income: [i64; 12],
    },
}

/// What the person is to the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worker {
    /// Employee.
    Employee,
    /// Employee who draws a pension, and contributes to none.
    Pensioner,
    /// Apprentice, half a year in class and half a year at work.
    Apprentice,
    /// Contractor, whose contributions the company pays.
    Contractor,
}

/// An employment.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) company: &'static Company,
    pub(crate) worker: Worker,
    /// Monthly salary, or income of a contractor, in thousandths of the minimum wage.
    pub(crate) salary: i64,
    /// Whether the salary is integral.
    pub(crate) integral: bool,
    pub(crate) raise: Raise,
    pub(crate) stint: Stint,
    /// Calendar months with overtime.
    pub(crate) overtime: &'static [u32],
    /// Calendar month with two weeks of holiday.
    pub(crate) holiday: Option<u32>,
    /// Calendar month with three days of sick leave.
    pub(crate) sick_leave: Option<u32>,
    /// Calendar month with ten days of unpaid leave.
    pub(crate) unpaid_leave: Option<u32>,
    /// First and last month of a parental leave, counted from the newest.
    pub(crate) parental_leave: Option<(i32, i32)>,
}

/// How pay grows, beside following the minimum wage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raise {
    /// It does not.
    Never,
    /// By a tenth of the first salary, in this calendar month of every year.
    Yearly(u32),
    /// By a fifth, from this month on, counted from the newest.
    Once(i32),
}

/// When an employment holds. Months are counted from the newest that the operator shows while its
/// calendar is not moved: 0 is that month, 1 the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stint {
    /// From before the oldest month to after the newest.
    Always,
    /// In turns of 21 months, 19 of work and two without, with the other parity.
    EvenTurns,
    /// The turns in between.
    OddTurns,
    /// From this month on.
    Since(i32),
    /// Until this month.
    Until(i32),
    /// From one month to another.
    Between(i32, i32),
}
