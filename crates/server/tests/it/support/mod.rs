//! An application to be asked: database, simulated operator, runner, keys, receivers of webhooks.

mod app;
mod browser;
mod bulk;
mod client;
mod database;
mod description;
mod operator;
mod receiver;
mod service;
mod snapshot;

pub(crate) use app::{MASTER_KEY, Neighbour, Setup, TestApp};
pub(crate) use browser::{Browser, Shown, between};
pub(crate) use bulk::{BulkService, Manner};
pub(crate) use client::{Answer, Client, is_plain_hex, link_request};
pub(crate) use database::{TestDatabase, on_both_databases};
pub(crate) use description::{assert_matches, escaped};
pub(crate) use operator::Mood;
pub(crate) use receiver::{Hook, Receiver, Reply};
pub(crate) use service::{Says, Service};
pub(crate) use snapshot::assert_wire_snapshot;

/// The longest a test waits for something that is due at once.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(90);

/// Between two looks at the database: a look costs, and tests run beside one another.
pub(crate) async fn look_again() {
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
}

/// Waits for something that is due at once.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {} s", PATIENCE.as_secs()),
    }
}

/// Lets a failed test show what the application complained of.
fn say_why() {
    let complaints = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN);
    // Every test of a process that has several asks for it.
    let _ = complaints.with_test_writer().try_init();
}
