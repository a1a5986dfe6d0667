//! Refusals that come in thousands while the database is away or its disk is full: the first is
//! logged, and then one in ten seconds with how many went unsaid.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// How long the others go unsaid after one was logged.
const QUIET: Duration = Duration::from_secs(10);

/// What was logged last, and what has not been since.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    at: Option<Timestamp>,
    unsaid: u64,
}

impl Complaints {
    /// Counts a refusal: how many before it went unsaid when it is to be logged, `None` when it
    /// goes unsaid too.
    pub(crate) fn admit(&self, now: Timestamp) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Also when the clock went far back.
        let quiet = said.at.is_some_and(|at| now.duration_since(at).unsigned_abs() < QUIET);
        if quiet {
            said.unsaid += 1;
            return None;
        }
        said.at = Some(now);
        Some(std::mem::take(&mut said.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_said_once_and_then_counted() {
        let (complaints, start) = (Complaints::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(complaints.admit(start), Some(0));
        for _ in 0..1000 {
            assert_eq!(complaints.admit(start + Duration::from_millis(9_999)), None);
        }
        assert_eq!(complaints.admit(start + QUIET), Some(1000));
        assert_eq!(complaints.admit(start + QUIET), None);
        assert_eq!(complaints.admit(start - Duration::from_secs(3600)), Some(1));
    }
}
