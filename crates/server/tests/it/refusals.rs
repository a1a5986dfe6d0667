//! What is wrong with a request, said in the contract's words.

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};
use vinculo_server::config::Config;

use crate::support::{
    Answer, Setup, TestApp, TestDatabase, assert_wire_snapshot, link_request, on_both_databases,
};

on_both_databases!(
    a_registration_says_everything_that_is_wrong_with_it,
    a_body_must_be_a_json_object,
    a_body_that_is_not_needed_may_be_missing_or_null,
    a_body_may_have_one_mebibyte,
    a_list_says_what_is_wrong_with_its_filters,
    an_id_that_nobody_has_is_not_found,
    a_refused_registration_asks_nobody_and_leaves_nothing,
);

const LINKS: &str = "/api/links/";
const NOBODYS: &str = "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b";

/// What each case is answered, by its name.
#[derive(Default)]
struct Shown(Map<String, Value>);

impl Shown {
    fn add(&mut self, name: &str, answer: &Answer) {
        let replaced = self.0.insert(name.to_owned(), answer.shown());
        assert!(replaced.is_none(), "{name} twice");
    }
}

fn registrations() -> Vec<(&'static str, Value)> {
    let with = |more| link_request("1999000001", more);
    let long = "x".repeat(257);
    vec![
        ("nothing", json!({})),
        ("both null", json!({ "institution": null, "username": null })),
        ("both blank", json!({ "institution": "", "username": "   " })),
        ("no texts", json!({ "institution": ["a"], "username": { "a": 1 } })),
        ("no username", json!({ "institution": "pila_co_employment" })),
        ("unknown institution", json!({ "institution": "erebor_mx_retail", "username": "1" })),
        ("unsupported resource", with(json!({ "fetch_resources": ["EMPLOYMENT_RECORDS"] }))),
        ("one resource of two", with(json!({ "fetch_resources": ["OWNERS", 7, "x"] }))),
        ("a text of resources", with(json!({ "fetch_resources": "EMPLOYMENTS" }))),
        ("an object of resources", with(json!({ "fetch_resources": {} }))),
        ("access mode", with(json!({ "access_mode": "sometimes" }))),
        ("blank access mode", with(json!({ "access_mode": "" }))),
        ("long access mode", with(json!({ "access_mode": long }))),
        ("short external id", with(json!({ "external_id": "ab" }))),
        ("long external id", with(json!({ "external_id": long }))),
        ("boolean external id", with(json!({ "external_id": true }))),
        (
            "everything at once",
            json!({
                "institution": "other_co_employment", "username": null, "fetch_resources": 1,
                "access_mode": "none", "external_id": "x",
            }),
        ),
    ]
}

async fn a_registration_says_everything_that_is_wrong_with_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut shown = Shown::default();
    for (name, body) in registrations() {
        shown.add(name, &app.sandbox().post(LINKS, &body).await);
    }
    assert_wire_snapshot!("registrations", Value::Object(shown.0));
    app.finish().await;
}

