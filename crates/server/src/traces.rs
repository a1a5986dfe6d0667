//! What is told of requests, jobs, questions and deliveries to a tracing system: spans of a target of
//! their own, which the log never shows. Nobody listens unless the command line exports them, and what
//! nobody listens to is not made.
//!
//! All that goes on with a request is one trace, whose id is the id of the request. The same rule binds
//! as in the log: no document, name, amount, secret or address of a receiver.

use prometheus_client::metrics::counter::Counter;
use tracing::field::Empty;
use tracing::{Level, Span};
use uuid::Uuid;
use vinculo_store::{ClaimedJob, DueDelivery};

use crate::metrics::RunResult;
use crate::sources::Asked;

/// Target of the spans, and of the events that add to them.
///
/// Of the fields, four are for whoever makes traces of them: `request_id`, a `u128`, is the id of the
/// trace; `root` says that the span is the one of its trace that has no parent; `otel.name` and
/// `otel.kind` are name and kind. Every other field is an attribute. A span has ended when a field of it
/// was recorded last, or else when it was closed.
pub const TARGET: &str = "vinculo_trace";

/// Counts spans that were to be exported and reached nobody; cloning shares the count.
#[derive(Debug, Clone, Default)]
pub struct LostSpans(pub(crate) Counter);

impl LostSpans {
    /// So many more are lost.
    pub fn add(&self, spans: u64) {
        self.0.inc_by(spans);
    }
}

/// A request, the root of its trace.
pub(crate) fn request(id: Uuid, method: &str, route: Option<&str>) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "request",
        request_id = id.as_u128(),
        root = true,
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        error.type = Empty
    )
}

/// A request was answered with this status.
pub(crate) fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("error.type", status.to_string());
    }
}

/// The root of the trace of an id that no request has: a refresh that came due, a row of a cohort, an
/// import, an event of our own.
pub(crate) fn beginning(id: Uuid, what: &'static str) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "beginning",
        request_id = id.as_u128(),
        root = true,
        otel.name = what
    )
}

/// A run of a job; [`is_behind`] says whose trace it is in.
pub(crate) fn job(job: &ClaimedJob) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "job",
        request_id = Empty,
        otel.kind = "consumer",
        otel.name = job.job.kind(),
        vinculo.job.id = %job.id,
        vinculo.job.kind = job.job.kind(),
        vinculo.job.attempt = job.attempt,
        vinculo.job.result = Empty,
        error.type = Empty
    )
}

/// A run of a job has ended.
pub(crate) fn job_ended(span: &Span, result: RunResult) {
    span.record("vinculo.job.result", result.as_str());
    if result != RunResult::Done {
        span.record("error.type", result.as_str());
    }
}

/// How long what the job is about waited for it, microseconds. Only a first run says so: later ones wait
/// on purpose.
pub(crate) fn waited(job: &ClaimedJob, micros: i64) {
    if job.attempt == 1 {
        let seconds = micros.max(0) as f64 / 1e6;
        tracing::event!(target: TARGET, Level::DEBUG, vinculo.job.wait_seconds = seconds);
    }
}

/// Says which trace the span belongs to that is open here.
pub(crate) fn is_behind(id: Uuid) {
    tracing::debug!(target: TARGET, request_id = id.as_u128());
}

/// A question to a source.
pub(crate) fn question(source: &'static str) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "question",
        otel.kind = "client",
        otel.name = source,
        vinculo.source = source,
        vinculo.source.outcome = Empty,
        vinculo.source.held_back = Empty,
        http.response.status_code = Empty,
        error.type = Empty
    )
}

/// A question was answered, or held back.
pub(crate) fn question_ended(span: &Span, asked: &Asked) {
    let outcome = asked.outcome.code();
    span.record("vinculo.source.outcome", outcome);
    if let Some(status) = asked.http_status {
        span.record("http.response.status_code", status);
    }
    match asked.held {
        Some(held) => {
            span.record("vinculo.source.held_back", held.word());
        }
        None if asked.has_failed() => {
            span.record("error.type", outcome);
        }
        None => {}
    }
}

/// A try to deliver; [`is_behind`] says whose trace it is in.
pub(crate) fn delivery(due: &DueDelivery) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "delivery",
        request_id = Empty,
        otel.kind = "client",
        vinculo.delivery.id = %due.claim.id,
        vinculo.delivery.attempt = due.tried + 1,
        vinculo.endpoint.id = %due.endpoint_uuid,
        vinculo.delivery.outcome = Empty,
        http.response.status_code = Empty,
        error.type = Empty
    )
}

/// A try has ended: the status of the answer, or why there is none.
pub(crate) fn tried(result: Result<u16, &'static str>, delivered: bool) {
    let outcome = if delivered { "delivered" } else { "failed" };
    match result {
        Ok(status) if delivered => tracing::event!(
            target: TARGET,
            Level::DEBUG,
            vinculo.delivery.outcome = outcome,
            http.response.status_code = status
        ),
        Ok(status) => tracing::event!(
            target: TARGET,
            Level::DEBUG,
            vinculo.delivery.outcome = outcome,
            http.response.status_code = status,
            error.type = status.to_string()
        ),
        Err(why) => tracing::event!(
            target: TARGET,
            Level::DEBUG,
            vinculo.delivery.outcome = outcome,
            error.type = why
        ),
    }
}
