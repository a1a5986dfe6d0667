//! PILA, Colombia's monthly social-security form: catalogs, planilla files, contributions.
//!
//! - [`planilla`] reads, checks and writes the files of Resolución 2388 de 2016;
//! - [`catalog`] has the code lists, minimum wages, rates and due days that the files refer to;
//! - [`Contribution`] is the normal form that every source of contributions is brought into.
//!
//! A file is checked whole before anything in it counts, and then gives its lines:
//!
//! ```
//! use vinculo_pila::planilla::{self, File};
//!
//! # let bytes = include_bytes!("../tests/samples/02-nandu-E-2025-11.txt");
//! let Ok(File::Planilla(planilla)) = planilla::read(bytes) else {
//!     panic!("the file has no error");
//! };
//! let all: Vec<_> = planilla.contributions().collect();
//! let lines: Vec<_> = all.iter().filter(|line| line.person == all[0].person).collect();
//!
//! // Twenty-four days of work and six of unpaid leave are two lines.
//! assert_eq!(lines.len(), 2);
//! assert_eq!(lines[0].days.health, Some(24));
//! assert_eq!(lines[1].novelties.sln, Some('X'));
//! ```
//!
//! The lists answer for a month, because the law changes:
//!
//! ```
//! use vinculo_pila::Month;
//! use vinculo_pila::catalog::{self, RateKind};
//!
//! let month: Month = "2025-10".parse()?;
//! let wage = catalog::minimum_wage(month).ok_or("a wage of 2025")?;
//! let health = catalog::rate(RateKind::HealthExonerated, month).ok_or("a rate")?;
//! assert_eq!(health.contribution(wage), 57_000);
//! assert_eq!(catalog::due_business_day("995000217"), Some(4));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod catalog;
mod contribution;
mod document;
mod month;
pub mod planilla;
mod stored;

pub use contribution::{
    Administrator, Amounts, Contribution, Correction, Names, Novelties, NoveltiesKnown, Origin,
    Payer, PayerProfile, PerSystem, PlanillaRef, WorkerScale,
};
pub use document::{Document, DocumentKind};
pub use month::Month;
pub use stored::UnreadableContribution;
