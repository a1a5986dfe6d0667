//! The API as a Postman collection (format v2.1), made from the OpenAPI document: one folder per tag,
//! one request per operation, the key and the address as variables.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_DISPOSITION;
use http::request::Parts;
use serde_json::{Map, Value, json};

use crate::{App, client};

const SCHEMA: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

/// Where a server listens unless told otherwise.
pub const DEFAULT_BASE: &str = "http://127.0.0.1:8080";

/// `GET /api/postman.json`: the collection as a file, with the address it was asked at.
pub(crate) async fn download(State(app): State<App>, parts: Parts) -> Response {
    let base = client::base(&parts, &app).map(String::from);
    let base = base.as_deref().map_or(DEFAULT_BASE, |base| base.trim_end_matches('/'));
    let file = "attachment; filename=\"vinculo.postman_collection.json\"";
    ([(CONTENT_DISPOSITION, file)], Json(collection(base))).into_response()
}

/// The collection of everything in the OpenAPI document. `base` is the address of the server without a
/// slash at its end.
#[must_use]
pub fn collection(base: &str) -> Value {
    let document = crate::openapi::document();
    let tags = document["tags"].as_array().into_iter().flatten();
    let folders = tags.map(|tag| folder(document, tag)).collect::<Vec<_>>();
    let attribute =
        |key: &str, value: &str| json!({ "key": key, "value": value, "type": "string" });
    json!({
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "version": document["info"]["version"],
            "schema": SCHEMA,
        },
        "auth": {
            "type": "basic",
            "basic": [
                attribute("username", "{{secretId}}"),
                attribute("password", "{{secretPassword}}"),
            ],
        },
        "variable": [
            attribute("baseUrl", base),
            attribute("secretId", ""),
            attribute("secretPassword", ""),
        ],
        "item": folders,
    })
}

fn folder(document: &Value, tag: &Value) -> Value {
    let mut requests = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item).filter(|(_, o)| o["tags"][0] == tag["name"]) {
            requests.push(json!({
                "name": name(operation),
                "request": request(document, path, method, operation),
                "response": [],
            }));
        }
    }
    json!({ "name": tag["name"], "description": tag["description"], "item": requests })
}

/// The summary without its full stop.
fn name(operation: &Value) -> &str {
    let summary = operation["summary"].as_str().unwrap_or_default();
    summary.strip_suffix('.').unwrap_or(summary)
}

fn request(document: &Value, path: &str, method: &str, operation: &Value) -> Value {
    let mut request = json!({
        "method": method.to_uppercase(),
        "header": [],
        "url": url(document, path, operation),
        "description": operation["description"].as_str().unwrap_or_default(),
    });
    if let Some((kind, content)) = members(&operation["requestBody"]["content"]).next() {
        request["header"] = json!([{ "key": "Content-Type", "value": kind }]);
        request["body"] = body(document, kind, content);
    }
    request
}

/// Parameters of the query are there and turned off, but for those that must be given.
fn url(document: &Value, path: &str, operation: &Value) -> Value {
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    let of = |place: &'static str| parameters().filter(move |parameter| parameter["in"] == place);
    let query: Vec<_> = of("query")
        .map(|parameter| {
            json!({
                "key": parameter["name"],
                "value": example(document, parameter),
                "description": parameter["description"],
                "disabled": parameter["required"] != true,
            })
        })
        .collect();
    let variables: Vec<_> = of("path")
        .map(|parameter| {
            json!({
                "key": parameter["name"],
                "value": example(document, parameter),
                "description": parameter["description"],
            })
        })
        .collect();
    let path = path.replace('{', ":").replace('}', "");
    let mut url = json!({
        "raw": format!("{{{{baseUrl}}}}{path}"),
        "host": ["{{baseUrl}}"],
        "path": path.split('/').skip(1).collect::<Vec<_>>(),
    });
    for (name, list) in [("query", query), ("variable", variables)] {
        if !list.is_empty() {
            url[name] = Value::Array(list);
        }
    }
    url
}

fn body(document: &Value, kind: &str, content: &Value) -> Value {
    if kind != "application/json" {
        return json!({ "mode": "file", "file": {} });
    }
    let example =
        content.get("example").or_else(|| resolved(document, &content["schema"]).get("example"));
    let raw = example.map(|example| format!("{example:#}")).unwrap_or_default();
    json!({ "mode": "raw", "raw": raw, "options": { "raw": { "language": "json" } } })
}

/// A value to begin with: the parameter's example or default; nothing when it has neither.
fn example(document: &Value, parameter: &Value) -> String {
    let schema = resolved(document, &parameter["schema"]);
    match parameter.get("example").or_else(|| schema.get("default")) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
