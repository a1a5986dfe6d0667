//! PILA, Colombia's monthly social-security form: catalogs, planilla files, contributions.

pub mod catalog;
mod contribution;
mod document;
mod month;
pub mod planilla;

pub use contribution::{
    Administrator, Amounts, Contribution, Correction, Names, Novelties, NoveltiesKnown, Origin,
    Payer, PayerProfile, PerSystem, PlanillaRef,
};
pub use document::{Document, DocumentKind};
pub use month::Month;
