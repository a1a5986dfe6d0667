//! API keys. A key hands on no more than it holds itself, and takes nothing from itself that it is
//! being used with.

mod change;
mod create;
mod detail;
mod holder;
mod list;
mod retire;
mod revoke;
mod rotate;
mod wire;

pub(crate) use change::{__path_change, change};
pub(crate) use create::{__path_create, create};
pub(crate) use detail::{__path_detail, detail};
pub(crate) use list::{__path_list, list};
pub(crate) use retire::{__path_retire, retire};
pub(crate) use revoke::{__path_revoke, revoke};
pub(crate) use rotate::{__path_rotate, rotate};
pub(crate) use wire::Wanted;
