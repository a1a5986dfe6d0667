//! What goes wrong on the way or inside is said in the contract's shape too.

use std::time::Duration;

use http::Method;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::interval;
use vinculo_server::config::Config;
use vinculo_server::{IssuedKey, issue_key};
use vinculo_store::{Environment, KeyTerms, NewApiKey};

use crate::support::{Mood, Setup, TestApp, TestDatabase, link_request, on_both_databases, soon};

on_both_databases!(
    an_operator_that_never_answers_ends_in_a_timeout,
    a_request_that_takes_too_long_ends_and_an_upload_does_not,
    a_body_that_never_ends_ends_in_a_timeout,
    a_body_that_trickles_ends_in_a_timeout,
    a_head_that_never_ends_ends_the_connection,
    a_connection_rests_longer_than_a_head_may_take,
    a_head_may_not_be_of_any_size,
    a_client_that_takes_no_answer_is_given_up,
    a_request_names_its_host,
    a_refusal_before_the_body_keeps_the_connection,
    a_refusal_before_a_long_body_ends_the_connection,
    a_refusal_is_no_invitation_to_send_the_body,
    an_unexpected_failure_tells_nothing,
    a_database_that_is_gone_is_said_to_be_so,
);

const UNEXPECTED: &str = "Belvo is unable to process the request due to an internal system issue \
                          or to an unsupported response from an institution";

/// Shorter than anybody would configure: what runs into it never ends by itself.
fn impatient(config: &mut Config) {
    config.request_timeout = Duration::from_millis(200);
    config.body_timeout = Duration::from_millis(200);
    config.header_timeout = Duration::from_millis(200);
}

/// Status, headers of interest and the one object of the body; a failure of the server's own is what
/// is looked for here.
async fn failure(request: RequestBuilder) -> (u16, Option<String>, Value) {
    let response = request.send().await.expect("no answer");
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
    let (retry, id) = (header("retry-after"), header("x-request-id").expect("no id"));
    assert_eq!(header("content-type").as_deref(), Some("application/json"));
    let body: Value = response.json().await.expect("not JSON");
    let [item] = body.as_array().expect("no list").as_slice() else { panic!("{body}") };
    assert_eq!(item["request_id"], id);
    (status, retry, json!({ "code": item["code"], "message": item["message"] }))
}

async fn an_operator_that_never_answers_ends_in_a_timeout(database: TestDatabase) {
    let short = |config: &mut Config| config.request_timeout = Duration::from_millis(200);
    let app = Setup::new(database).configure(short).start().await;
    app.operator_is(Mood::Silent);
    let more = json!({ "access_mode": "single" });
    let answer = app.sandbox().post("/api/links/", &link_request("1999000001", more)).await;
    assert_eq!((answer.status, answer.codes()), (408, vec!["request_timeout".to_owned()]));
    app.operator_is(Mood::Helpful);
    app.finish().await;
}

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.base().trim_start_matches("http://")).await.expect("no connection")
}

/// Everything the server says until it closes the connection.
async fn heard(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is reset has said all it will say.
    let _ = soon("the end of the connection", stream.read_to_end(&mut text)).await;
    String::from_utf8(text).expect("no text")
}

/// Connections on which a body was begun, each for another kind of handler, and is far from its end.
async fn begun_bodies(app: &TestApp) -> Vec<TcpStream> {
    let request = app.sandbox().request(Method::POST, "/api/links/").build().unwrap();
    let key = request.headers()["authorization"].to_str().unwrap().to_owned();
    let mut begun = Vec::new();
    for path in ["/api/links/", "/manage/v1/imports/", "/manage/v1/cohorts/", "/manage/v1/keys/"] {
        let mut stream = connect(app).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: h\r\nauthorization: {key}\r\ncontent-length: 8000\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        begun.push(stream);
    }
    begun
}

