//! One HTTP exchange: everything received, even when it ends badly.

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};

use super::{retry_after, status};
use crate::Outcome;

/// What came back so far. Filled while the exchange runs, so that a deadline loses nothing.
#[derive(Default)]
pub(super) struct Exchange {
    pub(super) status: Option<u16>,
    pub(super) content_type: Option<String>,
    pub(super) retry_after: Option<String>,
    pub(super) body: Option<Vec<u8>>,
    /// What broke, in words without address or person.
    pub(super) broken: Option<String>,
}

/// How an exchange did not come to its end.
pub(super) enum Broken {
    /// No answer.
    BeforeAnswer(reqwest::Error),
    /// An answer with this status whose body broke.
    Body(u16, reqwest::Error),
    /// An answer with this status and too large a body.
    TooLarge(u16),
}

impl Broken {
    /// Whether there was no connection that a question could have gone out by. A service that refuses our
    /// certificate has answered, and one that lets us wait is not asked to do so twice.
    pub(super) fn is_unasked(&self) -> bool {
        let Self::BeforeAnswer(error) = self else { return false };
        error.is_connect()
            && !error.is_timeout()
            && matches!(status::broken_before_answer(error), Outcome::RetryLater { .. })
    }

    /// The first cause, which unlike those above it knows nothing of the question.
    pub(super) fn cause(&self) -> Option<String> {
        match self {
            Self::BeforeAnswer(error) | Self::Body(_, error) => status::first_cause(error),
            Self::TooLarge(_) => None,
        }
    }
}

impl Exchange {
    /// Sends `request` and reads the answer, at most `max_body` bytes of it. Gives the status.
    pub(super) async fn run(
        &mut self,
        client: &reqwest::Client,
        request: reqwest::Request,
        max_body: usize,
    ) -> Result<u16, Broken> {
        let mut response = client.execute(request).await.map_err(Broken::BeforeAnswer)?;
        let status = response.status().as_u16();
        self.status = Some(status);
        self.content_type = header(response.headers(), &CONTENT_TYPE);
        self.retry_after = header(response.headers(), &RETRY_AFTER);
        let body = self.body.insert(Vec::new());
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > max_body => {
                    self.body = None;
                    return Err(Broken::TooLarge(status));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(status),
                Err(error) => return Err(Broken::Body(status, error)),
            }
        }
    }

    /// What the answer says about when to come again, on an outcome that is "later".
    pub(super) fn stay_away(&self, outcome: Outcome, now: Timestamp) -> Outcome {
        match (outcome, &self.retry_after) {
            (Outcome::RetryLater { reason, .. }, Some(value)) => {
                Outcome::RetryLater { reason, not_before: retry_after::read(value, now) }
            }
            (outcome, _) => outcome,
        }
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    value.to_str().ok().map(str::to_owned)
}
