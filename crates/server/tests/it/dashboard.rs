//! The pages of the dashboard, looked at by a browser without scripts.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;
use vinculo_server::{IssuedKey, create_organization, create_user};
use vinculo_store::{Environment, UserRole};

use crate::dashboard_sessions::{accept, signed_in};
use crate::support::{
    Browser, Client, Neighbour, Receiver, Reply, TestApp, TestDatabase, between, on_both_databases,
};
use crate::webhook_control::{header, signed};

on_both_databases!(
    strangers_see_no_page,
    every_page_lets_nothing_in,
    roles_see_what_their_table_says,
    an_empty_workspace_says_what_to_do,
    a_key_is_generated_shown_once_rotated_and_revoked,
    a_form_that_shows_a_secret_is_good_once,
    what_is_wrong_with_a_key_is_said_in_the_page,
    a_webhook_is_added_tested_and_disabled,
    a_failed_delivery_is_shown_and_sent_again,
    links_are_listed_filtered_and_searched,
    a_search_can_be_gone_back_to,
    a_refusal_keeps_the_navigation,
    a_link_shows_owner_employments_and_pay,
    an_organization_sees_its_own_alone,
    a_worker_learns_of_organizations_that_others_made,
    a_worker_sends_for_organizations_that_it_did_not_know,
    what_is_shown_is_noted,
    the_log_says_who_it_was,
    a_page_renews_itself_while_something_is_under_way,
);

const PAGES: [&str; 11] = [
    "",
    "/links",
    "/imports",
    "/cohorts",
    "/keys",
    "/webhooks",
    "/deliveries",
    "/deliveries?status=failed",
    "/settings",
    "/account",
    "/audit",
];

/// The forms of the dashboard that need a role, and what each needs.
const FORMS: [&str; 19] = [
    "/links/@/refresh",
    "/links/@/delete",
    "/settings",
    "/imports",
    "/cohorts",
    "/cohorts/@/cancel",
    "/keys",
    "/keys/@/edit",
    "/keys/@/rotate",
    "/keys/@/retire",
    "/keys/@/revoke",
    "/webhooks",
    "/webhooks/@/edit",
    "/webhooks/@/enable",
    "/webhooks/@/disable",
    "/webhooks/@/test",
    "/webhooks/@/rotate",
    "/webhooks/@/delete",
    "/deliveries/1/replay",
];

/// A key that may do everything.
const EVERYTHING: [(&str, &str); 1] = [("scopes", "read write manage")];

async fn owner(app: &TestApp) -> Browser {
    signed_in(app, "default", UserRole::Owner).await
}

async fn strangers_see_no_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let id = Uuid::from_u128(7).to_string();
    let mut browser = app.browser();
    for page in PAGES.iter().copied().chain([
        "/links/@",
        "/links/@/delete",
        "/imports/@",
        "/cohorts/@",
        "/webhooks/@",
    ]) {
        let path = format!("/dashboard/sandbox{page}").replace('@', &id);
        let shown = browser.get(&path).await;
        let query: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        assert_eq!(shown.location(), format!("/dashboard/sign-in?next={query}"), "{path}");
        assert!(!shown.headers.contains_key("www-authenticate"), "{path}");
    }
    for form in FORMS.iter().copied().chain(["/links"]) {
        let path = format!("/dashboard/sandbox{form}").replace('@', &id);
        let shown = browser.submit(&path, &[]).await;
        assert_eq!(shown.status, 403, "{path}");
        assert!(shown.body.contains("action=\"/dashboard/sign-in\""), "{path}: {}", shown.body);
    }
    for missing in ["/dashboard/x/y/z", "/dashboard/sandbox/nothing", "/dashboard/style.cs"] {
        let shown = browser.get(missing).await;
        assert!([303, 404].contains(&shown.status), "{missing}");
    }
    app.finish().await;
}