async fn a_request_that_takes_too_long_ends_and_an_upload_does_not(database: TestDatabase) {
    let short = |config: &mut Config| {
        config.request_timeout = Duration::from_millis(200);
        // No piece of a body is late before the test gives up.
        config.body_timeout = Duration::from_secs(600);
    };
    let app = Setup::new(database).configure(short).start().await;
    let begun: [TcpStream; 4] = begun_bodies(&app).await.try_into().expect("four");
    let [link, import, cohort, key] = begun;
    for mut stream in [link, key] {
        assert_eq!(status(&mut stream).await, "HTTP/1.1 408");
    }
    for mut stream in [import, cohort] {
        stream.write_all(" ".repeat(7_999).as_bytes()).await.unwrap();
        assert_ne!(status(&mut stream).await, "HTTP/1.1 408");
    }
    app.settled().await;
    app.finish().await;
}

/// The beginning of an answer.
async fn status(stream: &mut TcpStream) -> String {
    let mut status = [0; 12];
    soon("an answer", stream.read_exact(&mut status)).await.expect("no answer");
    String::from_utf8(status.to_vec()).expect("no text")
}

async fn a_body_that_never_ends_ends_in_a_timeout(database: TestDatabase) {
    // The question at the end may take its time.
    let impatient = |config: &mut Config| config.body_timeout = Duration::from_millis(200);
    let app = Setup::new(database).configure(impatient).start().await;
    for stream in begun_bodies(&app).await {
        let said = heard(stream).await;
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        assert!(said.contains("[{\"request_id\":") && said.contains("request_timeout"), "{said}");
    }
    assert!(app.production().results("/manage/v1/imports/").await.is_empty());
    app.finish().await;
}

async fn a_body_that_trickles_ends_in_a_timeout(database: TestDatabase) {
    // A byte every now and then is no silence, and the whole request may take its time.
    let slow = |config: &mut Config| config.body_timeout = Duration::from_millis(200);
    let app = Setup::new(database).configure(slow).start().await;
    for stream in begun_bodies(&app).await {
        let (mut answer, mut body) = stream.into_split();
        let mut every = interval(Duration::from_millis(40));
        let trickle = async {
            while body.write_all(b" ").await.is_ok() {
                every.tick().await;
            }
            std::future::pending::<()>().await;
        };
        let mut said = String::new();
        tokio::select! {
            () = trickle => {}
            _ = soon("the end of the connection", answer.read_to_string(&mut said)) => {}
        }
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    }
    app.finish().await;
}

async fn a_head_that_never_ends_ends_the_connection(database: TestDatabase) {
    let app = Setup::new(database).configure(impatient).start().await;
    for begun in [&b"GET /livez HTTP/1.1\r\nhost:"[..], b"G", b""] {
        let mut stream = connect(&app).await;
        stream.write_all(begun).await.unwrap();
        assert_eq!(heard(stream).await, "");
    }
    app.finish().await;
}

async fn a_connection_rests_longer_than_a_head_may_take(database: TestDatabase) {
    let short = |config: &mut Config| config.header_timeout = Duration::from_secs(2);
    let app = Setup::new(database).configure(short).start().await;
    let request = b"GET /livez HTTP/1.1\r\nhost: h\r\n\r\n";
    let answered = async || {
        let mut stream = connect(&app).await;
        stream.write_all(request).await.unwrap();
        next_answer(&mut stream).await;
        stream
    };
    let (mut resting, mut slow) = (answered().await, answered().await);
    // The one begins its next head after the other has begun to rest, and is given up first.
    slow.write_all(&request[..9]).await.unwrap();
    assert_eq!(heard(slow).await, "");
    resting.write_all(request).await.unwrap();
    let said = next_answer(&mut resting).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    app.finish().await;
}

async fn a_head_may_not_be_of_any_size(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.stranger();
    let with =
        |size: usize| client.request(Method::GET, "/livez").header("x-long", "a".repeat(size));
    assert_eq!(client.send(with(60 * 1024)).await.status, 200);
    let refused = with(70 * 1024).send().await.expect("no answer");
    assert_eq!(refused.status().as_u16(), 431);
    app.finish().await;
}

