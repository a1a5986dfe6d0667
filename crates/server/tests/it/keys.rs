//! Who may ask: the Basic header with a key's two halves.

use http::Method;
use http::header::AUTHORIZATION;
use serde_json::Value;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::{TestApp, TestDatabase, assert_wire_snapshot, on_both_databases};

on_both_databases!(a_wrong_key_opens_nothing, a_key_opens_however_the_header_is_written);

fn basic(id: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{password}")))
}

async fn a_wrong_key_opens_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = app.sandbox_key();
    let (id, password) = (key.secret_id.to_string(), key.secret_password.as_str());
    let stranger = "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b";
    let headers = [
        ("another scheme", format!("Bearer {password}")),
        ("no scheme", STANDARD.encode(format!("{id}:{password}"))),
        ("not base64", "Basic %%%".to_owned()),
        ("no colon", format!("Basic {}", STANDARD.encode(&id))),
        ("not UTF-8", format!("Basic {}", STANDARD.encode(b"\xff\xfe:\xff"))),
        ("empty", "Basic ".to_owned()),
        ("the id is no id", basic("somebody", password)),
        ("an unknown id", basic(stranger, password)),
        ("a wrong password", basic(&id, "wrong")),
        ("no password", basic(&id, "")),
        ("a cut password", basic(&id, &password[1..])),
    ];
    let client = app.stranger();
    let missing = client.get("/api/").await;
    assert_eq!(missing.header("www-authenticate"), Some(r#"Basic realm="api""#));
    assert_wire_snapshot!("wrong_key", missing.shown());
    for (name, header) in headers {
        let request = client.request(Method::GET, "/api/").header(AUTHORIZATION, header);
        let answer = client.send(request).await;
        assert_eq!(answer.header("www-authenticate"), Some(r#"Basic realm="api""#), "{name}");
        assert_wire_snapshot!("wrong_key", answer.shown());
    }
    for path in ["/api/links/", "/api/institutions/", "/api/owners/", "/api/co/employments/"] {
        assert_eq!(client.get(path).await.status, 401, "{path}");
    }
    let nameless = client.post("/api/links/", &Value::Null).await;
    assert_eq!(nameless.status, 401, "who it is comes before what is wrong");
    for (path, status) in [
        ("/api/co/employments/", 400),
        ("/api/co/employments/?link=somebody", 400),
        ("/api/co/employments/?id=&page=0", 404),
        ("/api/co/employments/somebody/", 404),
        ("/api/owners/?display_name__icontains=a", 400),
        ("/api/owners/?created_at=never", 400),
        ("/api/owners/?page=2", 404),
        ("/api/owners/somebody/", 404),
    ] {
        assert_eq!(app.sandbox().get(path).await.status, status, "{path}");
        let wrong = client.request(Method::GET, path).header(AUTHORIZATION, basic(&id, "wrong"));
        assert_eq!(client.send(wrong).await.status, 401, "{path} with a wrong password");
    }
    app.finish().await;
}

async fn a_key_opens_however_the_header_is_written(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = app.sandbox_key();
    let value = basic(&key.secret_id.to_string(), &key.secret_password);
    let (_, encoded) = value.split_once(' ').unwrap();
    let upper = basic(&key.secret_id.to_string().to_uppercase(), &key.secret_password);
    for header in [value.clone(), format!("basic {encoded}"), format!("BASIC  {encoded}"), upper] {
        let client = app.stranger();
        let request = client.request(Method::GET, "/api/").header(AUTHORIZATION, &header);
        assert_eq!(client.send(request).await.status, 200);
    }
    let root = app.production().get("/api/").await;
    assert_wire_snapshot!("root", root.json());
    app.finish().await;
}
