//! Tokens: fetched once, renewed early, and once more when the service refuses one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use vinculo_sources::ach::{Ach, AchConfig};
use vinculo_sources::{
    Auth, Clock, Connector as _, Grant, NoDataReason, OAuth2, Outcome, RetryReason, Secret,
    ServiceConfig,
};

use crate::support::{PATIENT, client, http, now, question, serve_all};

/// A clock that the test moves.
#[derive(Clone, Default)]
struct Moved(Arc<AtomicI64>);

impl Moved {
    fn by(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let moved = Arc::clone(&self.0);
        let at = move || now() + SignedDuration::from_secs(moved.load(Ordering::Relaxed));
        Clock::new(at, Duration::default)
    }
}

fn by_client_credentials() -> OAuth2 {
    OAuth2 {
        token_url: String::new(),
        grant: Grant::ClientCredentials { id: "cliente".to_owned(), secret: Secret::new("s3 &r=") },
        scope: Some("pila.consulta".to_owned()),
        json: false,
    }
}

/// A connector to a service and a token service behind one address.
fn connected(base_url: &str, oauth: OAuth2, clock: Clock) -> Ach {
    let auth = Auth::OAuth2(OAuth2 { token_url: format!("{base_url}/oauth/token"), ..oauth });
    let service = ServiceConfig { auth, ..ServiceConfig::new(base_url) };
    let config = AchConfig { service, ..AchConfig::new("") };
    Ach::new(config, client(), clock).expect("a usable configuration")
}

fn token(name: &str, lifetime: Value) -> Vec<u8> {
    let body = json!({ "access_token": name, "token_type": "Bearer", "expires_in": lifetime });
    http(200, "content-type: application/json\r\n", body.to_string().as_bytes())
}

fn rows() -> Vec<u8> {
    http(200, "", b"[]")
}

const NOTHING: Outcome = Outcome::NoData(NoDataReason::NotFound);

