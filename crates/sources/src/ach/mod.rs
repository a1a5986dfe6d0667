//! *Consultas PILA* of ACH Colombia, version 1.3: one question about one person.
//!
//! The contract declares neither authentication nor status codes nor the answer for an unknown
//! person, so the connector classifies by everything it sees (status, then body, then rows) and
//! takes the rest from [`AchConfig`]. An answer carries payers, periods, bases, salary and the
//! marks of start and end; it has no days, no administrators, no other novelties and no amounts
//! paid, and those stay `None` in the contributions.

mod charset;
mod classify;
mod config;
mod exchange;
mod notes;
mod retry_after;
mod row;
mod rows;
mod value;

use std::fmt;
use std::time::Duration;

use encoding_rs::Encoding;
use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;
use vinculo_pila::Document;

pub use config::{AchConfig, Auth, ConfigError, Secret};

use crate::{Call, Clock, InvalidField, NoDataReason, Outcome, RetryReason};
use exchange::{Broken, Exchange};
use notes::{Note, Notes};

/// The longest history the operator gives, in months.
const MOST_MONTHS: u32 = 24;

/// One question. `Debug` hides the number of the document.
#[derive(Debug, Clone)]
pub struct Question {
    /// Who is asked about.
    pub document: Document,
    /// Months to look back, taken as 1 to 24. Whether the operator counts calendar months or
    /// months with data is not known, so the answer may hold other months than asked.
    pub months: u32,
    /// Pseudonym of the user behind the question, for the header `User`; never personal data.
    pub user: Option<String>,
    /// Further headers of this question alone.
    pub extra_headers: Vec<(String, String)>,
}

/// The connector. Cheap to clone; clones share the HTTP client's connections.
#[derive(Clone)]
pub struct Ach {
    config: AchConfig,
    base_url: Url,
    headers: HeaderMap,
    charset: Option<&'static Encoding>,
    client: reqwest::Client,
    clock: Clock,
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
    pub fn new(
        config: AchConfig,
        client: reqwest::Client,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        if let Auth::Basic { username, .. } = &config.auth
            && username.contains(':')
        {
            return Err(ConfigError::Username);
        }
        Ok(Self {
            base_url: config::base_url(&config.base_url)?,
            headers: config::fixed_headers(&config)?,
            charset: config::charset(&config)?,
            config,
            client,
            clock,
        })
    }

    /// Asks once. `timeout` covers connecting, headers and body together.
    ///
    /// A document that the operator cannot take is refused here, without a call.
    pub async fn ask(&self, question: &Question, timeout: Duration) -> Call {
        let started = (self.clock)();
        let mut exchange = Exchange::default();
        let outcome = match self.request(question) {
            Ok(request) => {
                let ended = tokio::time::timeout(
                    timeout,
                    exchange.run(&self.client, request, self.config.max_body),
                )
                .await;
                self.judge(&exchange, ended.ok(), &question.document)
            }
            Err(outcome) => outcome,
        };
        if exchange.status == Some(415) {
            tracing::error!("the operator does not take the format header of the question");
        }
        let duration = (self.clock)().duration_since(started);
        Call {
            outcome,
            http_status: exchange.status,
            content_type: exchange.content_type,
            raw_code: None,
            duration: Duration::try_from(duration).unwrap_or_default(),
            raw: exchange.body,
        }
    }

    /// Reads an answer: pure, so that a stored payload can be read again. Never panics.
    ///
    /// `status` and `content_type` are those of the answer, `body` its bytes as received and
    /// `person` the document that was asked for. Without the answer's headers a
    /// [`Outcome::RetryLater`] has no `not_before`.
    #[must_use]
    pub fn read(
        &self,
        status: u16,
        content_type: Option<&str>,
        body: &[u8],
        person: &Document,
    ) -> Outcome {
        let no_data_statuses = &self.config.no_data_statuses;
        if let Some(outcome) = classify::by_status(status, no_data_statuses) {
            return outcome;
        }
        let decoded = charset::decode(body, content_type, self.charset);
        if no_data_statuses.contains(&status) {
            return classify::not_found(status, &decoded.text);
        }
        let mut notes = Notes::default();
        if decoded.contradicts_charset {
            notes.add(Note::CharsetContradicted);
        }
        self.read_list(&decoded.text, person, notes)
    }

