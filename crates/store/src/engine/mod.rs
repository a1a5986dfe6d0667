//! The threads that own connections and run closures.

pub(crate) mod address;
mod columns;
pub(crate) mod lane;
pub(crate) mod notify;
pub(crate) mod oldest;
pub(crate) mod owed;
pub(crate) mod postgres;
pub(crate) mod session;
pub(crate) mod sqlite;
pub(crate) mod waiting;

#[cfg(test)]
mod tests;
