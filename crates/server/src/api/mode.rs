//! `X-Belvo-Request-Mode: async` (contract 2.11): the answer is 202 with the request's id, the work
//! is done in the background, a webhook tells of its end.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use uuid::Uuid;

use super::page::json;
use crate::error::ApiError;

const HEADER: &str = "x-belvo-request-mode";

/// Whether the caller does not wait. Any other value than `async` counts as not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Async(pub(crate) bool);

impl<S: Sync> FromRequestParts<S> for Async {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(is_async(&parts.headers)))
    }
}

/// Whether the headers say that the caller does not wait.
pub(crate) fn is_async(headers: &HeaderMap) -> bool {
    let mode = headers.get(HEADER).and_then(|mode| mode.to_str().ok());
    mode.is_some_and(|mode| mode.trim().eq_ignore_ascii_case("async"))
}

/// The answer to a request that is worked on in the background.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Accepted {
    /// Repeated in the webhook that tells of the end.
    request_id: Uuid,
}

impl Accepted {
    /// The body of the 202: the id with dashes, as the webhook has it.
    pub(crate) fn body(request_id: Uuid) -> Result<Vec<u8>, ApiError> {
        Ok(serde_json::to_vec(&Self { request_id })?)
    }

    /// The whole answer.
    pub(crate) fn answer(body: Vec<u8>) -> Response {
        json(StatusCode::ACCEPTED, body)
    }
}
