//! Imports of planillas and payer records.

mod create;
mod detail;
mod list;
mod upload;

pub(crate) use create::{__path_create, create, received, spool};
pub(crate) use detail::{__path_detail, detail, read_one};
pub(crate) use list::{__path_list, list, read};
pub(crate) use upload::upload;
