//! Forms with a file in them. The file is a stream: it is never held whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, ready};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _, stream};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use multer::{Constraints, Field, Multipart, SizeLimit, parse_boundary};
use tokio::time::timeout;

use super::form::{BINDING, Form, stale, unread};
use super::sign_in;
use super::visitor::{Visit, Visitor};
use crate::App;
use crate::error::ApiError;

/// Name of the field with the file. It comes last: what binds the form has to be known before.
const FILE: &str = "file";

/// Longest of the other fields, bytes, and most of them.
const LONGEST: u64 = 4096;
const MOST: usize = 32;

/// Most bytes before the file, with those of it that came along.
const MOST_BEFORE: usize = 1024 * 1024;

/// A form of somebody who is signed in, with a file.
pub(super) struct PostedFile {
    pub(super) visitor: Visitor,
    /// What stood before the file.
    pub(super) form: Form,
    /// The file, when one was chosen.
    pub(super) file: Option<SentFile>,
}

/// A file on its way.
pub(super) struct SentFile {
    pub(super) name: String,
    pub(super) body: Body,
}

impl FromRequest<App> for PostedFile {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        match Visitor::from_request_parts(&mut parts, app).await {
            Ok(visitor) => {
                Self::of(visitor, &parts, body, app).await.map_err(ApiError::into_response)
            }
            Err(refused) if refused.is_unauthenticated() => {
                let visit = Visit::from_request_parts(&mut parts, app).await;
                let visit = visit.map_err(ApiError::into_response)?;
                // A file is not kept: it can be large, and whoever sends it has it.
                let ended =
                    sign_in::ended(app, &visit, None).unwrap_or_else(ApiError::into_response);
                Err(if visit.is_of_this_site() { ended } else { refused.into_response() })
            }
            Err(refused) => Err(refused.into_response()),
        }
    }
}

impl PostedFile {
    async fn of(visitor: Visitor, parts: &Parts, body: Body, app: &App) -> Result<Self, ApiError> {
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let boundary = parse_boundary(kind.unwrap_or_default()).map_err(|_| {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            ApiError::status(status, "unsupported_media_type", "Not a form with a file.")
        })?;
        // What reads the file has its own limit.
        let limit = SizeLimit::new().per_field(LONGEST).for_field(FILE, u64::MAX);
        let constraints = Constraints::new().size_limit(limit);
        let begun = Arc::new(AtomicBool::new(false));
        let stream = bounded(body.into_data_stream(), Arc::clone(&begun));
        let stream = Multipart::with_constraints(stream, boundary, constraints);
        let read = timeout(app.config().request_timeout, read(stream)).await;
        let (form, file) = read.map_err(|_| cut_off(StatusCode::REQUEST_TIMEOUT))??;
        begun.store(true, Ordering::Relaxed);
        if !visitor.visit.is_of_this_site() || !visitor.holds(app, form.get(BINDING))? {
            return Err(stale());
        }
        Ok(Self { visitor, form, file })
    }
}

/// A body of which not much comes before its file has begun: until then what has no end yet is held.
/// One piece at a time: the reader of the form takes all there is before it looks at any of it.
fn bounded(
    mut body: BodyDataStream,
    begun: Arc<AtomicBool>,
) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
    let (mut before, mut took) = (0, false);
    stream::poll_fn(move |context| {
        if std::mem::take(&mut took) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = ready!(body.poll_next_unpin(context));
        took = true;
        Poll::Ready(read.map(|read| {
            let chunk = read?;
            before += chunk.len();
            match before <= MOST_BEFORE || begun.load(Ordering::Relaxed) {
                true => Ok(chunk),
                false => Err(axum::Error::new("too much before the file")),
            }
        }))
    })
}

/// Reads a form up to its file.
async fn read(mut stream: Multipart<'static>) -> Result<(Form, Option<SentFile>), ApiError> {
    let mut fields = Vec::new();
    while let Some(field) = stream.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == FILE {
            return Ok((Form::of(fields), chosen(field)));
        }
        if fields.len() == MOST {
            return Err(cut_off(StatusCode::BAD_REQUEST));
        }
        fields.push((name, field.text().await.map_err(unreadable)?));
    }
    Ok((Form::of(fields), None))
}

/// Browsers send a file without a name when none was chosen.
fn chosen(field: Field<'static>) -> Option<SentFile> {
    let name = field.file_name().filter(|name| !name.is_empty())?.to_owned();
    Some(SentFile { name, body: Body::from_stream(field) })
}

/// The reason is not told: it may repeat what was sent.
fn unreadable(error: multer::Error) -> ApiError {
    cut_off(unread(&error))
}

fn cut_off(status: StatusCode) -> ApiError {
    ApiError::status(status, "parse_error", "The form was cut off, or is not one with a file.")
}
