//! Places for work.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Rows taken in one claim.
const MOST_PER_CLAIM: usize = 64;

/// Free slots, taken together and handed out one by one.
pub(super) struct Permits {
    first: OwnedSemaphorePermit,
    rest: Option<OwnedSemaphorePermit>,
}

impl Permits {
    /// The permit that was waited for, and all that are free beside it.
    pub(super) fn beside(first: OwnedSemaphorePermit, slots: &Arc<Semaphore>) -> Self {
        let rest = u32::try_from(slots.available_permits().min(MOST_PER_CLAIM - 1)).unwrap_or(0);
        Self { first, rest: Arc::clone(slots).try_acquire_many_owned(rest).ok() }
    }

    /// How many.
    pub(super) fn available(&self) -> usize {
        1 + self.rest.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// One by one.
    pub(super) fn split(self) -> impl Iterator<Item = OwnedSemaphorePermit> {
        let mut rest = self.rest;
        let others = std::iter::from_fn(move || rest.as_mut()?.split(1));
        std::iter::once(self.first).chain(others)
    }
}
