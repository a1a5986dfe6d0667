//! The description of the API describes the API.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use vinculo_store::Environment;

use crate::support::{
    Receiver, TestApp, TestDatabase, assert_matches, assert_wire_snapshot, escaped,
    on_both_databases,
};

on_both_databases!(the_document_lists_exactly_the_routes_that_exist);

/// Every operation with where it is in the document.
fn described(document: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((format!("/paths/{}/{method}", escaped(path)), operation));
        }
    }
    all
}

#[test]
fn every_operation_is_described_whole() {
    let document = vinculo_server::openapi_document();
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    let mut ids = BTreeSet::new();
    for (place, operation) in described(document) {
        let id = operation["operationId"].as_str().expect(&place).to_owned();
        assert!(ids.insert(id), "{place}: an operationId of another operation");
        for text in ["summary", "operationId"] {
            assert!(!operation[text].as_str().expect(&place).is_empty(), "{place}: {text}");
        }
        let told = format!("{} {}", operation["summary"], operation["description"]);
        assert!(!told.contains("contract"), "{place}: a reader has no contract: {told}");
        assert!(tags.contains(&&operation["tags"][0]), "{place}: a tag that is not explained");
        if let Some(body) = operation.get("requestBody") {
            let mut content = body["content"].as_object().expect(&place).values();
            assert!(content.all(|content| content.get("schema").is_some()), "{place}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter.get("schema").is_some(), "{place}: {parameter}");
            assert!(parameter["description"].is_string(), "{place}: {parameter}");
        }
        let responses = operation["responses"].as_object().expect(&place);
        for status in ["401", "403", "405", "408", "429", "500", "503"] {
            assert!(responses.contains_key(status), "{place}: {status}");
        }
        assert!(responses.keys().any(|status| status.starts_with('2')), "{place}");
        for (status, response) in responses {
            let response = match response["$ref"].as_str() {
                Some(reference) => document.pointer(&reference[1..]).expect(reference),
                None => response,
            };
            assert!(
                !response["description"].as_str().expect(&place).is_empty(),
                "{place} {status}"
            );
            assert!(response["headers"].get("X-Request-Id").is_some(), "{place} {status}");
            let content = response["content"].as_object();
            assert_eq!(content.is_none(), status == "204", "{place} {status}");
            for content in content.into_iter().flat_map(|content| content.values()) {
                assert!(content.get("schema").is_some(), "{place} {status}");
            }
        }
    }
    assert_wire_snapshot!("operation_ids", json!(ids));
}

#[test]
fn a_file_is_sent_as_it_is() {
    let document = vinculo_server::openapi_document();
    let body = &document["paths"]["/manage/v1/imports/"]["post"]["requestBody"];
    let schema = &body["content"]["application/octet-stream"]["schema"];
    assert_eq!(schema, &json!({ "type": "string", "format": "binary" }));
}

#[test]
fn every_example_is_one() {
    let document = vinculo_server::openapi_document();
    let mut examples = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(example) = schema.get("example") else { continue };
        assert_matches(&format!("/components/schemas/{name}"), example, name);
        examples += 1;
    }
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let place = format!("/components/responses/{name}/content/application~1json");
        let example = &response["content"]["application/json"]["example"];
        assert_matches(&format!("{place}/schema"), example, name);
        examples += 1;
    }
    assert!(examples > 15, "{examples} examples are not all of them");
}