async fn a_client_that_takes_no_answer_is_given_up(database: TestDatabase) {
    let impatient = |config: &mut Config| config.answer_silence = Duration::from_millis(200);
    let app = Setup::new(database).configure(impatient).start().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = app.base().trim_start_matches("http://").parse().unwrap();
    let mut stream = socket.connect(address).await.expect("no connection");
    // Far more than all buffers between the two can hold.
    let requests = "GET /api/openapi.json HTTP/1.1\r\nhost: h\r\n\r\n".repeat(1000);
    let given_up = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
    soon("the end of the connection", given_up).await;
    assert_eq!(app.sandbox().get("/api/").await.status, 200);
    app.finish().await;
}

/// The next answer on a connection, as far as its length says.
async fn next_answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let byte = soon("an answer", stream.read_u8()).await.expect("the connection has ended");
        text.push(byte);
        if !text.ends_with(b"\r\n\r\n") {
            continue;
        }
        let head = String::from_utf8(text.clone()).expect("no text").to_lowercase();
        let length = head.split("content-length: ").nth(1).expect(&head);
        let length: usize = length.lines().next().unwrap().parse().expect(&head);
        let mut body = vec![0; length];
        soon("its body", stream.read_exact(&mut body)).await.expect("the connection has ended");
        text.append(&mut body);
        return String::from_utf8(text).expect("no text");
    }
}

/// Requests that are refused for what their heads say: with which status, and a head without the
/// lines about its body.
fn refused_heads(app: &TestApp) -> Vec<(&'static str, String)> {
    let request = app.sandbox().request(Method::GET, "/api/").build().unwrap();
    let key = request.headers()["authorization"].to_str().unwrap().to_owned();
    let head =
        |line: &str, key: &str| format!("{line} HTTP/1.1\r\nhost: h\r\nauthorization: {key}\r\n");
    vec![
        ("401", head("POST /api/links/", "Basic bm86bm8=")),
        ("404", head("POST /api/nothing/", &key)),
        ("405", head("PATCH /api/co/employments/", &key)),
        ("401", head("POST /manage/v1/imports/", "Basic bm86bm8=")),
    ]
}

