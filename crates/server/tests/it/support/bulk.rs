//! An operator of production that takes jobs about many people, on a loopback port.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use vinculo_server::clock::{Clock as _, ManualClock};

/// What it does.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// Status of a submission.
    pub(crate) submission: u16,
    /// How many submissions get that; later ones are taken.
    pub(crate) refusals: usize,
    /// How many submissions, the first ones, are never answered.
    pub(crate) hangs: usize,
    /// Whether its results are no objects.
    pub(crate) garbled: bool,
    /// By what it tells when it was looked at.
    pub(crate) clock: Option<ManualClock>,
    /// Status of looks and results.
    pub(crate) looks: u16,
    /// Status of results, where it is another one.
    pub(crate) results: Option<u16>,
    /// Whether jobs are finished.
    pub(crate) finished: bool,
    /// `fechaExpiracion` of finished jobs.
    pub(crate) expires: Option<String>,
    /// What becomes of people who are not found: the name of a list, or of none.
    pub(crate) people: BTreeMap<&'static str, &'static str>,
}

impl Default for Manner {
    fn default() -> Self {
        let people = BTreeMap::new();
        let (submission, looks, refusals) = (200, 200, usize::MAX);
        let (finished, expires, clock) = (true, None, None);
        let (hangs, garbled, results) = (0, false, None);
        Self {
            submission,
            refusals,
            hangs,
            garbled,
            clock,
            looks,
            results,
            finished,
            expires,
            people,
        }
    }
}

/// What was asked of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The documents of each submission.
    pub(crate) jobs: Vec<Vec<String>>,
    pub(crate) looks: usize,
    /// When, as far as it has a clock.
    pub(crate) looked_at: Vec<Timestamp>,
    pub(crate) fetches: usize,
    /// The documents of single questions.
    pub(crate) alone: Vec<String>,
}

#[derive(Clone, Default)]
struct Desk(Arc<Mutex<(Manner, Seen)>>);

/// A running operator.
pub(crate) struct BulkService {
    pub(crate) url: String,
    desk: Desk,
    task: JoinHandle<()>,
}

impl BulkService {
    /// Starts one. It is told what a person's rows are.
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let desk = Desk::default();
        desk.0.lock().unwrap().0 = manner;
        let router = Router::new()
            .route("/consultas/individuales/personas/naturales/{person}", get(one))
            .route("/consultas/masivas/personas/naturales/", post(submit))
            .route("/consultas/masivas/personas/naturales/{id}/estado", get(look))
            .route("/consultas/masivas/personas/naturales/{id}", get(fetch))
            .with_state(desk.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, desk, task }
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Seen {
        self.desk.0.lock().unwrap().1.clone()
    }

    /// Changes what it does from now on.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.desk.0.lock().unwrap().0);
    }
}

impl Drop for BulkService {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The rows of *Consultas PILA* about a person with one job.
pub(crate) fn rows_of(person: &str) -> Value {
    json!([{
        "razonSocial": "TALLER EJEMPLO S.A.S.", "tipoDocumentoAportante": "NI",
        "numeroDocumentoAportante": "999500101", "tipoDocumentoUsuario": "CC",
        "numeroDocumentoUsuario": person, "primerNombre": "PERSONA", "primerApellido": "EJEMPLO",
        "periodoCotizacion": "2026-10", "codTipoCotizante": "1", "codTipoPlanilla": "E",
        "salarioBasico": 3_000_000, "ingresoBaseCotizacionPension": 3_000_000,
        "ingresoBaseCotizacionSalud": 3_000_000, "ingresoBaseCotizacionSubFamiliar": 3_000_000
    }])
}

async fn one(State(Desk(desk)): State<Desk>, Path(person): Path<String>) -> Response {
    let number = person.trim_start_matches("CC").to_owned();
    desk.lock().unwrap().1.alone.push(number.clone());
    Json(rows_of(&number)).into_response()
}

async fn submit(State(Desk(desk)): State<Desk>, Json(list): Json<Value>) -> Response {
    let people = list["contenido"].as_array().unwrap();
    let number = |entry: &Value| entry["numDocumento"].as_str().unwrap().to_owned();
    desk.lock().unwrap().1.jobs.push(people.iter().map(number).collect());
    let hangs = |(manner, seen): &(Manner, Seen)| seen.jobs.len() <= manner.hangs;
    if hangs(&desk.lock().unwrap()) {
        std::future::pending::<()>().await;
    }
    let desk = desk.lock().unwrap();
    let refused = desk.1.jobs.len() <= desk.0.refusals;
    let status = StatusCode::from_u16(if refused { desk.0.submission } else { 202 }).unwrap();
    let id = desk.1.jobs.len().to_string();
    let answer = json!({ "numeroSolicitud": id, "estado": "EN EJECUCCION" });
    (status, Json(if status.is_success() { answer } else { Value::Null })).into_response()
}

async fn look(State(Desk(desk)): State<Desk>, Path(id): Path<String>) -> Response {
    let mut desk = desk.lock().unwrap();
    desk.1.looks += 1;
    let now = desk.0.clock.as_ref().map(|clock| clock.now());
    desk.1.looked_at.extend(now);
    let status = StatusCode::from_u16(desk.0.looks).unwrap();
    (status, Json(state(&desk.0, &id))).into_response()
}

fn state(manner: &Manner, id: &str) -> Value {
    let words = if manner.finished { "FINALIZADA" } else { "EN EJECUCCION" };
    json!({ "numeroSolicitud": id, "estado": words, "fechaExpiracion": manner.expires })
}

async fn fetch(State(Desk(desk)): State<Desk>, Path(id): Path<String>) -> Response {
    let mut desk = desk.lock().unwrap();
    desk.1.fetches += 1;
    let status = StatusCode::from_u16(desk.0.results.unwrap_or(desk.0.looks)).unwrap();
    if desk.0.garbled {
        return (status, "[]").into_response();
    }
    let people = &desk.1.jobs[id.parse::<usize>().unwrap() - 1];
    let mut lists = json!({
        "listaExitosos": [], "listaNoEncontrados": [], "listaNoValidos": [], "left": []
    });
    for person in people {
        let list = desk.0.people.get(person.as_str()).copied().unwrap_or("listaExitosos");
        let mut entry = json!({ "tipoDocumento": "CC", "numDocumento": person });
        if list == "listaExitosos" {
            entry["resultado"] = rows_of(person);
        }
        lists[list].as_array_mut().unwrap().push(entry);
    }
    lists.as_object_mut().unwrap().remove("left");
    let mut answer = state(&desk.0, &id);
    answer.as_object_mut().unwrap().append(lists.as_object_mut().unwrap());
    (status, Json(answer)).into_response()
}
