//! Every answer is held against the OpenAPI document: its status must be listed, its body must be of
//! the listed kind and match the listed schema.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use corvus_json_schema::{
    CompileOptions, JsonSchemaResultsCollector, ResultsLevel, Validator, compile_with,
};
use http::Method;
use reqwest::Url;
use serde_json::Value;

/// Where a schema is in the document.
type Pointer = String;

static DOCUMENT: LazyLock<&Value> = LazyLock::new(vinculo_server::openapi_document);

static VALIDATORS: LazyLock<Mutex<HashMap<Pointer, Arc<Validator>>>> =
    LazyLock::new(Mutex::default);

/// Fails unless the document says that this can be answered.
pub(super) fn check(
    (method, url): (&Method, &Url),
    status: u16,
    content_type: Option<&str>,
    body: &str,
) {
    let what = format!("{method} {url}: {status}");
    let path = canonical(url.path());
    let Some(template) = template(&path) else {
        let known = ["/livez/", "/readyz/", "/api/openapi.json/", "/api/postman.json/"]
            .contains(&path.as_str());
        let known = known || path.starts_with("/docs/") || status == 404;
        assert!(known, "{what} is not in the document");
        return;
    };
    let head = *method == Method::HEAD;
    let name = if head { "get".to_owned() } else { method.as_str().to_lowercase() };
    let operation = ["paths", template, &name].map(escaped).join("/");
    let Some(described) = DOCUMENT.pointer(&format!("/{operation}")) else {
        // What OPTIONS answers is made from the route itself.
        let options = *method == Method::OPTIONS && status == 204;
        assert!(options || status == 405, "{what}: the document has no such operation");
        return;
    };
    let mut response = format!("/{operation}/responses/{status}");
    let mut listed = DOCUMENT.pointer(&response).unwrap_or_else(|| panic!("{what}: not listed"));
    if let Some(reference) = listed["$ref"].as_str() {
        response = reference.trim_start_matches('#').to_owned();
        listed = DOCUMENT.pointer(&response).expect("a component");
    }
    if head {
        return;
    }
    let Some(content) = listed["content"].as_object() else {
        assert!(body.is_empty(), "{what}: a body that is not in the document: {body}");
        return;
    };
    let kind = content_type.unwrap_or_else(|| panic!("{what}: no content type"));
    let kind = kind.split(';').next().unwrap_or_default();
    assert!(content.contains_key(kind), "{what}: {kind} is not in the document");
    let schema = format!("{response}/content/{}/schema", escaped(kind));
    if kind == "application/x-ndjson" {
        for line in body.lines() {
            assert_matches(&schema, &serde_json::from_str(line).expect("a JSON line"), &what);
        }
        return;
    }
    let value: Value = match kind {
        "text/html" | "text/csv" => Value::String(body.to_owned()),
        _ => serde_json::from_str(body).unwrap_or_else(|e| panic!("{what}: {e}: {body}")),
    };
    assert_matches(&schema, &value, &what);
    if [200, 201].contains(&status) && is_whole(described, url) {
        assert_whole(&schema, &value, &what);
    }
}

/// Fails unless a value matches the schema at a place of the document.
pub(crate) fn assert_matches(schema: &str, value: &Value, what: &str) {
    let validator = {
        let mut validators = VALIDATORS.lock().unwrap();
        let compiled = validators.entry(schema.to_owned()).or_insert_with(|| {
            let options = CompileOptions {
                entry_point: Some(format!("#{schema}")),
                assert_format: Some(true),
                ..CompileOptions::default()
            };
            Arc::new(compile_with(&DOCUMENT, &options).expect("the document's schemas"))
        });
        Arc::clone(compiled)
    };
    let mut found = JsonSchemaResultsCollector::new(ResultsLevel::Detailed);
    if !validator.try_evaluate(value, &mut found).expect("an answer of the validator") {
        let wrong: Vec<_> = found.results().iter().filter(|result| !result.is_match).collect();
        panic!("{what}: {value} does not match {schema}: {wrong:#?}");
    }
}

/// An operation can leave keys out, and was not asked to.
fn is_whole(operation: &Value, url: &Url) -> bool {
    let shaping = |name: &str| ["fields", "omit"].contains(&name.trim_end_matches("[]"));
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.any(|parameter| parameter["name"] == "fields")
        && !url.query_pairs().any(|(name, _)| shaping(&name))
}

/// Fails unless an object, or every object of a page or a list, has every key that its schema knows.
fn assert_whole(schema: &str, value: &Value, what: &str) {
    let schema = resolved(DOCUMENT.pointer(schema).expect("a schema"));
    let page = value.get("results").and_then(Value::as_array);
    let (schema, objects) = match (page, value.as_array()) {
        (Some(results), _) => {
            (resolved(&schema["properties"]["results"]["items"]), results.as_slice())
        }
        (None, Some(list)) => (resolved(&schema["items"]), list.as_slice()),
        (None, None) => (schema, std::slice::from_ref(value)),
    };
    let known: Vec<_> = schema["properties"].as_object().expect("properties").keys().collect();
    for object in objects {
        let keys: Vec<_> = object.as_object().expect("an object").keys().collect();
        assert_eq!(keys, known, "{what}: keys of {object}");
    }
}

fn resolved(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            resolved(DOCUMENT.pointer(reference.trim_start_matches('#')).expect("a component"))
        }
        None => schema,
    }
}

/// The path as the router reads it: single slashes, one at the end.
fn canonical(path: &str) -> String {
    let path = path.replace("%2F", "/").replace("%2f", "/");
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "/".to_owned() } else { format!("/{}/", parts.join("/")) }
}

/// The path of the document that an address is on.
fn template(path: &str) -> Option<&'static str> {
    let parts: Vec<_> = path.split('/').collect();
    let mut templates = DOCUMENT["paths"].as_object().expect("paths").keys();
    let found = templates.find(|template| {
        let wanted: Vec<_> = template.split('/').collect();
        let mut pairs = wanted.iter().zip(&parts);
        wanted.len() == parts.len() && pairs.all(|(w, p)| w.starts_with('{') || w == p)
    });
    found.map(String::as_str)
}

/// A name as a part of a JSON pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
