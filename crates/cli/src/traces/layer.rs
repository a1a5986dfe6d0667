//! Spans of the program as spans of a trace.
//!
//! Ids are made here and not by the SDK, which draws them when a span begins: the id of a trace is the id
//! of a request, and which one is behind a job or a delivery is known only once its row was read.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};
use vinculo_server::clock::Clock;
use vinculo_vault::Random;

use super::export::Outlet;

/// Of the id of a trace, the last bits, which are random also where the id is a UUID. Whether a trace is
/// sampled hangs on them, as level 2 of W3C Trace Context has it.
const RANDOM_BITS: i32 = 56;

/// Makes spans for export of those with the target of traces, which a filter picks out.
pub(super) struct Spans {
    outlet: Arc<Outlet>,
    sampler: Sampler,
    scope: InstrumentationScope,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// Chooses traces by their id alone: every process chooses the same, and so no trace is cut.
struct Sampler {
    /// The least value of the random bits that is sampled.
    least: u64,
}

/// A span that has not been closed.
struct Open {
    /// Half of it is the id of the span; all of it the id of a trace that no request is behind.
    random: u128,
    begun: SystemTime,
    /// When it was told how it ended.
    ended: Option<SystemTime>,
    facts: Facts,
}

/// What is known of a span.
#[derive(Default)]
struct Facts {
    request_id: Option<u128>,
    is_root: bool,
    kind: Option<SpanKind>,
    name: Option<String>,
    attributes: Vec<KeyValue>,
}

/// Where a span belongs.
#[derive(Clone, Copy)]
struct Place {
    trace: u128,
    parent: SpanId,
}

impl Spans {
    /// Sends this share of all traces, from 0 to 1.
    pub(super) fn new(
        outlet: Arc<Outlet>,
        share: f64,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let sampler = Sampler::new(share);
        let scope = InstrumentationScope::builder("vinculo")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        Self { outlet, sampler, scope, clock, random }
    }

    fn now(&self) -> SystemTime {
        let passed = self.clock.now().duration_since(Timestamp::UNIX_EPOCH);
        UNIX_EPOCH + Duration::try_from(passed).unwrap_or_default()
    }

    fn export(&self, open: Open, place: Place, ended: SystemTime, kind: &'static str) -> SpanData {
        let (trace, id) = (TraceId::from_bytes(place.trace.to_be_bytes()), open.id());
        let (state, facts) = (TraceState::default(), open.facts);
        SpanData {
            span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, state),
            parent_span_id: place.parent,
            parent_span_is_remote: false,
            span_kind: facts.kind.clone().unwrap_or(SpanKind::Internal),
            name: facts.name(kind),
            start_time: open.begun,
            // The clock may have been set back.
            end_time: ended.max(open.begun),
            status: if facts.has_failed() { Status::error("") } else { Status::Unset },
            attributes: facts.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            instrumentation_scope: self.scope.clone(),
        }
    }
}

impl Sampler {
    /// Takes this share of all traces, from 0 to 1.
    fn new(share: f64) -> Self {
        Self { least: ((1.0 - share) * 2f64.powi(RANDOM_BITS)) as u64 }
    }

    fn takes(&self, trace: u128) -> bool {
        trace & ((1 << RANDOM_BITS) - 1) >= u128::from(self.least)
    }
}

impl<S> Layer<S> for Spans
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let (Some(span), mut random) = (context.span(id), [0; 16]) else { return };
        // Without randomness there is no id, and no span.
        if self.random.fill(&mut random).is_err() {
            return;
        }
        let mut facts = Facts::default();
        attributes.record(&mut facts);
        let (random, begun) = (u128::from_be_bytes(random), self.now());
        span.extensions_mut().insert(Open { random, begun, ended: None, facts });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            values.record(&mut open.facts);
            open.ended = Some(self.now());
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            event.record(&mut open.facts);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        let place = place(&open, &span);
        if self.sampler.takes(place.trace) {
            let ended = open.ended.unwrap_or_else(|| self.now());
            self.outlet.send(self.export(open, place, ended, span.name()));
        }
    }
}

