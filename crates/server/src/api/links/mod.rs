//! Links: a person connected to the institution.

mod create;
mod delete;
mod detail;
mod list;
mod schema;
mod wire;

pub(crate) use create::{__path_create, create, external_id, resources};
pub(crate) use delete::{__path_delete, delete};
pub(crate) use detail::{__path_detail, detail};
pub(crate) use list::{__path_list, list};
pub(crate) use schema::ResourceName;
