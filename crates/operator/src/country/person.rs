//! Who works: the people of the country, derived from their index, and their careers.

use vinculo_pila::{Document, DocumentKind, Month, Names};

use super::dice::{Dice, Topic};
use super::payer::{Seating, Trade};
use crate::wage;

/// How a person works; the same in all jobs of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Employee, worker kind 01.
    Employee,
    /// Employee with a comprehensive salary.
    Integral,
    /// Employee who already draws a pension, subtype 01.
    Pensioner,
    /// Foreign employee without duty to contribute to pensions.
    Foreigner,
    /// Part-time employee by weeks, worker kind 51.
    PartTime {
        /// Quarters of the month that are paid, 1 to 3.
        weeks: u8,
    },
    /// Apprentice, worker kind 12 for six months and 19 for six more.
    Apprentice,
    /// Domestic worker, worker kind 02.
    Domestic,
    /// Contractor, worker kind 59; with subtype 02 one who draws a pension.
    Contractor {
        /// Whether the contractor draws a pension.
        pensioned: bool,
    },
    /// Person who pays alone, worker kind 03.
    SelfEmployed,
}

impl Role {
    /// Whether leave, holidays and variable pay are filed line by line.
    pub(super) const fn has_novelties(self) -> bool {
        matches!(self, Self::Employee | Self::Integral | Self::Pensioner | Self::Foreigner)
    }
}

/// Months an apprenticeship lasts, and how many of them in class.
const APPRENTICESHIP: i32 = 12;
pub(super) const MONTHS_IN_CLASS: i32 = 6;

/// A person as planillas name them.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) document: Document,
    pub(super) names: Names,
    pub(super) health_provider: &'static str,
    /// `None` when the role owes no pension.
    pub(super) pension_fund: Option<&'static str>,
}

const FIRST_NAMES: [&str; 12] = [
    "ALBA", "AURORA", "CIELO", "ESTRELLA", "JACINTO", "LUZ", "MAR", "NARCISO", "ROCÍO", "ROSA",
    "SOL", "NIÑA",
];

const SURNAMES: [&str; 12] = [
    "EJEMPLO",
    "MUESTRA",
    "ENSAYO",
    "PRUEBA",
    "FICCIÓN",
    "DISEÑO",
    "MODELO",
    "SUPUESTO",
    "BOCETO",
    "INVENTADO",
    "AÑIL",
    "PATRÓN",
];

const HEALTH_PROVIDERS: [&str; 6] = ["EPS002", "EPS005", "EPS008", "EPS010", "EPS017", "EPS037"];

const PENSION_FUNDS: [&str; 4] = ["230201", "230301", "231001", "25-14"];

/// The role of a person at the payer of this trade to whom the person belongs.
pub(super) fn role(dice: Dice, person: u32, trade: Trade) -> Role {
    let mut dice = dice.about(Topic::Person, person.into());
    let weeks = dice.days(1, 3);
    let employees = [
        (840, Role::Employee),
        (20, Role::Integral),
        (30, Role::Pensioner),
        (20, Role::Foreigner),
        (40, Role::PartTime { weeks }),
        (50, Role::Apprentice),
    ];
    let domestic = [(2, Role::Domestic), (1, Role::PartTime { weeks })];
    let contractors =
        [(14, Role::Contractor { pensioned: false }), (1, Role::Contractor { pensioned: true })];
    match trade {
        Trade::Household => dice.share(&domestic),
        Trade::Contracting => dice.share(&contractors),
        Trade::SelfEmployed => Role::SelfEmployed,
        _ => dice.share(&employees),
    }
}

