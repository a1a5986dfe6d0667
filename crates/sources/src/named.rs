//! A person whom an answer names without a paid month.

use std::fmt;

use vinculo_pila::{
    Amounts, Contribution, Document, Month, Names, Novelties, NoveltiesKnown, Origin, Payer,
    PerSystem, PlanillaRef,
};

/// Who an answer without lines is about. `Debug` hides the name.
#[derive(Clone, PartialEq, Eq)]
pub struct Named {
    /// The source.
    pub origin: Origin,
    /// The names as it tells them.
    pub names: Names,
}

impl Named {
    /// The answer as one line, so that the name is kept as every other is: of the month it was given
    /// in, not paid, with the person in the place of the payer. Such a line makes no month.
    #[must_use]
    pub fn into_line(self, person: &Document, given: Month) -> Contribution {
        Contribution {
            origin: self.origin,
            person: person.clone(),
            names: self.names,
            payer: Payer::named(person.clone(), None),
            period: given,
            planilla: PlanillaRef::default(),
            line: 0,
            correction: None,
            worker_kind: None,
            worker_subtype: None,
            worker_scale: None,
            days: PerSystem::default(),
            base: PerSystem::default(),
            income: None,
            basic_salary: None,
            salary_kind: None,
            novelties: Novelties::default(),
            started_on: None,
            ended_on: None,
            novelties_known: NoveltiesKnown::None,
            amounts: Amounts::default(),
            pension_fund: None,
            health_provider: None,
            risk_class: None,
            arl_activity: None,
            paid: false,
        }
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("origin", &self.origin).finish_non_exhaustive()
    }
}
