//! The consent page, walked through by a browser without scripts.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::consents::{CONSENTS, grant, id, require_consent, revoke};
use crate::support::{
    Browser, Client, Mood, Shown, TestApp, TestDatabase, between, look_again, on_both_databases,
    soon,
};

on_both_databases!(
    a_worker_says_yes,
    a_worker_says_no,
    the_page_of_an_app_leads_back_to_it,
    what_is_wrong_is_said_beside_its_field,
    an_unknown_document_can_be_corrected,
    a_source_that_is_down_can_be_asked_again,
    while_the_source_is_asked_the_page_says_so,
    a_question_whose_server_died_can_be_asked_again,
    a_form_sent_twice_makes_one_link,
    two_tabs_do_not_meet,
    after_the_end_there_is_no_way_back,
    a_link_is_updated,
    what_is_agreed_to_is_what_was_read,
    the_terms_are_those_of_token_and_settings,
    a_page_gives_what_a_workspace_requires,
);

pub(crate) const SETTINGS: &str = "/manage/v1/settings/";
pub(crate) const ONE_JOB: &str = "1999000001";
const EVIDENCE: &str = "/manage/v1/consents/evidence/";
const AUDIT: &str = "/manage/v1/audit/";

/// What a lender asks a token with.
pub(crate) fn wanted(more: Value) -> Value {
    let mut body = json!({
        "scopes": "read_institutions,write_links,read_links",
        "fetch_resources": ["EMPLOYMENTS", "OWNERS"],
        "external_id": "user-00042",
        "widget": {
            "callback_urls": {
                "success": "https://app.example.com/ok?user=7&step=2",
                "exit": "https://app.example.com/no",
                "event": "https://app.example.com/event",
            },
            "branding": { "company_name": "Crédito Ejemplo" },
        },
    });
    let Value::Object(more) = more else { panic!("members to add") };
    body.as_object_mut().unwrap().extend(more);
    body
}

