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

/// Of the id of a trace, the bits that its being sampled hangs on: those that are random in every kind of
/// id, of a UUID too (level 2 of W3C Trace Context).
const RANDOM_BITS: u32 = 56;

/// Makes spans for export of those with the target of traces, which a filter picks out.
pub(super) struct Spans {
    outlet: Arc<Outlet>,
    /// The first value of the random bits that is not sampled.
    limit: u64,
    scope: InstrumentationScope,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// A span that has not been closed.
struct Open {
    /// The half of it is the id of the span; all of it the id of a trace that no request is behind.
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
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of 2^56"
        )]
        let limit = (share * 2f64.powi(RANDOM_BITS.cast_signed())) as u64;
        let scope = InstrumentationScope::builder("vinculo")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        Self { outlet, limit, scope, clock, random }
    }

    fn now(&self) -> SystemTime {
        let passed = self.clock.now().duration_since(Timestamp::UNIX_EPOCH);
        UNIX_EPOCH + Duration::try_from(passed).unwrap_or_default()
    }

    /// Whether a trace is sent, the same in every process.
    fn is_sampled(&self, trace: u128) -> bool {
        let random = trace & ((1 << RANDOM_BITS) - 1);
        random < u128::from(self.limit)
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
        if self.is_sampled(place.trace) {
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
