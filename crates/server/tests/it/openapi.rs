//! The description of the API describes the API.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, TestDatabase, assert_wire_snapshot, on_both_databases};

on_both_databases!(the_document_lists_exactly_the_routes_that_exist);

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
    let made = serde_json::to_value(vinculo_server::openapi_document()).unwrap();
    assert_eq!(document, made);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    assert_eq!(document["security"], json!([{ "keys": [] }]));
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
            let refusal = &operation["responses"]["429"];
            assert!(refusal["headers"]["Retry-After"].is_object(), "{operation}");
        }
    }
    for (path, methods) in &operations {
        check_path(&app, path, methods).await;
    }
    app.finish().await;
}

/// What is listed answers neither 404 nor 405; what is not listed answers 405 and names what is.
async fn check_path(app: &TestApp, path: &str, listed: &BTreeSet<Method>) {
    let path = with_an_id(app, path).await;
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
async fn with_an_id(app: &TestApp, path: &str) -> String {
    let Some(list) = path.strip_suffix("{id}/") else {
        assert!(!path.contains('{'), "an unknown parameter in {path}");
        return path.to_owned();
    };
    let client = app.sandbox();
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
    let link = client.create_link("1999000001", more).await;
    app.settled().await;
    let link = link["id"].as_str().unwrap();
    let filter = match list {
        "/api/links/" => format!("?id={link}"),
        "/api/institutions/" => String::new(),
        _ => format!("?link={link}"),
    };
    let first = &client.results(&format!("{list}{filter}")).await[0]["id"];
    let id = first.as_str().map_or_else(|| first.to_string(), str::to_owned);
    format!("{list}{id}/")
}
