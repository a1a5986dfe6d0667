//! Sending finished spans: in batches, in a thread of its own, and no more than there is room for. A
//! collector that is slow, away or hostile costs spans, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use http::HeaderMap;
use jiff::Timestamp;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor as _,
};
use tokio::runtime::Handle;
use vinculo_server::clock::{Clock as _, SystemClock};
use vinculo_server::traces::LostSpans;

use super::Destination;
use crate::installation::http_client;

/// Spans that may wait.
const ROOM: usize = 4096;
/// Spans in one request.
const BATCH: usize = 512;
/// How long a span waits for others.
const DELAY: Duration = Duration::from_secs(2);
/// How long a request to the collector may take, and all tries of a batch.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read: it says at most what was refused, and why.
const ANSWER: usize = 64 * 1024;
/// How long the next failures go unsaid after one was logged.
const QUIET: Duration = Duration::from_secs(60);

/// Takes finished spans, at once, and sends them later.
pub(super) struct Outlet {
    processor: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    lost: LostSpans,
}

impl Outlet {
    /// Starts the thread that sends.
    pub(super) fn open(
        to: Destination,
        resource: &Resource,
        lost: LostSpans,
        runtime: &Handle,
    ) -> anyhow::Result<Self> {
        let way = Way { http: http_client()?, headers: to.headers, runtime: runtime.clone() };
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(way)
            .with_endpoint(to.url)
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_timeout(TIMEOUT)
            .build()
            .context("VINCULO_OTLP_ENDPOINT")?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = Counted {
            exporter,
            waiting: Arc::clone(&waiting),
            lost: lost.clone(),
            said: Mutex::default(),
        };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(ROOM)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let mut processor = BatchSpanProcessor::builder(counted).with_batch_config(config).build();
        processor.set_resource(resource);
        Ok(Self { processor, waiting, lost })
    }

    /// Takes a span, unless too many wait.
    pub(super) fn send(&self, span: SpanData) {
        // The queue behind this has as much room, and says to nobody what it drops.
        if self.waiting.fetch_add(1, Ordering::Relaxed) < ROOM {
            self.processor.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.lost.add(1);
        }
    }

    /// Sends what waits, within `timeout`: whether all of it went. Blocks.
    pub(super) fn close(&self, timeout: Duration) -> bool {
        self.processor.shutdown_with_timeout(timeout).is_ok()
    }
}

/// The exporter, with a count of what waits for it and of what it loses.
#[derive(Debug)]
struct Counted {
    exporter: opentelemetry_otlp::SpanExporter,
    waiting: Arc<AtomicUsize>,
    lost: LostSpans,
    /// When a failure was logged last.
    said: Mutex<Option<Timestamp>>,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let sent = self.exporter.export(batch).await;
        if let Err(error) = &sent {
            self.lost.add(u64::try_from(spans).unwrap_or(u64::MAX));
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            let now = SystemClock.now();
            if said.is_none_or(|at| now.duration_since(at).unsigned_abs() >= QUIET) {
                *said = Some(now);
                tracing::warn!(spans, %error, "the collector did not take spans of traces");
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The way to the collector: the client that asks operators, on the runtime of the program, for the thread
/// that sends has none. Only the headers of the configuration go with it.
struct Way {
    http: reqwest::Client,
    headers: HeaderMap,
    runtime: Handle,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Way")
    }
}

#[async_trait]
impl HttpClient for Way {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let mut sent = self.http.post(parts.uri.to_string()).timeout(TIMEOUT).body(body);
        if let Some(kind) = parts.headers.get(http::header::CONTENT_TYPE) {
            sent = sent.header(http::header::CONTENT_TYPE, kind);
        }
        let sent = sent.headers(self.headers.clone());
        // The path of the address may be a key, and no error is to name it.
        let answered =
            async move { read(sent.send().await.map_err(reqwest::Error::without_url)?).await };
        self.runtime.spawn(answered).await?
    }
}

/// The answer, with as much of its body as is read.
async fn read(mut answer: reqwest::Response) -> Result<Response<Bytes>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER {
            return Err("the collector says too much".into());
        }
    }
    let mut read = Response::new(Bytes::from(body));
    *read.status_mut() = answer.status();
    *read.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(read)
}
