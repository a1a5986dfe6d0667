//! What only a sandbox can do: its calendar can be moved ahead, and a request can choose how its
//! question to the simulated operator ends.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use jiff::civil::Date;
use jiff::tz::Offset;
use vinculo_pila::Month;
use vinculo_store::{Environment, Sandbox, Tx, Workspace};

use crate::App;
use crate::api::body::shown;
use crate::clock::bogota_month;
use crate::error::{ApiError, ErrorItem};

/// Header of a request that chooses how its question ends; the simulated operator gets it too.
pub(crate) const HEADER: &str = "X-Vinculo-Sandbox";

/// The longest delay that can be asked for, milliseconds.
const LONGEST_DELAY: u32 = 120_000;

/// How a question can end, as the simulated operator knows it.
pub(crate) const FAULTS: [&str; 10] = [
    "unknown",
    "empty",
    "invalid",
    "unauthorized",
    "withheld",
    "saturated",
    "down",
    "fault",
    "malformed",
    "stranger",
];

/// How the calendar of a workspace stands; that of production is never moved.
///
/// # Errors
/// When the database fails.
pub(crate) fn calendar(
    tx: &mut Tx<'_>,
    workspace: &Workspace,
) -> Result<Sandbox, vinculo_store::Error> {
    match workspace.environment {
        Environment::Sandbox => tx.sandbox(workspace.id),
        Environment::Production => Ok(Sandbox::default()),
    }
}

/// By how many months the calendar of a workspace is ahead.
///
/// # Errors
/// When the database fails.
pub(crate) fn months_ahead(
    tx: &mut Tx<'_>,
    workspace: &Workspace,
) -> Result<i64, vinculo_store::Error> {
    Ok(calendar(tx, workspace)?.months_ahead)
}

/// The calendar month it is in Bogotá, so many months ahead.
///
/// # Errors
/// When the clock is outside the years of PILA.
pub(crate) fn month(app: &App, ahead: i64) -> Result<Month, ApiError> {
    let present = bogota_month(app.now());
    let present =
        present.ok_or_else(|| ApiError::unexpected("the clock shows no month of this era"))?;
    Ok(present.plus(i32::try_from(ahead).unwrap_or_default()))
}

/// The day it is in UTC, so many months ahead.
pub(crate) fn day(app: &App, ahead: i64) -> Date {
    let today = Offset::UTC.to_datetime(app.now()).date();
    today.saturating_add(jiff::Span::new().months(ahead))
}

/// Refuses a header of the sandbox in production: whoever sends it is mistaken about where.
///
/// # Errors
/// 403.
pub(crate) fn admit(headers: &HeaderMap, workspace: &Workspace) -> Result<(), ApiError> {
    if workspace.environment == Environment::Production && headers.contains_key(HEADER) {
        return Err(not_here(format!("The header {HEADER}")));
    }
    Ok(())
}

/// Refuses what production does not have.
///
/// # Errors
/// 403.
pub(crate) fn only(workspace: &Workspace, what: &str) -> Result<(), ApiError> {
    match workspace.environment {
        Environment::Sandbox => Ok(()),
        Environment::Production => Err(not_here(what.to_owned())),
    }
}

fn not_here(what: String) -> ApiError {
    let message = format!("{what} is for the sandbox; this key is one of production.");
    ApiError::status(StatusCode::FORBIDDEN, "access_to_resource_denied", message)
}

/// How the question of a request is to end: `delay=<milliseconds>`, one of [`FAULTS`], or both with a
/// comma between. `None` for as it comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wish(Option<String>);

impl Wish {
    /// Reads the header's value.
    fn parse(text: &str) -> Option<Self> {
        let delay = |part: &str| {
            let milliseconds = part.strip_prefix("delay=")?.parse::<u32>().ok()?;
            (milliseconds <= LONGEST_DELAY).then_some(())
        };
        let parts: Vec<_> = text.split(',').map(str::trim).collect();
        let delays = parts.iter().filter(|part| delay(part).is_some()).count();
        let faults = parts.iter().filter(|part| FAULTS.contains(part)).count();
        let sound = delays <= 1 && faults <= 1 && delays + faults == parts.len();
        sound.then(|| Self(Some(parts.join(","))))
    }

    /// The header for the simulated operator.
    pub(crate) fn header(&self) -> Option<(String, String)> {
        self.0.as_ref().map(|value| (HEADER.to_owned(), value.clone()))
    }

    /// Refuses a wish that would not be granted, because nobody waits for the question.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn refuse(&self) -> Result<(), ApiError> {
        if self.0.is_none() {
            return Ok(());
        }
        let message = "The source is asked in the background: this header has no effect.";
        Err(ApiError::bad_request(vec![ErrorItem::field("invalid", HEADER, message)]))
    }
}

/// Stands after the caller in a handler's parameters: who it is comes before what is wrong.
impl FromRequestParts<App> for Wish {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut given = parts.headers.get_all(HEADER).iter();
        let Some(value) = given.next() else { return Ok(Self::default()) };
        let text = value.to_str().unwrap_or_default();
        Self::parse(text).filter(|_| given.next().is_none()).ok_or_else(|| {
            let message = format!(
                "\"{}\" is not delay=<milliseconds up to {LONGEST_DELAY}>, nor one of {}.",
                shown(text),
                FAULTS.join(", ")
            );
            ApiError::bad_request(vec![ErrorItem::field("invalid", HEADER, message)])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_those_of_the_operator() {
        assert!(FAULTS.into_iter().eq(vinculo_operator::faults()));
        assert_eq!(HEADER, vinculo_operator::FAULT_HEADER);
        for (text, read) in [
            ("delay=0", Some("delay=0")),
            (" delay=1500 , down", Some("delay=1500,down")),
            ("down,delay=120000", Some("down,delay=120000")),
            ("delay=120001", None),
            ("delay=-1", None),
            ("delay=1,delay=2", None),
            ("down,fault", None),
            ("down,", None),
            ("DOWN", None),
            ("", None),
        ] {
            let wish = Wish::parse(text).and_then(|wish| wish.header());
            assert_eq!(wish.map(|(_, value)| value).as_deref(), read, "{text}");
        }
    }
}
