//! The questions over HTTP.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use vinculo_pila::{DocumentKind, Month};

use crate::conduct::Wish;
use crate::people::Resident;
use crate::wire::{ErrorBody, PayerRow};
use crate::{MONTH_OFFSET_HEADER, Operator, TRY_HEADER, people};

/// Months in an answer, unless fewer are asked for.
pub(crate) const WINDOW: i32 = 24;

#[derive(Debug, Deserialize)]
pub(crate) struct Parameters {
    historico: Option<String>,
}

/// `GET /consultas/individuales/personas/naturales/{document}`
pub(crate) async fn person(
    State(operator): State<Operator>,
    Path(document): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    check_format(&headers)?;
    let (kind, number) = cut(&document, &PERSON_KINDS)?;
    let moment = Moment::of(&operator, &headers)?;
    let months = months(parameters.historico.as_deref())?;
    let (wish, number_of_try) = (Wish::of(&headers)?, current_try(&headers)?);
    let resident = Resident::find(kind, number);
    let conduct = resident.as_ref().map(Resident::conduct).unwrap_or_default();
    operator.wait(wish.delay + std::time::Duration::from_secs(conduct.seconds)).await;
    let rows = resident.map(|resident| resident.rows(moment, months)).unwrap_or_default();
    if let Some(fault) = wish.fault.or_else(|| conduct.fault(number_of_try, moment.moved)) {
        return Ok(fault.answer(&json(&rows)?, json(&people::stranger(number, moment, months))?));
    }
    if rows.is_empty() {
        return Err(not_found());
    }
    Ok(Json(rows).into_response())
}

/// `GET /consultas/individuales/personas/juridicas/{document}`
pub(crate) async fn payer(
    State(operator): State<Operator>,
    Path(document): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Json<Vec<PayerRow>>, Refusal> {
    check_format(&headers)?;
    let (kind, number) = cut(&document, &PAYER_KINDS)?;
    let moment = Moment::of(&operator, &headers)?;
    let months = months(parameters.historico.as_deref())?;
    let rows = people::payer_rows(kind, number, moment, months);
    if rows.is_empty() {
        return Err(not_found());
    }
    Ok(Json(rows))
}

/// Kinds of document of the people and of the payers that can be asked about.
pub(crate) const PERSON_KINDS: [DocumentKind; 6] = {
    use DocumentKind::{Cc, Cd, Ce, Pa, Rc, Ti};
    [Cc, Ce, Cd, Pa, Rc, Ti]
};
pub(crate) const PAYER_KINDS: [DocumentKind; 3] =
    [DocumentKind::Cc, DocumentKind::Ce, DocumentKind::Nit];

/// Any other path: not an error body, so that a wrong base URL does not look like an unknown
/// person.
pub(crate) async fn no_such_path() -> Response {
    (StatusCode::NOT_FOUND, "the operator has no such path\n").into_response()
}

/// An answer with an error body.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// This status and message.
    Error(StatusCode, String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self::Error(status, message) = self;
        (status, Json(ErrorBody { message })).into_response()
    }
}

pub(crate) fn not_found() -> Refusal {
    Refusal::Error(
        StatusCode::NOT_FOUND,
        "No se encontró información para el documento consultado".to_owned(),
    )
}

pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::Error(StatusCode::BAD_REQUEST, message.into())
}

fn json(rows: &impl serde::Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(rows)
        .map_err(|error| Refusal::Error(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// The request's `Content-Type` selects the format of the answer, also on a GET.
pub(crate) fn check_format(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let format = value.and_then(|value| value.split(';').next()).map(str::trim);
    if format.is_some_and(|format| format.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Refusal::Error(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Formato no disponible: solicite application/json en Content-Type".to_owned(),
    ))
}

/// Kind and number out of one segment: every kind has two letters.
fn cut<'a>(document: &'a str, kinds: &[DocumentKind]) -> Result<(DocumentKind, &'a str), Refusal> {
    let (kind, number) = document.split_at_checked(2).unwrap_or((document, ""));
    let kind = known_kind(kind, kinds).ok_or_else(|| invalid("tipoDocumento no válido"))?;
    if !is_number(number) {
        return Err(invalid("numeroDocumento no válido"));
    }
    Ok((kind, number))
}

pub(crate) fn known_kind(kind: &str, kinds: &[DocumentKind]) -> Option<DocumentKind> {
    DocumentKind::from_code(kind).filter(|kind| kinds.contains(kind))
}

pub(crate) fn is_number(number: &str) -> bool {
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// When a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The newest month while the calendar is not moved.
    pub(crate) present: Month,
    /// Months by which the question moves it.
    pub(crate) moved: i32,
}

impl Moment {
    pub(crate) fn of(operator: &Operator, headers: &HeaderMap) -> Result<Self, Refusal> {
        let moved = number(headers, MONTH_OFFSET_HEADER, 0, -240, 240)?;
        let current = operator
            .month()
            .ok_or_else(|| invalid("the operator's clock is outside the years of PILA"))?;
        Ok(Self { present: current.plus(-1), moved })
    }

    /// The months of an answer, newest first.
    pub(crate) fn window(self, months: i32) -> impl Iterator<Item = Month> {
        let newest = self.present.plus(self.moved);
        (0..months).map(move |back| newest.plus(-back))
    }
}

/// How many months are asked for.
pub(crate) fn months(historico: Option<&str>) -> Result<i32, Refusal> {
    let Some(text) = historico else { return Ok(WINDOW) };
    let months = text.parse().ok().filter(|months| (1..=WINDOW).contains(months));
    months.ok_or_else(|| invalid("historico no válido: de 1 a 24"))
}

pub(crate) fn current_try(headers: &HeaderMap) -> Result<u32, Refusal> {
    number(headers, TRY_HEADER, 1, 1, u32::MAX)
}

/// A whole number in a header, `default` when the header is absent.
fn number<T: std::str::FromStr + PartialOrd>(
    headers: &HeaderMap,
    name: &str,
    default: T,
    least: T,
    most: T,
) -> Result<T, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(default);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| invalid(format!("{name} no válido")))
}
