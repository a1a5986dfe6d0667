//! Cohorts: people handed in together, of whom links are made.

mod cancel;
mod create;
mod detail;
mod list;
mod results;

pub(crate) use cancel::{__path_cancel, cancel};
pub(crate) use create::{__path_create, create};
pub(crate) use detail::{__path_detail, detail};
pub(crate) use list::{__path_list, list};
pub(crate) use results::{__path_results, results};
