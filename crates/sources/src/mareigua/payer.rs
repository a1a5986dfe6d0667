//! A payer with its months, from the query or from the report, as contributions.

use vinculo_pila::{
    Administrator, Amounts, Contribution, Document, Names, Novelties, NoveltiesKnown, Origin,
    Payer, PerSystem, PlanillaRef, WorkerScale,
};

/// Who the months are about, and what is said of the person alone.
pub(super) struct Person<'a> {
    pub(super) document: &'a Document,
    pub(super) names: Names,
    pub(super) health_provider: Option<String>,
    pub(super) pension_fund: Option<String>,
}

/// A month that was paid for.
pub(super) struct Month {
    pub(super) period: vinculo_pila::Month,
    pub(super) income: Option<i64>,
}

/// A payer. What is said to hold "currently" belongs to its newest month.
pub(super) struct Payments {
    pub(super) payer: Payer,
    pub(super) worker_kind: Option<String>,
    pub(super) worker_scale: Option<WorkerScale>,
    pub(super) integral_now: Option<bool>,
    /// `None` where the source tells no novelties.
    pub(super) marks_now: Option<Novelties>,
    pub(super) risk_class: Option<char>,
    pub(super) months: Vec<Month>,
}

impl Payments {
    /// Adds a line for every month.
    pub(super) fn into_lines(
        self,
        person: &Person<'_>,
        origin: Origin,
        lines: &mut Vec<Contribution>,
    ) {
        let newest = self.months.iter().map(|month| month.period).max();
        for month in &self.months {
            let line = u32::try_from(lines.len()).unwrap_or(u32::MAX);
            let now = newest == Some(month.period);
            lines.push(self.line(person, origin, month, line, now));
        }
    }

    fn line(
        &self,
        person: &Person<'_>,
        origin: Origin,
        month: &Month,
        line: u32,
        now: bool,
    ) -> Contribution {
        let administrator = |name: &Option<String>| {
            name.clone().filter(|_| now).map(|name| Administrator { code: None, name: Some(name) })
        };
        let marks = self.marks_now.filter(|_| now);
        Contribution {
            origin,
            person: person.document.clone(),
            names: person.names.clone(),
            payer: self.payer.clone(),
            period: month.period,
            planilla: PlanillaRef::default(),
            line,
            correction: None,
            worker_kind: self.worker_kind.clone(),
            worker_subtype: None,
            worker_scale: self.worker_scale,
            days: PerSystem::default(),
            base: PerSystem::default(),
            income: month.income,
            basic_salary: None,
            salary_kind: self.integral_now.filter(|_| now).map(|it| if it { 'X' } else { '0' }),
            novelties: marks.unwrap_or_default(),
            novelties_known: match marks {
                Some(_) => NoveltiesKnown::StartAndEnd,
                None => NoveltiesKnown::None,
            },
            started_on: None,
            ended_on: None,
            amounts: Amounts::default(),
            pension_fund: administrator(&person.pension_fund),
            health_provider: administrator(&person.health_provider),
            risk_class: self.risk_class.filter(|_| now),
            arl_activity: None,
            paid: true,
        }
    }
}
