//! A connector, a person, and an operator that answers canned bytes.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vinculo_pila::{Document, DocumentKind};
use vinculo_sources::ach::{Ach, AchConfig};
use vinculo_sources::{Answer, Clock, Connector, Outcome, Question, Received};

/// The moment every test happens at.
pub(crate) const NOW: &str = "2026-11-24T15:00:00Z";

/// Long enough for loopback on a busy machine; no test waits for it.
pub(crate) const PATIENT: Duration = Duration::from_secs(30);

pub(crate) fn now() -> Timestamp {
    NOW.parse().expect("a timestamp")
}

pub(crate) fn still_clock() -> Clock {
    Clock::new(now, Duration::default)
}

/// A clock by which one second has passed at every look, and which is set an hour back each time.
pub(crate) fn ticking_clock() -> Clock {
    let (hours, seconds) = (AtomicI64::new(0), AtomicU64::new(0));
    Clock::new(
        move || now() - SignedDuration::from_hours(hours.fetch_add(1, Ordering::Relaxed)),
        move || Duration::from_secs(seconds.fetch_add(1, Ordering::Relaxed)),
    )
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

pub(crate) fn connector(config: AchConfig) -> Ach {
    Ach::new(config, client(), still_clock()).expect("a usable configuration")
}

/// A connector that is only used to read. One for all: a client is dear to build.
pub(crate) fn reader() -> &'static Ach {
    static READER: LazyLock<Ach> =
        LazyLock::new(|| connector(AchConfig::new("https://operator.invalid")));
    &READER
}

pub(crate) fn person() -> Document {
    Document::new(DocumentKind::Cc, "1900500001")
}

pub(crate) fn question() -> Question {
    Question { document: person(), months: 24, user: None, extra_headers: Vec::new() }
}

/// A row of [`person`] with the given keys on top; null removes nothing, it is sent as null.
pub(crate) fn row(changes: Value) -> Value {
    let mut row = json!({
        "razonSocial": "HILADOS EJEMPLO S.A.S.",
        "tipoDocumentoAportante": "NI",
        "numeroDocumentoAportante": "999500101",
        "tipoDocumentoUsuario": "CC",
        "numeroDocumentoUsuario": "1900500001",
        "periodoCotizacion": "2026-09",
        "codTipoCotizante": "1",
        "codTipoPlanilla": "E",
        "salarioBasico": 2_600_000,
        "ingresoBaseCotizacionSalud": 2_600_000,
    });
    let fields = row.as_object_mut().expect("an object");
    for (key, value) in changes.as_object().expect("an object of changes") {
        fields.insert(key.clone(), value.clone());
    }
    row
}

/// What a list of rows is read as.
pub(crate) fn read(rows: Value) -> Outcome {
    let body = serde_json::to_vec(&rows).expect("JSON");
    outcome_of(reader(), 200, Some("application/json"), &body, &person())
}

/// What an answer is read as, without its code.
pub(crate) fn outcome_of(
    connector: &impl Connector,
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
    person: &Document,
) -> Outcome {
    connector.read(Received { status, content_type, body }, person).outcome
}

pub(crate) fn resolved(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Resolved(answer) => answer,
        other => panic!("not resolved: {other:?}"),
    }
}

/// What the one row with these keys is read as.
pub(crate) fn answer(changes: Value) -> Answer {
    resolved(read(json!([row(changes)])))
}

/// What to do with a connection after the request has arrived.
pub(crate) enum Reply {
    /// Write these bytes and close.
    Bytes(Vec<u8>),
    /// Write these bytes and keep the connection open.
    Hang(Vec<u8>),
    /// Close with a reset.
    Reset,
}

/// A listener on loopback that serves one connection; gives its base URL and, once the request
/// has been read, the request.
pub(crate) async fn serve(reply: Reply) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        answer_one(stream, reply).await
    });
    (format!("http://{address}"), task)
}

/// Serves one connection after the other, with these bytes each; gives the base URL and, once all
/// have been served, the requests.
pub(crate) async fn serve_all(
    replies: Vec<Vec<u8>>,
) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for reply in replies {
            let (stream, _) = listener.accept().await.expect("a connection");
            requests.push(answer_one(stream, Reply::Bytes(reply)).await);
        }
        requests
    });
    (format!("http://{address}"), task)
}

/// Whether all of a request is there, or a TLS record.
fn is_whole(request: &[u8]) -> bool {
    if request.first() == Some(&0x16) {
        return true;
    }
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().expect("a length"))
}

pub(crate) async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    while !is_whole(&request) {
        let read = stream.read_buf(&mut request).await.expect("a request");
        assert_ne!(read, 0, "the client went away");
    }
    String::from_utf8_lossy(&request).into_owned()
}

async fn answer_one(mut stream: TcpStream, reply: Reply) -> String {
    let request = read_request(&mut stream).await;
    match reply {
        Reply::Bytes(bytes) => {
            stream.write_all(&bytes).await.expect("written");
            stream.shutdown().await.expect("closed");
        }
        Reply::Hang(bytes) => {
            stream.write_all(&bytes).await.expect("written");
            // Until the client gives up.
            let _ = stream.read(&mut [0; 1]).await;
        }
        Reply::Reset => stream.set_zero_linger().expect("a socket option"),
    }
    request
}

/// The bytes of an HTTP answer.
pub(crate) fn http(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}
