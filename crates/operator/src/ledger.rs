//! What was contributed in a month: a function of the persona, that month, and for some the month
//! their story is told from.

use vinculo_pila::{Month, catalog};

use crate::persona::{Job, Raise, Stint, Work, Worker};
use crate::wage;

/// One line of a planilla.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Line {
    pub(crate) days: u8,
    pub(crate) salary: i64,
    pub(crate) pension_base: i64,
    pub(crate) health_base: i64,
    pub(crate) family_fund_base: i64,
    pub(crate) kind: Kind,
    pub(crate) marks: Marks,
}

/// Codes of the worker and of the planilla.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// Worker kind, two digits.
    pub(crate) worker: &'static str,
    /// Worker subtype, without leading zero.
    pub(crate) subtype: &'static str,
    /// Letter of the planilla.
    pub(crate) planilla: &'static str,
}

impl Default for Kind {
    fn default() -> Self {
        Self { worker: "01", subtype: "0", planilla: "E" }
    }
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
    pub(crate) unpaid_leave: bool,
    pub(crate) parental_leave: bool,
}

/// The lines of one work in a month; none when the person does not do it then. `present` is the
/// newest month while the calendar is not moved.
pub(crate) fn lines(work: &Work, month: Month, present: Month) -> Vec<Line> {
    match work {
        Work::Job(job) => job_lines(job, month, present),
        Work::SelfEmployed { income, .. } => vec![self_employed_line(income, month)],
    }
}

/// Days of the month in which somebody starts or ends.
const PARTIAL_MONTH: u8 = 20;

/// Months an apprentice is in class.
const MONTHS_IN_CLASS: i32 = 6;

fn job_lines(job: &Job, month: Month, present: Month) -> Vec<Line> {
    let Some(position) = position(job.stint, month, present) else {
        return Vec::new();
    };
    let salary = salary(job, month, present);
    let before = self::salary(job, month.plus(-1), present);
    let raised = position != Position::First && salary != before;
    let whole = Line {
        salary,
        kind: kind(job, month, present),
        marks: Marks { lasting_change: raised, ..Marks::default() },
        ..Line::default()
    };
    let with = |marks: Marks| Line { marks, ..whole };
    let calendar = month.month();
    let age = month.months_since(present);
    let on_leave = job.parental_leave.is_some_and(|(from, to)| (from..=to).contains(&age));
    let stretches = match position {
        Position::First => vec![(PARTIAL_MONTH, with(Marks { start: true, ..whole.marks }))],
        Position::Last => vec![(PARTIAL_MONTH, with(Marks { end: true, ..whole.marks }))],
        Position::Middle if on_leave => {
            vec![(30, with(Marks { parental_leave: true, ..whole.marks }))]
        }
        Position::Middle if job.holiday == Some(calendar) => {
            vec![(15, whole), (15, with(Marks { holiday: true, ..Marks::default() }))]
        }
        Position::Middle if job.sick_leave == Some(calendar) => {
            vec![(27, whole), (3, with(Marks { sick_leave: true, ..Marks::default() }))]
        }
        Position::Middle if job.unpaid_leave == Some(calendar) => {
            vec![(20, whole), (10, with(Marks { unpaid_leave: true, ..Marks::default() }))]
        }
        Position::Middle if job.overtime.contains(&calendar) => {
            vec![(30, with(Marks { overtime: true, ..whole.marks }))]
        }
        Position::Middle => vec![(30, whole)],
    };
    stretches.into_iter().map(|(days, line)| with_bases(job, line, days, month)).collect()
}

/// Monthly pay, with the raises of the job.
fn salary(job: &Job, month: Month, present: Month) -> i64 {
    let thousandths = match job.raise {
        Raise::Never => job.salary,
        Raise::Yearly(since) => {
            let raises = i64::from(month.year() - 2020) + i64::from(month.month() >= since);
            job.salary + job.salary / 10 * raises.max(0)
        }
        Raise::Once(from) if month.months_since(present) >= from => job.salary * 6 / 5,
        Raise::Once(_) => job.salary,
    };
    if thousandths < 1000 {
        return wage::divided_up(wage::minimum_wage(month) * thousandths, 1000);
    }
    wage::pay(thousandths, month)
}