pub(crate) async fn token(client: &Client, more: Value) -> String {
    let answer = client.post("/api/token/", &wanted(more)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access"].as_str().unwrap().to_owned()
}

/// Opens the page with a token; the address that the browser is sent to.
pub(crate) async fn exchange(browser: &mut Browser, token: &str, more: &str) -> String {
    let shown = browser.get(&format!("/connect/?access_token={token}{more}")).await;
    assert_eq!(shown.headers["referrer-policy"], "no-referrer");
    let to = shown.location().to_owned();
    assert!(to.starts_with("/connect/") && !to.contains(&token[..20]), "{to}");
    to
}

/// A browser in which the page is open, and its address.
pub(crate) async fn opened(app: &TestApp, more: Value) -> (Browser, String) {
    let token = token(&app.sandbox(), more).await;
    let mut browser = app.browser();
    let path = exchange(&mut browser, &token, "").await;
    (browser, path)
}

/// The hash of the text that a page shows.
pub(crate) fn text_of(page: &str) -> String {
    between(page, r#"name="text" value=""#, "\"").to_owned()
}

/// The fields of somebody who has read this text and says yes.
pub(crate) fn yes<'a>(text: &'a str, number: &'a str) -> [(&'a str, &'a str); 4] {
    [("text", text), ("document_type", "CC"), ("document_number", number), ("accept", "yes")]
}

/// Reads the page and says yes.
pub(crate) async fn say_yes(browser: &mut Browser, path: &str, number: &str) -> Shown {
    let page = browser.get(path).await.page();
    let text = text_of(&page);
    let fields = yes(&text, number);
    browser.submit(path, &fields).await
}

/// Looks at the page until the source has answered.
pub(crate) async fn answered(browser: &mut Browser, path: &str) -> Shown {
    soon("the answer of the source", async {
        loop {
            let shown = browser.get(path).await;
            if !shown.body.contains("data-waits") {
                return shown;
            }
            look_again().await;
        }
    })
    .await
}

/// Says yes, and what comes of it.
pub(crate) async fn agree(browser: &mut Browser, path: &str, number: &str) -> String {
    assert_eq!(say_yes(browser, path, number).await.location(), path);
    answered(browser, path).await.page()
}

fn says_no(path: &str) -> String {
    path.replace("?locale", "/leave?locale")
}

/// Where a page sends the browser by itself, unescaped.
pub(crate) fn onward(page: &str) -> String {
    let to = between(page, "http-equiv=\"refresh\" content=\"4;url=", "\"");
    assert_eq!(between(page, "class=\"first\" href=\"", "\""), to, "the link leads elsewhere");
    to.replace("&#38;", "&").replace("&amp;", "&")
}

fn link_of(page: &str) -> String {
    let to = onward(page);
    let expected = "https://app.example.com/ok?user=7&step=2&link=";
    let rest = to.strip_prefix(expected).unwrap_or_else(|| panic!("{to}"));
    rest.strip_suffix("&institution=pila_co_employment").expect("no institution").to_owned()
}

async fn links(app: &TestApp) -> usize {
    app.sandbox().results("/api/links/").await.len()
}

async fn a_worker_says_yes(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let token = token(&client, json!({})).await;
    let mut browser = app.browser();
    let path = exchange(&mut browser, &token, "").await;
    let page = browser.get(&path).await.page();
    for told in ["Crédito Ejemplo asks", "EMPLOYMENTS", "type=\"checkbox\" value=\"yes\" required>"]
    {
        assert_eq!(page.contains(told), told != "EMPLOYMENTS", "{told}");
    }
    assert_eq!(app.asked(), 0, "nobody has said yes");
    let text = text_of(&page);
    let page = agree(&mut browser, &path, "1.999.000.001").await;
    let link = link_of(&page);
    app.settled().await;

    let made = client.get(&format!("/api/links/{link}/")).await.json();
    assert_eq!(
        (&made["external_id"], &made["access_mode"]),
        (&json!("user-00042"), &json!("recurrent"))
    );
    let consents = client.results(&format!("{CONSENTS}?link={link}")).await;
    let [consent] = &consents[..] else { panic!("one consent: {consents:?}") };
    assert_eq!(consent["method"], "consent_page");
    assert_eq!(
        (&consent["text_version"], &consent["language"]),
        (&json!("connect-1"), &json!("en"))
    );
    assert_eq!(consent["resources"], json!(["EMPLOYMENTS", "OWNERS"]));
    assert_eq!(consent["granted_at"], "2026-11-24T12:00:00.000000Z");
    assert_eq!(consent["expires_at"], "2027-11-25T05:00:00.000000Z");
    let document = json!({ "document_type": "CC", "document_number": ONE_JOB });
    let evidence = client.post(EVIDENCE, &document).await.json();
    let proof = &evidence["consents"][0]["proof"];
    let whole = proof["text"].as_str().unwrap();
    assert!(whole.contains("until 24 November 2027") && whole.contains("I authorize"), "{whole}");
    let hash = digest(&SHA256, whole.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (hash.as_str(), proof["text_sha256"].as_str()),
        (text.as_str(), Some(text.as_str()))
    );
    assert_eq!(proof["client_address"], "127.0.0.1");
    let calls = evidence["source_calls"].as_array().unwrap();
    assert!(!calls.is_empty() && calls.iter().all(|call| call["consent"] == consent["id"]));

    let entries = client.results(&format!("{AUDIT}?page_size=1000")).await;
    let by_person: Vec<_> = entries.iter().filter(|entry| entry["actor"] == "person").collect();
    let mut actions: Vec<_> = by_person.iter().map(|it| it["action"].as_str().unwrap()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["consent.recorded", "link.created"]);
    assert!(by_person.iter().all(|entry| path.contains(entry["actor_id"].as_str().unwrap())));
    let api = app.stranger();
    let dead = api.send(api.request(Method::GET, "/api/institutions/").bearer_auth(&token)).await;
    assert_eq!(dead.status, 401, "the token is used up");
    app.finish().await;
}

async fn a_worker_says_no(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let page = browser.get(&path).await.page();
    let (leave, text) = (says_no(&path), text_of(&page));
    assert!(page.contains(&format!("action=\"{leave}\"")), "{page}");
    assert_eq!(browser.submit(&leave, &[]).await.location(), path);
    let page = browser.get(&path).await.page();
    assert_eq!(
        onward(&page),
        "https://app.example.com/no?last_encountered_error_code=&last_encountered_error_message=\
         &meta_data_institution_name=pila_co_employment&meta_data_step=consent"
    );
    // A form that is still open somewhere is of no use any more.
    let fields = yes(&text, ONE_JOB);
    assert_eq!(browser.submit(&path, &fields).await.location(), path);
    assert!(browser.get(&path).await.page().contains("You did not authorize"));
    assert_eq!((app.asked(), links(&app).await), (0, 0));
    assert!(app.sandbox().results(CONSENTS).await.is_empty());
    let entries = app.sandbox().results(&format!("{AUDIT}?action=consent.refused")).await;
    let told: Vec<_> = entries.iter().map(|it| it["actor"].as_str().unwrap()).collect();
    assert_eq!(told, ["person"]);
    app.finish().await;
}

/// Apps open the page in a browser of their own, and wait for an address with their scheme.
async fn the_page_of_an_app_leads_back_to_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let callbacks = json!({
        "success": "Your-Deeplink-Here://success?a=\"'><b>",
        "exit": "com.example.app:/no",
        "event": "intent://over/#Intent;scheme=ejemplo;package=co.example.app;end",
    });
    let widget = json!({ "widget": { "callback_urls": callbacks } });
    for client in [app.sandbox(), app.production()] {
        let answer = client.post("/api/token/", &wanted(widget.clone())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let access = token(&app.sandbox(), widget.clone()).await;
    let mut browser = app.browser();
    let path = exchange(&mut browser, &access, "").await;
    let page = agree(&mut browser, &path, ONE_JOB).await;
    let to = onward(&page);
    let expected = "your-deeplink-here://success?a=%22'%3E%3Cb%3E&link=";
    assert!(to.replace("&#39;", "'").starts_with(expected), "{to}");
    assert!(to.ends_with("&institution=pila_co_employment"), "{to}");

    let over = browser.get(&format!("/connect/?access_token={access}")).await;
    let expected = "intent://over/?error=ACCESS_TOKEN_NOT_VALID&error_message=\
                    The+access+token+is+expired+or+was+used.\
                    #Intent;scheme=ejemplo;package=co.example.app;end";
    assert_eq!(onward(&over.body), expected);

    let (mut browser, path) = opened(&app, widget).await;
    browser.get(&path).await.page();
    browser.submit(&says_no(&path), &[]).await;
    let left = onward(&browser.get(&path).await.page());
    assert!(left.starts_with("com.example.app:/no?last_encountered_error_code=&"), "{left}");
    app.settled().await;
    app.finish().await;
}

async fn what_is_wrong_is_said_beside_its_field(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let text = text_of(&browser.get(&path).await.page());
    let good = yes(&text, ONE_JOB);
    for (field, value, told) in [
        ("text", "", "The text changed while you were reading. Read it again."),
        ("document_type", "NI", "Choose the kind of document."),
        ("document_number", " ", "Write the number of your document."),
        ("document_number", "12<b>", "That is not the number of such a document."),
        ("document_number", "19990000011999", "That is not the number of such a document."),
        ("accept", "", "Tick the box if you authorize the look-up."),
        ("accept", "no", "Tick the box if you authorize the look-up."),
    ] {
        let fields = good.map(|(name, it)| (name, if name == field { value } else { it }));
        let shown = browser.submit(&path, &fields).await;
        assert_eq!(shown.status, 400, "{field} {value}");
        let page = shown.body;
        assert!(page.contains("<title>Error: "), "{field}: {page}");
        let summary = between(&page, "role=\"alert\"", "</div>");
        assert!(summary.contains(&format!("<a href=\"#{field}\">{told}")), "{field}: {summary}");
        assert!(page.contains(&format!("id=\"{field}\"")), "{field}: the link leads nowhere");
        if field != "text" {
            let wrong = between(&page, &format!("id=\"{field}-wrong\">"), "<");
            assert!(wrong.starts_with(told), "{field}: {wrong}");
            assert_eq!(page.matches("aria-invalid=\"true\"").count(), 1, "{field}");
        }
        let kept = if field == "document_number" { value.trim() } else { ONE_JOB };
        let kept = kept.replace('<', "&#60;").replace('>', "&#62;");
        assert!(page.contains(&format!("value=\"{kept}\"")), "{field}: what was written is gone");
        assert!(!page.contains("checked"), "the box is ticked by the person alone");
    }
    let everything = browser.submit(&path, &[]).await.body;
    assert_eq!(between(&everything, "role=\"alert\"", "</div>").matches("<li>").count(), 4);
    assert_eq!(app.asked(), 0);
    agree(&mut browser, &path, ONE_JOB).await;
    app.settled().await;
    app.finish().await;
}

async fn an_unknown_document_can_be_corrected(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let page = agree(&mut browser, &path, "1999000404").await;
    assert!(page.contains("PILA has no contributions under that document."), "{page}");
    assert!(page.contains("value=\"1999000404\""), "what was written is gone");
    assert!(app.sandbox().results(CONSENTS).await.is_empty(), "nobody knows whose it would be");
    // No to the second question leads where the first answer led.
    let (mut other, elsewhere) = opened(&app, json!({})).await;
    agree(&mut other, &elsewhere, "1999000404").await;
    other.submit(&says_no(&elsewhere), &[]).await;
    let left = onward(&other.get(&elsewhere).await.page());
    assert!(left.contains("error_code=login_error&"), "{left}");
    assert!(left.ends_with("meta_data_step=result") && !left.contains("1999"), "{left}");
    link_of(&agree(&mut browser, &path, ONE_JOB).await);
    assert_eq!(links(&app).await, 1);
    app.settled().await;
    app.finish().await;
}

async fn a_source_that_is_down_can_be_asked_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    for _ in 0..2 {
        let page = agree(&mut browser, &path, "1999000503").await;
        assert!(page.contains("The source of the data does not answer now."), "{page}");
        assert!(page.contains("value=\"1999000503\""), "what was written is gone");
    }
    link_of(&agree(&mut browser, &path, "1999000503").await);
    app.settled().await;
    app.finish().await;
}

async fn while_the_source_is_asked_the_page_says_so(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.operator_is(Mood::Silent);
    let (mut browser, path) = opened(&app, json!({})).await;
    assert_eq!(say_yes(&mut browser, &path, ONE_JOB).await.location(), path);
    app.until(|| app.asked() == 1).await;
    let page = browser.get(&path).await.page();
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>"));
    assert!(page.contains("role=\"status\"") && page.contains("/connect/script.js"), "{page}");
    // To say no is too late, and to say yes twice is once.
    for again in [path.clone(), says_no(&path)] {
        assert_eq!(browser.submit(&again, &[]).await.location(), path);
    }
    assert!(browser.get(&path).await.page().contains("data-waits"));
    app.operator_is(Mood::Helpful);
    link_of(&answered(&mut browser, &path).await.page());
    assert_eq!((app.asked(), links(&app).await), (1, 1));
    app.settled().await;
    app.finish().await;
}

async fn a_question_whose_server_died_can_be_asked_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    app.database.run("update connect_sessions set state = 'asking'");
    assert!(browser.get(&path).await.page().contains("data-waits"));
    app.advance(Duration::from_secs(3 * 60));
    link_of(&agree(&mut browser, &path, ONE_JOB).await);
    app.settled().await;
    app.finish().await;
}

