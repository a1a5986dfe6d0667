//! What is true of a person, told without any planilla: the answer a reader of the planillas
//! should come to.

use std::collections::BTreeMap;

use vinculo_pila::{Document, Month};

use super::Country;
use super::figures::Figures;
use super::filing::{Post, Standing};
use super::payer::Payer;

/// A person of the country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Identity document, the only one the person ever has.
    pub document: Document,
    /// One per payer who contributed for the person, in the order of the payers' documents.
    pub employments: Vec<Employment>,
}

/// What a payer paid for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Employment {
    /// Identity document of the payer, without check digit.
    pub payer: Document,
    /// Legal name of the payer.
    pub payer_name: String,
    /// Class of the payer: `A` `B` `C` `D` `I`.
    pub payer_class: char,
    /// Main activity of the payer, a CIIU class of four digits.
    pub payer_activity: &'static str,
    /// Months of work with this payer, ascending.
    pub months: Vec<WorkedMonth>,
}

/// A month of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkedMonth {
    /// The month.
    pub month: Month,
    /// Its planilla was paid; otherwise there is only a draft.
    pub paid: bool,
    /// The person started with the payer in this month.
    pub started: bool,
    /// The person left the payer in this month.
    pub left: bool,
    /// Gross pay in whole pesos when the month is plain: 30 days of work paid as agreed. For
    /// the self-employed and contractors it is their income, or, when 40 % of that is below it,
    /// one minimum wage. `None` for any other month.
    pub gross: Option<i64>,
}

impl Country {
    /// The person with this index, from 0; `None` beyond [`people`](Self::people).
    #[must_use]
    pub fn person(&self, index: u32) -> Option<Person> {
        if index >= self.people {
            return None;
        }
        let document = self.identity(index).document;
        let mut employments: BTreeMap<Document, Employment> = BTreeMap::new();
        for (payer, post) in stints_of(self, index) {
            for figures in self.months().filter_map(|month| self.figures(month)) {
                let Some(worked) = self.worked(&payer, &figures, post) else { continue };
                let employment = employments.entry(payer.document.clone());
                employment.or_insert_with(|| employment_with(&payer)).months.push(worked);
            }
        }
        Some(Person { document, employments: employments.into_values().collect() })
    }

    fn worked(&self, payer: &Payer, figures: &Figures, post: Post) -> Option<WorkedMonth> {
        let standing = self.standing(payer.index, figures.month);
        let act = self.act(payer, standing, figures, post)?;
        Some(WorkedMonth {
            month: figures.month,
            paid: standing != Standing::Draft,
            started: act.month.presence.started.is_some(),
            left: act.month.presence.ended.is_some(),
            gross: act.plan.is_plain().then(|| act.month.plain_gross()),
        })
    }
}

/// The jobs of a person, each with its payer.
pub(super) fn stints_of(country: &Country, person: u32) -> impl Iterator<Item = (Payer, Post)> {
    let role = country.role(person);
    country
        .career(person, role)
        .stints()
        .filter_map(move |stint| Some((country.payer(stint.payer)?, Post { person, role, stint })))
}

fn employment_with(payer: &Payer) -> Employment {
    Employment {
        payer: payer.document.clone(),
        payer_name: payer.name.clone(),
        payer_class: payer.class,
        payer_activity: payer.activity.ciiu,
        months: Vec::new(),
    }
}
