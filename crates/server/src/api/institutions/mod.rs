//! Institutions: the one data source for Colombian employment.

mod detail;
mod list;
mod wire;

pub(crate) use detail::{__path_detail, detail};
pub(crate) use list::{__path_list, list};
pub(crate) use wire::{Institution, PILA};
