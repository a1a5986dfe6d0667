//! `/dashboard/sign-in`, and what somebody does with their own session.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use http::header::RETRY_AFTER;
use uuid::Uuid;
use vinculo_vault::Redacted;

use super::back;
use super::form::{Form, Posted, PostedByStranger};
use super::page::{html, html_with, see, with_cookie};
use super::visitor::Visit;
use super::words::{Language, Words};
use crate::App;
use crate::api::query::Query;
use crate::error::ApiError;
use crate::limits::whole_seconds;
use crate::people::{self, Failed};

/// Names of the fields that say what somebody wanted to do before they were asked to sign in.
const NEXT: &str = "next";
const KEPT_FOR: &str = "kept_for";
const KEPT: &str = "kept";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    w: &'static Words,
    form: String,
    email: &'a str,
    wrong: Option<&'static str>,
    /// Why it is asked for, when that may be a surprise.
    said: Option<&'static str>,
    wanted: Wanted,
}

/// A form that was sent without a session, to be sent again.
#[derive(Template)]
#[template(path = "kept.html")]
struct KeptPage {
    w: &'static Words,
    form: String,
    once: Uuid,
    action: String,
    fields: Vec<(String, String)>,
    back: String,
}

/// What somebody wanted to do before they were asked to sign in.
#[derive(Default)]
pub(super) struct Wanted {
    /// The page to go on to.
    next: Option<String>,
    /// The form that arrived without a session: where it goes, and its fields.
    kept: Option<(String, String)>,
}

impl Wanted {
    /// What the form to sign in carries.
    fn of(form: &Form) -> Self {
        let next = back::page(form.get(NEXT));
        let kept = back::page(form.get(KEPT_FOR));
        Self { next, kept: kept.map(|action| (action, form.get(KEPT).to_owned())) }
    }
}

/// The form.
pub(super) async fn page(
    State(app): State<App>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Query::parse(query.as_deref().unwrap_or_default());
    let next = query.get(NEXT).and_then(back::page);
    // Whoever has a cookie had a session.
    let over =
        (next.is_some() && visit.had_session()).then_some(visit.language.words().session_over);
    let page = Shown { said: over, wanted: Wanted { next, kept: None }, ..Shown::default() };
    show(&app, &visit, StatusCode::OK, page)
}

/// The form for somebody who has sent another one without a session: that one is kept in the page,
/// unless it holds what only its own page is to hold.
pub(super) fn ended(app: &App, visit: &Visit, form: Option<&Form>) -> Result<Response, ApiError> {
    let w = visit.language.words();
    let kept =
        form.filter(|_| visit.may_be_kept()).map(|form| (visit.here.clone(), form.to_text()));
    let said = Some(if kept.is_some() { w.session_over_kept } else { w.session_over_lost });
    let wanted = Wanted { next: visit.before(), kept };
    show(app, visit, StatusCode::FORBIDDEN, Shown { said, wanted, ..Shown::default() })
}

/// What the form shows beside its fields.
#[derive(Default)]
struct Shown<'a> {
    email: &'a str,
    wrong: Option<&'static str>,
    said: Option<&'static str>,
    wanted: Wanted,
}

fn show(
    app: &App,
    visit: &Visit,
    status: StatusCode,
    Shown { email, wrong, said, wanted }: Shown<'_>,
) -> Result<Response, ApiError> {
    let (form, cookie) = visit.form(app)?;
    let page = SignInPage { w: visit.language.words(), form, email, wrong, said, wanted };
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
    let (words, wanted) = (visit.language.words(), Wanted::of(&form));
    let again = |wrong| Shown { email, wrong: Some(wrong), said: None, wanted };
    match people::sign_in(&app, from, email, (&password, &code)).await? {
        Ok(token) => {
            let cookie = Some(visit.begin(&token)?);
            Ok(with_cookie(go_on(&app, &visit, &token, Wanted::of(&form))?, cookie))
        }
        // 403 rather than 401, which asks browsers for another kind of password.
        Err(Failed::Wrong) => show(&app, &visit, StatusCode::FORBIDDEN, again(words.sign_in_wrong)),
        Err(Failed::TooOften(wait)) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut page = show(&app, &visit, status, again(words.sign_in_too_often))?;
            page.headers_mut().insert(RETRY_AFTER, whole_seconds(wait).max(1).into());
            Ok(page)
        }
    }
}

/// What somebody wanted to do before. A form is shown to be sent again: nothing is done unseen.
fn go_on(app: &App, visit: &Visit, token: &str, wanted: Wanted) -> Result<Response, ApiError> {
    let back = wanted.next.unwrap_or_else(|| "/dashboard".to_owned());
    let Some((action, fields)) = wanted.kept else { return Ok(see(&back)) };
    html(&KeptPage {
        w: visit.language.words(),
        form: app.all_secrets().vault().user_keys()?.form(token),
        once: app.uuid().map_err(ApiError::unexpected)?,
        action,
        fields: Query::parse(&fields).pairs().to_vec(),
        back,
    })
}

/// Ends the session.
pub(super) async fn leave(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let visitor = posted.visitor;
    people::sign_out(&app, visitor.trail, visitor.signed).await?;
    Ok(with_cookie(see("/dashboard/sign-in"), Some(visitor.visit.end()?)))
}

/// Keeps the language that somebody reads, and shows the page again that they chose it on.
pub(super) async fn language(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let (user, form) = (posted.visitor.signed.user.id, posted.form);
    let language = Language::parse(form.get("language")).ok_or_else(ApiError::not_found)?;
    app.store().write(move |tx| tx.set_user_language(user, language.code())).await?;
    Ok(see(&back::page(form.get(NEXT)).unwrap_or_else(|| "/dashboard".to_owned())))
}
