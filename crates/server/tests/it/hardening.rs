//! Whatever is sent to an operation that takes a body, it answers in the contract's shape, and never
//! with a failure of its own. Every answer is judged by the client of these tests.

use http::Method;
use http::header::CONTENT_TYPE;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use vinculo_server::config::Config;

use crate::support::{Client, Setup, TestApp, TestDatabase, on_both_databases};

on_both_databases!(
    anything_is_answered_in_the_contracts_shape,
    a_deep_body_is_refused_everywhere,
    a_large_body_is_refused_everywhere,
    a_head_may_not_have_any_number_of_lines,
);

const NOBODYS: &str = "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b";

/// Bodies of each kind for every operation.
const OBJECTS: usize = 24;
const TEXTS: usize = 12;

/// Values that get further than others.
const WORDS: [&str; 20] = [
    "1999000001",
    "1999000404",
    "pila_co_employment",
    "EMPLOYMENTS",
    "OWNERS",
    "recurrent",
    "single",
    "nostore",
    "30d",
    "24h",
    "read",
    "keys",
    "read_links,write_links",
    "CC",
    "192.0.2.0/24",
    "2026-12-24",
    "2026-12-24T12:00:00Z",
    NOBODYS,
    "",
    "\0",
];

/// An operation that takes a body: where, and the names that its description knows.
struct Taking {
    method: Method,
    path: String,
    names: Vec<String>,
    is_json: bool,
}

fn resolved(document: &'static Value, schema: &'static Value) -> &'static Value {
    let reference = schema["$ref"].as_str().or_else(|| {
        let mut choices = schema["oneOf"].as_array().into_iter().flatten();
        choices.find_map(|choice| choice["$ref"].as_str())
    });
    match reference {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

fn taking_bodies() -> Vec<Taking> {
    let document = vinculo_server::openapi_document();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            if ![Method::POST, Method::PUT, Method::PATCH].contains(&method) {
                continue;
            }
            let content = &operation["requestBody"]["content"]["application/json"];
            let schema = resolved(document, &content["schema"]);
            let names = schema["properties"].as_object().into_iter().flat_map(|all| all.keys());
            let (names, is_json) = (names.cloned().collect(), content.is_object());
            all.push(Taking { method, path: path.clone(), names, is_json });
        }
    }
    let names: usize = all.iter().map(|operation| operation.names.len()).sum();
    assert!(all.len() > 15 && names > 40, "the bodies were not found");
    all
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(&WORDS[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// An object of names that the operation knows, and sometimes of one that it does not; or anything.
fn any_body(names: &[String]) -> impl Strategy<Value = Value> + use<> {
    let names = [names, &["unknown".to_owned()]].concat();
    let word = select(&WORDS[..]).prop_map(Value::from);
    let words = vec(select(&WORDS[..]), 0..3).prop_map(|words| json!(words));
    let value = prop_oneof![3 => word, 1 => words, 2 => any_value()];
    let object = btree_map(select(names), value, 0..6)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    prop_oneof![6 => object, 1 => any_value()]
}

fn unlimited(config: &mut Config) {
    config.rate_limit_per_minute = 0;
    config.login_failures_per_minute = 0;
}

/// Things that are there, for the paths that name one.
struct Targets {
    link: String,
    key: String,
}

impl Targets {
    async fn make(app: &TestApp) -> Self {
        let link = app.sandbox().create_link("1999000001", json!({})).await;
        let key = app.sandbox().post("/manage/v1/keys/", &json!({})).await.json();
        app.settled().await;
        let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
        Self { link: id(&link), key: id(&key) }
    }

    fn path(&self, path: &str) -> String {
        let id = match path {
            path if path.contains("/links/") => &self.link,
            path if path.contains("/keys/") => &self.key,
            _ => NOBODYS,
        };
        path.replace("{id}", id)
    }
}

async fn send(client: &Client, operation: &Taking, path: &str, kind: &str, body: Vec<u8>) -> u16 {
    let request = client.request(operation.method.clone(), path).body(body);
    let request = if kind.is_empty() { request } else { request.header(CONTENT_TYPE, kind) };
    client.send(request).await.status
}

async fn anything_is_answered_in_the_contracts_shape(database: TestDatabase) {
    let app = Setup::new(database).configure(unlimited).start().await;
    let targets = Targets::make(&app).await;
    let mut runner = TestRunner::deterministic();
    let (mut done, mut refused) = (0, 0);
    for operation in taking_bodies() {
        let path = targets.path(&operation.path);
        let mut bodies = Vec::new();
        for _ in 0..OBJECTS {
            let body = any_body(&operation.names).new_tree(&mut runner).unwrap().current();
            bodies.push(("application/json", serde_json::to_vec(&body).unwrap()));
        }
        let kinds = select(&["application/json", "", "text/plain", "application/octet-stream"][..]);
        let texts = (kinds, vec(any::<u8>(), 0..300));
        for _ in 0..TEXTS {
            bodies.push(texts.new_tree(&mut runner).unwrap().current());
        }
        for (kind, body) in bodies {
            match send(&app.sandbox(), &operation, &path, kind, body).await {
                200..300 => done += 1,
                _ => refused += 1,
            }
        }
    }
    // What a moved calendar makes due is looked for a moment later.
    app.advance(std::time::Duration::from_secs(1));
    app.settled().await;
    assert!(done > 20 && refused > 300, "{done} done, {refused} refused: not much was tried");
    app.finish().await;
}

async fn a_deep_body_is_refused_everywhere(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let targets = Targets::make(&app).await;
    for operation in taking_bodies().into_iter().filter(|operation| operation.is_json) {
        let path = targets.path(&operation.path);
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            for depth in [128, 100_000] {
                let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                let request = app.sandbox().request(operation.method.clone(), &path);
                let request = request.header(CONTENT_TYPE, "application/json").body(deep);
                let answer = app.sandbox().send(request).await;
                let message = "JSON parse error - more than 127 levels of lists and objects";
                assert_eq!((answer.status, &answer.json()[0]["message"]), (400, &json!(message)));
            }
            let allowed = format!(r#"{{"unknown":{}1{}}}"#, open.repeat(126), close.repeat(126));
            let request = app.sandbox().request(operation.method.clone(), &path);
            let request = request.header(CONTENT_TYPE, "application/json").body(allowed);
            let answer = app.sandbox().send(request).await;
            assert!(!answer.body.contains("JSON parse error"), "{path}: {}", answer.body);
        }
    }
    app.settled().await;
    app.finish().await;
}

async fn a_large_body_is_refused_everywhere(database: TestDatabase) {
    let app = Setup::new(database).configure(|config| config.body_limit = 1000).start().await;
    for operation in taking_bodies().into_iter().filter(|operation| operation.is_json) {
        let path = operation.path.replace("{id}", NOBODYS);
        let large = format!(r#"{{"unknown":"{}"}}"#, "x".repeat(1000));
        let status =
            send(&app.sandbox(), &operation, &path, "application/json", large.into_bytes()).await;
        assert_eq!(status, 413, "{} {path}", operation.method);
    }
    app.finish().await;
}

async fn a_head_may_not_have_any_number_of_lines(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let with = |lines: usize| {
        let request = app.stranger().request(Method::GET, "/livez");
        (0..lines).fold(request, |request, line| request.header(format!("x-{line}"), "a"))
    };
    assert_eq!(app.stranger().send(with(90)).await.status, 200);
    let refused = with(101).send().await.expect("no answer");
    assert_eq!(refused.status().as_u16(), 431);
    app.finish().await;
}