const METHODS: [Method; 5] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Every operation of the document: its path and the methods it lists.
fn operations(document: &Value) -> Vec<(String, BTreeSet<Method>)> {
    let paths = document["paths"].as_object().expect("paths");
    let methods = |item: &Value| {
        let names = item.as_object().unwrap().keys().map(|name| name.to_uppercase());
        names.filter_map(|name| METHODS.into_iter().find(|m| *m == *name.as_str())).collect()
    };
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

async fn the_document_lists_exactly_the_routes_that_exist(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let document = app.stranger().get("/api/openapi.json").await;
    assert_eq!((document.status, document.header("content-type")), (200, Some("application/json")));
    let document = document.json();
    assert_eq!(document, *vinculo_server::openapi_document());
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    assert_eq!(document["security"], json!([{ "keys": [] }]));
    let scheme = &document["components"]["securitySchemes"]["widget"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
    let scheme = &document["components"]["securitySchemes"]["keys"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("basic")));

    let operations = operations(&document);
    let shown: Vec<_> = operations
        .iter()
        .map(|(path, methods)| {
            let methods: Vec<_> = METHODS.iter().filter(|m| methods.contains(m)).collect();
            format!("{path} {methods:?}")
        })
        .collect();
    assert_wire_snapshot!("operations", json!(shown));
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let refusal = operation["responses"]["429"]["$ref"].as_str().expect("a reference");
            let refusal = document.pointer(refusal.trim_start_matches('#')).unwrap();
            assert!(refusal["headers"]["Retry-After"].is_object(), "{operation}");
        }
    }
    let busy = &document["paths"]["/api/links/"]["post"]["responses"]["503"]["description"];
    assert!(busy.as_str().unwrap().contains("more than can be done"), "{busy}");
    let receiver = Receiver::start().await;
    for (path, methods) in &operations {
        check_path(&app, &receiver, path, methods).await;
    }
    app.settled().await;
    app.finish().await;
}

/// What is listed answers neither 404 nor 405; what is not listed answers 405 and names what is.
async fn check_path(app: &TestApp, receiver: &Receiver, path: &str, listed: &BTreeSet<Method>) {
    let path = with_an_id(app, receiver, path).await;
    let client = app.sandbox();
    // Removal last: the others need something to be there.
    for method in METHODS {
        let answer = client.send(client.request(method.clone(), &path)).await;
        if listed.contains(&method) {
            assert!(![404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
            let stranger = app.stranger();
            let refused = stranger.send(stranger.request(method.clone(), &path)).await;
            assert_eq!(refused.status, 401, "{method} {path} without a key");
        } else {
            assert_eq!(answer.status, 405, "{method} {path}");
            let allowed = answer.header("allow").expect("what is allowed").split(',');
            let allowed: BTreeSet<_> = allowed.filter(|name| *name != "HEAD").collect();
            assert_eq!(allowed, listed.iter().map(Method::as_str).collect(), "{method} {path}");
        }
    }
}

/// The path with the id of something that is there.
async fn with_an_id(app: &TestApp, receiver: &Receiver, path: &str) -> String {
    let Some((list, rest)) = path.split_once("{id}") else {
        assert!(!path.contains('{'), "an unknown parameter in {path}");
        return path.to_owned();
    };
    let client = app.sandbox();
    if ["/manage/v1/webhook-endpoints/", "/manage/v1/deliveries/"].contains(&list) {
        app.send_events_to(receiver, Environment::Sandbox, None).await;
    }
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
    let link = client.create_link("1999000001", more).await;
    app.settled().await;
    let link = link["id"].as_str().unwrap();
    let found = match list {
        "/api/links/" | "/manage/v1/links/" => format!("/api/links/?id={link}"),
        "/api/institutions/" => list.to_owned(),
        // One that nobody is using.
        "/manage/v1/keys/" => {
            let made = client.post(list, &json!({})).await;
            return format!("{list}{}{rest}", made.json()["id"].as_str().unwrap());
        }
        "/manage/v1/consents/" => {
            let consent = crate::consents::request("1999000900", json!({}));
            assert_eq!(client.post(list, &consent).await.status, 201);
            list.to_owned()
        }
        "/manage/v1/cohorts/" => {
            crate::cohorts::create(&client, "", "document\nABC\n").await;
            list.to_owned()
        }
        "/manage/v1/employments/" => format!("/api/co/employments/?link={link}"),
        _ => format!("{list}?link={link}"),
    };
    let first = &client.results(&found).await[0]["id"];
    let id = first.as_str().map_or_else(|| first.to_string(), str::to_owned);
    let path = format!("{list}{id}{rest}");
    let Some((calls, rest)) = path.split_once("{call}") else { return path };
    let call = &client.results(calls).await[0]["id"];
    format!("{calls}{}{rest}", call.as_str().unwrap())
}