/// The document and names of a person with this role.
pub(super) fn identity(dice: Dice, person: u32, role: Role) -> Identity {
    let mut dice = dice.about(Topic::Person, person.into()).about(Topic::Person, 0);
    let kind = match role {
        Role::Foreigner => dice.pick(&[DocumentKind::Ce, DocumentKind::Pa]),
        Role::Apprentice => dice.pick(&[DocumentKind::Ti, DocumentKind::Cc]),
        _ => dice.share(&[
            (92, DocumentKind::Cc),
            (3, DocumentKind::Ce),
            (4, DocumentKind::Pt),
            (1, DocumentKind::Pa),
        ]),
    };
    let number = match kind {
        DocumentKind::Ti => format!("1095{person:06}"),
        DocumentKind::Ce => format!("9{person:06}"),
        DocumentKind::Pt => format!("95{person:06}"),
        DocumentKind::Pa => format!("XB0{person:06}"),
        _ => format!("1995{person:06}"),
    };
    let second = |dice: &mut Dice, names: &[&'static str; 12], chances| {
        if dice.one_in(chances) { String::new() } else { dice.pick(names).to_owned() }
    };
    let without_pension = matches!(
        role,
        Role::Pensioner | Role::Foreigner | Role::Apprentice | Role::Contractor { pensioned: true }
    );
    Identity {
        document: Document::new(kind, number),
        names: Names {
            first: dice.pick(&FIRST_NAMES).to_owned(),
            second: second(&mut dice, &FIRST_NAMES, 2),
            surname: dice.pick(&SURNAMES).to_owned(),
            second_surname: second(&mut dice, &SURNAMES, 8),
        },
        health_provider: dice.pick(&HEALTH_PROVIDERS),
        pension_fund: Some(dice.pick(&PENSION_FUNDS)).filter(|_| !without_pension),
    }
}

/// The month, counted from the first of the calendar, and the day on which a job starts or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) month: i32,
    pub(super) day: u8,
}

/// One employment without interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stint {
    pub(super) payer: u32,
    /// Which of the person's stints it is.
    pub(super) number: u8,
    /// `None`: since before the calendar.
    pub(super) start: Option<Edge>,
    /// `None`: until after the calendar.
    pub(super) end: Option<Edge>,
}

/// What of a month belongs to a stint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Presence {
    /// Day of the start, when it is in this month.
    pub(super) started: Option<u8>,
    /// Day of the end, when it is in this month.
    pub(super) ended: Option<u8>,
    /// Months since the one of the start, when that is known.
    pub(super) months: Option<i32>,
}

impl Stint {
    /// The stint in a month, counted from the first of the calendar; `None` outside it.
    pub(super) fn presence(&self, month: i32) -> Option<Presence> {
        let before = self.start.is_some_and(|start| month < start.month);
        let after = self.end.is_some_and(|end| month > end.month);
        let day = |edge: Option<Edge>| edge.filter(|edge| edge.month == month).map(|edge| edge.day);
        (!before && !after).then(|| Presence {
            started: day(self.start),
            ended: day(self.end),
            months: self.start.map(|start| month - start.month),
        })
    }
}

/// The stints of a person, at most two, in the order of their starts.
pub(super) fn career(dice: Dice, person: u32, role: Role, seating: Seating, months: u32) -> Career {
    let home = seating.payer_of(person);
    let mut dice = dice.about(Topic::Career, person.into());
    let steady = Stint { payer: home, number: 0, start: None, end: None };
    match role {
        Role::Employee => employee(&mut dice, steady, seating.other_employer(home), months),
        Role::Apprentice => {
            let first = dice.below(months + 12) as i32 - 12;
            let start = Edge { month: first, day: dice.days(1, 28) };
            let end = Edge { month: first + APPRENTICESHIP - 1, day: dice.days(2, 28) };
            Career::of(Stint { start: Some(start), end: Some(end), ..steady })
        }
        Role::Pensioner | Role::PartTime { .. } | Role::Domestic if dice.one_in(4) => {
            let start = Edge { month: dice.below(months) as i32, day: dice.days(1, 28) };
            Career::of(Stint { start: Some(start), ..steady })
        }
        _ => Career::of(steady),
    }
}

/// A career of one or two stints.
#[derive(Debug, Clone, Copy)]
pub(super) struct Career([Option<Stint>; 2]);

impl Career {
    const fn of(stint: Stint) -> Self {
        Self([Some(stint), None])
    }

    const fn then(mut self, stint: Stint) -> Self {
        self.0[1] = Some(stint);
        self
    }

    pub(super) fn stints(self) -> impl Iterator<Item = Stint> {
        self.0.into_iter().flatten()
    }
}

/// How the employments of an employee follow one another.
#[derive(Debug, Clone, Copy)]
enum Path {
    Steady,
    Started,
    Left,
    Returned,
    Changed,
    Two,
}

