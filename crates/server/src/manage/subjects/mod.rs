//! People, by document: everything about them, their erasure, and admitting them to imports again.

mod admit;
mod erase;
mod report;
mod wire;

pub(crate) use admit::{__path_admit, admit};
pub(crate) use erase::{__path_erase, erase};
pub use report::subject_report;
pub(crate) use report::{__path_report, report};
pub(crate) use wire::{PersonOfDocument, known_spelling, person, person_of, spellings};
