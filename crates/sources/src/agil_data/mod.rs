//! *Ágil Data* of Asofondos: the detailed history of employment of one person in the pension system.
//!
//! An answer carries payers, periods, the pension base and days, what was paid and when. It has no
//! kind of worker, no other bases, no novelties, no salary and no administrators, and the name of
//! the person in one text. Whoever owes no pension is missing from it.

mod answer;

use std::fmt;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use vinculo_pila::{Document, DocumentKind};

use crate::reading::value;
use crate::service::{Service, TokenPlace};
use crate::{
    Call, Clock, ConfigError, Connector, DocumentCodes, InvalidField, Outcome, Question, Reading,
    Received, ServiceConfig,
};

/// Configuration of *Ágil Data*. `Debug` hides secrets.
#[derive(Debug, Clone)]
pub struct AgilDataConfig {
    /// Where it is: everything before `/agildata-services/…`, with Basic credentials and a client
    /// certificate.
    pub service: ServiceConfig,
    /// The numbers of the kinds of documents in its path; others are refused without a call.
    pub documents: DocumentCodes,
}

impl AgilDataConfig {
    /// The service as it was seen: cédulas are 1.
    #[must_use]
    pub fn new(service: ServiceConfig) -> Self {
        Self { service, documents: DocumentCodes::new(&[(DocumentKind::Cc, "1")]) }
    }
}

/// The connector. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct AgilData {
    config: AgilDataConfig,
    service: Service,
}

impl fmt::Debug for AgilData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgilData").field("config", &self.config).finish_non_exhaustive()
    }
}

impl AgilData {
    /// A connector to the service of `config`; `client` and `clock` as for
    /// [`Ach::new`](crate::ach::Ach::new).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that cannot work.
    pub fn new(config: AgilDataConfig, client: Client, clock: Clock) -> Result<Self, ConfigError> {
        let service = Service::new(config.service.clone(), TokenPlace::Header, client, clock)?;
        Ok(Self { config, service })
    }

    /// `…/historicoDetalladoEmpleo/{type}/{number}`.
    fn question(&self, question: &Question, client: &Client) -> Result<RequestBuilder, Outcome> {
        let Document { kind, number } = &question.document;
        let Some(kind) = self.config.documents.code(*kind) else {
            return Err(Outcome::InvalidInput(InvalidField::DocumentKind));
        };
        if !value::is_document_number(number) {
            return Err(Outcome::InvalidInput(InvalidField::DocumentNumber));
        }
        Ok(client.get(self.service.url([
            "agildata-services",
            "rest",
            "afiliado",
            "historicoDetalladoEmpleo",
            kind,
            number,
        ])))
    }
}

impl Connector for AgilData {
    fn name(&self) -> &'static str {
        "agil_data"
    }

    async fn ask(&self, question: &Question, timeout: Duration) -> Call {
        let ask = |client: &Client, _: Option<&str>| self.question(question, client);
        let read = |answer: Received<'_>| self.read(answer, &question.document);
        self.service.call(question, timeout, &ask, read).await
    }

    fn read(&self, answer: Received<'_>, person: &Document) -> Reading {
        let text = self.service.decode(answer.body, answer.content_type);
        answer::read(answer.status, &text, &self.config.documents, person)
    }
}
