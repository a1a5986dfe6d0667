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
//! | [`mareigua`] | the query of Mareigua, and its report of 825 columns |
//! | [`agil_data`] | *Ágil Data* of Asofondos |
//!
//! What they share: [`Connector`] is what the caller sees of each, [`ServiceConfig`] how a service
//! is reached, [`DocumentCodes`] how it names kinds of documents.

pub mod ach;
pub mod agil_data;
mod clock;
mod connector;
pub mod mareigua;
mod named;
mod outcome;
mod reading;
mod service;

pub use clock::Clock;
pub use connector::{Connector, Question, Reading, Received};
pub use named::Named;
pub use outcome::{
    Answer, Call, InvalidField, NoDataReason, Outcome, RetryClass, RetryReason, WithheldReason,
};
pub use reading::documents::{DocumentCodes, InvalidDocumentCodes};
pub use service::config::{Auth, ConfigError, Grant, OAuth2, Secret, ServiceConfig, Tls};
