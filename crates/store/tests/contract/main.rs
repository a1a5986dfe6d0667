//! Every method of a transaction, one file per table, on SQLite and on PostgreSQL.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that cannot do its part fails the test"
)]
#![expect(clippy::too_many_lines, reason = "a test tells one story to its end")]

#[path = "../support/mod.rs"]
mod support;

mod cohorts;
mod completeness;
mod delivery_model;
mod fixture;
mod plans;
mod queue_model;
mod raw;
mod replays;

mod about;
mod acceptance;
mod api_keys;
mod audit;
mod backlog;
mod backup;
mod connect_sessions;
mod consents;
mod contributions;
mod copy;
mod data_keys;
mod deliveries;
mod delivery_log;
mod endpoints;
mod erasures;
mod events;
mod exchanges;
mod imports;
mod index_keys;
mod installation;
mod jobs;
mod kept_answers;
mod lifecycle;
mod links;
mod loads;
mod migrations;
mod missed;
mod objects;
mod retention;
mod revocations;
mod sandboxes;
mod settings;
mod source_calls;
mod source_jobs;
mod statistics;
mod subjects;
mod upgrades;
mod users;
mod widget_tokens;
