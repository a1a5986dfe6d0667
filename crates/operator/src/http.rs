//! The two questions over HTTP.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use vinculo_pila::{DocumentKind, Month};

use crate::persona::{COMPANIES, personas};
use crate::wire::{self, ErrorBody, PayerRow, PersonRow};
use crate::{MONTH_OFFSET_HEADER, Operator, TRY_HEADER};

/// Months in an answer, unless fewer are asked for.
const WINDOW: i32 = 24;

/// Seconds a busy operator asks for.
const BUSY_SECONDS: &str = "1";

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
) -> Result<Json<Vec<PersonRow>>, Refusal> {
    use DocumentKind::{Cc, Cd, Ce, Pa, Rc, Ti};
    check_format(&headers)?;
    let (kind, number) = cut(&document, &[Cc, Ce, Cd, Pa, Rc, Ti])?;
    let window = window(&operator, &headers, &parameters)?;
    let persona = personas()
        .iter()
        .find(|persona| persona.kind == kind && persona.number == number)
        .filter(|persona| !persona.work.is_empty())
        .ok_or_else(not_found)?;
    if current_try(&headers)? < persona.answers_from_try {
        return Err(Refusal::Busy);
    }
    let rows = window.flat_map(|month| wire::person_rows(persona, month));
    Ok(Json(rows.collect()))
}

/// `GET /consultas/individuales/personas/juridicas/{document}`
pub(crate) async fn payer(
    State(operator): State<Operator>,
    Path(document): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Json<Vec<PayerRow>>, Refusal> {
    use DocumentKind::{Cc, Ce, Nit};
    check_format(&headers)?;
    let (kind, number) = cut(&document, &[Cc, Ce, Nit])?;
    let window = window(&operator, &headers, &parameters)?;
    let rows: Vec<_> = if kind == Nit {
        let company = COMPANIES.iter().find(|company| company.nit == number);
        let company = company.ok_or_else(not_found)?;
        window.map(|month| wire::company_row(company, month)).collect()
    } else {
        let persona = personas()
            .iter()
            .find(|persona| persona.kind == kind && persona.number == number)
            .ok_or_else(not_found)?;
        window.filter_map(|month| wire::self_employed_row(persona, month)).collect()
    };
    if rows.is_empty() {
        return Err(not_found());
    }
    Ok(Json(rows))
}

/// Any other path: not an error body, so that a wrong base URL does not look like an unknown
/// person.
pub(crate) async fn no_such_path() -> Response {
    (StatusCode::NOT_FOUND, "the operator has no such path\n").into_response()
}

/// An answer other than rows.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The question is not one of the contract.
    Error(StatusCode, String),
    /// Not now.
    Busy,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = |message| Json(ErrorBody { message });
        match self {
            Self::Error(status, message) => (status, body(message)).into_response(),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                [(RETRY_AFTER, BUSY_SECONDS)],
                body("Servicio no disponible temporalmente".to_owned()),
            )
                .into_response(),
        }
    }
}

fn not_found() -> Refusal {
    Refusal::Error(
        StatusCode::NOT_FOUND,
        "No se encontró información para el documento consultado".to_owned(),
    )
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::Error(StatusCode::BAD_REQUEST, message.into())
}

/// The request's `Content-Type` selects the format of the answer, also on a GET.
fn check_format(headers: &HeaderMap) -> Result<(), Refusal> {
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
    let kind = DocumentKind::from_code(kind)
        .filter(|kind| kinds.contains(kind))
        .ok_or_else(|| invalid("tipoDocumento no válido"))?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(invalid("numeroDocumento no válido"));
    }
    Ok((kind, number))
}

/// The months of the answer, newest first.
fn window(
    operator: &Operator,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<impl Iterator<Item = Month> + use<>, Refusal> {
    let months = match &parameters.historico {
        None => WINDOW,
        Some(text) => text
            .parse()
            .ok()
            .filter(|months| (1..=WINDOW).contains(months))
            .ok_or_else(|| invalid("historico no válido: de 1 a 24"))?,
    };
    let offset: i32 = number(headers, MONTH_OFFSET_HEADER, 0, -240, 240)?;
    let current = operator
        .month()
        .ok_or_else(|| invalid("the operator's clock is outside the years of PILA"))?
        .plus(offset);
    Ok((1..=months).map(move |back| current.plus(-back)))
}

fn current_try(headers: &HeaderMap) -> Result<u32, Refusal> {
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
