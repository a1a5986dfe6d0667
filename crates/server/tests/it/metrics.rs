//! What Prometheus reads, read over HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vinculo_server::config::Config;
use vinculo_server::openapi_document;
use vinculo_server::sources::{BilledOn, SourceTerms};
use vinculo_store::Environment::Sandbox;
use vinculo_store::RetentionRule;

use crate::support::{
    Mood, Receiver, Reply, Setup, TestApp, TestDatabase, link_request, look_again,
    on_both_databases, soon,
};

on_both_databases!(
    everything_that_is_documented_is_measured,
    what_happens_is_counted,
    a_failure_that_was_asked_for_is_none_of_ours,
    what_waits_is_looked_at,
    a_receiver_that_hangs_is_no_work_that_waits,
    files_behind_others_are_no_work_that_waits,
    links_that_nobody_acts_on_are_told,
    a_clean_up_that_fails_is_not_told_as_one,
    what_was_paid_a_while_ago_is_added_up_once,
    what_cannot_be_looked_at_freezes_nothing_else,
    no_label_is_a_clients_own,
    a_request_takes_as_long_as_it_takes_however_the_clock_is_set,
);

const AN_HOUR: Duration = Duration::from_secs(60 * 60);
const PLANILLA: &[u8] = include_bytes!("../../../pila/tests/samples/02-nandu-E-2025-11.txt");
const DOCUMENT: &str = include_str!("../../../../docs/OPERATIONS.md");
const DASHBOARD: &str = include_str!("../../../../ops/grafana/vinculo.json");
const ALERTS: &str = include_str!("../../../../ops/prometheus/alerts.yml");

/// The listener for operators of a served application.
pub(crate) struct Watch {
    url: String,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// Samples: name, labels in their order, value.
type Samples = Vec<(String, BTreeMap<String, String>, f64)>;

/// One reading.
pub(crate) struct Reading {
    /// Families with their types.
    families: BTreeMap<String, String>,
    samples: Samples,
}

impl Watch {
    pub(crate) async fn start(app: &TestApp) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, app) = (CancellationToken::new(), app.app.clone());
        let stopped = stop.clone().cancelled_owned();
        let serve = async move { vinculo_server::serve_metrics(&app, listener, stopped).await };
        Self { url, stop, task: tokio::spawn(serve) }
    }

    pub(crate) async fn read(&self, app: &TestApp) -> Reading {
        let client = app.stranger();
        let request = client.request(Method::GET, &format!("{}/metrics", self.url));
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
        Reading::of(&response.text().await.expect("a text"))
    }

    /// Waits until a counter has reached a value.
    async fn until(&self, app: &TestApp, name: &str, labels: &[(&str, &str)], value: f64) {
        soon("a count", async {
            while self.read(app).await.value(name, labels) != Some(value) {
                look_again().await;
            }
        })
        .await;
    }

    pub(crate) async fn finish(self) {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("no failure");
    }
}

