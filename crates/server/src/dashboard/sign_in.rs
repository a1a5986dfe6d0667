//! `/dashboard/sign-in`, and what somebody does with their own session.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::RETRY_AFTER;
use vinculo_vault::Redacted;

use super::form::{Posted, PostedByStranger};
use super::page::{html_with, see, with_cookie};
use super::visitor::Visit;
use super::words::{Language, Words};
use crate::App;
use crate::error::ApiError;
use crate::limits::whole_seconds;
use crate::people::{self, Failed};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    w: &'static Words,
    form: String,
    email: &'a str,
    wrong: Option<&'static str>,
}

/// The form.
pub(super) async fn page(State(app): State<App>, visit: Visit) -> Result<Response, ApiError> {
    show(&app, &visit, StatusCode::OK, "", None)
}

fn show(
    app: &App,
    visit: &Visit,
    status: StatusCode,
    email: &str,
    wrong: Option<&'static str>,
) -> Result<Response, ApiError> {
    let (form, cookie) = visit.form(app)?;
    let page = SignInPage { w: visit.language.words(), form, email, wrong };
    Ok(with_cookie(html_with(status, &page)?, cookie))
}

/// Begins a session.
pub(super) async fn submit(
    State(app): State<App>,
    posted: PostedByStranger,
) -> Result<Response, ApiError> {
    let PostedByStranger { visit, form } = posted;
    let secret = |name| Redacted::new(form.get(name).to_owned());
    let (email, password, code) = (form.get("email"), secret("password"), secret("code"));
    let from = (visit.origin.clone(), visit.address, visit.request);
    let words = visit.language.words();
    match people::sign_in(&app, from, email, (&password, &code)).await? {
        Ok(token) => Ok(with_cookie(see("/dashboard"), Some(visit.begin(&token)?))),
        // 403 rather than 401, which asks browsers for another kind of password.
        Err(Failed::Wrong) => {
            show(&app, &visit, StatusCode::FORBIDDEN, email, Some(words.sign_in_wrong))
        }
        Err(Failed::TooOften(wait)) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut page = show(&app, &visit, status, email, Some(words.sign_in_too_often))?;
            page.headers_mut().insert(RETRY_AFTER, whole_seconds(wait).max(1).into());
            Ok(page)
        }
    }
}

/// Ends the session.
pub(super) async fn leave(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let visitor = posted.visitor;
    people::sign_out(&app, visitor.trail, visitor.signed).await?;
    Ok(with_cookie(see("/dashboard/sign-in"), Some(visitor.visit.end()?)))
}

/// Keeps the language that somebody reads.
pub(super) async fn language(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let (user, form) = (posted.visitor.signed.user.id, posted.form);
    let language = Language::parse(form.get("language")).ok_or_else(ApiError::not_found)?;
    app.store().write(move |tx| tx.set_user_language(user, language.code())).await?;
    Ok(see("/dashboard"))
}
