//! Tokens (RFC 6749): one is fetched, kept, and renewed before its end; whoever comes while it is
//! fetched waits for the same.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;
use url::form_urlencoded::Serializer;

use super::config::{Auth, ConfigError, Grant, OAuth2, Secret, ServiceConfig, address};
use super::exchange::{Broken, Exchange};
use super::status;
use crate::reading::value;
use crate::{Clock, Outcome, RetryReason};

/// A token service's answer is small.
const MAX_BODY: usize = 64 * 1024;

/// How long before its end a token is renewed, at most.
const EARLY: Duration = Duration::from_secs(60);

/// Where the tokens of one service come from.
pub(super) struct Tokens {
    url: Url,
    content_type: &'static str,
    body: Secret,
    held: Mutex<Option<Token>>,
}

struct Token {
    value: Secret,
    /// `None` where the token service does not say how long a token lasts.
    renew_at: Option<Timestamp>,
}

impl Tokens {
    /// The token service of a configuration that has one.
    pub(super) fn new(config: &ServiceConfig) -> Result<Option<Self>, ConfigError> {
        let Auth::OAuth2(oauth) = &config.auth else {
            return Ok(None);
        };
        let content_type =
            if oauth.json { "application/json" } else { "application/x-www-form-urlencoded" };
        Ok(Some(Self {
            url: address("token URL", &oauth.token_url, config.allow_http)?,
            content_type,
            body: Secret::new(body(oauth)),
            held: Mutex::new(None),
        }))
    }

    /// A token that may be shown now. `refused` is one that the service did not take: it is not
    /// given again.
    pub(super) async fn get(
        &self,
        client: &reqwest::Client,
        clock: &Clock,
        refused: Option<&Secret>,
    ) -> Result<Secret, Outcome> {
        let mut held = self.held.lock().await;
        let now = clock.now();
        let usable = |token: &&Token| {
            Some(&token.value) != refused && token.renew_at.is_none_or(|end| now < end)
        };
        if let Some(token) = held.as_ref().filter(usable) {
            return Ok(token.value.clone());
        }
        *held = None;
        let token = self.fetch(client, clock).await?;
        Ok(held.insert(token).value.clone())
    }

    async fn fetch(&self, client: &reqwest::Client, clock: &Clock) -> Result<Token, Outcome> {
        let request = client
            .post(self.url.clone())
            .header(CONTENT_TYPE, self.content_type)
            .header(ACCEPT, "application/json")
            .body(self.body.expose().to_owned())
            .build()
            .map_err(|error| status::broken_before_answer(&error))?;
        let mut exchange = Exchange::default();
        let ended = exchange.run(client, request, MAX_BODY).await;
        let fault = |text: &str| Outcome::Fault(format!("the token service: {text}"));
        match ended {
            Ok(200..=299) => read(&exchange, clock.now()).map_err(fault),
            Ok(400 | 401 | 403 | 407) => Err(Outcome::NotAuthorized),
            Ok(other) => Err(match status::by_status(other, &[]) {
                Some(retry @ Outcome::RetryLater { .. }) => exchange.stay_away(retry, clock.now()),
                _ => fault(&format!("status {other}")),
            }),
            Err(Broken::BeforeAnswer(error)) => Err(status::broken_before_answer(&error)),
            Err(Broken::Body(_, error)) => {
                Err(status::broken_body(&error).unwrap_or(Outcome::RetryLater {
                    reason: RetryReason::UpstreamDown,
                    not_before: None,
                }))
            }
            Err(Broken::TooLarge(_)) => Err(fault("an answer without end")),
        }
    }
}

/// The token in an answer, and when to ask for the next.
fn read(exchange: &Exchange, now: Timestamp) -> Result<Token, &'static str> {
    let body = exchange.body.as_deref().unwrap_or_default();
    let answer: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| "not a JSON object")?;
    let token = answer.get("access_token").and_then(value::text).ok_or("no access_token")?;
    // Any other type could not be shown as a bearer token. Gateways write `BearerToken` too.
    let kind = answer.get("token_type").and_then(value::text);
    if kind.is_some_and(|kind| !kind.to_ascii_lowercase().starts_with("bearer")) {
        return Err("a token_type other than bearer");
    }
    let lifetime = answer.get("expires_in").and_then(|value| value::amount(value).ok().flatten());
    let renew_at = lifetime.and_then(|seconds| {
        let early = (seconds / 5).min(SignedDuration::try_from(EARLY).ok()?.as_secs());
        now.checked_add(SignedDuration::from_secs(seconds.checked_sub(early)?)).ok()
    });
    Ok(Token { value: Secret::new(token), renew_at })
}

fn body(oauth: &OAuth2) -> String {
    let mut fields = match &oauth.grant {
        Grant::ClientCredentials { id, secret } => vec![
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret.expose()),
        ],
        Grant::Password { username, password } => vec![
            ("grant_type", "password"),
            ("username", username.as_str()),
            ("password", password.expose()),
        ],
    };
    fields.extend(oauth.scope.as_deref().map(|scope| ("scope", scope)));
    if oauth.json {
        let object = fields.into_iter().map(|(name, text)| (name.to_owned(), text.into()));
        return Value::Object(object.collect()).to_string();
    }
    Serializer::new(String::new()).extend_pairs(fields).finish()
}
