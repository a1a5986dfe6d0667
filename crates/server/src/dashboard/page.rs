//! What is around every page, and how a page is answered.

use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use uuid::Uuid;
use vinculo_store::UserRole;

use super::code_words::Code;
use super::words::{Language, Words};
use super::{back, data_words, refusal_words};
use crate::api::page::PageQuery;
use crate::api::query::parse_id;
use crate::clock::bogota_time;
use crate::error::{ApiError, ErrorItems, in_place_of};
use crate::request_id::RequestId;

/// Nothing that is not here runs or is shown; forms go here; nobody puts a page into a frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// That a response has its body, whatever its status.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finished;

/// What is around a page of somebody who is signed in.
pub(super) struct Shell {
    pub(super) w: &'static Words,
    pub(super) language: Language,
    /// The words of pages about data.
    pub(super) d: &'static data_words::Words,
    /// Which part of the navigation it belongs to.
    pub(super) section: &'static str,
    pub(super) environment: &'static str,
    pub(super) email: String,
    pub(super) organization: String,
    pub(super) role: UserRole,
    /// What forms carry.
    pub(super) form: String,
    /// What forms carry that do their work once.
    pub(super) once: Uuid,
    /// The address of the page, or of the list that it belongs to.
    pub(super) here: String,
    pub(super) sees_people: bool,
    pub(super) changes_people: bool,
    pub(super) sees_keys: bool,
    pub(super) changes_keys: bool,
    pub(super) sees_webhooks: bool,
    pub(super) changes_webhooks: bool,
    pub(super) changes_settings: bool,
    pub(super) sees_audit: bool,
}

impl Shell {
    /// What the environment is called.
    pub(super) fn called(&self, environment: &str) -> &'static str {
        if environment == "sandbox" { self.w.sandbox } else { self.w.production }
    }

    /// A number with its thousands apart, as the language has it.
    pub(super) fn number(&self, number: impl std::fmt::Display) -> String {
        let (digits, apart) = (number.to_string(), if self.w.lang == "es" { '.' } else { ',' });
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.char_indices() {
            if place > 0 && (digits.len() - place) % 3 == 0 {
                text.push(apart);
            }
            text.push(digit);
        }
        text
    }

    /// A word of the API, and what it means.
    pub(super) fn code<'a>(&self, code: &'a str) -> Code<'a> {
        self.language.explain(code)
    }

    /// As [`Shell::code`], in the colour of the state that it is.
    pub(super) fn tag<'a>(&self, code: &'a str) -> Code<'a> {
        self.language.tag(code)
    }

    /// What a word of the API means, where only text fits; the word itself when it speaks for itself.
    pub(super) fn word<'a>(&self, code: &'a str) -> &'a str {
        self.language.word(code).unwrap_or(code)
    }

    /// What the role is called.
    pub(super) fn role(&self) -> &'static str {
        match self.role {
            UserRole::Owner => self.w.role_owner,
            UserRole::Developer => self.w.role_developer,
            UserRole::Analyst => self.w.role_analyst,
            UserRole::Auditor => self.w.role_auditor,
        }
    }
}

/// Where a page of a list has its neighbours.
pub(super) struct Pager {
    pub(super) count: i64,
    /// Which page it is, of how many.
    pub(super) page: i64,
    pub(super) pages: i64,
    pub(super) next: Option<String>,
    pub(super) previous: Option<String>,
}

impl Pager {
    /// # Errors
    /// 404 for a page past the end.
    pub(super) fn of(page: &PageQuery, count: i64) -> Result<Self, ApiError> {
        let [next, previous] = page.neighbours(count)?;
        let (page, pages) = page.place(count);
        Ok(Self { count, page, pages, next, previous })
    }

    /// Of a list that is shown on one page.
    pub(super) fn of_all(count: i64) -> Self {
        Self { count, page: 1, pages: 1, next: None, previous: None }
    }
}

/// Where a handler leaves what is around its pages, for the page that says why it was refused.
#[derive(Clone, Default)]
pub(super) struct Inside(Arc<Mutex<Option<Shell>>>);

impl Inside {
    pub(super) fn put(&self, shell: Shell) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(shell);
    }

    fn take(&self) -> Option<Shell> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// As [`ErrorPage`], for somebody who is signed in.
#[derive(Template)]
#[template(path = "error_inside.html")]
struct ErrorInside<'a> {
    shell: Shell,
    title: &'a str,
    text: &'a str,
    details: Vec<String>,
}

/// A page that says what went wrong.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    w: &'static Words,
    title: &'a str,
    text: &'a str,
    details: Vec<String>,
}

