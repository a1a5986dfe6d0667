//! Traces of what this process does, sent to a collector by OpenTelemetry's protocol. Without an
//! endpoint nothing of this is made.

mod export;
mod layer;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{bail, ensure};
use http::HeaderMap;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;
use url::Url;
use uuid::Uuid;
use vinculo_server::clock::SystemClock;
use vinculo_server::traces::{LostSpans, TARGET};
use vinculo_vault::{SystemRandom, random_uuid_v4};

use crate::args;
use crate::operators::header_lines;
use export::Outlet;
use layer::Spans;

/// How long the end of the process waits for what was not sent yet.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where spans go, and which.
pub(crate) struct Destination {
    /// Where the collector takes traces.
    pub(crate) url: Url,
    headers: HeaderMap,
    /// Share of traces, from 0 to 1.
    pub(crate) share: f64,
}

/// Sends spans in the background.
#[derive(Clone)]
pub(crate) struct Traces {
    outlet: Arc<Outlet>,
    share: f64,
    lost: LostSpans,
}

/// What was configured; `None` without an endpoint.
///
/// # Errors
/// When a value is none that can be used; secrets are not quoted.
pub(crate) fn destination(options: &args::Traces) -> anyhow::Result<Option<Destination>> {
    let headers = headers(options)?;
    let Some(base) = &options.otlp_endpoint else {
        ensure!(headers.is_empty(), "VINCULO_OTLP_HEADERS is given without VINCULO_OTLP_ENDPOINT");
        return Ok(None);
    };
    if !base.username().is_empty() || base.password().is_some() {
        bail!(
            "VINCULO_OTLP_ENDPOINT: a user in a URL can be read by others; give it in VINCULO_OTLP_HEADERS"
        );
    }
    let is_base = matches!(base.scheme(), "http" | "https") && base.has_host();
    if !is_base || base.query().is_some() || base.fragment().is_some() {
        // What stands behind may be a key.
        let mut shown = base.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        if !shown.cannot_be_a_base() {
            shown.set_path("/");
        }
        bail!(
            "VINCULO_OTLP_ENDPOINT: {shown} is no base URL: http or https and a host, without ? and #"
        );
    }
    let mut url = base.clone();
    url.set_path(&format!("{}/v1/traces", base.path().trim_end_matches('/')));
    let share = options.otlp_sample.map_or(1.0, |share| share.0);
    Ok(Some(Destination { url, headers, share }))
}

fn headers(options: &args::Traces) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in header_lines(options.otlp_headers.as_ref(), "VINCULO_OTLP_HEADERS")? {
        let (Ok(name), Ok(mut value)) =
            (name.parse::<http::HeaderName>(), http::HeaderValue::from_str(value))
        else {
            bail!("VINCULO_OTLP_HEADERS: a line is no header that HTTP knows");
        };
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

impl Traces {
    /// Starts sending what a process in this role does; `None` without an endpoint.
    ///
    /// # Errors
    /// When a value is none that can be used.
    pub(crate) fn start(
        options: &args::Traces,
        role: &'static str,
        runtime: &Handle,
    ) -> anyhow::Result<Option<Self>> {
        let Some(destination) = destination(options)? else { return Ok(None) };
        let instance = Uuid::from_bytes(random_uuid_v4(&SystemRandom)?);
        let resource = Resource::builder_empty().with_attributes([
            KeyValue::new("service.name", "vinculo"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_string()),
            KeyValue::new("vinculo.role", role),
        ]);
        let (share, lost) = (destination.share, LostSpans::default());
        let outlet = Outlet::open(destination, &resource.build(), lost.clone(), runtime)?;
        Ok(Some(Self { outlet: Arc::new(outlet), share, lost }))
    }

    /// What makes spans of what the program tells, and sends them.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let spans = Spans::new(Arc::clone(&self.outlet), self.share, clock, random);
        spans.with_filter(Targets::new().with_target(TARGET, tracing::Level::DEBUG))
    }

    /// The count of what did not arrive.
    pub(crate) fn lost(&self) -> LostSpans {
        self.lost.clone()
    }

    /// Sends what waits, for so long as the end of a process may take.
    pub(crate) async fn end(self) {
        let flushed = tokio::task::spawn_blocking(move || self.outlet.close(LAST_WORDS));
        if !flushed.await.unwrap_or(false) {
            tracing::warn!("the last spans of traces did not reach the collector");
        }
    }
}
