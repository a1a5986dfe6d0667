//! The documentation for a browser.

use regex::Regex;

use crate::support::{TestApp, TestDatabase, on_both_databases};

on_both_databases!(the_page_and_what_it_needs_come_from_here);

async fn the_page_and_what_it_needs_come_from_here(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.stranger();
    let needed = Regex::new(r#"(?:src|href)="([^"]+)""#).unwrap();
    let inline = Regex::new(r"<script>|<style|style=|\son\w+=|javascript:").unwrap();
    for (address, folder) in [("/docs", "/"), ("/docs/", "/docs/")] {
        let page = client.get(address).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        // The policy would keep the browser from following it.
        assert!(!inline.is_match(&page.body), "{}", page.body);
        let files: Vec<_> =
            needed.captures_iter(&page.body).map(|found| found[1].to_owned()).collect();
        assert_eq!(files.len(), 6);
        for file in files {
            assert!(!file.starts_with('/') && !file.contains("//"), "{file} is somewhere else");
            let answer = client.get(&format!("{folder}{file}")).await;
            assert_eq!(answer.status, 200, "{folder}{file}");
            assert!(!answer.body.is_empty(), "{file}");
            if !file.ends_with(".json") {
                assert_eq!(answer.header("content-security-policy"), Some(policy), "{file}");
                assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{file}");
            }
        }
    }
    for (file, kind, encoding) in [
        ("swagger-ui-bundle.js", "text/javascript", Some("gzip")),
        ("swagger-ui.css", "text/css", Some("gzip")),
        ("favicon-32x32.png", "image/png", Some("gzip")),
        ("page.js", "text/javascript; charset=utf-8", None),
        ("page.css", "text/css; charset=utf-8", None),
    ] {
        let answer = client.get(&format!("/docs/{file}")).await;
        let shown = (answer.header("content-type"), answer.header("content-encoding"));
        assert_eq!(shown, (Some(kind), encoding), "{file}");
    }
    for file in ["index.html", "swagger-initializer.js", "..%2Fsecret", "%00", "%ff"] {
        assert_eq!(client.get(&format!("/docs/{file}")).await.status, 404, "{file}");
    }
    app.finish().await;
}