    fn read_list(&self, text: &str, person: &Document, notes: Notes) -> Outcome {
        if text.trim().is_empty() {
            return Outcome::NoData(NoDataReason::NotFound);
        }
        match serde_json::from_str(text) {
            Ok(Value::Null) => Outcome::NoData(NoDataReason::NotFound),
            Ok(Value::Array(rows)) if rows.is_empty() => Outcome::NoData(NoDataReason::NotFound),
            Ok(Value::Array(rows)) => rows::read(&rows, person, notes),
            Ok(body @ Value::Object(_)) => classify::object(&body, &self.config.no_data_messages),
            Ok(_) => Outcome::Fault("the answer is neither a list nor an object".to_owned()),
            Err(error) => Outcome::Fault(format!(
                "the answer is not JSON: line {} column {} of {} bytes",
                error.line(),
                error.column(),
                text.len()
            )),
        }
    }

    /// The request for a question, or why there is none.
    fn request(&self, question: &Question) -> Result<reqwest::Request, Outcome> {
        let url = self.address(question)?;
        let mut headers = self.headers.clone();
        let own = question.user.iter().map(|user| ("user", user));
        let extra = question.extra_headers.iter();
        for (name, value) in own.chain(extra.map(|(name, value)| (name.as_str(), value))) {
            config::insert(&mut headers, name, value, false)
                .map_err(|error| Outcome::Fault(error.to_string()))?;
        }
        let mut request = self.client.get(url).headers(headers);
        if let Auth::Basic { username, password } = &self.config.auth {
            request = request.basic_auth(username, Some(password.expose()));
        }
        request.build().map_err(|error| classify::broken_before_answer(&error))
    }

    /// `…/naturales/{kind}{number}?historico={months}`, kind and number in one segment.
    fn address(&self, question: &Question) -> Result<Url, Outcome> {
        let Document { kind, number } = &question.document;
        if !self.config.document_kinds.contains(kind) {
            return Err(Outcome::InvalidInput(InvalidField::DocumentKind));
        }
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Outcome::InvalidInput(InvalidField::DocumentNumber));
        }
        let mut url = self.base_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            let segment = format!("{kind}{number}");
            path.pop_if_empty().extend([
                "consultas",
                "individuales",
                "personas",
                "naturales",
                &segment,
            ]);
        }
        let months = question.months.clamp(1, MOST_MONTHS).to_string();
        url.query_pairs_mut().append_pair("historico", &months);
        Ok(url)
    }

    /// The outcome of an exchange; `ended` is `None` when the deadline came first.
    fn judge(
        &self,
        exchange: &Exchange,
        ended: Option<Result<u16, Broken>>,
        person: &Document,
    ) -> Outcome {
        let by_status = |status| classify::by_status(status, &self.config.no_data_statuses);
        let fault = |text: &str| Outcome::Fault(text.to_owned());
        let outcome = match ended {
            None => Outcome::RetryLater { reason: RetryReason::Timeout, not_before: None },
            Some(Ok(status)) => {
                let body = exchange.body.as_deref().unwrap_or_default();
                self.read(status, exchange.content_type.as_deref(), body, person)
            }
            Some(Err(Broken::BeforeAnswer(error))) => classify::broken_before_answer(&error),
            Some(Err(Broken::Body(status, error))) => classify::broken_body(&error)
                .or_else(|| by_status(status))
                .unwrap_or_else(|| fault("the answer is shorter than announced")),
            Some(Err(Broken::TooLarge(status))) => {
                by_status(status).unwrap_or_else(|| fault("the answer is larger than allowed"))
            }
        };
        match (outcome, &exchange.retry_after) {
            (Outcome::RetryLater { reason, .. }, Some(value)) => {
                Outcome::RetryLater { reason, not_before: retry_after::read(value, (self.clock)()) }
            }
            (outcome, _) => outcome,
        }
    }
}
