//! What a store notes about itself: how long closures take, how many share a commit, who is at work.

use prometheus_client::metrics::histogram::Histogram;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Seconds of what takes microseconds or waits for a disk.
const SECONDS: [f64; 12] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];
const CLOSURES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The time that has passed since any fixed moment. The one that is made by default stands still.
#[derive(Clone)]
pub struct Timer(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Timer {
    /// Measures by `passed`.
    pub fn new(passed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(passed))
    }

    pub(crate) fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Default for Timer {
    fn default() -> Self {
        Self::new(|| Duration::ZERO)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer")
    }
}

/// Counted since the store was opened; clones share the counts.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Seconds from handing over a closure that writes to its answer: waiting, working, committing.
    pub writes: Histogram,
    /// The same for closures that read.
    pub reads: Histogram,
    /// Closures that shared a commit of the write lane; SQLite alone.
    pub groups: Histogram,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            writes: Histogram::new(SECONDS),
            reads: Histogram::new(SECONDS),
            groups: Histogram::new(CLOSURES),
        }
    }
}

/// How the lanes stand that take from one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneStatus {
    /// `write` and `read` of SQLite, `pool` of PostgreSQL, whose lanes do both.
    pub name: &'static str,
    /// How many there are.
    pub lanes: usize,
    /// How many are at work.
    pub busy: usize,
    /// Closures that wait for one.
    pub waiting: usize,
}

/// How many of some lanes are at work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy(Arc<AtomicUsize>);

impl Busy {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one lane as being at work until the answer is dropped.
    pub(crate) fn begin(&self) -> Working<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Working(self)
    }
}

/// A lane at work.
pub(crate) struct Working<'a>(&'a Busy);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
