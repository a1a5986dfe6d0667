//! A simulated PILA operator: a small made-up country behind the real operator's HTTP contract.
//!
//! It speaks *Consultas PILA* 1.3, in JSON:
//!
//! | path | answer |
//! |---|---|
//! | `GET /consultas/individuales/personas/naturales/{kind}{number}` | the rows of a person |
//! | `GET /consultas/individuales/personas/juridicas/{kind}{number}` | the rows of a payer |
//! | `POST /consultas/masivas/personas/naturales/` | takes a list of at most 1,000 documents |
//! | `GET /consultas/masivas/personas/naturales/{id}/estado` | how far it has come |
//! | `GET /consultas/masivas/personas/naturales/{id}` | the rows of everybody in it |
//!
//! and the last three for `juridicas`. A list takes a second, and a millisecond for each document; its
//! result is gone a day later. The process that received a list keeps it, and at most 64 at a time.
//!
//! The format is chosen by the request's `Content-Type`, as in the published contract; anything
//! but JSON is answered 415. `historico` asks for 1 to 24 months. Who lives here is in
//! [`personas`], and in the [`country()`] of [`Country::people`](country::Country::people) people;
//! everybody else is answered 404 with an error body.
//!
//! Beside such lists the operator keeps no state. What changes between two questions comes with the
//! question:
//!
//! | header | meaning |
//! |---|---|
//! | [`MONTH_OFFSET_HEADER`] | months to add to the current month of Bogotá, −240 to 240 |
//! | [`TRY_HEADER`] | which try for this person this is, from 1 |
//! | [`FAULT_HEADER`] | how the question is to end: `delay=<milliseconds>`, one of [`faults`], or both |
//!
//! The answer holds the months up to the one before the current month, because contributions of
//! a month are paid early in the next. While the calendar is moved, months appear at the end and drop
//! out at the start, and none changes. The story of some personas is told from the present month: it
//! begins anew when the real month does.
//!
//! Beyond the published contract a row of a person carries the names of the administrators, the
//! days, the worker's subtype and the marks of holiday, leave and pay changes
//! (`nombreAdministradoraPension`, `nombreAdministradoraSalud`, `diasCotizados`,
//! `subtipoCotizante`, `vacaciones`, `licenciaNoRemunerada`, `incapacidad`, `licenciaMaternidad`,
//! `variacionPermanente`, `variacionTransitoria`), so that a sandbox shows every field of an
//! employment.

mod bulk;
mod conduct;
pub mod country;
mod http;
mod ledger;
mod people;
mod persona;
mod personas;
mod wage;
mod wire;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use jiff::Timestamp;
use jiff::tz::Offset;
use tokio::net::TcpListener;
use vinculo_pila::Month;

pub use conduct::faults;
pub use people::country;
pub use persona::Persona;
pub use personas::personas;

/// Request header that moves the operator's calendar, in months.
pub const MONTH_OFFSET_HEADER: &str = "X-Vinculo-Month-Offset";

/// Request header that says which try this is, from 1; 1 when absent.
pub const TRY_HEADER: &str = "X-Vinculo-Try";

/// Request header that says how the question is to end.
pub const FAULT_HEADER: &str = "X-Vinculo-Sandbox";

/// Where the operator reads the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the operator lets time pass before an answer.
pub type Wait = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The simulated operator.
#[derive(Clone)]
pub struct Operator {
    clock: Clock,
    wait: Wait,
    jobs: Arc<bulk::Jobs>,
}

impl Operator {
    /// An operator in the time of `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let wait: Wait = Arc::new(|time| Box::pin(tokio::time::sleep(time)));
        Self { clock, wait, jobs: Arc::default() }
    }

    /// Lets time pass in another way than by sleeping.
    #[must_use]
    pub fn waiting(self, wait: Wait) -> Self {
        Self { wait, ..self }
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn jobs(&self) -> &bulk::Jobs {
        &self.jobs
    }

    async fn wait(&self, time: Duration) {
        if !time.is_zero() {
            (self.wait)(time).await;
        }
    }

    /// The current month in Bogotá (UTC−5 all year), if the clock is at a year PILA can write.
    fn month(&self) -> Option<Month> {
        Month::of(Offset::constant(-5).to_datetime(self.now()).date())
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator").finish_non_exhaustive()
    }
}

/// The operator's routes.
pub fn router(operator: Operator) -> Router {
    const PEOPLE: &str = "/consultas/individuales/personas/naturales/{document}";
    const PAYERS: &str = "/consultas/individuales/personas/juridicas/{document}";
    const MANY_PEOPLE: &str = "/consultas/masivas/personas/naturales/";
    const MANY_PAYERS: &str = "/consultas/masivas/personas/juridicas/";
    let job = |list: &str| format!("{list}{{id}}");
    let state = |list: &str| format!("{list}{{id}}/estado");
    Router::new()
        .route(PEOPLE, get(http::person))
        .route(PAYERS, get(http::payer))
        .route(MANY_PEOPLE, post(bulk::submit_people))
        .route(&state(MANY_PEOPLE), get(bulk::people_progress))
        .route(&job(MANY_PEOPLE), get(bulk::people_report))
        .route(MANY_PAYERS, post(bulk::submit_payers))
        .route(&state(MANY_PAYERS), get(bulk::payers_progress))
        .route(&job(MANY_PAYERS), get(bulk::payers_report))
        .fallback(http::no_such_path)
        .with_state(operator)
}

/// Serves the operator on `listener` until `shutdown` resolves and open answers are finished.
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    operator: Operator,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router(operator)).with_graceful_shutdown(shutdown).await
}
