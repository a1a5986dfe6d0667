//! Connectors to PILA operators over HTTP, with explicit outcomes.
//!
//! A connector asks one question about one person and comes back with a [`Call`]: exactly one
//! [`Outcome`], the raw payload it was read from, and how long it took. It tries once. Pacing,
//! retries, the circuit breaker and the order of several sources belong to the caller, which is
//! also where the clock, the HTTP client and the configuration come from.
//!
//! | module | source |
//! |---|---|
//! | [`ach`] | *Consultas PILA* of ACH Colombia, version 1.3, and every operator that speaks it |

pub mod ach;
mod outcome;

pub use outcome::{Answer, Call, InvalidField, NoDataReason, Outcome, RetryReason, WithheldReason};

use std::sync::Arc;

/// Where a connector reads the time: for `Retry-After` dates and for the duration of a call.
pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;
