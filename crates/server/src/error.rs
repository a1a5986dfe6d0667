//! Errors of the API, in the contract's shape (section 2.7): a JSON array with one object per
//! failing field, each with code, message and request id.
//!
//! A handler returns an [`ApiError`]; the request-id layer turns it into the body, because only
//! that layer knows the id. What the caller reads and what the log keeps are two messages: an
//! unexpected failure always answers the same sentence.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::App;
use crate::limits::whole_seconds;
use crate::request_id;
use crate::scopes::Scope;

/// One object of an error body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorItem {
    /// Code of the contract's catalogue (section 2.9).
    pub code: &'static str,
    /// The message that belongs to the code.
    pub message: Cow<'static, str>,
    /// The request field it is about.
    pub field: Option<Cow<'static, str>>,
    /// The pseudonym of the person, for `duplicated` alone.
    pub institution_user_id: Option<String>,
}

/// A refused request.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    items: Vec<ErrorItem>,
    cause: Option<String>,
    /// How long the caller should wait before the next try.
    retry_after: Option<Duration>,
}

/// The items of an error, carried by the response to the layer that writes the body.
#[derive(Debug, Clone)]
pub(crate) struct ErrorItems(pub Vec<ErrorItem>);

/// A page in place of a refusal: the reason goes to the log all the same.
pub(crate) fn in_place_of(mut refusal: Response, mut page: Response) -> Response {
    if let Some(failure) = refusal.extensions_mut().remove::<Failure>() {
        page.extensions_mut().insert(failure);
    }
    page
}

/// Why the request failed, carried by the response to the layer that logs it.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub String);

const UNEXPECTED: &str = "Belvo is unable to process the request due to an internal system issue \
                          or to an unsupported response from an institution";

impl ErrorItem {
    /// An error about one field.
    #[must_use]
    pub fn field(
        code: &'static str,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: Some(field.into()), ..Self::whole(code, message) }
    }

    /// An error about the request as a whole.
    #[must_use]
    pub fn whole(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), field: None, institution_user_id: None }
    }
}

impl ApiError {
    /// 400 with these items.
    #[must_use]
    pub fn bad_request(items: Vec<ErrorItem>) -> Self {
        Self::with_items(StatusCode::BAD_REQUEST, items)
    }

    /// A status with these items.
    #[must_use]
    pub fn with_items(status: StatusCode, items: Vec<ErrorItem>) -> Self {
        Self { status, items, cause: None, retry_after: None }
    }

    /// 400 with one item that names no field.
    #[must_use]
    pub fn refused(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request(vec![ErrorItem::whole(code, message)])
    }

    /// A status with one item that names no field.
    #[must_use]
    pub fn status(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::with_items(status, vec![ErrorItem::whole(code, message)])
    }

    /// 404: no such URL, or an id that this workspace does not own.
    #[must_use]
    pub fn not_found() -> Self {
        Self::status(StatusCode::NOT_FOUND, "not_found", "Not found.")
    }

    /// 401: the key is missing, malformed or wrong.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::status(StatusCode::UNAUTHORIZED, "authentication_failed", "Invalid Secret Keys")
    }

    /// 403: the caller is known, but may not do this.
    #[must_use]
    pub fn denied() -> Self {
        let message = "You don't have access to this resource.";
        Self::status(StatusCode::FORBIDDEN, "access_to_resource_denied", message)
    }

    /// 403: the key does not hold the scope that the operation needs.
    #[must_use]
    pub fn denied_without(scope: Scope) -> Self {
        Self::denied_because(&format!("The key lacks the scope {}.", scope.as_str()))
    }

    /// 403: the key may not be used from this address.
    #[must_use]
    pub fn denied_from(address: Option<IpAddr>) -> Self {
        let address = address.map_or_else(|| "an unknown address".to_owned(), |it| it.to_string());
        Self::denied_because(&format!("The key may not be used from {address}."))
    }

    fn denied_because(why: &str) -> Self {
        let message = format!("You don't have access to this resource. {why}");
        Self::status(StatusCode::FORBIDDEN, "access_to_resource_denied", message)
    }

    /// 429: there is room again after `wait`.
    #[must_use]
    pub fn too_many_requests(wait: Duration) -> Self {
        let message = "Too many requests, try again later.";
        let refused = Self::status(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message);
        Self { retry_after: Some(wait), ..refused }
    }

    /// 503: what is needed does not answer now; `cause` goes to the log only.
    #[must_use]
    pub fn unavailable(cause: impl std::fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            retry_after: Some(Duration::from_secs(1)),
            ..Self::status(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", UNEXPECTED)
        }
    }

    /// 500 with the fixed sentence; `cause` goes to the log only.
    #[must_use]
    pub fn unexpected(cause: impl std::fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::status(StatusCode::INTERNAL_SERVER_ERROR, "unexpected_error", UNEXPECTED)
        }
    }
}

