//! What an operator tells about the country's people and payers when it is asked.

use vinculo_pila::{DocumentKind, Month, Names};

use super::Country;
use super::facts::stints_of;
use super::filing::{Act, Purpose, Standing};
use super::line::Line;
use super::payer::{Payer, Trade};
use super::person::Identity;
use super::plan::{Event, Route};
use crate::ledger::{self, Kind, Marks};
use crate::wire::{self, Insured, PayerRow, PersonRow};

impl Country {
    /// The person with this cédula, by index.
    pub(crate) fn person_of(&self, cedula: &str) -> Option<u32> {
        let index = cedula.strip_prefix("1995").filter(|digits| digits.len() == 6)?;
        index.parse().ok().filter(|&index| index < self.people && self.cedulas)
    }

    /// The rows of a person in these months: what was paid, in the planillas it was paid with.
    pub(crate) fn person_rows(
        &self,
        index: u32,
        months: impl Iterator<Item = Month>,
    ) -> Vec<PersonRow> {
        let insured = insured(&self.identity(index));
        let mut rows = Vec::new();
        for figures in months.filter_map(|month| self.figures(month)) {
            for (payer, post) in stints_of(self, index) {
                if let Some(act) = self.act(&payer, Standing::Paid, &figures, post) {
                    rows.extend(shown(&act, &insured));
                }
            }
        }
        rows
    }

    /// The rows of a payer in these months.
    pub(crate) fn payer_rows(
        &self,
        kind: DocumentKind,
        number: &str,
        months: impl Iterator<Item = Month>,
    ) -> Vec<PayerRow> {
        let index = match kind {
            DocumentKind::Nit => number.strip_prefix("995"),
            DocumentKind::Cc => number.strip_prefix("1994"),
            _ => None,
        };
        let index = index.filter(|digits| digits.len() == 6).and_then(|digits| digits.parse().ok());
        let own = self.person_of(number).map(|person| self.seating.payer_of(person));
        let payer = index.or(own).filter(|&index| index < self.size.payers);
        let payer = payer
            .and_then(|index| self.payer(index))
            .filter(|payer| payer.document.kind == kind && payer.document.number == number);
        let Some(payer) = payer else { return Vec::new() };
        let people = i64::from(self.seating.seats(payer.index));
        let letter = letter(payer.trade.planilla());
        months
            .filter_map(|month| match payer.trade {
                Trade::SelfEmployed => {
                    let base = self.self_employed_base(&payer, month)?;
                    Some(wire::self_employed_month(payer_keys(&payer), base, month))
                }
                _ => Some(wire::employer_row(payer_keys(&payer), letter, people, month)),
            })
            .collect()
    }

    /// What somebody who pays alone contributed on; `None` in a month without contribution.
    fn self_employed_base(&self, payer: &Payer, month: Month) -> Option<i64> {
        let figures = self.figures(month)?;
        let person = u32::try_from(self.seating.first_seat(payer.index)).ok()?;
        let (_, post) = stints_of(self, person).next()?;
        let act = self.act(payer, Standing::Paid, &figures, post)?;
        Some(act.month.lines(&act.plan.filed).iter().map(|line| line.base.health).sum())
    }
}

/// The rows of one month of one post. A correction repeats the lines as they were paid.
fn shown(act: &Act<'_>, insured: &Insured) -> Vec<PersonRow> {
    let payer = act.month.payer;
    let purpose = match act.plan.route {
        Route::Regular => Purpose::Regular,
        Route::Newcomer => Purpose::Newcomers,
        Route::Arrears => Purpose::Arrears,
    };
    let filed = act.month.lines(&act.plan.filed);
    let right = act.plan.corrected.as_ref().map(|right| act.month.lines(right));
    let corrections = right.iter().flat_map(|right| filed.iter().chain(right));
    let all = filed.iter().map(|line| (purpose, line));
    all.chain(corrections.map(|line| (Purpose::Corrections, line)))
        .map(|(purpose, line)| {
            let month = act.month.figures.month;
            let integral = line.salary_kind == Some('X');
            let line = told(line, letter(purpose.letter(payer.trade)));
            PersonRow::new(insured, payer_keys(payer), month, integral, &line)
        })
        .collect()
}

/// What of a line an operator has fields for.
fn told(line: &Line, planilla: &'static str) -> ledger::Line {
    let event = |event| line.event == event;
    ledger::Line {
        days: line.days.pension.max(line.days.health),
        salary: line.salary,
        pension_base: line.base.pension,
        health_base: line.base.health,
        family_fund_base: line.base.family_fund,
        kind: Kind { worker: line.worker_kind, subtype: line.worker_subtype, planilla },
        marks: Marks {
            start: line.start.is_some(),
            end: line.end.is_some(),
            lasting_change: line.raise.is_some(),
            overtime: matches!(line.event, Event::Variable(_)),
            holiday: event(Event::Holiday),
            sick_leave: event(Event::Sick),
            unpaid_leave: event(Event::UnpaidLeave),
            parental_leave: event(Event::Parental),
        },
    }
}

fn insured(identity: &Identity) -> Insured {
    let Names { first, second, surname, second_surname } = identity.names.clone();
    Insured {
        kind: identity.document.kind.code(),
        number: identity.document.number.clone().into(),
        names: [first, second, surname, second_surname].map(Into::into),
        pension_fund: identity.pension_fund.unwrap_or_default(),
        health_provider: identity.health_provider,
    }
}

fn payer_keys(payer: &Payer) -> wire::Payer {
    let document = (payer.document.kind.code(), payer.document.number.clone());
    let class = payer.class.to_string();
    wire::Payer::new(payer.name.clone(), document, payer.activity.ciiu, class, payer.kind)
}

/// The letter of a planilla as a text.
const fn letter(planilla: char) -> &'static str {
    match planilla {
        'S' => "S",
        'Y' => "Y",
        'I' => "I",
        'A' => "A",
        'M' => "M",
        'N' => "N",
        _ => "E",
    }
}