async fn every_page_lets_nothing_in(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = owner(&app).await;
    let mut pages: Vec<_> = PAGES.iter().map(|page| format!("/dashboard/sandbox{page}")).collect();
    pages.extend(["/dashboard/sign-in", "/dashboard/sandbox/links/x"].map(str::to_owned));
    for path in pages {
        let shown = browser.get(&path).await;
        let header = |name: &str| shown.headers[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        for inline in ["<style", " style=", "<script>", " onclick", "javascript:"] {
            assert!(!shown.body.contains(inline), "{path}: {inline}");
        }
        assert_eq!(shown.body.matches("<h1").count(), 1, "{path}");
    }
    for (path, kind) in [("style.css", "text/css"), ("script.js", "text/javascript")] {
        let shown = app.browser().get(&format!("/dashboard/{path}")).await;
        assert!(shown.headers["content-type"].to_str().unwrap().starts_with(kind));
        assert!(!shown.page().contains("http"), "{path}: nothing is fetched from elsewhere");
    }
    app.finish().await;
}

async fn roles_see_what_their_table_says(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let id = Uuid::from_u128(7).to_string();
    for (role, people, set_up, changes, audit) in [
        (UserRole::Owner, true, true, true, true),
        (UserRole::Developer, true, true, true, false),
        (UserRole::Analyst, true, false, false, false),
        (UserRole::Auditor, false, true, false, true),
    ] {
        let mut browser = signed_in(&app, "default", role).await;
        let home = browser.get("/dashboard/production").await.page();
        for (page, allowed) in [
            ("links", people),
            ("imports", people),
            ("cohorts", people),
            ("keys", set_up),
            ("webhooks", set_up),
            ("deliveries", set_up),
            ("settings", true),
            ("audit", audit),
        ] {
            let path = format!("/dashboard/production/{page}");
            let shown = browser.get(&path).await;
            assert_eq!(shown.status, if allowed { 200 } else { 403 }, "{role} {page}");
            let link = format!("href=\"{path}\"");
            assert_eq!(home.contains(&link), allowed, "{role} {page}");
            let asks = shown.body.contains("class=\"first\"") && page != "links";
            assert!(!asks || changes, "{role} {page}: a form that is refused is not shown");
        }
        let shown = browser.get(&format!("/dashboard/production/links/{id}")).await;
        assert_eq!(shown.status, if people { 404 } else { 403 }, "{role}");
        browser.get("/dashboard/production").await.page();
        let search = [("by", "document"), ("value", "1999000001")];
        let shown = browser.submit("/dashboard/production/links", &search).await;
        assert_eq!(shown.status, if people { 303 } else { 403 }, "{role}");
        browser.get("/dashboard/production").await.page();
        for form in FORMS {
            let path = format!("/dashboard/production{form}").replace('@', &id);
            let status = browser.submit(&path, &[("scopes", "wrong")]).await.status;
            assert_eq!(status == 403, !changes, "{role} {form}: {status}");
            browser.get("/dashboard/production").await.page();
        }
    }
    app.finish().await;
}

async fn an_empty_workspace_says_what_to_do(database: TestDatabase) {
    let app = TestApp::start(database).await;
    create_organization(&app.app, "Nueva").await.unwrap();
    let mut browser = signed_in(&app, "Nueva", UserRole::Owner).await;
    for (page, told) in [
        ("", "First steps"),
        ("", "vinculo pila import"),
        ("/links", "POST /api/links/"),
        ("", "No links were loaded"),
        ("", "Nothing has been asked this month yet"),
        ("/settings", "They are not configured"),
        ("/imports", "There are no planillas yet"),
        ("/cohorts", "There are no cohorts yet"),
        ("/keys", "There are no keys yet"),
        ("/webhooks", "There are no webhooks yet"),
        ("/deliveries", "No deliveries yet"),
        ("/links?status=invalid", "Nothing matches"),
        ("/deliveries?status=failed", "Nothing matches"),
    ] {
        let shown = browser.get(&format!("/dashboard/sandbox{page}")).await.page();
        assert!(shown.contains(told), "{page}: {told}: {shown}");
    }
    assert_eq!(browser.get("/dashboard/sandbox/keys?page=2").await.status, 404);
    assert_eq!(browser.get("/dashboard/sandbox/deliveries?status=lost").await.status, 400);
    app.finish().await;
}

fn key_of(page: &str) -> IssuedKey {
    let secret = |id: &str| between(page, &format!("id=\"{id}\">"), "<").to_owned();
    IssuedKey {
        secret_id: secret("secret-id").parse().expect("a Secret ID"),
        secret_password: secret("secret-password"),
        environment: "sandbox",
    }
}

async fn a_key_is_generated_shown_once_rotated_and_revoked(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = owner(&app).await;
    let keys = "/dashboard/sandbox/keys";
    browser.get(keys).await.page();
    let fields = [
        ("name", "riesgo <1>"),
        ("scopes", " read  links:write"),
        ("allow_list", "127.0.0.1, 10.0.0.0/8"),
        ("expires_at", "2027-01-31T00:00:00Z"),
    ];
    let made = browser.submit(keys, &fields).await.page();
    let key = key_of(&made);
    assert!(
        made.contains(&format!("curl -u '{}:{}", key.secret_id, key.secret_password)),
        "{made}"
    );
    let client = app.client_of(&key);
    assert_eq!(client.get("/api/links/").await.status, 200);
    assert_eq!(client.get("/manage/v1/keys/").await.status, 403);
    let page = browser.get(keys).await.page();
    assert!(!page.contains(&key.secret_password));
    for told in
        ["riesgo &#60;1&#62;", "<code>read links:write</code>", "10.0.0.0/8", "2027-01-30 19:00"]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    let change = |what| format!("{keys}/{}/{what}", key.secret_id);
    let rotated = key_of(&browser.submit(&change("rotate"), &[]).await.page());
    assert_eq!(rotated.secret_id, key.secret_id);
    let (new, old) = (app.client_of(&rotated), app.client_of(&key));
    assert_eq!((new.get("/api/").await.status, old.get("/api/").await.status), (200, 200));
    let page = browser.get(keys).await.page();
    assert!(page.contains("two passwords"));
    assert_eq!(browser.submit(&change("rotate"), &[]).await.status, 400, "there is no third");
    browser.get(keys).await.page();
    assert_eq!(browser.submit(&change("retire"), &[]).await.location(), keys);
    assert_eq!((new.get("/api/").await.status, old.get("/api/").await.status), (200, 401));
    assert_eq!(browser.submit(&change("revoke"), &[]).await.location(), keys);
    assert_eq!(new.get("/api/").await.status, 401);
    assert_eq!(browser.submit(&change("revoke"), &[]).await.status, 404);
    browser.get(keys).await.page();
    assert_eq!(browser.submit(&change("explode"), &[]).await.status, 404);
    app.finish().await;
}

async fn a_form_that_shows_a_secret_is_good_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, mut receiver) = (owner(&app).await, Receiver::start().await);
    let (keys, webhooks) = ("/dashboard/sandbox/keys", "/dashboard/sandbox/webhooks");
    let before = browser.get(keys).await.page().matches("<li class=\"card\">").count();
    let fields = [("name", "riesgo"), ("scopes", "read")];
    let key = key_of(&browser.submit(keys, &fields).await.page());
    assert_eq!(browser.submit(keys, &fields).await.location(), format!("{keys}?said=again"));
    let mut other = browser.twin();
    assert_eq!(other.submit(keys, &fields).await.status, 303, "in another window too");
    let page = browser.get(&format!("{keys}?said=again")).await.page();
    assert!(page.contains("This form was sent before"), "{page}");
    assert_eq!(page.matches("<li class=\"card\">").count(), before + 1);
    let rotate = format!("{keys}/{}/rotate", key.secret_id);
    let rotated = key_of(&browser.submit(&rotate, &[]).await.page());
    assert_eq!(browser.submit(&rotate, &[]).await.location(), format!("{keys}?said=again"));
    let retire = format!("{keys}/{}/retire", key.secret_id);
    browser.submit(&retire, &[]).await.location();
    assert_eq!(browser.submit(&rotate, &[]).await.status, 303, "when there is room again too");
    assert_eq!(app.client_of(&rotated).get("/api/").await.status, 200);

    browser.get(webhooks).await.page();
    let url = receiver.url.clone();
    let fields = [("url", &*url), ("authorization", "")];
    let made = browser.submit(webhooks, &fields).await.page();
    let id = between(&made, &format!("{webhooks}/"), "\"").to_owned();
    let again = browser.submit(webhooks, &fields).await;
    assert_eq!(again.location(), format!("{webhooks}?said=again"));
    let page = browser.get(webhooks).await.page();
    assert_eq!(page.matches(&format!("{webhooks}/")).count(), 1, "{page}");
    let here = format!("{webhooks}/{id}");
    browser.get(&here).await.page();
    let made = between(&made, "id=\"secret\">", "<").to_owned();
    let rotated = browser.submit(&format!("{here}/rotate"), &[]).await.page();
    let rotated = between(&rotated, "id=\"secret\">", "<").to_owned();
    let again = browser.submit(&format!("{here}/rotate"), &[]).await;
    assert_eq!(again.location(), format!("{here}?said=again"));
    browser.get(&here).await.page();
    browser.submit(&format!("{here}/test"), &[]).await.location();
    let hook = receiver.next().await;
    let both = [&rotated, &made].map(|secret| signed(&hook, &json!({ "secret": secret })));
    assert_eq!(header(&hook, "webhook-signature"), both.join(" "), "the receiver's signs on");
    app.settled().await;
    app.finish().await;
}

