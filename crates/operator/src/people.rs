//! Everybody who can be asked about: the personas by hand, and the people of the made-up country.

use std::sync::LazyLock;

use vinculo_pila::{DocumentKind, Month};

use crate::conduct::Conduct;
use crate::country::{Country, Size};
use crate::http::Moment;
use crate::persona::Persona;
use crate::personas::{COMPANIES, personas};
use crate::wire::{self, PayerRow, PersonRow};

/// Seed and size of the country behind the operator. Changing any of them makes other people.
const SEED: u64 = 1999;
const PAYERS: u32 = 360;
const PEOPLE_PER_PAYER: u32 = 20;
const CAREER: u32 = 48;
const MONTHS: u32 = 240;

/// The country behind the operator: everybody in it has a cédula, from `1995000000` on, as many as
/// [`Country::people`] says. Its calendar begins in January 2024 and lasts twenty years; careers are
/// laid out over the first four of them.
///
/// # Panics
///
/// Never: the size is a constant that a country can have.
#[must_use]
#[expect(clippy::expect_used, reason = "a constant, which a test asks for")]
pub fn country() -> &'static Country {
    static COUNTRY: LazyLock<Country> = LazyLock::new(|| {
        let first = Month::new(2024, 1).expect("a month");
        let size =
            Size { payers: PAYERS, people_per_payer: PEOPLE_PER_PAYER, first, months: MONTHS };
        Country::of_cedulas(SEED, size, CAREER).expect("a size that a country can have")
    });
    &COUNTRY
}

/// Somebody who can be asked about.
pub(crate) enum Resident {
    /// A person by hand.
    Persona(&'static Persona),
    /// A person of the country, by index.
    Citizen(u32),
}

impl Resident {
    /// Who has this document.
    pub(crate) fn find(kind: DocumentKind, number: &str) -> Option<Self> {
        let known = |persona: &&Persona| persona.kind == kind && persona.number == number;
        let citizen = || (kind == DocumentKind::Cc).then(|| country().person_of(number))?;
        let persona = personas().iter().find(known).map(Self::Persona);
        persona.or_else(|| citizen().map(Self::Citizen))
    }

    pub(crate) fn conduct(&self) -> Conduct {
        match self {
            Self::Persona(persona) => persona.conduct,
            Self::Citizen(_) => Conduct::PLAIN,
        }
    }

    /// The rows of the newest months, newest first.
    pub(crate) fn rows(&self, moment: Moment, months: i32) -> Vec<PersonRow> {
        let window = moment.window(months);
        match *self {
            Self::Persona(persona) => {
                window.flat_map(|month| wire::person_rows(persona, month, moment.present)).collect()
            }
            Self::Citizen(index) => country().person_rows(index, window),
        }
    }
}

/// Rows about somebody who does not have this document.
pub(crate) fn stranger(number: &str, moment: Moment, months: i32) -> Vec<PersonRow> {
    let other = personas().iter().find(|persona| persona.number != number);
    other.map(|other| Resident::Persona(other).rows(moment, months)).unwrap_or_default()
}

/// The rows of a payer, newest first; none when nobody pays under this document.
pub(crate) fn payer_rows(
    kind: DocumentKind,
    number: &str,
    moment: Moment,
    months: i32,
) -> Vec<PayerRow> {
    let window = moment.window(months);
    if let Some(company) = COMPANIES.iter().find(|company| company.nit == number)
        && kind == DocumentKind::Nit
    {
        return window.map(|month| wire::company_row(company, month)).collect();
    }
    let persona = personas().iter().find(|it| it.kind == kind && it.number == number);
    match persona {
        Some(persona) => window
            .filter_map(|month| wire::self_employed_row(persona, month, moment.present))
            .collect(),
        None => country().payer_rows(kind, number, window),
    }
}
