//! A simulated PILA operator: a small made-up country behind the real operator's HTTP contract.
//!
//! It speaks *Consultas PILA* 1.3 as far as one person or one payer is asked about, in JSON:
//!
//! | path | answer |
//! |---|---|
//! | `GET /consultas/individuales/personas/naturales/{kind}{number}` | the rows of a person |
//! | `GET /consultas/individuales/personas/juridicas/{kind}{number}` | the rows of a payer |
//!
//! The format is chosen by the request's `Content-Type`, as in the published contract; anything
//! but JSON is answered 415. `historico` asks for 1 to 24 months. Who lives here is in
//! [`personas`]; everybody else is answered 404 with an error body.
//!
//! The operator keeps no state. What changes between two questions comes with the question:
//!
//! | header | meaning |
//! |---|---|
//! | [`MONTH_OFFSET_HEADER`] | months to add to the current month of Bogotá, −240 to 240 |
//! | [`TRY_HEADER`] | which try for this person this is, from 1 |
//!
//! The answer holds the months up to the one before the current month, because contributions of
//! a month are paid early in the next. What a month shows depends on that month alone: as time
//! moves on, months appear at the end and drop out at the start, and none changes.
//!
//! Beyond the published contract a row of a person carries the names of the administrators, the
//! days, the worker's subtype and the marks of holiday, leave and pay changes
//! (`nombreAdministradoraPension`, `nombreAdministradoraSalud`, `diasCotizados`,
//! `subtipoCotizante`, `vacaciones`, `licenciaNoRemunerada`, `incapacidad`, `licenciaMaternidad`,
//! `variacionPermanente`, `variacionTransitoria`), so that a sandbox shows every field of an
//! employment.

pub mod country;
mod http;
mod ledger;
mod persona;
mod wage;
mod wire;

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use jiff::Timestamp;
use jiff::tz::Offset;
use tokio::net::TcpListener;
use vinculo_pila::Month;

pub use persona::{Persona, personas};

/// Request header that moves the operator's calendar, in months.
pub const MONTH_OFFSET_HEADER: &str = "X-Vinculo-Month-Offset";

/// Request header that says which try this is, from 1; 1 when absent.
pub const TRY_HEADER: &str = "X-Vinculo-Try";

/// Where the operator reads the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The simulated operator: a clock and nothing else.
#[derive(Clone)]
pub struct Operator {
    clock: Clock,
}

impl Operator {
    /// An operator in the time of `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// The current month in Bogotá (UTC−5 all year), if the clock is at a year PILA can write.
    fn month(&self) -> Option<Month> {
        Month::of(Offset::constant(-5).to_datetime((self.clock)()).date())
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
    Router::new()
        .route(PEOPLE, get(http::person))
        .route(PAYERS, get(http::payer))
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