impl Open {
    fn id(&self) -> SpanId {
        match self.facts.request_id {
            Some(request) if self.facts.is_root => root(request),
            _ => SpanId::from_bytes(self.random.to_be_bytes()[8..].try_into().unwrap_or_default()),
        }
    }
}

/// The id of the span that a request is: whoever knows the id of the request knows it.
fn root(request: u128) -> SpanId {
    let id = request.to_be_bytes();
    SpanId::from_bytes(id[..8].try_into().unwrap_or_default())
}

/// A span with a request behind it is in the trace of that request, every other one in that of the span
/// around it, or in one of its own.
fn place<S>(open: &Open, span: &SpanRef<'_, S>) -> Place
where
    S: for<'span> LookupSpan<'span>,
{
    match open.facts.request_id {
        Some(trace) if open.facts.is_root => return Place { trace, parent: SpanId::INVALID },
        Some(trace) => return Place { trace, parent: root(trace) },
        None => {}
    }
    let (mut trace, mut parent) = (open.random, None);
    for around in span.scope().skip(1) {
        let extensions = around.extensions();
        let Some(open) = extensions.get::<Open>() else { continue };
        parent.get_or_insert(open.id());
        trace = open.random;
        if let Some(request) = open.facts.request_id {
            trace = request;
            break;
        }
    }
    Place { trace, parent: parent.unwrap_or(SpanId::INVALID) }
}

impl Facts {
    /// What the span is called: as it says itself, or as requests are, or by its kind.
    fn name(&self, kind: &'static str) -> Cow<'static, str> {
        let text = |key: &str| {
            let found = self.attributes.iter().find(|it| it.key.as_str() == key);
            found.map(|it| it.value.as_str())
        };
        match (&self.name, text("http.request.method"), text("http.route")) {
            (Some(name), _, _) => name.clone().into(),
            (None, Some(method), Some(route)) => format!("{method} {route}").into(),
            _ => kind.into(),
        }
    }

    fn has_failed(&self) -> bool {
        self.attributes.iter().any(|it| it.key.as_str() == "error.type")
    }

    fn push(&mut self, field: &Field, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }
}

impl Visit for Facts {
    fn record_u128(&mut self, field: &Field, value: u128) {
        if field.name() == "request_id" {
            self.request_id = Some(value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "root" => self.is_root = value,
            _ => self.push(field, value),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "otel.name" => self.name = Some(value.to_owned()),
            "otel.kind" => {
                self.kind = match value {
                    "server" => Some(SpanKind::Server),
                    "client" => Some(SpanKind::Client),
                    "consumer" => Some(SpanKind::Consumer),
                    _ => None,
                }
            }
            _ => self.push(field, value.to_owned()),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // The log has the id of the request as a text.
        if field.name() != "request_id" {
            self.push(field, format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UUIDs of version 4, whose last 56 bits are these.
    fn trace(random: u64) -> u128 {
        (0x0b7f_1c3d_5e2a_4968_8c00_0000_0000_0000 & !((1 << RANDOM_BITS) - 1)) | u128::from(random)
    }

    #[test]
    fn a_share_of_traces_is_taken_whatever_is_not_random_in_their_ids() {
        let (least, most) = (trace(0), trace((1 << RANDOM_BITS) - 1));
        let middle = trace(1 << (RANDOM_BITS - 1));
        for (share, taken) in [
            (0.0, [false, false, false, false]),
            (0.25, [false, false, false, true]),
            (0.5, [false, false, true, true]),
            (1.0, [true, true, true, true]),
        ] {
            let sampler = Sampler::new(share);
            assert_eq!([least, middle - 1, middle, most].map(|it| sampler.takes(it)), taken);
        }
    }

    #[test]
    fn the_id_of_a_request_is_that_of_its_trace_and_tells_that_of_its_span() {
        let request = 0x0b7f_1c3d_5e2a_4968_8c9d_0e1f_2a3b_4c5d;
        let facts = Facts { request_id: Some(request), is_root: true, ..Facts::default() };
        let open = Open { random: 1, begun: UNIX_EPOCH, ended: None, facts };
        assert_eq!(open.id().to_string(), "0b7f1c3d5e2a4968");
        let facts = Facts { request_id: Some(request), ..Facts::default() };
        assert_eq!(Open { facts, ..open }.id().to_string(), "0000000000000001");
    }
}
