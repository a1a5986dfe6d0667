//! Cohorts: people handed in together, of whom links are made.

mod cancel;
mod create;
mod detail;
mod list;
mod results;

pub(crate) use cancel::{__path_cancel, cancel, stop};
pub(crate) use create::{__path_create, create, receive};
pub(crate) use detail::{__path_detail, detail, read_one};
pub(crate) use list::{__path_list, list, read};
pub(crate) use results::{__path_results, download, results};
