//! Starting, being looked at, and stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use vinculo_server::clock::{Clock as _, SystemClock};

use crate::support::{Client, Gate, Installation, Process, Receiver, in_the_end, look_again};

fn address(base: &str) -> SocketAddr {
    base.strip_prefix("http://").expect("a URL").parse().expect("an address")
}

/// The port is free; whoever asked for any free one may have it for a while.
async fn assert_given_back(base: &str) {
    in_the_end("the port being free", async {
        while TcpListener::bind(address(base)).await.is_err() {
            look_again().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_that_it_lives_and_is_ready() {
    let installation = Installation::sqlite();
    let (_server, base) = installation.serve().await;
    let client = installation.client("sandbox", &base);
    assert_eq!(client.get("/livez").await, (200, "ok".into()));
    let (status, body) = client.get("/readyz").await;
    assert_eq!((status, &body["ready"]), (200, &true.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_database_lives_but_is_not_ready() {
    let installation = Installation::postgres();
    let (_server, base) = installation.serve().await;
    let client = installation.client("sandbox", &base);
    let (status, body) = client.get("/readyz").await;
    assert_eq!((status, &body["ready"]), (200, &true.into()));
    installation.lose_database();
    let (status, body) = client.get("/readyz").await;
    // It is asked for some seconds: who is told of the end later than that has waited for an answer.
    let database = ["does not answer", "does not answer in time"].map(
        |message| serde_json::json!({ "name": "database", "ready": false, "message": message }),
    );
    assert!(status == 503 && database.contains(&body["checks"][0]), "{status} {body}");
    assert_eq!(client.get("/livez").await, (200, "ok".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_stops_and_gives_its_port_back() {
    let installation = Installation::sqlite();
    let (mut server, base) = installation.serve().await;
    let client = installation.client("sandbox", &base);
    // The client keeps its connection open.
    assert_eq!(client.get("/livez").await.0, 200);
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    assert_given_back(&base).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_that_it_stops_before_it_takes_nobody_more() {
    let installation = Installation::sqlite();
    let mut command = installation.serve_command();
    let (mut server, base) = Process::start_listening(command.args(["--stop-delay", "3600"])).await;
    let key = installation.key("sandbox");
    server.terminate();
    server.logs("stopping").await;
    // On a new connection each.
    let client = || Client::new(&base, key.clone());
    let stopping = serde_json::json!({
        "name": "stopping", "ready": false, "message": "was told to stop"
    });
    in_the_end("word of the stop", async {
        while client().get("/readyz").await.0 == 200 {
            look_again().await;
        }
    })
    .await;
    assert_eq!(client().get("/readyz").await.1["checks"][0], stopping);
    let made = client().link("1999000001").await;
    assert_eq!(client().links().await, [made]);
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    assert_given_back(&base).await;
}

/// A server that has been told to stop, on a database that does not answer until the second value is
/// dropped.
async fn stopping_without_answers(installation: &Installation) -> (Process, postgres::Client) {
    let (mut server, base) = installation.serve().await;
    let url = installation.url();
    let holder = tokio::task::spawn_blocking(move || {
        let mut holder = postgres::Client::connect(&url, postgres::NoTls).expect("connected");
        // Where this and the worker wait for each other, it is the worker whose statement fails.
        let everything = "set deadlock_timeout = '1h'; begin; \
                          lock table links, workspaces, api_keys, jobs, deliveries \
                          in access exclusive mode";
        holder.batch_execute(everything).expect("locked");
        holder
    });
    let holder = holder.await.expect("no panic");
    let mut client = TcpStream::connect(address(&base)).await.expect("connected");
    let ask = "GET /api/links/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\n\r\n";
    client.write_all(ask.as_bytes()).await.expect("sent");
    // The database has the question, and waits.
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
                 and datname = current_database()";
    in_the_end("a statement that waits", async {
        while installation.sql(waits) == "0" {
            look_again().await;
        }
    })
    .await;
    server.terminate();
    server.logs("stopping").await;
    (server, holder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_server_at_once() {
    let installation = Installation::postgres();
    let (mut server, holder) = stopping_without_answers(&installation).await;
    server.signal("INT");
    assert_eq!(server.ended().await.code(), Some(1));
    let said = server.everything_said();
    assert!(said.contains("error: ended at once, at a second signal"), "{said}");
    tokio::task::spawn_blocking(|| drop(holder)).await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_does_not_keep_a_server() {
    let installation = Installation::postgres();
    let (mut server, holder) = stopping_without_answers(&installation).await;
    assert_eq!(server.ended().await.code(), Some(1));
    let said = server.everything_said();
    assert!(said.contains("error: the database does not answer: ended without it"), "{said}");
    tokio::task::spawn_blocking(|| drop(holder)).await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_the_making_is_finished_before_the_server_stops() {
    let installation = Installation::sqlite();
    let (operator, answers, questions) = slow_operator().await;
    let receiver = Receiver::start().await;
    installation.webhook("production", &receiver.url);
    let mut command = installation.serve_command();
    command.env("VINCULO_SOURCE_PRODUCTION", "ach").env("VINCULO_ACH_BASE_URL", operator);
    let (mut server, base) = Process::start_listening(&mut command).await;
    let client = installation.client("production", &base);
    let maker = client.clone();
    let link = tokio::spawn(async move { maker.link("1999000001").await });
    in_the_end("the question", questions.acquire()).await.expect("a question").forget();
    server.terminate();
    server.logs("stopping").await;
    answers.add_permits(1);
    let link = link.await.expect("a link");
    assert_eq!(server.ended().await.code(), Some(0));
    // Whatever the stopped server left undone, the next one does.
    let (_server, base) = Process::start_listening(&mut command).await;
    receiver.until_told(std::slice::from_ref(&link)).await;
    assert_eq!(client.at(&base).counts(&link).await, (1, 1));
}

/// The simulated operator, taking its time: it tells of each question, and answers one per permit.
async fn slow_operator() -> (String, Arc<Semaphore>, Arc<Semaphore>) {
    let (answers, questions) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (permits, told) = (Arc::clone(&answers), Arc::clone(&questions));
    let wait = move |request: Request, next: Next| {
        let (permits, told) = (Arc::clone(&permits), Arc::clone(&told));
        async move {
            told.add_permits(1);
            permits.acquire().await.expect("open").forget();
            next.run(request).await
        }
    };
    let operator = vinculo_operator::Operator::new(Arc::new(|| SystemClock.now()));
    let router = vinculo_operator::router(operator).layer(from_fn(wait));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, answers, questions)
}

/// How long a webhook may take.
const TRY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_on_its_way_is_recorded_before_the_server_stops() {
    // Nothing is said by a stop that comes so late that the answers may have.
    in_the_end("a stop while webhooks are on their way", async {
        while !stopped_beside_webhooks().await {}
    })
    .await;
}

/// Stops a server whose webhooks are not answered yet, and looks at what it has recorded. `false`, and nothing
/// looked at, when it may have given them up before.
async fn stopped_beside_webhooks() -> bool {
    let installation = Installation::sqlite();
    let receiver = Receiver::start().await;
    installation.webhook("sandbox", &receiver.url);
    let (mut server, base) = installation.serve().await;
    receiver.set(Gate::Hold);
    let client = installation.client("sandbox", &base);
    let started = SystemClock.elapsed();
    client.link("1999000001").await;
    receiver.until("both webhooks", |hooks| hooks.len() == 2).await;
    server.terminate();
    server.logs("stopping").await;
    receiver.set(Gate::Release);
    assert_eq!(server.ended().await.code(), Some(0));
    if SystemClock.elapsed() - started > TRY {
        return false;
    }
    let pending = installation.store().read(|tx| tx.pending_work()).await;
    assert_eq!(pending.expect("a number"), 0);
    assert_eq!(receiver.hooks().len(), 2);
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_never_ends_does_not_keep_the_server() {
    let installation = Installation::sqlite();
    let (operator, _answers, questions) = slow_operator().await;
    let mut command = installation.serve_command();
    command.env("VINCULO_SANDBOX_OPERATOR_URL", operator);
    let (mut server, base) = Process::start_listening(&mut command).await;
    let client = installation.client("sandbox", &base);
    // A client that says nothing at all, and one that waits for a source that says nothing.
    let mut silent = TcpStream::connect(address(&base)).await.expect("a connection");
    let waiting = tokio::spawn(async move { client.post_link("1999000001").await });
    in_the_end("the question", questions.acquire()).await.expect("a question").forget();
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    // A source that is asked for too long is given up, maybe while the server still waits for the request.
    let made = waiting.await.expect("no panic").is_ok_and(|answer| answer.status() == 201);
    assert!(!made, "nobody knows whether the person has data");
    assert!(matches!(silent.read(&mut [0]).await, Ok(0) | Err(_)));
}