async fn what_is_wrong_with_a_key_is_said_in_the_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = owner(&app).await;
    let keys = "/dashboard/sandbox/keys";
    let before = browser.get(keys).await.page().matches("<li class=\"card\">").count();
    let long = "n".repeat(257);
    let fields = [
        ("name", long.as_str()),
        ("scopes", "read fly"),
        ("allow_list", "10.0.0.0/33"),
        ("expires_at", "yesterday"),
    ];
    let refused = browser.submit(keys, &fields).await;
    assert_eq!(refused.status, 400);
    for told in [
        "no more than 256",
        "&#34;fly&#34; is not",
        "10.0.0.0/33",
        "yesterday",
        "value=\"read\" checked",
    ] {
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
    }
    browser.language = "es";
    browser.get(keys).await.page();
    let refused = browser.submit(keys, &fields).await;
    for told in ["más de 256", "no es válido", "ni una red", "no es una fecha"] {
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
    }
    let after = browser.get(keys).await.page().matches("<li class=\"card\">").count();
    assert_eq!(after, before);
    app.finish().await;
}

async fn a_webhook_is_added_tested_and_disabled(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, mut receiver) = (owner(&app).await, Receiver::start().await);
    let webhooks = "/dashboard/sandbox/webhooks";
    browser.get(webhooks).await.page();
    let refused = browser.submit(webhooks, &[("url", "ftp://x"), ("authorization", "a\nb")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("<a href=\"#url\">URL</a>"), "{}", refused.body);
    assert!(refused.body.contains("value=\"ftp://x\""), "{}", refused.body);
    let url = receiver.url.clone();
    let fields = [("url", &*url), ("authorization", "s3cret"), ("webhook_types", "LINK")];
    let made = browser.submit(webhooks, &fields).await.page();
    let secret = between(&made, "id=\"secret\">", "<").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let page = browser.get(webhooks).await.page();
    assert!(page.contains(&url) && page.contains("<code>LINK</code>") && !page.contains(&secret));
    let id = between(&page, &format!("{webhooks}/"), "\"").to_owned();
    let here = format!("{webhooks}/{id}");
    browser.get(&here).await.page();
    let sent = browser.submit(&format!("{here}/test"), &[]).await;
    assert_eq!(sent.location(), format!("{here}?said=test"));
    let hook = receiver.next().await;
    assert_eq!(hook.text("webhook_type"), "TEST");
    app.settled().await;
    let page = browser.get(&format!("{here}?said=test")).await.page();
    assert!(
        page.contains("on its way") && page.contains("<span class=\"tag delivered\">"),
        "{page}"
    );
    assert!(!page.contains("s3cret"));
    assert_eq!(browser.submit(&format!("{here}/disable"), &[]).await.location(), here);
    assert_eq!(browser.submit(&format!("{here}/test"), &[]).await.status, 409);
    assert!(browser.get(&here).await.page().contains("by hand <code class=\"code\">manual</code>"));
    browser.submit(&format!("{here}/enable"), &[("replay_missed", "true")]).await.location();
    assert!(browser.get(&here).await.page().contains(">enabled<"));
    let rotated = browser.submit(&format!("{here}/rotate"), &[]).await.page();
    assert_ne!(between(&rotated, "id=\"secret\">", "<"), secret);
    browser.get(&here).await.page();
    assert_eq!(browser.submit(&format!("{here}/delete"), &[]).await.location(), webhooks);
    assert_eq!(browser.get(&here).await.status, 404);
    app.finish().await;
}