impl Reading {
    fn of(text: &str) -> Self {
        assert!(text.ends_with("# EOF\n"), "{text}");
        let mut read = Self { families: BTreeMap::new(), samples: Vec::new() };
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').expect("a type");
                read.families.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                read.samples.push(sample(line));
            }
        }
        read
    }

    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let wanted: BTreeMap<_, _> = wanted.collect();
        let mut found =
            self.samples.iter().filter(|(own, labels, _)| own == name && *labels == wanted);
        let value = found.next().map(|(.., value)| *value);
        assert!(found.next().is_none(), "{name} twice");
        value
    }

    /// Whether a metric has a label: one of its own, or of those that whoever reads gives to all.
    fn has_label(&self, name: &str, label: &str) -> bool {
        let mut of_it = self.samples.iter().filter(|(own, ..)| own == name);
        ["", "job", "instance"].contains(&label)
            || of_it.any(|(_, labels, _)| labels.contains_key(label))
    }
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let Some((name, labels)) = series.split_once('{') else {
        return (series.to_owned(), BTreeMap::new(), value);
    };
    let labels = labels.strip_suffix('}').expect("an end").split("\",").filter(|it| !it.is_empty());
    let labels = labels.map(|label| {
        let (name, value) = label.split_once("=\"").expect("a label");
        (name.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect(), value)
}

/// The sandbox costs something, and a second question does not fit into its budget.
fn dear(config: &mut Config) {
    let terms = SourceTerms {
        price: 1200,
        billed_on: BilledOn::Call,
        monthly_budget: Some(2000),
        ..SourceTerms::shipped("sandbox")
    };
    config.source_terms.insert("sandbox".to_owned(), terms);
}

/// An installation where everything has happened once that is measured.
async fn lived_in(database: TestDatabase) -> (TestApp, Watch) {
    let app = Setup::new(database).configure(dear).start().await;
    let receiver = Receiver::start().await;
    receiver.reply([Reply::Says(200, "thank you"), Reply::Says(200, "thank you")]);
    app.send_events_to(&receiver, Sandbox, None).await;
    let client = app.sandbox();
    let more = json!({ "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
    client.create_link("1999000002", more).await;
    app.settled().await;
    let refused = client.post("/api/links/", &link_request("1999000001", json!({}))).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    client.results("/api/links/").await;
    app.import(Sandbox, PLANILLA).await;
    app.settled().await;
    app.app.finish_work().await;
    let watch = Watch::start(&app).await;
    watch.until(&app, "vinculo_imports_total", &[("result", "accepted")], 1.0).await;
    // How a job ended is counted once it is recorded.
    for kind in ["sync_link", "import_file"] {
        let done = [("kind", kind), ("result", "done")];
        watch.until(&app, "vinculo_job_runs_total", &done, 1.0).await;
        watch.until(&app, "vinculo_jobs_running", &[("kind", kind)], 0.0).await;
    }
    (app, watch)
}

/// The names in the first column of the tables of docs/OPERATIONS.md that look like metrics.
fn documented() -> BTreeMap<String, String> {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let metrics =
        rows.filter(|(name, _)| name.starts_with("vinculo_") || name.starts_with("process_"));
    metrics
        .map(|(name, rest)| {
            let kind = rest.split(" |").next().expect("a kind");
            (name.to_owned(), kind.to_owned())
        })
        .collect()
}

/// Every alert.
fn rules() -> Vec<Value> {
    let alerts: Value = serde_norway::from_str(ALERTS).expect("YAML");
    let groups = alerts["groups"].as_array().expect("groups");
    groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}

/// What stands in the braces behind the names of our metrics in a question, by name; empty where there are none.
fn selectors(question: &str) -> Vec<(String, String)> {
    let selector = regex::Regex::new(r"\b((?:vinculo|process)_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let found = selector.captures_iter(question);
    let text = |part: Option<regex::Match<'_>>| part.map_or("", |it| it.as_str()).to_owned();
    found.map(|it| (text(it.get(1)), text(it.get(2)))).collect()
}

#[test]
fn nobody_is_woken_by_the_sandbox_or_by_what_passes() {
    let rules = rules();
    let about_sources = |rule: &&Value| {
        let question = rule["expr"].as_str().expect("a question");
        let mut asked = selectors(question);
        asked.retain(|(name, _)| name.starts_with("vinculo_source_"));
        for (name, labels) in &asked {
            let excluded = labels.split(',').any(|label| label == "source!=\"sandbox\"");
            assert!(excluded, "{name} of the sandbox too: {question}");
        }
        !asked.is_empty()
    };
    assert_eq!(rules.iter().filter(about_sources).count(), 3);
    let pages = rules.iter().filter(|rule| rule["labels"]["severity"] == "page");
    for page in pages {
        assert!(page["for"].is_string(), "{} wakes at once", page["alert"]);
    }
}

async fn everything_that_is_documented_is_measured(database: TestDatabase) {
    let (app, watch) = lived_in(database).await;
    let reading = watch.read(&app).await;
    let mut documented = documented();
    let found: BTreeMap<_, _> = reading
        .families
        .iter()
        .map(|(name, kind)| {
            let suffix = if kind == "counter" { "_total" } else { "" };
            (format!("{name}{suffix}"), kind.clone())
        })
        .collect();
    assert_eq!(found, documented);

    // The dashboard and the alerts ask for nothing else.
    documented.retain(|_, kind| kind == "histogram");
    let parts = documented
        .keys()
        .flat_map(|name| ["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
    let known: BTreeSet<_> = found.keys().cloned().chain(parts).collect();
    let panels: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = panels["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let asked: Vec<_> = targets.map(|it| it["expr"].as_str().expect("a question")).collect();
    let rules = rules();
    assert!(asked.len() > 20 && rules.len() > 10, "{} {}", asked.len(), rules.len());
    for rule in &rules {
        let alert = rule["alert"].as_str().expect("a name");
        assert!(DOCUMENT.contains(&format!("| `{alert}` |")), "{alert} is not documented");
        assert!(rule["annotations"]["summary"].is_string(), "{alert} says nothing");
    }
    let asked =
        asked.into_iter().chain(rules.iter().map(|it| it["expr"].as_str().expect("a question")));
    for expression in asked {
        let asked = selectors(expression);
        assert!(!asked.is_empty(), "{expression} asks for nothing");
        for (name, labels) in asked {
            assert!(known.contains(&name), "{name} in {expression}");
            for label in labels.split(',').filter_map(|label| label.split(['=', '!']).next()) {
                assert!(reading.has_label(&name, label.trim()), "{label} in {expression}");
            }
        }
    }
    watch.finish().await;
    app.finish().await;
}

/// An axis has one unit, and who sees an alert reads what it has.
#[test]
fn what_is_shown_can_be_read() {
    let unit = |expression: &str| {
        ["_pesos", "_seconds", "_bytes"].into_iter().find(|unit| expression.contains(unit))
    };
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    for panel in dashboard["panels"].as_array().expect("panels") {
        let targets = panel["targets"].as_array().into_iter().flatten();
        let units: BTreeSet<_> = targets.map(|it| unit(it["expr"].as_str().unwrap())).collect();
        assert!(units.len() < 2, "{}: {units:?}", panel["title"]);
        // What has not happened was not in 1970.
        for target in panel["targets"].as_array().into_iter().flatten() {
            let asks = target["expr"].as_str().unwrap();
            let (moments, some) = ["_timestamp_seconds", "_timestamp_seconds > 0"]
                .map(|part| asks.matches(part).count())
                .into();
            assert_eq!(moments, some, "{asks}");
        }
    }
    let aggregates = regex::Regex::new(r"\b(absent|avg|count|max|min|sum)\(").unwrap();
    for rule in rules() {
        let [asks, says] = [&rule["expr"], &rule["annotations"]["summary"]];
        let [asks, says] = [asks, says].map(|text| text.as_str().expect("a text"));
        // What is absent has no labels, and what is of all together.
        let asked_for = !says.contains("$labels.") || says.contains("{{ if $labels.");
        assert!(asked_for || !aggregates.is_match(asks), "{says}");
    }
}

async fn what_happens_is_counted(database: TestDatabase) {
    let (app, watch) = lived_in(database).await;
    let reading = watch.read(&app).await;
    let post = ("route", "/api/links/");
    for (name, labels, value) in [
        ("vinculo_http_requests_total", &[post, ("method", "POST"), ("status", "2xx")][..], 1.0),
        ("vinculo_http_requests_total", &[post, ("method", "POST"), ("status", "4xx")], 1.0),
        ("vinculo_http_requests_total", &[post, ("method", "GET"), ("status", "2xx")], 1.0),
        ("vinculo_http_request_seconds_count", &[post, ("method", "POST")], 2.0),
        ("vinculo_http_requests_in_flight", &[], 0.0),
        ("vinculo_job_runs_total", &[("kind", "sync_link"), ("result", "done")], 1.0),
        ("vinculo_job_runs_total", &[("kind", "import_file"), ("result", "done")], 1.0),
        // What has not happened is 0, so that the first time is an increase.
        ("vinculo_job_runs_total", &[("kind", "work_cohorts"), ("result", "panicked")], 0.0),
        ("vinculo_delivery_attempts_total", &[("result", "5xx")], 0.0),
        ("vinculo_job_run_seconds_count", &[("kind", "sync_link")], 1.0),
        ("vinculo_jobs_running", &[("kind", "sync_link")], 0.0),
        ("vinculo_delivery_attempts_total", &[("result", "2xx")], 2.0),
        ("vinculo_delivery_attempt_seconds_count", &[], 2.0),
        ("vinculo_webhook_endpoints", &[("state", "working")], 1.0),
        ("vinculo_source_questions_total", &[("source", "sandbox"), ("outcome", "resolved")], 1.0),
        (
            "vinculo_source_held_back_total",
            &[("source", "sandbox"), ("reason", "over_budget")],
            1.0,
        ),
        ("vinculo_source_cost_pesos_total", &[("source", "sandbox")], 1200.0),
        ("vinculo_source_month_pesos", &[("source", "sandbox")], 1200.0),
        ("vinculo_source_budget_pesos", &[("source", "sandbox")], 2000.0),
        ("vinculo_source_breaker", &[("source", "sandbox"), ("state", "closed")], 1.0),
        ("vinculo_source_breaker", &[("source", "sandbox"), ("state", "open")], 0.0),
        ("vinculo_imports_total", &[("result", "accepted")], 1.0),
        ("vinculo_ready", &[("check", "worker")], 1.0),
        ("vinculo_ready", &[("check", "disk")], 1.0),
        ("vinculo_audit_waiting", &[], 0.0),
    ] {
        assert_eq!(reading.value(name, labels), Some(value), "{name} {labels:?}");
    }
    for positive in [
        "vinculo_import_lines_total",
        "vinculo_audit_delay_seconds_count",
        "vinculo_store_write_seconds_count",
        "vinculo_store_read_seconds_count",
        "vinculo_disk_free_bytes",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(reading.value(positive, &[]) > Some(0.0), "{positive}");
    }
    let lanes = |lane| reading.value("vinculo_store_lanes", &[("lane", lane)]);
    let expected = match app.database.is_embedded() {
        true => [Some(1.0), Some(2.0), None],
        false => [None, None, Some(4.0)],
    };
    assert_eq!(["write", "read", "pool"].map(lanes), expected);
    watch.finish().await;
    app.finish().await;
}

async fn a_failure_that_was_asked_for_is_none_of_ours(database: TestDatabase) {
    const EMPLOYMENTS: &str = "/api/co/employments/";
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = client.create_link("1999000001", json!({})).await;
    app.settled().await;
    let request = client.request(Method::POST, EMPLOYMENTS).json(&json!({ "link": link["id"] }));
    let failed = request.header("X-Vinculo-Sandbox", "fault").send().await.expect("an answer");
    assert_eq!(failed.status(), 500);
    let watch = Watch::start(&app).await;
    let reading = watch.read(&app).await;
    let counted = |status| {
        let labels = [("route", EMPLOYMENTS), ("method", "POST"), ("status", status)];
        reading.value("vinculo_http_requests_total", &labels)
    };
    assert_eq!((counted("played"), counted("5xx")), (Some(1.0), None));
    watch.finish().await;
    app.finish().await;
}

async fn what_waits_is_looked_at(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let watch = Watch::start(&app).await;
    let receiver = Receiver::start().await;
    app.send_events_to(&receiver, Sandbox, None).await;
    let keep = json!({ "keep_events_days": 1 });
    assert_eq!(app.sandbox().patch("/manage/v1/settings/", &keep).await.status, 200);
    app.sandbox().create_link("1999000001", json!({})).await;
    app.advance(Duration::from_secs(60));
    let backlog = async |what: &str, kind: &str| {
        let name = format!("vinculo_backlog_{what}");
        watch.read(&app).await.value(&name, &[("kind", kind)])
    };
    assert_eq!(backlog("due", "sync_link").await, Some(1.0));
    assert_eq!(backlog("oldest_due_seconds", "sync_link").await, Some(60.0));
    assert_eq!(backlog("oldest_due_seconds", "delivery").await, Some(0.0));
    // One look is good for five seconds.
    app.advance(Duration::from_secs(4));
    assert_eq!(backlog("oldest_due_seconds", "sync_link").await, Some(60.0));
    app.advance(Duration::from_secs(1));
    assert_eq!(backlog("oldest_due_seconds", "sync_link").await, Some(65.0));
    let ready = watch.read(&app).await.value("vinculo_ready", &[("check", "worker")]);
    assert_eq!(ready, None, "nobody works here");

    // What was removed is told by whoever is asked: an event for each resource of the link.
    app.start_runner().await;
    app.settled().await;
    app.advance(Duration::from_secs(2 * 24 * 60 * 60));
    let old = app.now().as_second() as f64;
    let rows = |reading: &Reading, rule: &'static str| {
        reading.value("vinculo_retention_removed_rows_total", &[("rule", rule)])
    };
    soon("the clean-up", async {
        while rows(&watch.read(&app).await, "events") < Some(2.0) {
            app.advance(AN_HOUR);
            look_again().await;
        }
    })
    .await;
    let reading = watch.read(&app).await;
    for rule in RetentionRule::ALL {
        let rule = rule.as_str();
        let at = reading.value("vinculo_retention_removed_timestamp_seconds", &[("rule", rule)]);
        match rule {
            "events" => assert!(at >= Some(old), "{at:?}"),
            _ => assert_eq!((rows(&reading, rule), at), (Some(0.0), Some(0.0)), "{rule}"),
        }
    }
    watch.finish().await;
    app.finish().await;
}

async fn a_receiver_that_hangs_is_no_work_that_waits(database: TestDatabase) {
    const EVENTS: usize = 10;
    const AT_ONCE: usize = 8;
    // Longer than the test: it is measured by the machine's clock.
    let patient = |config: &mut Config| config.webhook_timeout = AN_HOUR;
    let mut app = Setup::new(database).configure(patient).start().await;
    let watch = Watch::start(&app).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Sandbox, None).await;
    for _ in 0..EVENTS / 2 {
        let both = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
        app.sandbox().create_link("1999000001", both).await;
        app.settled().await;
    }
    for _ in 0..EVENTS {
        receiver.next().await;
    }
    app.stop_runner().await;
    let all = json!({ "status": "delivered" });
    let again = app.sandbox().post("/manage/v1/deliveries/replay/", &all).await;
    assert_eq!(again.json()["replayed"], EVENTS);
    app.advance(AN_HOUR);
    let told = async |app: &TestApp| {
        let reading = watch.read(app).await;
        ["due", "oldest_due_seconds"]
            .map(|what| reading.value(&format!("vinculo_backlog_{what}"), &[("kind", "delivery")]))
    };
    assert_eq!(
        told(&app).await,
        [Some(EVENTS as f64), Some(AN_HOUR.as_secs_f64())],
        "nobody is at it"
    );
    // The look that was made is good for a while.
    app.advance(Duration::from_secs(6));

    let may_answer = Arc::new(Notify::new());
    receiver.reply((0..EVENTS).map(|_| Reply::When(Arc::clone(&may_answer))));
    app.start_runner().await;
    for _ in 0..AT_ONCE {
        receiver.next().await;
    }
    assert_eq!(told(&app).await, [Some((EVENTS - AT_ONCE) as f64), Some(0.0)], "they wait for it");
    soon("the deliveries", async {
        while app.work_left().await > 0 {
            may_answer.notify_waiters();
            look_again().await;
        }
    })
    .await;
    watch.finish().await;
    app.finish().await;
}

async fn files_behind_others_are_no_work_that_waits(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    let watch = Watch::start(&app).await;
    for file in ["no planilla", "nor this"] {
        app.receive(Sandbox, file).await;
    }
    app.advance(AN_HOUR);
    let told = async || {
        let reading = watch.read(&app).await;
        ["due", "oldest_due_seconds"].map(|what| {
            reading.value(&format!("vinculo_backlog_{what}"), &[("kind", "import_file")])
        })
    };
    assert_eq!(told().await, [Some(2.0), Some(AN_HOUR.as_secs_f64())], "nobody is at them");
    let (now, hour) = (app.app.now_micros(), AN_HOUR.as_micros() as i64);
    let taken = app.app.store().write(move |tx| tx.claim_files(now, now + hour, 1, None)).await;
    assert_eq!(taken.unwrap().len(), 1);
    // The look that was made is good for a while.
    app.advance(Duration::from_secs(6));
    assert_eq!(told().await, [Some(1.0), Some(0.0)], "it waits for the other one");
    app.database.run("delete from jobs");
    watch.finish().await;
    app.finish().await;
}

async fn links_that_nobody_acts_on_are_told(database: TestDatabase) {
    const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let mut app = Setup::new(database).without_runner().start().await;
    let watch = Watch::start(&app).await;
    let stored = json!({ "access_mode": "single", "credentials_storage": "1d" });
    app.sandbox().create_link("1999000001", stored).await;
    let told = async |app: &TestApp| {
        let reading = watch.read(app).await;
        ["due", "oldest_due_seconds"]
            .map(|what| reading.value(&format!("vinculo_backlog_{what}"), &[("kind", "expiry")]))
    };
    assert_eq!(told(&app).await, [Some(0.0); 2]);
    app.advance(A_DAY + AN_HOUR);
    assert_eq!(told(&app).await, [Some(1.0), Some(AN_HOUR.as_secs_f64())]);
    app.start_runner().await;
    app.settled().await;
    // The look that was made is good for a while.
    app.advance(Duration::from_secs(6));
    assert_eq!(told(&app).await, [Some(0.0); 2]);
    watch.finish().await;
    app.finish().await;
}

async fn a_clean_up_that_fails_is_not_told_as_one(database: TestDatabase) {
    const TOLD: &str = "vinculo_clean_up_timestamp_seconds";
    const HALF_A_DAY: Duration = Duration::from_secs(12 * 60 * 60);
    let mut app = Setup::new(database).without_runner().start().await;
    let watch = Watch::start(&app).await;
    assert_eq!(watch.read(&app).await.value(TOLD, &[]), Some(0.0), "nobody works here");
    let keep = json!({ "keep_events_days": 1 });
    assert_eq!(app.sandbox().patch("/manage/v1/settings/", &keep).await.status, 200);
    app.database.run("alter table used_widget_tokens rename to away");
    app.start_runner().await;
    let removed = async |rows: i64| {
        let sums = || app.app.store().read(|tx| tx.retention_sums());
        soon("old events to go", async {
            while sums().await.expect("sums").iter().map(|(_, rows, _)| rows).sum::<i64>() < rows {
                app.advance(AN_HOUR);
                look_again().await;
            }
        })
        .await;
    };
    // Two events, and two half a day later.
    app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    let begun = app.now().as_second() as f64;
    app.advance(HALF_A_DAY);
    app.sandbox().create_link("1999000002", json!({})).await;
    app.settled().await;
    // A round removes what is a day old, and so does a later one: the first has ended then.
    app.advance(HALF_A_DAY + Duration::from_secs(1));
    removed(2).await;
    removed(4).await;
    assert_eq!(watch.read(&app).await.value(TOLD, &[]), Some(begun), "it only began");
    app.database.run("alter table away rename to used_widget_tokens");
    soon("a sound round", async {
        while watch.read(&app).await.value(TOLD, &[]) <= Some(begun) {
            app.advance(AN_HOUR);
            look_again().await;
        }
    })
    .await;
    watch.finish().await;
    // So much time may have passed that the links are refreshed.
    app.settled().await;
    app.finish().await;
}

/// A look adds up what is new: what was settled is not gone through again.
async fn what_was_paid_a_while_ago_is_added_up_once(database: TestDatabase) {
    let paid = |config: &mut Config| {
        let shipped = SourceTerms::shipped("sandbox");
        let terms = SourceTerms { price: 1200, billed_on: BilledOn::Call, ..shipped };
        config.source_terms.insert("sandbox".to_owned(), terms);
    };
    let mut app = Setup::new(database).configure(paid).start().await;
    let mut watch = Watch::start(&app).await;
    let once = json!({ "access_mode": "single" });
    let spent = async |watch: &Watch, app: &TestApp| {
        // The look before is good for a while.
        app.advance(Duration::from_secs(6));
        watch.read(app).await.value("vinculo_source_month_pesos", &[("source", "sandbox")])
    };
    app.sandbox().create_link("1999000001", once.clone()).await;
    app.settled().await;
    assert_eq!(spent(&watch, &app).await, Some(1200.0));
    app.database.run("update source_calls set cost = 1300");
    assert_eq!(spent(&watch, &app).await, Some(1300.0), "it may still change");
    app.advance(AN_HOUR);
    assert_eq!(spent(&watch, &app).await, Some(1300.0));
    app.database.run("update source_calls set cost = 7");
    app.sandbox().create_link("1999000002", once).await;
    app.settled().await;
    assert_eq!(spent(&watch, &app).await, Some(2500.0), "what is old is not read again");
    watch.finish().await;
    app = app.restart().await;
    watch = Watch::start(&app).await;
    assert_eq!(spent(&watch, &app).await, Some(1207.0), "it is added up by another process");
    watch.finish().await;
    app.finish().await;
}

async fn what_cannot_be_looked_at_freezes_nothing_else(database: TestDatabase) {
    const A_MINUTE: Duration = Duration::from_secs(60);
    let app = Setup::new(database).without_runner().start().await;
    let watch = Watch::start(&app).await;
    app.sandbox().create_link("1999000001", json!({})).await;
    // How long the oldest load has waited, what was spent, and how old the last full look is.
    let told = async || {
        app.advance(A_MINUTE);
        let reading = watch.read(&app).await;
        let seen = reading.value("vinculo_metrics_timestamp_seconds", &[]).expect("a moment");
        let oldest = ("vinculo_backlog_oldest_due_seconds", [("kind", "sync_link")]);
        let spent = ("vinculo_source_month_pesos", [("source", "sandbox")]);
        let [oldest, spent] = [oldest, spent].map(|(name, labels)| reading.value(name, &labels));
        (oldest, spent, app.now().as_second() as f64 - seen)
    };
    assert_eq!(told().await, (Some(60.0), Some(0.0), 0.0));
    app.database.run("alter table source_calls rename to away");
    assert_eq!(told().await, (Some(120.0), Some(0.0), 60.0));
    app.database.run("alter table away rename to source_calls");
    app.database.run("update source_calls set cost = 5");
    app.database.run("alter table retention_totals rename to away");
    assert_eq!(told().await, (Some(120.0), Some(5.0), 120.0));
    app.database.run("alter table away rename to retention_totals");
    assert_eq!(told().await, (Some(240.0), Some(5.0), 0.0));
    app.database.run("delete from jobs");
    watch.finish().await;
    app.finish().await;
}

async fn no_label_is_a_clients_own(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let watch = Watch::start(&app).await;
    let client = app.sandbox();
    let made = client.create_link("1999000004", json!({})).await;
    let id = made["id"].as_str().unwrap();
    for path in [
        &format!("/api/links/{id}/"),
        "/api/links/1999000004/",
        "/api/owners/?link=1999000004",
        "/api/banks/1999000004/",
        "/dashboard/welcome/1999000004",
        "/docs/1999000004",
        "/1999000004",
        "/manage/v1/imports/1999000004/",
    ] {
        for method in [Method::GET, Method::PUT, Method::from_bytes(b"SECRET").unwrap()] {
            let request = client.request(method, path);
            request.send().await.expect("an answer");
        }
    }
    let document = openapi_document();
    let routes: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let others = ["none", "/livez", "/readyz", "/docs", "/docs/", "/docs/{file}"];
    let routes: BTreeSet<_> = routes.into_iter().chain(others.map(str::to_owned)).collect();
    let methods = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "other"];
    let reading = watch.read(&app).await;
    let mut seen = BTreeSet::new();
    for (name, labels, _) in &reading.samples {
        for (label, value) in labels {
            let known = match label.as_str() {
                "route" => {
                    seen.insert(value.clone());
                    routes.contains(value) || value.starts_with("/dashboard")
                }
                "method" => methods.contains(&value.as_str()),
                "le" => value == "+Inf" || value.parse::<f64>().is_ok(),
                "version" => name == "vinculo_build_info",
                _ => value.len() == 3 || value.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            };
            let told = value.contains("1999000004") || value.contains(id);
            assert!(known && !told, "{name}: {label}={value}");
        }
    }
    for route in ["none", "/api/links/{id}/", "/docs/{file}", "/dashboard/welcome/{token}"] {
        assert!(seen.contains(route), "{route} in {seen:?}");
    }
    watch.finish().await;
    app.settled().await;
    app.finish().await;
}

async fn a_request_takes_as_long_as_it_takes_however_the_clock_is_set(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.operator_is(Mood::Silent);
    let client = app.sandbox();
    let request = link_request("1999000001", json!({}));
    let asking = tokio::spawn(async move { client.post("/api/links/", &request).await });
    app.until_asked(1).await;
    app.clock.set_by(SignedDuration::from_hours(1));
    app.operator_is(Mood::Helpful);
    assert_eq!(asking.await.unwrap().status, 201);
    let watch = Watch::start(&app).await;
    let reading = watch.read(&app).await;
    let labels = [("route", "/api/links/"), ("method", "POST")];
    let of = |part: &str| reading.value(&format!("vinculo_http_request_seconds_{part}"), &labels);
    assert_eq!((of("count"), of("sum")), (Some(1.0), Some(0.0)));
    app.settled().await;
    watch.finish().await;
    app.finish().await;
}