async fn a_form_sent_twice_makes_one_link(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let text = text_of(&browser.get(&path).await.page());
    let fields = yes(&text, ONE_JOB);
    let mut twin = browser.twin();
    let both = tokio::join!(browser.submit(&path, &fields), twin.submit(&path, &fields));
    assert_eq!((both.0.location(), both.1.location()), (path.as_str(), path.as_str()));
    let first = link_of(&answered(&mut browser, &path).await.page());
    assert_eq!(link_of(&answered(&mut twin, &path).await.page()), first);
    assert_eq!((links(&app).await, app.sandbox().results(CONSENTS).await.len()), (1, 1));
    app.settled().await;
    app.finish().await;
}

async fn two_tabs_do_not_meet(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let (one, two) = (token(&client, json!({})).await, token(&client, json!({})).await);
    let mut browser = app.browser();
    let first = exchange(&mut browser, &one, "").await;
    let second = exchange(&mut browser, &two, "").await;
    // The first token once more: a tab that was opened again.
    let third = exchange(&mut browser, &one, "").await;
    browser.get(&third).await.page();
    let mut tab = browser.twin();
    assert_eq!(
        agree(&mut browser, &second, "1999000404").await.matches("role=\"alert\"").count(),
        1
    );
    let link = link_of(&agree(&mut browser, &first, ONE_JOB).await);
    let used = browser.get(&third).await;
    assert_eq!(used.status, 410, "the token made its link: {}", used.body);
    // Who said yes in one tab has not said no in the other.
    assert_eq!(tab.submit(&says_no(&third), &[]).await.location(), third);
    assert_eq!(browser.get(&third).await.status, 410);
    assert!(client.results("/manage/v1/audit/?action=consent.refused").await.is_empty());
    let other = link_of(&agree(&mut browser, &second, "1999000002").await);
    assert_ne!(link, other);
    assert_eq!(link_of(&browser.get(&first).await.page()), link);
    app.settled().await;
    app.finish().await;
}

