//! `/dashboard/{environment}/account`: a user's own second factor.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use http::header::RETRY_AFTER;
use vinculo_vault::Redacted;

use super::form::{Form, Posted, Problem};
use super::page::{Shell, html, html_with, see};
use super::qr;
use super::visitor::Visitor;
use crate::App;
use crate::error::ApiError;
use crate::limits::whole_seconds;
use crate::people::{self, CodesOf, NewSecret};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    /// Recovery codes left, when codes are asked for.
    left: Option<i64>,
    /// Whether codes were being set up, and a wrong one was given.
    begun: bool,
    problems: Vec<Problem>,
}

/// A secret that is seen this once.
#[derive(Template)]
#[template(path = "account_begun.html")]
struct BegunPage {
    shell: Shell,
    secret: NewSecret,
    qr: String,
}

/// Recovery codes that are seen this once.
#[derive(Template)]
#[template(path = "account_made.html")]
struct MadePage {
    shell: Shell,
    codes: Vec<String>,
}

/// How the user signs in.
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, ApiError> {
    show(&app, &visitor, StatusCode::OK, None).await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    wrong: Option<&'static str>,
) -> Result<Response, ApiError> {
    let left = match people::codes_of(app, &visitor.signed.user).await? {
        CodesOf::None => None,
        CodesOf::Asked { left } => Some(left),
    };
    let begun = left.is_none() && wrong.is_some();
    let shell = visitor.shell("account");
    let problem =
        |text: &str| Problem { name: "code", field: shell.d.factor_code, text: text.to_owned() };
    let problems = wrong.into_iter().map(problem).collect();
    html_with(status, &AccountPage { shell, left, begun, problems })
}

/// Sets the second factor up, or takes it away.
pub(super) async fn change(
    State(app): State<App>,
    Path((_, change)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, ApiError> {
    let Posted { visitor, form } = posted;
    match change.as_str() {
        "begin" => begin(&app, &visitor).await,
        "confirm" | "drop" => with_code(&app, &visitor, &form, change == "confirm").await,
        _ => Err(ApiError::not_found()),
    }
}

async fn begin(app: &App, visitor: &Visitor) -> Result<Response, ApiError> {
    let secret = people::begin_codes(app, &visitor.signed.user, &visitor.email).await?;
    let shell = visitor.shell("account");
    let qr = qr::draw(&secret.uri, shell.d.factor_qr).map_err(ApiError::unexpected)?;
    html(&BegunPage { shell, secret, qr })
}

/// What needs a code counts as a try to sign in.
async fn with_code(
    app: &App,
    visitor: &Visitor,
    form: &Form,
    confirm: bool,
) -> Result<Response, ApiError> {
    let (user, origin) = (&visitor.signed.user, visitor.visit.origin.clone());
    let index = app.all_secrets().vault().user_keys()?.email(&visitor.email);
    if let Some(wait) = app.limits().sign_in(visitor.visit.address, &index) {
        let said = Some(visitor.language.words().sign_in_too_often);
        let mut page = show(app, visitor, StatusCode::TOO_MANY_REQUESTS, said).await?;
        page.headers_mut().insert(RETRY_AFTER, whole_seconds(wait).max(1).into());
        return Ok(page);
    }
    let code = Redacted::new(form.get("code").to_owned());
    let done = if confirm {
        let codes = people::confirm_codes(app, origin, user, &code).await?;
        codes.map(|codes| html(&MadePage { shell: visitor.shell("account"), codes }))
    } else {
        let dropped = people::drop_codes(app, origin, user, &code).await?;
        dropped.then(|| Ok(see(&visitor.path("/account"))))
    };
    match done {
        Some(page) => page,
        None => {
            let wrong = Some(visitor.language.data_words().factor_wrong);
            show(app, visitor, StatusCode::BAD_REQUEST, wrong).await
        }
    }
}
