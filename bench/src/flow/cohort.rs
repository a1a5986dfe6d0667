//! A cohort of many rows in the sandbox: how fast its rows end, and what memory the server takes.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use vinculo_bench::reading::{Output, Reading, Run};
use vinculo_bench::server::{Server, Setup};

/// The first of the people of the made-up country.
const FIRST: usize = 1_995_000_000;
/// And how many there are; rows beyond them are about the same people again.
const ALL: usize = 10_320;

/// Sends a cohort and waits for its end.
///
/// # Errors
/// When a row ends otherwise than with a link or without data.
pub(crate) async fn run(
    rows: usize,
    postgres: Option<&str>,
    output: &Output,
) -> anyhow::Result<()> {
    let server = Server::start(&Setup { postgres, ..Setup::default() })?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let send = async |people: usize| {
        let lines = (0..people).map(|row| format!("{},user-{row:05}\n", FIRST + row % ALL));
        let file = format!("document,external_id\n{}", lines.collect::<String>());
        let request = client
            .post(format!(
                "{}/manage/v1/cohorts/?webhooks=end&access_mode=single&fetch_resources=EMPLOYMENTS",
                server.url()
            ))
            .basic_auth(&server.id, Some(&server.password))
            .body(file);
        let sent = request.send().await?.error_for_status()?.json::<Value>().await?;
        ensure!(sent["total"] == people, "{sent}");
        Ok(sent["id"].as_str().context("no id")?.to_owned())
    };
    let warm_up = send(200).await?;
    let (_, before) = ended(&client, &server, &warm_up).await?;
    let begun = Instant::now();
    let id = send(rows).await?;
    let received = begun.elapsed();
    let (cohort, height) = ended(&client, &server, &id).await?;
    let took = begun.elapsed().as_secs_f64();
    println!("{cohort}");
    let made = ["ok", "no_data"].iter().filter_map(|name| cohort[name].as_u64()).sum::<u64>();
    ensure!(made == rows as u64, "rows failed");
    println!(
        "{rows} rows: received in {:.2} s, ended after {took:.1} s, {:.0} rows/s",
        received.as_secs_f64(),
        rows as f64 / took
    );
    let [before, height] = [before, height].map(|kib| kib as f64 / 1024.0);
    output.tell(&Reading::new("cohort", vec![Run::beside(height, before)])?)
}

/// The cohort once it has ended, and the most memory seen until then, KiB.
async fn ended(
    client: &reqwest::Client,
    server: &Server,
    id: &str,
) -> anyhow::Result<(Value, u64)> {
    let mut height = 0;
    loop {
        let request = client.get(format!("{}/manage/v1/cohorts/{id}/", server.url()));
        let request = request.basic_auth(&server.id, Some(&server.password));
        let cohort: Value = request.send().await?.error_for_status()?.json().await?;
        height = height.max(server.resident_kib()?);
        if !cohort["finished_at"].is_null() {
            return Ok((cohort, height));
        }
        sleep(Duration::from_millis(100)).await;
    }
}
