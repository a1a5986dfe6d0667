//! Consents: recorded, listed, taken back, and shown with their proof to whoever has a right to see it.

mod create;
mod detail;
mod evidence;
mod list;
mod revoke;
mod revoke_all;
mod wanted;
mod wire;

pub(crate) use create::{__path_create, create};
pub(crate) use detail::{__path_detail, detail};
pub(crate) use evidence::{__path_evidence, evidence};
pub(crate) use list::{__path_list, list};
pub(crate) use revoke::{__path_revoke, revoke};
pub(crate) use revoke_all::{__path_revoke_all, revoke_all};
pub(crate) use wire::WireConsent;
