//! Answers that are as long as a table: written slice by slice, the next one when the client has taken the
//! last.

use std::io;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::try_unfold;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::error::ApiError;

/// A slice, and behind which row the next one begins; `None` after the last.
pub(crate) type Slice = (Vec<u8>, Option<i64>);

/// An answer of this media type in slices; `slice` gets the row behind which it begins, 0 at first. A
/// failure half-way is logged as `what` that is cut off, and ends the connection: the status has been sent.
pub(crate) fn answer<S>(
    media_type: &'static str,
    what: &'static str,
    slice: impl Fn(i64) -> S + Send + 'static,
) -> Response
where
    S: Future<Output = Result<Slice, ApiError>> + Send + 'static,
{
    let slices = try_unfold(Some(0), move |after: Option<i64>| {
        let next = after.map(&slice);
        async move {
            let Some(next) = next else { return Ok(None) };
            next.await.map(Some).map_err(|error| {
                tracing::error!(what, cause = error.cause(), "an answer is cut off");
                io::Error::other("the answer is cut off")
            })
        }
    });
    let mut response = Body::from_stream(slices).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