/// A request says once which host it is for. HTTP/1.0 need not: its next page is where this one is.
async fn a_request_names_its_host(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    for _ in 0..2 {
        client.create_link("1999000001", json!({ "access_mode": "single" })).await;
    }
    let request = client.request(Method::GET, "/api/").build().unwrap();
    let key = request.headers()["authorization"].to_str().unwrap().to_owned();
    let ask = async |line: &str, hosts: &str| {
        let mut stream = connect(&app).await;
        let head = format!("{line}\r\n{hosts}authorization: {key}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        next_answer(&mut stream).await
    };
    let page = "GET //api/links/?page_size=1&status=valid";
    for (version, hosts, status, next) in [
        ("1.1", "host: a.test:8080\r\n", 200, "http://a.test:8080/api/links/?page_size=1&"),
        ("1.1", "host: under_score\r\n", 200, "http://under_score/api/links/?page_size=1&"),
        ("1.1", "host: [::1]:8080\r\n", 200, "http://[::1]:8080/api/links/?page_size=1&"),
        ("1.0", "host: a.test\r\n", 200, "http://a.test/api/links/?page_size=1&"),
        ("1.0", "", 200, "/api/links/?page_size=1&"),
        ("1.1", "", 400, "The request has no Host header."),
        ("1.1", "host: a.test\r\nhost: a.test\r\n", 400, "more than one Host header."),
        ("1.1", "host: evil\"/<x>\r\n", 400, "is no host."),
        ("1.1", "host: a@b.test\r\n", 400, "\"a@b.test\" is no host."),
        ("1.1", "host: \r\n", 400, "\"\" is no host."),
        ("1.0", "host: a b\r\n", 400, "\"a b\" is no host."),
    ] {
        let said = ask(&format!("{page} HTTP/{version}"), hosts).await;
        assert!(
            said.starts_with(&format!("HTTP/{version} {status} ")),
            "{version} {hosts}: {said}"
        );
        let body: Value = serde_json::from_str(said.split_once("\r\n\r\n").unwrap().1).unwrap();
        let told = if status == 200 { &body["next"] } else { &body[0]["message"] };
        let told = told.as_str().unwrap();
        let as_expected = if status == 200 { told.starts_with(next) } else { told.ends_with(next) };
        assert!(as_expected, "{version} {hosts}: {told}");
        if status == 200 {
            assert!(told.ends_with("status=valid&page=2"), "{told}");
        } else {
            assert_eq!(body[0]["field"], "Host");
        }
    }
    app.finish().await;
}

async fn a_refusal_before_the_body_keeps_the_connection(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let next = "GET /livez HTTP/1.1\r\nhost: h\r\n\r\n";
    for (status, head) in refused_heads(&app) {
        for (sent_as, body) in [
            ("content-length: 13", "{\"link\": \"x\"}"),
            ("transfer-encoding: chunked", "2\r\n{\"\r\n3\r\na\":\r\n0\r\n\r\n"),
        ] {
            let mut stream = connect(&app).await;
            // Some clients send head and body apart; the answer is there before the body.
            stream.write_all(format!("{head}{sent_as}\r\n\r\n").as_bytes()).await.unwrap();
            let said = next_answer(&mut stream).await;
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
            stream.write_all(format!("{body}{next}").as_bytes()).await.unwrap();
            let said = next_answer(&mut stream).await;
            assert!(said.starts_with("HTTP/1.1 200 "), "{head}{sent_as}: {said}");
        }
    }
    app.finish().await;
}

async fn a_refusal_before_a_long_body_ends_the_connection(database: TestDatabase) {
    let app = Setup::new(database).configure(|config| config.body_limit = 100).start().await;
    for (status, head) in refused_heads(&app) {
        for (sent_as, body) in [
            ("content-length: 101", String::new()),
            ("transfer-encoding: chunked", format!("200\r\n{}", "x".repeat(0x200))),
        ] {
            let mut stream = connect(&app).await;
            stream.write_all(format!("{head}{sent_as}\r\n\r\n").as_bytes()).await.unwrap();
            let said = next_answer(&mut stream).await;
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
            let _ = stream.write_all(body.as_bytes()).await;
            assert_eq!(heard(stream).await, "", "{head}{sent_as}");
        }
    }
    app.finish().await;
}

async fn a_refusal_is_no_invitation_to_send_the_body(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for (status, head) in refused_heads(&app) {
        let mut stream = connect(&app).await;
        let head = format!("{head}content-length: 12\r\nexpect: 100-continue\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let said = heard(stream).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
    app.finish().await;
}

async fn an_unexpected_failure_tells_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = issue_key(&app.app, Environment::Sandbox, "broken".to_owned()).await.unwrap();
    let workspace = app.app.secrets_of(Environment::Sandbox).unwrap().workspace().id;
    // What no program could have written.
    let secret_id = app.app.uuid().unwrap();
    let inserted = app.app.store().write(move |tx| {
        let terms = KeyTerms {
            name: "broken".to_owned(),
            scopes: "read".to_owned(),
            allow_list: String::new(),
            expires_at: None,
        };
        let (secret_hash, created_at) = (&b"short"[..], 0);
        let terms = &terms;
        tx.insert_api_key(&NewApiKey { workspace, secret_id, secret_hash, terms, created_at })
    });
    inserted.await.unwrap();
    let client = app.client_of(&IssuedKey { secret_id, ..key });
    let (status, _, item) = failure(client.request(Method::GET, "/api/")).await;
    assert_eq!((status, item), (500, json!({ "code": "unexpected_error", "message": UNEXPECTED })));
    app.finish().await;
}

async fn a_database_that_is_gone_is_said_to_be_so(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    app.app.store().clone().close().await;
    let (status, retry, item) = failure(app.sandbox().request(Method::GET, "/api/")).await;
    assert_eq!((status, retry.as_deref()), (503, Some("1")));
    assert_eq!(item, json!({ "code": "service_unavailable", "message": UNEXPECTED }));
    app.finish_with_work_left().await;
}