async fn a_failed_delivery_is_shown_and_sent_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, mut receiver) = (owner(&app).await, Receiver::start().await);
    app.sandbox().patch("/manage/v1/settings/", &json!({ "webhook_retry_seconds": [] })).await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    receiver.reply([Reply::Status(500), Reply::Status(500)]);
    app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    receiver.take::<2>().await;
    let list = "/dashboard/sandbox/deliveries";
    let home = browser.get("/dashboard/sandbox").await.page();
    let failed = between(&home, "deliveries?status=failed", "</div>").to_owned();
    assert!(failed.contains("<dd>2</dd>"), "{failed}");
    let page = browser.get(&format!("{list}?status=failed")).await.page();
    assert_eq!(page.matches("<span class=\"tag failed\">").count(), 2);
    let id = between(&page, &format!("<td><a href=\"{list}/"), "\"").to_owned();
    let here = format!("{list}/{id}");
    let page = browser.get(&here).await.page();
    assert!(page.contains("500") && page.contains("historical_update"), "{page}");
    let again = browser.submit(&format!("{here}/replay"), &[]).await;
    assert_eq!(again.location(), format!("{here}?said=replay"));
    app.settled().await;
    receiver.next().await;
    let page = browser.get(&format!("{here}?said=replay")).await.page();
    assert!(page.contains("<span class=\"tag delivered\">") && page.contains("on its way again"));
    assert_eq!(browser.get(&format!("{list}/999999")).await.status, 404);
    assert_eq!(browser.get(&format!("{list}/x")).await.status, 404);
    app.finish().await;
}

