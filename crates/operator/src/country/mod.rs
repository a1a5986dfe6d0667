//! A made-up country of any size: payers, people and their months, written as planilla files.
//!
//! Everything is a function of the seed and an index. The same seed and size give the same bytes
//! on every machine; a person or a month is derived when it is asked for, and the most that is
//! held at once is one planilla.
//!
//! The country is a row of equal towns of twelve payers: private companies, a large one among
//! them, a non-profit body, a small and a new firm, a municipality, a contracting company, two
//! households and two people who pay alone. Its people have raises, variable pay, holidays, sick,
//! parental and unpaid leave, work accidents, second jobs, job changes with gaps, arrears,
//! corrections and planillas that nobody paid yet. What is true of a person is told by
//! [`Country::person`] without any planilla.
//!
//! ```
//! use vinculo_operator::country::{Country, Size};
//! use vinculo_pila::{Month, planilla};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let first = Month::new(2025, 11).ok_or("a month")?;
//! let country = Country::new(7, Size { payers: 2, people_per_payer: 3, first, months: 3 })?;
//! for file in country.planillas(first) {
//!     let mut bytes = Vec::new();
//!     file.write_to(&mut bytes)?;
//!     assert!(planilla::check(&bytes).accepted());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Country::of_cedulas`] is a country to ask about rather than to file: everybody has a cédula, and
//! an operator tells of each month that was paid.
//!
//! Nobody in it exists. Its numbers stay in ranges of their own, apart from those of
//! [`personas`](crate::personas):
//!
//! | who | document |
//! |---|---|
//! | company or public body | NIT `995` and six digits |
//! | household, legal representative | CC `1994` and six digits |
//! | person | CC `1995`, TI `1095`, PT `95`, CE `9`, PA `XB0`, each and six digits; `1995` alone where everybody has a cédula |
//! | planilla | ten digits from `5000000000` |

mod asked;
mod dice;
mod facts;
mod figures;
mod filing;
mod line;
mod payer;
mod person;
mod plan;
mod planilla;
mod record;

use vinculo_pila::{Document, DocumentKind, Month};

pub use facts::{Employment, Person, WorkedMonth};
pub use planilla::{PayerRecord, Planilla};

use dice::{Dice, Topic};
use figures::Figures;
use payer::{Payer, Seating, Trade};
use person::{Career, Identity, Role};

/// A number that looks like a UUID, another for every pair.
pub(crate) fn number(first: u64, second: u64) -> String {
    let mut dice = Dice::new(first).about(Topic::Filing, second);
    let mut part = || dice.below(u32::MAX);
    let (a, b, c, d) = (part(), part(), part(), part());
    let (high, low) = (b >> 16, b & 0xffff);
    format!("{a:08x}-{high:04x}-{low:04x}-{:04x}-{:04x}{d:08x}", c >> 16, c & 0xffff)
}

/// How large a country is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Payers, 1 to 1,000,000; from 12 on there is one of every sort.
    pub payers: u32,
    /// People who belong to a company, non-profit body, municipality or contracting company, at
    /// least 1. A large company has ten times as many and at least 200, a small firm at most 150,
    /// a new one at most 40; households and the self-employed are one person.
    pub people_per_payer: u32,
    /// First month of the calendar; most people worked before it.
    pub first: Month,
    /// Months of the calendar, at least 1. Some planillas of the last one are not paid yet.
    pub months: u32,
}

/// A size no country can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Nobody, or no month.
    #[error("payers, people per payer and months must be at least 1")]
    Empty,
    /// The ranges of document numbers end at a million.
    #[error("{payers} payers and {people} people: at most 1000000 of each")]
    TooLarge {
        /// Payers asked for.
        payers: u32,
        /// People that belong to so many payers.
        people: u64,
    },
    /// A month without a known minimum wage or rate.
    #[error("no minimum wage or rate is known for {0}")]
    Month(Month),
}

/// Payers and people that six digits can number.
const MOST: u32 = 1_000_000;

/// A made-up country.
#[derive(Debug, Clone)]
pub struct Country {
    dice: Dice,
    size: Size,
    seating: Seating,
    people: u32,
    most_branches: u32,
    /// Months over which careers are laid out, from the first of the calendar.
    career: u32,
    /// Everybody has a cédula, and months without known figures have those of the nearest that has.
    cedulas: bool,
}

impl Country {
    /// The country of a seed.
    ///
    /// # Errors
    ///
    /// When the size is empty, has more than a million payers or people, or has a month whose
    /// minimum wage or rates the catalogs do not know.
    pub fn new(seed: u64, size: Size) -> Result<Self, SizeError> {
        let country = Self::sized(seed, size)?;
        if let Some(unknown) = country.months().find(|&month| Figures::of(month).is_none()) {
            return Err(SizeError::Month(unknown));
        }
        Ok(country)
    }

    /// The country of a seed in which everybody has a cédula: `1995` and the index of the person in
    /// six digits. Careers are laid out over the first `career` months of the calendar, and afterwards
    /// nobody changes jobs. A month whose minimum wage is not known has the nearest one.
    ///
    /// # Errors
    ///
    /// When the size is empty, or has more than a million payers or people.
    pub fn of_cedulas(seed: u64, size: Size, career: u32) -> Result<Self, SizeError> {
        Ok(Self { cedulas: true, career, ..Self::sized(seed, size)? })
    }

