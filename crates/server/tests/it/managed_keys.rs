//! Keys that are made, changed, rotated and revoked over HTTP.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use vinculo_server::config::Config;
use vinculo_server::{IssuedKey, Terms, issue_key_on, rotate_key};
use vinculo_store::Environment;

use crate::access::key_with;
use crate::support::{
    Answer, Client, Setup, TestApp, TestDatabase, assert_wire_snapshot, on_both_databases,
};

on_both_databases!(
    a_key_is_made_and_its_password_shown_once,
    what_is_wrong_with_a_key_is_said,
    a_key_is_changed,
    a_key_has_two_passwords_until_one_is_retired,
    an_old_password_may_retire_by_itself,
    a_key_is_revoked,
    a_key_gives_no_more_than_it_holds,
    a_key_touches_none_that_holds_more,
    a_key_takes_nothing_from_itself,
    a_repeated_request_makes_no_second_key,
    keys_belong_to_their_workspace,
);

const KEYS: &str = "/manage/v1/keys/";

fn path(key: &Value) -> String {
    format!("{KEYS}{}/", key["id"].as_str().expect("an id"))
}

/// Makes a key, with its password.
async fn make(client: &Client, body: Value) -> Value {
    let answer = client.post(KEYS, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

fn client(app: &TestApp, key: &Value) -> Client {
    app.client_of(&IssuedKey {
        secret_id: Uuid::try_parse(key["id"].as_str().unwrap()).unwrap(),
        secret_password: key["secret_password"].as_str().expect("a password").to_owned(),
        environment: "sandbox",
    })
}

/// The fields that an error body is about.
fn fields(answer: &Answer) -> Vec<Value> {
    answer.json().as_array().unwrap().iter().map(|item| item["field"].clone()).collect()
}

async fn opens(client: &Client) -> bool {
    match client.get("/api/").await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

async fn a_key_is_made_and_its_password_shown_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let whole = make(&app.sandbox(), json!({})).await;
    assert_eq!(whole["scopes"], json!(["read", "write", "manage"]));
    assert_eq!(app.sandbox().post(KEYS, &Value::Null).await.status, 201, "nothing is required");
    assert!(opens(&client(&app, &whole)).await);
    let mut narrow = make(
        &app.sandbox(),
        json!({
            "name": "Núcleo ñ", "scopes": ["owners:read", "links:read", "owners:read"],
            "allow_list": ["127.0.0.1", "2001:DB8::/32"], "expires_at": "2026-12-24T12:00:00-05:00",
        }),
    )
    .await;
    let narrow_client = client(&app, &narrow);
    assert_eq!(narrow_client.get("/api/owners/").await.status, 200);
    assert_eq!(narrow_client.get("/api/co/employments/").await.status, 403);
    narrow.as_object_mut().unwrap().remove("secret_password");
    assert_wire_snapshot!("managed_key", narrow.clone());
    assert_eq!(app.sandbox().get(&path(&narrow)).await.json(), narrow);
    let page = app.sandbox().get(&format!("{KEYS}?page_size=1")).await.json();
    assert_eq!((&page["count"], &page["results"]), (&json!(4), &json!([narrow])));
    app.finish().await;
}

async fn what_is_wrong_with_a_key_is_said(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = make(&app.sandbox(), json!({})).await;
    let mut shown = serde_json::Map::new();
    for (name, body) in [
        ("unknown scope", json!({ "scopes": ["read", "links:fly"] })),
        ("no scope", json!({ "scopes": [] })),
        ("a text of scopes", json!({ "scopes": "read" })),
        ("numbers", json!({ "scopes": [1], "allow_list": [2], "expires_at": 3.5, "name": 4.5 })),
        ("no network", json!({ "allow_list": ["10.0.0.0/33", "localhost"] })),
        ("many networks", json!({ "allow_list": vec!["10.0.0.1"; 101] })),
        ("no time", json!({ "expires_at": "tomorrow" })),
        ("a time that is over", json!({ "expires_at": "2026-11-24T12:00:00Z" })),
        ("a misspelt name", json!({ "allowlist": ["10.0.0.1"] })),
        ("a long name", json!({ "name": "x".repeat(257) })),
        ("two lines", json!({ "name": "one\nother" })),
    ] {
        let refused = app.sandbox().post(KEYS, &body).await;
        let unchanged = app.sandbox().patch(&path(&key), &body).await;
        assert_eq!(fields(&refused), fields(&unchanged), "{name}");
        shown.insert(name.to_owned(), refused.shown());
    }
    let rotate = format!("{}rotate/", path(&key));
    let body = json!({ "old_password_until": "2020-01-01T00:00:00Z" });
    shown.insert(
        "a rotation that is over".to_owned(),
        app.sandbox().post(&rotate, &body).await.shown(),
    );
    assert_wire_snapshot!("key_refusals", Value::Object(shown));
    assert_eq!(app.sandbox().results(KEYS).await.len(), 2, "nothing was made");
    app.finish().await;
}

async fn a_key_is_changed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = make(&app.sandbox(), json!({ "name": "before" })).await;
    let user = client(&app, &key);
    let change = async |body: Value| {
        let answer = app.sandbox().patch(&path(&key), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    assert_eq!(change(json!({})).await["name"], "before");
    let changed = change(json!({ "name": "after", "scopes": ["links:read"] })).await;
    assert_eq!((&changed["name"], &changed["scopes"]), (&json!("after"), &json!(["links:read"])));
    assert_eq!(user.get("/api/links/").await.status, 200);
    assert_eq!(user.get("/api/owners/").await.status, 403);
    change(json!({ "allow_list": ["192.0.2.1"], "expires_at": "2026-11-24T13:00:00Z" })).await;
    assert_eq!(user.get("/api/links/").await.status, 403);
    let changed = change(json!({ "allow_list": [] })).await;
    assert_eq!(changed["expires_at"], "2026-11-24T13:00:00.000000Z");
    assert_eq!(user.get("/api/links/").await.status, 200);
    let changed = change(json!({ "expires_at": null })).await;
    assert_eq!((&changed["expires_at"], &changed["name"]), (&Value::Null, &json!("after")));
    app.finish().await;
}

async fn a_key_has_two_passwords_until_one_is_retired(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = make(&app.sandbox(), json!({})).await;
    let [rotate, retire] = ["rotate", "retire"].map(|name| format!("{}{name}/", path(&key)));
    let old = client(&app, &key);
    // The key rotates itself.
    let rotated = old.post(&rotate, &json!({})).await.json();
    let new = client(&app, &rotated);
    assert_eq!((&rotated["passwords"], &rotated["old_password_until"]), (&json!(2), &Value::Null));
    assert_ne!(rotated["secret_password"], key["secret_password"]);
    for user in [&old, &new] {
        assert!(opens(user).await);
        assert_eq!(user.get("/api/owners/").await.status, 200);
    }
    let third = app.sandbox().post(&rotate, &json!({})).await;
    assert_eq!((third.status, third.codes()), (400, vec!["validation_error".to_owned()]));
    let itself = old.post(&retire, &json!({})).await;
    assert_eq!((itself.status, itself.codes()), (400, vec!["validation_error".to_owned()]));
    assert!(opens(&old).await);
    let retired = new.post(&retire, &json!({})).await;
    assert_eq!((retired.status, &retired.json()["passwords"]), (200, &json!(1)));
    assert_eq!((opens(&old).await, opens(&new).await), (false, true));
    assert_eq!(new.post(&retire, &json!({})).await.status, 200, "there is nothing left to retire");
    app.finish().await;
}

async fn an_old_password_may_retire_by_itself(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = make(&app.sandbox(), json!({})).await;
    let rotate = format!("{}rotate/", path(&key));
    let body = json!({ "old_password_until": "2026-11-24T12:01:00Z" });
    let rotated = app.sandbox().post(&rotate, &body).await.json();
    let (old, new) = (client(&app, &key), client(&app, &rotated));
    assert_eq!(rotated["old_password_until"], "2026-11-24T12:01:00.000000Z");
    assert!(opens(&old).await && opens(&new).await);
    app.advance(Duration::from_secs(60));
    assert_eq!((opens(&old).await, opens(&new).await), (false, true));
    let shown = app.sandbox().get(&path(&key)).await.json();
    assert_eq!((&shown["passwords"], &shown["old_password_until"]), (&json!(1), &Value::Null));
    let again = app.sandbox().post(&rotate, &json!({})).await.json();
    assert!(opens(&new).await && opens(&client(&app, &again)).await);
    app.finish().await;
}

async fn a_key_is_revoked(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = make(&app.sandbox(), json!({})).await;
    let user = client(&app, &key);
    assert!(opens(&user).await);
    assert_eq!(app.sandbox().delete(&path(&key)).await.status, 204);
    assert!(!opens(&user).await);
    assert_eq!(app.sandbox().get(&path(&key)).await.status, 404);
    assert_eq!(app.sandbox().delete(&path(&key)).await.status, 404);
    assert_eq!(app.sandbox().patch(&path(&key), &json!({})).await.status, 404);
    for name in ["rotate", "retire"] {
        let answer = app.sandbox().post(&format!("{}{name}/", path(&key)), &json!({})).await;
        assert_eq!(answer.status, 404, "{name}");
    }
    assert_eq!(app.sandbox().results(KEYS).await.len(), 1);
    app.finish().await;
}

/// A key that may be used from the addresses of a test and ends in a day.
async fn bound(app: &TestApp) -> Client {
    let terms = Terms {
        scopes: vinculo_server::Scopes::stored("keys links:read"),
        networks: "127.0.0.0/8".parse().unwrap(),
        expires_at: Some(app.now().as_microsecond() + 86_400_000_000),
        ..Terms::unlimited("bound".to_owned())
    };
    app.client_of(&issue_key_on(&app.app, Environment::Sandbox, terms).await.expect("no key"))
}

async fn a_key_gives_no_more_than_it_holds(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let giver = bound(&app).await;
    let with = |more: Value| {
        let mut body = json!({
            "scopes": ["links:read"], "allow_list": ["127.0.0.1"],
            "expires_at": "2026-11-25T12:00:00Z",
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let made = make(&giver, with(json!({}))).await;
    for (more, status, field) in [
        (json!({ "scopes": ["links:read", "owners:read"] }), 403, Value::Null),
        (json!({ "scopes": ["read"] }), 403, Value::Null),
        (json!({ "allow_list": [] }), 400, json!("allow_list")),
        (json!({ "allow_list": ["127.0.0.1", "192.0.2.1"] }), 400, json!("allow_list")),
        (json!({ "expires_at": null }), 400, json!("expires_at")),
        (json!({ "expires_at": "2026-11-25T12:00:01Z" }), 400, json!("expires_at")),
    ] {
        for refused in
            [giver.post(KEYS, &with(more.clone())).await, giver.patch(&path(&made), &more).await]
        {
            let expected = (status, vec![field.clone()]);
            assert_eq!((refused.status, fields(&refused)), expected, "{more}: {}", refused.body);
        }
    }
    assert_eq!(giver.post(KEYS, &json!({})).await.status, 403, "everything is too much");
    assert_eq!(giver.delete(&path(&made)).await.status, 204);
    app.finish().await;
}

async fn a_key_touches_none_that_holds_more(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let weak = app.client_of(&key_with(&app, "keys read").await);
    let strong = make(&app.sandbox(), json!({ "scopes": ["read", "subjects"] })).await;
    let place = path(&strong);
    for refused in [
        weak.patch(&place, &json!({ "scopes": ["read"] })).await,
        weak.post(&format!("{place}rotate/"), &json!({})).await,
        weak.post(&format!("{place}retire/"), &json!({})).await,
        weak.delete(&place).await,
    ] {
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert!(refused.body.contains("The key lacks the scope subjects."), "{}", refused.body);
    }
    assert_eq!(weak.get(&place).await.status, 200, "looking is no touching");
    assert!(opens(&client(&app, &strong)).await);
    app.finish().await;
}

async fn a_key_takes_nothing_from_itself(database: TestDatabase) {
    let trusting = |config: &mut Config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let app = Setup::new(database).configure(trusting).start().await;
    let key = make(&app.sandbox(), json!({})).await;
    let itself = client(&app, &key);
    let change = async |body: &Value| {
        let request = itself.request(Method::PATCH, &path(&key)).json(body);
        itself.send(request.header("x-forwarded-for", "192.0.2.7")).await
    };
    for (body, field) in [
        (json!({ "scopes": ["read", "write"] }), "scopes"),
        (json!({ "allow_list": ["127.0.0.1"] }), "allow_list"),
    ] {
        let refused = change(&body).await;
        assert_eq!((refused.status, fields(&refused)), (400, vec![json!(field)]), "{body}");
        assert!(refused.body.contains("This request uses the key itself"), "{}", refused.body);
    }
    assert_eq!(itself.delete(&path(&key)).await.status, 400);
    let narrowed = json!({ "scopes": ["keys"], "allow_list": ["192.0.2.0/24"] });
    assert_eq!(change(&narrowed).await.status, 200);
    assert_eq!(itself.get("/api/").await.status, 403, "from elsewhere");
    // Another key may take all of it.
    let rest = json!({ "scopes": ["read"], "allow_list": ["198.51.100.1"] });
    assert_eq!(app.sandbox().patch(&path(&key), &rest).await.status, 200);
    app.finish().await;
}

async fn a_repeated_request_makes_no_second_key(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let body = json!({ "name": "once" });
    let first = app.sandbox().post_once(KEYS, "k", &body).await;
    let again = app.sandbox().post_once(KEYS, "k", &body).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let (first, again) = (first.json(), again.json());
    assert_eq!(first["id"], again["id"]);
    assert_eq!(again["secret_password"], Value::Null, "it is kept nowhere");
    let rotate = format!("{}rotate/", path(&first));
    let rotated = app.sandbox().post_once(&rotate, "r", &json!({})).await.json();
    let again = app.sandbox().post_once(&rotate, "r", &json!({})).await.json();
    assert!(rotated["secret_password"].is_string() && again["secret_password"].is_null());
    assert!(opens(&client(&app, &rotated)).await);
    app.finish().await;
}

async fn keys_belong_to_their_workspace(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = make(&app.sandbox(), json!({})).await;
    let other = app.production();
    assert_eq!(other.get(&path(&key)).await.status, 404);
    assert_eq!(other.patch(&path(&key), &json!({ "name": "mine" })).await.status, 404);
    assert_eq!(other.delete(&path(&key)).await.status, 404);
    assert_eq!(other.post(&format!("{}rotate/", path(&key)), &json!({})).await.status, 404);
    assert_eq!(other.results(KEYS).await.len(), 1);
    // Whoever runs the installation finds it in either.
    let id = Uuid::try_parse(key["id"].as_str().unwrap()).unwrap();
    let rotated = rotate_key(&app.app, id, None).await.expect("not rotated").expect("no such key");
    assert_eq!(rotated.environment, "sandbox");
    assert!(opens(&app.client_of(&rotated)).await && opens(&client(&app, &key)).await);
    app.finish().await;
}
