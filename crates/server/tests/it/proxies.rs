//! Behind a proxy: who is believed about how the client wrote the address.

use http::Method;
use serde_json::json;
use vinculo_server::config::Config;

use crate::support::{Setup, TestApp, TestDatabase, on_both_databases};

on_both_databases!(
    a_trusted_proxy_says_how_the_client_wrote_the_address,
    nobody_else_is_believed,
    the_public_url_counts_before_any_proxy,
);

const BY_X: &[(&str, &str)] = &[
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "api.example.test"),
];
const BY_STANDARD: &[(&str, &str)] =
    &[("forwarded", "for=192.0.2.1;proto=https;host=\"api.example.test\"")];

/// `next` of the first of two pages, without its query.
async fn next(app: &TestApp, headers: &[(&'static str, &'static str)]) -> String {
    let client = app.sandbox();
    let mut request = client.request(Method::GET, "/api/links/?page_size=1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let page = client.send(request).await.json();
    page["next"].as_str().unwrap().split('?').next().unwrap().to_owned()
}

async fn with_two_links(database: TestDatabase, configure: fn(&mut Config)) -> TestApp {
    let app = Setup::new(database).configure(configure).start().await;
    for _ in 0..2 {
        app.sandbox().create_link("1999000001", json!({ "access_mode": "single" })).await;
    }
    app
}

fn trust_loopback(config: &mut Config) {
    config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
}

async fn a_trusted_proxy_says_how_the_client_wrote_the_address(database: TestDatabase) {
    let app = with_two_links(database, trust_loopback).await;
    for headers in [BY_X, BY_STANDARD] {
        assert_eq!(next(&app, headers).await, "https://api.example.test/api/links/");
    }
    let plain = format!("{}/api/links/", app.base());
    assert_eq!(next(&app, &[]).await, plain);
    assert_eq!(
        next(&app, &[("x-forwarded-proto", "https")]).await,
        plain.replace("http:", "https:")
    );
    assert_eq!(next(&app, &[("x-forwarded-host", "a.test/../b?c")]).await, plain);
    app.finish().await;
}

async fn nobody_else_is_believed(database: TestDatabase) {
    let elsewhere = |config: &mut Config| {
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    };
    let app = with_two_links(database, elsewhere).await;
    for headers in [BY_X, BY_STANDARD] {
        assert_eq!(next(&app, headers).await, format!("{}/api/links/", app.base()));
    }
    app.finish().await;
}

async fn the_public_url_counts_before_any_proxy(database: TestDatabase) {
    let public = |config: &mut Config| {
        trust_loopback(config);
        config.public_url = Some("https://public.example.test/base/".parse().unwrap());
    };
    let app = with_two_links(database, public).await;
    for headers in [BY_X, BY_STANDARD] {
        assert_eq!(next(&app, headers).await, "https://public.example.test/base/api/links/");
    }
    app.finish().await;
}
