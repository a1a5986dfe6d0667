//! Widget tokens: who gets them, and what they open.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Map, Value, json};

use crate::support::{
    Answer, Client, Setup, TestApp, TestDatabase, assert_wire_snapshot, is_plain_hex, link_request,
    on_both_databases,
};

on_both_databases!(
    a_key_in_the_body_or_in_the_header_gets_tokens,
    a_wrong_key_gets_no_token,
    a_request_that_is_wrong_says_where,
    a_token_opens_what_its_scopes_say,
    a_token_ends_after_ten_minutes,
    a_refresh_token_lasts_as_configured_and_opens_nothing,
    a_token_makes_one_link,
    of_two_links_at_once_one_is_made,
    a_refused_person_does_not_cost_the_token,
    what_a_token_says_wins_over_the_request,
    a_token_stays_in_its_workspace,
    a_token_that_was_changed_opens_nothing,
    update_mode_is_about_one_link,
    a_token_outlives_the_process,
);

const EVERYTHING: &str = "read_institutions,write_links,read_links";
const SDK: &str = "read_institutions,write_links";

async fn tokens(client: &Client, request: Value) -> (String, String) {
    let answer = client.post("/api/token/", &request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let pair = answer.json();
    assert_eq!(pair.as_object().unwrap().len(), 2);
    let token = |name: &str| pair[name].as_str().unwrap().to_owned();
    (token("access"), token("refresh"))
}

/// An access token of the sandbox.
async fn access(app: &TestApp, request: Value) -> String {
    tokens(&app.sandbox(), request).await.0
}

fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn ask(app: &TestApp, token: &str, method: Method, path: &str) -> Answer {
    let client = app.stranger();
    client.send(client.request(method, path).bearer_auth(token)).await
}

async fn get(app: &TestApp, token: &str, path: &str) -> Answer {
    ask(app, token, Method::GET, path).await
}

async fn register(app: &TestApp, token: &str, username: &str, more: Value) -> Answer {
    let client = app.stranger();
    let request = client.request(Method::POST, "/api/links/").bearer_auth(token);
    client.send(request.json(&link_request(username, more))).await
}

fn assert_refused(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!((answer.status, answer.codes()), (status, vec![code.to_owned()]), "{what}");
}

fn assert_dead(answer: &Answer, what: &str) {
    assert_refused(answer, 401, "authentication_failed", what);
}

fn assert_denied(answer: &Answer, what: &str) {
    assert_refused(answer, 403, "access_to_resource_denied", what);
}

async fn a_key_in_the_body_or_in_the_header_gets_tokens(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = app.sandbox_key();
    let request = json!({ "scopes": SDK, "fetch_resources": ["OWNERS"], "stale_in": "30d",
        "credentials_storage": "90d", "external_id": "user-00042", "widget": { "theme": [] },
        "fetch_historical": true, "unknown": 1 });
    let mut with_key = request.clone();
    with_key["id"] = json!(key.secret_id);
    with_key["password"] = json!(key.secret_password);
    for (client, request) in [
        (app.stranger(), &with_key),
        (app.sandbox(), &request),
        (app.sandbox(), &with_key),
        (app.production(), &with_key),
    ] {
        let (access, refresh) = tokens(&client, request.clone()).await;
        assert_eq!(part(&access, 0), json!({ "typ": "JWT", "alg": "HS512" }));
        let claims = part(&access, 1);
        assert!(is_plain_hex(claims["jti"].as_str().unwrap()));
        assert_ne!(claims["jti"], part(&refresh, 1)["jti"]);
        assert_eq!(claims["iat"], app.now().as_second());
        assert_eq!(Some(claims["iss"].as_str().unwrap()), app.base().strip_prefix("http://"));
        assert_eq!(get(&app, &access, "/api/institutions/").await.status, 200);
        let shown = [claims, part(&refresh, 1)].map(|mut claims| {
            let claims = claims.as_object_mut().unwrap();
            assert_eq!(claims["user_id"], claims["organization_id"]);
            for name in ["jti", "user_id", "organization_id", "iss", "api_url"] {
                claims[name] = json!(format!("[{name}]"));
            }
            claims.clone()
        });
        assert_wire_snapshot!("claims", shown);
    }
    app.finish().await;
}

async fn a_wrong_key_gets_no_token(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = app.sandbox_key();
    let (id, password) = (json!(key.secret_id), json!(key.secret_password));
    for (name, keys) in [
        ("no key", json!({})),
        ("a wrong password", json!({ "id": id, "password": "wrong" })),
        ("an unknown id", json!({ "id": uuid::Uuid::nil(), "password": password })),
        ("no id", json!({ "password": password })),
        ("no password", json!({ "id": id })),
        ("nulls", json!({ "id": null, "password": null })),
        ("numbers", json!({ "id": 7, "password": 7 })),
        ("an id that is none", json!({ "id": "somebody", "password": password })),
    ] {
        let mut request = keys.as_object().unwrap().clone();
        request.insert("scopes".to_owned(), json!("nonsense"));
        let answer = app.stranger().post("/api/token/", &Value::Object(request.clone())).await;
        assert_dead(&answer, name);
        if !keys.as_object().unwrap().is_empty() {
            let answer = app.sandbox().post("/api/token/", &Value::Object(request)).await;
            assert_dead(&answer, "the body is believed before the header");
        }
    }
    let nothing = app.stranger().post("/api/token/", &json!([])).await;
    assert_dead(&nothing, "who it is comes before what is wrong");
    let token = access(&app, json!({ "scopes": EVERYTHING })).await;
    assert_denied(&ask(&app, &token, Method::POST, "/api/token/").await, "tokens from a token");
    app.finish().await;
}

async fn a_request_that_is_wrong_says_where(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let foreign = app.production();
    let planilla = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");
    app.import(vinculo_store::Environment::Production, planilla).await;
    let link = foreign.create_link("1900000101", json!({ "access_mode": "single" })).await;
    let mut shown = Map::new();
    for request in [
        json!([]),
        json!({}),
        json!({ "scopes": null }),
        json!({ "scopes": " " }),
        json!({ "scopes": " , ," }),
        json!({ "scopes": ["read_links"] }),
        json!({ "scopes": "read_links,write_everything,READ_LINKS" }),
        json!({ "scopes": SDK, "link_id": "nothing" }),
        json!({ "scopes": SDK, "link_id": "" }),
        json!({ "scopes": SDK, "link_id": "11111111-2222-4333-8444-555555555555" }),
        json!({ "scopes": SDK, "external_id": "ab" }),
        json!({ "scopes": SDK, "fetch_resources": "OWNERS" }),
        json!({ "scopes": SDK, "fetch_resources": ["ACCOUNTS"] }),
        json!({ "scopes": "x", "external_id": "a", "stale_in": "0d", "credentials_storage": "1w" }),
        json!({ "scopes": SDK, "stale_in": "store" }),
        json!({ "scopes": SDK, "credentials_storage": "366d" }),
    ] {
        let answer = client.post("/api/token/", &request).await;
        shown.insert(request.to_string(), answer.shown());
    }
    assert_wire_snapshot!("token_refusals", Value::Object(shown));
    let request = json!({ "scopes": SDK, "link_id": link["id"] });
    let answer = client.post("/api/token/", &request).await;
    assert_refused(&answer, 400, "does_not_exist", "a link of another workspace");
    app.settled().await;
    app.finish().await;
}

async fn a_token_opens_what_its_scopes_say(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    let detail = format!("/api/links/{}/", link["id"].as_str().unwrap());
    for (scopes, bound, opened) in [
        ("read_institutions", false, [true, false, false]),
        ("write_links", false, [false, true, false]),
        ("read_links", false, [false, false, false]),
        (SDK, false, [true, true, false]),
        ("read_links", true, [false, false, true]),
        ("write_links", true, [false, false, false]),
        (EVERYTHING, true, [true, false, true]),
    ] {
        let bound = if bound { link["id"].clone() } else { Value::Null };
        let token = access(&app, json!({ "scopes": scopes, "link_id": bound })).await;
        let [institutions, links, own] = opened;
        for path in ["/api/institutions/", "/api/institutions/4001/"] {
            expect(&get(&app, &token, path).await, institutions, &format!("{scopes} {path}"));
        }
        expect(&get(&app, &token, &detail).await, own, &format!("{scopes} {detail}"));
        let lists =
            ["/api/", "/api/links/", "/api/owners/", "/api/consents/", "/manage/v1/imports/"];
        for path in lists.into_iter().chain(["/api/links/nothing/"]) {
            assert_denied(&get(&app, &token, path).await, &format!("{scopes} {path}"));
        }
        let removal = ask(&app, &token, Method::DELETE, &detail).await;
        assert_denied(&removal, &format!("{scopes} DELETE {detail}"));
        let mode = json!({ "access_mode": "single" });
        let made = register(&app, &token, "1999000001", mode).await;
        expect(&made, links, &format!("{scopes} POST"));
    }
    app.finish().await;
}

fn expect(answer: &Answer, opened: bool, what: &str) {
    if opened {
        assert!(answer.status < 300, "{what}: {}", answer.body);
    } else {
        assert_denied(answer, what);
    }
}

async fn a_token_ends_after_ten_minutes(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let token = access(&app, json!({ "scopes": SDK })).await;
    app.advance(Duration::from_secs(599));
    assert_eq!(get(&app, &token, "/api/institutions/").await.status, 200);
    assert_denied(&get(&app, &token, "/api/links/").await, "alive");
    app.advance(Duration::from_secs(1));
    assert_dead(&get(&app, &token, "/api/institutions/").await, "ended");
    assert_dead(&get(&app, &token, "/api/links/").await, "ended before it is refused");
    assert_dead(&register(&app, &token, "1999000001", json!({})).await, "ended");
    assert_eq!(app.sandbox().results("/api/links/").await, Vec::<Value>::new());
    app.finish().await;
}

async fn a_refresh_token_lasts_as_configured_and_opens_nothing(database: TestDatabase) {
    let minute = |config: &mut vinculo_server::config::Config| {
        config.refresh_token_lifetime = Duration::from_secs(60);
    };
    let app = Setup::new(database).configure(minute).start().await;
    let (_, refresh) = tokens(&app.sandbox(), json!({ "scopes": EVERYTHING })).await;
    let claims = part(&refresh, 1);
    assert_eq!(claims["token_type"], "refresh");
    assert_eq!(claims["exp"], app.now().as_second() + 60);
    for path in ["/api/institutions/", "/api/links/", "/api/token/refresh/"] {
        let status = get(&app, &refresh, path).await.status;
        assert_eq!(status, if path.contains("refresh") { 404 } else { 401 }, "{path}");
    }
    app.finish().await;
}

async fn a_token_makes_one_link(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let token = access(&app, json!({ "scopes": SDK })).await;
    let other = access(&app, json!({ "scopes": SDK })).await;
    let made = register(&app, &token, "1999000001", json!({})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_dead(&register(&app, &token, "1999000001", json!({})).await, "used");
    assert_dead(&get(&app, &token, "/api/institutions/").await, "used");
    assert_eq!(get(&app, &other, "/api/institutions/").await.status, 200);
    app.settled().await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(app.sandbox().results(&format!("/api/co/employments/?link={id}")).await.len(), 1);
    assert_eq!(app.sandbox().results("/api/links/").await, [made.json()]);
    app.finish().await;
}

async fn of_two_links_at_once_one_is_made(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for _ in 0..5 {
        let before = app.sandbox().results("/api/links/").await.len();
        let token = access(&app, json!({ "scopes": SDK })).await;
        let (one, other) = tokio::join!(
            register(&app, &token, "1999000001", json!({})),
            register(&app, &token, "1999000002", json!({})),
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 401]);
        assert_eq!(app.sandbox().results("/api/links/").await.len(), before + 1);
    }
    app.settled().await;
    app.finish().await;
}

async fn a_refused_person_does_not_cost_the_token(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let token = access(&app, json!({ "scopes": SDK })).await;
    let unknown = register(&app, &token, "1999000404", json!({})).await;
    assert_refused(&unknown, 400, "login_error", "an unknown person");
    let wrong = register(&app, &token, "1999000001", json!({ "access_mode": "sometimes" })).await;
    assert_refused(&wrong, 400, "invalid_choice", "a wrong field");
    assert_eq!(register(&app, &token, "1999000001", json!({})).await.status, 201);
    app.settled().await;
    app.finish().await;
}

async fn what_a_token_says_wins_over_the_request(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let request = json!({ "scopes": SDK, "external_id": "user-00042",
        "fetch_resources": ["OWNERS"], "credentials_storage": "30d", "stale_in": "90d" });
    let token = access(&app, request).await;
    let asked = json!({ "external_id": "somebody-else", "access_mode": "single",
        "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
    let link = register(&app, &token, "1999000001", asked.clone()).await.json();
    assert_eq!(
        (&link["external_id"], &link["access_mode"]),
        (&json!("user-00042"), &json!("single"))
    );
    assert_eq!(link["fetch_resources"], json!(["OWNERS"]));
    assert_eq!((&link["credentials_storage"], &link["stale_in"]), (&json!("30d"), &json!("90d")));

    // A recurrent link would store the document: without a mode it is a single one.
    for unsaid in [json!({}), json!({ "access_mode": null })] {
        let brief = access(&app, json!({ "scopes": SDK, "credentials_storage": "30d" })).await;
        let link = register(&app, &brief, "1999000001", unsaid).await.json();
        assert_eq!(
            (&link["access_mode"], &link["credentials_storage"]),
            (&json!("single"), &json!("30d"))
        );
    }
    let kept = access(&app, json!({ "scopes": SDK, "credentials_storage": "store" })).await;
    let link = register(&app, &kept, "1999000001", json!({})).await.json();
    assert_eq!(link["access_mode"], "recurrent");
    let brief = access(&app, json!({ "scopes": SDK, "credentials_storage": "30d" })).await;
    let asked_for =
        register(&app, &brief, "1999000001", json!({ "access_mode": "recurrent" })).await;
    assert_refused(&asked_for, 400, "invalid_credentials_storage", "a recurrent link");

    let silent = access(&app, json!({ "scopes": SDK })).await;
    let link = register(&app, &silent, "1999000001", asked).await.json();
    assert_eq!(link["external_id"], "somebody-else");
    assert_eq!(link["fetch_resources"], json!(["EMPLOYMENTS", "OWNERS"]));

    let none = access(&app, json!({ "scopes": SDK, "fetch_resources": [] })).await;
    let asked = json!({ "access_mode": "single", "fetch_resources": ["OWNERS"] });
    let link = register(&app, &none, "1999000001", asked).await.json();
    assert_eq!(link["fetch_resources"], json!([]));
    app.settled().await;
    app.finish().await;
}

async fn a_token_stays_in_its_workspace(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let sandbox = access(&app, json!({ "scopes": SDK })).await;
    let (production, _) = tokens(&app.production(), json!({ "scopes": SDK })).await;
    // The person is known to the sandbox's operator, and to no planilla of production.
    let unknown = register(&app, &production, "1999000001", json!({})).await;
    assert_refused(&unknown, 400, "login_error", "production");
    let link = register(&app, &sandbox, "1999000001", json!({})).await.json();
    let found = format!("/api/links/{}/", link["id"].as_str().unwrap());
    assert_eq!(app.sandbox().get(&found).await.status, 200);
    assert_eq!(app.production().get(&found).await.status, 404);

    // The same claims but for the environment, under the signature of the other workspace.
    let moved = with_claim(&sandbox, "environment", json!("production"));
    assert_dead(&get(&app, &moved, "/api/institutions/").await, "moved");
    app.settled().await;
    app.finish().await;
}

fn with_claim(token: &str, name: &str, value: Value) -> String {
    let mut claims = part(token, 1);
    claims[name] = value;
    with_part(token, 1, &claims)
}

fn with_part(token: &str, place: usize, content: &Value) -> String {
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts[place] = URL_SAFE_NO_PAD.encode(content.to_string());
    parts.join(".")
}

async fn a_token_that_was_changed_opens_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let token = access(&app, json!({ "scopes": "read_institutions" })).await;
    let (unsigned, signature) = token.rsplit_once('.').unwrap();
    let unsigned = unsigned.to_owned();
    let header = |alg: &str| with_part(&token, 0, &json!({ "typ": "JWT", "alg": alg }));
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    for (name, token) in [
        ("nothing", String::new()),
        ("a word", "token".to_owned()),
        ("three words", "a.b.c".to_owned()),
        ("no signature", format!("{unsigned}.")),
        ("another signature", format!("{unsigned}.{flipped}{}", &signature[1..])),
        ("a cut signature", format!("{unsigned}.{}", &signature[..80])),
        ("a fourth part", format!("{token}.{signature}")),
        ("more scopes", with_claim(&token, "scopes", json!(["read_institutions", "write_links"]))),
        ("more time", with_claim(&token, "exp", json!(4_000_000_000_i64))),
        ("another type", with_claim(&token, "token_type", json!("refresh"))),
        ("HS256", header("HS256")),
        ("RS256", header("RS256")),
        ("none", header("none")),
        ("none, unsigned", {
            let none = header("none");
            format!("{}.", none.rsplit_once('.').unwrap().0)
        }),
        ("None", header("None")),
        ("an algorithm nobody knows", header("HS1024")),
    ] {
        assert_dead(&get(&app, &token, "/api/institutions/").await, name);
        assert_dead(&get(&app, &token, "/api/links/").await, name);
    }
    assert_eq!(get(&app, &token, "/api/institutions/").await.status, 200);
    app.finish().await;
}

async fn update_mode_is_about_one_link(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = client.create_link("1999000001", json!({})).await;
    let other = client.create_link("1999000002", json!({})).await;
    app.settled().await;
    let path = |link: &Value| format!("/api/links/{}/", link["id"].as_str().unwrap());
    let upper = link["id"].as_str().unwrap().to_uppercase();
    let token = access(&app, json!({ "scopes": EVERYTHING, "link_id": upper })).await;
    assert_eq!(part(&token, 1)["link_id"], link["id"]);
    assert_eq!(get(&app, &token, &path(&link)).await.json(), link);
    let status = get(&app, &token, &format!("{}?fields=status", path(&link))).await.json();
    assert_eq!(status, json!({ "status": "valid" }));
    assert_denied(&get(&app, &token, &path(&other)).await, "another link");
    assert_denied(&get(&app, &token, "/api/links/").await, "all links");
    let made = register(&app, &token, "1999000001", json!({})).await;
    assert_denied(&made, "a new link");

    let put = async |link: &Value| ask(&app, &token, Method::PUT, &path(link)).await;
    assert_denied(&put(&other).await, "another link");
    let updated = put(&link).await;
    assert_eq!((updated.status, &updated.json()["id"]), (200, &link["id"]));
    app.settled().await;
    assert_dead(&put(&link).await, "its link was updated");
    let token = access(&app, json!({ "scopes": EVERYTHING, "link_id": link["id"] })).await;
    assert_eq!(client.delete(&path(&link)).await.status, 204);
    assert_eq!(get(&app, &token, &path(&link)).await.status, 404);
    app.finish().await;
}

async fn a_token_outlives_the_process(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let token = access(&app, json!({ "scopes": SDK })).await;
    let used = access(&app, json!({ "scopes": SDK })).await;
    let single = json!({ "access_mode": "single" });
    assert_eq!(register(&app, &used, "1999000001", single).await.status, 201);
    let app = app.restart().await;
    assert_eq!(get(&app, &token, "/api/institutions/").await.status, 200);
    assert_dead(&get(&app, &used, "/api/institutions/").await, "used before");
    app.finish().await;
}
