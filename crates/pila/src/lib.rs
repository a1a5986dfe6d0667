//! PILA, Colombia's monthly social-security form: catalogs, planilla files, contributions.

mod contribution;
mod document;
mod month;

pub use contribution::{
    Administrator, Amounts, Contribution, Correction, Names, Novelties, NoveltiesKnown, Origin,
    Payer, PerSystem, PlanillaRef,
};
pub use document::{Document, DocumentKind};
pub use month::Month;
