//! One file per command.

pub(crate) mod demo;
mod files;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod operator;
pub(crate) mod pila;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod webhooks;
