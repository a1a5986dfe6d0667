//! How a question ends other than with an answer: because of who is asked about, or because the
//! question asks for it.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::FAULT_HEADER;
use crate::http::{Refusal, invalid};

/// The longest delay a question may ask for, milliseconds.
const LONGEST_DELAY: u64 = 120_000;

/// Seconds a saturated operator asks for, and a busy one.
const SATURATED_SECONDS: &str = "600";
const BUSY_SECONDS: &str = "1";

/// An end other than rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody is known by this document: 404.
    Unknown,
    /// Known, without contributions: an empty list.
    Empty,
    /// The question is taken for wrong: 400.
    Invalid,
    /// The caller is not let in: 401.
    Unauthorized,
    /// There is an answer, which is not shown: 451.
    Withheld,
    /// Too much to do: 429 with `Retry-After`.
    Saturated,
    /// Not now: 503 with `Retry-After`.
    Down,
    /// Something broke: 500.
    Broken,
    /// An answer that is cut off in the middle.
    Malformed,
    /// Rows about somebody else.
    Stranger,
}

/// Every fault by the name under which a question asks for it.
const NAMES: [(&str, Fault); 10] = [
    ("unknown", Fault::Unknown),
    ("empty", Fault::Empty),
    ("invalid", Fault::Invalid),
    ("unauthorized", Fault::Unauthorized),
    ("withheld", Fault::Withheld),
    ("saturated", Fault::Saturated),
    ("down", Fault::Down),
    ("fault", Fault::Broken),
    ("malformed", Fault::Malformed),
    ("stranger", Fault::Stranger),
];

/// The faults that [`FAULT_HEADER`] can ask for, beside `delay=<milliseconds>`.
pub fn faults() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// How long something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Always.
    Forever,
    /// Until the try with this number.
    Try(u32),
    /// Until the calendar was moved so many months.
    Moved(i32),
}

/// What a persona does with questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conduct {
    /// Seconds before any answer.
    pub(crate) seconds: u64,
    /// How questions end, and how long that holds.
    pub(crate) fault: Option<(Fault, Until)>,
}

impl Default for Conduct {
    fn default() -> Self {
        Self::PLAIN
    }
}

impl Conduct {
    /// Answers at once.
    pub(crate) const PLAIN: Self = Self { seconds: 0, fault: None };

    /// Answers every question like this.
    pub(crate) const fn always(fault: Fault) -> Self {
        Self { seconds: 0, fault: Some((fault, Until::Forever)) }
    }

    /// The fault of a question, if it has one.
    pub(crate) fn fault(&self, number_of_try: u32, moved: i32) -> Option<Fault> {
        let holds = |until| match until {
            Until::Forever => true,
            Until::Try(first) => number_of_try < first,
            Until::Moved(months) => moved < months,
        };
        self.fault.filter(|(_, until)| holds(*until)).map(|(fault, _)| fault)
    }
}

/// What a question asks for in [`FAULT_HEADER`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) delay: Duration,
    pub(crate) fault: Option<Fault>,
}

impl Wish {
    /// Reads the header: `delay=1500`, the name of a fault, or both with a comma between.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut wish = Self::default();
        let Some(value) = headers.get(FAULT_HEADER) else {
            return Ok(wish);
        };
        let wrong = || invalid(format!("{FAULT_HEADER} no válido"));
        for part in value.to_str().map_err(|_| wrong())?.split(',').map(str::trim) {
            let named = NAMES.iter().find(|(name, _)| *name == part).map(|(_, fault)| *fault);
            match (part.strip_prefix("delay="), named) {
                (Some(text), _) => {
                    let delay = text.parse().ok().filter(|delay| *delay <= LONGEST_DELAY);
                    wish.delay = Duration::from_millis(delay.ok_or_else(wrong)?);
                }
                (None, Some(fault)) if wish.fault.is_none() => wish.fault = Some(fault),
                _ => return Err(wrong()),
            }
        }
        Ok(wish)
    }
}

impl Fault {
    /// The answer. `rows` are those that would have been answered, `others` those of somebody else,
    /// both as JSON.
    pub(crate) fn answer(self, rows: &[u8], others: Vec<u8>) -> Response {
        let refused = |status, message: &str| Refusal::Error(status, message.to_owned());
        let later = |status, seconds, message: &str| {
            ([(RETRY_AFTER, seconds)], refused(status, message)).into_response()
        };
        let list = |body: Vec<u8>| ([(CONTENT_TYPE, "application/json")], body).into_response();
        match self {
            Self::Unknown => crate::http::not_found().into_response(),
            Self::Empty => list(b"[]".to_vec()),
            Self::Invalid => invalid("numeroDocumento no válido").into_response(),
            Self::Unauthorized => {
                refused(StatusCode::UNAUTHORIZED, "Credenciales no válidas").into_response()
            }
            Self::Withheld => refused(
                StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
                "El titular no ha autorizado la consulta",
            )
            .into_response(),
            Self::Saturated => later(
                StatusCode::TOO_MANY_REQUESTS,
                SATURATED_SECONDS,
                "Servicio saturado, intente más tarde",
            ),
            Self::Down => later(
                StatusCode::SERVICE_UNAVAILABLE,
                BUSY_SECONDS,
                "Servicio no disponible temporalmente",
            ),
            Self::Broken => {
                refused(StatusCode::INTERNAL_SERVER_ERROR, "Error interno").into_response()
            }
            Self::Malformed => list(rows[..rows.len() / 2].to_vec()),
            Self::Stranger => list(others),
        }
    }

    /// The outcome that an asker should come to, by the names of `vinculo_sources`.
    pub(crate) const fn outcome(self) -> &'static str {
        match self {
            Self::Unknown | Self::Empty => "no_data",
            Self::Invalid => "invalid_input",
            Self::Unauthorized => "not_authorized",
            Self::Withheld => "withheld",
            Self::Saturated | Self::Down => "retry_later",
            Self::Broken | Self::Malformed | Self::Stranger => "fault",
        }
    }
}
