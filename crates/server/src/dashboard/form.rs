//! Forms that were sent: by a page of this server, and by whoever was shown it.

use std::fmt;

use askama::filters::HtmlSafe;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use url::form_urlencoded;
use uuid::Uuid;
use vinculo_store::Tx;
use vinculo_vault::BlindIndex;

use super::visitor::{Visit, Visitor};
use super::words::Language;
use super::{data_words, refusal_words, sign_in};
use crate::App;
use crate::api::body::JsonObject;
use crate::api::query::Query;
use crate::error::{ApiError, ErrorItem};
use crate::serve::paced::is_too_slow;

/// Name of the field that binds a form to its session.
pub(crate) const BINDING: &str = "form";

/// Name of the field that makes a form another one on every page that shows it.
const ONCE: &str = "once";

/// The status for a form that could not be read to its end.
pub(super) fn unread(error: &(dyn std::error::Error + 'static)) -> StatusCode {
    if is_too_slow(error) { StatusCode::REQUEST_TIMEOUT } else { StatusCode::BAD_REQUEST }
}

/// The fields of a form.
pub(crate) struct Form(Query);

/// A form of somebody who is signed in.
pub(super) struct Posted {
    pub(super) visitor: Visitor,
    pub(super) form: Form,
}

/// A form of a stranger.
pub(super) struct PostedByStranger {
    pub(super) visit: Visit,
    pub(super) form: Form,
}

/// A form that does its work once, however often it is sent: its answer shows what is not shown
/// again, and looking at that anew sends the form anew.
pub(super) struct Once {
    session: BlindIndex,
    form: BlindIndex,
}

impl Once {
    /// # Errors
    /// 403 when the form does not come from a page that says which one it is.
    pub(super) fn of(app: &App, visitor: &Visitor, form: &Form) -> Result<Self, ApiError> {
        Uuid::try_parse(form.get(ONCE)).map_err(|_| stale())?;
        // What was sent from one page with other fields is another form.
        let sent = serde_json::to_string(&(&visitor.visit.here, form.0.pairs()))?;
        let form = app.all_secrets().vault().user_keys()?.sent_form(&sent);
        Ok(Self { session: visitor.signed.session, form })
    }

    /// Does the work of the form in one transaction with the note that it was done; `None` when that
    /// was done before.
    ///
    /// # Errors
    /// What the work gives; when the database fails.
    pub(super) async fn write<T: Send + 'static>(
        self,
        app: &App,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<Option<T>, ApiError> {
        let written = app.store().write(move |tx| {
            let first = tx.use_form(&self.session, &self.form)?;
            first.then(|| work(tx)).transpose()
        });
        written.await
    }
}

/// 403: the form is not one that this server has shown to this browser.
pub(crate) fn stale() -> ApiError {
    ApiError::status(StatusCode::FORBIDDEN, "stale_form", "The form is old or of another site.")
}

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = match Visitor::from_request_parts(&mut parts, app).await {
            Err(refused) if refused.is_unauthenticated() => {
                let visit = Visit::from_request_parts(&mut parts, app).await;
                let visit = visit.map_err(ApiError::into_response)?;
                let request = Request::from_parts(parts, body);
                return Err(without_session(request, app, &visit, refused).await);
            }
            found => found.map_err(ApiError::into_response)?,
        };
        Self::of(visitor, Request::from_parts(parts, body), app)
            .await
            .map_err(ApiError::into_response)
    }
}

/// The answer to a form of somebody who is signed in no more.
async fn without_session(
    request: Request,
    app: &App,
    visit: &Visit,
    refused: ApiError,
) -> Response {
    if !visit.is_of_this_site() {
        return refused.into_response();
    }
    let form = Form::read(request, app).await.ok();
    sign_in::ended(app, visit, form.as_ref()).unwrap_or_else(ApiError::into_response)
}

impl Posted {
    async fn of(visitor: Visitor, request: Request, app: &App) -> Result<Self, ApiError> {
        let form = Form::read(request, app).await?;
        if !visitor.visit.is_of_this_site() || !visitor.holds(app, form.get(BINDING))? {
            return Err(stale());
        }
        Ok(Self { visitor, form })
    }
}

impl FromRequest<App> for PostedByStranger {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, app).await?;
        let form = Form::read(Request::from_parts(parts, body), app).await?;
        if !visit.is_of_this_site() || !visit.holds(app, form.get(BINDING))? {
            return Err(stale());
        }
        Ok(Self { visit, form })
    }
}

