//! Traces, as a collector gets them.

use std::collections::BTreeSet;
use std::process::Command;

use reqwest::Method;
use serde_json::json;

use crate::support::{
    Client, Collected, Collector, Gate, Installation, Link, Manner, Process, Receiver, Span, TOKEN,
    finished, sample,
};

/// What only the collector may see.
const KEY: &str = "a-key-of-the-collector";

fn traced<'a>(command: &'a mut Command, collector: &Collector) -> &'a mut Command {
    command.env("VINCULO_OTLP_ENDPOINT", &collector.url);
    command.env("VINCULO_OTLP_HEADERS", format!("X-Collector-Key: {KEY}"))
}

/// Makes a link; its id, and that of the request.
async fn link(client: &Client, document: &str) -> (Link, String) {
    let made = client.post_link(document).await.expect("an answer");
    assert_eq!(made.status(), 201);
    let request = request_id(&made);
    let link: serde_json::Value = made.json().await.expect("a link");
    (Link(link["id"].as_str().expect("an id").to_owned()), request)
}

fn request_id(answer: &reqwest::Response) -> String {
    answer.headers()["x-request-id"].to_str().expect("a text").to_owned()
}

/// The spans of a trace, once the two deliveries of its load are among them.
async fn trace(collector: &Collector, id: &str) -> Vec<Span> {
    let all = |collected: &Collected| {
        let of = collected.of(id);
        let deliveries = of.iter().filter(|span| span.name == "delivery").count();
        deliveries == 2 && ["request", "job"].iter().all(|kind| of.iter().any(|s| is(s, kind)))
    };
    collector.until("the spans of a request", all).await.of(id)
}

fn is(span: &Span, kind: &str) -> bool {
    match kind {
        "request" => span.attributes.contains_key("http.route"),
        "job" => span.attributes.contains_key("vinculo.job.kind"),
        "question" => span.attributes.contains_key("vinculo.source"),
        _ => span.name == kind,
    }
}

fn only<'a>(spans: &'a [Span], kind: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| is(span, kind)).collect();
    assert_eq!(found.len(), 1, "{kind}: {spans:#?}");
    found[0]
}

