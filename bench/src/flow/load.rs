//! Open-loop load: every request starts at its time, however the earlier ones fare.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use vinculo_bench::server::Server;

/// A link that was answered.
pub(crate) struct Answered {
    pub(crate) id: String,
    pub(crate) person: String,
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
}

/// Posts a link of each of these people, `rate` a second.
pub(crate) async fn run(
    server: &Server,
    rate: u32,
    people: &[String],
) -> anyhow::Result<Vec<Answered>> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut ticks = interval(Duration::from_secs(1) / rate);
    let mut requests = JoinSet::new();
    for person in people {
        ticks.tick().await;
        let request = client
            .post(format!("{}/api/links/", server.url()))
            .basic_auth(&server.id, Some(&server.password))
            .json(&json!({
                "institution": "pila_co_employment",
                "username": person,
                "fetch_resources": ["EMPLOYMENTS", "OWNERS"],
                "access_mode": "single",
                "external_id": format!("bench-{}", &person[4..]),
            }));
        let person = person.clone();
        requests.spawn(async move {
            let sent = Instant::now();
            let response = request.send().await?;
            ensure!(response.status() == 201, "status {}", response.status());
            let link: Value = response.json().await?;
            let id = link["id"].as_str().context("no id")?.to_owned();
            Ok(Answered { id, person, sent, answered: Instant::now() })
        });
    }
    requests.join_all().await.into_iter().collect()
}