async fn links_are_listed_filtered_and_searched(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = owner(&app).await;
    let link = async |username, external: &str| {
        let made = app.sandbox().create_link(username, json!({ "external_id": external })).await;
        made["id"].as_str().unwrap().to_owned()
    };
    let one = link("1999000001", "COHORTE-<1>").await;
    let two = link("1999000002", "COHORTE-2").await;
    app.settled().await;
    let links = "/dashboard/sandbox/links";
    let page = browser.get(links).await.page();
    assert!(page.contains(&one) && page.contains(&two), "{page}");
    assert!(page.contains("COHORTE-&#60;1&#62;"), "{page}");
    assert!(page.contains("2 results"), "{page}");
    let page = browser.get(&format!("{links}?page_size=1")).await.page();
    assert!(page.contains(&two) && !page.contains(&one), "the newest first");
    let next = between(&page, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
    let page = browser.get(&next).await.page();
    assert!(page.contains(&one) && !page.contains(&two));
    let page = browser.get(&format!("{links}?status=invalid")).await.page();
    assert!(
        page.contains("Nothing matches") && page.contains("<option value=\"invalid\" selected>")
    );
    for (by, value, found) in [
        ("document", "1999000001", Some(&one)),
        ("document", " 1.999.000.002 ", Some(&two)),
        ("document", "1999000003", None),
        ("document", "", None),
        ("external_id", "COHORTE-2", Some(&two)),
        ("external_id", "COHORTE", None),
    ] {
        let sent = browser.submit(links, &[("by", by), ("value", value)]).await;
        let to = sent.location().to_owned();
        match found {
            // The only one is shown at once.
            Some(id) => assert_eq!(to, format!("{links}/{id}"), "{by} {value:?}"),
            None => {
                let shown = browser.get(&to).await.page();
                assert!(shown.contains("There are no links of that person"), "{by} {value:?}");
                let told = value.is_empty() || !(shown + &to).contains(value.trim());
                assert!(told, "{by} {value:?}");
            }
        }
        browser.get(links).await.page();
    }
    for _ in 0..101 {
        let more = json!({ "access_mode": "single", "external_id": "COHORTE-3" });
        app.sandbox().create_link("1999000001", more).await;
    }
    let of_three = [("by", "external_id"), ("value", "COHORTE-3")];
    let found = browser.submit(links, &of_three).await.location().to_owned();
    let shown = browser.get(&found).await.page();
    let row = "<td class=\"long\"><bdi>COHORTE-3</bdi></td>";
    assert_eq!(shown.matches(row).count(), 100);
    assert!(shown.contains("101 results"), "{shown}");
    let next = between(&shown, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
    assert_eq!(browser.get(&next).await.page().matches(row).count(), 1);
    app.finish().await;
}

async fn a_search_can_be_gone_back_to(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = owner(&app).await;
    app.sandbox().patch("/manage/v1/settings/", &json!({ "allow_duplicate_links": true })).await;
    let mut ids = Vec::new();
    for external in ["COHORTE-1", "COHORTE-2"] {
        let body = json!({ "external_id": external });
        let made = app.sandbox().create_link("1999000001", body).await;
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    app.settled().await;
    let links = "/dashboard/sandbox/links";
    browser.get(links).await.page();
    let sent = browser.submit(links, &[("by", "document"), ("value", "1999000001")]).await;
    let address = sent.location().to_owned();
    assert!(address.starts_with(&format!("{links}?search=")), "{address}");
    assert!(!address.contains("1999000001"));
    for _ in 0..2 {
        let page = browser.get(&address).await.page();
        assert!(ids.iter().all(|id| page.contains(id)) && page.contains("2 results"), "{page}");
        assert!(!page.contains("1999000001"));
        browser.get(&format!("{links}/{}", ids[0])).await.page();
    }
    let page = browser.get(&format!("{address}&page_size=1")).await.page();
    let next = between(&page, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
    assert!(page.contains("page 1 of 2") && next.contains("search="), "{page}");
    let next = browser.get(&next).await.page();
    assert_ne!(page.contains(&ids[0]), next.contains(&ids[0]));
    assert_eq!(next.matches("rel=\"prev\"").count(), 2, "above the list and below");
    // Nobody else can open it, nor the other environment.
    let mut other = signed_in(&app, "default", UserRole::Analyst).await;
    let elsewhere = address.replace("sandbox", "production");
    for page in [other.get(&address).await, browser.get(&elsewhere).await] {
        let page = page.page();
        assert!(page.contains("Search again") && !page.contains(&ids[0]), "{page}");
    }
    let changed = format!("{address}A");
    assert!(browser.get(&changed).await.page().contains("Search again"));
    app.finish().await;
}

async fn a_refusal_keeps_the_navigation(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Analyst).await;
    let nobody = Uuid::from_u128(7);
    let missing = format!("/dashboard/production/links/{nobody}");
    browser.get(&missing).await;
    for (path, status) in [
        (missing.as_str(), 404),
        ("/dashboard/production/keys", 403),
        ("/dashboard/production/links?status=lost", 400),
    ] {
        let shown = browser.get(path).await;
        assert_eq!(shown.status, status, "{path}");
        for told in
            ["<body class=\"production\">", "href=\"/dashboard/production/links\"", "Sign out"]
        {
            assert!(shown.body.contains(told), "{path}: {told}: {}", shown.body);
        }
    }
    let stale = browser.submit_as("/dashboard/production/links", &[], None, "").await;
    assert_eq!(stale.status, 403);
    assert!(stale.body.contains("<body class=\"production\">"), "{}", stale.body);
    app.finish().await;
}

async fn a_link_shows_owner_employments_and_pay(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = owner(&app).await;
    let link = app.sandbox().create_link("1999000002", json!({})).await;
    let id = link["id"].as_str().unwrap().to_owned();
    app.settled().await;
    let page = browser.get(&format!("/dashboard/sandbox/links/{id}")).await.page();
    let employments = app.sandbox().results(&format!("/api/co/employments/?link={id}")).await;
    assert_eq!(employments.len(), 2);
    for employment in &employments {
        let name = employment["employer_data"]["name"].as_str().unwrap();
        assert!(page.contains(&format!("<h3><bdi>{name}</bdi></h3>")), "{name}: {page}");
    }
    assert!(
        page.contains("PERSONA SEGUNDA EJEMPLO DOS") && page.contains("CC 1999000002"),
        "{page}"
    );
    assert!(page.contains("<svg class=\"chart\"") && page.contains("class=\"pay pay-1\""));
    let shown = between(&page, "<summary>Link</summary><pre>", "</pre>").replace("&#34;", "\"");
    let parsed: serde_json::Value = serde_json::from_str(&shown).expect("the JSON of a link");
    assert_eq!(parsed, app.sandbox().get(&format!("/api/links/{id}/")).await.json());
    assert_eq!(browser.get(&format!("/dashboard/production/links/{id}")).await.status, 404);

    // What the person no longer allows is left out, and the rest is shown.
    let owners = json!({ "resources": ["OWNERS"] });
    let consent = crate::consents::grant(&app.sandbox(), "1999000002", owners).await;
    let revoke = format!("/manage/v1/consents/{}/revoke/", consent["id"].as_str().unwrap());
    assert_eq!(app.sandbox().post(&revoke, &json!({})).await.status, 200);
    let page = browser.get(&format!("/dashboard/sandbox/links/{id}")).await.page();
    assert!(!page.contains("PERSONA SEGUNDA EJEMPLO DOS"), "{page}");
    assert!(page.contains("class=\"pay pay-1\""), "{page}");
    app.finish().await;
}

/// A client of an organization that a process has just made.
async fn client_of_a_new_organization(process: &Neighbour) -> Client {
    create_organization(&process.app, "Nueva").await.unwrap();
    let owner = create_user(&process.app, "Nueva", "ana@nueva.example", UserRole::Owner);
    let mut browser = process.browser();
    accept(&mut browser, &owner.await.unwrap().link).await.location();
    browser.get("/dashboard/sandbox/keys").await.page();
    let key = key_of(&browser.submit("/dashboard/sandbox/keys", &EVERYTHING).await.page());
    process.client_of(&key)
}

async fn a_worker_learns_of_organizations_that_others_made(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let neighbour = app.another_process().await;
    let client = client_of_a_new_organization(&neighbour).await;
    let link = client.create_link("1999000001", json!({})).await;
    // The process that works was never asked by anybody of the organization, and looks by itself.
    app.advance(Duration::from_secs(2));
    app.work_off().await;
    let list = format!("/api/co/employments/?link={}", link["id"].as_str().unwrap());
    assert_eq!(client.results(&list).await.len(), 1);
    neighbour.finish().await;
    app.finish().await;
}

async fn a_worker_sends_for_organizations_that_it_did_not_know(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let neighbour = app.another_process().await;
    let client = client_of_a_new_organization(&neighbour).await;
    let mut receiver = Receiver::start().await;
    let endpoints = "/manage/v1/webhook-endpoints/";
    let endpoint = client.post(endpoints, &json!({ "url": receiver.url })).await.json();
    let test = format!("{endpoints}{}/test/", endpoint["id"].as_str().unwrap());
    assert_eq!(client.post(&test, &json!({})).await.status, 202);
    if app.database.is_embedded() {
        // Nobody tells the process that works of what others wrote.
        app.advance(Duration::from_secs(2));
    }
    receiver.next().await;
    app.settled().await;
    let delivery = client.results("/manage/v1/deliveries/").await.remove(0);
    assert_eq!((&delivery["status"], &delivery["tries"]), (&json!("delivered"), &json!(1)));
    neighbour.finish().await;
    app.finish().await;
}

async fn an_organization_sees_its_own_alone(database: TestDatabase) {
    let app = TestApp::start(database).await;
    create_organization(&app.app, "Otra").await.unwrap();
    let mut other = signed_in(&app, "Otra", UserRole::Owner).await;
    let receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = app.sandbox().create_link("1999000001", json!({ "external_id": "MIO-42" })).await;
    app.settled().await;
    let endpoint = app.sandbox().results("/manage/v1/webhook-endpoints/").await[0]["id"].clone();
    let delivery = app.sandbox().results("/manage/v1/deliveries/").await[0]["id"].clone();
    let (endpoint, id) = (endpoint.as_str().unwrap(), link["id"].as_str().unwrap());
    let key = app.sandbox_key().secret_id;
    for page in
        [format!("/links/{id}"), format!("/webhooks/{endpoint}"), format!("/deliveries/{delivery}")]
    {
        let shown = other.get(&format!("/dashboard/sandbox{page}")).await;
        assert_eq!(shown.status, 404, "{page}");
    }
    other.get("/dashboard/sandbox").await.page();
    for form in [
        format!("/keys/{key}/revoke"),
        format!("/keys/{key}/rotate"),
        format!("/webhooks/{endpoint}/disable"),
        format!("/webhooks/{endpoint}/delete"),
        format!("/deliveries/{delivery}/replay"),
    ] {
        let once = [("once", &*Uuid::from_u128(7).to_string())];
        let shown = other.submit(&format!("/dashboard/sandbox{form}"), &once).await;
        assert_eq!(shown.status, 404, "{form}");
    }
    let links = other.get("/dashboard/sandbox/links").await.page();
    assert!(!links.contains(id));
    for (by, value) in [("document", "1999000001"), ("external_id", "MIO-42")] {
        let sent = other.submit("/dashboard/sandbox/links", &[("by", by), ("value", value)]).await;
        assert!(!sent.location().contains(id), "{by}");
        let shown = other.get(sent.location()).await.page();
        assert!(shown.contains("There are no links") && !shown.contains(id), "{by}");
    }
    other.get("/dashboard/sandbox/keys").await.page();
    let own = key_of(&other.submit("/dashboard/sandbox/keys", &EVERYTHING).await.page());
    let client = app.client_of(&own);
    assert_eq!(client.results("/api/links/").await.len(), 0);
    let own = client.create_link("1999000001", json!({})).await;
    assert_ne!(own["created_by"], link["created_by"]);
    app.settled().await;
    assert_eq!(app.sandbox().get("/api/").await.status, 200, "nothing was revoked");
    app.finish().await;
}

async fn what_is_shown_is_noted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = owner(&app).await;
    let link = app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    let id = link["id"].as_str().unwrap().to_owned();
    browser.get(&format!("/dashboard/sandbox/links/{id}")).await.page();
    browser.get("/dashboard/sandbox/keys").await.page();
    let key = key_of(&browser.submit("/dashboard/sandbox/keys", &EVERYTHING).await.page());
    let path = "/manage/v1/audit/?actor=user&page_size=1000";
    let mut noted = Vec::new();
    crate::support::soon("the log's being written", async {
        while noted.len() < 5 {
            noted = app.sandbox().results(path).await;
            crate::support::look_again().await;
        }
    })
    .await;
    let told = |it: &serde_json::Value| it["action"].as_str().unwrap().to_owned();
    let mut actions: Vec<_> = noted.iter().map(told).filter(|it| it != "imports.read").collect();
    actions.sort();
    let reads = ["employments.read", "key.created", "links.read", "owners.read"];
    assert_eq!(actions, reads.iter().chain(&["source_calls.read"]).copied().collect::<Vec<_>>());
    let made = noted.iter().find(|it| it["action"] == "key.created").unwrap();
    assert_eq!(made["object"], key.secret_id.to_string());
    let page = browser.get("/dashboard/sandbox/audit?actor=user").await.page();
    assert!(page.contains("<code>key.created</code>") && page.contains(&id), "{page}");
    assert!(page.contains("<option selected>user") && page.contains("127.0.0.1"), "{page}");
    let page = browser.get("/dashboard/sandbox/audit?actor=widget").await.page();
    assert!(page.contains("Nothing matches"), "{page}");
    assert!(
        noted
            .iter()
            .filter(|it| it["action"] != "key.created")
            .all(|it| { it["action"] == "imports.read" || it["link"] == id.as_str() })
    );
    app.finish().await;
}

async fn the_log_says_who_it_was(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = owner(&app).await;
    let (keys, audit) = ("/dashboard/production/keys", "/dashboard/production/audit");
    browser.get(keys).await.page();
    let fields = [("name", "riesgo <1>"), ("scopes", "manage")];
    let key = key_of(&browser.submit(keys, &fields).await.page());
    let id = key.secret_id.to_string();
    app.client_of(&key).get("/manage/v1/audit/").await;
    browser.get(keys).await.page();
    browser.submit(&format!("{keys}/{id}/revoke"), &[]).await.location();
    let page = browser.get(audit).await.page();
    let rows = between(&page, "<tbody>", "</tbody>");
    let row = |action: &str| {
        let all = rows.split("<tr>").filter(|row| row.contains(&format!("<code>{action}</code>")));
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    // By a user, about a key that is there no more; and by that key.
    let revoked = row("key.revoked").concat();
    for told in ["<bdi>owner@default.example</bdi>", "<bdi>riesgo &#60;1&#62;</bdi>"] {
        assert!(revoked.contains(told), "{told}: {revoked}");
    }
    assert!(!revoked.contains(&id), "an id that has a name is not shown: {revoked}");
    assert!(row("audit.read").concat().contains("<bdi>riesgo &#60;1&#62;</bdi>"), "{page}");
    let option = |page: &str, of: &str| {
        let (before, _) = page.split_once(&format!("{of}</option>")).expect("an option");
        before.rsplit_once("<option").unwrap().1.to_owned()
    };
    let user = option(&page, ">owner@default.example");
    let user = between(&user, "value=\"", "\"").to_owned();
    let today = app.now().strftime("%Y-%m-%d").to_string();
    for (query, there, gone) in [
        (format!("actor_id={user}"), "key.revoked", "<bdi>riesgo &#60;1&#62;</bdi><br>"),
        (format!("actor_id={id}"), "audit.read", "<code>key.revoked</code>"),
        ("action=key.revoked&actor=&link=&from=&until=".into(), "key.revoked", "<code>key.created"),
        (
            format!("from={today}&until={today}&action=key.created"),
            "key.created",
            "audit.read</code>",
        ),
    ] {
        let page = browser.get(&format!("{audit}?{query}")).await.page();
        let rows = between(&page, "<tbody>", "</tbody>");
        assert!(rows.contains(there) && !rows.contains(gone), "{query}: {rows}");
        assert!(page.contains(" selected>"), "{query}: what is chosen is shown");
    }
    for (query, told) in [
        ("until=2020-01-01", "Nothing matches"),
        (&*format!("link={}", Uuid::from_u128(7)), "Nothing matches"),
    ] {
        let page = browser.get(&format!("{audit}?{query}")).await.page();
        assert!(page.contains(told), "{query}: {page}");
    }
    for (query, told) in [
        ("link=x", "<a href=\"#link\">Link</a></strong>: x is not a valid UUID."),
        ("from=24/11/2026", "From the day</a></strong>: &#34;24/11/2026&#34; is not a day"),
    ] {
        let shown = browser.get(&format!("{audit}?{query}")).await;
        assert_eq!(shown.status, 400, "{query}");
        assert!(shown.body.contains(told), "{query}: {}", shown.body);
    }
    let page = browser.get("/dashboard/sandbox/audit").await.page();
    assert!(page.contains("is noted in the log of the other environment"), "{page}");
    // Names of other organizations are not told.
    create_organization(&app.app, "Otra").await.unwrap();
    let mut other = signed_in(&app, "Otra", UserRole::Auditor).await;
    let page = other.get(audit).await.page();
    assert!(page.contains("auditor@Otra.example") || page.contains("auditor@otra.example"));
    assert!(!page.contains("owner@default.example") && !page.contains("riesgo"), "{page}");
    app.finish().await;
}

async fn a_page_renews_itself_while_something_is_under_way(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let (mut browser, mut receiver) = (owner(&app).await, Receiver::start().await);
    let link = app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    let here = format!("/dashboard/sandbox/links/{}", link["id"].as_str().unwrap());
    assert!(!browser.get(&here).await.page().contains("data-live"), "all is loaded");
    app.advance(Duration::from_secs(11 * 60));
    app.stop_runner().await;
    let asked = browser.submit(&format!("{here}/refresh"), &[]).await.location().to_owned();
    let page = browser.get(&asked).await.page();
    assert!(page.contains("data-live") && page.contains("on its way"), "{page}");
    app.start_runner().await;
    app.settled().await;
    let page = browser.get(&asked).await.page();
    assert!(!page.contains("data-live") && page.contains("The load has ended"), "{page}");

    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let page = browser.get("/dashboard/sandbox/webhooks").await.page();
    let id = between(&page, "<a href=\"/dashboard/sandbox/webhooks/", "\"").to_owned();
    let here = format!("/dashboard/sandbox/webhooks/{id}");
    browser.get(&here).await.page();
    receiver.reply([Reply::Status(500)]);
    browser.submit(&format!("{here}/test"), &[]).await.location();
    receiver.next().await;
    app.postponed().await;
    let page = browser.get(&here).await.page();
    assert!(page.contains("id=\"deliveries\" data-live"), "the next try is at hand: {page}");
    let delivery = between(&page, "<a href=\"/dashboard/sandbox/deliveries/", "\"").to_owned();
    let delivery = format!("/dashboard/sandbox/deliveries/{delivery}");
    assert!(browser.get(&delivery).await.page().contains("id=\"delivery\" data-live"));
    let due = app.next_delivery_due().await.expect("one more try");
    app.advance(due.duration_since(app.now()).unsigned_abs());
    receiver.next().await;
    app.settled().await;
    assert!(!browser.get(&here).await.page().contains("data-live"), "it has ended");
    assert!(!browser.get(&delivery).await.page().contains("data-live"));
    app.finish().await;
}