async fn a_body_must_be_a_json_object(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut shown = Shown::default();
    let deep = "[".repeat(100_000);
    for (name, body) in [
        ("empty", ""),
        ("cut off", r#"{"institution": "pila_co_employment", "#),
        ("not JSON", "institution=pila_co_employment"),
        ("too much", "{} {}"),
        ("a list", r#"[{"institution": "pila_co_employment"}]"#),
        ("a text", r#""pila_co_employment""#),
        ("a number", "7"),
        ("null", "null"),
        ("a lone surrogate", r#"{"institution": "\ud800"}"#),
        ("too deep", deep.as_str()),
    ] {
        let request = client.request(Method::POST, LINKS).header(CONTENT_TYPE, "application/json");
        shown.add(name, &client.send(request.body(body.to_owned())).await);
    }
    let request = client.request(Method::POST, LINKS).header(CONTENT_TYPE, "application/json");
    shown.add("not UTF-8", &client.send(request.body(b"{\"a\": \"\xff\"}".to_vec())).await);
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let request = client.request(Method::POST, LINKS).header(CONTENT_TYPE, media).body("{}");
        shown.add(media, &client.send(request).await);
    }
    assert_wire_snapshot!("bodies", Value::Object(shown.0));

    for media in ["application/json; charset=utf-8", "Application/JSON"] {
        let request = client.request(Method::POST, LINKS).header(CONTENT_TYPE, media).body("{}");
        assert_eq!(client.send(request).await.codes(), ["required", "required"], "{media}");
    }
    let untyped = client.send(client.request(Method::POST, LINKS).body("{}")).await;
    assert_eq!(untyped.codes(), ["required", "required"]);
    // What is not there has no type.
    for request in [
        client.request(Method::POST, LINKS),
        client.request(Method::POST, LINKS).body(" \n"),
        client.request(Method::POST, LINKS).header(CONTENT_TYPE, "text/plain").body(""),
    ] {
        assert_eq!(client.send(request).await.codes(), ["required", "required"]);
    }
    for path in ["/api/co/employments/", "/api/owners/", "/api/token/"] {
        assert_eq!(client.send(client.request(Method::POST, path)).await.codes(), ["required"]);
    }
    let typed = client.request(Method::GET, LINKS).header(CONTENT_TYPE, "application/json");
    assert_eq!(client.send(typed).await.status, 200, "belvo-js types what has no body");
    app.finish().await;
}

async fn a_body_that_is_not_needed_may_be_missing_or_null(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let single = link_request("1999000001", json!({ "access_mode": "single" }));
    let link = client.post(LINKS, &single).await.json();
    let path = format!("{LINKS}{}/", link["id"].as_str().unwrap());
    let (json, text) = ("application/json", "text/plain");
    for (media, body, status, codes) in [
        (json, "", 200, &[][..]),
        (json, " \n", 200, &[]),
        (json, "{}", 200, &[]),
        (json, "null", 200, &[]),
        (json, " null ", 200, &[]),
        (text, "", 200, &[]),
        (text, "null", 415, &["unsupported_media_type"]),
        (json, "nul", 400, &["parse_error"]),
        (json, "false", 400, &["parse_error"]),
        (json, "[]", 400, &["parse_error"]),
    ] {
        let request = client.request(Method::PATCH, &path).header(CONTENT_TYPE, media).body(body);
        let answer = client.send(request).await;
        assert_eq!(answer.status, status, "{media} {body:?}");
        if status == 200 {
            assert_eq!(answer.json(), link, "{media} {body:?}");
        } else {
            assert_eq!(answer.codes(), codes, "{media} {body:?}");
        }
    }
    let settings = client.get("/manage/v1/settings/").await.json();
    for body in ["", "null"] {
        let request = client.request(Method::PATCH, "/manage/v1/settings/");
        let answer = client.send(request.header(CONTENT_TYPE, json).body(body)).await;
        assert_eq!((answer.status, answer.json()), (200, settings.clone()), "{body:?}");
    }
    app.finish().await;
}

async fn a_body_may_have_one_mebibyte(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let post = |size: usize| {
        let padding = size - r#"{"a":""}"#.len();
        let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(padding));
        assert_eq!(body.len(), size);
        client.request(Method::POST, LINKS).header(CONTENT_TYPE, "application/json").body(body)
    };
    let largest = client.send(post(1024 * 1024)).await;
    assert_eq!(largest.codes(), ["required", "required"]);
    let larger = client.send(post(1024 * 1024 + 1)).await;
    assert_wire_snapshot!("larger_body", larger.shown());
    app.finish().await;
}

async fn a_list_says_what_is_wrong_with_its_filters(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut shown = Shown::default();
    for path in [
        "/api/co/employments/",
        "/api/co/employments/?page=1",
        "/api/co/employments/?link=",
        "/api/co/employments/?link=7",
        "/api/co/employments/?link__in=3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b,x",
        "/api/co/employments/?id=x",
        "/api/owners/?link=%00",
        "/api/owners/?id__in[]=x",
        "/api/links/?id=x",
        "/api/links/?status=broken",
        "/api/links/?access_mode=sometimes",
        "/api/links/?institution=%00",
        "/api/links/?institution_user_id=a%00b",
        "/api/links/?external_id=%00",
        "/api/links/?status__in=valid,broken",
        "/api/links/?created_by__not_in=x",
        "/api/owners/?link__in[0]=x",
        "/api/institutions/?status=broken",
        "/api/links/?created_at=26/06/2024",
        "/api/links/?created_at=2026-02-30",
        "/api/links/?created_at__range=2026-11-24",
        "/api/owners/?created_at__lt=99999-01-01",
        "/api/links/?refresh_rate=%00",
        "/api/links/?page=0",
        "/api/links/?page=-1",
        "/api/links/?page=two",
        "/api/links/?page=2",
        "/api/links/?page=9223372036854775807&page_size=1000",
        "/api/links/?page=92233720368547758070",
        "/api/institutions/?page=2",
    ] {
        shown.add(path, &app.sandbox().get(path).await);
    }
    assert_wire_snapshot!("filters", Value::Object(shown.0));
    app.finish().await;
}

async fn an_id_that_nobody_has_is_not_found(database: TestDatabase) {
    let unlimited = |config: &mut Config| config.delete_limit_per_minute = 0;
    let app = Setup::new(database).configure(unlimited).start().await;
    let client = app.sandbox();
    for id in [NOBODYS, "x", "7", "%00", "%F0%9F%90%A6", "..%2F..%2Fetc", "%ff"] {
        for resource in ["/api/links/", "/api/co/employments/", "/api/owners/"] {
            let answer = client.get(&format!("{resource}{id}/")).await;
            assert_wire_snapshot!("not_found", answer.shown());
        }
        let answer = client.delete(&format!("{LINKS}{id}/")).await;
        assert_wire_snapshot!("not_found", answer.shown());
    }
    for path in ["/api/institutions/4002/", "/api/institutions/x/", "/api/institutions/-1/"] {
        assert_wire_snapshot!("not_found", client.get(path).await.shown());
    }
    for filter in [format!("link={NOBODYS}"), format!("id={NOBODYS}"), format!("id__in={NOBODYS}")]
    {
        for list in ["/api/co/employments/", "/api/owners/", "/api/links/"] {
            let path = format!("{list}?{filter}");
            let page = client.get(&path).await;
            assert_eq!((page.status, &page.json()["count"]), (200, &json!(0)), "{path}");
        }
    }
    app.finish().await;
}

async fn a_refused_registration_asks_nobody_and_leaves_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for (_, body) in registrations() {
        assert_eq!(app.sandbox().post(LINKS, &body).await.status, 400);
    }
    assert_eq!(app.asked(), 0);
    assert!(app.sandbox().results(LINKS).await.is_empty());
    app.finish().await;
}
