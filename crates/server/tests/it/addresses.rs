//! Addresses and methods: with and without slashes, known and unknown.

use http::Method;
use serde_json::json;

use crate::support::{Client, TestApp, TestDatabase, assert_wire_snapshot, on_both_databases};

on_both_databases!(
    slashes_do_not_matter,
    a_list_can_be_asked_for_its_head,
    a_method_that_a_route_lacks_is_refused,
    a_route_tells_what_it_allows,
    an_unknown_address_is_not_found,
    health_needs_no_key,
);

/// Every address that answers a GET, each with something to show.
async fn addresses(app: &TestApp) -> Vec<String> {
    let client = app.sandbox();
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
    let link = client.create_link("1999000002", more).await["id"].as_str().unwrap().to_owned();
    app.settled().await;
    let employments = format!("/api/co/employments/?link={link}");
    let owners = format!("/api/owners/?link={link}");
    vec![
        "/api/".to_owned(),
        "/api/institutions/".to_owned(),
        "/api/institutions/4001/".to_owned(),
        "/api/consents/".to_owned(),
        "/api/links/".to_owned(),
        format!("/api/links/?id={link}"),
        format!("/api/links/{link}/"),
        format!("/api/co/employments/{}/", first(&client, &employments).await),
        format!("/api/owners/{}/", first(&client, &owners).await),
        employments,
        owners,
    ]
}

async fn first(client: &Client, list: &str) -> String {
    client.results(list).await[0]["id"].as_str().unwrap().to_owned()
}

/// The same address without its last slash, and with more of them.
fn variants(address: &str) -> [String; 6] {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    let bare = path.trim_end_matches('/');
    [
        format!("{bare}{query}"),
        format!("/{path}{query}"),
        format!("{bare}//{query}"),
        format!("{}{query}", path.replace('/', "///")),
        format!("/{}{query}", bare.replace('/', "%2F")),
        format!("/{}{query}", path.replace('/', "%2f")),
    ]
}

async fn slashes_do_not_matter(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    for address in addresses(&app).await {
        let expected = client.get(&address).await;
        assert_eq!(expected.status, 200, "{address}: {}", expected.body);
        for variant in variants(&address) {
            let answer = client.get(&variant).await;
            assert_eq!((answer.status, answer.body), (200, expected.body.clone()), "{variant}");
        }
    }
    for path in ["/api/links", "//api//links//", "/%2Fapi%2Flinks"] {
        let answer = client.post(path, &json!({})).await;
        assert_eq!(answer.codes(), ["required", "required"], "{path}: a POST keeps its body");
    }
    let link = client.results("/api/links/").await.remove(0);
    let path = format!("//api/links//{}", link["id"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.status, 204);
    app.finish().await;
}

async fn a_list_can_be_asked_for_its_head(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    for address in addresses(&app).await {
        let (get, head) = (client.get(&address).await, client.head(&address).await);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{address}");
        for header in ["content-type", "content-length"] {
            assert_eq!(head.header(header), get.header(header), "{address}: {header}");
        }
    }
    for path in ["/manage/v1/imports/", "/api/openapi.json", "/livez", "/readyz"] {
        let (get, head) = (client.get(path).await, client.head(path).await);
        assert_eq!((get.status, head.status, head.body.as_str()), (200, 200, ""), "{path}");
    }
    assert_eq!(app.stranger().head("/api/links/").await.status, 401);
    app.finish().await;
}

async fn a_method_that_a_route_lacks_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let id = "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b";
    let mut shown = Vec::new();
    for (address, methods) in [
        ("/api/".to_owned(), vec![Method::POST, Method::PUT, Method::PATCH, Method::DELETE]),
        ("/api/institutions/".to_owned(), vec![Method::POST]),
        ("/api/institutions/4001/".to_owned(), vec![Method::DELETE]),
        ("/api/links/".to_owned(), vec![Method::DELETE]),
        (format!("/api/links/{id}/"), vec![Method::POST]),
        ("/api/co/employments/".to_owned(), vec![Method::PATCH, Method::DELETE]),
        ("/api/owners/".to_owned(), vec![Method::DELETE]),
    ] {
        for method in methods {
            let answer = client.send(client.request(method.clone(), &address)).await;
            assert_eq!(answer.status, 405, "{method} {address}");
            let allow = answer.header("allow").unwrap_or_else(|| panic!("{method} {address}"));
            let message = answer.json()[0]["message"].as_str().unwrap().to_owned();
            assert_eq!(answer.codes(), ["method_not_allowed"]);
            shown.push(format!("{method} {address}: {message} Allow: {allow}"));
        }
    }
    assert_wire_snapshot!("methods", json!(shown));
    app.finish().await;
}

async fn a_route_tells_what_it_allows(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.stranger();
    for (path, allowed) in [
        ("/api/", "GET,HEAD,OPTIONS"),
        ("/api/links", "GET,HEAD,POST,PATCH,OPTIONS"),
        ("/api/institutions/4001/", "GET,HEAD,OPTIONS"),
        ("/livez", "GET,HEAD,OPTIONS"),
    ] {
        let request = client.request(Method::OPTIONS, path).header("origin", "https://a.test");
        let answer = client.send(request).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
        let others = answer.headers.keys().any(|name| name.as_str().starts_with("access-control"));
        assert!(!others, "{path}: nothing is allowed to other sites");
    }
    let unknown = client.send(client.request(Method::OPTIONS, "/api/banks/")).await;
    assert_eq!(unknown.status, 404);
    app.finish().await;
}

async fn an_unknown_address_is_not_found(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for client in [app.sandbox(), app.stranger()] {
        for path in
            ["/", "/api/banks/", "/api/co/", "/apiary", "/manage/", "/livez/x", "/api/links/a/b/"]
        {
            assert_wire_snapshot!("unknown_address", client.get(path).await.shown());
            assert_wire_snapshot!("unknown_address", client.post(path, &json!({})).await.shown());
        }
    }
    app.finish().await;
}

async fn health_needs_no_key(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let answer = app.stranger().get("/livez").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    let answer = app.stranger().get("/readyz").await;
    assert_eq!((answer.status, &answer.json()["ready"]), (200, &json!(true)));
    app.finish().await;
}
