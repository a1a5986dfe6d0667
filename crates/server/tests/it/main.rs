//! The application from the outside: a database of its own, a loopback port, and HTTP.
//!
//! Every test runs on SQLite and on PostgreSQL. The clock stands still unless a test moves it, so
//! that nothing is tried again by itself.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of a test may fail the test"
)]
#![expect(clippy::too_many_lines, reason = "a test tells one story to its end")]

mod support;

mod access;
mod addresses;
mod audit;
mod bulk;
mod cohorts;
mod connect;
mod connect_refusals;
mod consent_chain;
mod consent_evidence;
mod consents;
mod dashboard;
mod dashboard_data;
mod dashboard_pay;
mod dashboard_sessions;
mod dashboard_setup;
mod dashboard_spanish;
mod docs;
mod erasure;
mod failures;
mod guide;
mod hardening;
mod idempotency;
mod imports;
mod index_rotation;
mod isolation;
mod keys;
mod lifecycle;
mod limits;
mod links;
mod managed_keys;
mod metrics;
mod openapi;
mod operators;
mod owners;
mod pages;
mod personas;
mod planillas;
mod postman;
mod provenance;
mod proxies;
mod readiness;
mod refusals;
mod restarts;
mod retention;
mod retrieval;
mod rotation;
mod sandbox;
mod second_factor;
mod secrecy;
mod set_clock;
mod settings;
mod settled;
mod sources;
mod spools;
mod tls;
mod tokens;
mod webhook_control;
mod webhook_load;
mod webhooks;
