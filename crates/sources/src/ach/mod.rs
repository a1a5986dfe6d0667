//! *Consultas PILA* of ACH Colombia, version 1.3: one question about one person, or one job about
//! many.
//!
//! The contract declares neither authentication nor status codes nor the answer for an unknown
//! person, so the connector classifies by everything it sees (status, then body, then rows) and
//! takes the rest from [`AchConfig`]. An answer carries payers, periods, bases, salary and the
//! marks of start and end; it has no days, no administrators, no other novelties and no amounts
//! paid, and those stay `None` in the contributions.

mod bulk;
mod classify;
mod config;
mod row;
mod rows;

use std::fmt;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use url::Url;
use vinculo_pila::Document;

pub use bulk::{Job, JobAnswer, JobError, JobResult, JobState, NextStep};
pub use config::AchConfig;
use config::MOST_MONTHS;

use crate::reading::coded::not_json;
use crate::reading::notes::{Note, Notes};
use crate::reading::value;
use crate::service::{Service, TokenPlace, config as settings, status};
use crate::{
    Call, Clock, ConfigError, Connector, InvalidField, NoDataReason, Outcome, Question, Reading,
    Received,
};

/// The connector. Cheap to clone; clones share connections and token.
#[derive(Clone)]
pub struct Ach {
    config: AchConfig,
    service: Service,
}

impl fmt::Debug for Ach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ach").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Ach {
    /// A connector to the operator of `config`, asking through `client`, with `clock` for
    /// `Retry-After` dates and durations.
    ///
    /// The client must not follow redirects: a redirected question would carry a person's
    /// document to an address nobody configured.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that cannot work.
    pub fn new(config: AchConfig, client: Client, clock: Clock) -> Result<Self, ConfigError> {
        let mut service = config.service.clone();
        let own = [("User", &config.user), ("Ip", &config.ip)];
        for (name, value) in own {
            let value = value.iter().map(|value| settings::Secret::new(value.as_str()));
            service.headers.extend(value.map(|value| (name.to_owned(), value)));
        }
        let service = Service::new(service, TokenPlace::Header, client, clock)?;
        Ok(Self { service, config })
    }

    fn read_list(&self, text: &str, person: &Document, notes: Notes) -> Outcome {
        if text.trim().is_empty() {
            return Outcome::NoData(NoDataReason::NotFound);
        }
        match serde_json::from_str(text) {
            Ok(Value::Null) => Outcome::NoData(NoDataReason::NotFound),
            Ok(Value::Array(rows)) if rows.is_empty() => Outcome::NoData(NoDataReason::NotFound),
            Ok(Value::Array(rows)) => rows::read(&rows, &self.config.documents, person, notes),
            Ok(body @ Value::Object(_)) => classify::object(&body, &self.config.no_data_messages),
            Ok(_) => Outcome::Fault("the answer is neither a list nor an object".to_owned()),
            Err(error) => not_json(&error, text.len()),
        }
    }

    /// The question about a person, or why there is none.
    fn question(&self, question: &Question, client: &Client) -> Result<RequestBuilder, Outcome> {
        let request = client.get(self.address(question)?);
        Ok(self.named(request, question.user.as_deref()))
    }

    /// The request with the pseudonym of whoever asks; the configured one comes before it.
    fn named(&self, request: RequestBuilder, user: Option<&str>) -> RequestBuilder {
        match user.filter(|_| self.config.user.is_none()) {
            Some(user) => request.header("user", user),
            None => request,
        }
    }

    /// `…/naturales/{kind}{number}?historico={months}`, kind and number in one segment.
    fn address(&self, question: &Question) -> Result<Url, Outcome> {
        let (kind, number) = self.paper(&question.document)?;
        let person = format!("{kind}{number}");
        let path = ["consultas", "individuales", "personas", "naturales", &person];
        let mut url = self.service.url(path);
        let months = self.months(question.months).to_string();
        url.query_pairs_mut().append_pair("historico", &months);
        Ok(url)
    }

    /// So many months as are wanted, as far as the configuration and the operator go.
    fn months(&self, wanted: u32) -> u32 {
        wanted.min(self.config.months).clamp(1, MOST_MONTHS)
    }

    /// Kind and number as the operator takes them.
    fn paper<'a>(&'a self, document: &'a Document) -> Result<(&'a str, &'a str), Outcome> {
        let Some(kind) = self.config.documents.code(document.kind) else {
            return Err(Outcome::InvalidInput(InvalidField::DocumentKind));
        };
        let number = document.number.as_str();
        if !value::is_document_number(number) {
            return Err(Outcome::InvalidInput(InvalidField::DocumentNumber));
        }
        Ok((kind, number))
    }
}

impl Connector for Ach {
    fn name(&self) -> &'static str {
        "ach"
    }

    async fn ask(&self, question: &Question, timeout: Duration) -> Call {
        let ask = |client: &Client, _: Option<&str>| self.question(question, client);
        let read = |answer: Received<'_>| self.read(answer, &question.document);
        self.service.call(question, timeout, &ask, read).await
    }

    fn read(&self, answer: Received<'_>, person: &Document) -> Reading {
        let no_data_statuses = &self.config.no_data_statuses;
        if let Some(outcome) = status::by_status(answer.status, no_data_statuses) {
            return Reading::of(outcome);
        }
        let decoded = self.service.decode(answer.body, answer.content_type);
        if no_data_statuses.contains(&answer.status) {
            let messages = &self.config.no_data_messages;
            return Reading::of(classify::not_found(answer.status, &decoded.text, messages));
        }
        let mut notes = Notes::default();
        if decoded.contradicts_charset {
            notes.add(Note::CharsetContradicted);
        }
        Reading::of(self.read_list(&decoded.text, person, notes))
    }
}
