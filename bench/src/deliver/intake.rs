//! Events are taken in: `POST /manage/v1/webhook-endpoints/{id}/test/`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use vinculo_bench::pace::Pace;
use vinculo_bench::receiver::Receiver;
use vinculo_bench::server::Server;

/// Longest time until everything has arrived.
const PATIENCE: Duration = Duration::from_secs(120);

/// A caller with a key.
#[derive(Clone)]
pub(crate) struct Caller {
    client: reqwest::Client,
    base: String,
    key: Arc<(String, String)>,
}

/// An event that was taken in.
pub(crate) struct Taken {
    /// Its `webhook_id`.
    pub(crate) id: String,
    /// When it was asked for, or should have been.
    pub(crate) sent: Instant,
}

impl Caller {
    pub(crate) fn new(server: &Server) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let key = Arc::new((server.id.clone(), server.password.clone()));
        Ok(Self { client, base: format!("{}/manage/v1/webhook-endpoints/", server.url()), key })
    }

    /// Adds an endpoint: its id.
    pub(crate) async fn endpoint(&self, url: &str) -> anyhow::Result<String> {
        let made = self.post("", &json!({ "url": url })).await?;
        Ok(made["id"].as_str().context("no id")?.to_owned())
    }

    /// Removes an endpoint, and what waits for it.
    pub(crate) async fn remove(&self, endpoint: &str) -> anyhow::Result<()> {
        let request = self.client.delete(format!("{}{endpoint}/", self.base));
        let answer = request.basic_auth(&self.key.0, Some(&self.key.1)).send().await?;
        ensure!(answer.status().is_success(), "status {}", answer.status());
        Ok(())
    }

    async fn test(&self, endpoint: &str, sent: Instant) -> anyhow::Result<Taken> {
        let taken = self.post(&format!("{endpoint}/test/"), &json!({})).await?;
        Ok(Taken { id: taken["event"].as_str().context("no event")?.to_owned(), sent })
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        let answer = request.basic_auth(&self.key.0, Some(&self.key.1)).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status.is_success(), "status {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }
}

/// Each of so many clients asks again as soon as it is answered.
pub(crate) async fn closed(
    caller: &Caller,
    endpoint: &str,
    clients: usize,
    events: usize,
) -> anyhow::Result<Vec<Taken>> {
    let number = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (caller, endpoint) = (caller.clone(), endpoint.to_owned());
        let number = Arc::clone(&number);
        tasks.spawn(async move {
            let mut taken = Vec::new();
            while number.fetch_add(1, Ordering::Relaxed) < events {
                taken.push(caller.test(&endpoint, Instant::now()).await?);
            }
            anyhow::Ok(taken)
        });
    }
    let mut all = Vec::with_capacity(events);
    for taken in tasks.join_all().await {
        all.extend(taken?);
    }
    Ok(all)
}

/// As many clients ask a bare route with the same key, so many times in all.
pub(crate) async fn gets(
    caller: &Caller,
    url: &str,
    clients: usize,
    requests: usize,
) -> anyhow::Result<()> {
    let number = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (caller, url, number) = (caller.clone(), url.to_owned(), Arc::clone(&number));
        tasks.spawn(async move {
            while number.fetch_add(1, Ordering::Relaxed) < requests {
                let request =
                    caller.client.get(&url).basic_auth(&caller.key.0, Some(&caller.key.1));
                request.send().await?.error_for_status()?.bytes().await?;
            }
            anyhow::Ok(())
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// `rate` a second, each at its time, however the earlier ones fare; endpoints take turns. The
/// events of the first so many endpoints are left out of the answer.
pub(crate) async fn open(
    caller: &Caller,
    endpoints: &[String],
    left_out: usize,
    (rate, seconds): (u32, u32),
) -> anyhow::Result<Vec<Taken>> {
    let mut pace = Pace::start(rate, rate * seconds)?;
    let mut tasks = JoinSet::new();
    let mut turns = (0..endpoints.len()).cycle();
    while let Some((due, turn)) = pace.next().await.zip(turns.next()) {
        let (caller, endpoint) = (caller.clone(), endpoints[turn].clone());
        tasks.spawn(async move {
            let taken = caller.test(&endpoint, due).await?;
            anyhow::Ok((turn >= left_out).then_some(taken))
        });
    }
    let taken = tasks.join_all().await.into_iter();
    Ok(taken.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// One event for each of these endpoints.
pub(crate) async fn each(caller: &Caller, endpoints: &[String]) -> anyhow::Result<()> {
    let asked = endpoints.iter().map(|endpoint| caller.test(endpoint, Instant::now()));
    try_join_all(asked).await?;
    Ok(())
}

/// Waits until all of them have come: when each did.
pub(crate) async fn arrivals(receiver: &Receiver, taken: &[Taken]) -> anyhow::Result<Vec<Instant>> {
    let ids: Vec<_> = taken.iter().map(|taken| taken.id.clone()).collect();
    let started = Instant::now();
    loop {
        if let Some(arrivals) = receiver.arrivals(&ids) {
            return Ok(arrivals);
        }
        ensure!(started.elapsed() < PATIENCE, "{} events came", receiver.count());
        sleep(Duration::from_millis(20)).await;
    }
}
