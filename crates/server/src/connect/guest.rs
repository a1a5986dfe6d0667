//! Who looks at the page: whoever has the cookie that belongs to its address.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::HeaderValue;
use http::header::USER_AGENT;
use http::request::Parts;
use uuid::Uuid;

use super::lender::Frames;
use super::session::Session;
use super::words;
use crate::App;
use crate::api::query::Query;
use crate::dashboard::{BINDING, Form, Language, Visit, cookie, stale};
use crate::error::ApiError;

/// The cookie of a session. Its path is the address of the session, so that two of them do not meet.
const COOKIE: &str = "vinculo_connect";

/// Longest name of a browser that is kept, characters.
const LONGEST_AGENT: usize = 300;

/// Whoever has the cookie of the session in the path.
pub(super) struct Guest {
    pub(super) session: Session,
    pub(super) visit: Visit,
    pub(super) language: Language,
    /// What forms carry.
    pub(super) form: String,
}

/// A form of a guest.
pub(super) struct Posted {
    pub(super) guest: Guest,
    pub(super) form: Form,
    /// What the browser calls itself.
    pub(super) agent: String,
}

impl FromRequestParts<App> for Guest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let visit = Visit::from_request_parts(parts, app).await?;
        let id = Path::<Uuid>::from_request_parts(parts, app).await;
        let Path(id) = id.map_err(|_| ApiError::not_found())?;
        let token = cookie(parts, COOKIE).ok_or_else(ApiError::not_found)?;
        let keys = app.all_secrets().vault().user_keys()?;
        let session = Session::find(app, id, keys.session(&token)).await?;
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let language = words::language(query.get("locale"), &parts.headers);
        Ok(Self { session, visit, language, form: keys.form(&token) })
    }
}

impl FromRequest<App> for Posted {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let guest = Guest::from_request_parts(&mut parts, app).await?;
        let claims = &guest.session.contents.claims;
        if let Some(wait) = app.limits().visit(guest.session.row.workspace, claims.jti) {
            return Err(ApiError::too_many_requests(wait));
        }
        let agent = parts.headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        let agent = String::from_utf8_lossy(agent).chars().take(LONGEST_AGENT).collect();
        let token = cookie(&parts, COOKIE).unwrap_or_default();
        let form = Form::read(Request::from_parts(parts, body), app).await?;
        let keys = app.all_secrets().vault().user_keys()?;
        if !guest.visit.is_of_this_site() || !keys.is_form(&token, form.get(BINDING)) {
            return Err(stale());
        }
        Ok(Self { guest, form, agent })
    }
}

impl Guest {
    /// The address of the session, in the language that is being read.
    pub(super) fn path(&self) -> String {
        path(self.session.row.uuid, self.language)
    }
}

/// The address of a session in a language.
pub(super) fn path(session: Uuid, language: Language) -> String {
    format!("/connect/{session}?locale={}", language.code())
}

/// The header that gives a browser the cookie of a session. In the frame of another site browsers
/// send it along only when it says so, and only over TLS.
pub(super) fn begin(
    visit: &Visit,
    session: Uuid,
    token: &str,
    frames: &Frames,
) -> Result<HeaderValue, ApiError> {
    let site = match (visit.is_over_tls(), frames.is_empty()) {
        (true, false) => "None; Secure; Partitioned",
        (true, true) => "Lax; Secure",
        (false, _) => "Lax",
    };
    let text = format!("{COOKIE}={token}; Path=/connect/{session}; HttpOnly; SameSite={site}");
    HeaderValue::from_str(&text).map_err(ApiError::unexpected)
}
