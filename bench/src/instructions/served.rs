//! Paths of a server on SQLite.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use vinculo_bench::receiver::Receiver;
use vinculo_bench::server::{Installation, Process, Setup};

use crate::callgrind::{self, Counted};

/// Person of the sandbox with two employers.
const PERSON: &str = "1999000002";

/// How long an event may take; a program that is counted is some 50 times slower.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is asked of the server, one after the other.
#[derive(Clone, Copy)]
pub(crate) enum Served {
    /// Employments of a link, two employers of 24 months, by an API key.
    Read,
    /// A link, until both of its webhooks have come.
    Link,
    /// A test event, until it has come.
    Delivery,
}

/// Who asks, and where events come.
struct Customer<'a> {
    client: reqwest::Client,
    installation: &'a Installation,
    server: &'a str,
    receiver: &'a Receiver,
}

impl Served {
    /// What a server costs from its start to its end with so many of these; callgrind writes into
    /// the file.
    pub(crate) async fn count(self, operations: u32, into: &Path) -> anyhow::Result<Counted> {
        let receiver = Receiver::start().await?;
        // The operator is a process of its own, that it is not counted.
        let operator = Installation::new(&Setup::default())?.operator()?;
        let variables = [
            ("VINCULO_SANDBOX_OPERATOR_URL", operator.url.as_str()),
            ("VINCULO_RATE_LIMIT_PER_MINUTE", "1000000000"),
        ];
        let hook = format!("{}/ok", receiver.url);
        let hook = (!matches!(self, Self::Delivery)).then_some(hook.as_str());
        let installation = Installation::new(&Setup {
            receiver: hook,
            variables: &variables,
            ..Setup::default()
        })?;
        let mut server = Process::start(callgrind::counted(&installation.serve_command(), into))?;
        let url = server.url.clone();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let customer =
            Customer { client, installation: &installation, server: &url, receiver: &receiver };
        customer.ask(self, operations).await?;
        let status = server.stop()?;
        ensure!(status.success(), "the server ended with {status}");
        callgrind::read(into)
    }
}

impl Customer<'_> {
    async fn ask(&self, path: Served, operations: u32) -> anyhow::Result<()> {
        match path {
            Served::Read => {
                let link = self.link(0).await?;
                let employments = format!("/api/co/employments/?link={link}");
                for _ in 0..operations {
                    let page = answer(self.request(Method::GET, &employments)).await?;
                    ensure!(page["count"] == 2, "other employments: {page}");
                }
            }
            Served::Link => {
                for number in 0..operations {
                    self.link(number).await?;
                }
            }
            Served::Delivery => {
                let endpoints = "/manage/v1/webhook-endpoints/";
                let url = json!({ "url": format!("{}/ok", self.receiver.url) });
                let made = answer(self.request(Method::POST, endpoints).json(&url)).await?;
                let test = format!("{endpoints}{}/test/", made["id"].as_str().context("no id")?);
                for number in 0..operations {
                    answer(self.request(Method::POST, &test).json(&json!({}))).await?;
                    self.events(number as usize + 1).await?;
                }
            }
        }
        Ok(())
    }

    /// Makes a link and waits until everything about it has come: its id.
    async fn link(&self, number: u32) -> anyhow::Result<String> {
        let link = self.request(Method::POST, "/api/links/").json(&json!({
            "institution": "pila_co_employment",
            "username": PERSON,
            "fetch_resources": ["EMPLOYMENTS", "OWNERS"],
            "access_mode": "single",
            "external_id": format!("counted-{number}"),
        }));
        let link = answer(link).await?;
        self.events(2 * (number as usize + 1)).await?;
        Ok(link["id"].as_str().context("no id")?.to_owned())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.server));
        request.basic_auth(&self.installation.id, Some(&self.installation.password))
    }

    /// Waits until so many events have come in all.
    async fn events(&self, wanted: usize) -> anyhow::Result<()> {
        let started = Instant::now();
        while self.receiver.count() < wanted {
            ensure!(started.elapsed() < PATIENCE, "{} of {wanted} events", self.receiver.count());
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

async fn answer(request: RequestBuilder) -> anyhow::Result<Value> {
    let answer = request.send().await?;
    let (status, body) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "status {status}: {body}");
    Ok(serde_json::from_str(&body)?)
}
