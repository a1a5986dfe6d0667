//! One request is followed by its id, from the answer through the log to the webhook.

use std::collections::BTreeSet;

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
