//! Who pays: the payers of the country, derived from their index.

use std::sync::LazyLock;

use vinculo_pila::catalog::{self, RiskActivity};
use vinculo_pila::{Document, DocumentKind};

use super::dice::{Dice, Topic};

/// What sort of payer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trade {
    /// Private company with 200 workers or more.
    Large,
    /// Private company.
    Company,
    /// Private non-profit body: pays no income tax, so it is never exonerated.
    Foundation,
    /// Small firm under Ley 590 de 2000.
    Small,
    /// New firm under Ley 1429 de 2010.
    NewFirm,
    /// Municipality.
    PublicBody,
    /// Person with a domestic worker.
    Household,
    /// Company that pays for its contractors.
    Contracting,
    /// Person who pays alone.
    SelfEmployed,
}

/// The payers of a town, in the order of their indices. The country is town after town, so that
/// who works where follows from a division.
pub(super) const TOWN: [Trade; 12] = [
    Trade::Company,
    Trade::SelfEmployed,
    Trade::Large,
    Trade::Household,
    Trade::PublicBody,
    Trade::Contracting,
    Trade::Small,
    Trade::NewFirm,
    Trade::Foundation,
    Trade::SelfEmployed,
    Trade::Company,
    Trade::Household,
];

impl Trade {
    /// The trade of the payer with this index.
    pub(super) const fn of(payer: u32) -> Self {
        TOWN[payer as usize % TOWN.len()]
    }

    /// Whether its people are employees who may have another employer before, after or beside it.
    const fn employs(self) -> bool {
        !matches!(self, Self::Household | Self::Contracting | Self::SelfEmployed)
    }

    /// People who belong to it in a country of this many per ordinary payer.
    const fn seats(self, ordinary: u32) -> u32 {
        match self {
            Self::Large => at_least(ordinary.saturating_mul(10), 200),
            Self::Company | Self::Foundation | Self::PublicBody | Self::Contracting => ordinary,
            Self::Small => at_most(ordinary, 150),
            Self::NewFirm => at_most(ordinary, 40),
            Self::Household | Self::SelfEmployed => 1,
        }
    }

    /// Letter of the planilla type of its ordinary month.
    pub(super) const fn planilla(self) -> char {
        match self {
            Self::Household => 'S',
            Self::Contracting => 'Y',
            Self::SelfEmployed => 'I',
            _ => 'E',
        }
    }

    /// Whether it pays for employees: their health is paid a month ahead.
    pub(super) const fn has_employees(self) -> bool {
        !matches!(self, Self::Contracting | Self::SelfEmployed)
    }
}

const fn at_least(value: u32, least: u32) -> u32 {
    if value < least { least } else { value }
}

const fn at_most(value: u32, most: u32) -> u32 {
    if value > most { most } else { value }
}

/// The people of the payers, in order: those of a payer have consecutive indices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seating {
    payers: u32,
    ordinary: u32,
}

impl Seating {
    pub(super) const fn new(payers: u32, ordinary: u32) -> Self {
        Self { payers, ordinary }
    }

    /// People of the country; more than 32 bits hold is the caller's to refuse.
    pub(super) fn people(self) -> u64 {
        self.first_seat(self.payers)
    }

    /// People who belong to a payer.
    pub(super) const fn seats(self, payer: u32) -> u32 {
        Trade::of(payer).seats(self.ordinary)
    }

    /// The person with whom those of a payer begin.
    pub(super) fn first_seat(self, payer: u32) -> u64 {
        let size = TOWN.len() as u32;
        let before = TOWN.iter().take((payer % size) as usize);
        let in_town: u64 = before.map(|trade| u64::from(trade.seats(self.ordinary))).sum();
        u64::from(payer / size) * self.town() + in_town
    }

    /// The payer a person belongs to.
    pub(super) fn payer_of(self, person: u32) -> u32 {
        let town = u64::from(person) / self.town();
        let mut rest = u64::from(person) % self.town();
        let mut slot = 0;
        for trade in TOWN {
            let seats = u64::from(trade.seats(self.ordinary));
            if rest < seats {
                break;
            }
            rest -= seats;
            slot += 1;
        }
        town as u32 * TOWN.len() as u32 + slot
    }

    /// The other employer of people of `payer`: the next of the town that has employees.
    pub(super) fn other_employer(self, payer: u32) -> Option<u32> {
        self.neighbour(payer, 1)
    }

    /// The payer whose people have `payer` as their other employer.
    pub(super) fn donor(self, payer: u32) -> Option<u32> {
        self.neighbour(payer, TOWN.len() as u32 - 1)
    }

    /// The employer found first in steps of `step` around the town; none when the country ends
    /// before the town does.
    fn neighbour(self, payer: u32, step: u32) -> Option<u32> {
        let size = TOWN.len() as u32;
        let (town, slot) = (payer / size * size, payer % size);
        if town + size > self.payers || !Trade::of(payer).employs() {
            return None;
        }
        let around = (1..size).map(|steps| town + (slot + steps * step) % size);
        around.into_iter().find(|&other| Trade::of(other).employs())
    }

