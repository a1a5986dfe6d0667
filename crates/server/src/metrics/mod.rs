//! What an operator can measure: counts of this process, and at each reading how much waits. No
//! label ever holds an id, a path, or anything else that a client can choose.

mod gauges;
mod http;
mod serve;

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use vinculo_store::{Job, Stats};

use crate::App;
use crate::sources::{Asked, HeldBack};
use crate::traces::LostSpans;

pub(crate) use gauges::Gauges;
pub(crate) use http::layer;
pub use serve::serve_metrics;

/// Names and values of labels.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Everything that is measured. What counts is counted where it happens; [`Gauges`] are set when
/// somebody looks.
pub(crate) struct Metrics {
    registry: Registry,
    gauges: Gauges,
    requests: Family<Labels<3>, Counter>,
    request_seconds: Family<Labels<2>, Histogram>,
    requests_in_flight: Gauge,
    job_runs: Family<Labels<2>, Counter>,
    job_seconds: Family<Labels<1>, Histogram>,
    jobs_running: Family<Labels<1>, Gauge>,
    attempts: Family<Labels<1>, Counter>,
    attempt_seconds: Histogram,
    deliveries_running: Gauge,
    questions: Family<Labels<2>, Counter>,
    question_seconds: Family<Labels<1>, Histogram>,
    held_back: Family<Labels<2>, Counter>,
    cost: Family<Labels<1>, Counter>,
    /// Lines of planillas that were stored.
    pub(crate) import_lines: Counter,
    imports: Family<Labels<1>, Counter>,
    audit_seconds: Histogram,
    /// When a clean-up of this process ended last of which nothing failed, at first when it began to clean up;
    /// seconds since 1970 UTC.
    pub(crate) cleaned_up: Gauge,
}

/// How a job run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunResult {
    /// Nothing is left to do.
    Done,
    /// It comes again.
    Postponed,
    /// It comes again, and somebody should look why.
    Panicked,
}

impl RunResult {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Postponed => "postponed",
            Self::Panicked => "panicked",
        }
    }
}

/// Counts something as going on until it is dropped.
pub(crate) struct Going(Gauge);

impl Going {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Nothing counted yet; the store counts by itself.
    pub(crate) fn new(store: &Stats, lost_spans: &LostSpans) -> Self {
        let mut registry = Registry::default();
        let own = &mut registry;
        let build = Family::<Labels<1>, Gauge>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        add(own, "vinculo_build_info", "Always 1; the label is the version", build);
        add(own, "vinculo_store_write_seconds", WRITES, store.writes.clone());
        add(own, "vinculo_store_read_seconds", READS, store.reads.clone());
        add(own, "vinculo_store_group_closures", GROUPS, store.groups.clone());
        add(own, "vinculo_trace_spans_lost", LOST_SPANS, lost_spans.0.clone());
        let (job_runs, attempts) = begun_at_zero();
        Self {
            requests: add(own, "vinculo_http_requests", REQUESTS, Family::default()),
            request_seconds: add(own, "vinculo_http_request_seconds", REQUEST_SECONDS, quick()),
            requests_in_flight: add(own, "vinculo_http_requests_in_flight", IN_FLIGHT, one()),
            job_runs: add(own, "vinculo_job_runs", JOB_RUNS, job_runs),
            job_seconds: add(own, "vinculo_job_run_seconds", JOB_SECONDS, slow()),
            jobs_running: add(own, "vinculo_jobs_running", JOBS_RUNNING, Family::default()),
            attempts: add(own, "vinculo_delivery_attempts", ATTEMPTS, attempts),
            attempt_seconds: add(own, "vinculo_delivery_attempt_seconds", TRIES, quick_one()),
            deliveries_running: add(own, "vinculo_deliveries_running", DELIVERIES, one()),
            questions: add(own, "vinculo_source_questions", QUESTIONS, Family::default()),
            question_seconds: add(own, "vinculo_source_question_seconds", ASKING, slow()),
            held_back: add(own, "vinculo_source_held_back", HELD_BACK, Family::default()),
            cost: add(own, "vinculo_source_cost_pesos", COST, Family::default()),
            import_lines: add(own, "vinculo_import_lines", IMPORT_LINES, Counter::default()),
            imports: add(own, "vinculo_imports", IMPORTS, Family::default()),
            audit_seconds: add(own, "vinculo_audit_delay_seconds", AUDIT_DELAY, quick_one()),
            cleaned_up: add(own, "vinculo_clean_up_timestamp_seconds", CLEANED_UP, one()),
            gauges: Gauges::new(own),
            registry,
        }
    }

    /// Counts a job as running until the answer is dropped.
    pub(crate) fn job(&self, kind: &'static str) -> Going {
        Going::new(self.jobs_running.get_or_create_owned(&[("kind", kind)]))
    }