fn assert_says(span: &Span, said: &[(&str, &str)]) {
    for (name, value) in said {
        assert_eq!(span.attributes.get(*name).map(String::as_str), Some(*value), "{span:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_and_all_that_goes_on_with_it_are_one_trace() {
    let (installation, receiver) = (Installation::sqlite(), Receiver::start().await);
    let collector = Collector::start(Manner::Takes).await;
    installation.webhook("sandbox", &receiver.url);
    let mut command = installation.serve_command();
    let (server, base) = Process::start_listening(traced(&mut command, &collector)).await;
    let client = installation.client("sandbox", &base);
    let (made, id) = link(&client, "1999000002").await;

    // The source is asked while the caller waits.
    let spans = trace(&collector, &id).await;
    let (request, job) = (only(&spans, "request"), only(&spans, "job"));
    assert_eq!((request.name.as_str(), request.kind), ("POST /api/links/", 2));
    assert_eq!((request.parent.as_str(), job.parent.as_str()), ("", &*request.id));
    let status = ("http.response.status_code", "201");
    let route = ("http.route", "/api/links/");
    assert_says(request, &[("http.request.method", "POST"), route, status]);
    let question = only(&spans, "question");
    assert_eq!((&question.parent, question.kind), (&request.id, 3));
    let outcome = ("vinculo.source.outcome", "resolved");
    assert_says(question, &[("vinculo.source", "sandbox"), outcome]);
    assert_eq!((job.name.as_str(), job.kind), ("sync_link", 5));
    assert_says(job, &[("vinculo.job.attempt", "1"), ("vinculo.job.result", "done")]);
    assert!(job.attributes.contains_key("vinculo.job.wait_seconds"), "{job:#?}");
    for delivery in spans.iter().filter(|span| is(span, "delivery")) {
        assert_eq!((&delivery.parent, delivery.kind, delivery.failed), (&request.id, 3, false));
        let status = ("http.response.status_code", "200");
        assert_says(delivery, &[("vinculo.delivery.outcome", "delivered"), status]);
    }
    for span in &spans {
        assert!(span.time.0 <= span.time.1, "{span:#?}");
        assert_says(span, &[("service.name", "vinculo"), ("vinculo.role", "serve")]);
        assert_says(span, &[("service.version", env!("CARGO_PKG_VERSION"))]);
        assert!(span.attributes.contains_key("service.instance.id"), "{span:#?}");
    }

    // Here the job asks.
    let path = format!("/api/links/{}/refresh/", made.0);
    let refreshed = client.ask(Method::POST, &path).json(&json!({})).send().await;
    let refreshed = refreshed.expect("an answer");
    assert_eq!(refreshed.status(), 202);
    let spans = trace(&collector, &request_id(&refreshed)).await;
    let (request, job) = (only(&spans, "request"), only(&spans, "job"));
    assert_eq!(request.name, "POST /api/links/{id}/refresh/");
    assert_eq!((&job.parent, &only(&spans, "question").parent), (&request.id, &job.id));
    let ids: BTreeSet<_> = spans.iter().map(|span| &span.id).collect();
    assert_eq!(ids.len(), spans.len(), "{spans:#?}");
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_on_in_another_process() {
    let (installation, receiver) = (Installation::postgres(), Receiver::start().await);
    let collector = Collector::start(Manner::Takes).await;
    installation.webhook("sandbox", &receiver.url);
    let mut command = installation.serve_command();
    command.arg("--no-worker");
    let (_server, base) = Process::start_listening(traced(&mut command, &collector)).await;
    let mut command = installation.command(&["worker"]);
    let mut worker = Process::start(traced(&mut command, &collector));
    worker.says("working").await;
    let (_, id) = link(&installation.client("sandbox", &base), "1999000001").await;
    let spans = trace(&collector, &id).await;
    for span in &spans {
        let serves = is(span, "request") || is(span, "question");
        assert_says(span, &[("vinculo.role", if serves { "serve" } else { "worker" })]);
    }
    assert_eq!(only(&spans, "job").parent, only(&spans, "request").id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_as_one_and_what_nobody_asked_for_has_a_root() {
    let (installation, receiver) = (Installation::sqlite(), Receiver::start().await);
    let collector = Collector::start(Manner::Takes).await;
    let mut command = installation.serve_command();
    command.env("VINCULO_ACH_BASE_URL", "https://127.0.0.1:1");
    command.env("VINCULO_SOURCE_PRODUCTION", "ach");
    let (mut server, base) = Process::start_listening(traced(&mut command, &collector)).await;
    let client = installation.client("production", &base);
    let refused = client.post_link("1999000001").await.expect("an answer");
    let id = request_id(&refused);
    installation.webhook("sandbox", &receiver.url);
    let sandbox = installation.client("sandbox", &base);
    let (_, endpoints) = sandbox.get("/manage/v1/webhook-endpoints/").await;
    let endpoint = endpoints["results"][0]["id"].as_str().expect("an endpoint").to_owned();
    let path = format!("/manage/v1/webhook-endpoints/{endpoint}/test/");
    let tested = sandbox.ask(Method::POST, &path).send().await.expect("an answer");
    assert_eq!(tested.status(), 202, "{:?}", tested.text().await);
    receiver.until("a test", |hooks| hooks.len() == 1).await;
    let all = |it: &Collected| {
        let delivery = it.spans.iter().find(|span| span.name == "delivery");
        let root = |id: &String| it.spans.iter().any(|span| span.id == *id);
        it.of(&id).iter().any(|span| is(span, "question"))
            && delivery.is_some_and(|it| root(&it.parent))
    };
    let collected = collector.until("a question, and a delivery with its root", all).await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));

    let spans = collected.of(&id);
    let question = spans.iter().find(|span| is(span, "question")).expect("a question");
    assert!(question.failed, "{question:#?}");
    assert_says(question, &[("vinculo.source", "ach"), ("error.type", "retry_later")]);
    let delivery = collected.spans.iter().find(|span| span.name == "delivery");
    let delivery = delivery.expect("a delivery");
    assert_says(delivery, &[("vinculo.endpoint.id", &endpoint)]);
    let root = collected.spans.iter().find(|span| span.id == delivery.parent).expect("a root");
    assert_eq!((&root.trace, root.parent.as_str()), (&delivery.trace, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_sent_before_the_end_or_said_to_be_lost() {
    let collector = Collector::start(Manner::Takes).await;
    let mut sent = 0;
    // Two seconds are little on a busy machine, and enough at least once.
    for _ in 0..3 {
        let installation = Installation::sqlite();
        let mut command = installation.serve_command();
        let (mut server, base) = Process::start_listening(traced(&mut command, &collector)).await;
        let (_, id) = link(&installation.client("sandbox", &base), "1999000001").await;
        server.terminate();
        assert_eq!(server.ended().await.code(), Some(0));
        let came = collector.collected().of(&id).iter().any(|span| is(span, "request"));
        let said = server.everything_said();
        let lost = said.contains("did not reach the collector") || said.contains("did not take");
        assert!(came || lost, "{said}");
        sent += usize::from(came);
    }
    assert_ne!(sent, 0, "nothing is sent before the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_and_a_row_of_a_cohort_are_traces_of_their_own() {
    let installation = Installation::sqlite();
    let collector = Collector::start(Manner::Takes).await;
    let mut command = installation.serve_command();
    let (_server, base) = Process::start_listening(traced(&mut command, &collector)).await;
    let planilla = std::fs::read(sample("01-nandu-E-2025-10.txt")).expect("a planilla");
    let production = installation.client("production", &base);
    let path = "/manage/v1/imports/?name=a.txt";
    let received = production.ask(Method::POST, path).body(planilla).send().await;
    let received: serde_json::Value = received.expect("an answer").json().await.expect("an import");
    let id = received["id"].as_str().expect("an id").replace('-', "");
    let spans = collector.until("an import", |it| it.of(&id).len() == 2).await.of(&id);
    let (root, job) = (only(&spans, "import"), only(&spans, "job"));
    assert_eq!((root.parent.as_str(), &job.parent), ("", &root.id));
    assert_says(job, &[("vinculo.job.kind", "import_file"), ("vinculo.job.result", "done")]);

    let sandbox = installation.client("sandbox", &base);
    let rows = "document\n1999000001\n";
    let sent =
        sandbox.ask(Method::POST, "/manage/v1/cohorts/?access_mode=single").body(rows).send().await;
    assert_eq!(sent.expect("an answer").status(), 202);
    let made = |it: &Collected| {
        let rows = it.spans.iter().filter(|span| span.name == "row of a cohort");
        rows.into_iter().any(|row| it.of(&row.trace).len() == 2)
    };
    let collected = collector.until("a row of a cohort", made).await;
    let row = collected.spans.iter().find(|span| span.name == "row of a cohort");
    let spans = collected.of(&row.expect("a row").trace);
    let row = only(&spans, "row of a cohort");
    assert_eq!(row.parent, "");
    assert_eq!(only(&spans, "question").parent, row.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_say_nothing_that_the_log_may_not() {
    let (installation, receiver) = (Installation::sqlite(), Receiver::start().await);
    let collector = Collector::start(Manner::Takes).await;
    let url = format!("{}?needle-in-the-address", receiver.url);
    installation.webhook("sandbox", &url);
    let mut command = installation.serve_command();
    command.env("VINCULO_LOG", "trace");
    let (mut server, base) = Process::start_listening(traced(&mut command, &collector)).await;
    let client = installation.client("sandbox", &base);
    let (made, _) = link(&client, "1999000002").await;
    receiver.until_told(std::slice::from_ref(&made)).await;
    for path in ["/api/owners/", "/api/co/employments/"] {
        assert_eq!(client.get(&format!("{path}?link={}", made.0)).await.0, 200);
    }
    // Where an id belongs, anything can stand.
    assert_eq!(client.get("/api/links/1999000404/").await.0, 404);
    assert_eq!(client.get("/1999000404/").await.0, 404);
    let refused = client.post_link("1999000404").await.expect("an answer");
    assert_eq!(refused.status(), 400);
    let id = request_id(&refused);
    let all = |it: &Collected| {
        let has = |name: &str| it.spans.iter().any(|span| span.name == name);
        it.of(&id).iter().any(|span| is(span, "request")) && has("sync_link") && has("delivery")
    };
    collector.until("what all requests did", all).await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));

    let Collected { bodies, headers, .. } = collector.collected();
    let shows = |text: &str| bodies.windows(text.len()).any(|part| part == text.as_bytes());
    for known in ["sync_link", "/api/co/employments/", "delivered"] {
        assert!(shows(known), "{known:?} is not found");
    }
    let secrets = client.secrets();
    let secrets = secrets.iter().map(String::as_str);
    let needles =
        ["1999000002", "1999000404", "PERSONA", "EJEMPLO", "ARANDA", "needle-in-the-address"];
    for needle in needles.into_iter().chain([&*receiver.url, TOKEN, KEY, &*made.0]).chain(secrets) {
        assert!(!shows(needle), "{needle:?} was exported");
    }
    assert!(headers.iter().all(|headers| headers["x-collector-key"] == KEY));
    // Nor does the log say what is the traces' own.
    server.assert_silent([KEY, "vinculo_trace", "vinculo.job"]);
}

/// A server that tells a collector which takes nothing makes a link, counts what it loses, and ends.
async fn nothing_suffers(collector: &str) {
    let (installation, receiver) = (Installation::sqlite(), Receiver::start().await);
    installation.webhook("sandbox", &receiver.url);
    let mut command = installation.serve_command();
    command.args(["--metrics-listen", "127.0.0.1:0"]).env("VINCULO_OTLP_ENDPOINT", collector);
    let (mut server, base) = Process::start_listening(&mut command).await;
    let metrics = server.says("metrics on ").await;
    let client = installation.client("sandbox", &base);
    let made = client.link("1999000002").await;
    receiver.until_told(std::slice::from_ref(&made)).await;
    assert_eq!(client.counts(&made).await, (2, 1));
    server.logs("the collector did not take spans of traces").await;
    let metrics = client.at(&metrics).get("").await.1;
    let metrics = metrics.as_str().expect("a text");
    let lost =
        metrics.lines().find_map(|line| line.strip_prefix("vinculo_trace_spans_lost_total "));
    assert_ne!(lost.expect("a count"), "0");
    // More that waits when it is told to stop.
    receiver.set(Gate::Answer);
    let made = client.link("1999000001").await;
    receiver.until_told(std::slice::from_ref(&made)).await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    server.assert_silent([KEY]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_costs_spans_alone() {
    nothing_suffers(&Collector::start(Manner::Hangs).await.url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_whose_answer_never_ends_costs_spans_alone() {
    nothing_suffers(&Collector::start(Manner::Floods).await.url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_there_costs_spans_alone() {
    // Some take their key in the path, and no error names it.
    nothing_suffers(&format!("http://127.0.0.1:1/otlp/{KEY}")).await;
}

/// The names of a process's threads.
fn threads(server: &Process) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.id())).expect("a process");
    let names = tasks.map(|task| {
        let name = task.expect("a thread").path().join("comm");
        std::fs::read_to_string(name).unwrap_or_default()
    });
    names.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_endpoint_there_is_no_thread_and_no_connection() {
    for (on, variable) in [(true, "VINCULO_OTLP_ENDPOINT"), (false, "OTEL_EXPORTER_OTLP_ENDPOINT")]
    {
        // One of its own: what a server sends last may arrive after its end.
        let collector = Collector::start(Manner::Takes).await;
        let installation = Installation::sqlite();
        let mut command = installation.serve_command();
        command.env(variable, &collector.url);
        let (mut server, base) = Process::start_listening(&mut command).await;
        installation.client("sandbox", &base).link("1999000001").await;
        let sends = threads(&server).iter().any(|name| name.starts_with("OpenTelemetry"));
        assert_eq!(sends, on, "{:?}", threads(&server));
        if on {
            collector.until("spans", |it| !it.spans.is_empty()).await;
        }
        server.terminate();
        assert_eq!(server.ended().await.code(), Some(0));
        assert_eq!(!collector.collected().spans.is_empty(), on);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_none_sends_none() {
    let collector = Collector::start(Manner::Takes).await;
    let installation = Installation::sqlite();
    let mut command = installation.serve_command();
    traced(&mut command, &collector).env("VINCULO_OTLP_SAMPLE", "0");
    let (mut server, base) = Process::start_listening(&mut command).await;
    installation.client("sandbox", &base).link("1999000001").await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    assert!(collector.collected().spans.is_empty());
}

#[test]
fn what_cannot_be_used_stops_the_start() {
    let endpoint = ("VINCULO_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let wrong: [(&[(&str, &str)], &str); 9] = [
        (&[("VINCULO_OTLP_ENDPOINT", "ftp://x")], "VINCULO_OTLP_ENDPOINT: ftp://x/ is no base URL"),
        (&[("VINCULO_OTLP_ENDPOINT", "http://x/otlp/s3cret#a")], "http://x/ is no base URL"),
        (&[("VINCULO_OTLP_ENDPOINT", "http://x/?key=s3cret")], "http://x/ is no base URL"),
        (&[("VINCULO_OTLP_ENDPOINT", "collector")], "'collector' for '--otlp-endpoint <URL>'"),
        (
            &[("VINCULO_OTLP_ENDPOINT", "http://u:s3cret@x")],
            "VINCULO_OTLP_ENDPOINT: a user in a URL",
        ),
        (
            &[("VINCULO_OTLP_SAMPLE", "1.5")],
            "'1.5' for '--otlp-sample <SHARE>': 1.5 is not between",
        ),
        (&[("VINCULO_OTLP_HEADERS", "A: s3cret")], "without VINCULO_OTLP_ENDPOINT"),
        (&[endpoint, ("VINCULO_OTLP_HEADERS", "s3cret")], "VINCULO_OTLP_HEADERS: a line is not"),
        (&[endpoint, ("VINCULO_OTLP_HEADERS", "A B: s3cret")], "is no header that HTTP knows"),
    ];
    for (variables, words) in wrong {
        let installation = Installation::sqlite();
        let refused = finished(installation.serve_command().envs(variables.iter().copied()));
        assert!(matches!(refused.code, Some(1 | 2)), "{refused:?}");
        assert!(refused.stderr.contains(words), "{variables:?}: {}", refused.stderr);
        assert!(!refused.stderr.contains("s3cret"), "{}", refused.stderr);
    }
}

#[test]
fn the_doctor_says_where_traces_go() {
    let installation = Installation::sqlite();
    installation.make();
    let said = |variables: &[(&str, &str)]| {
        let checks =
            finished(installation.command(&["doctor", "--json"]).envs(variables.iter().copied()));
        let checks = checks.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        let check = checks.into_iter().find(|it: &serde_json::Value| it["check"] == "traces");
        let check = check.expect("a check");
        assert!(!check.to_string().contains(KEY), "{check}");
        format!("{} {}", check["state"], check["message"])
    };
    let headers = format!("X-Collector-Key: {KEY}");
    // Some take their key in the path.
    let url = format!("http://c:4318/otlp/{KEY}");
    let given = [("VINCULO_OTLP_ENDPOINT", &*url), ("VINCULO_OTLP_HEADERS", &*headers)];
    assert_eq!(said(&[]), r#""good" "none are sent""#);
    assert_eq!(said(&given), r#""good" "a share of 1 is sent to http://c:4318""#);
    assert_eq!(
        said(&[("VINCULO_OTLP_ENDPOINT", "ftp://c")]),
        r#""wrong" "VINCULO_OTLP_ENDPOINT: ftp://c/ is no base URL: http or https and a host, without ? and #""#
    );
}
