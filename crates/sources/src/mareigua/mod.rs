//! Mareigua: the query about one person, and the report about many.
//!
//! An answer carries payers and what the operator reckons as the income of each month; it has no
//! contribution bases, no days and no amounts. The names of health provider and pension fund are the
//! current ones, so they go to the newest month of each payer.

mod answer;
mod config;
mod payer;
mod report;

use std::fmt;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::{Map, Value, json};
use vinculo_pila::{Document, DocumentKind};

pub use config::{Bus, MareiguaConfig, documents};
pub use report::{Report, ReportError, ReportFormat, ReportLine, read_report};

use crate::reading::value;
use crate::service::{Service, TokenPlace};
use crate::{
    Call, Clock, ConfigError, Connector, InvalidField, Outcome, Question, Reading, Received,
};

/// The connector. Cheap to clone; clones share connections and token.
#[derive(Clone)]
pub struct Mareigua {
    config: MareiguaConfig,
    bus_header: Map<String, Value>,
    service: Service,
}

impl fmt::Debug for Mareigua {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mareigua").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Mareigua {
    /// A connector to the service of `config`; `client` and `clock` as for
    /// [`Ach::new`](crate::ach::Ach::new).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that cannot work.
    pub fn new(config: MareiguaConfig, client: Client, clock: Clock) -> Result<Self, ConfigError> {
        let place = if config.token_in_body { TokenPlace::Body } else { TokenPlace::Header };
        let header = config.bus.as_ref().map_or("{}", |bus| bus.header.expose());
        Ok(Self {
            bus_header: serde_json::from_str(header).map_err(|_| ConfigError::BusHeader)?,
            service: Service::new(config.service.clone(), place, client, clock)?,
            config,
        })
    }

    fn question(
        &self,
        question: &Question,
        client: &Client,
        token: Option<&str>,
    ) -> Result<RequestBuilder, Outcome> {
        let Document { kind, number } = &question.document;
        // A NIT is a payer's.
        let kind = Some(*kind).filter(|kind| *kind != DocumentKind::Nit);
        let Some(kind) = kind.and_then(|kind| self.config.documents.code(kind)) else {
            return Err(Outcome::InvalidInput(InvalidField::DocumentKind));
        };
        if !value::is_document_number(number) {
            return Err(Outcome::InvalidInput(InvalidField::DocumentNumber));
        }
        // The kind is a number in every answer that was seen; a code with letters goes as it is.
        let kind = kind.parse::<u32>().map_or_else(|_| Value::from(kind), Value::from);
        let mut body = json!({
            "tipo_identificacion_id": kind,
            "numero_empleado_id": number,
            "salario_mensual": self.config.declared_salary,
            "producto_id": self.config.product,
        });
        if let (Some(token), Some(fields)) = (token, body.as_object_mut()) {
            fields.insert("token".to_owned(), token.into());
        }
        if self.config.bus.is_some() {
            body = json!({ "requestHeader": self.bus_header, "requestBody": body });
        }
        Ok(client.post(self.service.url(["consultas"])).body(body.to_string()))
    }
}

impl Connector for Mareigua {
    fn name(&self) -> &'static str {
        "mareigua"
    }

    async fn ask(&self, question: &Question, timeout: Duration) -> Call {
        let ask = |client: &Client, token: Option<&str>| self.question(question, client, token);
        let read = |answer: Received<'_>| self.read(answer, &question.document);
        self.service.call(question, timeout, &ask, read).await
    }

    fn read(&self, answer: Received<'_>, person: &Document) -> Reading {
        let text = self.service.decode(answer.body, answer.content_type);
        answer::read(answer.status, text, &self.config, person)
    }
}