fn employee(dice: &mut Dice, steady: Stint, other: Option<u32>, months: u32) -> Career {
    let paths = [
        (60, Path::Steady),
        (10, Path::Started),
        (8, Path::Left),
        (4, Path::Returned),
        (10, Path::Changed),
        (8, Path::Two),
    ];
    let path = dice.share(&paths);
    let first = Edge { month: dice.below(months) as i32, day: dice.days(1, 28) };
    // Days from 2: somebody who leaves worked a day at least.
    let ended = Stint { end: Some(Edge { day: first.day.max(2), ..first }), ..steady };
    let later = |gap: i32, day| Some(Edge { month: first.month + gap, day });
    let second = Stint { number: 1, ..steady };
    match (path, other) {
        (Path::Started, _) => Career::of(Stint { start: Some(first), ..steady }),
        (Path::Left, _) => Career::of(ended),
        (Path::Returned, _) => {
            let start = later(dice.between(2, 4) as i32, dice.days(1, 28));
            Career::of(ended).then(Stint { start, ..second })
        }
        (Path::Changed, Some(payer)) => {
            let start = later(dice.between(1, 4) as i32, dice.days(1, 28));
            Career::of(ended).then(Stint { payer, start, ..second })
        }
        (Path::Two, Some(payer)) => {
            let start = Some(first).filter(|_| dice.one_in(2));
            Career::of(steady).then(Stint { payer, start, ..second })
        }
        _ => Career::of(steady),
    }
}

/// What was agreed for a stint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    /// Pay in thousandths of the minimum wage.
    thousandths: i64,
    /// Calendar month of the yearly raise.
    raised_in: u32,
    /// Pay depends on the work of the month (field 41 = V).
    pub(super) variable: bool,
}

/// Pay of employees in thousandths of the minimum wage, with shares near those of the country:
/// almost half earn the minimum, few reach the solidarity fund, very few the cap.
const PAY: [(u32, (u32, u32)); 7] = [
    (450, (1_000, 1_000)),
    (300, (1_050, 2_500)),
    (150, (2_500, 3_900)),
    (62, (4_000, 9_500)),
    (20, (10_000, 15_500)),
    (13, (16_000, 24_000)),
    (5, (26_000, 40_000)),
];

impl Job {
    /// The agreement for the `number`-th stint of a person.
    pub(super) fn new(dice: Dice, person: u32, number: u8, role: Role) -> Self {
        let mut dice = dice.about(Topic::Job, u64::from(person) * 4 + u64::from(number));
        let (least, most) = match role {
            Role::Integral => (13_500, 24_000),
            Role::Domestic => (1_000, 1_400),
            Role::Foreigner => (2_000, 12_000),
            // The allowance of an apprentice is three quarters of the minimum wage.
            Role::Apprentice => (750, 750),
            _ => dice.share(&PAY),
        };
        Self {
            thousandths: dice.between(least, most).into(),
            raised_in: dice.between(2, 12),
            variable: role == Role::Employee && dice.one_in(12),
        }
    }

    /// Monthly salary in pesos. It follows the minimum wage, and whoever earns more gets a little
    /// more every year.
    pub(super) fn salary(self, month: Month) -> i64 {
        if self.thousandths < 1_000 {
            return wage::divided_up(wage::minimum_wage(month) * self.thousandths, 1_000);
        }
        let raises = i64::from(month.year() - 2014) + i64::from(month.month() >= self.raised_in);
        let thousandths = match self.thousandths {
            1_000 => 1_000,
            more => more + more * raises / 100,
        };
        wage::pay(thousandths, month)
    }
}

/// Income of a contractor or self-employed person in a month, pesos. The base is 40 % of it, so
/// below 2.5 minimum wages it is at the floor.
pub(super) fn income(dice: Dice, person: u32, month: Month) -> i64 {
    let mut usual = dice.about(Topic::Income, person.into());
    let level = usual.between(1_200, 8_000);
    let mut varied = usual.about(Topic::Income, month.to_yyyymm().unsigned_abs());
    wage::pay((level * varied.between(80, 130) / 100).into(), month)
}