/// A page.
pub(super) fn html(page: &impl Template) -> Result<Response, ApiError> {
    html_with(StatusCode::OK, page)
}

/// A page with another status.
pub(super) fn html_with(status: StatusCode, page: &impl Template) -> Result<Response, ApiError> {
    let body = page.render().map_err(ApiError::unexpected)?;
    let headers: [(HeaderName, &str); 6] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        // Browsers say of which site a form is only where they may say so to this one.
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    let mut response = (status, headers, body).into_response();
    response.extensions_mut().insert(Finished);
    Ok(response)
}

/// What a page says when it is shown in place of the answer of a form that was sent again.
pub(super) fn said_again(page: &PageQuery, w: &'static Words) -> Option<&'static str> {
    (page.query.get("said") == Some("again")).then_some(w.sent_again)
}

/// To another page, after a form.
pub(super) fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// Adds a cookie to a response.
pub(super) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Makes pages of refusals under `/dashboard`; who is not signed in is sent to where that is done.
pub(crate) async fn layer(
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let (path, looks) = (request.uri().path(), request.method().is_safe());
    if path != "/dashboard" && !path.starts_with("/dashboard/") {
        return next(request).await;
    }
    if let Some(page) = path.strip_suffix('/').filter(|_| looks) {
        return see(page);
    }
    let here = if looks { request.uri().to_string() } else { String::new() };
    let (language, inside) = (Language::of(request.headers()), Inside::default());
    let id = request.extensions().get::<RequestId>().map(|id| id.0.simple().to_string());
    request.extensions_mut().insert(inside.clone());
    let response = next(request).await;
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    if !refused || response.extensions().get::<Finished>().is_some() {
        return response;
    }
    if status == StatusCode::UNAUTHORIZED {
        return see(&back::sign_in_for(&here));
    }
    refusal(response, (language, inside.take()), id)
}

/// The page of a refusal, with the navigation of whoever is signed in.
fn refusal(
    mut response: Response,
    (language, shell): (Language, Option<Shell>),
    id: Option<String>,
) -> Response {
    let status = response.status();
    let language = shell.as_ref().map_or(language, |shell| shell.language);
    let words = language.words();
    let items = response.extensions_mut().remove::<ErrorItems>().map(|items| items.0);
    let items = items.unwrap_or_default();
    let says = |code| items.iter().any(|item| item.code == code);
    let (title, text) = match status {
        StatusCode::NOT_FOUND if says("no_invitation") => {
            (words.welcome_over, words.welcome_over_text)
        }
        StatusCode::NOT_FOUND => (words.not_found, words.not_found_text),
        StatusCode::FORBIDDEN if says("stale_form") => (words.problem, words.stale_form),
        StatusCode::FORBIDDEN => (words.denied, words.denied_text),
        status if status.is_server_error() => (words.problem, words.unexpected_text),
        _ => (words.problem, words.refused_text),
    };
    let details = match status {
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Vec::new(),
        status if status.is_server_error() => id.into_iter().collect(),
        _ => items.iter().map(|item| refusal_words::told(&item.message, language)).collect(),
    };
    let page = match shell {
        Some(shell) => html_with(status, &ErrorInside { shell, title, text, details }),
        None => html_with(status, &ErrorPage { w: words, title, text, details }),
    };
    match page {
        Ok(page) => in_place_of(response, page),
        Err(_) => response,
    }
}

/// The id in an address; what is none leads nowhere.
pub(super) fn known(id: &str) -> Result<Uuid, ApiError> {
    parse_id("id", id).map_err(|_| ApiError::not_found())
}

/// The beginning of an id, by which titles are told apart.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// A time of the wire as pages show it: to the minute, as it is in Bogotá.
pub(super) fn when(time: impl AsRef<str>) -> String {
    in_bogota(time.as_ref(), "%Y-%m-%d %H:%M")
}

/// As [`when`], to the second.
pub(super) fn second(time: impl AsRef<str>) -> String {
    in_bogota(time.as_ref(), "%Y-%m-%d %H:%M:%S")
}

fn in_bogota(time: &str, format: &str) -> String {
    let at = time.parse::<jiff::Timestamp>();
    at.map_or_else(|_| time.to_owned(), |at| bogota_time(at).strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_minute() {
        assert_eq!(when("2026-11-24T12:34:56.000000Z"), "2026-11-24 07:34");
        assert_eq!(second("2026-12-01T04:59:56.000000Z"), "2026-11-30 23:59:56");
    }
}