impl ApiError {
    /// Writes what was unexpected to the log, where no answer carries it there.
    pub(crate) fn log(&self, app: &App) {
        if let Some(cause) = &self.cause {
            request_id::log(app, self.status, cause);
        }
    }

    /// Whether what was sent is wrong, and can be mended.
    pub(crate) fn is_bad_request(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
    }

    /// Whether it is not known who asks.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// Whether it says what is wrong with what was asked for, as opposed to a failure here.
    pub(crate) fn is_refusal(&self) -> bool {
        self.status.is_client_error()
    }

    /// Whether what is needed does not answer now.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// What is wrong, one item for each failing field.
    pub(crate) fn into_items(self) -> Vec<ErrorItem> {
        self.items
    }
}

impl From<vinculo_store::Error> for ApiError {
    fn from(error: vinculo_store::Error) -> Self {
        if error.is_transient() {
            return Self::unavailable(error);
        }
        Self::unexpected(error)
    }
}

impl From<crate::keys::NetworkError> for ApiError {
    fn from(error: crate::keys::NetworkError) -> Self {
        Self::unexpected(error)
    }
}

impl From<vinculo_vault::VaultError> for ApiError {
    fn from(error: vinculo_vault::VaultError) -> Self {
        Self::unexpected(error)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        // The category alone: the full text can quote what was being read.
        Self::unexpected(format!("json {:?} error", error.classify()))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Failure(cause));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = http::HeaderValue::from_static("Basic realm=\"api\"");
            response.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = self.retry_after {
            let seconds = http::HeaderValue::from(whole_seconds(wait).max(1));
            response.headers_mut().insert(http::header::RETRY_AFTER, seconds);
        }
        response.extensions_mut().insert(ErrorItems(self.items));
        response
    }
}

/// The item of a refusal that no handler wrote: the router's, a limit's, a layer's.
#[must_use]
pub(crate) fn item_of_status(status: StatusCode, method: &http::Method) -> ErrorItem {
    match status {
        StatusCode::NOT_FOUND => ErrorItem::whole("not_found", "Not found."),
        StatusCode::METHOD_NOT_ALLOWED => {
            ErrorItem::whole("method_not_allowed", format!("Method \"{method}\" not allowed."))
        }
        StatusCode::PAYLOAD_TOO_LARGE => ErrorItem::whole(
            "request_entity_too_large",
            "The request body is larger than the server accepts.",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ErrorItem::whole("unsupported_media_type", "The request body must be application/json.")
        }
        StatusCode::REQUEST_TIMEOUT => ErrorItem::whole(
            "request_timeout",
            "The request timed out, you can retry asking for less data by changing your query \
             parameters",
        ),
        status if status.is_client_error() => ErrorItem::whole("validation_error", "Bad request"),
        _ => ErrorItem::whole("unexpected_error", UNEXPECTED),
    }
}

impl From<crate::secrets::UnknownWorkspace> for ApiError {
    fn from(error: crate::secrets::UnknownWorkspace) -> Self {
        Self::unexpected(error)
    }
}

impl ApiError {
    /// Whether there is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// What is wrong, for people: each field with its message.
    #[must_use]
    pub fn told(&self) -> String {
        let told = self.items.iter().map(|item| match &item.field {
            Some(field) => format!("{field}: {}", item.message),
            None => item.message.to_string(),
        });
        self.cause.clone().unwrap_or_else(|| told.collect::<Vec<_>>().join("; "))
    }

    /// What the log keeps of an unexpected failure.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}
