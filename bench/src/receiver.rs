//! A receiver of webhooks that keeps what came, byte for byte, and behaves as its path says.
//!
//! `/ok` answers 200; `/hang` never answers; `/drip` answers 200 and a byte a second; `/endless`
//! answers 200 and never stops; `/gzip` answers 200 and little that would inflate to much; `/fail` answers 500; `/break` breaks off in its answer; `/busy/20` takes 20
//! ms for each; `/late` keeps the first of each event until it is released with
//! 500, and answers 200 to the others. `GET /report` tells what came.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// A piece of an endless answer.
const PIECE: Bytes = Bytes::from_static(&[b'x'; 16 * 1024]);

/// The letter of which an answer of `/gzip` would have so many if somebody inflated it.
pub const INFLATED: u8 = b'z';
const BOMB_BYTES: usize = 32 << 20;

static BOMB: LazyLock<Bytes> = LazyLock::new(|| {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // A vector takes everything.
    let written = encoder.write_all(&vec![INFLATED; BOMB_BYTES]).and_then(|()| encoder.finish());
    written.map(Bytes::from).unwrap_or_default()
});

/// What came of one event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Event {
    /// `link_id` of its body; empty for a test.
    pub link: String,
    /// `webhook_type` of its body.
    pub kind: String,
    /// When each copy came: microseconds since the receiver started.
    pub arrivals_us: Vec<u64>,
    /// Copies whose bytes are not those of the first, or whose header names another event.
    pub differing: u32,
    #[serde(skip)]
    body: Bytes,
}

/// Everything that came.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Requests that `/hang` holds.
    pub hanging: usize,
    /// Requests whose sender gave `/hang` up.
    pub given_up: usize,
    /// By `webhook-id`.
    pub events: HashMap<String, Event>,
}

/// A listening receiver of this process.
#[derive(Clone)]
pub struct Receiver {
    /// Where it listens, without a path.
    pub url: String,
    book: Arc<Book>,
}

struct Book {
    started: Instant,
    events: Mutex<HashMap<String, Event>>,
    released: watch::Sender<bool>,
    /// How many `/busy` has at the moment, and had at most.
    busy: [AtomicUsize; 2],
    hung: Mutex<Hung>,
}

/// Requests to `/hang`: those that it holds, and those that were given up.
#[derive(Default)]
struct Hung {
    held: usize,
    given_up: usize,
}

/// A request that hangs until its sender hangs up.
struct Hanging<'a>(&'a Book);

/// A request to `/busy`, until it is answered or its sender hangs up.
struct Busy<'a>(&'a Book);