/// What was asked for, in order: `token`, or the bearer token shown.
fn shown(requests: &[String]) -> Vec<String> {
    let shown = requests.iter().map(|request| {
        if request.starts_with("POST /oauth/token ") {
            return "token".to_owned();
        }
        let header = request.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
        header.expect("a token").to_owned()
    });
    shown.collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_renewed_before_its_end() {
    let replies =
        vec![token("one", json!("300")), rows(), rows(), token("two", json!(300)), rows()];
    let (base_url, operator) = serve_all(replies).await;
    let moved = Moved::default();
    let ach = connected(&base_url, by_client_credentials(), moved.clock());
    for seconds in [0, 239, 1] {
        moved.by(seconds);
        assert_eq!(ach.clone().ask(&question(), PATIENT).await.outcome, NOTHING);
    }
    let requests = operator.await.expect("requests");
    assert_eq!(shown(&requests), ["token", "one", "one", "token", "two"]);
    let form = "grant_type=client_credentials&client_id=cliente&client_secret=s3+%26r%3D&\
                scope=pila.consulta";
    assert!(requests[0].ends_with(form), "{}", requests[0]);
    assert!(requests[0].contains("content-type: application/x-www-form-urlencoded\r\n"));
}

#[tokio::test]
async fn whoever_comes_while_a_token_is_fetched_waits_for_it() {
    let replies = std::iter::once(token("one", json!(300))).chain((0..8).map(|_| rows()));
    let (base_url, operator) = serve_all(replies.collect()).await;
    let ach = connected(&base_url, by_client_credentials(), Moved::default().clock());
    let all: Vec<_> = (0..8)
        .map(|_| {
            let ach = ach.clone();
            tokio::spawn(async move { ach.ask(&question(), PATIENT).await.outcome })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.expect("an answer"), NOTHING);
    }
    let shown = shown(&operator.await.expect("requests"));
    assert_eq!(shown.iter().filter(|what| *what == "token").count(), 1, "{shown:?}");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let refused = || http(401, "", b"");
    let replies = vec![
        token("one", json!(300)),
        rows(),
        refused(),
        token("two", json!(300)),
        rows(),
        refused(),
        token("three", json!(300)),
        refused(),
    ];
    let (base_url, operator) = serve_all(replies).await;
    let ach = connected(&base_url, by_client_credentials(), Moved::default().clock());
    for outcome in [NOTHING, NOTHING, Outcome::NotAuthorized] {
        assert_eq!(ach.ask(&question(), PATIENT).await.outcome, outcome);
    }
    let shown = shown(&operator.await.expect("requests"));
    assert_eq!(shown, ["token", "one", "one", "token", "two", "two", "token", "three"]);
}

#[tokio::test]
async fn a_token_by_password_is_asked_for_with_json() {
    let oauth = OAuth2 {
        grant: Grant::Password { username: "usuario".to_owned(), password: Secret::new("clave") },
        scope: None,
        json: true,
        ..by_client_credentials()
    };
    let (base_url, operator) = serve_all(vec![token("one", json!(null)), rows(), rows()]).await;
    let moved = Moved::default();
    let ach = connected(&base_url, oauth, moved.clock());
    assert_eq!(ach.ask(&question(), PATIENT).await.outcome, NOTHING);
    // Nobody said how long it lasts.
    moved.by(1_000_000);
    assert_eq!(ach.ask(&question(), PATIENT).await.outcome, NOTHING);
    let requests = operator.await.expect("requests");
    let (_, body) = requests[0].split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let expected = json!({ "grant_type": "password", "username": "usuario", "password": "clave" });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_bearer_token_may_be_called_so_in_other_words() {
    for kind in [json!("bearer"), json!("BearerToken"), json!("BEARER"), Value::Null] {
        let body = json!({ "access_token": "one", "token_type": kind, "expires_in": 300 });
        let token = http(200, "", body.to_string().as_bytes());
        let (base_url, operator) = serve_all(vec![token, rows()]).await;
        let ach = connected(&base_url, by_client_credentials(), Moved::default().clock());
        assert_eq!(ach.ask(&question(), PATIENT).await.outcome, NOTHING, "{kind}");
        assert_eq!(shown(&operator.await.expect("requests")), ["token", "one"]);
    }
}

#[tokio::test]
async fn without_a_token_nobody_is_asked_about() {
    let later = |reason, seconds: Option<u64>| Outcome::RetryLater {
        reason,
        not_before: seconds.map(Duration::from_secs),
    };
    let bare = |body: &Value| http(200, "", body.to_string().as_bytes());
    let cases = [
        (http(400, "", br#"{"error":"invalid_client"}"#), Ok(Outcome::NotAuthorized)),
        (http(401, "", b""), Ok(Outcome::NotAuthorized)),
        (http(429, "retry-after: 7\r\n", b""), Ok(later(RetryReason::RateLimited, Some(7)))),
        (http(503, "", b""), Ok(later(RetryReason::UpstreamDown, None))),
        (http(500, "", b""), Err("status 500")),
        (http(404, "", b""), Err("status 404")),
        (http(302, "location: http://127.0.0.1:9/\r\n", b""), Err("status 302")),
        (http(200, "", b"<html>"), Err("not a JSON object")),
        (bare(&json!({ "token_type": "Bearer" })), Err("no access_token")),
        (bare(&json!({ "access_token": "t", "token_type": "mac" })), Err("other than bearer")),
        (bare(&json!({ "access_token": "a\nb" })), Err("cannot be sent")),
        (http(200, "", &vec![b' '; 70_000]), Err("without end")),
    ];
    for (reply, expected) in cases {
        let (base_url, operator) = serve_all(vec![reply]).await;
        let ach = connected(&base_url, by_client_credentials(), Moved::default().clock());
        let call = ach.ask(&question(), PATIENT).await;
        match (expected, &call.outcome) {
            (Ok(expected), outcome) => assert_eq!(outcome, &expected),
            (Err(part), Outcome::Fault(text)) => assert!(text.contains(part), "{text}"),
            (Err(part), outcome) => panic!("{part}: {outcome:?}"),
        }
        // Nothing was asked, so nothing is billed; and the answer may hold a token.
        assert_eq!((call.http_status, call.raw), (None, None));
        assert_eq!(operator.await.expect("requests").len(), 1);
    }
}

#[test]
fn a_token_is_not_asked_for_in_clear() {
    let refused = |token_url: &str| {
        let auth =
            Auth::OAuth2(OAuth2 { token_url: token_url.to_owned(), ..by_client_credentials() });
        let service = ServiceConfig { auth, ..ServiceConfig::new("https://operator.invalid") };
        let config = AchConfig { service, ..AchConfig::new("") };
        Ach::new(config, client(), Moved::default().clock()).err().map(|error| error.to_string())
    };
    assert_eq!(refused("https://token.invalid/t"), None);
    let told = refused("http://token.invalid/t").expect("a refusal");
    assert!(told.starts_with("the token URL is not usable"), "{told}");
}
