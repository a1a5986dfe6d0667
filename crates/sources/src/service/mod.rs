//! One service: who it is, how it knows us, and one question with everything that can go wrong on
//! the way.

pub(crate) mod config;
mod exchange;
mod retry_after;
pub(crate) mod status;
mod tls;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use encoding_rs::Encoding;
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::Offset;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use url::Url;

use crate::reading::charset::{self, Text};
use crate::{Call, Clock, Outcome, Question, Reading, Received, RetryClass, RetryReason};
use config::{Auth, ConfigError, Secret, ServiceConfig};
use exchange::{Broken, Exchange};
use token::Tokens;

/// Where a token goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenPlace {
    /// Into the header `Authorization`.
    Header,
    /// Into the body, by whoever makes it.
    Body,
}

/// A service, ready to be asked. Cheap to clone; clones share connections and token.
#[derive(Clone)]
pub(crate) struct Service {
    config: ServiceConfig,
    base_url: Url,
    headers: HeaderMap,
    charset: Option<&'static Encoding>,
    tokens: Option<Arc<Tokens>>,
    token_place: TokenPlace,
    client: Client,
    clock: Clock,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}

/// What came back, and whether it came to its end: the status, or the outcome without a reading.
pub(crate) struct Answered {
    exchange: Exchange,
    pub(crate) ended: Result<u16, Outcome>,
}

/// Makes a question. It gets the client, and the token where that belongs into the body.
pub(crate) type Ask<'a> =
    dyn Fn(&Client, Option<&str>) -> Result<RequestBuilder, Outcome> + Send + Sync + 'a;

impl Service {
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that cannot work.
    pub(crate) fn new(
        config: ServiceConfig,
        token_place: TokenPlace,
        client: Client,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        if let Auth::Basic { username, .. } = &config.auth
            && username.contains(':')
        {
            return Err(ConfigError::Username);
        }
        let mut headers = config::fixed_headers(&config)?;
        if let Auth::Bearer(token) = &config.auth
            && token_place == TokenPlace::Header
        {
            authorize(&mut headers, token)?;
        }
        Ok(Self {
            base_url: config::address("base URL", &config.base_url, config.allow_http)?,
            headers,
            charset: config::charset(&config)?,
            tokens: Tokens::new(&config)?.map(Arc::new),
            token_place,
            client: tls::client(&config, client)?,
            config,
            clock,
        })
    }

