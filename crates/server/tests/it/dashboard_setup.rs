//! Keys, webhooks and deliveries: what the pages tell of them, and how they are changed there.

use serde_json::{Value, json};
use vinculo_store::{Environment, UserRole};

use crate::dashboard_sessions::signed_in;
use crate::support::{Receiver, Reply, TestApp, TestDatabase, between, on_both_databases};

on_both_databases!(
    deliveries_tell_where_they_went_and_what_was_answered,
    what_goes_to_a_disabled_webhook_is_not_offered_again,
    a_webhook_that_is_gone_is_told_of,
    a_webhook_is_changed,
    a_webhook_at_a_port_of_before_is_changed,
    a_key_is_made_of_ticks_and_a_day,
    a_key_is_changed,
    a_new_password_tells_that_the_old_one_opens_too,
);

const KEYS: &str = "/dashboard/sandbox/keys";
const DELIVERIES: &str = "/dashboard/sandbox/deliveries";

async fn only_endpoint(app: &TestApp) -> Value {
    app.sandbox().results("/manage/v1/webhook-endpoints/").await.remove(0)
}

async fn deliveries_tell_where_they_went_and_what_was_answered(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut good, mut bad) = (Receiver::start().await, Receiver::start().await);
    let settings = json!({ "webhook_retry_seconds": [] });
    assert_eq!(app.sandbox().patch("/manage/v1/settings/", &settings).await.status, 200);
    app.send_events_to(&good, Environment::Sandbox, None).await;
    app.send_events_to(&bad, Environment::Sandbox, None).await;
    bad.reply([Reply::Status(503), Reply::Status(503)]);
    let link = app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    let sent = good.take::<2>().await;
    bad.take::<2>().await;
    let id = link["id"].as_str().unwrap();

    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let page = browser.get(DELIVERIES).await.page();
    let rows: Vec<_> = page.split("<tr>").skip(2).collect();
    assert_eq!(rows.len(), 4, "{page}");
    for row in &rows {
        let (url, status) =
            if row.contains(&good.url) { (&good.url, "200") } else { (&bad.url, "503") };
        let told = format!("<td class=\"long\">{url}</td>");
        assert!(row.contains(&told) && row.contains(&format!("<td>{status}<br>")), "{row}");
        assert!(row.contains(&format!("/dashboard/sandbox/links/{id}\"")), "{row}");
    }
    let endpoints = app.sandbox().results("/manage/v1/webhook-endpoints/").await;
    let failing = endpoints.iter().find(|it| it["url"] == bad.url.as_str()).unwrap();
    let chosen = failing["id"].as_str().unwrap();
    let page = browser.get(&format!("{DELIVERIES}?status=&endpoint={chosen}")).await.page();
    assert_eq!(page.matches("<tr>").count(), 3, "{page}");
    assert!(page.contains(&format!("<option value=\"{chosen}\" selected>")), "{page}");

    let delivery = between(&page, &format!("<td><a href=\"{DELIVERIES}/"), "\"").to_owned();
    let page = browser.get(&format!("{DELIVERIES}/{delivery}")).await.page();
    let body = between(&page, "<summary>Body of the event</summary><pre>", "</pre>");
    let body: Value = serde_json::from_str(&body.replace("&#34;", "\"")).expect("JSON");
    assert!(sent.iter().any(|hook| hook.text("webhook_id") == body["webhook_id"]), "{body}");
    assert!(page.contains(&format!(">{}</a>", bad.url)), "{page}");
    let link_page = browser.get(&format!("/dashboard/sandbox/links/{id}")).await.page();
    let steps = between(&link_page, "<ol class=\"timeline card\">", "</ol>");
    assert_eq!(steps.matches(&format!("→ {}", bad.url)).count(), 2, "{steps}");

    // Whoever may not see people does not see what is sent about them.
    let mut auditor = signed_in(&app, "default", UserRole::Auditor).await;
    let page = auditor.get(&format!("{DELIVERIES}/{delivery}")).await.page();
    assert!(page.contains(&bad.url) && !page.contains("Body of the event"), "{page}");
    let mut analyst = signed_in(&app, "default", UserRole::Analyst).await;
    let page = analyst.get(&format!("/dashboard/sandbox/links/{id}")).await.page();
    assert!(!page.contains(&bad.url), "{page}");
    app.finish().await;
}

async fn what_goes_to_a_disabled_webhook_is_not_offered_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    receiver.take::<2>().await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let page = browser.get(DELIVERIES).await.page();
    let delivery = between(&page, &format!("<td><a href=\"{DELIVERIES}/"), "\"").to_owned();
    let here = format!("{DELIVERIES}/{delivery}");
    assert!(browser.get(&here).await.page().contains("/replay\""));
    let endpoint = only_endpoint(&app).await;
    let path = format!("/manage/v1/webhook-endpoints/{}/", endpoint["id"].as_str().unwrap());
    assert_eq!(app.sandbox().patch(&path, &json!({ "enabled": false })).await.status, 200);
    let page = browser.get(&here).await.page();
    assert!(!page.contains("/replay\"") && page.contains("enable it"), "{page}");
    app.finish().await;
}