async fn after_the_end_there_is_no_way_back(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let link = link_of(&agree(&mut browser, &path, ONE_JOB).await);
    for again in [path.clone(), says_no(&path)] {
        let fields = [("document_type", "CC"), ("document_number", ONE_JOB), ("accept", "yes")];
        assert_eq!(browser.submit(&again, &fields).await.location(), path);
        assert_eq!(link_of(&browser.get(&path).await.page()), link);
    }
    assert_eq!(links(&app).await, 1);
    app.settled().await;
    // It can be looked at for a day, and is gone then.
    app.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(link_of(&browser.get(&path).await.page()), link);
    app.finish().await;
}

async fn a_link_is_updated(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let made = client.create_link(ONE_JOB, json!({ "fetch_resources": ["OWNERS"] })).await;
    let other = client.create_link("1999000002", json!({})).await;
    app.settled().await;
    let more = json!({ "link_id": made["id"], "fetch_resources": ["EMPLOYMENTS"] });
    let (mut browser, path) = opened(&app, more).await;
    let page = browser.get(&path).await.page();
    assert!(page.contains("asks you to confirm your permission again"), "{page}");
    assert!(page.contains("Your name") && !page.contains("Your jobs"), "the data of the link");
    let page = agree(&mut browser, &path, "1999000002").await;
    assert!(page.contains("not the one of the permission"), "another person: {page}");
    assert!(client.results(CONSENTS).await.is_empty());
    let page = agree(&mut browser, &path, ONE_JOB).await;
    assert_eq!(link_of(&page), id(&made));
    app.settled().await;
    let consents = client.results(&format!("{CONSENTS}?link={}", id(&made))).await;
    assert_eq!(consents[0]["resources"], json!(["OWNERS"]));
    assert!(client.results(&format!("{CONSENTS}?link={}", id(&other))).await.is_empty());
    assert_eq!(client.get(&format!("/api/links/{}/", id(&made))).await.json()["status"], "valid");
    // A link that was deleted meanwhile cannot be updated.
    let (mut late, gone) = opened(&app, json!({ "link_id": other["id"] })).await;
    late.get(&gone).await.page();
    client.delete(&format!("/api/links/{}/", id(&other))).await;
    assert_eq!(late.get(&gone).await.status, 410);
    app.settled().await;
    app.finish().await;
}

