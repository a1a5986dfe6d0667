//! Walking through lists.

use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::owners::{add_owners, link};
use crate::support::{Setup, TestApp, TestDatabase, on_both_databases};

on_both_databases!(
    a_client_walks_seven_links_in_pages_of_three,
    pages_keep_the_filters,
    however_many_objects_a_link_has_its_pages_are_full,
    pages_stay_on_the_server_however_the_address_is_written,
    pages_are_named_as_the_public_sees_them,
    a_page_size_is_clamped,
);

async fn create_links(app: &TestApp, count: usize) -> Vec<Value> {
    let mut links = Vec::new();
    for _ in 0..count {
        let single = json!({ "access_mode": "single" });
        links.push(app.sandbox().create_link("1999000001", single).await);
    }
    links
}

/// Follows `next` as it is given until there is none. Answers the pages.
async fn walk(app: &TestApp, start: &str) -> Vec<Value> {
    let mut pages: Vec<Value> = Vec::new();
    let mut next = Some(start.to_owned());
    while let Some(address) = next {
        assert!(pages.len() < 20, "a walk without an end: {address}");
        let answer = app.sandbox().get(&address).await;
        assert_eq!(answer.status, 200, "{address}: {}", answer.body);
        let page = answer.json();
        next = page["next"].as_str().map(str::to_owned);
        pages.push(page);
    }
    pages
}

fn results(pages: &[Value]) -> Vec<Value> {
    pages.iter().flat_map(|page| page["results"].as_array().unwrap().clone()).collect()
}

async fn a_client_walks_seven_links_in_pages_of_three(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut links = create_links(&app, 7).await;
    links.reverse();
    let pages = walk(&app, "/api/links/?page_size=3").await;
    let sizes: Vec<_> =
        pages.iter().map(|page| page["results"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(results(&pages), links, "every link once, newest first");
    assert!(pages.iter().all(|page| page["count"] == 7));
    assert_eq!(pages[0]["previous"], Value::Null);
    let second = format!("{}/api/links/?page_size=3&page=2", app.base());
    assert_eq!(pages[0]["next"], second);
    assert_eq!(pages[2]["previous"], second);

    let back = pages[1]["previous"].as_str().unwrap();
    let first = app.sandbox().get(back).await.json();
    assert_eq!(first["results"], pages[0]["results"]);
    let past = app.sandbox().get("/api/links/?page_size=3&page=4").await;
    assert_eq!(past.status, 404);
    assert_eq!(past.json()[0]["message"], "Invalid page.");
    let empty = app.production().get("/api/links/?page=1").await.json();
    assert_eq!(empty, json!({ "count": 0, "next": null, "previous": null, "results": [] }));
    app.finish().await;
}

async fn pages_keep_the_filters(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let everything = json!({});
    let link = app.sandbox().create_link("1999000002", everything).await;
    app.sandbox().create_link("1999000004", json!({})).await;
    app.settled().await;
    let id = link["id"].as_str().unwrap();
    let list = format!("/api/co/employments/?page=1&link={id}&page_size=1");
    let employments = results(&walk(&app, &list).await);
    assert_eq!(employments.len(), 2);
    assert!(employments.iter().all(|employment| employment["link"] == *id));
    assert_ne!(employments[0]["id"], employments[1]["id"]);

    let several =
        format!("/api/owners/?link__in[]={id}&link__in[]={id}&page_size=1&name=a%26b%20c");
    assert_eq!(results(&walk(&app, &several).await).len(), 1);
    assert_eq!(results(&walk(&app, "/api/owners/?page_size=1").await).len(), 2);
    app.finish().await;
}

/// A few are read in another way than many.
async fn however_many_objects_a_link_has_its_pages_are_full(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let [own, other] = [link(&app, "1999000002").await, link(&app, "1999000004").await];
    add_owners(&app, &own, 20).await;
    let all: Vec<_> = (0..20).rev().map(|n| Uuid::from_u128(n).to_string()).collect();
    let ids = |pages: &[Value]| -> Vec<_> {
        results(pages).iter().map(|owner| owner["id"].as_str().unwrap().to_owned()).collect()
    };
    for (size, sizes) in [
        (1, vec![1; 20]),
        (8, vec![8, 8, 4]),
        (9, vec![9, 9, 2]),
        (19, vec![19, 1]),
        (20, vec![20]),
        (100, vec![20]),
    ] {
        let pages = walk(&app, &format!("/api/owners/?link={own}&page_size={size}")).await;
        assert_eq!(ids(&pages), all, "{size}");
        assert!(pages.iter().all(|page| page["count"] == 20), "{size}");
        let found: Vec<_> =
            pages.iter().map(|page| page["results"].as_array().unwrap().len()).collect();
        assert_eq!(found, sizes, "{size}");
    }
    let one = &all[3];
    for list in [
        format!("id={one}"),
        format!("id={one}&link={own}"),
        format!("id={one}&link__in={own},{other}"),
    ] {
        assert_eq!(
            ids(&walk(&app, &format!("/api/owners/?{list}")).await),
            [one.as_str()],
            "{list}"
        );
    }
    assert!(
        walk(&app, &format!("/api/owners/?id={one}&link={other}")).await[0]["results"] == json!([])
    );
    let past = app.sandbox().get(&format!("/api/owners/?link={own}&page_size=10&page=3")).await;
    assert_eq!(past.status, 404);
    app.finish().await;
}

/// A base URL with a slash at its end makes clients write two.
async fn pages_stay_on_the_server_however_the_address_is_written(database: TestDatabase) {
    let app = TestApp::start(database).await;
    create_links(&app, 2).await;
    let base = Url::parse(app.base()).unwrap();
    for start in ["//api/links/?page_size=1", "///api//links?page_size=1", "/api/links?page_size=1"]
    {
        let pages = walk(&app, start).await;
        assert_eq!(results(&pages).len(), 2, "{start}");
        let next = Url::parse(pages[0]["next"].as_str().unwrap()).unwrap();
        assert_eq!(next.origin(), base.origin(), "{start}");
    }
    app.finish().await;
}

async fn pages_are_named_as_the_public_sees_them(database: TestDatabase) {
    let public = |config: &mut vinculo_server::config::Config| {
        config.public_url = Some("https://api.example.test".parse().unwrap());
    };
    let app = Setup::new(database).configure(public).start().await;
    create_links(&app, 2).await;
    let client = app.sandbox();
    let request = client.request(http::Method::GET, "//api/links?page_size=1");
    let page = client.send(request.header("x-forwarded-host", "elsewhere.example.test")).await;
    let next = Url::parse(page.json()["next"].as_str().unwrap()).unwrap();
    assert_eq!(next.origin().ascii_serialization(), "https://api.example.test");
    app.finish().await;
}

async fn a_page_size_is_clamped(database: TestDatabase) {
    let app = TestApp::start(database).await;
    create_links(&app, 3).await;
    for size in ["1000", "1001", "999999999999", "0", "-1", "many", ""] {
        let page = app.sandbox().get(&format!("/api/links/?page_size={size}")).await.json();
        assert_eq!(page["results"].as_array().unwrap().len(), 3, "{size}");
        assert_eq!((&page["next"], &page["previous"]), (&Value::Null, &Value::Null), "{size}");
    }
    app.finish().await;
}