    /// The address of a path below the base URL, each segment encoded on its own.
    pub(crate) fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.base_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The text of a body.
    pub(crate) fn decode<'a>(&self, body: &'a [u8], content_type: Option<&str>) -> Text<'a> {
        charset::decode(body, content_type, self.charset)
    }

    /// Asks about one person, and makes a [`Call`] of what comes back.
    pub(crate) async fn call(
        &self,
        question: &Question,
        timeout: Duration,
        ask: &Ask<'_>,
        read: impl FnOnce(Received<'_>) -> Reading + Send,
    ) -> Call {
        let started = self.clock.elapsed();
        let mut answered = self.ask(&question.extra_headers, timeout, ask).await;
        let mut reading = match &answered.ended {
            Ok(status) => read(answered.received(*status)),
            Err(outcome) => Reading::of(outcome.clone()),
        };
        reading.outcome = self.when_to_come_again(&answered, reading.outcome);
        let status = answered.exchange.status;
        if matches!(reading.outcome, Outcome::Fault(_))
            && status.is_some_and(|status| status >= 500)
        {
            reading.retry = Some(RetryClass::Backoff);
        }
        Call {
            outcome: reading.outcome,
            http_status: status,
            content_type: answered.exchange.content_type.take(),
            raw_code: reading.raw_code,
            retry: reading.retry,
            broken: answered.exchange.broken.take(),
            duration: self.clock.elapsed().saturating_sub(started),
            raw: answered.exchange.body.take(),
        }
    }

    /// Sends a question once; twice when the service refuses a token that it gave itself. A connection that
    /// cannot be made is tried twice: nothing was asked.
    pub(crate) async fn ask(
        &self,
        extra: &[(String, String)],
        timeout: Duration,
        ask: &Ask<'_>,
    ) -> Answered {
        let mut exchange = Exchange::default();
        let timeout = timeout.min(self.config.timeout);
        let ended = tokio::time::timeout(timeout, self.converse(&mut exchange, extra, ask)).await;
        let late = Outcome::RetryLater { reason: RetryReason::Timeout, not_before: None };
        let ended = ended.unwrap_or(Err(late));
        if exchange.status == Some(415) {
            tracing::error!("the operator does not take the format header of the question");
        }
        Answered { exchange, ended }
    }

    async fn converse(
        &self,
        exchange: &mut Exchange,
        extra: &[(String, String)],
        ask: &Ask<'_>,
    ) -> Result<u16, Outcome> {
        let (mut refused, mut was_cut_off) = (None, false);
        loop {
            let token = self.token(refused.as_ref()).await?;
            let request = self.request(extra, token.as_ref(), ask)?;
            *exchange = Exchange::default();
            let ended = exchange.run(&self.client, request, self.config.max_body).await;
            if exchange.status == Some(401) && refused.is_none() && self.tokens.is_some() {
                refused = token;
                continue;
            }
            if !was_cut_off && ended.as_ref().is_err_and(Broken::is_unasked) {
                was_cut_off = true;
                continue;
            }
            exchange.broken = ended.as_ref().err().and_then(Broken::cause);
            return ended.map_err(broken);
        }
    }

    async fn token(&self, refused: Option<&Secret>) -> Result<Option<Secret>, Outcome> {
        match (&self.tokens, &self.config.auth) {
            (Some(tokens), _) => tokens.get(&self.client, &self.clock, refused).await.map(Some),
            (None, Auth::Bearer(token)) => Ok(Some(token.clone())),
            (None, _) => Ok(None),
        }
    }

    fn request(
        &self,
        extra: &[(String, String)],
        token: Option<&Secret>,
        ask: &Ask<'_>,
    ) -> Result<reqwest::Request, Outcome> {
        let unusable = |error: ConfigError| Outcome::Fault(error.to_string());
        let mut headers = self.headers.clone();
        for (name, value) in extra {
            config::insert(&mut headers, name, value, false).map_err(unusable)?;
        }
        let in_body = self.token_place == TokenPlace::Body;
        if let Some(token) = token.filter(|_| !in_body) {
            authorize(&mut headers, token).map_err(unusable)?;
        }
        let mut request = ask(&self.client, token.filter(|_| in_body).map(Secret::expose))?;
        if let Auth::Basic { username, password } = &self.config.auth {
            request = request.basic_auth(username, Some(password.expose()));
        }
        request.headers(headers).build().map_err(|error| status::broken_before_answer(&error))
    }

    /// The outcome with the time the answer names, or, after a daily cap, the time until the next
    /// day in Bogotá.
    pub(crate) fn when_to_come_again(&self, answered: &Answered, outcome: Outcome) -> Outcome {
        let Outcome::RetryLater { reason, .. } = outcome else {
            return outcome;
        };
        let now = self.now();
        match answered.exchange.stay_away(outcome, now) {
            Outcome::RetryLater { reason: RetryReason::DailyCap, not_before: None } => {
                Outcome::RetryLater { reason, not_before: until_next_day(now) }
            }
            outcome => outcome,
        }
    }
}

impl Answered {
    /// The answer as it came.
    pub(crate) fn received(&self, status: u16) -> Received<'_> {
        Received {
            status,
            content_type: self.exchange.content_type.as_deref(),
            body: self.exchange.body.as_deref().unwrap_or_default(),
        }
    }
}

fn authorize(headers: &mut HeaderMap, token: &Secret) -> Result<(), ConfigError> {
    config::insert(headers, "authorization", &format!("Bearer {}", token.expose()), true)
}

/// The outcome of an answer that did not come to its end: its status has a say first.
fn broken(broken: Broken) -> Outcome {
    let fault = |text: &str| Outcome::Fault(text.to_owned());
    match broken {
        Broken::BeforeAnswer(error) => status::broken_before_answer(&error),
        Broken::Body(code, error) => status::broken_body(&error)
            .or_else(|| status::by_status(code, &[]))
            .unwrap_or_else(|| fault("the answer is shorter than announced")),
        Broken::TooLarge(code) => status::by_status(code, &[])
            .unwrap_or_else(|| fault("the answer is larger than allowed")),
    }
}

/// From `now` to the next midnight in Bogotá, which is five hours behind UTC all year.
fn until_next_day(now: Timestamp) -> Option<Duration> {
    let bogota = Offset::constant(-5);
    let tomorrow = bogota.to_datetime(now).date().tomorrow().ok()?;
    let midnight = bogota.to_timestamp(tomorrow.to_datetime(Time::midnight())).ok()?;
    Duration::try_from(midnight.duration_since(now)).ok()
}
