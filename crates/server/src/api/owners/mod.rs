//! Owners of a link.

mod delete;
mod detail;
mod list;
mod schema;
mod search;

pub(crate) use delete::{__path_delete, delete};
pub(crate) use detail::{__path_detail, detail};
pub(crate) use list::{__path_list, list};
