//! The Postman collection: every operation, in the shape that Postman reads, and it works.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Setup, TestApp, TestDatabase, on_both_databases};

on_both_databases!(the_collection_comes_as_a_file, requests_of_the_collection_are_understood);

/// What Postman reads of format v2.1, as far as collections like this one go.
fn shape() -> Value {
    let text = json!({ "type": "string" });
    let pair = json!({
        "type": "object",
        "required": ["key", "value"],
        "properties": { "key": text, "value": text, "type": { "const": "string" },
            "description": text, "disabled": { "type": "boolean" } },
        "additionalProperties": false
    });
    let pairs = json!({ "type": "array", "items": pair });
    let texts = json!({ "type": "array", "items": text });
    let body = json!({ "oneOf": [
        { "type": "object", "required": ["mode", "raw", "options"],
          "properties": { "mode": { "const": "raw" }, "raw": text,
            "options": { "const": { "raw": { "language": "json" } } } },
          "additionalProperties": false },
        { "type": "object", "required": ["mode", "file"],
          "properties": { "mode": { "const": "file" }, "file": { "type": "object" } },
          "additionalProperties": false }
    ] });
    let url = json!({
        "type": "object",
        "required": ["raw", "host", "path"],
        "properties": { "raw": text, "host": texts, "path": texts, "query": pairs,
            "variable": pairs },
        "additionalProperties": false
    });
    let request = json!({
        "type": "object",
        "required": ["method", "url", "header"],
        "properties": { "method": { "enum": ["GET", "POST", "PUT", "PATCH", "DELETE"] },
            "header": pairs, "url": url, "body": body, "description": text },
        "additionalProperties": false
    });
    let item = json!({
        "type": "object",
        "required": ["name", "request"],
        "properties": { "name": text, "request": request, "response": { "type": "array" } },
        "additionalProperties": false
    });
    let folder = json!({
        "type": "object",
        "required": ["name", "item"],
        "properties": { "name": text, "description": text,
            "item": { "type": "array", "minItems": 1, "items": item } },
        "additionalProperties": false
    });
    let auth = json!({
        "type": "object",
        "required": ["type", "basic"],
        "properties": { "type": { "const": "basic" }, "basic": pairs },
        "additionalProperties": false
    });
    let schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
    json!({
        "type": "object",
        "required": ["info", "item", "auth", "variable"],
        "properties": {
            "info": { "type": "object", "required": ["name", "schema"],
                "properties": { "schema": { "const": schema } },
                "additionalProperties": { "type": "string" } },
            "auth": auth,
            "variable": pairs,
            "item": { "type": "array", "items": folder }
        },
        "additionalProperties": false
    })
}

fn requests(collection: &Value) -> impl Iterator<Item = &Value> {
    let folders = collection["item"].as_array().unwrap().iter();
    folders.flat_map(|folder| folder["item"].as_array().unwrap()).map(|item| &item["request"])
}

#[test]
fn every_operation_is_a_request_in_the_shape_that_postman_reads() {
    let collection = vinculo_server::postman_collection("http://127.0.0.1:8080");
    let validator = corvus_json_schema::compile(&shape()).unwrap();
    assert!(validator.try_validate(&collection).unwrap(), "{collection:#}");
    let names = collection["variable"].as_array().unwrap().iter().map(|v| v["key"].as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["baseUrl", "secretId", "secretPassword"].map(Some));

    let document = vinculo_server::openapi_document();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let mut made = BTreeSet::new();
    for request in requests(&collection) {
        let url = &request["url"];
        let parts = url["path"].as_array().unwrap().iter().map(|part| part.as_str().unwrap());
        let path = parts.clone().collect::<Vec<_>>().join("/");
        assert_eq!(url["raw"], format!("{{{{baseUrl}}}}/{path}"));
        let parts = parts.map(|part| match part.strip_prefix(':') {
            Some(name) => {
                let mut variables = url["variable"].as_array().unwrap().iter();
                assert!(variables.any(|variable| variable["key"] == name), "{url}");
                format!("{{{name}}}")
            }
            None => part.to_owned(),
        });
        let path = parts.collect::<Vec<_>>().join("/");
        assert!(made.insert(format!("{} /{path}", request["method"].as_str().unwrap())));
    }
    assert_eq!(made, described);
}

async fn the_collection_comes_as_a_file(database: TestDatabase) {
    let public = |config: &mut vinculo_server::config::Config| {
        config.public_url = Some("https://api.example.test/".parse().unwrap());
    };
    let app = Setup::new(database).configure(public).start().await;
    let answer = app.stranger().get("/api/postman.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let file = answer.header("content-disposition").unwrap();
    assert_eq!(file, "attachment; filename=\"vinculo.postman_collection.json\"");
    let made = vinculo_server::postman_collection("https://api.example.test");
    assert_eq!(answer.json(), made);
    app.finish().await;
}

/// What a person gets who fills in the two variables and sends every request as it is, but for ids.
async fn requests_of_the_collection_are_understood(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let collection = app.stranger().get("/api/postman.json").await.json();
    assert_eq!(collection["variable"][0]["value"], app.base());
    let client = app.sandbox();
    for request in requests(&collection) {
        let url = request["url"]["raw"].as_str().unwrap().replace("{{baseUrl}}", app.base());
        let url = url.replace(":id", "4001");
        let method: Method = request["method"].as_str().unwrap().parse().unwrap();
        let mut sent = client.request(method.clone(), &url);
        for header in request["header"].as_array().unwrap() {
            sent = sent.header(header["key"].as_str().unwrap(), header["value"].as_str().unwrap());
        }
        if let Some(raw) = request["body"]["raw"].as_str() {
            sent = sent.body(raw.to_owned());
        }
        let query = request["url"]["query"].as_array().into_iter().flatten();
        assert!(query.clone().all(|parameter| parameter["disabled"] == true), "{request}");
        let status = client.send(sent).await.status;
        // An id that is none, or a filter that must be chosen; never a request that is wrong by itself.
        assert!([200, 201, 202, 400, 404].contains(&status), "{method} {url}: {status}");
        let path = url.strip_prefix(app.base()).unwrap();
        let expected = match (method.as_str(), path) {
            ("POST", "/api/links/") => 201,
            ("POST", "/manage/v1/imports/") => 202,
            ("POST", "/api/token/") | ("GET", "/api/institutions/4001/" | "/api/links/") => 200,
            _ => status,
        };
        assert_eq!(status, expected, "{method} {path}");
    }
    // The endpoint of the example answers nobody.
    let endpoints = "/manage/v1/webhook-endpoints/";
    for endpoint in client.results(endpoints).await {
        let id = endpoint["id"].as_str().unwrap();
        assert_eq!(client.delete(&format!("{endpoints}{id}/")).await.status, 204);
    }
    app.settled().await;
    app.finish().await;
}
