//! Measures how late the first tries of webhooks begin, and whether this process is the cause: new links are accepted no
//! faster than their events are delivered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use vinculo_store::{EndpointId, Micros, WorkspaceId};

/// How late events of a workspace may be before no more of its links are made, microseconds.
const MOST: Micros = 1_000_000;

/// So many tries have to be late, with none in time between: what a worker held that ended comes late too, and a
/// few of those say nothing of what this process can do.
const ENOUGH: u32 = 64;

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
pub(super) struct Lateness {
    /// What waited before waited for this process to start.
    started_at: Micros,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// How many first tries of a workspace were late since one was in time, and when the last of them was recorded.
    late: HashMap<WorkspaceId, (u32, Micros)>,
    /// Until when a receiver failed, kept a try waiting, or wants to be left in peace: what waited before waited for
    /// it.
    failed: HashMap<EndpointId, Micros>,
}

impl Lateness {
    pub(super) fn new(started_at: Micros) -> Self {
        Self { started_at, seen: Mutex::default() }
    }

    /// Learns from a try. An endpoint has so many places: its events wait as long as the tries before them
    /// take, and of that our part is the part that a try spends with us. A receiver that kept a try waiting kept
    /// waiting what stands behind it. One that waited for long and then for its receiver says nothing: it is not late
    /// by our fault, and does not say that the others were in time.
    pub(super) fn note(&self, of: FirstTry) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let kept_until = (of.theirs > MOST).then_some(of.recorded_at);
        if let Some(until) = of.failed_until.max(kept_until) {
            let known = seen.failed.entry(of.endpoint).or_insert(until);
            *known = until.max(*known);
            return;
        }
        let failed = seen.failed.get(&of.endpoint).copied();
        if failed.is_some_and(|at| at <= of.made_at) {
            seen.failed.remove(&of.endpoint);
        }
        let since = failed.unwrap_or(of.made_at).max(of.made_at).max(self.started_at);
        let waited = (of.begun_at - since).max(0);
        if of.ours_of(waited) > MOST {
            let (count, at) = seen.late.entry(of.workspace).or_default();
            (*count, *at) = (count.saturating_add(1), of.recorded_at);
        } else if waited <= MOST {
            seen.late.remove(&of.workspace);
        }
    }

    /// Whether the events of a workspace come late: those of the last second did.
    pub(super) fn is_late(&self, workspace: WorkspaceId, now: Micros) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.late.get(&workspace).is_some_and(|&(count, at)| count >= ENOUGH && is_fresh(at, now))
    }
}

/// Whether what was recorded then says something now; not when the clock was set back since.
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

    fn late(lateness: &Lateness, of: FirstTry) {
        (0..ENOUGH).for_each(|_| lateness.note(of));
    }

    #[test]
    fn what_waits_for_us_is_late_and_what_waits_for_a_receiver_is_not() {
        let lateness = Lateness::new(0);
        late(&lateness, first_try(60 * SECOND, SECOND, SECOND - 5_000));
        assert!(!lateness.is_late(HERE, 61 * SECOND), "a slow receiver");
        let own = first_try(2 * SECOND, 80_000, 10_000);
        late(&lateness, own);
        assert!(lateness.is_late(HERE, own.recorded_at));
        assert!(!lateness.is_late(WorkspaceId(2), own.recorded_at), "others are not concerned");
        assert!(!lateness.is_late(HERE, own.recorded_at + FRESH + 1));
        assert!(!lateness.is_late(HERE, own.recorded_at - 1), "the clock was set back");
    }

    #[test]
    fn a_few_that_are_late_say_nothing_and_one_in_time_says_that_it_is_over() {
        let lateness = Lateness::new(0);
        let own = first_try(2 * SECOND, 80_000, 10_000);
        (1..ENOUGH).for_each(|_| lateness.note(own));
        assert!(!lateness.is_late(HERE, own.recorded_at));
        lateness.note(own);
        assert!(lateness.is_late(HERE, own.recorded_at));
        lateness.note(FirstTry { made_at: 2 * SECOND, ..own });
        assert!(!lateness.is_late(HERE, own.recorded_at));
        assert!(lateness.seen.lock().unwrap().late.is_empty());
    }

    #[test]
    fn one_that_a_receiver_holds_up_does_not_say_that_the_others_are_in_time() {
        let lateness = Lateness::new(0);
        let own = first_try(6 * SECOND, 80_000, 10_000);
        let held_up = first_try(6 * SECOND, 80_000, 79_000);
        (1..ENOUGH).for_each(|_| {
            lateness.note(own);
            lateness.note(held_up);
        });
        assert!(!lateness.is_late(HERE, own.recorded_at), "nor does it count");
        lateness.note(own);
        lateness.note(held_up);
        assert!(lateness.is_late(HERE, own.recorded_at));
        let in_time = FirstTry { made_at: 6 * SECOND, ..held_up };
        lateness.note(in_time);
        assert!(!lateness.is_late(HERE, own.recorded_at), "it did not wait, whoever was slow then");
    }

    #[test]
    fn what_waited_until_a_receiver_came_back_is_not_our_fault() {
        let lateness = Lateness::new(0);
        let gone = FirstTry { failed_until: Some(60 * SECOND), ..first_try(0, SECOND, SECOND) };
        lateness.note(gone);
        lateness.note(FirstTry { failed_until: Some(2 * SECOND), ..gone });
        let back = first_try(60 * SECOND, 80_000, 10_000);
        late(&lateness, back);
        assert!(!lateness.is_late(HERE, back.recorded_at));
        lateness.note(FirstTry { made_at: 60 * SECOND, ..first_try(61 * SECOND, 80_000, 10_000) });
        assert!(lateness.seen.lock().unwrap().failed.is_empty());
    }

    #[test]
    fn what_waits_behind_a_try_that_the_receiver_kept_waits_for_the_receiver() {
        let lateness = Lateness::new(0);
        lateness.note(first_try(0, 4 * SECOND, 4 * SECOND - 5_000));
        let behind = first_try(4 * SECOND, 80_000, 10_000);
        late(&lateness, behind);
        assert!(!lateness.is_late(HERE, behind.recorded_at), "a receiver that paused");
        let own = first_try(6 * SECOND, 80_000, 10_000);
        late(&lateness, own);
        assert!(lateness.is_late(HERE, own.recorded_at), "it answers, and we are late");
    }

    #[test]
    fn what_waited_until_this_process_started_is_not_late() {
        let lateness = Lateness::new(60 * SECOND);
        let held = first_try(60 * SECOND, 80_000, 10_000);
        late(&lateness, held);
        assert!(!lateness.is_late(HERE, held.recorded_at));
    }
}
