//! Where the connections of a process begin to look for deliveries.

use std::sync::{Arc, Mutex, PoisonError};

/// What the connections of a process last saw of the deliveries that wait. What was delivered stays in the
/// indexes of what waits and of what is held until the next vacuum: who looks from here on does not walk over it.
#[derive(Clone, Default)]
pub(crate) struct Oldest(Arc<Mutex<Option<Seen>>>);

/// A look at all of them; all in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// Nothing that waits is due before.
    pub(crate) due: i64,
    /// No lease that goes on ends before.
    pub(crate) held: i64,
    /// When they were looked at.
    pub(crate) at: i64,
}

impl Oldest {
    /// What was last seen.
    pub(crate) fn seen(&self) -> Option<Seen> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was seen.
    pub(crate) fn note(&self, seen: Seen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }
}
