//! The stylesheet and the script, from inside the binary.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("style.css"))
}

/// Fills the buttons that copy something. Without it they are not there, and nothing else changes.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("script.js"))
}

/// A file from inside the binary.
pub(crate) fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers =
        [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, text).into_response()
}
