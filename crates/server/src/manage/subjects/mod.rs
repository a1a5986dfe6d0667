//! People, by document: their erasure, and admitting them to imports again.

mod admit;
mod erase;
mod wire;

pub(crate) use admit::{__path_admit, admit};
pub(crate) use erase::{__path_erase, erase};
pub(crate) use wire::{PersonOfDocument, person, person_of};
