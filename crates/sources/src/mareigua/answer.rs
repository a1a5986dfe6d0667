//! The answer to a query: a code, a person, and the payers with their months.

use std::borrow::Cow;

use serde_json::Value;
use vinculo_pila::{Document, Names, Origin, Payer, WorkerScale};

use super::config::{Bus, MareiguaConfig};
use super::payer::{Month, Payments, Person};
use crate::reading::charset::Text;
use crate::reading::coded::{self, Coded, Meaning};
use crate::reading::fields::{self, Fields};
use crate::reading::notes::{Note, Notes};
use crate::reading::value;
use crate::{
    DocumentCodes, InvalidField, Named, NoDataReason, Outcome, Reading, RetryClass, RetryReason,
};

/// What `respuesta_id` says.
fn meaning(code: &str) -> Meaning {
    match code {
        "4" | "5" => Meaning::Data,
        "1" => Meaning::Ended(Outcome::NoData(NoDataReason::NotFound)),
        "2" | "3" => Meaning::Ended(Outcome::InvalidInput(InvalidField::Other)),
        "6" => Meaning::Ended(Outcome::RetryLater {
            reason: RetryReason::UpstreamDown,
            not_before: None,
        }),
        "11" => Meaning::Ended(Outcome::NotAuthorized),
        "16" => {
            Meaning::Ended(Outcome::RetryLater { reason: RetryReason::DailyCap, not_before: None })
        }
        "7" => Meaning::Fault("error of the source's server", RetryClass::Backoff),
        _ => Meaning::Fault("a code whose meaning is not known", RetryClass::Repair),
    }
}

/// Reads an answer about `person`.
pub(super) fn read(
    status: u16,
    mut text: Text<'_>,
    config: &MareiguaConfig,
    person: &Document,
) -> Reading {
    if let Some(bus) = &config.bus
        && (200..300).contains(&status)
    {
        text.text = match unwrapped(&text.text, bus) {
            Ok(inner) => Cow::Owned(inner),
            Err(reading) => return reading,
        };
    }
    let coded = Coded { status, text: &text, name: "respuesta_id", width: 1, meaning };
    coded::read(&coded, |body, code, notes| {
        if !is_about(body, &config.documents, person) {
            return Outcome::Fault("the answer is not about the person asked for".to_owned());
        }
        if code == "5" {
            notes.add(Note::SourceIncomplete);
        }
        history(body, &config.documents, person, notes)
    })
}

/// What the bus carries: JSON as text inside a JSON string.
fn unwrapped(text: &str, bus: &Bus) -> Result<String, Reading> {
    let fault = |text: &str| Reading::of(Outcome::Fault(text.to_owned()));
    let body: Value = serde_json::from_str(text)
        .map_err(|error| Reading::of(coded::not_json(&error, text.len())))?;
    let fields = Fields::of(&body).ok_or_else(|| fault("the answer of the bus is no object"))?;
    let code = fields.text("codRespuesta").unwrap_or_default();
    if !bus.success_codes.contains(&code) {
        return Err(fault("the bus did not reach the service"));
    }
    match fields.0.get("respuestaServicio") {
        Some(Value::String(inner)) => Ok(inner.clone()),
        Some(inner @ Value::Object(_)) => Ok(inner.to_string()),
        _ => Err(fault("the bus brings no respuestaServicio")),
    }
}

fn is_about(body: Fields<'_>, documents: &DocumentCodes, person: &Document) -> bool {
    let kind = body.text("tipo_identificacion_persona_natural_id");
    let number = body.text("numero_identificacion_persona_natural");
    kind.is_none_or(|kind| documents.kind_or_letters(&kind) == Some(person.kind))
        && number.is_some_and(|number| fields::same_number(&number, &person.number))
}

fn history(
    body: Fields<'_>,
    documents: &DocumentCodes,
    person: &Document,
    notes: &mut Notes,
) -> Outcome {
    let Some(payers) = body.list("aportantes") else {
        return Outcome::Fault("aportantes is no list".to_owned());
    };
    let part = |name| body.text(&format!("{name}_persona_natural")).unwrap_or_default();
    let person = Person {
        document: person,
        names: Names {
            first: part("primer_nombre"),
            second: part("segundo_nombre"),
            surname: part("primer_apellido"),
            second_surname: part("segundo_apellido"),
        },
        health_provider: body.text("EPS"),
        pension_fund: body.text("AFP"),
    };
    let mut lines = Vec::new();
    for entry in payers {
        match payments(entry, documents, notes) {
            Ok(found) => found.into_lines(&person, Origin::Mareigua, &mut lines),
            Err(note) => notes.add(note),
        }
    }
    let named = Named { origin: Origin::Mareigua, names: person.names };
    coded::history(lines, named, !payers.is_empty(), notes)
}

/// A payer with the months it paid for.
fn payments(entry: &Value, documents: &DocumentCodes, notes: &mut Notes) -> Result<Payments, Note> {
    let fields = Fields::of(entry).ok_or(Note::PayerNotObject)?;
    let list = fields.list("resultado_pagos").ok_or(Note::PayerNotObject)?;
    let kind = fields.text("tipo_identificacion_aportante_id").ok_or(Note::PayerNotReadable)?;
    let kind = documents.kind_or_letters(&kind).ok_or(Note::PayerNotReadable)?;
    let number = fields.text("numero_identificacion_aportante").ok_or(Note::PayerNotReadable)?;
    let document = fields::payer(kind, &number).ok_or(Note::PayerNotReadable)?;
    // Written with an accent, in one or two characters, or without.
    let name = fields.text_of(&[
        "razón_social_aportante",
        "razo\u{301}n_social_aportante",
        "razon_social_aportante",
    ]);
    let activity_code = fields.text("CIIU_aportante").map(|code| value::padded(code, 4));
    let payer = Payer { activity_code, ..Payer::named(document, name) };
    let months = list.iter().filter_map(|payment| month(payment, notes)).collect();
    Ok(Payments {
        payer,
        worker_kind: None,
        worker_scale: scale(fields.text("tipo_cotizante_persona_natural").as_deref()),
        integral_now: fields.flag("tiene_salario_integral_actualmente"),
        marks_now: None,
        risk_class: None,
        months,
    })
}

/// The service's own scale, not the list of PILA.
fn scale(code: Option<&str>) -> Option<WorkerScale> {
    match code?.trim_start_matches('0') {
        "1" => Some(WorkerScale::Employee),
        "2" => Some(WorkerScale::SelfEmployed),
        "3" => Some(WorkerScale::Pensioner),
        _ => None,
    }
}

/// A month that was paid for; `None` for one that was not.
fn month(payment: &Value, notes: &mut Notes) -> Option<Month> {
    let fields = Fields::of(payment);
    let Some((fields, paid)) =
        fields.and_then(|fields| Some((fields, fields.flag("realizo_pago")?)))
    else {
        notes.add(Note::PaymentNotReadable);
        return None;
    };
    if !paid {
        return None;
    }
    let (year, number) = (fields.text("ano_periodo_validado"), fields.text("mes_periodo_validado"));
    let Some(period) = fields::month(year.as_deref(), number.as_deref()) else {
        notes.add(Note::PeriodNotReadable);
        return None;
    };
    Some(Month { period, income: fields.amount("ingresos", notes) })
}
