//! The stylesheet and the script, from inside the binary.

use axum::response::Response;

use crate::dashboard::asset;

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("style.css"))
}

/// Looks whether the source has answered. Without it the page is loaded again instead.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("script.js"))
}
