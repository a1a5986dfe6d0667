//! A server that writes everything it does into its log names no person and tells no secret.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Gate, Installation, Process, Receiver, TOKEN, sample};

/// Documents, names and amounts of the people that are asked about.
const PERSONAL: [&str; 10] = [
    "1999000001",
    "1999000002",
    "1999000404",
    "199900000A",
    "1900000101",
    "EJEMPLO",
    "PEÑARANDA",
    "MARÍA",
    "999500201",
    "990100217",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    nothing_is_told(&Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    nothing_is_told(&Installation::postgres()).await;
}

async fn nothing_is_told(installation: &Installation) {
    let receiver = Receiver::start().await;
    for environment in ["sandbox", "production"] {
        installation.webhook(environment, &receiver.url);
    }
    let mut command = installation.serve_command();
    let (mut server, base) = Process::start_listening(command.env("VINCULO_LOG", "trace")).await;
    let client = installation.client("sandbox", &base);
    let link = client.link("1.999.000.002").await;
    receiver.until_told(std::slice::from_ref(&link)).await;
    assert_eq!(client.counts(&link).await, (2, 1));
    for document in ["1999000404", "199900000A", ""] {
        assert_eq!(client.post_link(document).await.expect("an answer").status(), 400);
    }
    client.get("/api/links/?username=1999000001&page=x").await;
    client.get("/api/nowhere/1999000001/").await;
    let token = visit(&client).await;

    let production = installation.client("production", &base);
    let file = sample("02-nandu-E-2025-11.txt");
    let file = file.to_str().expect("a path");
    installation.run(&["pila", "import", file, "--environment", "production"]).accepted();
    let link = production.link("1900000101").await;
    receiver.until_told(std::slice::from_ref(&link)).await;

    receiver.set(Gate::Hold);
    client.link("1999000001").await;
    receiver.until("a held webhook", |hooks| hooks.last().is_some_and(|h| !h.answered)).await;
    server.logs(" DEBUG ").await;
    server.kill();
    let secrets = [client.secrets(), production.secrets()].concat();
    let receiver = receiver.url.trim_start_matches("http://").split('/').next().expect("a place");
    let secrets = secrets.iter().map(String::as_str).chain(PERSONAL);
    let secrets = secrets.chain([TOKEN, &token, receiver]);
    server.assert_silent(secrets);
}

/// Somebody opens the consent page and says who they are; the token it was opened with.
async fn visit(client: &Client) -> String {
    let wanted = client.ask(Method::POST, "/api/token/").json(&json!({ "scopes": "write_links" }));
    let tokens: Value = wanted.send().await.expect("an answer").json().await.expect("tokens");
    let token = tokens["access"].as_str().expect("a token").to_owned();
    let (status, page) = client.get(&format!("/connect/?access_token={token}")).await;
    assert_eq!(status, 404, "a browser that keeps no cookie: {page}");
    let form = client.ask(Method::POST, "/connect/1999000001");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let form = form.body("document_number=1999000001&accept=yes");
    form.send().await.expect("an answer");
    token
}