    /// A job run has ended.
    pub(crate) fn job_ended(&self, kind: &'static str, result: RunResult, took: Duration) {
        self.job_runs.get_or_create(&[("kind", kind), ("result", result.as_str())]).inc();
        self.job_seconds.get_or_create(&[("kind", kind)]).observe(took.as_secs_f64());
    }

    /// Counts a delivery as running until the answer is dropped.
    pub(crate) fn delivery(&self) -> Going {
        Going::new(self.deliveries_running.clone())
    }

    /// A delivery was tried: the status of the answer, or why there is none.
    pub(crate) fn delivery_tried(&self, result: Result<u16, &'static str>, took: Duration) {
        let result = result.map_or_else(|failure| failure, class);
        self.attempts.get_or_create(&[("result", result)]).inc();
        self.attempt_seconds.observe(took.as_secs_f64());
    }

    /// A source was asked, or a rule of ours or its pause kept it from being asked.
    pub(crate) fn asked(&self, asked: &Asked) {
        let source = ("source", asked.source);
        if let Some(held) = asked.held {
            self.held_back.get_or_create(&[source, ("reason", HeldBack::word(held))]).inc();
            return;
        }
        self.questions.get_or_create(&[source, ("outcome", asked.outcome.code())]).inc();
        self.question_seconds.get_or_create(&[source]).observe(asked.duration.as_secs_f64());
        let cost = u64::try_from(asked.cost).unwrap_or(0);
        self.cost.get_or_create(&[source]).inc_by(cost);
    }

    /// A received file was judged.
    pub(crate) fn import_judged(&self, result: &'static str) {
        self.imports.get_or_create(&[("result", result)]).inc();
    }

    /// Entries of the audit log were written of which the oldest waited so long.
    pub(crate) fn audit_written(&self, waited: Duration) {
        self.audit_seconds.observe(waited.as_secs_f64());
    }
}

/// Runs of jobs and tries of deliveries, each 0. A series that begins with the first failure has not
/// increased, for whoever asks whether anything has failed.
fn begun_at_zero() -> (Family<Labels<2>, Counter>, Family<Labels<1>, Counter>) {
    let (runs, attempts) = (Family::<Labels<2>, Counter>::default(), Family::default());
    for kind in Job::KINDS {
        for result in [RunResult::Done, RunResult::Postponed, RunResult::Panicked] {
            drop(runs.get_or_create(&[("kind", kind), ("result", result.as_str())]));
        }
    }
    for status in [200, 300, 400, 500] {
        drop(attempts.get_or_create(&[("result", class(status))]));
    }
    (runs, attempts)
}

/// The first digit of a status.
const fn class(status: u16) -> &'static str {
    match status {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

/// The time since [`App::elapsed`] was `start`.
pub(crate) fn since(app: &App, start: Duration) -> Duration {
    app.elapsed().saturating_sub(start)
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn one() -> Gauge {
    Gauge::default()
}

fn quick_one() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

fn quick<const N: usize>() -> Family<Labels<N>, Histogram> {
    Family::new_with_constructor(quick_one)
}

fn slow<const N: usize>() -> Family<Labels<N>, Histogram> {
    Family::new_with_constructor(|| {
        Histogram::new([0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0])
    })
}

const WRITES: &str = "Seconds of closures that write: waiting for the lane, working, committing";
const READS: &str = "Seconds of closures that read: waiting for a lane, working";
const GROUPS: &str = "Closures that shared a commit of SQLite's write lane";
const REQUESTS: &str = "Requests answered, by route, method and class of status";
const REQUEST_SECONDS: &str = "Seconds until the head of the answer was there";
const IN_FLIGHT: &str = "Requests being answered";
const JOB_RUNS: &str = "Runs of jobs, by kind and how they ended";
const JOB_SECONDS: &str = "Seconds that runs of jobs took";
const JOBS_RUNNING: &str = "Jobs that this process is at";
const ATTEMPTS: &str = "Tries to deliver a webhook, by class of status or why there was none";
const TRIES: &str = "Seconds that tries to deliver a webhook took";
const DELIVERIES: &str = "Deliveries that this process is at";
const QUESTIONS: &str = "Questions to sources, by outcome";
const ASKING: &str = "Seconds that sources took to answer";
const HELD_BACK: &str = "Questions that were not asked, by what kept them back";
const COST: &str = "What the questions of this process have cost, whole pesos";
const IMPORT_LINES: &str = "Lines of planillas stored";
const IMPORTS: &str = "Files judged, by result";
const AUDIT_DELAY: &str = "Seconds that entries about what was read waited to be written";
const LOST_SPANS: &str =
    "Spans of traces that the collector did not take, or that found no room to wait";
const CLEANED_UP: &str = "When a clean-up of this process ended last without a failure; 0 is never";