    fn town(self) -> u64 {
        TOWN.iter().map(|trade| u64::from(trade.seats(self.ordinary))).sum()
    }
}

/// A payer.
#[derive(Debug, Clone)]
pub(super) struct Payer {
    pub(super) index: u32,
    pub(super) trade: Trade,
    pub(super) document: Document,
    pub(super) name: String,
    /// Class by size or benefit.
    pub(super) class: char,
    /// Kind of payer.
    pub(super) kind: &'static str,
    pub(super) activity: &'static RiskActivity,
    pub(super) exonerated: bool,
    /// Work-risk insurer and family fund.
    pub(super) insurer: &'static str,
    pub(super) family_fund: &'static str,
    /// Department and municipality (DIVIPOLA).
    pub(super) place: (&'static str, &'static str),
    /// Day of the month after the period on which it pays.
    pub(super) payment_day: i8,
}

/// Places of work: departments and municipalities (DIVIPOLA).
const PLACES: [(&str, &str); 6] =
    [("11", "001"), ("05", "001"), ("76", "001"), ("08", "001"), ("68", "001"), ("17", "001")];

const INSURERS: [&str; 5] = ["14-4", "14-7", "14-11", "14-23", "14-25"];

const FAMILY_FUNDS: [&str; 5] = ["CCF03", "CCF04", "CCF05", "CCF07", "CCF22"];

/// Characters of detail field 98.
const ACTIVITY_CODE: usize = 7;

/// Activities whose class CIIU lists and whose code fits the field: two codes of the published table
/// have a character too many.
static ACTIVITIES: LazyLock<Box<[&'static RiskActivity]>> = LazyLock::new(|| {
    let listed = |risk: &&RiskActivity| {
        catalog::activity(risk.ciiu).is_some() && risk.code.len() == ACTIVITY_CODE
    };
    catalog::risk_activities().filter(listed).collect()
});

impl Payer {
    /// The payer with this index; `person` is who pays alone. `None` only without a catalog of
    /// activities.
    pub(super) fn new(dice: Dice, seating: Seating, index: u32, person: &Document) -> Option<Self> {
        let trade = Trade::of(index);
        let mut dice = dice.about(Topic::Payer, index.into());
        let activities = u32::try_from(ACTIVITIES.len()).unwrap_or(u32::MAX);
        Some(Self {
            index,
            trade,
            document: match trade {
                Trade::SelfEmployed => person.clone(),
                Trade::Household => Document::new(DocumentKind::Cc, format!("1994{index:06}")),
                _ => Document::new(DocumentKind::Nit, format!("995{index:06}")),
            },
            name: name(trade, index),
            class: class(trade, seating.seats(index)),
            kind: match trade {
                Trade::Contracting => "15",
                Trade::SelfEmployed => "02",
                _ => "01",
            },
            activity: ACTIVITIES.get(dice.below(activities) as usize)?,
            exonerated: match trade {
                Trade::Large | Trade::Small | Trade::NewFirm => true,
                Trade::Company => !dice.one_in(4),
                _ => false,
            },
            insurer: dice.pick(&INSURERS),
            family_fund: dice.pick(&FAMILY_FUNDS),
            place: dice.pick(&PLACES),
            payment_day: dice.days(3, 18).cast_signed(),
        })
    }

    /// Whether the payer is a person.
    pub(super) const fn is_person(&self) -> bool {
        matches!(self.trade, Trade::Household | Trade::SelfEmployed)
    }
}

fn class(trade: Trade, seats: u32) -> char {
    match trade {
        Trade::SelfEmployed => 'I',
        Trade::Small => 'C',
        Trade::NewFirm => 'D',
        _ if seats >= 200 => 'A',
        _ => 'B',
    }
}

/// A name nobody would take for a real one.
fn name(trade: Trade, index: u32) -> String {
    let words = match trade {
        Trade::Large => "COMPAÑÍA EJEMPLO",
        Trade::Company => "EMPRESA FICTICIA",
        Trade::Foundation => "FUNDACIÓN IMAGINARIA",
        Trade::Small => "TALLER DE MUESTRA",
        Trade::NewFirm => "NEGOCIO DE ENSAYO",
        Trade::PublicBody => "MUNICIPIO DE CIUDAD EJEMPLO",
        Trade::Household => "HOGAR DE EJEMPLO",
        Trade::Contracting => "CONTRATANTE DE PRUEBA",
        Trade::SelfEmployed => "INDEPENDIENTE DE EJEMPLO",
    };
    let form = match trade {
        Trade::Large => " S.A.",
        Trade::Company | Trade::Small | Trade::NewFirm | Trade::Contracting => " S.A.S.",
        _ => "",
    };
    format!("{words} {index:06}{form}")
}