async fn a_webhook_that_is_gone_is_told_of(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500), Reply::Status(410)]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let notice = "Nothing is sent any more to webhooks that failed or are gone:";
    let home = browser.get("/dashboard/sandbox").await.page();
    assert!(!home.contains(notice), "{home}");
    let id = only_endpoint(&app).await["id"].as_str().unwrap().to_owned();
    let test = format!("/manage/v1/webhook-endpoints/{id}/test/");
    app.sandbox().post(&test, &json!({})).await;
    receiver.next().await;
    app.postponed().await;
    let failing = app.now().strftime("%Y-%m-%d").to_string();
    app.sandbox().post(&test, &json!({})).await;
    receiver.next().await;
    app.settled().await;

    let home = browser.get("/dashboard/sandbox").await.page();
    let told = format!("{notice} <a href=\"/dashboard/sandbox/webhooks\">1</a>");
    assert!(home.contains(&told), "{home}");
    let list = browser.get("/dashboard/sandbox/webhooks").await.page();
    assert!(list.contains("the receiver answered that it is gone"), "{list}");
    let page = browser.get(&format!("/dashboard/sandbox/webhooks/{id}")).await.page();
    for word in ["Disabled since", "Failing since"] {
        let at = between(&page, &format!("<dt>{word}</dt><dd>"), "</dd>");
        assert!(at.contains(&failing), "{word}: {at}");
    }
    let analyst =
        signed_in(&app, "default", UserRole::Analyst).await.get("/dashboard/sandbox").await;
    assert!(analyst.page().contains(&format!("{notice} 1")));
    app.finish().await;
}

/// Where it is was judged when it came there.
async fn a_webhook_at_a_port_of_before_is_changed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let url = "https://93.184.216.34:9443/hooks";
    let made = json!({ "url": url, "enabled": false });
    assert_eq!(app.sandbox().post("/manage/v1/webhook-endpoints/", &made).await.status, 201);
    let app = app.restart_configured(|config| config.webhook_allow_private = false).await;
    let id = only_endpoint(&app).await["id"].as_str().unwrap().to_owned();
    let path = format!("/manage/v1/webhook-endpoints/{id}/");
    let same = json!({ "url": url, "webhook_types": ["LINK"] });
    let changed = app.sandbox().patch(&path, &same).await;
    assert_eq!(changed.json()["webhook_types"], json!(["LINK"]), "{}", changed.body);
    let elsewhere = json!({ "url": "https://93.184.216.34:9443/other" });
    assert_eq!(app.sandbox().patch(&path, &elsewhere).await.status, 400);
    assert_eq!(app.sandbox().post("/manage/v1/webhook-endpoints/", &made).await.status, 400);
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let here = format!("/dashboard/sandbox/webhooks/{id}");
    browser.get(&here).await.page();
    let edited = browser.submit(&format!("{here}/edit"), &[("url", url)]).await;
    assert_eq!(edited.location(), format!("{here}?said=changed"));
    app.finish().await;
}

async fn a_webhook_is_changed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (receiver, mut other) = (Receiver::start().await, Receiver::start().await);
    let made = json!({ "url": receiver.url, "authorization": "s3cret" });
    assert_eq!(app.sandbox().post("/manage/v1/webhook-endpoints/", &made).await.status, 201);
    let before = only_endpoint(&app).await;
    let here = format!("/dashboard/sandbox/webhooks/{}", before["id"].as_str().unwrap());
    let mut browser = signed_in(&app, "default", UserRole::Developer).await;
    let page = browser.get(&here).await.page();
    assert!(page.contains(&format!("value=\"{}\"", receiver.url)) && !page.contains("s3cret"));
    let edit = format!("{here}/edit");
    let refused = browser.submit(&edit, &[("url", "ejemplo"), ("webhook_types", "LINK")]).await;
    assert_eq!(refused.status, 400);
    for told in ["value=\"ejemplo\"", "value=\"LINK\" checked", "<a href=\"#url\">URL</a>"] {
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
    }
    assert_eq!(only_endpoint(&app).await, before, "nothing was changed");

    let fields = [("url", &*other.url), ("webhook_types", "LINK"), ("webhook_types", "OWNERS")];
    browser.get(&here).await.page();
    let changed = browser.submit(&edit, &fields).await;
    assert_eq!(changed.location(), format!("{here}?said=changed"));
    let now = only_endpoint(&app).await;
    assert_eq!((&now["url"], &now["has_authorization"]), (&json!(other.url), &json!(true)));
    assert_eq!(now["webhook_types"], json!(["LINK", "OWNERS"]));
    app.sandbox().create_link("1999000001", json!({})).await;
    let hook = other.next().await;
    assert_eq!(hook.text("webhook_type"), "OWNERS");
    app.settled().await;

    browser.get(&here).await.page();
    let fields = [("url", &*other.url), ("no_authorization", "true")];
    browser.submit(&edit, &fields).await.location();
    let now = only_endpoint(&app).await;
    assert_eq!((&now["has_authorization"], &now["webhook_types"]), (&json!(false), &Value::Null));
    let noted = app.sandbox().results("/manage/v1/audit/?action=webhook.changed").await;
    assert_eq!((noted.len(), &noted[0]["actor"]), (2, &json!("user")));
    app.finish().await;
}

