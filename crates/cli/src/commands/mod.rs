//! One file per command.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod cohorts;
pub(crate) mod consents;
pub(crate) mod db;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod export;
mod files;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod operator;
pub(crate) mod papers;
pub(crate) mod pila;
pub(crate) mod reference;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod take_over;
pub(crate) mod users;
pub(crate) mod vault;
pub(crate) mod webhooks;
pub(crate) mod worker;
