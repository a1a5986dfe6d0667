//! Counting requests.

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::{Method, StatusCode};

use super::{Going, class, since};
use crate::template::Template;
use crate::{App, sandbox};

/// What stands for every address that is no route.
const NO_ROUTE: &str = "none";
/// What stands for the class of a failure that a request in the sandbox has asked for.
const PLAYED: &str = "played";

/// Counts and times a request under the template of its route.
pub(crate) async fn layer(
    app: &App,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let metrics = app.metrics();
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = ("route", route.map_or(NO_ROUTE, |route| Template::of(route).route));
    let (method, start) = (("method", method(request.method())), app.elapsed());
    // In production such a request is refused.
    let plays = request.method() == Method::POST && request.headers().contains_key(sandbox::HEADER);
    let going = Going::new(metrics.requests_in_flight.clone());
    let response = next(request).await;
    drop(going);
    let status = match response.status() {
        StatusCode::INTERNAL_SERVER_ERROR if plays => PLAYED,
        status => class(status.as_u16()),
    };
    metrics.requests.get_or_create(&[route, method, ("status", status)]).inc();
    let seconds = since(app, start).as_secs_f64();
    metrics.request_seconds.get_or_create(&[route, method]).observe(seconds);
    response
}

const fn method(method: &Method) -> &'static str {
    match *method {
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "other",
    }
}
