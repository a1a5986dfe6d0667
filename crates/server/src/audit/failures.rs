//! Requests without a right key, counted by address and minute: however many come, few entries are
//! written.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

/// How long is counted before an entry is written.
const MINUTE: Duration = Duration::from_secs(60);

/// Addresses counted apart in a minute; the rest is counted together.
const ADDRESSES: usize = 64;

/// What was counted and not yet written.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    since: Option<Timestamp>,
    by_address: HashMap<Option<IpAddr>, Failed>,
}

/// What came from one address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub(super) since: Timestamp,
    pub(super) times: i64,
    /// The last of these requests.
    pub(super) request: Uuid,
}

impl Failures {
    /// Counts a request, and tells whether a minute begins with it. `None` stands for all addresses
    /// that found no place.
    pub(super) fn count(&self, address: Option<IpAddr>, request: Uuid, now: Timestamp) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = counts.since.is_none();
        counts.since.get_or_insert(now);
        let known = counts.by_address.contains_key(&address);
        let place = address.filter(|_| known || counts.by_address.len() < ADDRESSES);
        let failed = Failed { since: now, times: 0, request };
        let failed = counts.by_address.entry(place).or_insert(failed);
        failed.times += 1;
        failed.request = request;
        begins
    }

    /// When the minute is over, if one has begun: at once when the clock was set back since.
    pub(super) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = |since: Timestamp| since.checked_add(MINUTE).unwrap_or(Timestamp::MAX);
        counts.since.map(|since| if since > now { now } else { end(since) })
    }

    /// Takes what was counted.
    pub(super) fn take(&self) -> Vec<(Option<IpAddr>, Failed)> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *counts).by_address.into_iter().collect()
    }
}