impl Form {
    /// The form of a request.
    ///
    /// # Errors
    /// 415 and 400 when it is none.
    pub(crate) async fn read(request: Request, app: &App) -> Result<Self, ApiError> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        if !kind.is_some_and(|it| it.starts_with("application/x-www-form-urlencoded")) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(ApiError::status(status, "unsupported_media_type", "Not a form."));
        }
        let body = Bytes::from_request(request, app).await;
        let body = body.map_err(|error| {
            ApiError::status(unread(&error), "parse_error", "The form was cut off.")
        })?;
        let text = std::str::from_utf8(&body);
        let text = text.map_err(|_| ApiError::refused("parse_error", "The form is no text."))?;
        Ok(Self(Query::parse(text)))
    }

    /// A form of these fields.
    pub(super) fn of(fields: Vec<(String, String)>) -> Self {
        Self(Query::of(fields))
    }

    /// Its fields as they are sent, but for what binds it to its session and its page.
    pub(super) fn to_text(&self) -> String {
        let own = |name: &str| name != BINDING && name != ONCE;
        let fields = self.0.pairs().iter().filter(|(name, _)| own(name));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }

    /// What a field holds; nothing when it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_default()
    }

    /// What every field of this name holds.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let pairs = self.0.pairs().iter().filter(|(given, _)| given == name);
        pairs.map(|(_, value)| value.as_str()).collect()
    }

    /// The fields as the body of the same request to the management API, so that both are read by
    /// one reader: `texts` as they are, each of `lists` as words. What is empty is left out.
    pub(super) fn to_json(&self, texts: &[&str], lists: &[&str]) -> JsonObject {
        let mut body = Map::new();
        for name in texts {
            let text = self.get(name).trim();
            if !text.is_empty() {
                body.insert((*name).to_owned(), Value::from(text));
            }
        }
        for name in lists {
            let all = self.all(name);
            let words: Vec<_> =
                all.iter().flat_map(|it| it.split([' ', ',', '\n', '\r'])).collect();
            let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
            if !words.is_empty() {
                body.insert((*name).to_owned(), Value::from(words));
            }
        }
        JsonObject::of(body)
    }
}

/// Something that is wrong with a form.
pub(super) struct Problem {
    /// The field's id in the page; empty when it is about none.
    pub(super) name: &'static str,
    /// The field, as the page calls it.
    pub(super) field: &'static str,
    /// What is wrong.
    pub(super) text: String,
}

impl Problem {
    /// No file was chosen.
    pub(super) fn no_file(d: &data_words::Words) -> Self {
        Self { name: "file", field: d.file, text: d.file_missing.to_owned() }
    }
}

/// The attributes of a field that say what describes it, and whether it is wrong.
pub(super) struct Described {
    hint: &'static str,
    wrong: Option<&'static str>,
}

/// What describes the field of this id: the text of the id `hint`, if that is not empty, and the problem
/// with it, if there is one.
pub(super) fn described(problems: &[Problem], name: &str, hint: &'static str) -> Described {
    let wrong = problems.iter().map(|problem| problem.name).find(|wrong| *wrong == name);
    Described { hint, wrong }
}

impl HtmlSafe for Described {}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.hint, self.wrong) {
            ("", None) => Ok(()),
            (hint, None) => write!(f, r#" aria-describedby="{hint}""#),
            ("", Some(name)) => {
                write!(f, r#" aria-invalid="true" aria-describedby="{name}-wrong""#)
            }
            (hint, Some(name)) => {
                write!(f, r#" aria-invalid="true" aria-describedby="{name}-wrong {hint}""#)
            }
        }
    }
}

/// What is wrong with a form, in words, when that can be mended by filling it in anew.
///
/// # Errors
/// The refusal itself when it is another one.
pub(super) fn problems(
    refused: ApiError,
    language: Language,
    labels: &[(&'static str, &'static str)],
) -> Result<Vec<Problem>, ApiError> {
    if !refused.is_bad_request() {
        return Err(refused);
    }
    let told = |item: ErrorItem| {
        let named = labels.iter().find(|(name, _)| Some(*name) == item.field.as_deref());
        let (name, field) = named.copied().unwrap_or_default();
        Problem { name, field, text: refusal_words::told(&item.message, language) }
    };
    Ok(refused.into_items().into_iter().map(told).collect())
}
