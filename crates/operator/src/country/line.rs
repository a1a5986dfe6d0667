//! The lines of a person's month: bases, rates and contributions by the rules.

use jiff::civil::Date;
use vinculo_pila::Correction;
use vinculo_pila::catalog::{self, Rate};

use super::figures::Figures;
use super::payer::{Payer, Trade};
use super::person::{Job, MONTHS_IN_CLASS, Presence, Role};
use super::plan::{Event, Stretch};
use crate::wage;

/// One value for each of pension, health, work risk and family fund.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Four<T> {
    pub(super) pension: T,
    pub(super) health: T,
    pub(super) risk: T,
    pub(super) family_fund: T,
}

/// Rates of the contributions of public and private payers beside the four systems.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parafiscals {
    pub(super) sena: Rate,
    pub(super) icbf: Rate,
    pub(super) esap: Rate,
    pub(super) men: Rate,
}

impl Parafiscals {
    const NONE: Self =
        Self { sena: Rate::ZERO, icbf: Rate::ZERO, esap: Rate::ZERO, men: Rate::ZERO };
}

/// A line before it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) person: u32,
    pub(super) role: Role,
    pub(super) worker_kind: &'static str,
    pub(super) worker_subtype: &'static str,
    pub(super) correction: Option<Correction>,
    pub(super) start: Option<Date>,
    pub(super) end: Option<Date>,
    pub(super) raise: Option<Date>,
    pub(super) event: Event,
    /// First and last day of a leave or holiday.
    pub(super) absence: Option<(Date, Date)>,
    pub(super) line_days: u8,
    pub(super) days: Four<u8>,
    pub(super) salary: i64,
    pub(super) salary_kind: Option<char>,
    pub(super) base: Four<i64>,
    pub(super) rate: Four<Rate>,
    pub(super) parafiscals: Parafiscals,
    /// Solidarity and subsistence account of the solidarity fund, pesos.
    pub(super) solidarity: (i64, i64),
    pub(super) exonerated: bool,
    pub(super) hours: u16,
}

/// Everything that decides the lines of a month.
#[derive(Clone, Copy)]
pub(super) struct Month<'a> {
    pub(super) figures: &'a Figures,
    pub(super) payer: &'a Payer,
    pub(super) person: u32,
    pub(super) role: Role,
    pub(super) job: Job,
    /// Income of a contractor or self-employed person, pesos.
    pub(super) income: i64,
    pub(super) presence: Presence,
    pub(super) cash_holiday: u8,
}

