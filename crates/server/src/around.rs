//! What stands around every route.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use tower::{Layer, Service};

use crate::error::ApiError;
use crate::{App, client, connect, dashboard, limits, metrics, request_id};

/// Puts it there, for an application.
#[derive(Clone)]
pub(crate) struct Around(pub(crate) App);

/// A service with it.
#[derive(Clone)]
pub(crate) struct Surrounded<S> {
    inner: S,
    app: App,
}

impl<S> Layer<S> for Around {
    type Service = Surrounded<S>;

    fn layer(&self, inner: S) -> Surrounded<S> {
        Surrounded { inner, app: self.0.clone() }
    }
}

impl<S> Service<Request> for Surrounded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The one that said it was ready serves.
        let next = self.inner.clone();
        let (inner, app) = (std::mem::replace(&mut self.inner, next), self.app.clone());
        Box::pin(async move { Ok(around(&app, request, inner).await) })
    }
}

/// The middleware, outermost first. Plain nested functions, not tower layers: axum clones each layer and boxes
/// its future for every request.
async fn around<S>(app: &App, request: Request, inner: S) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible> + Send,
    S::Future: Send,
{
    let over_tls = request.extensions().get::<client::OverTls>().is_some();
    let pages = async move |request| {
        connect::layer(request, async move |request| {
            dashboard::layer(request, async move |request| caught(handled(inner, request)).await)
                .await
        })
        .await
    };
    let mut response = metrics::layer(app, request, async |request| {
        request_id::layer(app, request, async |request| {
            client::layer(app, request, async |request| limits::layer(app, request, pages).await)
                .await
        })
        .await
    })
    .await;
    keep_to_itself(&mut response, over_tls);
    response
}

async fn handled<S>(mut inner: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let Ok(answer) = inner.call(request).await;
    answer
}

/// The answer of a handler, whatever becomes of it.
async fn caught(answer: impl Future<Output = Response>) -> Response {
    let answered = AssertUnwindSafe(answer).catch_unwind().await;
    answered.unwrap_or_else(|_| ApiError::unexpected("a handler panicked").into_response())
}

/// Default headers: `no-store`, because a read that a cache serves is missing from the audit log; `nosniff`;
/// and HSTS where this server ends TLS itself.
fn keep_to_itself(response: &mut Response, over_tls: bool) {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    if over_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let panics = async { panic!("in a handler") };
        assert_eq!(caught(panics).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(caught(async { StatusCode::OK.into_response() }).await.status(), StatusCode::OK);
    }
}
