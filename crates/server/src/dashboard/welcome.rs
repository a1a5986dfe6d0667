//! `/dashboard/welcome/{token}`: somebody who was invited sets a password.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use vinculo_vault::Redacted;

use super::form::PostedByStranger;
use super::page::{html_with, see, with_cookie};
use super::visitor::Visit;
use super::words::Words;
use crate::App;
use crate::error::ApiError;
use crate::people::{self, Email};

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    w: &'static Words,
    form: String,
    token: &'a str,
    /// The address of whom the link invites; `None` for the first user, who writes it.
    known: Option<String>,
    email: &'a str,
    wrong: Option<&'static str>,
}

/// The form. Looking at it uses nothing up.
pub(super) async fn page(
    State(app): State<App>,
    visit: Visit,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    show(&app, &visit, &token, "", None).await
}

async fn show(
    app: &App,
    visit: &Visit,
    token: &str,
    email: &str,
    wrong: Option<&'static str>,
) -> Result<Response, ApiError> {
    let invited = people::invited(app, token).await?;
    let known = invited.map(|user| people::address_of(app, &user)).transpose()?;
    let (form, cookie) = visit.form(app)?;
    let page = WelcomePage { w: visit.language.words(), form, token, known, email, wrong };
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(with_cookie(html_with(status, &page)?, cookie))
}

/// Sets the password, uses the link up, and begins a session.
pub(super) async fn submit(
    State(app): State<App>,
    Path(token): Path<String>,
    posted: PostedByStranger,
) -> Result<Response, ApiError> {
    let PostedByStranger { visit, form } = posted;
    let (given, w) = (form.get("email"), visit.language.words());
    let first = people::invited(&app, &token).await?.is_none();
    let email = if first { Email::parse(given) } else { None };
    let (password, again) = (form.get("password"), form.get("again"));
    let wrong = if first && email.is_none() {
        Some(w.email_wrong)
    } else if !people::LENGTHS.contains(&password.chars().count()) {
        Some(w.password_short)
    } else {
        (password != again).then_some(w.password_differs)
    };
    if wrong.is_some() {
        return show(&app, &visit, &token, given, wrong).await;
    }
    let password = Redacted::new(password.to_owned());
    let begun = people::accept(&app, visit.origin.clone(), &token, email, &password).await;
    let session = match begun {
        Err(refused) if refused.is_bad_request() => {
            return show(&app, &visit, &token, given, Some(w.email_taken)).await;
        }
        begun => begun?,
    };
    Ok(with_cookie(see("/dashboard"), Some(visit.begin(&session)?)))
}
