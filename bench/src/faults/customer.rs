//! A customer who creates links at a constant rate, and remembers what was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::{StreamExt as _, stream};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::server::Installation;

/// The sandbox's people who have data.
const PEOPLE: [&str; 5] = ["1999000001", "1999000002", "1999000003", "1999000004", "1999000005"];
/// How long an answer is waited for while a fault is played: longer than a healthy one takes, shorter than a
/// pause.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long where none is, and an answer has to come: the machine may be busy.
const ANSWER: Duration = Duration::from_secs(40);
/// Where the numbers of the next customer begin: no two ask under one key.
static STARTED: AtomicUsize = AtomicUsize::new(0);
/// Requests at once of a customer who asks as fast as answers come.
const AT_ONCE: usize = 16;
/// How often what was not answered is asked again before that is a failure.
const REPEATS: usize = 20;

/// A customer with a key.
pub(super) struct Customer {
    client: reqwest::Client,
    key: (String, String),
    /// Number of the first link it asks for: those of several customers of a process differ.
    first: usize,
    next: usize,
    /// Links that were answered with 201, by the number of the request.
    pub(super) answered: BTreeMap<usize, Promise>,
    /// Requests whose outcome is not known.
    open: BTreeSet<usize>,
    /// Requests that were asked again with the same key.
    pub(super) repeated: usize,
    /// Answers that were neither 201 nor a broken connection.
    pub(super) refusals: BTreeMap<StatusCode, usize>,
    /// What the last such answer said.
    pub(super) last_refusal: String,
    /// What became of each request under load, in the order in which they ended.
    pub(super) outcomes: Vec<Outcome>,
}

/// What became of a request.
#[derive(Clone)]
pub(super) struct Outcome {
    /// When it was asked.
    pub(super) sent: Instant,
    /// When it was answered, broke off or was given up.
    pub(super) ended: Instant,
    /// `None` when there was no answer.
    pub(super) status: Option<StatusCode>,
    /// The code of a refusal and the id of the request, or why there was no answer.
    pub(super) said: String,
}

/// A link that was answered with 201.
pub(super) struct Promise {
    pub(super) link: String,
    pub(super) answered: Instant,
}

/// A request for a link, whatever became of it.
pub(super) struct Tried {
    pub(super) sent: Instant,
    pub(super) took: Duration,
    /// `None` when there was no whole answer.
    pub(super) status: Option<StatusCode>,
    /// Whether that was because the customer waited no longer.
    pub(super) given_up: bool,
    /// The link that was made.
    pub(super) link: Option<String>,
    /// Whether the answer says when to come again.
    pub(super) asked_to_wait: bool,
    /// The code of a refusal.
    pub(super) code: Option<String>,
}

impl Outcome {
    /// Whether a link was made.
    pub(super) fn acknowledged(&self) -> bool {
        self.status == Some(StatusCode::CREATED)
    }
}

enum Answer {
    Created(Promise),
    Refused(StatusCode, String),
    /// And why.
    Nothing(String),
}

impl Customer {
    pub(super) fn new(installation: &Installation) -> anyhow::Result<Self> {
        Self::of((installation.id.clone(), installation.password.clone()))
    }

    /// One with this key.
    pub(super) fn of(key: (String, String)) -> anyhow::Result<Self> {
        let first = STARTED.fetch_add(1_000_000, Ordering::Relaxed);
        Ok(Self {
            client: reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?,
            key,
            first,
            next: first,
            answered: BTreeMap::new(),
            open: BTreeSet::new(),
            repeated: 0,
            refusals: BTreeMap::new(),
            last_refusal: String::new(),
            outcomes: Vec::new(),
        })
    }

