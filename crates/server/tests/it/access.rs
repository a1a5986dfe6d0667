//! What a key opens, from where, until when, and how that is told.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vinculo_server::config::Config;
use vinculo_server::{IssuedKey, Scope, Scopes, Terms, issue_key_on, revoke_key};
use vinculo_store::Environment;

use crate::support::{
    Answer, Client, Setup, TestApp, TestDatabase, link_request, look_again, on_both_databases, soon,
};

on_both_databases!(
    a_key_without_the_scope_of_an_operation_is_refused,
    broad_words_open_what_they_stand_for,
    a_token_opens_no_more_than_its_key,
    a_key_may_be_bound_to_addresses,
    a_proxy_that_nobody_trusts_names_no_address,
    a_key_ends,
    keys_that_open_nothing_are_guesses,
    a_refused_scope_is_no_guess_and_still_counts,
    a_key_that_is_refused_is_told_in_the_log,
    two_authorizations_are_none,
    answers_are_kept_by_nobody,
    the_last_use_is_written_once_a_minute_and_at_the_end,
);

const NOBODYS: &str = "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b";
const MINUTE: Duration = Duration::from_secs(60);

/// Operations that any key opens.
const OPEN: [&str; 4] =
    ["/api/", "/api/institutions/", "/api/institutions/{id}/", "/api/consents/"];

/// Method and path of every operation, and the scope that the document names for it.
fn operations() -> Vec<(Method, String, Option<Scope>)> {
    let mut all = Vec::new();
    for (path, item) in vinculo_server::openapi_document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            let mut security = operation["security"].as_array().into_iter().flatten();
            let words = security.find_map(|requirement| requirement["keys"].as_array());
            let word = words.and_then(|words| words.first()).map(|word| word.as_str().unwrap());
            let scope = word.map(|word| Scope::parse(word).expect("a word that no key can hold"));
            all.push((method, path.clone(), scope));
        }
    }
    assert!(all.len() > 30, "the operations were not found");
    all
}

#[test]
fn every_operation_names_its_scope() {
    let all = operations();
    let open: Vec<_> = all.iter().filter(|(_, _, scope)| scope.is_none()).collect();
    let open: Vec<_> = open.iter().map(|(method, path, _)| (method, path.as_str())).collect();
    assert_eq!(open, OPEN.map(|path| (&Method::GET, path)));
    let used: BTreeSet<_> =
        all.iter().filter_map(|(_, _, scope)| scope.map(Scope::as_str)).collect();
    let broad = ["read", "write", "manage"];
    assert!(broad.iter().all(|word| !used.contains(word)), "an operation needs one thing");
}

fn scopes(words: &str) -> Scopes {
    let scopes = Scopes::stored(words);
    assert_eq!(scopes.words().count(), words.split(' ').count(), "{words}");
    scopes
}

pub(crate) async fn key_with(app: &TestApp, words: &str) -> IssuedKey {
    let terms = Terms { scopes: scopes(words), ..Terms::unlimited("narrow".to_owned()) };
    issue(app, terms).await
}

async fn issue(app: &TestApp, terms: Terms) -> IssuedKey {
    issue_key_on(&app.app, Environment::Sandbox, terms).await.expect("no key")
}

async fn client_with(app: &TestApp, words: &str) -> Client {
    app.client_of(&key_with(app, words).await)
}

fn assert_denied(answer: &Answer, why: &str) {
    let denied = (403, vec!["access_to_resource_denied".to_owned()]);
    assert_eq!((answer.status, answer.codes()), denied, "{why}: {}", answer.body);
    let message = format!("You don't have access to this resource. {why}");
    assert_eq!(answer.json()[0]["message"], message);
}

fn lacks(word: &str) -> String {
    format!("The key lacks the scope {word}.")
}

async fn a_key_without_the_scope_of_an_operation_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for (method, path, scope) in operations() {
        let path = path.replace("{id}", NOBODYS);
        let send = async |client: &Client, method: &Method| {
            // A key that makes another gives what it has.
            let body = json!({ "scopes": [scope.map(Scope::as_str)] });
            client.send(client.request(method.clone(), &path).json(&body)).await
        };
        let Some(scope) = scope else {
            let any = client_with(&app, "audit").await;
            assert_ne!(send(&any, &method).await.status, 403, "{path}");
            continue;
        };
        let single = |it: &Scope| !matches!(it, Scope::Read | Scope::Write | Scope::Manage);
        let others: Scopes =
            Scope::ALL.into_iter().filter(|it| single(it) && *it != scope).collect();
        let without = client_with(&app, &others.to_string()).await;
        let refused = send(&without, &method).await;
        assert_denied(&refused, &lacks(scope.as_str()));
        if method == Method::GET {
            assert_eq!(without.head(&path).await.status, 403, "{path}");
        }
        let with = client_with(&app, scope.as_str()).await;
        assert_ne!(send(&with, &method).await.status, 403, "{method} {path}");
    }
    app.settled().await;
    app.finish().await;
}

