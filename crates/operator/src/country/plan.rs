//! What happens in one month of one job: the stretches of differing treatment, and how they are
//! filed.

use super::dice::Dice;
use super::person::{Presence, Role};

/// Why a stretch is treated as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Work,
    /// Work whose pay is this many percent of the salary (VST).
    Variable(u8),
    UnpaidLeave,
    Sick,
    Parental,
    Holiday,
    PaidLeave,
    WorkAccident,
}

/// Consecutive days of one treatment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) event: Event,
    /// Days as PILA counts them: a month has 30.
    pub(super) days: u8,
    /// First day, for the dates of leave.
    pub(super) from: u8,
}

/// In which planilla the month of a person stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// With everybody else.
    Regular,
    /// In a planilla A, for who started and was left out.
    Newcomer,
    /// In a planilla M, because it was paid late.
    Arrears,
}

/// A month of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// As first filed; at most three stretches.
    pub(super) filed: Vec<Stretch>,
    /// As a planilla N corrects it.
    pub(super) corrected: Option<Vec<Stretch>>,
    pub(super) route: Route,
    /// Days of holiday paid in cash at the end of the job.
    pub(super) cash_holiday: u8,
}

impl Plan {
    /// What remains true in the end.
    pub(super) fn stretches(&self) -> &[Stretch] {
        self.corrected.as_deref().unwrap_or(&self.filed)
    }

    /// Whether the month is one whole stretch of work paid as agreed.
    pub(super) fn is_plain(&self) -> bool {
        let work = |it: &Stretch| it.event == Event::Work && it.days == 30;
        matches!(self.stretches(), [only] if work(only)) && self.cash_holiday == 0
    }
}

/// What may be filed beside the regular planilla of the payer's month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filing {
    /// The planilla has been paid, so that additions and corrections can follow it.
    pub(super) paid: bool,
    /// The payer pays for employees: planillas A, M and N take their worker kinds.
    pub(super) employees: bool,
}

const fn stretch(event: Event, days: u8, from: u8) -> Stretch {
    Stretch { event, days, from }
}

fn whole(event: Event) -> Vec<Stretch> {
    vec![stretch(event, 30, 1)]
}

/// The month of a person with this role, as chance wants it.
pub(super) fn plan(mut dice: Dice, role: Role, presence: Presence, filing: Filing) -> Plan {
    let late = filing.paid && filing.employees;
    let plan = |filed, route| Plan { filed, corrected: None, route, cash_holiday: 0 };
    let arrears = if late && dice.one_in(120) { Route::Arrears } else { Route::Regular };
    match (presence.started, presence.ended) {
        (Some(day), _) => {
            let left_out = late && dice.one_in(3);
            let route = if left_out { Route::Newcomer } else { arrears };
            plan(vec![stretch(Event::Work, 31 - day, day)], route)
        }
        (None, Some(day)) => {
            let cash = role.has_novelties() && dice.one_in(2);
            let cash_holiday = if cash { dice.days(3, 15) } else { 0 };
            let filed = vec![stretch(Event::Work, day, 1)];
            Plan { cash_holiday, ..plan(filed, arrears) }
        }
        (None, None) if !role.has_novelties() => plan(whole(Event::Work), arrears),
        (None, None) => {
            if late && arrears == Route::Regular && dice.one_in(60) {
                return corrected(&mut dice);
            }
            plan(stretches(&mut dice), arrears)
        }
    }
}

/// How often what happens, in thousandths of the whole months.
const EVENTS: [(u32, Sort); 10] = [
    (790, Sort::Plain),
    (70, Sort::Variable),
    (15, Sort::UnpaidLeave),
    (35, Sort::Sick),
    (5, Sort::Parental),
    (50, Sort::Holiday),
    (10, Sort::PaidLeave),
    (8, Sort::WorkAccident),
    (10, Sort::HolidayAndVariable),
    (7, Sort::HolidayAndSick),
];

#[derive(Debug, Clone, Copy)]
enum Sort {
    Plain,
    Variable,
    UnpaidLeave,
    Sick,
    Parental,
    Holiday,
    PaidLeave,
    WorkAccident,
    HolidayAndVariable,
    HolidayAndSick,
}

fn stretches(dice: &mut Dice) -> Vec<Stretch> {
    let more = Event::Variable(dice.days(102, 160));
    let sort = dice.share(&EVENTS);
    let from = dice.days(2, 12);
    let beside = |event, days| vec![stretch(Event::Work, 30 - days, 1), stretch(event, days, from)];
    match sort {
        Sort::Plain => whole(Event::Work),
        Sort::Variable => whole(more),
        Sort::UnpaidLeave => beside(Event::UnpaidLeave, dice.days(1, 10)),
        Sort::Sick => beside(Event::Sick, dice.days(1, 15)),
        Sort::Parental => whole(Event::Parental),
        Sort::Holiday => beside(Event::Holiday, dice.days(5, 15)),
        Sort::PaidLeave => beside(Event::PaidLeave, dice.days(1, 5)),
        Sort::WorkAccident => beside(Event::WorkAccident, dice.days(1, 12)),
        Sort::HolidayAndVariable => {
            vec![stretch(more, 15, 1), stretch(Event::Holiday, 15, from)]
        }
        Sort::HolidayAndSick => vec![
            stretch(Event::Work, 20, 1),
            stretch(Event::Holiday, 7, from),
            stretch(Event::Sick, 3, from + 7),
        ],
    }
}

/// A month that was filed wrongly and put right.
fn corrected(dice: &mut Dice) -> Plan {
    let (from, more) = (dice.days(2, 12), Event::Variable(dice.days(105, 150)));
    let leave =
        |days| vec![stretch(Event::Work, 30 - days, 1), stretch(Event::UnpaidLeave, days, from)];
    let (filed, right) = match dice.below(3) {
        0 => (leave(6), leave(3)),
        1 => (whole(Event::Work), whole(more)),
        _ => (whole(more), whole(Event::Work)),
    };
    Plan { filed, corrected: Some(right), route: Route::Regular, cash_holiday: 0 }
}