fn kind(job: &Job, month: Month, present: Month) -> Kind {
    let in_class = match job.stint {
        Stint::Between(from, _) | Stint::Since(from) => {
            month.months_since(present) - from < MONTHS_IN_CLASS
        }
        _ => false,
    };
    match job.worker {
        Worker::Employee => Kind::default(),
        Worker::Pensioner => Kind { subtype: "1", ..Kind::default() },
        Worker::Apprentice if in_class => Kind { worker: "12", ..Kind::default() },
        Worker::Apprentice => Kind { worker: "19", ..Kind::default() },
        Worker::Contractor => Kind { worker: "59", planilla: "Y", ..Kind::default() },
    }
}

/// Fills days and bases of a stretch.
fn with_bases(job: &Job, line: Line, days: u8, month: Month) -> Line {
    let minimum = wage::minimum_wage(month);
    let pay = match (job.worker, line.marks.overtime) {
        // The base of an apprentice is a whole minimum wage.
        (Worker::Apprentice, _) => minimum,
        (Worker::Contractor, _) => share_of_income(line.salary, month),
        // Labour code, article 132: the rest of an integral salary stands for benefits.
        _ if job.integral => wage::percent(line.salary, 70),
        (_, true) => wage::percent(line.salary, 108),
        (_, false) => line.salary,
    };
    let cap = catalog::wage_figures(month).map_or(25 * minimum, |figures| figures.base_cap);
    let base = wage::for_days(pay.min(cap), days);
    let owed = |owed: bool, base| if owed { base } else { 0 };
    let marks = line.marks;
    let absent = marks.sick_leave || marks.unpaid_leave || marks.parental_leave;
    let employed = matches!(job.worker, Worker::Employee | Worker::Pensioner);
    Line {
        days,
        salary: if job.worker == Worker::Contractor { pay } else { line.salary },
        pension_base: owed(!matches!(job.worker, Worker::Pensioner | Worker::Apprentice), base),
        health_base: base,
        // Nothing is owed to the family fund for days of leave.
        family_fund_base: owed(employed && !absent, wage::for_days(pay, days)),
        ..line
    }
}

fn self_employed_line(income: &[i64; 12], month: Month) -> Line {
    let index = usize::try_from(month.month() - 1).unwrap_or_default();
    let income = wage::pay(income.get(index).copied().unwrap_or_default(), month);
    let base = share_of_income(income, month);
    let kind = Kind { worker: "59", planilla: "I", ..Kind::default() };
    Line { days: 30, salary: base, pension_base: base, health_base: base, kind, ..Line::default() }
}

/// Ley 2294 de 2023, article 89: 40 % of the income, at least one minimum wage.
fn share_of_income(income: i64, month: Month) -> i64 {
    wage::percent(income, 40).max(wage::minimum_wage(month))
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
fn position(stint: Stint, month: Month, present: Month) -> Option<Position> {
    let age = month.months_since(present);
    let between = |first: Option<i32>, last: Option<i32>| match () {
        () if first.is_some_and(|first| age < first) => None,
        () if last.is_some_and(|last| age > last) => None,
        () if first == Some(age) => Some(Position::First),
        () if last == Some(age) => Some(Position::Last),
        () => Some(Position::Middle),
    };
    match stint {
        Stint::Always => Some(Position::Middle),
        Stint::EvenTurns => turn(month, 0),
        Stint::OddTurns => turn(month, 1),
        Stint::Since(first) => between(Some(first), None),
        Stint::Until(last) => between(None, Some(last)),
        Stint::Between(first, last) => between(Some(first), Some(last)),
    }
}

fn turn(month: Month, parity: i32) -> Option<Position> {
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
