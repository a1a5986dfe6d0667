//! A customer's program.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::Key;

/// A client with a key.
#[derive(Clone)]
pub(crate) struct Client {
    base: String,
    key: Key,
    http: reqwest::Client,
}

/// A link that was answered with 201.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link(pub(crate) String);

impl Client {
    pub(crate) fn new(base: &str, key: Key) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { base: base.to_owned(), key, http }
    }

    /// The same customer at another address.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self::new(base, self.key.clone())
    }

    /// Its key.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// What must never be said of this client: its password, also as it goes over the wire.
    pub(crate) fn secrets(&self) -> [String; 2] {
        let request = self.http.get(&self.base).basic_auth(&self.key.id, Some(&self.key.password));
        let request = request.build().expect("a request");
        let value = request.headers()["authorization"].to_str().expect("a text").to_owned();
        let encoded = value.strip_prefix("Basic ").expect("basic authentication");
        [self.key.password.clone(), encoded.to_owned()]
    }

    /// `POST /api/links/`; an error when the server went away.
    pub(crate) async fn post_link(&self, document: &str) -> reqwest::Result<Response> {
        let body = json!({
            "institution": "pila_co_employment",
            "username": document,
            "fetch_resources": ["EMPLOYMENTS", "OWNERS"],
            "access_mode": "single",
        });
        let request = self.http.post(format!("{}/api/links/", self.base)).json(&body);
        request.basic_auth(&self.key.id, Some(&self.key.password)).send().await
    }

    /// A new link; `None` when the server went away before it said yes or no.
    pub(crate) async fn try_link(&self, document: &str) -> Option<Link> {
        let answer = self.post_link(document).await.ok()?;
        assert_eq!(answer.status(), StatusCode::CREATED, "{:?}", answer.text().await);
        let link: Value = answer.json().await.ok()?;
        Some(Link(link["id"].as_str().expect("an id").to_owned()))
    }

    /// A new link.
    pub(crate) async fn link(&self, document: &str) -> Link {
        self.try_link(document).await.expect("an answer")
    }

    /// A request to be sent.
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        request.basic_auth(&self.key.id, Some(&self.key.password))
    }

    /// Status and body of `GET path`.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.ask(Method::GET, path).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.text().await.expect("a body");
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// Every link there is, page by page.
    pub(crate) async fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for page in 1.. {
            let (status, body) = self.get(&format!("/api/links/?page_size=100&page={page}")).await;
            assert_eq!(status, 200, "{body}");
            let results = body["results"].as_array().expect("results");
            let ids = results.iter().map(|link| link["id"].as_str().expect("an id"));
            links.extend(ids.map(|id| Link(id.to_owned())));
            if body["next"].is_null() {
                break;
            }
        }
        links
    }

    /// How many employments and owners a link has.
    pub(crate) async fn counts(&self, link: &Link) -> (i64, i64) {
        let (_, employments) = self.get(&format!("/api/co/employments/?link={}", link.0)).await;
        let (_, owners) = self.get(&format!("/api/owners/?link={}", link.0)).await;
        let count = |page: &Value| page["count"].as_i64().expect("a count");
        (count(&employments), count(&owners))
    }
}
