//! Deliveries: what became of events, and sending them again.

mod read;
mod replay;

pub(crate) use read::{__path_detail, __path_list, detail, list};
pub(crate) use replay::{__path_replay, __path_replay_one, replay, replay_one};