async fn broad_words_open_what_they_stand_for(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let [read, write, manage] = [
        client_with(&app, "read").await,
        client_with(&app, "write").await,
        client_with(&app, "manage").await,
    ];
    let link = link_request("1999000001", json!({ "access_mode": "single" }));
    assert_denied(&read.post("/api/links/", &link).await, &lacks("links:write"));
    assert_eq!(write.post("/api/links/", &link).await.status, 201);
    assert_eq!(read.results("/api/links/").await.len(), 1);
    assert_denied(&write.get("/api/links/").await, &lacks("links:read"));
    assert_denied(&manage.get("/api/owners/").await, &lacks("owners:read"));
    assert_eq!(manage.get("/manage/v1/settings/").await.status, 200);
    assert_denied(&read.get("/manage/v1/settings/").await, &lacks("settings"));
    app.finish().await;
}

async fn a_token_opens_no_more_than_its_key(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = key_with(&app, "tokens links:read").await;
    let client = app.client_of(&key);
    let token = |scopes: &str| json!({ "scopes": scopes });
    let allowed = client.post("/api/token/", &token("read_institutions,read_links")).await;
    assert_eq!(allowed.status, 200, "{}", allowed.body);
    let more = client.post("/api/token/", &token("read_links,write_links")).await;
    assert_denied(&more, &lacks("links:write"));
    // The same with the key in the body.
    let mut body = token("write_links");
    body["id"] = json!(key.secret_id);
    body["password"] = json!(key.secret_password);
    assert_denied(&app.stranger().post("/api/token/", &body).await, &lacks("links:write"));
    app.finish().await;
}

fn behind_a_proxy(config: &mut Config) {
    config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
}

async fn bound_key(app: &TestApp, networks: &str) -> IssuedKey {
    let networks = networks.parse().expect("networks");
    issue(app, Terms { networks, ..Terms::unlimited("bound".to_owned()) }).await
}

async fn a_key_may_be_bound_to_addresses(database: TestDatabase) {
    let app = Setup::new(database).configure(behind_a_proxy).start().await;
    let client = app.client_of(&bound_key(&app, "192.0.2.0/24 2001:db8::/32").await);
    // Once for those who look the key up beforehand, once for those who do it with their reading.
    for path in ["/api/links/", "/api/owners/"] {
        for (address, refused) in [
            ("192.0.2.1", None),
            ("192.0.3.1", Some("192.0.3.1")),
            ("192.0.2.1, 198.51.100.1", Some("198.51.100.1")),
            ("2001:db8:1::1", None),
            ("2001:db9::1", Some("2001:db9::1")),
            ("::ffff:192.0.2.1", None),
        ] {
            let request = client.request(Method::GET, path).header("x-forwarded-for", address);
            let answer = client.send(request).await;
            match refused {
                None => assert_eq!(answer.status, 200, "{address}"),
                Some(shown) => {
                    assert_denied(&answer, &format!("The key may not be used from {shown}."));
                }
            }
        }
    }
    app.finish().await;
}

async fn a_proxy_that_nobody_trusts_names_no_address(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let elsewhere = app.client_of(&bound_key(&app, "192.0.2.1").await);
    let request = elsewhere.request(Method::GET, "/api/").header("x-forwarded-for", "192.0.2.1");
    let why = "The key may not be used from 127.0.0.1.";
    assert_denied(&elsewhere.send(request).await, why);
    let here = app.client_of(&bound_key(&app, "127.0.0.1").await);
    assert_eq!(here.get("/api/").await.status, 200);
    app.finish().await;
}

async fn a_key_ends(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let expires_at = Some(app.now().as_microsecond() + 1_000_000);
    let terms = Terms { expires_at, ..Terms::unlimited("short".to_owned()) };
    let client = app.client_of(&issue(&app, terms).await);
    for status in [200, 401] {
        for path in ["/api/", "/api/owners/"] {
            assert_eq!(client.get(path).await.status, status, "{path}");
        }
        app.advance(Duration::from_secs(1));
    }
    app.finish().await;
}

async fn keys_that_open_nothing_are_guesses(database: TestDatabase) {
    let one = |config: &mut Config| config.login_failures_per_minute = 1;
    let app = Setup::new(database).configure(one).start().await;
    let revoked = key_with(&app, "read").await;
    assert!(revoke_key(&app.app, revoked.secret_id).await.expect("not revoked"));
    assert!(!revoke_key(&app.app, revoked.secret_id).await.expect("no answer"));
    let expires_at = Some(app.now().as_microsecond());
    let expired = issue(&app, Terms { expires_at, ..Terms::unlimited("old".to_owned()) }).await;
    for key in [revoked, expired] {
        let client = app.client_of(&key);
        for status in [401, 429] {
            assert_eq!(client.get("/api/").await.status, status);
        }
        app.advance(MINUTE);
    }
    app.finish().await;
}

