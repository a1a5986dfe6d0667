//! Why a source answers nothing, and until when it has asked to be left alone.

use std::time::Duration;

use jiff::Timestamp;
use vinculo_sources::{Outcome, RetryReason};

use super::BreakerConfig;
use crate::clock::after;

/// How a question ended: the outcome, the HTTP status, and what broke the way to an answer.
pub(crate) type Ended<'a> = (&'a Outcome, Option<u16>, Option<&'a str>);

/// Why a source answers nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// When it began.
    pub(crate) since: Timestamp,
    /// The outcome of the last question.
    pub(crate) outcome: &'static str,
    /// Its reason, where it has one.
    pub(crate) reason: Option<&'static str>,
    /// The HTTP status, where there was an answer.
    pub(crate) http_status: Option<u16>,
}

/// What is known of a source that does not answer.
#[derive(Debug, Default)]
pub(super) struct Silence {
    unanswered: Option<Unanswered>,
    away_until: Option<Timestamp>,
}

impl Silence {
    /// Since when and why the source answers nothing.
    pub(super) const fn unanswered(&self) -> Option<&Unanswered> {
        self.unanswered.as_ref()
    }

    /// Until when the source has asked to be left alone; never where there is no breaker. What is later
    /// than its longest pause was meant before the clock was set back.
    pub(super) fn away(&self, now: Timestamp, breaker: BreakerConfig) -> Option<Timestamp> {
        let longest = after(now, breaker.longest_pause);
        self.away_until.filter(|until| breaker.failures > 0 && *until > now && *until <= longest)
    }

    /// The source has answered.
    pub(super) fn answered(&mut self) {
        self.unanswered = None;
    }

    /// A question ended. Why it was not answered is said once, until another reason comes.
    pub(super) fn ended(
        &mut self,
        (source, now, longest_pause): (&'static str, Timestamp, Duration),
        (outcome, http_status, broken): Ended<'_>,
    ) {
        if !is_unanswered(outcome) {
            self.answered();
            return;
        }
        if let Outcome::RetryLater { not_before: Some(wait), .. } = outcome {
            self.away_until = Some(after(now, (*wait).min(longest_pause)));
        }
        let (code, reason) = (outcome.code(), outcome.reason());
        let since = self.unanswered.as_ref().map_or(now, |before| before.since);
        let is = Unanswered { since, outcome: code, reason, http_status };
        if self.unanswered.as_ref() != Some(&is) {
            let outcome = code;
            tracing::warn!(
                source,
                outcome,
                reason,
                http_status,
                broken,
                "the source does not answer"
            );
        }
        self.unanswered = Some(is);
    }
}

/// Whether an outcome says that the source answers nobody: a daily cap is one person's, and a job that
/// runs is an answer.
const fn is_unanswered(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::RetryLater { reason, .. } => {
            !matches!(reason, RetryReason::DailyCap | RetryReason::JobRunning)
        }
        Outcome::NotAuthorized | Outcome::Fault(_) => true,
        _ => false,
    }
}
