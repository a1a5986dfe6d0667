//! How much later than it could the first try of an event begins, and whether that is our fault: links are
//! taken no faster than they are told of.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use vinculo_store::{EndpointId, Micros, WorkspaceId};

/// How late events of a workspace may be before none of its links are made, microseconds. Beside it stands
/// what the loads wait, and how far a receiver is from being quicker than we are.
const MOST: Micros = 1_000_000;

/// For how long a try says something, microseconds.
const FRESH: Micros = 1_000_000;

/// How a first try went, or any that failed. Times in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstTry {
    pub(crate) workspace: WorkspaceId,
    pub(crate) endpoint: EndpointId,
    /// When the delivery was made.
    pub(crate) made_at: Micros,
    /// When the try began.
    pub(crate) begun_at: Micros,
    /// How much of it was waiting for the receiver.
    pub(crate) theirs: Micros,
    /// When it was recorded.
    pub(crate) recorded_at: Micros,
    /// Since when the endpoint may be sent to again, if the receiver did not take it.
    pub(crate) failed_until: Option<Micros>,
}

/// What the tries of the last second say.
#[derive(Default)]
pub(super) struct Lateness(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// When a first try of a workspace was last seen that was late.
    late: HashMap<WorkspaceId, Micros>,
    /// Until when a receiver failed, or wants to be left in peace: what waited before waited for it.
    failed: HashMap<EndpointId, Micros>,
}

impl Lateness {
    /// Learns from a try. An endpoint has so many places: its events wait as long as the tries before them
    /// take, and of that our part is the part that a try spends with us.
    pub(super) fn note(&self, of: FirstTry) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = of.failed_until {
            let known = seen.failed.entry(of.endpoint).or_insert(until);
            *known = until.max(*known);
            return;
        }
        let failed = seen.failed.get(&of.endpoint).copied();
        if failed.is_some_and(|at| at <= of.made_at) {
            seen.failed.remove(&of.endpoint);
        }
        let since = failed.map_or(of.made_at, |at| at.max(of.made_at));
        let late = of.ours_of((of.begun_at - since).max(0));
        if late > MOST {
            seen.late.insert(of.workspace, of.recorded_at);
        } else if !seen.late.get(&of.workspace).is_some_and(|&at| is_fresh(at, of.recorded_at)) {
            seen.late.remove(&of.workspace);
        }
    }

    /// Whether events of a workspace were late within the last second.
    pub(super) fn is_late(&self, workspace: WorkspaceId, now: Micros) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.late.get(&workspace).is_some_and(|&at| is_fresh(at, now))
    }
}

/// Whether what was seen then says something now; not when the clock was set back since.
fn is_fresh(at: Micros, now: Micros) -> bool {
    (0..=FRESH).contains(&(now - at))
}

impl FirstTry {
    fn ours_of(&self, waited: Micros) -> Micros {
        let whole = (self.recorded_at - self.begun_at).max(1);
        let ours = (whole - self.theirs).clamp(0, whole);
        let part = i128::from(waited) * i128::from(ours) / i128::from(whole);
        Micros::try_from(part).unwrap_or(Micros::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;
    const HERE: WorkspaceId = WorkspaceId(1);

    /// Made at 0, begun after `waited`, in `whole` of which the receiver took `theirs`.
    fn first_try(waited: Micros, whole: Micros, theirs: Micros) -> FirstTry {
        FirstTry {
            workspace: HERE,
            endpoint: EndpointId(1),
            made_at: 0,
            begun_at: waited,
            theirs,
            recorded_at: waited + whole,
            failed_until: None,
        }
    }

    #[test]
    fn what_waits_for_us_is_late_and_what_waits_for_a_receiver_is_not() {
        let lateness = Lateness::default();
        lateness.note(first_try(60 * SECOND, SECOND, SECOND - 5_000));
        assert!(!lateness.is_late(HERE, 61 * SECOND), "a slow receiver");
        let own = first_try(2 * SECOND, 80_000, 10_000);
        lateness.note(own);
        assert!(lateness.is_late(HERE, own.recorded_at));
        assert!(!lateness.is_late(WorkspaceId(2), own.recorded_at), "others are not concerned");
        assert!(!lateness.is_late(HERE, own.recorded_at + FRESH + 1));
    }

    #[test]
    fn the_latest_of_a_second_counts_and_nothing_is_kept_of_who_is_not_late() {
        let lateness = Lateness::default();
        lateness.note(first_try(2 * SECOND, 80_000, 10_000));
        let in_time = FirstTry { made_at: 2 * SECOND, ..first_try(2 * SECOND, 90_000, 10_000) };
        lateness.note(in_time);
        assert!(lateness.is_late(HERE, in_time.recorded_at), "another endpoint is late still");
        lateness.note(FirstTry { recorded_at: 4 * SECOND, ..in_time });
        assert!(lateness.0.lock().unwrap().late.is_empty());
    }

    #[test]
    fn what_waited_until_a_receiver_came_back_is_not_our_fault() {
        let lateness = Lateness::default();
        lateness.note(FirstTry { failed_until: Some(60 * SECOND), ..first_try(0, SECOND, SECOND) });
        let back = first_try(60 * SECOND, 80_000, 10_000);
        lateness.note(back);
        assert!(!lateness.is_late(HERE, back.recorded_at));
        lateness.note(FirstTry { made_at: 60 * SECOND, ..first_try(61 * SECOND, 80_000, 10_000) });
        assert!(lateness.0.lock().unwrap().failed.is_empty());
    }
}
