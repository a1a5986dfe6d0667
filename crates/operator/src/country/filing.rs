//! Which planillas a payer files about a month, and the lines in each.

use jiff::civil::Date;
use vinculo_pila::{Correction, Month};

use super::Country;
use super::dice::Topic;
use super::figures::Figures;
use super::line::{self, Line};
use super::payer::{Payer, Trade};
use super::person::{self, Job, Role, Stint};
use super::plan::{Filing, Plan, Route, plan};

/// People of a payer that one planilla may hold: at four lines each they stay below 99,999.
pub(super) const PEOPLE_PER_BRANCH: u32 = 24_000;

/// How the month of a payer stands with the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Uploaded and paid.
    Paid,
    /// The upload was kept, and paid later.
    PaidAfterDraft,
    /// Only uploaded.
    Draft,
}

/// What a planilla is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Draft,
    Regular,
    Newcomers,
    Arrears,
    Corrections,
}

impl Purpose {
    /// Letter of the planilla type.
    pub(super) const fn letter(self, trade: Trade) -> char {
        match self {
            Self::Draft | Self::Regular => trade.planilla(),
            Self::Newcomers => 'A',
            Self::Arrears => 'M',
            Self::Corrections => 'N',
        }
    }

    /// Place among the numbers of a payer's month.
    pub(super) const fn place(self) -> u64 {
        match self {
            Self::Draft | Self::Regular => 0,
            Self::Newcomers => 1,
            Self::Arrears => 2,
            Self::Corrections => 3,
        }
    }

    /// How many places there are.
    pub(super) const PLACES: u64 = 4;
}

/// The lines of a branch in a month, by planilla.
#[derive(Debug, Default)]
pub(super) struct Filed {
    pub(super) regular: Vec<Line>,
    pub(super) newcomers: Vec<Line>,
    pub(super) arrears: Vec<Line>,
    pub(super) corrections: Vec<Line>,
}

/// A person in one of the person's jobs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Post {
    pub(super) person: u32,
    pub(super) role: Role,
    pub(super) stint: Stint,
}

/// The month of one post.
pub(super) struct Act<'a> {
    pub(super) month: line::Month<'a>,
    pub(super) plan: Plan,
}

impl Act<'_> {
    /// Puts the lines where they are filed.
    fn file(&self, filed: &mut Filed) {
        let lines = self.month.lines(&self.plan.filed);
        if let Some(right) = &self.plan.corrected {
            let marked = |role, lines: &[Line]| {
                let mark = |line: &Line| Line { correction: Some(role), ..*line };
                lines.iter().map(mark).collect::<Vec<_>>()
            };
            filed.corrections.extend(marked(Correction::AsPaid, &lines));
            filed.corrections.extend(marked(Correction::AsCorrected, &self.month.lines(right)));
        }
        match self.plan.route {
            Route::Regular => filed.regular.extend(lines),
            Route::Newcomer => filed.newcomers.extend(lines),
            Route::Arrears => filed.arrears.extend(lines),
        }
    }
}

impl Country {
    /// How the month of a payer stands. Only the newest month can still be unpaid.
    pub(super) fn standing(&self, payer: u32, month: Month) -> Standing {
        let about = u64::from(payer) << 24 | month.to_yyyymm().unsigned_abs();
        let mut dice = self.dice.about(Topic::Filing, about);
        let newest =
            self.month_number(month) == i32::try_from(self.size.months).map(|n| n - 1).ok();
        match (newest && dice.one_in(8), dice.one_in(24)) {
            (true, _) => Standing::Draft,
            (false, true) => Standing::PaidAfterDraft,
            (false, false) => Standing::Paid,
        }
    }

    /// People who may stand in a planilla of a payer: its own, then those of the payer whose
    /// people may have a second job here.
    fn candidates(&self, payer: u32) -> impl Iterator<Item = u32> + use<> {
        let seats = |payer: u32| {
            let first = u32::try_from(self.seating.first_seat(payer)).unwrap_or(u32::MAX);
            first..first.saturating_add(self.seating.seats(payer))
        };
        let donor = self.seating.donor(payer).map_or(0..0, seats);
        seats(payer).chain(donor)
    }

    /// Branches of a payer, each with a planilla of its own.
    pub(super) fn branches(&self, payer: u32) -> u32 {
        let donor = self.seating.donor(payer).map_or(0, |donor| self.seating.seats(donor));
        self.seating.seats(payer).saturating_add(donor).div_ceil(PEOPLE_PER_BRANCH)
    }

    /// What a branch of a payer files about a month.
    pub(super) fn filed(&self, payer: &Payer, branch: u32, figures: &Figures) -> Filed {
        let standing = self.standing(payer.index, figures.month);
        let mut filed = Filed::default();
        let first = (branch * PEOPLE_PER_BRANCH) as usize;
        let people = self.candidates(payer.index).skip(first).take(PEOPLE_PER_BRANCH as usize);
        for person in people {
            let role = self.role(person);
            for stint in self.career(person, role).stints() {
                if stint.payer == payer.index
                    && let Some(act) =
                        self.act(payer, standing, figures, Post { person, role, stint })
                {
                    act.file(&mut filed);
                }
            }
        }
        filed
    }

    /// The month of a post; `None` when the person did not contribute in it.
    pub(super) fn act<'a>(
        &self,
        payer: &'a Payer,
        standing: Standing,
        figures: &'a Figures,
        post: Post,
    ) -> Option<Act<'a>> {
        let Post { person, role, stint } = post;
        let presence = stint.presence(self.month_number(figures.month)?)?;
        let number = u64::from(person) * 4 + u64::from(stint.number);
        let about = number << 24 | figures.month.to_yyyymm().unsigned_abs();
        let mut dice = self.dice.about(Topic::Month, about);
        if role == Role::SelfEmployed && dice.one_in(12) {
            return None;
        }
        let paid = standing != Standing::Draft;
        let filing = Filing { paid, employees: payer.trade.has_employees() };
        let plan = plan(dice, role, presence, filing);
        let independent = matches!(role, Role::Contractor { .. } | Role::SelfEmployed);
        let month = line::Month {
            figures,
            payer,
            person,
            role,
            job: Job::new(self.dice, person, stint.number, role),
            income: if independent { person::income(self.dice, person, figures.month) } else { 0 },
            presence,
            cash_holiday: plan.cash_holiday,
        };
        Some(Act { month, plan })
    }
}

/// The day on which a planilla was paid; `None` for a draft.
pub(super) fn paid_on(purpose: Purpose, payer: &Payer, figures: &Figures) -> Option<Date> {
    let (months, days) = match purpose {
        Purpose::Draft => return None,
        Purpose::Regular => (1, 0),
        Purpose::Newcomers => (1, 4),
        Purpose::Arrears => (2, 3),
        Purpose::Corrections => (2, 6),
    };
    let month = figures.month.plus(months);
    let (year, month) = (month.year().try_into().ok()?, month.month().try_into().ok()?);
    Date::new(year, month, payer.payment_day + days).ok()
}
