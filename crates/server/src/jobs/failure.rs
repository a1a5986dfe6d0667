//! How a job fails: never bare, always with what to do next.

use std::time::Duration;

use vinculo_store::Micros;

use crate::error::ApiError;

/// A job that did not finish.
#[derive(Debug)]
pub(super) enum JobFailure {
    /// Try again at this moment.
    Retry {
        /// When, microseconds since 1970 UTC; `None` follows the schedule.
        at: Option<Micros>,
        /// For the record; no personal data.
        why: String,
    },
    /// The database did not answer: nobody else is to blame, and it is soon back.
    Away {
        /// For the record.
        why: String,
    },
}

impl JobFailure {
    pub(super) fn retry(why: impl Into<String>) -> Self {
        Self::Retry { at: None, why: why.into() }
    }
}

impl From<ApiError> for JobFailure {
    fn from(error: ApiError) -> Self {
        let why = error.cause().unwrap_or("refused").to_owned();
        if error.is_unavailable() { Self::Away { why } } else { Self::retry(why) }
    }
}

impl From<vinculo_store::Error> for JobFailure {
    fn from(error: vinculo_store::Error) -> Self {
        let why = error.to_string();
        if error.is_transient() { Self::Away { why } } else { Self::retry(why) }
    }
}

/// How long to wait for the database after the `attempt`-th try (from 1): 5 s once, and then as after any
/// failure, because a source may be asked anew each time.
pub(super) const fn wait_for_database(attempt: i64) -> Duration {
    match attempt {
        ..=1 => Duration::from_secs(5),
        more => backoff(more),
    }
}

/// How long to wait after the `attempt`-th try (from 1): 1, 5, 15, 60 minutes, then hourly.
pub(super) const fn backoff(attempt: i64) -> Duration {
    let minutes = match attempt {
        ..=1 => 1,
        2 => 5,
        3 => 15,
        _ => 60,
    };
    Duration::from_secs(minutes * 60)
}
