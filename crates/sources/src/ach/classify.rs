//! Which outcome an answer or a broken exchange is.

use std::error::Error;
use std::io;

use rustls::AlertDescription;
use serde_json::Value;

use crate::{InvalidField, NoDataReason, Outcome, RetryReason, WithheldReason};

/// The outcome of a status that needs no body, `None` when the body decides.
pub(super) fn by_status(status: u16, no_data_statuses: &[u16]) -> Option<Outcome> {
    let retry = |reason| Outcome::RetryLater { reason, not_before: None };
    match status {
        401 | 403 | 407 => Some(Outcome::NotAuthorized),
        429 => Some(retry(RetryReason::RateLimited)),
        408 | 502 | 503 | 504 => Some(retry(RetryReason::UpstreamDown)),
        _ if no_data_statuses.contains(&status) => None,
        402 => Some(Outcome::Withheld(WithheldReason::NotBillable)),
        451 => Some(Outcome::Withheld(WithheldReason::Consent)),
        400 | 415 | 422 => Some(Outcome::InvalidInput(InvalidField::Other)),
        200..=299 => None,
        _ => Some(Outcome::Fault(format!("unexpected status {status}"))),
    }
}

/// The outcome of a status that may mean *nothing found*: it does when the body is empty or an
/// error object, and anything else comes from a gateway or a wrong base URL.
pub(super) fn not_found(status: u16, text: &str) -> Outcome {
    let is_error =
        || serde_json::from_str(text).is_ok_and(|body: Value| only_message(&body).is_some());
    if text.trim().is_empty() || is_error() {
        return Outcome::NoData(NoDataReason::NotFound);
    }
    Outcome::Fault(format!(
        "status {status} with a body that is not the operator's: wrong base URL, or a gateway"
    ))
}

/// The outcome of an object in the place of a list.
pub(super) fn object(body: &Value, no_data_messages: &[String]) -> Outcome {
    let Some(message) = only_message(body) else {
        return Outcome::Fault("the answer is an object, not a list of rows".to_owned());
    };
    let message = folded(message);
    if no_data_messages.iter().any(|pattern| message.contains(&folded(pattern))) {
        return Outcome::NoData(NoDataReason::NotFound);
    }
    // The message itself may name the person.
    Outcome::Fault("the answer is a message that does not say that nothing was found".to_owned())
}

/// The text of an error object: `message` and nothing else.
fn only_message(body: &Value) -> Option<&str> {
    let fields = body.as_object().filter(|fields| fields.len() == 1)?;
    fields.get("message")?.as_str()
}

/// Lower case without accents.
fn folded(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !('\u{300}'..='\u{36F}').contains(c))
        .map(|c| match c {
            'á' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ó' => 'o',
            'ú' | 'ü' => 'u',
            'ñ' => 'n',
            other => other,
        })
        .collect()
}

/// The outcome of an exchange that broke before there was a status.
pub(super) fn broken_before_answer(error: &reqwest::Error) -> Outcome {
    if refused_certificate(error) {
        return Outcome::NotAuthorized;
    }
    if error.is_builder() || error.is_redirect() {
        return Outcome::Fault("the question cannot be sent to the configured base URL".to_owned());
    }
    Outcome::RetryLater { reason: timeout_or_down(error), not_before: None }
}

/// The outcome of a body that broke, `None` when it only ended early: then the status has a say.
pub(super) fn broken_body(error: &reqwest::Error) -> Option<Outcome> {
    if refused_certificate(error) {
        return Some(Outcome::NotAuthorized);
    }
    let reset = chain(error).any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut};
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut)
        })
    });
    (reset || error.is_timeout())
        .then(|| Outcome::RetryLater { reason: timeout_or_down(error), not_before: None })
}

fn timeout_or_down(error: &reqwest::Error) -> RetryReason {
    if error.is_timeout() { RetryReason::Timeout } else { RetryReason::UpstreamDown }
}

/// Whether the operator answered the TLS handshake with an alert about our certificate.
fn refused_certificate(error: &reqwest::Error) -> bool {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
        CertificateUnknown, NoCertificate, UnknownCA, UnsupportedCertificate,
    };
    chain(error).any(|cause| {
        let Some(rustls::Error::AlertReceived(alert)) = cause.downcast_ref() else {
            return false;
        };
        matches!(
            alert,
            AccessDenied
                | BadCertificate
                | CertificateExpired
                | CertificateRequired
                | CertificateRevoked
                | CertificateUnknown
                | NoCertificate
                | UnknownCA
                | UnsupportedCertificate
        )
    })
}

/// An error and everything that caused it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // An I/O error names the source of the error it wraps, but not that error itself.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}