/// The keys that the management API lists, the one of the tests apart.
async fn other_key(app: &TestApp) -> Value {
    let own = json!(app.sandbox_key().secret_id);
    let mut keys = app.sandbox().results("/manage/v1/keys/").await;
    keys.retain(|key| key["id"] != own);
    keys.remove(0)
}

async fn a_key_is_made_of_ticks_and_a_day(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let page = browser.get(KEYS).await.page();
    for told in [
        "value=\"read\" checked",
        "value=\"write\" checked",
        "value=\"manage\">",
        "value=\"links:read\">",
        "name=\"expires_at\" type=\"date\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let refused = browser.submit(KEYS, &[("name", "nada")]).await;
    assert_eq!(refused.status, 400, "a key without a scope is none that may do everything");
    assert!(refused.body.contains("<li id=\"scopes-wrong\">"), "{}", refused.body);
    browser.get(KEYS).await.page();
    let fields = [
        ("name", "riesgo"),
        ("scopes", "read"),
        ("scopes", "links:write"),
        ("expires_at", "2027-01-31"),
    ];
    let made = browser.submit(KEYS, &fields).await.page();
    assert!(made.contains("href=\"/api/postman.json\""), "{made}");
    assert!(!made.contains("The old password opens too"), "{made}");
    let key = other_key(&app).await;
    assert_eq!(key["scopes"], json!(["read", "links:write"]));
    assert_eq!(key["expires_at"], "2027-02-01T05:00:00.000000Z", "the day is over in Bogotá");
    app.finish().await;
}

async fn a_key_is_changed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let terms = json!({
        "name": "riesgo", "scopes": ["read"], "allow_list": ["10.0.0.0/8"],
        "expires_at": "2027-01-31T12:00:00Z",
    });
    assert_eq!(app.sandbox().post("/manage/v1/keys/", &terms).await.status, 201);
    let before = other_key(&app).await;
    let page = browser.get(KEYS).await.page();
    let edit = format!("{KEYS}/{}/edit", before["id"].as_str().unwrap());
    let form = between(&page, &format!("action=\"{edit}\""), "</form>");
    for told in ["value=\"riesgo\"", "value=\"10.0.0.0/8\"", "value=\"2027-01-31\""] {
        assert!(form.contains(told), "{told}: {form}");
    }
    let fields = [("name", "cartera"), ("scopes", "manage"), ("expires_at", "2027-01-31")];
    assert_eq!(browser.submit(&edit, &fields).await.location(), KEYS);
    let now = other_key(&app).await;
    assert_eq!((&now["name"], &now["scopes"]), (&json!("cartera"), &json!(["manage"])));
    assert_eq!(now["allow_list"], json!([]));
    assert_eq!(now["expires_at"], before["expires_at"], "the day that was shown was sent back");
    browser.get(KEYS).await.page();
    let fields = [("name", "cartera"), ("scopes", "manage"), ("expires_at", "")];
    browser.submit(&edit, &fields).await.location();
    assert_eq!(other_key(&app).await["expires_at"], Value::Null);
    browser.get(KEYS).await.page();
    let refused = browser.submit(&edit, &[("name", "without scopes")]).await;
    assert_eq!(refused.status, 400);
    let form = between(&refused.body, &format!("action=\"{edit}\""), "</form>");
    for told in ["value=\"without scopes\"", "id=\"scopes\"", "aria-invalid"] {
        assert!(form.contains(told), "{told}: {form}");
    }
    let new = between(&refused.body, &format!("action=\"{KEYS}\""), "</form>");
    assert!(!new.contains("without scopes") && !new.contains("aria-invalid"), "{new}");
    let noted = app.sandbox().results("/manage/v1/audit/?action=key.changed").await;
    assert_eq!((noted.len(), &noted[0]["actor"]), (2, &json!("user")));
    app.finish().await;
}

async fn a_new_password_tells_that_the_old_one_opens_too(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    assert_eq!(app.sandbox().post("/manage/v1/keys/", &json!({})).await.status, 201);
    let id = other_key(&app).await["id"].as_str().unwrap().to_owned();
    browser.get(KEYS).await.page();
    let rotated = browser.submit(&format!("{KEYS}/{id}/rotate"), &[]).await.page();
    assert!(rotated.contains("<h1>New password</h1>"), "{rotated}");
    assert!(rotated.contains("The old password opens too"), "{rotated}");
    app.finish().await;
}
