//! The bulk questions: a list is handed in, worked off in the background, fetched, and gone a day
//! later. Unlike everything else here a job is kept, by the process that took it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::conduct::Fault;
use crate::http::{
    Moment, PAYER_KINDS, PERSON_KINDS, Refusal, check_format, current_try, invalid, is_number,
    known_kind, months, not_found,
};
use crate::people::{self, Resident};
use crate::wire::{PayerRow, PersonRow};
use crate::{Operator, country};

/// The longest list; its result stays below 32 MiB.
const LONGEST: usize = 1000;

/// Jobs kept at once.
const MOST: usize = 64;

/// Before the first document of a job, for each of them, and until a finished job is gone.
const BEFORE: SignedDuration = SignedDuration::from_secs(1);
const EACH: SignedDuration = SignedDuration::from_millis(1);
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// The jobs of a process.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    taken: u64,
    jobs: BTreeMap<String, Job>,
}

/// `ConsultaMasiva`.
#[derive(Debug, Deserialize)]
pub(crate) struct List {
    historico: Option<i32>,
    contenido: Vec<Entry>,
}

/// `Consulta`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    tipo_documento: String,
    num_documento: String,
}

/// Whom a job is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    People,
    Payers,
}

#[derive(Debug, Clone)]
struct Job {
    about: About,
    taken_at: Timestamp,
    moment: Moment,
    number_of_try: u32,
    months: i32,
    entries: Vec<Entry>,
    /// What became of the entries so far.
    found: Vec<Found>,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Rows,
    Nothing,
    Invalid,
    /// It is in no list.
    Left,
}

/// `EstadoConsultaMasiva`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    numero_solicitud: String,
    fecha: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    fecha_expiracion: Option<Timestamp>,
    estado: &'static str,
    total_registros: usize,
    total_exitosos: usize,
    total_no_encontrados: usize,
    total_no_validos: usize,
}

/// `ResultadoConsultaMasivaNatural` and `…Juridica`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(flatten)]
    progress: Progress,
    lista_exitosos: Vec<Hit>,
    lista_no_encontrados: Vec<Entry>,
    lista_no_validos: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Hit {
    #[serde(flatten)]
    entry: Entry,
    resultado: Rows,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Rows {
    People(Vec<PersonRow>),
    Payers(Vec<PayerRow>),
}

impl Rows {
    fn is_empty(&self) -> bool {
        match self {
            Self::People(rows) => rows.is_empty(),
            Self::Payers(rows) => rows.is_empty(),
        }
    }
}

/// `POST /consultas/masivas/personas/naturales/`
pub(crate) async fn submit_people(
    State(operator): State<Operator>,
    headers: HeaderMap,
    list: Result<Json<List>, JsonRejection>,
) -> Result<Response, Refusal> {
    submit(&operator, About::People, &headers, list)
}

/// `POST /consultas/masivas/personas/juridicas/`
pub(crate) async fn submit_payers(
    State(operator): State<Operator>,
    headers: HeaderMap,
    list: Result<Json<List>, JsonRejection>,
) -> Result<Response, Refusal> {
    submit(&operator, About::Payers, &headers, list)
}

/// `GET /consultas/masivas/personas/naturales/{uuid}/estado`
pub(crate) async fn people_progress(
    State(operator): State<Operator>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    progress(&operator, About::People, &id)
}

/// `GET /consultas/masivas/personas/juridicas/{uuid}/estado`
pub(crate) async fn payers_progress(
    State(operator): State<Operator>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    progress(&operator, About::Payers, &id)
}

/// `GET /consultas/masivas/personas/naturales/{uuid}`
pub(crate) async fn people_report(
    State(operator): State<Operator>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    report(&operator, About::People, &id, &headers)
}

/// `GET /consultas/masivas/personas/juridicas/{uuid}`
pub(crate) async fn payers_report(
    State(operator): State<Operator>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    report(&operator, About::Payers, &id, &headers)
}

fn submit(
    operator: &Operator,
    about: About,
    headers: &HeaderMap,
    list: Result<Json<List>, JsonRejection>,
) -> Result<Response, Refusal> {
    check_format(headers)?;
    let Json(list) = list.map_err(|_| invalid("cuerpo no válido"))?;
    let months = months(list.historico.map(|months| months.to_string()).as_deref())?;
    if list.contenido.is_empty() || list.contenido.len() > LONGEST {
        return Err(invalid(format!("contenido no válido: de 1 a {LONGEST} documentos")));
    }
    let now = operator.now();
    let job = Job {
        about,
        taken_at: now,
        moment: Moment::of(operator, headers)?,
        number_of_try: current_try(headers)?,
        months,
        entries: list.contenido,
        found: Vec::new(),
    };
    let mut known = operator.jobs().lock();
    known.jobs.retain(|_, job| now < job.expires_at());
    if known.jobs.len() >= MOST {
        let message = "Demasiadas solicitudes en ejecución".to_owned();
        return Err(Refusal::Error(StatusCode::SERVICE_UNAVAILABLE, message));
    }
    known.taken += 1;
    let id = country::number(now.as_microsecond().unsigned_abs(), known.taken);
    let progress = job.progress(id.clone(), now);
    known.jobs.insert(id, job);
    Ok(Json(progress).into_response())
}

fn progress(operator: &Operator, about: About, id: &str) -> Result<Response, Refusal> {
    let now = operator.now();
    let mut known = operator.jobs().lock();
    let job = known.find(about, id, now)?;
    job.work(now);
    Ok(Json(job.progress(id.to_owned(), now)).into_response())
}

fn report(
    operator: &Operator,
    about: About,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    check_format(headers)?;
    let now = operator.now();
    let job = {
        let mut known = operator.jobs().lock();
        let job = known.find(about, id, now)?;
        job.work(now);
        job.clone()
    };
    if now < job.ends_at() {
        return Err(invalid("La solicitud no ha finalizado"));
    }
    Ok(Json(job.report(id.to_owned(), now)).into_response())
}

impl Jobs {
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        // Nothing is left half done when a question panics: the next may go on.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn find(&mut self, about: About, id: &str, now: Timestamp) -> Result<&mut Job, Refusal> {
        let job = self.jobs.get_mut(id).filter(|job| job.about == about);
        job.filter(|job| now < job.expires_at()).ok_or_else(not_found)
    }
}

