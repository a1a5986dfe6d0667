//! One id per request: 32 hex digits in `X-Request-Id` and in error bodies, dashed in webhooks
//! (contract 2.6). This layer is also the one place where an error body is written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;
use tracing::Instrument as _;
use uuid::{Builder, Uuid};
use vinculo_vault::{Random, RandomError};

use crate::dashboard::{self, Finished};
use crate::error::{ApiError, ErrorItems, Failure, item_of_status};
use crate::template::Template;
use crate::{App, connect, router, traces};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request being served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(pub(crate) Uuid);

/// Ids for requests to come, drawn many at once: each draw asks the system. They are no secrets.
#[derive(Debug, Default)]
pub(crate) struct RequestIds(Mutex<Vec<Uuid>>);

impl RequestIds {
    const AT_ONCE: usize = 64;

    /// An id that no other request has.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn next(&self, random: &dyn Random) -> Result<Uuid, RandomError> {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_empty() {
            let mut bytes = [0; 16 * Self::AT_ONCE];
            random.fill(&mut bytes)?;
            let (ids, _) = bytes.as_chunks();
            drawn.extend(ids.iter().map(|id| Builder::from_random_bytes(*id).into_uuid()));
        }
        drawn.pop().ok_or(RandomError)
    }
}

#[derive(Serialize)]
struct WireError<'a> {
    request_id: &'a str,
    message: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    institution_user_id: Option<&'a str>,
}

/// Gives the request an id, serves it, and writes the body of a refusal.
pub(crate) async fn layer(
    app: &App,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let Ok(id) = app.request_id() else {
        let cause = "no randomness for a request id";
        log(app, StatusCode::INTERNAL_SERVER_ERROR, cause);
        return ApiError::unexpected(cause).into_response();
    };
    let method = request.method().clone();
    request.extensions_mut().insert(RequestId(id));
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let verb = known(&method);
    let traced = traces::request(id, verb, route);
    // What nobody listens to is not put into words.
    let span = traced.in_scope(|| {
        let path = || logged(request.uri().path(), route);
        tracing::info_span!("request", request_id = %id.simple(), method = verb, path = &*path())
    });
    let mut response = next(request).instrument(span.clone()).instrument(traced.clone()).await;
    traces::answered(&traced, response.status().as_u16());
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    let mut buffer = Uuid::encode_buffer();
    let hex = &*id.simple().encode_lower(&mut buffer);
    let status = response.status();
    if let Some(Failure(cause)) = response.extensions_mut().remove() {
        span.in_scope(|| log(app, status, &cause));
    }
    let refused = status.is_client_error() || status.is_server_error();
    if refused && response.extensions().get::<Finished>().is_none() {
        response = with_error_body(response, &method, hex);
    }
    if let Ok(value) = HeaderValue::from_str(hex) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// Says in the log and in traces which request is behind what is being done.
pub(crate) fn is_behind(id: Uuid) {
    traces::is_behind(id);
    tracing::Span::current().record("request_id", tracing::field::display(id.simple()));
}

/// Says why a request failed. What has no answer for the time being refuses many: not each of them
/// is said.
pub(crate) fn log(app: &App, status: StatusCode, cause: &str) {
    let code = status.as_u16();
    if status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(cause, status = code, "request failed");
    } else if let Some(unsaid) = app.complaints().admit(app.now()) {
        tracing::error!(cause, status = code, unsaid, "request failed");
    } else {
        tracing::debug!(cause, status = code, "request failed");
    }
}

/// A method as the log may show it: a client can write anything in its place.
fn known(method: &Method) -> &str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if KNOWN.contains(method) { method.as_str() } else { "OTHER" }
}

/// A path as the log may show it, by its route where that says all: pages have parameters that are words,
/// such as an environment.
fn logged(path: &str, route: Option<&str>) -> Cow<'static, str> {
    match route {
        Some(route) if route.starts_with("/api/") || route.starts_with("/manage/") => {
            Template::of(route).shown.into()
        }
        _ => shown(path).into(),
    }
}

