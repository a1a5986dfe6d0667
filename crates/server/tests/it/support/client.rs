//! A client of the API. Whatever it asks, it holds the answer against what every answer promises.

use http::{HeaderMap, Method};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use uuid::Uuid;
use vinculo_server::IssuedKey;

use super::description;

/// A caller with or without a key.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<(String, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Client {
    pub(super) fn new(http: reqwest::Client, base: String, key: Option<&IssuedKey>) -> Self {
        let key = key.map(|key| (key.secret_id.to_string(), key.secret_password.clone()));
        Self { http, base, key }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.send(self.request(Method::HEAD, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// A request that does not wait for its work.
    pub(crate) async fn asynchronous(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header("X-Belvo-Request-Mode", "async");
        self.send(request.json(body)).await
    }

    /// As [`Self::post`], with an `Idempotency-Key`.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header("idempotency-key", key).json(body);
        self.send(request).await
    }

    /// Registers a link and answers with it.
    pub(crate) async fn create_link(&self, username: &str, more: Value) -> Value {
        let answer = self.post("/api/links/", &link_request(username, more)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()
    }

    /// The results of a list.
    pub(crate) async fn results(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()["results"].as_array().expect("a list").clone()
    }

    /// A request to a path of the server, or to a whole address that the server gave.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.into() };
        let request = self.http.request(method, url);
        match &self.key {
            Some((id, password)) => request.basic_auth(id, Some(password)),
            None => request,
        }
    }

    /// Sends a request and checks what every answer must keep: its id, no failure of the server's
    /// own, and for a refusal the contract's body.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().expect("a request");
        let (method, url) = (request.method().clone(), request.url().clone());
        let (what, head) = (format!("{method} {url}"), method == Method::HEAD);
        let response = self.http.execute(request).await.unwrap_or_else(|e| panic!("{what}: {e}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await.unwrap_or_else(|e| panic!("{what}: {e}"));
        let answer = Answer { status, headers, body };
        assert!(status < 500, "{what}: {status} {}", answer.body);
        answer.assert_request_id(&what);
        if status >= 400 && !head {
            answer.assert_error_body(&what);
        }
        description::check((&method, &url), status, answer.header("content-type"), &answer.body);
        answer
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.body);
        parsed.unwrap_or_else(|error| panic!("not JSON: {error}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header in ASCII"))
    }

    /// `X-Request-Id`.
    pub(crate) fn request_id(&self) -> &str {
        self.header("x-request-id").expect("every answer has an id")
    }

    /// Status and body, for a snapshot.
    pub(crate) fn shown(&self) -> Value {
        let body = if self.body.is_empty() { Value::Null } else { self.json() };
        json!({ "status": self.status, "body": body })
    }

    /// The `code` of every object of an error body.
    pub(crate) fn codes(&self) -> Vec<String> {
        let items = self.json();
        let items = items.as_array().expect("an error body is a list");
        items.iter().map(|item| item["code"].as_str().expect("a code").to_owned()).collect()
    }

    fn assert_request_id(&self, what: &str) {
        let id = self.request_id();
        assert!(is_plain_hex(id), "{what}: X-Request-Id {id}");
        assert!(Uuid::try_parse(id).is_ok(), "{what}: X-Request-Id {id}");
    }

    fn assert_error_body(&self, what: &str) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{what}");
        let items = self.json();
        let items = items.as_array().unwrap_or_else(|| panic!("{what}: {}", self.body));
        assert!(!items.is_empty(), "{what}: an empty error body");
        for item in items {
            assert_eq!(item["request_id"], self.request_id(), "{what}");
            for text in ["code", "message"] {
                assert!(item[text].as_str().is_some_and(|t| !t.is_empty()), "{what}: {item}");
            }
            let known = ["request_id", "message", "code", "field", "institution_user_id"];
            assert!(item.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())));
        }
    }
}

/// 32 lower-case hexadecimal digits.
pub(crate) fn is_plain_hex(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The body of a registration: institution, username, and the members of `more`.
pub(crate) fn link_request(username: &str, more: Value) -> Value {
    let mut body = json!({ "institution": "pila_co_employment", "username": username });
    let Value::Object(more) = more else { panic!("members to add") };
    body.as_object_mut().unwrap().extend(more);
    body
}
