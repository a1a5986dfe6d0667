//! What this process holds: the leases a heartbeat must prolong.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A set of held rows, shared between the tasks that work and the heartbeat.
#[derive(Debug)]
pub(super) struct InFlight<T>(Arc<Mutex<HashSet<T>>>);

/// One held row; letting go of this lets go of the row.
#[derive(Debug)]
pub(super) struct Held<T: Copy + Eq + Hash> {
    row: T,
    all: InFlight<T>,
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