/// A path as the log may show it: whatever a client puts where an id belongs stays out.
fn shown(path: &str) -> String {
    static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let paths = router::paths();
        let routes = paths.iter().map(String::as_str).chain([
            "/livez",
            "/readyz",
            "/docs",
            "openapi.json",
            "postman.json",
        ]);
        let routes = routes.chain(dashboard::WORDS).chain(connect::WORDS);
        routes.flat_map(|path| path.split('/')).map(str::to_owned).collect()
    });
    let parts = path.split('/').map(|part| if WORDS.contains(part) { part } else { "*" });
    parts.collect::<Vec<_>>().join("/")
}

fn with_error_body(mut response: Response, method: &Method, request_id: &str) -> Response {
    let items = match response.extensions_mut().remove::<ErrorItems>() {
        Some(ErrorItems(items)) => items,
        None => vec![item_of_status(response.status(), method)],
    };
    let wire: Vec<_> = items
        .iter()
        .map(|item| WireError {
            request_id,
            message: &item.message,
            code: item.code,
            field: item.field.as_deref(),
            institution_user_id: item.institution_user_id.as_deref(),
        })
        .collect();
    let body = serde_json::to_vec(&wire).unwrap_or_default();
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = Body::from(body);
    response
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use vinculo_vault::SystemRandom;

    use super::*;

    /// Randomness that is asked so many times, and once in vain.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Random for Counted {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => Err(RandomError),
                _ => SystemRandom.fill(out),
            }
        }
    }

    #[test]
    fn many_ids_are_drawn_at_once_and_none_is_given_twice() {
        let (ids, random) = (RequestIds::default(), Counted::default());
        assert!(ids.next(&random).is_err());
        let given: HashSet<_> = (0..200).map(|_| ids.next(&random).unwrap()).collect();
        assert_eq!(given.len(), 200);
        assert!(given.iter().all(|id| id.get_version_num() == 4));
        assert_eq!(random.0.into_inner(), 1 + 200_usize.div_ceil(RequestIds::AT_ONCE));
    }

    #[test]
    fn a_method_of_the_clients_own_is_not_logged() {
        for (given, logged) in [("PATCH", "PATCH"), ("M1999000001", "OTHER"), ("get", "OTHER")] {
            assert_eq!(known(&Method::from_bytes(given.as_bytes()).unwrap()), logged);
        }
    }

    #[test]
    fn a_route_is_logged_as_its_paths_are() {
        for (path, route, expected) in [
            ("/api/links/1999000001/", "/api/links/{id}/", "/api/links/*/"),
            ("/api/links/employments/", "/api/links/{id}/", "/api/links/*/"),
            ("/manage/v1/imports/", "/manage/v1/imports/", "/manage/v1/imports/"),
            ("/dashboard/sandbox/keys", "/dashboard/{environment}/keys", "/dashboard/sandbox/keys"),
            ("/docs/1999000001", "/docs/{file}", "/docs/*"),
        ] {
            assert_eq!(logged(path, Some(route)), expected);
        }
        assert_eq!(logged("/1999000001/api/", None), "/*/api/");
    }

    #[test]
    fn what_stands_for_an_id_is_not_logged() {
        for (path, logged) in [
            ("/api/links/1999000001/", "/api/links/*/"),
            ("/api/links/someone/", "/api/links/*/"),
            ("/api/co/employments/", "/api/co/employments/"),
            ("/manage/v1/imports/5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a/", "/manage/v1/imports/*/"),
            ("/api/openapi.json", "/api/openapi.json"),
            ("/dashboard/welcome/q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI", "/dashboard/welcome/*"),
            ("/connect/5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a/leave", "/connect/*/leave"),
            ("/dashboard/sandbox/keys", "/dashboard/sandbox/keys"),
        ] {
            assert_eq!(shown(path), logged);
        }
    }
}
