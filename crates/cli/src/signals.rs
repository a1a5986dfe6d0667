//! What a server or worker is told by signals.

use std::time::Duration;

use anyhow::bail;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a process has to end that was told to. What it waits for has shorter bounds of its own,
/// but for a database that does not answer; service managers lose patience after 30 s.
const PATIENCE: Duration = Duration::from_secs(25);

/// SIGTERM and SIGINT, heard from the moment this is made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn hear() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Ends at the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Ends at the next signal, or after this time.
    pub(crate) async fn next_within(&mut self, longest: Duration) {
        tokio::select! {
            () = self.next() => {}
            () = tokio::time::sleep(longest) => {}
        }
    }

    /// Lets `stopping` end, unless it takes too long or somebody asks a second time.
    pub(crate) async fn bound(mut self, stopping: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::select! {
            () = stopping => Ok(()),
            () = self.next() => bail!("ended at once, at a second signal"),
            () = tokio::time::sleep(PATIENCE) => bail!(
                "the database does not answer: ended without it after {} s",
                PATIENCE.as_secs()
            ),
        }
    }
}
