//! Which outcome an answer or a broken exchange is.

use std::error::Error;
use std::io;

use rustls::AlertDescription;

use crate::{InvalidField, Outcome, RetryReason, WithheldReason};

/// The outcome of a status that needs no body, `None` when the body decides.
pub(crate) fn by_status(status: u16, no_data_statuses: &[u16]) -> Option<Outcome> {
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

/// The outcome of an exchange that broke before there was a status.
pub(super) fn broken_before_answer(error: &reqwest::Error) -> Outcome {
    if refused_certificate(error) {
        return Outcome::NotAuthorized;
    }
    if error.is_builder() || error.is_redirect() {
        return Outcome::Fault("the question cannot be sent to the configured address".to_owned());
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

/// The words of what an error came from, where that is another error: the first of them is the only one
/// that names the address.
pub(super) fn first_cause(error: &reqwest::Error) -> Option<String> {
    chain(error).skip(1).last().map(ToString::to_string)
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
