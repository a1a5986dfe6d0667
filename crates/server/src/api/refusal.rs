//! What a caller reads when the sources do not answer with data (contract 2.9).

use vinculo_sources::Outcome;

use crate::clock::{micros, wire_time};
use crate::error::ApiError;
use crate::sources::{HeldBack, is_down};

const UNKNOWN: &str = "Invalid credentials provided to login to the institution";
const UNEXPECTED: &str = "Impossible to login, something unexpected happened while logging into \
                          the institution. Try again later.";
const MALFORMED: &str = "Login not attempted due to invalid credentials";
const NO_DATA: &str = "The institution did not return any data for the request.";

/// Why the sources were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Whether they know the person.
    Login,
    /// What they know about a person they accepted before.
    Retrieval,
}

/// The error that stands for an outcome; `None` when it is data. `held` says why nobody was asked.
pub(crate) fn of(outcome: &Outcome, held: Option<HeldBack>, asking: Asking) -> Option<ApiError> {
    if let Some(HeldBack::OverBudget(until)) = held {
        let until = wire_time(micros(until));
        let message = format!(
            "The monthly budget of the source is used up. It is asked again from {until} on, or when \
             the budget is raised."
        );
        return Some(ApiError::refused("institution_unavailable", message));
    }
    let (code, message) = match outcome {
        Outcome::Resolved(_) => return None,
        Outcome::NoData(_) if asking == Asking::Retrieval => ("unavailable_data", NO_DATA),
        Outcome::NoData(_) => ("login_error", UNKNOWN),
        Outcome::InvalidInput(_) if asking == Asking::Retrieval => ("login_error", UNKNOWN),
        Outcome::InvalidInput(_) => ("login_error", MALFORMED),
        Outcome::RetryLater { reason, .. } if is_down(*reason) => {
            ("institution_down", "The financial institution is down, try again later")
        }
        Outcome::RetryLater { .. } | Outcome::Withheld(_) => {
            ("institution_unavailable", "The financial institution is unavailable")
        }
        Outcome::NotAuthorized => {
            ("institution_inactive", "The institution has been temporarily deactivated")
        }
        Outcome::Fault(_) if asking == Asking::Retrieval => {
            return Some(ApiError::unexpected("the answer of a source cannot be used"));
        }
        Outcome::Fault(_) => ("login_error", UNEXPECTED),
    };
    Some(ApiError::refused(code, message))
}

/// Whether a `login_error` is about the document that was given, and not about a source that failed.
pub(crate) fn is_about_the_document(message: &str) -> bool {
    [UNKNOWN, MALFORMED].contains(&message)
}

/// A document that is none: no source is asked.
pub(crate) fn malformed() -> ApiError {
    ApiError::refused("login_error", MALFORMED)
}