    fn sized(seed: u64, size: Size) -> Result<Self, SizeError> {
        if size.payers == 0 || size.people_per_payer == 0 || size.months == 0 {
            return Err(SizeError::Empty);
        }
        let seating = Seating::new(size.payers, size.people_per_payer);
        let people = seating.people();
        let too_large = SizeError::TooLarge { payers: size.payers, people };
        let people = u32::try_from(people).ok().filter(|&people| people <= MOST);
        let people = people.filter(|_| size.payers <= MOST).ok_or(too_large)?;
        let (dice, career) = (Dice::new(seed), size.months);
        let mut country =
            Self { dice, size, seating, people, most_branches: 1, career, cedulas: false };
        // Every town is like the first.
        let first_town = (0..size.payers).take(payer::TOWN.len());
        let branches = first_town.map(|payer| country.branches(payer)).max();
        country.most_branches = branches.unwrap_or(1);
        Ok(country)
    }

    /// Payers of the country.
    #[must_use]
    pub const fn payers(&self) -> u32 {
        self.size.payers
    }

    /// People of the country.
    #[must_use]
    pub const fn people(&self) -> u32 {
        self.people
    }

    /// The months of the calendar, ascending.
    pub fn months(&self) -> impl Iterator<Item = Month> + use<> {
        let first = self.size.first;
        (0..self.size.months).filter_map(move |at| Some(first.plus(i32::try_from(at).ok()?)))
    }

    /// Every planilla about a month, whenever it was paid: drafts, ordinary planillas, additions
    /// (A), arrears (M) and corrections (N). None outside the calendar.
    pub fn planillas(&self, month: Month) -> impl Iterator<Item = Planilla<'_>> {
        (0..self.size.payers).flat_map(move |payer| self.planillas_of(payer, month))
    }

    /// The type-1 records of the payers, as of the first month.
    pub fn payer_records(&self) -> impl Iterator<Item = PayerRecord<'_>> {
        (0..self.size.payers).filter_map(|payer| self.payer_record(payer))
    }

    /// The type-1 record of the payer with this index, from 0; `None` beyond
    /// [`payers`](Self::payers).
    #[must_use]
    pub fn payer_record(&self, payer: u32) -> Option<PayerRecord<'_>> {
        let payer = Some(payer).filter(|&payer| payer < self.size.payers)?;
        Some(PayerRecord::new(self, self.payer(payer)?, self.figures(self.size.first)?))
    }

    /// The planillas of one payer about a month, as in [`planillas`](Self::planillas).
    pub fn planillas_of(&self, payer: u32, month: Month) -> impl Iterator<Item = Planilla<'_>> {
        let known = self.month_number(month).filter(|_| payer < self.size.payers);
        let payer = known.and_then(|_| Some((self.payer(payer)?, self.figures(month)?)));
        payer.into_iter().flat_map(move |(payer, figures)| {
            let branches = self.branches(payer.index);
            (0..branches).flat_map(move |branch| {
                Planilla::of_branch(self, &payer, (branch, branches), &figures)
            })
        })
    }

    /// The place of a month in the calendar, from 0.
    fn month_number(&self, month: Month) -> Option<i32> {
        let number = month.months_since(self.size.first);
        let in_calendar = u32::try_from(number).is_ok_and(|number| number < self.size.months);
        in_calendar.then_some(number)
    }

    fn payer(&self, index: u32) -> Option<Payer> {
        let seat = u32::try_from(self.seating.first_seat(index)).ok()?;
        let holder = self.identity(seat);
        Payer::new(self.dice, self.seating, index, &holder.document)
    }

    fn role(&self, person: u32) -> Role {
        match person::role(self.dice, person, Trade::of(self.seating.payer_of(person))) {
            Role::Foreigner if self.cedulas => Role::Employee,
            role => role,
        }
    }

    fn identity(&self, person: u32) -> Identity {
        let identity = person::identity(self.dice, person, self.role(person));
        if !self.cedulas {
            return identity;
        }
        let document = Document::new(DocumentKind::Cc, format!("1995{person:06}"));
        Identity { document, ..identity }
    }

    fn figures(&self, month: Month) -> Option<Figures> {
        if self.cedulas { Figures::near(month) } else { Figures::of(month) }
    }

    fn career(&self, person: u32, role: Role) -> Career {
        person::career(self.dice, person, role, self.seating, self.career)
    }

    /// The operator through which a payer files a month: mostly the same, now and then another.
    fn operator(&self, payer: u32, month: Month) -> &'static str {
        const OPERATORS: [&str; 6] = ["83", "84", "86", "87", "88", "89"];
        let mut usual = self.dice.about(Topic::Filing, payer.into());
        let mut now = usual.about(Topic::Filing, month.to_yyyymm().unsigned_abs());
        if now.one_in(10) { now.pick(&OPERATORS) } else { usual.pick(&OPERATORS) }
    }
}