impl Month<'_> {
    /// The lines of these stretches.
    pub(super) fn lines(&self, stretches: &[Stretch]) -> Vec<Line> {
        let exonerated = self.exonerated(stretches);
        let mut lines: Vec<_> =
            stretches.iter().map(|stretch| self.line(stretch, exonerated)).collect();
        if let Some(first) = lines.first_mut() {
            first.start = self.presence.started.map(|day| self.figures.day(day));
            first.raise = self.raise();
        }
        if let Some(last) = lines.last_mut() {
            last.end = self.presence.ended.map(|day| self.figures.day(day));
        }
        self.add_solidarity(&mut lines);
        lines
    }

    /// Gross pay of a month of 30 days of work paid as agreed, whole pesos.
    pub(super) fn plain_gross(&self) -> i64 {
        match self.role {
            Role::PartTime { weeks } => self.part_time_base(weeks),
            Role::Contractor { .. } | Role::SelfEmployed => {
                let base = self.share_of_income();
                // At the floor nothing above the base is proved.
                if base <= self.figures.wage + 1 { base } else { self.income }
            }
            _ => self.salary(),
        }
    }

    fn salary(&self) -> i64 {
        self.job.salary(self.figures.month)
    }

    /// The first day of the month, when the salary is another than in the month before.
    fn raise(&self) -> Option<Date> {
        let employee = self.role.has_novelties() || self.role == Role::Domestic;
        let before = self.job.salary(self.figures.month.plus(-1));
        let raised = employee && self.presence.started.is_none() && before != self.salary();
        raised.then_some(self.figures.first)
    }

    /// Tax code, article 114-1: workers below ten minimum wages of an exonerated payer, if their
    /// kind allows it.
    fn exonerated(&self, stretches: &[Stretch]) -> bool {
        let percent = stretches.iter().map(|stretch| match stretch.event {
            Event::Variable(percent) => i64::from(percent),
            _ => 100,
        });
        let earned = wage::percent(self.salary(), percent.max().unwrap_or(100));
        self.payer.exonerated && self.role.has_novelties() && earned < 10 * self.figures.wage
    }

    fn line(&self, stretch: &Stretch, exonerated: bool) -> Line {
        let (worker_kind, worker_subtype) = self.kind();
        let base = self.base(stretch);
        let rate = self.rate(stretch.event, exonerated);
        let leave = !matches!(stretch.event, Event::Work | Event::Variable(_));
        let last = if stretch.days == 30 { 31 } else { stretch.from + stretch.days - 1 };
        let absence = || (self.figures.day(stretch.from), self.figures.day(last));
        Line {
            person: self.person,
            role: self.role,
            worker_kind,
            worker_subtype,
            correction: None,
            start: None,
            end: None,
            raise: None,
            event: stretch.event,
            absence: leave.then(absence),
            line_days: stretch.days,
            days: self.days(stretch),
            salary: match self.role {
                Role::PartTime { .. } => base.pension,
                Role::Contractor { .. } | Role::SelfEmployed => base.health,
                _ => self.salary(),
            },
            salary_kind: self.salary_kind(),
            base,
            rate,
            parafiscals: self.parafiscals(stretch.event, exonerated),
            solidarity: (0, 0),
            exonerated,
            hours: self.hours(stretch.days),
        }
    }

    fn kind(&self) -> (&'static str, &'static str) {
        let in_class = self.presence.months.is_some_and(|months| months < MONTHS_IN_CLASS);
        match self.role {
            Role::Employee | Role::Integral | Role::Foreigner => ("01", "00"),
            Role::Pensioner => ("01", "01"),
            Role::PartTime { .. } => ("51", "00"),
            Role::Apprentice if in_class => ("12", "00"),
            Role::Apprentice => ("19", "00"),
            Role::Domestic => ("02", "00"),
            Role::Contractor { pensioned: true } => ("59", "02"),
            Role::Contractor { pensioned: false } => ("59", "00"),
            Role::SelfEmployed => ("03", "00"),
        }
    }

    fn salary_kind(&self) -> Option<char> {
        match self.role {
            Role::Integral => Some('X'),
            Role::Apprentice | Role::Contractor { .. } | Role::SelfEmployed => None,
            _ if self.job.variable => Some('V'),
            _ => Some('F'),
        }
    }

    fn owes_pension(&self) -> bool {
        !matches!(
            self.role,
            Role::Pensioner
                | Role::Foreigner
                | Role::Apprentice
                | Role::Contractor { pensioned: true }
        )
    }

    fn owes_risk(&self) -> bool {
        self.kind().0 != "12" && self.role != Role::SelfEmployed
    }

    fn owes_family_fund(&self) -> bool {
        !matches!(self.role, Role::Apprentice | Role::Contractor { .. } | Role::SelfEmployed)
    }

    fn days(&self, stretch: &Stretch) -> Four<u8> {
        let owed = |owed: bool, days: u8| if owed { days } else { 0 };
        match self.role {
            Role::PartTime { weeks } => {
                Four { pension: weeks * 7, health: 0, risk: stretch.days, family_fund: weeks * 7 }
            }
            _ => Four {
                pension: owed(self.owes_pension(), stretch.days),
                health: stretch.days,
                risk: owed(self.owes_risk(), stretch.days),
                family_fund: owed(self.owes_family_fund(), stretch.days),
            },
        }
    }

    /// The bases of a stretch, each rounded up to a peso (Decreto 1990 de 2016).
    fn base(&self, stretch: &Stretch) -> Four<i64> {
        let monthly = match self.role {
            Role::PartTime { weeks } => {
                let base = self.part_time_base(weeks);
                let risk = wage::for_days(self.figures.wage, stretch.days);
                return Four { pension: base, health: 0, risk, family_fund: base };
            }
            // The base of an apprentice is a whole minimum wage.
            Role::Apprentice => self.figures.wage,
            Role::Contractor { .. } | Role::SelfEmployed => self.share_of_income(),
            _ => self.base_of_pay(stretch.event),
        };
        let whole = wage::for_days(monthly, stretch.days);
        let capped = wage::for_days(monthly.min(self.figures.cap), stretch.days);
        let cash = wage::for_days(self.base_of_pay(Event::Work), self.cash_holiday);
        let owed = |owed: bool, base: i64| if owed { base } else { 0 };
        Four {
            pension: owed(self.owes_pension(), capped),
            health: capped,
            risk: owed(self.owes_risk(), capped),
            family_fund: owed(self.owes_family_fund(), whole + cash),
        }
    }

    /// What a month of this treatment is paid, as a base.
    fn base_of_pay(&self, event: Event) -> i64 {
        let pay = match event {
            Event::Variable(percent) => wage::percent(self.salary(), percent.into()),
            // Sick pay is two thirds, and at least the minimum wage.
            Event::Sick => wage::divided_up(self.salary() * 2, 3).max(self.figures.wage),
            _ => self.salary(),
        };
        // Labour code, article 132: the rest of a comprehensive salary stands for benefits.
        if self.role == Role::Integral { wage::percent(pay, 70) } else { pay }
    }

    /// A quarter of the minimum wage for each week (Decreto 2616 de 2013).
    fn part_time_base(&self, weeks: u8) -> i64 {
        wage::divided_up(self.figures.wage * i64::from(weeks), 4)
    }

    /// 40 % of the income, at least one minimum wage (Ley 2294 de 2023, article 89).
    fn share_of_income(&self) -> i64 {
        wage::percent(self.income, 40).clamp(self.figures.wage, self.figures.cap)
    }

    fn rate(&self, event: Event, exonerated: bool) -> Four<Rate> {
        let figures = self.figures;
        let owed = |owed: bool, rate: Rate| if owed { rate } else { Rate::ZERO };
        let on_leave = event == Event::UnpaidLeave;
        let works = matches!(event, Event::Work | Event::Variable(_));
        let paid_by_employer = works || matches!(event, Event::Holiday | Event::PaidLeave);
        let part_time = matches!(self.role, Role::PartTime { .. });
        Four {
            pension: owed(
                self.owes_pension(),
                if on_leave { figures.pension_on_leave } else { figures.pension },
            ),
            health: match (on_leave, exonerated) {
                _ if part_time => Rate::ZERO,
                (true, true) => Rate::ZERO,
                (true, false) => figures.health_on_leave,
                (false, true) => figures.health_exonerated,
                (false, false) => figures.health,
            },
            risk: owed(
                self.owes_risk() && works,
                figures.risk_rate(self.payer.activity.risk_class),
            ),
            family_fund: owed(self.owes_family_fund() && paid_by_employer, figures.family_fund),
        }
    }

    fn parafiscals(&self, event: Event, exonerated: bool) -> Parafiscals {
        let paid = !matches!(
            event,
            Event::UnpaidLeave | Event::Sick | Event::Parental | Event::WorkAccident
        );
        let (sena, icbf) = (self.figures.sena, self.figures.icbf);
        match self.payer.trade {
            _ if !paid || exonerated || !self.role.has_novelties() => Parafiscals::NONE,
            Trade::PublicBody => Parafiscals {
                sena: self.figures.sena_public,
                icbf,
                esap: self.figures.esap,
                men: self.figures.men,
            },
            _ => Parafiscals { sena, icbf, ..Parafiscals::NONE },
        }
    }

    fn hours(&self, days: u8) -> u16 {
        if !self.owes_family_fund() {
            return 0;
        }
        let days = match self.role {
            Role::PartTime { weeks } => weeks * 7,
            _ => days,
        };
        (self.figures.hours * u16::from(days) + 15) / 30
    }

    /// The solidarity fund by the pension base of the month (Ley 797 de 2003, articles 7 and 8):
    /// half a point to the first account, the rest to the second. On unpaid leave nobody pays it.
    fn add_solidarity(&self, lines: &mut [Line]) {
        let bases = lines.iter().map(|line| line.base.pension).sum();
        let rate = catalog::solidarity_fund_rate(bases, self.figures.month).unwrap_or(Rate::ZERO);
        let points = |ten_millionths: u32| format!("0.{ten_millionths:07}").parse::<Rate>();
        let Some(rest) = rate.ten_millionths().checked_sub(HALF_POINT) else {
            return;
        };
        let (Ok(half), Ok(rest)) = (points(HALF_POINT), points(rest)) else {
            return;
        };
        for line in lines.iter_mut().filter(|line| line.event != Event::UnpaidLeave) {
            let base = line.base.pension;
            line.solidarity = (half.contribution(base), rest.contribution(base));
        }
    }
}

/// Half a point of a hundred, in ten-millionths.
const HALF_POINT: u32 = 50_000;
