//! The simulated operator in a process of its own, and the connector against it: alone, behind the
//! sandbox, and in production's place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use vinculo_operator::{TRY_HEADER, personas};
use vinculo_server::clock::{Clock as _, SystemClock};
use vinculo_sources::ach::{Ach, AchConfig};
use vinculo_sources::{Clock, Connector as _, Outcome, Question};

use crate::support::{Client, Installation, Process, Receiver, finished, sample, vinculo};

/// Longer than any question takes unless something is broken.
const PATIENT: Duration = Duration::from_secs(60);

async fn operator(installation: &Installation) -> (Process, String) {
    let arguments = ["operator", "--listen", "127.0.0.1:0"];
    Process::start_listening(&mut vinculo(installation.folder(), arguments)).await
}

async fn ask(ach: &Ach, persona: &vinculo_operator::Persona, number_of_try: u32) -> Outcome {
    let question = Question {
        document: persona.document(),
        months: 24,
        user: None,
        extra_headers: vec![(TRY_HEADER.to_owned(), number_of_try.to_string())],
    };
    ach.ask(&question, PATIENT).await.outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connector_reads_every_persona() {
    let installation = Installation::sqlite();
    let (mut process, url) = operator(&installation).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let clock = Clock::new(|| SystemClock.now(), || SystemClock.elapsed());
    let ach = Ach::new(AchConfig::new(url), http, clock).expect("a connector");
    let mut outcomes = Vec::new();
    for persona in personas().iter().filter(|persona| persona.seconds() == 0) {
        let first = ask(&ach, persona, 1).await;
        let third = ask(&ach, persona, 3).await;
        if let Outcome::Resolved(answer) = &third {
            let document = persona.document();
            assert!(answer.contributions.iter().all(|line| line.person == document));
            assert!(!answer.contributions.is_empty(), "{}", persona.number);
        }
        outcomes.push(format!("{} {} {}", persona.number, first.code(), third.code()));
    }
    insta::assert_snapshot!(outcomes.join("\n"), @r"
    1999000001 resolved resolved
    1999000002 resolved resolved
    1999000003 resolved resolved
    1999000004 resolved resolved
    1999000005 resolved resolved
    1999000006 resolved resolved
    1999000007 resolved resolved
    1999000008 resolved resolved
    1999000009 resolved resolved
    1999000010 resolved resolved
    1999000011 resolved resolved
    1999000012 resolved resolved
    1999000013 resolved resolved
    1999000014 resolved resolved
    1999000015 resolved resolved
    1999000016 resolved resolved
    1999000017 resolved resolved
    1999000018 resolved resolved
    1999000019 resolved resolved
    1999000020 resolved resolved
    1999000021 resolved resolved
    1999000022 resolved resolved
    1999000204 no_data no_data
    1999000400 invalid_input invalid_input
    1999000401 not_authorized not_authorized
    1999000404 no_data no_data
    1999000409 fault fault
    1999000429 retry_later retry_later
    1999000451 withheld withheld
    1999000500 fault fault
    1999000502 fault fault
    1999000503 retry_later resolved
    ");
    process.terminate();
    assert!(process.ended().await.success());
}

#[test]
fn the_country_is_written_as_planillas_that_can_be_imported() {
    let installation = Installation::sqlite();
    let folder = installation.folder().join("planillas");
    let out = folder.to_str().expect("a path");
    let export = |payers: &str| {
        let arguments = ["operator", "export", "--months", "2", "--payers", payers, "--out", out];
        finished(&mut vinculo(installation.folder(), arguments))
    };
    let told = export("3").accepted();
    let files = std::fs::read_dir(&folder).expect("the folder").count();
    assert!(files >= 8 && told.starts_with(&format!("{files} files with ")), "{told}");
    let refused = export("3").refused();
    assert!(refused.starts_with("cannot write "), "{refused}");
    installation.run(&["pila", "import", out, "--environment", "production"]).accepted();
    for payers in ["0", "361"] {
        let refused = export(payers).refused();
        assert!(refused.starts_with(&format!("--payers {payers}: there are 1 to 360")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_asks_the_operator_it_is_given() {
    let installation = Installation::sqlite();
    let (mut operator, url) = operator(&installation).await;
    let receiver = Receiver::start().await;
    installation.webhook("sandbox", &receiver.url);
    let mut command = installation.serve_command();
    command.env("VINCULO_SANDBOX_OPERATOR_URL", url);
    let (_server, base) = Process::start_listening(&mut command).await;
    let client = installation.client("sandbox", &base);
    let link = client.link("1999000002").await;
    receiver.until_told(std::slice::from_ref(&link)).await;
    assert_eq!(client.counts(&link).await, (2, 1));
    // Nobody else answered: without the operator there is no answer.
    operator.kill();
    assert_eq!(refusal(&client, "1999000001").await, "institution_down");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_asks_the_operator_it_is_given() {
    let installation = Installation::sqlite();
    let (_operator, url) = operator(&installation).await;
    let receiver = Receiver::start().await;
    installation.webhook("production", &receiver.url);
    let mut command = installation.serve_command();
    command.env("VINCULO_SOURCE_PRODUCTION", "ach").env("VINCULO_ACH_BASE_URL", url);
    let (_server, base) = Process::start_listening(&mut command).await;
    let client = installation.client("production", &base);
    let link = client.link("1999000004").await;
    receiver.until_told(std::slice::from_ref(&link)).await;
    assert_eq!(client.counts(&link).await, (2, 1));
    assert_eq!(refusal(&client, "1999000404").await, "login_error");
    let sandbox = installation.client("sandbox", &base);
    let (status, _) = sandbox.get(&format!("/api/links/{}/", link.0)).await;
    assert_eq!(status, 404, "a link belongs to its environment");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_sources_are_asked_in_order() {
    let installation = Installation::sqlite();
    let (_operator, url) = operator(&installation).await;
    let planilla = sample("01-nandu-E-2025-10.txt");
    let planilla = planilla.to_str().expect("a path");
    installation.run(&["pila", "import", planilla, "--environment", "production"]).accepted();
    let mut command = installation.serve_command();
    command.env("VINCULO_SOURCE_PRODUCTION", "planillas,ach").env("VINCULO_ACH_BASE_URL", url);
    let (_server, base) = Process::start_listening(&mut command).await;
    let client = installation.client("production", &base);
    client.link("1900000101").await;
    client.link("1999000001").await;
    assert_eq!(refusal(&client, "1999000404").await, "login_error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_is_told_who_asks() {
    for (kind, expected) in
        [("basic", "Basic Y3VzdG9tZXI6cGFzcy1vZi1hY2g="), ("bearer", "Bearer token-of-ach")]
    {
        let (url, asked) = picky_operator(expected).await;
        let installation = Installation::sqlite();
        let mut command = installation.serve_command();
        command.env("VINCULO_SOURCE_PRODUCTION", "ach").env("VINCULO_ACH_BASE_URL", url);
        command.env("VINCULO_ACH_AUTH", kind).env("VINCULO_ACH_USERNAME", "customer");
        command.env("VINCULO_ACH_PASSWORD", "pass-of-ach").env("VINCULO_ACH_TOKEN", "token-of-ach");
        command.env("VINCULO_LOG", "debug");
        let (mut server, base) = Process::start_listening(&mut command).await;
        let client = installation.client("production", &base);
        assert_eq!(refusal(&client, "1999000001").await, "login_error");
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{kind}");
        server.kill();
        let encoded = expected.split_once(' ').expect("a value").1;
        server.assert_silent(["pass-of-ach", "token-of-ach", encoded, "1999000001"]);
    }
}

/// An operator that knows nobody, and tells only callers with this `Authorization`.
async fn picky_operator(expected: &'static str) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answer = move |headers: HeaderMap| async move {
        if headers.get("authorization").is_none_or(|value| value != expected) {
            return StatusCode::UNAUTHORIZED;
        }
        count.fetch_add(1, Ordering::Relaxed);
        StatusCode::NOT_FOUND
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

/// The code a link was refused with.
async fn refusal(client: &Client, document: &str) -> String {
    let answer = client.post_link(document).await.expect("an answer");
    assert_eq!(answer.status(), 400);
    let body: Value = answer.json().await.expect("JSON");
    body[0]["code"].as_str().expect("a code").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named() {
    let installation = Installation::sqlite();
    let (_operator, url) = operator(&installation).await;
    let address = url.strip_prefix("http://").expect("a URL");
    let again = vinculo(installation.folder(), ["operator", "--listen", address]);
    let refused = finished(&mut { again }).refused();
    assert!(refused.starts_with(&format!("cannot listen on {address}: ")), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_leaves_links_to_the_server_on_sqlite() {
    an_import_leaves_links_to_the_server(&Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_leaves_links_to_the_server_on_postgres() {
    an_import_leaves_links_to_the_server(&Installation::postgres()).await;
}

/// `pila import` knows neither the sources nor the webhook settings that the server runs with.
async fn an_import_leaves_links_to_the_server(installation: &Installation) {
    let (_operator, url) = operator(installation).await;
    let receiver = Receiver::start().await;
    installation.webhook("production", &receiver.url);
    let serve = |worker: &str| {
        let mut command = installation.serve_command();
        command.env("VINCULO_SOURCE_PRODUCTION", "ach").env("VINCULO_ACH_BASE_URL", &url);
        command.env("VINCULO_NO_WORKER", worker);
        command
    };
    let (mut server, base) = Process::start_listening(&mut serve("true")).await;
    let client = installation.client("production", &base);
    let link = client.link("1999000002").await;
    server.kill();
    let file = sample("01-nandu-E-2025-10.txt");
    let file = file.to_str().expect("a path");
    installation.run(&["pila", "import", file, "--environment", "production"]).accepted();
    assert_eq!(receiver.hooks().len(), 0);
    let (_server, base) = Process::start_listening(&mut serve("false")).await;
    receiver.until_told(std::slice::from_ref(&link)).await;
    assert_eq!(client.at(&base).counts(&link).await, (2, 1));
}