async fn a_refused_scope_is_no_guess_and_still_counts(database: TestDatabase) {
    let few = |config: &mut Config| {
        config.login_failures_per_minute = 1;
        config.rate_limit_per_minute = 12;
    };
    let app = Setup::new(database).configure(few).start().await;
    let reader = client_with(&app, "read").await;
    let link = format!("/api/links/{NOBODYS}/");
    for _ in 0..12 {
        assert_denied(&reader.delete(&link).await, &lacks("links:write"));
    }
    assert_eq!(reader.delete(&link).await.status, 429, "its own limit");
    for path in ["/api/", "/api/owners/"] {
        assert_eq!(reader.get(path).await.status, 429, "{path}");
    }
    // Nothing was deleted: the workspace has its five left.
    for status in [404, 404, 404, 404, 404, 429] {
        assert_eq!(app.sandbox().delete(&link).await.status, status);
    }
    app.finish().await;
}

async fn a_key_that_is_refused_is_told_in_the_log(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (bound, reader) =
        (bound_key(&app, "10.0.0.0/8").await, client_with(&app, "links:read").await);
    let elsewhere = app.client_of(&bound);
    let erase = json!({ "document_type": "CC", "document_number": "1999000001" });
    for _ in 0..2 {
        assert_eq!(elsewhere.get("/api/owners/").await.status, 403);
        assert_eq!(elsewhere.post("/manage/v1/subjects/erase/", &erase).await.status, 403);
    }
    assert_eq!(reader.get("/api/owners/").await.status, 403);
    let last = reader.get("/api/co/employments/").await;
    let told = async |action: &str| {
        let mut all = app.sandbox().results(&format!("/manage/v1/audit/?action={action}")).await;
        assert_eq!(all.len(), 1, "{action}: counted by key and minute");
        all.remove(0)
    };
    let address = told("key.refused_address").await;
    assert_eq!((&address["objects"], &address["actor"]), (&json!(4), &json!("key")));
    assert_eq!(address["actor_id"], bound.secret_id.to_string());
    assert_eq!(address["client_address"], "127.0.0.1");
    let scope = told("key.refused_scope").await;
    assert_eq!((&scope["objects"], &scope["request_id"]), (&json!(2), &json!(last.request_id())));
    assert!(
        app.production()
            .results("/manage/v1/audit/?actor=key&action=key.refused_scope")
            .await
            .is_empty()
    );
    app.finish().await;
}

async fn two_authorizations_are_none(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for other in ["Basic bm8=", "Bearer nothing"] {
        let request = app.sandbox().request(Method::GET, "/api/").header("authorization", other);
        assert_eq!(app.sandbox().send(request).await.status, 401, "{other}");
    }
    app.finish().await;
}

async fn answers_are_kept_by_nobody(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let person = json!({ "document_type": "CC", "document_number": "1999000001" });
    for answer in [
        client.get("/api/owners/").await,
        client.get("/manage/v1/audit/export/").await,
        client.get("/api/nothing/").await,
        client.post("/manage/v1/subjects/report/", &person).await,
        app.stranger().get("/api/links/").await,
    ] {
        let headers = ["cache-control", "x-content-type-options", "strict-transport-security"];
        let said = headers.map(|name| answer.header(name));
        assert_eq!(said, [Some("no-store"), Some("nosniff"), None], "{}", answer.body);
    }
    app.finish().await;
}

async fn last_use(app: &TestApp, key: &IssuedKey) -> Value {
    let answer = app.sandbox().get(&format!("/manage/v1/keys/{}/", key.secret_id)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["last_used_at"].clone()
}

async fn until_used(app: &TestApp, key: &IssuedKey, at: &str) {
    soon("the last use of a key", async {
        while last_use(app, key).await != *at {
            look_again().await;
        }
    })
    .await;
}

async fn the_last_use_is_written_once_a_minute_and_at_the_end(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let [key, refused] = [key_with(&app, "links:read").await, key_with(&app, "audit").await];
    let client = app.client_of(&key);
    assert_eq!(app.client_of(&refused).get("/api/links/").await.status, 403);
    assert_eq!(client.get("/api/links/").await.status, 200);
    assert_eq!(last_use(&app, &key).await, Value::Null, "a request writes nothing");
    app.advance(MINUTE);
    until_used(&app, &key, "2026-11-24T12:00:00.000000Z").await;
    assert_eq!(client.get("/api/links/").await.status, 200);
    assert_eq!(last_use(&app, &key).await, "2026-11-24T12:00:00.000000Z");
    let app = app.restart().await;
    assert_eq!(last_use(&app, &key).await, "2026-11-24T12:01:00.000000Z");
    assert_eq!(last_use(&app, &refused).await, Value::Null);
    app.finish().await;
}
