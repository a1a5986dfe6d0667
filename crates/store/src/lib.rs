//! The only crate that knows SQL: one text for SQLite and PostgreSQL.
//!
//! A [`Store`] is a few threads that own connections and run closures. [`Store::write`] and
//! [`Store::read`] send a synchronous closure to one of them and await its answer; what a closure
//! can do are the named operations on [`Tx`]. Nothing else touches a connection.

mod backup;
mod copy;
mod engine;
mod error;
#[cfg(feature = "failpoints")]
pub mod failpoint;
mod found;
mod lock;
mod migrate;
mod row;
mod stats;
mod store;
mod tables;
mod target;
mod text;
mod tx;
mod value;
mod wake;

pub use backup::{Part, back_up, restore};
pub use copy::{Copied, CopiedTable, CopyPhase, CopyProgress, copy};
pub use error::{Cause, Error, Result};
pub use found::{Found, Half, look};
pub use lock::RunnerLock;
pub use migrate::{Applied, Schema, make_private_folder, migrate};
pub use row::Row;
pub use stats::{LaneStatus, Stats, Timer};
pub use store::{Options, Standing, Store};
pub use tables::*;
pub use target::Target;
pub use tx::{Dialect, Tx};
pub use value::Value;
pub use wake::{Queue, Wakes};

/// Lets the tests inside use the same harness as those outside.
#[cfg(test)]
extern crate self as vinculo_store;

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