impl Job {
    fn ends_at(&self) -> Timestamp {
        let entries = i32::try_from(self.entries.len()).unwrap_or(i32::MAX);
        later(self.taken_at, BEFORE + EACH * entries)
    }

    fn expires_at(&self) -> Timestamp {
        later(self.ends_at(), KEPT)
    }

    /// Looks at the entries whose time has come.
    fn work(&mut self, now: Timestamp) {
        let worked = now.duration_since(self.taken_at) - BEFORE;
        let due = usize::try_from(worked.as_millis() / EACH.as_millis()).unwrap_or_default();
        let due = due.min(self.entries.len());
        for at in self.found.len()..due {
            self.found.push(self.look(&self.entries[at]).0);
        }
    }

    fn look(&self, entry: &Entry) -> (Found, Rows) {
        let kinds: &[_] = match self.about {
            About::People => &PERSON_KINDS,
            About::Payers => &PAYER_KINDS,
        };
        let nothing = |found| (found, Rows::People(Vec::new()));
        let number = entry.num_documento.as_str();
        let Some(kind) = known_kind(&entry.tipo_documento, kinds).filter(|_| is_number(number))
        else {
            return nothing(Found::Invalid);
        };
        let rows = match self.about {
            About::Payers => {
                Rows::Payers(people::payer_rows(kind, number, self.moment, self.months))
            }
            About::People => {
                let Some(resident) = Resident::find(kind, number) else {
                    return nothing(Found::Nothing);
                };
                match resident.conduct().fault(self.number_of_try, self.moment.moved) {
                    Some(Fault::Unknown | Fault::Empty) => return nothing(Found::Nothing),
                    Some(Fault::Invalid) => return nothing(Found::Invalid),
                    Some(_) => return nothing(Found::Left),
                    None => Rows::People(resident.rows(self.moment, self.months)),
                }
            }
        };
        if rows.is_empty() { nothing(Found::Nothing) } else { (Found::Rows, rows) }
    }

    fn progress(&self, id: String, now: Timestamp) -> Progress {
        let count = |found| self.found.iter().filter(|it| **it == found).count();
        let done = now >= self.ends_at();
        Progress {
            numero_solicitud: id,
            fecha: self.taken_at,
            fecha_expiracion: done.then(|| self.expires_at()),
            // So the contract spells it.
            estado: if done { "FINALIZADA" } else { "EN EJECUCCION" },
            total_registros: self.entries.len(),
            total_exitosos: count(Found::Rows),
            total_no_encontrados: count(Found::Nothing),
            total_no_validos: count(Found::Invalid),
        }
    }

    fn report(&self, id: String, now: Timestamp) -> Report {
        let entries = |found| {
            let all = self.entries.iter().zip(&self.found).filter(move |(_, it)| **it == found);
            all.map(|(entry, _)| entry.clone())
        };
        let hits = entries(Found::Rows).map(|entry| {
            let (_, resultado) = self.look(&entry);
            Hit { entry, resultado }
        });
        Report {
            progress: self.progress(id, now),
            lista_exitosos: hits.collect(),
            lista_no_encontrados: entries(Found::Nothing).collect(),
            lista_no_validos: entries(Found::Invalid).collect(),
        }
    }
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}