async fn what_is_agreed_to_is_what_was_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let before = text_of(&browser.get(&path).await.page());
    let change = json!({ "consent_purpose": "Otra <finalidad>", "lender_name": "Otra S.A.S." });
    assert_eq!(app.sandbox().patch(SETTINGS, &change).await.status, 200);
    let fields = yes(&before, ONE_JOB);
    let shown = browser.submit(&path, &fields).await;
    assert_eq!(shown.status, 400);
    assert!(
        shown.body.contains("href=\"#text\"") && shown.body.contains("Otra &#60;finalidad&#62;")
    );
    assert_ne!(text_of(&shown.body), before);
    // Neither does the passing of a day change it.
    let after = text_of(&shown.body);
    app.advance(Duration::from_secs(29 * 60));
    assert_eq!(text_of(&browser.get(&path).await.page()), after);
    agree(&mut browser, &path, ONE_JOB).await;
    let document = json!({ "document_type": "CC", "document_number": ONE_JOB });
    let evidence = app.sandbox().post(EVIDENCE, &document).await.json();
    assert_eq!(evidence["consents"][0]["purpose"], "Otra <finalidad>");
    app.settled().await;
    app.finish().await;
}

async fn the_terms_are_those_of_token_and_settings(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let decided =
        json!({ "refresh_rate": "24h", "consent_months": 3, "lender_contact": "dpo@example.com" });
    assert_eq!(client.patch(SETTINGS, &decided).await.status, 200);
    let known = json!({ "fetch_resources": ["OWNERS"] });
    for (more, query, told) in [
        (known.clone(), "", "again every 24 hours, until 24 February 2027"),
        (known.clone(), "&access_mode=single", "where needed, again until 24 February 2027"),
        (known.clone(), "&access_mode=nonsense", "again every 24 hours"),
        (
            json!({ "fetch_resources": ["OWNERS"], "credentials_storage": "30d" }),
            "",
            "where needed, again until",
        ),
    ] {
        let token = token(&client, more).await;
        let mut browser = app.browser();
        let path = exchange(&mut browser, &token, query).await;
        let page = browser.get(&path).await.page();
        assert!(
            page.contains(told) && page.contains("Write to dpo@example.com."),
            "{query}: {page}"
        );
        let link = link_of(&agree(&mut browser, &path, ONE_JOB).await);
        let made = client.get(&format!("/api/links/{link}/")).await.json();
        let single = told.starts_with("where");
        assert_eq!(made["access_mode"], if single { "single" } else { "recurrent" }, "{query}");
        assert_eq!(made["fetch_resources"], json!(["OWNERS"]));
        app.settled().await;
    }
    app.finish().await;
}

async fn a_page_gives_what_a_workspace_requires(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    require_consent(&client).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let link = link_of(&agree(&mut browser, &path, ONE_JOB).await);
    app.settled().await;
    let jobs = format!("/api/co/employments/?link={link}");
    assert_eq!(client.results(&jobs).await.len(), 1);
    // A page that a person comes back to after a revocation gives the right anew.
    let consents = client.results(&format!("{CONSENTS}?link={link}")).await;
    revoke(&client, &consents[0]).await;
    assert_eq!(client.get(&jobs).await.status, 403);
    let (mut browser, path) = opened(&app, json!({ "link_id": link })).await;
    agree(&mut browser, &path, ONE_JOB).await;
    app.settled().await;
    assert_eq!(client.results(&jobs).await.len(), 1);
    // A consent somebody recorded before is not needed, and stays.
    grant(&client, "1999000002", json!({ "resources": ["OWNERS"] })).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let link = link_of(&agree(&mut browser, &path, "1999000002").await);
    assert_eq!(client.results(&format!("{CONSENTS}?link={link}")).await.len(), 2);
    assert!(Uuid::try_parse(&link).is_ok());
    app.settled().await;
    app.finish().await;
}
