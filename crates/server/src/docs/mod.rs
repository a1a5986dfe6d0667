//! The API's documentation for a browser, at `/docs`: Swagger UI from inside the binary, reading
//! `/api/openapi.json`. Nothing is fetched from elsewhere, and the browser is told to see to it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path};
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use utoipa_swagger_ui::Config;

use crate::error::ApiError;

const PAGE: &str = include_str!("index.html");

/// Pictures in the style sheet are `data:`; everything else comes from here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The page, with or without a slash at the end of its address.
pub(crate) async fn page(OriginalUri(uri): OriginalUri) -> Response {
    // What the page names lies in its folder.
    let folder = if uri.path().ends_with('/') { "" } else { "docs/" };
    let page = PAGE.replace("{folder}", folder);
    answer("text/html; charset=utf-8", "no-cache", false, page.into_bytes().into())
}

/// A file that the page needs.
pub(crate) async fn file(name: Result<Path<String>, PathRejection>) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::not_found())?;
    let own = match name.as_str() {
        "page.js" => Some(("text/javascript; charset=utf-8", include_str!("page.js"))),
        "page.css" => Some(("text/css; charset=utf-8", include_str!("page.css"))),
        _ => None,
    };
    if let Some((kind, text)) = own {
        return Ok(answer(kind, "no-cache", false, text.as_bytes().into()));
    }
    let needed = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];
    if !needed.contains(&name.as_str()) {
        return Err(ApiError::not_found());
    }
    // The configuration is for a script that is not used.
    let found = utoipa_swagger_ui::serve(&name, Arc::new(Config::default()));
    let found = found.map_err(ApiError::unexpected)?.ok_or_else(ApiError::not_found)?;
    Ok(answer(&found.content_type, "max-age=3600", found.gzpipped, found.bytes))
}

fn answer(kind: &str, cache: &str, gzipped: bool, body: Cow<'static, [u8]>) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let encoding = gzipped.then_some([(CONTENT_ENCODING, "gzip")]);
    match encoding {
        Some(encoding) => (headers, encoding, body).into_response(),
        None => (headers, body).into_response(),
    }
}
