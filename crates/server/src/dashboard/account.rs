//! `/dashboard/{environment}/account`: a user's own password and second factor.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use http::header::RETRY_AFTER;
use vinculo_vault::Redacted;

use super::form::{Form, Once, Posted, Problem, described};
use super::page::{Shell, html, html_with, said_again, see};
use super::qr;
use super::visitor::Visitor;
use crate::App;
use crate::api::page::PageQuery;
use crate::error::ApiError;
use crate::limits::whole_seconds;
use crate::people::{self, CodesOf, NewSecret};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    /// Recovery codes left, when codes are asked for.
    left: Option<i64>,
    problems: Vec<Problem>,
    said: Option<&'static str>,
}

/// A secret that is seen until a code of it has confirmed it.
#[derive(Template)]
#[template(path = "account_begun.html")]
struct BegunPage {
    shell: Shell,
    secret: NewSecret,
    qr: String,
    problems: Vec<Problem>,
}

/// Recovery codes that are seen this once.
#[derive(Template)]
#[template(path = "account_made.html")]
struct MadePage {
    shell: Shell,
    codes: Vec<String>,
}

/// What is wrong with a form: the id of the field, the field, and what about it.
type Wrong = (&'static str, &'static str, &'static str);

/// How the user signs in.
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let changed = page.query.get("said") == Some("password");
    let changed = changed.then_some(visitor.language.data_words().password_changed);
    let said = changed.or_else(|| said_again(&page, visitor.language.words()));
    show(&app, &visitor, StatusCode::OK, None, said).await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    wrong: Option<Wrong>,
    said: Option<&'static str>,
) -> Result<Response, ApiError> {
    let left = match people::codes_of(app, &visitor.signed.user).await? {
        CodesOf::None => None,
        CodesOf::Asked { left } => Some(left),
    };
    let shell = visitor.shell("account");
    html_with(status, &AccountPage { shell, left, problems: told(wrong), said })
}

fn told(wrong: Option<Wrong>) -> Vec<Problem> {
    let problem = |(name, field, text): Wrong| Problem { name, field, text: text.to_owned() };
    wrong.into_iter().map(problem).collect()
}

async fn mend(app: &App, visitor: &Visitor, wrong: Wrong) -> Result<Response, ApiError> {
    show(app, visitor, StatusCode::BAD_REQUEST, Some(wrong), None).await
}

/// Changes the password, sets the second factor up, or takes it away. Each counts as a try to sign in.
pub(super) async fn change(
    State(app): State<App>,
    Path((_, change)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, ApiError> {
    let Posted { visitor, form } = posted;
    let index = app.all_secrets().vault().user_keys()?.email(&visitor.email);
    if let Some(wait) = app.limits().sign_in(visitor.visit.address, &index) {
        let said = Some(("", "", visitor.language.words().sign_in_too_often));
        let mut page = show(&app, &visitor, StatusCode::TOO_MANY_REQUESTS, said, None).await?;
        page.headers_mut().insert(RETRY_AFTER, whole_seconds(wait).max(1).into());
        return Ok(page);
    }
    match change.as_str() {
        "password" => password(&app, &visitor, &form).await,
        "begin" => begin(&app, &visitor, &form).await,
        "confirm" => confirm(&app, &visitor, &form).await,
        "drop" => drop_codes(&app, &visitor, &form).await,
        _ => Err(ApiError::not_found()),
    }
}

fn secret(form: &Form, name: &str) -> Redacted<String> {
    Redacted::new(form.get(name).to_owned())
}

async fn password(app: &App, visitor: &Visitor, form: &Form) -> Result<Response, ApiError> {
    let (w, d) = (visitor.language.words(), visitor.language.data_words());
    let (new, again) = (form.get("new"), form.get("again"));
    let wrong = if !people::LENGTHS.contains(&new.chars().count()) {
        Some(("new", d.password_new, w.password_short))
    } else {
        (new != again).then_some(("again", w.password_again, w.password_differs))
    };
    if let Some(wrong) = wrong {
        return mend(app, visitor, wrong).await;
    }
    let given = (secret(form, "password"), secret(form, "new"));
    let origin = visitor.visit.origin.clone();
    if people::change_password(app, origin, &visitor.signed, given).await? {
        return Ok(see(&visitor.path("/account?said=password")));
    }
    mend(app, visitor, ("present", d.password_now, d.password_wrong)).await
}

async fn begin(app: &App, visitor: &Visitor, form: &Form) -> Result<Response, ApiError> {
    let (w, d) = (visitor.language.words(), visitor.language.data_words());
    let user = &visitor.signed.user;
    if !people::is_password(app, user, &secret(form, "password")).await? {
        return mend(app, visitor, ("password", w.password, d.password_wrong)).await;
    }
    let (secret, sealed) = people::new_codes(app, user, &visitor.email)?;
    let id = user.id;
    let begun = Once::of(app, visitor, form)?
        .write(app, move |tx| people::begin_codes(tx, id, &sealed))
        .await?;
    match begun {
        Some(()) => show_secret(visitor, secret, None),
        None => Ok(see(&visitor.path("/account?said=again"))),
    }
}

fn show_secret(
    visitor: &Visitor,
    secret: NewSecret,
    wrong: Option<Wrong>,
) -> Result<Response, ApiError> {
    let shell = visitor.shell("account");
    let qr = qr::draw(&secret.uri, shell.d.factor_qr).map_err(ApiError::unexpected)?;
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    html_with(status, &BegunPage { shell, secret, qr, problems: told(wrong) })
}

async fn confirm(app: &App, visitor: &Visitor, form: &Form) -> Result<Response, ApiError> {
    let origin = visitor.visit.origin.clone();
    let code = secret(form, "code");
    if let Some(codes) = people::confirm_codes(app, origin, &visitor.signed, &code).await? {
        return html(&MadePage { shell: visitor.shell("account"), codes });
    }
    let d = visitor.language.data_words();
    // The secret is shown again to whoever has it already.
    let (user, given) = (&visitor.signed.user, secret(form, "secret"));
    match people::begun_codes(app, user, &visitor.email, &given).await? {
        Some(secret) => show_secret(visitor, secret, Some(("code", d.factor_code, d.factor_wrong))),
        None => mend(app, visitor, ("", "", d.factor_wrong)).await,
    }
}

async fn drop_codes(app: &App, visitor: &Visitor, form: &Form) -> Result<Response, ApiError> {
    let (user, origin) = (&visitor.signed.user, visitor.visit.origin.clone());
    if people::drop_codes(app, origin, user, &secret(form, "code")).await? {
        return Ok(see(&visitor.path("/account")));
    }
    let d = visitor.language.data_words();
    mend(app, visitor, ("code", d.factor_any_code, d.factor_wrong)).await
}
