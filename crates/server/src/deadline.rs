//! How long a request may take.

use std::task::{Context, Poll};
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::Map;
use http::StatusCode;
use tokio::time::error::Elapsed;
use tokio::time::{Timeout, timeout};
use tower::{Layer, Service};

/// Answers 408 for what takes longer; what may take [`Duration::MAX`] may take any time. The answer is looked for
/// before the clock is: a read, which waits for nobody, sets no timer that would have to be taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Duration);

/// A service that ends in time.
#[derive(Debug, Clone)]
pub(crate) struct InTime<S> {
    inner: S,
    longest: Duration,
}

type Answer<E> = Result<Response, E>;

impl<S> Layer<S> for Deadline {
    type Service = InTime<S>;

    fn layer(&self, inner: S) -> InTime<S> {
        InTime { inner, longest: self.0 }
    }
}

impl<S: Service<R, Response = Response>, R> Service<R> for InTime<S> {
    type Response = Response;
    type Error = S::Error;
    type Future =
        Map<Timeout<S::Future>, fn(Result<Answer<S::Error>, Elapsed>) -> Answer<S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        timeout(self.longest, self.inner.call(request)).map(or_too_late as fn(_) -> _)
    }
}

fn or_too_late<E>(answered: Result<Answer<E>, Elapsed>) -> Answer<E> {
    answered.unwrap_or_else(|_| Ok(StatusCode::REQUEST_TIMEOUT.into_response()))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{pending, ready};

    use futures_util::future::Either;
    use tower::service_fn;

    use super::*;

    #[tokio::test]
    async fn what_has_an_answer_is_not_too_late() {
        for (ends, status) in [(true, StatusCode::OK), (false, StatusCode::REQUEST_TIMEOUT)] {
            let served = service_fn(|ends: bool| match ends {
                true => Either::Left(ready(Ok::<_, Infallible>(StatusCode::OK.into_response()))),
                false => Either::Right(pending()),
            });
            let answered = Deadline(Duration::ZERO).layer(served).call(ends);
            // By the same clock: the deadline is over before anybody looks.
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert_eq!(answered.await.unwrap().status(), status);
        }
    }
}