    /// Creates links, `rate` a second, at each of the servers in turn, until `fault` is over; ends
    /// when each request has its answer or will have none.
    pub(super) async fn create_during<T>(
        &mut self,
        servers: &[&str],
        rate: u32,
        fault: impl Future<Output = T>,
    ) -> T {
        let mut ticks = interval(Duration::from_secs(1) / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut requests = JoinSet::new();
        let mut fault = std::pin::pin!(fault);
        let outcome = loop {
            tokio::select! {
                outcome = &mut fault => break outcome,
                _ = ticks.tick() => {
                    let number = self.next;
                    self.next += 1;
                    self.open.insert(number);
                    let request = self.request(number, servers[number % servers.len()]);
                    requests.spawn(async move {
                        let sent = Instant::now();
                        (number, answer(request).await, sent, Instant::now())
                    });
                }
            }
        };
        while let Some(Ok((number, answer, sent, ended))) = requests.join_next().await {
            let said = answer.said().to_owned();
            self.outcomes.push(Outcome { sent, ended, status: answer.status(), said });
            self.note(number, answer);
        }
        outcome
    }

    /// What became of the requests under load that ended between two moments.
    pub(super) fn ended_within(
        &self,
        from: Instant,
        until: Instant,
    ) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(move |outcome| (from..until).contains(&outcome.ended))
    }

    /// Asks for one link, once, and is patient.
    pub(super) async fn create_one(&mut self, server: &str) {
        let number = self.next;
        self.next += 1;
        self.open.insert(number);
        let answer = answer(self.request(number, server).timeout(ANSWER)).await;
        self.note(number, answer);
    }

    /// How many links were asked for.
    pub(super) const fn asked(&self) -> usize {
        self.next - self.first
    }

    /// Creates links as fast as answers come, some at once.
    pub(super) async fn create(&mut self, server: &str, links: usize) -> anyhow::Result<()> {
        let numbers = self.next..self.next + links;
        self.next += links;
        let requests = numbers.map(|number| (number, self.request(number, server).timeout(ANSWER)));
        let requests: Vec<_> = requests.collect();
        let answers = stream::iter(requests)
            .map(async |(number, request)| (number, answer(request).await))
            .buffer_unordered(AT_ONCE);
        let answers: Vec<_> = answers.collect().await;
        for (number, answer) in answers {
            if let Answer::Nothing(why) = &answer {
                bail!("request {number} got no answer: {why}");
            }
            self.note(number, answer);
        }
        Ok(())
    }

    /// Asks for a link, and is patient.
    pub(super) fn attempt(
        &self,
        number: usize,
        server: &str,
    ) -> impl Future<Output = Tried> + Send + use<> {
        let request = self.request(number, server).timeout(ANSWER);
        async move {
            let sent = Instant::now();
            let answer = async {
                let answer = request.send().await?;
                let head = (answer.status(), answer.headers().contains_key(RETRY_AFTER));
                Ok::<_, reqwest::Error>((head, answer.bytes().await?))
            };
            let answer = answer.await;
            let took = sent.elapsed();
            let given_up = answer.as_ref().is_err_and(reqwest::Error::is_timeout);
            let Ok(((status, asked_to_wait), body)) = answer else {
                let (status, link, code) = (None, None, None);
                return Tried { sent, took, status, given_up, link, asked_to_wait: false, code };
            };
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let created = status == StatusCode::CREATED;
            let link = body["id"].as_str().filter(|_| created).map(str::to_owned);
            let code = body[0]["code"].as_str().map(str::to_owned);
            Tried { sent, took, status: Some(status), given_up, link, asked_to_wait, code }
        }
    }

    /// The value of the header by which it is known.
    pub(super) fn authorization(&self) -> anyhow::Result<String> {
        let request = self.request(0, "http://127.0.0.1").build()?;
        let value = request.headers().get("authorization").context("no key")?;
        Ok(value.to_str()?.to_owned())
    }

