//! Links: a person connected to an institution.

pub(crate) mod access;
mod check;
mod create;
mod delete;
mod detail;
pub(crate) mod fields;
mod list;
mod modify;
mod refresh;
mod registration;
mod resume;
mod row;
mod schema;
mod update;
mod wanted;
pub(crate) mod wire;

pub(crate) use create::{__path_create, create, register};
pub(crate) use delete::{__path_delete, delete, remove};
pub(crate) use detail::{__path_detail, detail};
pub(crate) use list::{__path_list, filter, list, read};
pub(crate) use modify::{__path_modify, modify};
pub(crate) use refresh::{__path_refresh, ask, refresh};
pub(crate) use resume::{__path_resume, resume};
pub(crate) use row::{
    Answered, MadeLink, Prospect, Row, check_terms, person_of, prospect, record, unanswered,
};
pub(crate) use schema::{RefreshRate as RefreshRateName, ResourceName};
pub(crate) use update::{__path_update, renew, update};
