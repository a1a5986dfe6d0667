//! Employments of a link.

mod detail;
mod list;

pub(crate) use detail::{__path_detail, detail};
pub(crate) use list::{__path_list, list};
