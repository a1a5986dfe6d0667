//! What this process holds: the leases a heartbeat must prolong.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vinculo_store::{ClaimedDelivery, ClaimedJob, Error, Micros, Tx};

use super::claim::lease;
use crate::App;

/// A set of held rows, shared between the tasks that work and the heartbeat.
#[derive(Debug)]
pub(super) struct InFlight<T>(Arc<Mutex<HashSet<T>>>);

/// One held row; letting go of this lets go of the row.
#[derive(Debug)]
pub(super) struct Held<T: Copy + Eq + Hash> {
    row: T,
    all: InFlight<T>,
}

/// The leases of this process.
#[derive(Clone, Debug)]
pub(super) struct Leases {
    pub(super) app: App,
    pub(super) jobs: InFlight<ClaimedJob>,
    pub(super) deliveries: InFlight<ClaimedDelivery>,
    /// Whether nobody else takes rows of this database, which is an embedded one then.
    pub(super) alone: bool,
    /// When all of them were prolonged last.
    prolonged_at: Arc<AtomicI64>,
}

impl Leases {
    /// None so far.
    pub(super) fn new(app: App, alone: bool) -> Self {
        let prolonged_at = Arc::new(AtomicI64::new(app.now_micros()));
        Self { app, jobs: InFlight::new(), deliveries: InFlight::new(), alone, prolonged_at }
    }

    /// Prolongs them: from now on, for a heartbeat may have waited long for its turn to write.
    pub(super) async fn prolong(&self) -> Result<(), Error> {
        let now = self.app.now_micros();
        if self.jobs.is_empty() && self.deliveries.is_empty() {
            self.prolonged_at.store(now, Ordering::Relaxed);
            return Ok(());
        }
        let held = self.clone();
        let prolonged = self.app.store().lease(move |tx| {
            let (now, until) = lease(&held.app);
            held.extend(tx, until)?;
            Ok::<_, Error>(now)
        });
        self.prolonged_at.store(prolonged.await?, Ordering::Relaxed);
        Ok(())
    }

    /// Before rows are taken: what is at work here is not taken again, even when no heartbeat came through for
    /// longer than a lease. Beside other processes it may have been theirs for a while.
    pub(super) fn keep(
        &self,
        tx: &mut Tx<'_>,
        (now, until): (Micros, Micros),
    ) -> Result<(), Error> {
        let since = now.saturating_sub(self.prolonged_at.load(Ordering::Relaxed));
        match self.alone && since >= until.saturating_sub(now) {
            true => self.extend(tx, until),
            false => Ok(()),
        }
    }

    /// Neither waits for anybody's lock.
    fn extend(&self, tx: &mut Tx<'_>, until: Micros) -> Result<(), Error> {
        tx.extend_jobs(&self.jobs.rows(), until)?;
        tx.extend_deliveries(&self.deliveries.rows(), until)
    }
}

impl<T> Clone for InFlight<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Copy + Eq + Hash> InFlight<T> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(HashSet::new())))
    }

    /// Holds a row until the answer is dropped.
    pub(super) fn hold(&self, row: T) -> Held<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(row);
        Held { row, all: self.clone() }
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Every held row.
    pub(super) fn rows(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl<T: Copy + Eq + Hash> Drop for Held<T> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.row);
    }
}
