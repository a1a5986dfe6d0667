//! What was contributed in a month: a function of the persona and that month alone.

use vinculo_pila::Month;

use crate::persona::{Job, Stint, Work};
use crate::wage;

/// One line of a planilla.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Line {
    pub(crate) days: u8,
    pub(crate) salary: i64,
    pub(crate) base: i64,
    pub(crate) family_fund_base: i64,
    pub(crate) marks: Marks,
}

/// Marks of a line.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marks {
    pub(crate) start: bool,
    pub(crate) end: bool,
    pub(crate) lasting_change: bool,
    pub(crate) overtime: bool,
    pub(crate) holiday: bool,
    pub(crate) sick_leave: bool,
}

/// The lines of one work in a month; none when the person does not do it then.
pub(crate) fn lines(work: &Work, month: Month) -> Vec<Line> {
    match work {
        Work::Job(job) => job_lines(job, month),
        Work::SelfEmployed { income, .. } => vec![self_employed_line(income, month)],
    }
}

/// Days of the month in which somebody starts or ends.
const PARTIAL_MONTH: u8 = 20;

fn job_lines(job: &Job, month: Month) -> Vec<Line> {
    let Some(position) = position(job.stint, month) else {
        return Vec::new();
    };
    let salary = wage::pay(job.salary, month);
    let raised = position != Position::First && salary != wage::pay(job.salary, month.plus(-1));
    let whole = Line {
        salary,
        marks: Marks { lasting_change: raised, ..Marks::default() },
        ..Line::default()
    };
    let with = |marks: Marks| Line { marks, ..whole };
    let calendar = month.month();
    let stretches = match position {
        Position::First => vec![(PARTIAL_MONTH, with(Marks { start: true, ..whole.marks }))],
        Position::Last => vec![(PARTIAL_MONTH, with(Marks { end: true, ..whole.marks }))],
        Position::Middle if job.holiday == Some(calendar) => {
            vec![(15, whole), (15, with(Marks { holiday: true, ..Marks::default() }))]
        }
        Position::Middle if job.sick_leave == Some(calendar) => {
            vec![(27, whole), (3, with(Marks { sick_leave: true, ..Marks::default() }))]
        }
        Position::Middle if job.overtime.contains(&calendar) => {
            vec![(30, with(Marks { overtime: true, ..whole.marks }))]
        }
        Position::Middle => vec![(30, whole)],
    };
    stretches.into_iter().map(|(days, line)| with_base(job, line, days)).collect()
}

/// Fills days and bases of a stretch.
fn with_base(job: &Job, line: Line, days: u8) -> Line {
    let base_of_pay = match (job.integral, line.marks.overtime) {
        // Labour code, article 132: the rest of an integral salary stands for benefits.
        (true, _) => wage::percent(line.salary, 70),
        (false, true) => wage::percent(line.salary, 108),
        (false, false) => line.salary,
    };
    let base = wage::for_days(base_of_pay, days);
    Line {
        days,
        base,
        // Nothing is owed to the family fund for days of sick leave.
        family_fund_base: if line.marks.sick_leave { 0 } else { base },
        ..line
    }
}

fn self_employed_line(income: &[i64; 12], month: Month) -> Line {
    let index = usize::try_from(month.month() - 1).unwrap_or_default();
    let income = wage::pay(income.get(index).copied().unwrap_or_default(), month);
    // Ley 2294 de 2023, article 89: 40 % of the income, at least one minimum wage.
    let base = wage::percent(income, 40).max(wage::minimum_wage(month));
    Line { days: 30, salary: base, base, ..Line::default() }
}

/// Where a month stands in an employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    First,
    Middle,
    Last,
}

/// Turns are counted from here, so that every window of 24 months shows an end, a gap and a start.
const FIRST_TURN: (i32, i32) = (2026, 3);
const TURN: i32 = 21;
const WORK: i32 = 19;

/// Where `month` stands in the employment, `None` outside it.
fn position(stint: Stint, month: Month) -> Option<Position> {
    let parity = match stint {
        Stint::Always => return Some(Position::Middle),
        Stint::EvenTurns => 0,
        Stint::OddTurns => 1,
    };
    let (year, first) = FIRST_TURN;
    let calendar = i32::try_from(month.month()).ok()?;
    let since = (month.year() - year) * 12 + calendar - first;
    if since.div_euclid(TURN).rem_euclid(2) != parity {
        return None;
    }
    match since.rem_euclid(TURN) {
        0 => Some(Position::First),
        last if last == WORK - 1 => Some(Position::Last),
        middle if middle < WORK => Some(Position::Middle),
        _ => None,
    }
}
