//! What the tests share: processes that never outlive a test, an installation of their own, a
//! client, and a receiver of webhooks that can be told to hold its answers.

mod client;
mod collector;
mod database;
mod installation;
mod planilla;
mod process;
mod receiver;

use std::future::Future;
use std::time::Duration;

pub(crate) use client::{Client, Link};
pub(crate) use collector::{Collected, Collector, Manner, Span};
pub(crate) use database::Database;
pub(crate) use installation::{Installation, Key};
pub(crate) use planilla::{Multiplied, sample};
pub(crate) use process::{Finished, Process, bare, finished, vinculo};
pub(crate) use receiver::{Gate, Hook, Receiver, answered};

/// The value that webhooks must carry in their `Authorization` header.
pub(crate) const TOKEN: &str = "a-token-of-the-receiver";

/// How long the machine may take; nothing waits this long unless something is broken. A webhook whose answer came
/// too late comes again after 72 s at most, a job that failed twice after 5 min.
const PATIENCE: Duration = Duration::from_secs(400);

/// Lets others have the machine between two looks at what is waited for: who is looked at needs it.
pub(crate) async fn look_again() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

/// The outcome of `what`, which must come in the end.
pub(crate) async fn in_the_end<T>(what: &str, outcome: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, outcome).await;
    waited.unwrap_or_else(|_| panic!("{what} did not happen"))
}
