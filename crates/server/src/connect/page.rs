//! What is around the page, and how it is answered.

use askama::Template;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use url::Url;

use super::lender::Lender;
use super::words::{self, Words};
use crate::api::query::Query;
use crate::dashboard::{Finished, Language};
use crate::error::{ApiError, ErrorItems, in_place_of};
use crate::request_id::RequestId;

/// What is around a page.
pub(super) struct Shell<'a> {
    pub(super) w: &'static Words,
    /// Who asks, when that is known.
    pub(super) lender: Option<&'a Lender>,
    /// The same page in the other language.
    pub(super) switch: Option<String>,
}

/// A page that is an end: of the way, or of what this server can do.
#[derive(Template)]
#[template(path = "connect_end.html")]
pub(super) struct EndPage<'a> {
    pub(super) shell: Shell<'a>,
    pub(super) title: &'a str,
    pub(super) lines: Vec<String>,
    /// Where the browser goes, by itself in a moment.
    pub(super) onward: Option<String>,
}

impl Shell<'_> {
    /// What people call whoever asks.
    pub(super) fn called(&self) -> &str {
        self.lender.map_or("vinculo", Lender::called)
    }

    /// A text that names whoever asks.
    pub(super) fn naming(&self, text: &str) -> String {
        text.replace("{lender}", self.called())
    }

    pub(super) fn logo(&self) -> Option<&str> {
        self.lender?.widget.branding.company_logo.as_deref()
    }

    pub(super) fn is_sandbox(&self) -> bool {
        self.lender.is_some_and(|lender| lender.sandbox)
    }
}

/// A page. The only picture is the one the token names; the only frames are those of the workspace.
pub(super) fn html(
    status: StatusCode,
    page: &impl Template,
    lender: Option<&Lender>,
) -> Result<Response, ApiError> {
    let body = page.render().map_err(ApiError::unexpected)?;
    let logo = lender.and_then(|lender| lender.widget.branding.company_logo.as_deref());
    let pictures = logo.and_then(|logo| Url::parse(logo).ok());
    let pictures = pictures.map(|url| format!("img-src {}; ", url.origin().ascii_serialization()));
    let frames = lender.map(|lender| lender.frames.join(" ")).filter(|frames| !frames.is_empty());
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; {}\
         form-action 'self'; base-uri 'none'; frame-ancestors {}",
        pictures.unwrap_or_default(),
        frames.as_deref().unwrap_or("'none'")
    );
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, &policy),
        // Browsers say of which site a form is only where they may say so to this one. Other sites
        // hear nothing.
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mut response = (status, headers, body).into_response();
    if frames.is_none() {
        // The header knows no list.
        response.headers_mut().insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    response.extensions_mut().insert(Finished);
    Ok(response)
}

/// Makes pages of refusals under `/connect`.
pub(crate) async fn layer(
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let path = request.uri().path();
    if path != "/connect" && !path.starts_with("/connect/") {
        return next(request).await;
    }
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let language = words::language(query.get("locale"), request.headers());
    let id = request.extensions().get::<RequestId>().map(|id| id.0.simple().to_string());
    let response = next(request).await;
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    if !refused || response.extensions().get::<Finished>().is_some() {
        return response;
    }
    refusal(response, language, id)
}

fn refusal(mut response: Response, language: Language, id: Option<String>) -> Response {
    let (w, status) = (words::of(language), response.status());
    let items = response.extensions_mut().remove::<ErrorItems>().map(|items| items.0);
    let not_ready = items.iter().flatten().any(|item| item.code == "lender_not_configured");
    let (title, text) = match status {
        StatusCode::TOO_MANY_REQUESTS => (w.often, w.often_text),
        StatusCode::FORBIDDEN => (w.stale, w.stale_text),
        StatusCode::SERVICE_UNAVAILABLE if not_ready => (w.not_ready, w.not_ready_text),
        status if status.is_server_error() => (w.failed, w.failed_text),
        _ => (w.unknown, w.unknown_text),
    };
    let number = id.filter(|_| status.is_server_error() && !not_ready);
    let shell = Shell { w, lender: None, switch: None };
    let lines = [Some(text.to_owned()), number].into_iter().flatten().collect();
    let page = html(status, &EndPage { shell, title, lines, onward: None }, None);
    let Ok(mut page) = page else { return response };
    if let Some(wait) = response.headers_mut().remove(RETRY_AFTER) {
        page.headers_mut().insert(RETRY_AFTER, wait);
    }
    in_place_of(response, page)
}
