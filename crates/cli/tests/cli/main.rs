//! The `vinculo` binary as its users meet it: processes, their output, their exit codes, and what
//! is left when they are killed.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper that fails is a test that fails, and what was measured is printed"
)]
#![expect(clippy::too_many_lines, reason = "a test tells one story to its end")]

mod audit;
mod backup;
mod commands;
mod configuration;
mod consents;
mod copy;
mod database_tls;
mod demo;
mod doctor;
mod faults;
mod following;
mod help;
mod installation;
mod keys;
mod killed_cohort;
mod killed_import;
mod killed_rotation;
mod killed_server;
mod operator;
mod pila;
mod rights;
mod secrecy;
mod silence;
mod stopping;
mod support;
mod tls;
mod topology;
mod traces;
mod users;
mod vault;
