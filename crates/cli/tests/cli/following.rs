//! What operators follow: one request by its id, from the answer through the log to the webhook; and
//! the metrics of a server.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::support::{Installation, Link, Process, Receiver};

/// What each line of the log of a request is about, and what it says.
fn lines_of(log: &str, request: &str) -> BTreeSet<(String, String)> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let about = |line: &Value| {
        let spans = line["spans"].as_array().into_iter().flatten();
        let mut own = spans.filter(|span| span["request_id"] == request);
        let name = own.next_back()?["name"].as_str()?.to_owned();
        Some((name, line["fields"]["message"].as_str().unwrap_or_default().to_owned()))
    };
    lines.filter_map(|line| about(&line)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_followed_through_its_job_to_its_webhook() {
    for installation in [Installation::sqlite(), Installation::postgres()] {
        let receiver = Receiver::start().await;
        installation.webhook("sandbox", &receiver.url);
        let mut command = installation.serve_command();
        command.env("VINCULO_LOG", "vinculo_server=debug").env("VINCULO_LOG_FORMAT", "json");
        let (mut server, base) = Process::start_listening(&mut command).await;
        let client = installation.client("sandbox", &base);
        let answer = client.post_link("1999000001").await.expect("an answer");
        let request = answer.headers()["x-request-id"].to_str().expect("an id").to_owned();
        let link: Value = answer.json().await.expect("a link");
        let link = Link(link["id"].as_str().expect("an id").to_owned());
        receiver.until_told(std::slice::from_ref(&link)).await;
        for hook in receiver.hooks() {
            let told: Value = serde_json::from_slice(&hook.body).expect("JSON");
            let told = told["request_id"].as_str().expect("an id").replace('-', "");
            assert_eq!(told, request);
        }
        server.terminate();
        assert_eq!(server.ended().await.code(), Some(0));
        let said = lines_of(&server.everything_said(), &request);
        for (about, says) in [
            ("request", "asked"),
            ("request", "answered"),
            ("job", "job ended"),
            ("delivery", "tried to deliver"),
        ] {
            assert!(
                said.contains(&(about.to_owned(), says.to_owned())),
                "{about} {says}: {said:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_on_a_listener_of_their_own() {
    let installation = Installation::sqlite();
    let mut command = installation.serve_command();
    command
        .env("VINCULO_METRICS_LISTEN", "127.0.0.1:0")
        .env("VINCULO_LEAST_FREE_MIB", "4000000000");
    let (mut server, base) = Process::start_listening(&mut command).await;
    let metrics = server.says("metrics on ").await;
    let own = metrics.strip_suffix("/metrics").expect("an address").to_owned();
    let client = installation.client("sandbox", &base);
    client.link("1999000001").await;
    assert_eq!(client.get("/metrics").await.0, 404);
    let watched = client.at(&own);
    let read = watched.ask(Method::GET, "/metrics").send().await.expect("an answer");
    let text = read.text().await.expect("a text");
    let request =
        "vinculo_http_requests_total{route=\"/api/links/\",method=\"POST\",status=\"2xx\"} 1";
    assert!(text.lines().any(|line| line == request), "{text}");
    let time = "vinculo_store_write_seconds_sum ";
    let time = text.lines().find_map(|line| line.strip_prefix(time)).expect("a sum");
    assert!(time.parse::<f64>().expect("a number") > 0.0, "closures take time: {time}");
    assert_eq!(watched.get("/api/").await.0, 404);
    assert_eq!(watched.get("/livez").await, (200, "ok".into()));
    let (status, body) = watched.get("/readyz").await;
    assert_eq!((status, &body["checks"][3]["name"]), (503, &"disk".into()));
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
}
