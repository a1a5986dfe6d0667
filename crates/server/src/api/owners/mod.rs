//! Owners of a link.

mod create;
mod delete;
mod detail;
mod list;
mod resume;
mod schema;
mod search;

pub(crate) use create::{__path_create, create};
pub(crate) use delete::{__path_delete, delete};
pub(crate) use detail::{__path_detail, detail};
pub(crate) use list::{__path_list, list};
pub(crate) use resume::{__path_resume, resume};