impl Receiver {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)
    }

    /// Listens there.
    ///
    /// # Errors
    /// When the address is not known.
    pub fn start_on(listener: TcpListener) -> anyhow::Result<Self> {
        let url = format!("http://{}", listener.local_addr()?);
        let (released, _) = watch::channel(false);
        let book = Arc::new(Book {
            started: Instant::now(),
            events: Mutex::default(),
            released,
            busy: Default::default(),
            hung: Mutex::default(),
        });
        let router = Router::new()
            .route("/ok", post(ok))
            .route("/hang", post(hang))
            .route("/drip", post(drip))
            .route("/endless", post(endless))
            .route("/gzip", post(gzip))
            .route("/fail", post(fail))
            .route("/break", post(break_off))
            .route("/busy/{ms}", post(busy))
            .route("/late", post(late))
            .route("/release", post(release))
            .route("/report", get(report))
            .route("/now", get(now))
            .with_state(Arc::clone(&book));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, book })
    }

    /// When the first copy of each of these events came; `None` while one is missing.
    #[must_use]
    pub fn arrivals(&self, ids: &[String]) -> Option<Vec<Instant>> {
        let events = self.book.events.lock().unwrap_or_else(PoisonError::into_inner);
        let first = |id| {
            let us = *events.get(id)?.arrivals_us.first()?;
            Some(self.book.started + Duration::from_micros(us))
        };
        ids.iter().map(first).collect()
    }

    /// How many copies of all events came.
    #[must_use]
    pub fn copies(&self) -> usize {
        let events = self.book.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.values().map(|event| event.arrivals_us.len()).sum()
    }

    /// How many requests `/busy` had at most at once.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.book.busy[1].load(Ordering::Relaxed)
    }

    /// How many events came.
    #[must_use]
    pub fn count(&self) -> usize {
        self.book.events.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Book {
    fn hung(&self) -> MutexGuard<'_, Hung> {
        self.hung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Writes a copy down; which one of its event it is, from 1 on.
    fn note(&self, headers: &HeaderMap, body: Bytes) -> usize {
        let now = self.now_us();
        let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let wire: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name: &str| wire[name].as_str().unwrap_or_default().to_owned();
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let event = events.entry(id.to_owned()).or_insert_with(|| Event {
            link: text("link_id"),
            kind: text("webhook_type"),
            body: body.clone(),
            ..Event::default()
        });
        event.differing += u32::from(event.body != body || text("webhook_id") != id);
        event.arrivals_us.push(now);
        event.arrivals_us.len()
    }
}

impl<'a> Hanging<'a> {
    fn on(book: &'a Book) -> Self {
        book.hung().held += 1;
        Self(book)
    }
}

impl<'a> Busy<'a> {
    fn with(book: &'a Book) -> Self {
        let [now, most] = &book.busy;
        most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Self(book)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy[0].fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        let mut hung = self.0.hung();
        hung.held -= 1;
        hung.given_up += 1;
    }
}

async fn ok(State(book): State<Arc<Book>>, headers: HeaderMap, body: Bytes) {
    book.note(&headers, body);
}

async fn hang(State(book): State<Arc<Book>>, headers: HeaderMap, body: Bytes) {
    book.note(&headers, body);
    let _held = Hanging::on(&book);
    std::future::pending::<()>().await;
}

async fn drip(State(book): State<Arc<Book>>, headers: HeaderMap, body: Bytes) -> Response {
    book.note(&headers, body);
    let drops = stream::unfold((), |()| async {
        sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b".")), ()))
    });
    Body::from_stream(drops).into_response()
}

async fn endless(State(book): State<Arc<Book>>, headers: HeaderMap, body: Bytes) -> Response {
    book.note(&headers, body);
    Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(PIECE))).into_response()
}

async fn gzip(State(book): State<Arc<Book>>, headers: HeaderMap, body: Bytes) -> Response {
    book.note(&headers, body);
    ([(CONTENT_ENCODING, "gzip")], BOMB.clone()).into_response()
}

async fn fail(State(book): State<Arc<Book>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    book.note(&headers, body);
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn break_off(State(book): State<Arc<Book>>, headers: HeaderMap, body: Bytes) -> Response {
    book.note(&headers, body);
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let pieces = [Ok(Bytes::from_static(b".")), Err(broken)];
    Body::from_stream(stream::iter(pieces)).into_response()
}

async fn busy(State(book): State<Arc<Book>>, Path(ms): Path<u64>, headers: HeaderMap, body: Bytes) {
    let _busy = Busy::with(&book);
    sleep(Duration::from_millis(ms)).await;
    book.note(&headers, body);
}

async fn late(State(book): State<Arc<Book>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if book.note(&headers, body) > 1 {
        return StatusCode::OK;
    }
    // The book, and with it the sender, outlives this.
    let _ = book.released.subscribe().wait_for(|released| *released).await;
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn release(State(book): State<Arc<Book>>) {
    book.released.send_replace(true);
}

async fn report(State(book): State<Arc<Book>>) -> Json<Report> {
    let events = book.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let hung = book.hung();
    Json(Report { hanging: hung.held, given_up: hung.given_up, events })
}

/// Microseconds since the receiver started.
async fn now(State(book): State<Arc<Book>>) -> Json<u64> {
    Json(book.now_us())
}
