//! Requests that are refused for their key, counted by minute: those without a right one by address,
//! those with a right one by the key. However many come, few entries are written.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;
use vinculo_store::{AuditAction, WorkspaceId};

use crate::clock::after;

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
    by_whom: HashMap<Whom, Failed>,
}

/// Who is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Whom {
    /// Whoever comes from an address; `None` stands for all that found no place.
    Stranger(Option<IpAddr>),
    /// A key whose password was right, by why it was refused.
    Key(WorkspaceId, Uuid, AuditAction),
}

/// What came of one of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub(super) since: Timestamp,
    pub(super) times: i64,
    /// The last of these requests.
    pub(super) request: Uuid,
    /// Where that came from.
    pub(super) address: Option<IpAddr>,
}

impl Failures {
    /// Counts a request, and tells whether a minute begins with it.
    pub(super) fn count(
        &self,
        whom: Whom,
        (request, address): (Uuid, Option<IpAddr>),
        now: Timestamp,
    ) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = counts.since.is_none();
        counts.since.get_or_insert(now);
        let strangers = counts.by_whom.keys().filter(|it| matches!(it, Whom::Stranger(_))).count();
        let has_place = counts.by_whom.contains_key(&whom) || strangers < ADDRESSES;
        let (whom, address) = match whom {
            Whom::Stranger(_) if !has_place => (Whom::Stranger(None), None),
            // Keys are as many as somebody has made.
            whom => (whom, address),
        };
        let failed = Failed { since: now, times: 0, request, address };
        let failed = counts.by_whom.entry(whom).or_insert(failed);
        failed.times += 1;
        (failed.request, failed.address) = (request, address);
        begins
    }

    /// When the minute is over, if one has begun: at once when the clock was set back since.
    pub(super) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.since.map(|since| if since > now { now } else { after(since, MINUTE) })
    }

    /// Takes what was counted.
    pub(super) fn take(&self) -> Vec<(Whom, Failed)> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *counts).by_whom.into_iter().collect()
    }
}