    /// Asks again, with the same `Idempotency-Key`, for everything that got no 201.
    pub(super) async fn repeat(&mut self, server: &str) -> anyhow::Result<()> {
        self.repeated += self.open.len();
        for _ in 0..REPEATS {
            for number in self.open.clone() {
                let answer = answer(self.request(number, server)).await;
                self.note(number, answer);
            }
            if self.open.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        bail!("{} requests get no 201, the last: {}", self.open.len(), self.last_refusal)
    }

    /// Every row of a list, page by page.
    pub(super) async fn all(&self, server: &str, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut rows = Vec::new();
        for page in 1.. {
            let body = self.get(server, &format!("{path}&page_size=1000&page={page}")).await?;
            rows.extend(body["results"].as_array().context("no results")?.iter().cloned());
            if body["next"].is_null() {
                break;
            }
        }
        Ok(rows)
    }

    pub(super) async fn get(&self, server: &str, path: &str) -> anyhow::Result<Value> {
        let request = self.client.get(format!("{server}{path}")).timeout(ANSWER);
        let answer = request.basic_auth(&self.key.0, Some(&self.key.1)).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status == StatusCode::OK, "{path}: status {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Adds an endpoint at an address: its id.
    pub(super) async fn endpoint(&self, server: &str, url: &str) -> anyhow::Result<String> {
        let (path, url) = ("/manage/v1/webhook-endpoints/", json!({ "url": url }));
        let made = self.change(Method::POST, server, path, &url).await?;
        Ok(made["id"].as_str().context("no id")?.to_owned())
    }

    /// Has an endpoint sent a test: the event's id.
    pub(super) async fn test(&self, server: &str, endpoint: &str) -> anyhow::Result<String> {
        let path = format!("/manage/v1/webhook-endpoints/{endpoint}/test/");
        let taken = self.change(Method::POST, server, &path, &json!({})).await?;
        Ok(taken["event"].as_str().context("no event")?.to_owned())
    }

    /// Changes something by the management API.
    pub(super) async fn change(
        &self,
        method: Method,
        server: &str,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let request = self.client.request(method, format!("{server}{path}")).json(body);
        let request = request.timeout(ANSWER);
        let answer = request.basic_auth(&self.key.0, Some(&self.key.1)).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status.is_success(), "{path}: status {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    fn request(&self, number: usize, server: &str) -> reqwest::RequestBuilder {
        let request = self.client.post(format!("{server}/api/links/")).json(&json!({
            "institution": "pila_co_employment",
            "username": PEOPLE[number % PEOPLE.len()],
            "fetch_resources": ["EMPLOYMENTS", "OWNERS"],
            "access_mode": "single",
            "external_id": format!("fault-{number}"),
        }));
        let request = request.header("Idempotency-Key", format!("fault-{number}"));
        request.basic_auth(&self.key.0, Some(&self.key.1))
    }

    fn note(&mut self, number: usize, answer: Answer) {
        match answer {
            Answer::Created(promise) => {
                self.open.remove(&number);
                self.answered.insert(number, promise);
            }
            Answer::Refused(status, text) => {
                *self.refusals.entry(status).or_default() += 1;
                self.last_refusal = format!("{status} {text}");
            }
            Answer::Nothing(_) => {}
        }
    }
}

impl Answer {
    const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Created(_) => Some(StatusCode::CREATED),
            Self::Refused(status, _) => Some(*status),
            Self::Nothing(_) => None,
        }
    }

    fn said(&self) -> &str {
        match self {
            Self::Created(_) => "",
            Self::Refused(_, said) | Self::Nothing(said) => said,
        }
    }
}

/// What a refusal says that tells it from others: its code and by which id the log knows it; its beginning
/// when it is not one of the server's.
fn gist(text: &str) -> String {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let said = |name: &str| body[0][name].as_str();
    match (said("code"), said("request_id")) {
        (Some(code), Some(request)) => format!("{code}, request {request}"),
        _ => text.chars().take(90).collect(),
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let nothing =
        |error: reqwest::Error| Answer::Nothing(format!("{:#}", anyhow::Error::new(error)));
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return nothing(error),
    };
    let status = answer.status();
    let text = match answer.text().await {
        Ok(text) => text,
        Err(error) => return nothing(error),
    };
    if status != StatusCode::CREATED {
        return Answer::Refused(status, gist(&text));
    }
    let link: Value = serde_json::from_str(&text).unwrap_or_default();
    match link["id"].as_str() {
        Some(id) => Answer::Created(Promise { link: id.to_owned(), answered: Instant::now() }),
        None => Answer::Refused(status, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_code() {
        let body =
            r#"[{"request_id":"ab12","message":"Belvo is unable","code":"unexpected_error"}]"#;
        assert_eq!(gist(body), "unexpected_error, request ab12");
        assert_eq!(gist("<html>"), "<html>");
        assert_eq!(gist(&"x".repeat(200)).len(), 90);
    }
}
