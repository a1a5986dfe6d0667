//! `/connect/?access_token=…`: a token is exchanged for a cookie, and for an address without it.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CACHE_CONTROL, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use vinculo_store::{AccessMode, NewConnectSession};
use vinculo_vault::random_secret;

use super::lender::Lender;
use super::page::{EndPage, Shell, html};
use super::session::Contents;
use super::{ends, guest, words};
use crate::App;
use crate::api::query::Query;
use crate::dashboard::{Language, Visit};
use crate::error::ApiError;
use crate::settings::Settings;
use crate::tokens::{Scope, WidgetToken};

/// Begins a session. The token can be exchanged again until it has made its link: whoever opens the
/// address twice, or has it opened by a messenger, is not locked out.
pub(super) async fn open(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Query::parse(query.as_deref().unwrap_or_default());
    let language = words::language(query.get("locale"), &headers);
    let token = query.get("access_token").unwrap_or_default();
    let known = WidgetToken::recognise(&app, token).await?;
    let answer = match known {
        Some((token, opens)) => exchange(&app, &visit, (token, opens), &query, language).await?,
        None => {
            if let Some(wait) = app.limits().bad_token(visit.address) {
                return Err(ApiError::too_many_requests(wait));
            }
            app.audit().failed(visit.address, visit.request, app.now());
            return Err(ApiError::not_found());
        }
    };
    Ok(without_address(answer))
}

/// The address has a secret: nothing that is loaded from here on may hear of it.
fn without_address(mut answer: Response) -> Response {
    answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

async fn exchange(
    app: &App,
    visit: &Visit,
    (token, opens): (WidgetToken, bool),
    query: &Query,
    language: Language,
) -> Result<Response, ApiError> {
    let claims = token.claims();
    let workspace = token.secrets().workspace().clone();
    if let Some(wait) = app.limits().visit(workspace.id, claims.jti) {
        return Err(ApiError::too_many_requests(wait));
    }
    let mut contents = Contents::of(claims.clone());
    let settings = app.store().read(move |tx| Settings::read(tx, workspace.id)).await?;
    let lender = Lender::of(settings, claims, workspace.environment);
    if !opens || !claims.scopes.contains(&Scope::WriteLinks) {
        return over(&contents, language, lender.ok().as_ref());
    }
    let lender = lender?;
    let chosen = |name| query.get(name).map(str::to_owned);
    contents.access_mode = chosen("access_mode").filter(|it| AccessMode::parse(it).is_some());
    let external_id = chosen("external_id").filter(|id| (3..=256).contains(&id.chars().count()));
    contents.external_id = external_id.filter(|id| !id.contains('\0'));
    let uuid = app.uuid().map_err(ApiError::unexpected)?;
    let cookie = random_secret(app.random()).map_err(ApiError::unexpected)?;
    let hash = app.all_secrets().vault().user_keys()?.session(&cookie);
    let (jti, created_at) = (claims.jti, app.now_micros());
    let sealed = contents.seal(token.secrets(), uuid)?;
    let begun = app.store().write(move |tx| {
        tx.insert_connect_session(&NewConnectSession {
            uuid,
            token: &hash,
            workspace: workspace.id,
            jti,
            created_at,
            sealed: &sealed,
        })
    });
    begun.await?;
    let mut answer = Redirect::to(&guest::path(uuid, language)).into_response();
    let cookie = guest::begin(visit, uuid, &cookie, &lender.frames)?;
    answer.headers_mut().append(SET_COOKIE, cookie);
    Ok(answer)
}

/// The page of a token that opens nothing any more; of the lender, where it is known who that is.
pub(super) fn over(
    contents: &Contents,
    language: Language,
    lender: Option<&Lender>,
) -> Result<Response, ApiError> {
    let w = words::of(language);
    let shell = Shell { w, lender, switch: None };
    let lines = vec![w.over_text.to_owned()];
    let page = EndPage { shell, title: w.over, lines, onward: ends::over(contents) };
    html(StatusCode::GONE, &page, lender)
}
