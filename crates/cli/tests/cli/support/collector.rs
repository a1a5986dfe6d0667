//! A collector of traces.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::in_the_end;

/// What a collector does with what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It takes everything.
    Takes,
    /// It never answers.
    Hangs,
    /// Its answer never ends.
    Floods,
}

/// A span as it came.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty for a root.
    pub(crate) parent: String,
    pub(crate) name: String,
    /// As the protocol counts them: 2 serves, 3 asks, 5 takes what waited.
    pub(crate) kind: i32,
    pub(crate) failed: bool,
    /// Nanoseconds since 1970 UTC.
    pub(crate) time: (u64, u64),
    /// Those of the span, and those of the process.
    pub(crate) attributes: BTreeMap<String, String>,
}

/// What has come so far.
#[derive(Clone, Default)]
pub(crate) struct Collected {
    pub(crate) spans: Vec<Span>,
    /// Bodies, byte for byte.
    pub(crate) bodies: Vec<u8>,
    pub(crate) headers: Vec<HeaderMap>,
}

/// A listening collector that remembers everything.
pub(crate) struct Collector {
    /// What is configured as its endpoint.
    pub(crate) url: String,
    log: watch::Receiver<Collected>,
}

impl Collector {
    pub(crate) async fn start(manner: Manner) -> Self {
        let (sender, log) = watch::channel(Collected::default());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().route("/v1/traces", post(collect)).with_state((sender, manner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, log }
    }

    /// Waits until what came satisfies `wanted`; answers it.
    pub(crate) async fn until(
        &self,
        what: &str,
        mut wanted: impl FnMut(&Collected) -> bool,
    ) -> Collected {
        let mut log = self.log.clone();
        let come = log.wait_for(|collected| wanted(collected));
        in_the_end(what, come).await.expect("the collector lives").clone()
    }

    /// What came so far.
    pub(crate) fn collected(&self) -> Collected {
        self.log.borrow().clone()
    }
}

impl Collected {
    /// The spans of a trace.
    pub(crate) fn of(&self, trace: &str) -> Vec<Span> {
        self.spans.iter().filter(|span| span.trace == trace).cloned().collect()
    }
}

async fn collect(
    State((log, manner)): State<(watch::Sender<Collected>, Manner)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = ExportTraceServiceRequest::decode(&*body).expect("spans");
    log.send_modify(|collected| {
        collected.bodies.extend_from_slice(&body);
        collected.headers.push(headers);
        collected.spans.extend(spans(request));
    });
    match manner {
        Manner::Takes => StatusCode::OK.into_response(),
        Manner::Hangs => std::future::pending().await,
        Manner::Floods => {
            let some = || Ok::<_, std::io::Error>(Bytes::from_static(&[0; 4096]));
            let endless = std::iter::repeat_with(some);
            Body::from_stream(futures_util::stream::iter(endless)).into_response()
        }
    }
}

fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut all = Vec::new();
    for of_process in request.resource_spans {
        let process = of_process.resource.expect("a resource").attributes;
        for span in of_process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            let both = process.iter().cloned().chain(span.attributes);
            all.push(Span {
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                name: span.name,
                kind: span.kind,
                failed: span.status.is_some_and(|status| status.code == 2),
                time: (span.start_time_unix_nano, span.end_time_unix_nano),
                attributes: both.map(text).collect(),
            });
        }
    }
    all
}

fn text(attribute: KeyValue) -> (String, String) {
    let text = match attribute.value {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => text,
        Some(AnyValue { value: Some(Value::IntValue(number)) }) => number.to_string(),
        Some(AnyValue { value: Some(Value::DoubleValue(number)) }) => number.to_string(),
        other => panic!("{}: {other:?}", attribute.key),
    };
    (attribute.key, text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
