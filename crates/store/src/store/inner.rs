//! What the clones of a store share.

use crate::engine::sqlite::Reader;
use crate::engine::waiting::Waiting;
use crate::error::{Error, Result};
use crate::stats::{Busy, Stats, Timer};
use crate::tx::Mode;
use crate::wake::Hub;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

pub(super) struct Inner {
    /// The data folder of SQLite.
    pub(super) dir: Option<PathBuf>,
    /// The lock on that folder, until the threads have ended.
    pub(super) used: Mutex<Option<File>>,
    pub(super) write: Lanes,
    pub(super) read: Lanes,
    /// A lane for leases alone, where they can wait for less than what else is written.
    pub(super) lease: Option<Lanes>,
    /// Connections of SQLite that brief reads may use without a lane.
    pub(super) readers: Vec<Reader>,
    pub(super) hub: Hub,
    /// How long an answer to a question is waited for; `None` where no network is on the way.
    pub(super) patience: Option<Duration>,
    pub(super) timer: Timer,
    pub(super) stats: Stats,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Threads that run what waits in one place. They end when this is dropped.
pub(super) struct Lanes {
    pub(super) name: &'static str,
    pub(super) waiting: Arc<Waiting>,
    pub(super) count: usize,
    pub(super) busy: Busy,
}

impl Inner {
    pub(super) const fn lanes_for(&self, mode: Mode) -> &Lanes {
        match (mode, &self.lease) {
            (Mode::Read, _) => &self.read,
            (Mode::Lease, Some(lease)) => lease,
            _ => &self.write,
        }
    }

    /// What a closure answered that was handed over at `since`.
    pub(super) fn arrived<T, E: From<Error>>(
        &self,
        mode: Mode,
        since: Duration,
        answer: Result<Result<T, E>, oneshot::error::RecvError>,
    ) -> Result<T, E> {
        let seconds = match mode {
            Mode::Read => &self.stats.reads,
            _ => &self.stats.writes,
        };
        seconds.observe(self.timer.now().saturating_sub(since).as_secs_f64());
        answer.unwrap_or_else(|_| Err(Error::closed().into()))
    }

    /// Refuses what comes from now on, and waits until everything that came before is done.
    pub(super) fn stop(&self) {
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.is_empty() {
            return;
        }
        for lanes in [&self.write, &self.read].into_iter().chain(&self.lease) {
            lanes.waiting.close();
        }
        for thread in threads {
            let _ = thread.join();
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.waiting.close();
    }
}
