//! What the consent page lets nobody do, and what it looks like.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::connect::{
    ONE_JOB, SETTINGS, agree, answered, exchange, onward, opened, say_yes, text_of, token, wanted,
    yes,
};
use crate::consent_chain::sandbox;
use crate::support::{Setup, TestApp, TestDatabase, between, on_both_databases};

on_both_databases!(
    a_token_that_opens_nothing_is_told_so,
    a_session_ends_after_half_an_hour,
    who_has_no_cookie_sees_no_page,
    forms_of_elsewhere_are_refused,
    the_source_is_not_asked_without_end,
    a_source_that_fails_is_not_blamed_on_the_document,
    another_language_keeps_what_was_written,
    bad_tokens_are_counted,
    a_page_lets_nothing_in,
    a_logo_that_cannot_be_used_is_left_out,
    a_workspace_names_who_may_frame_the_page,
    production_says_who_asks,
    looks_that_are_wrong_are_refused,
    everybody_reads_their_language,
    every_page_can_be_read_by_everybody,
    what_is_typed_is_sealed,
    a_chain_with_a_page_holds,
);

const MINUTE: Duration = Duration::from_secs(60);

async fn visit(app: &TestApp, token: &str) -> crate::support::Shown {
    app.browser().get(&format!("/connect/?access_token={token}")).await
}

async fn a_token_that_opens_nothing_is_told_so(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let pair = client.post("/api/token/", &wanted(json!({}))).await.json();
    let access = pair["access"].as_str().unwrap().to_owned();
    let refresh = pair["refresh"].as_str().unwrap().to_owned();
    let changed = access.replace('.', ".A");
    for (bad, what) in [
        ("", "none"),
        ("nonsense", "no token"),
        (&*changed, "one that was changed"),
        (&*refresh, "a refresh token"),
    ] {
        let shown = visit(&app, bad).await;
        assert_eq!(shown.status, 404, "{what}");
        assert!(shown.body.contains("This link is not valid"), "{what}");
        assert!(!shown.body.contains("http-equiv"), "{what}: nobody says where to go");
        assert!(!shown.headers.contains_key("set-cookie"), "{what}");
    }
    let narrow = token(&client, json!({ "scopes": "read_institutions" })).await;
    assert_eq!(visit(&app, &narrow).await.status, 410, "it makes no link");
    app.advance(10 * MINUTE);
    let over = visit(&app, &access).await;
    assert_eq!(over.status, 410);
    assert_eq!(
        onward(&over.body),
        "https://app.example.com/event?error=ACCESS_TOKEN_NOT_VALID\
         &error_message=The+access+token+is+expired+or+was+used."
    );
    assert!(!over.body.contains(&access[..20]), "the token is not repeated");
    app.finish().await;
}

async fn a_session_ends_after_half_an_hour(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let text = text_of(&browser.get(&path).await.page());
    app.advance(29 * MINUTE);
    browser.get(&path).await.page();
    app.advance(MINUTE);
    let over = browser.get(&path).await;
    assert_eq!(over.status, 410);
    assert!(onward(&over.body).starts_with("https://app.example.com/event?error="));
    let fields = yes(&text, ONE_JOB);
    assert_eq!(browser.submit(&path, &fields).await.location(), path);
    assert_eq!(app.asked(), 0);
    app.finish().await;
}

async fn who_has_no_cookie_sees_no_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let (_, other) = opened(&app, json!({})).await;
    browser.get(&path).await.page();
    for (browser, path) in [
        (&mut app.browser(), path.as_str()),
        (&mut browser, other.as_str()),
        (&mut app.browser(), "/connect/3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b"),
        (&mut app.browser(), "/connect/1999000001"),
        (&mut app.browser(), "/connect/x/y"),
    ] {
        let shown = browser.get(path).await;
        assert_eq!(shown.status, 404, "{path}");
        assert!(shown.body.contains("This link is not valid"), "{path}");
        let posted = browser.submit(path, &[]).await;
        assert_eq!(posted.status, 404, "{path}");
    }
    app.finish().await;
}

async fn forms_of_elsewhere_are_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let text = text_of(&browser.get(&path).await.page());
    let (form, base) = (browser.form(), app.base().to_owned());
    let (mut neighbour, other) = opened(&app, json!({})).await;
    neighbour.get(&other).await.page();
    let foreign = neighbour.form();
    let fields = yes(&text, ONE_JOB);
    let leave = path.replace("?locale", "/leave?locale");
    for to in [&path, &leave] {
        for (origin, form, what) in [
            (Some("https://evil.example.com"), form.as_str(), "of another site"),
            (Some("null"), form.as_str(), "of nowhere"),
            (None, form.as_str(), "that does not say whose it is"),
            (Some(base.as_str()), "", "without a binding"),
            (Some(base.as_str()), foreign.as_str(), "of another session"),
        ] {
            let shown = browser.submit_as(to, &fields, origin, form).await;
            assert_eq!(shown.status, 403, "a form {what}");
            assert!(shown.body.contains("The page is old"), "{what}");
        }
    }
    assert_eq!(app.asked(), 0);
    browser.get(&path).await.page();
    agree(&mut browser, &path, ONE_JOB).await;
    app.settled().await;
    app.finish().await;
}

async fn the_source_is_not_asked_without_end(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let access = token(&app.sandbox(), json!({})).await;
    let mut browser = app.browser();
    let mut early = app.browser();
    let first = exchange(&mut early, &access, "").await;
    let text = text_of(&early.get(&first).await.page());
    // Another session with the same token does not begin anew.
    for attempt in 0..5 {
        let path = exchange(&mut browser, &access, "").await;
        let number = format!("199900040{attempt}");
        let sent = say_yes(&mut browser, &path, &number).await;
        assert_eq!(sent.location(), path);
        let shown = answered(&mut browser, &path).await;
        if attempt < 4 {
            assert!(shown.page().contains("role=\"alert\""), "{attempt}");
            continue;
        }
        // The lender hears how it ended, and the person has somewhere to go.
        assert_eq!(shown.status, 410);
        for told in ["There are no more tries", "PILA has no contributions", "Crédito Ejemplo"] {
            assert!(shown.body.contains(told), "{told}: {}", shown.body);
        }
        let exit = onward(&shown.body);
        assert!(exit.starts_with("https://app.example.com/no?"), "{exit}");
        for pair in ["last_encountered_error_code=login_error", "meta_data_step=result"] {
            assert!(exit.contains(pair), "{exit}");
        }
    }
    let path = exchange(&mut browser, &access, "").await;
    let asked = app.asked();
    let shown = browser.get(&path).await;
    assert!(shown.body.contains("There are no more tries"), "{}", shown.body);
    let sent = early.submit(&first, &yes(&text, ONE_JOB)).await;
    assert_eq!(sent.location(), first, "nor does a form that was open meanwhile ask");
    assert_eq!(app.asked(), asked);
    app.finish().await;
}

async fn a_source_that_fails_is_not_blamed_on_the_document(database: TestDatabase) {
    let app = TestApp::start(database).await;
    // The operator breaks, its answer is cut off, it answers about somebody else.
    for number in ["1999000500", "1999000502", "1999000409"] {
        let (mut browser, path) = opened(&app, json!({})).await;
        let page = agree(&mut browser, &path, number).await;
        assert!(page.contains("The source of the data does not answer now"), "{number}: {page}");
        assert!(!page.contains("aria-invalid"), "{number}: {page}");
    }
    let (mut browser, path) = opened(&app, json!({})).await;
    let page = agree(&mut browser, &path, "1999000404").await;
    assert!(page.contains("PILA has no contributions under that document"), "{page}");
    app.finish().await;
}

async fn another_language_keeps_what_was_written(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    let page = browser.get(&path).await.page();
    let to = between(&page, "formaction=\"", "\"").replace("&#38;", "&");
    let fields = [
        ("text", &*text_of(&page)),
        ("document_type", "CE"),
        ("document_number", "345678"),
        ("accept", "yes"),
        ("switch", "es"),
    ];
    let page = browser.submit(&to, &fields).await.page();
    assert!(page.contains("<html lang=\"es\">"), "{page}");
    assert!(page.contains("value=\"345678\"") && page.contains("<option value=\"CE\" selected>"));
    // Another text is on the page now, which nobody has agreed to.
    assert!(!page.contains(" checked") && !page.contains("role=\"alert\""), "{page}");
    assert_eq!(app.asked(), 0);
    app.finish().await;
}

async fn bad_tokens_are_counted(database: TestDatabase) {
    let setup = Setup::new(database);
    let app = setup.configure(|config| config.login_failures_per_minute = 3).start().await;
    let good = token(&app.sandbox(), json!({})).await;
    for _ in 0..3 {
        assert_eq!(visit(&app, "nonsense").await.status, 404);
    }
    let shown = visit(&app, "nonsense").await;
    assert_eq!(shown.status, 429);
    assert!(shown.headers.contains_key("retry-after") && shown.body.contains("Too many tries"));
    // Who has a good one is behind the same address, maybe.
    for _ in 0..30 {
        visit(&app, &good).await.location();
    }
    assert_eq!(visit(&app, &good).await.status, 429, "and does not use it without end");
    app.advance(MINUTE);
    visit(&app, &good).await.location();
    app.finish().await;
}

async fn a_page_lets_nothing_in(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut looks = wanted(json!({}))["widget"].clone();
    looks["branding"] = json!({
        "company_name": "<script>alert(1)</script>",
        "company_logo": "https://cdn.example.com/logo.png?a=1;b,c 'none' *",
        "company_terms_url": "https://example.com/terms?a=\"><script>",
    });
    let (mut browser, path) = opened(&app, json!({ "widget": looks })).await;
    let shown = browser.get(&path).await;
    let headers = &shown.headers;
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
         img-src https://cdn.example.com; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "same-origin");
    assert_eq!(headers["cache-control"], "no-store");
    let page = shown.page();
    assert!(!page.contains("<script>") && !page.contains("style=\""), "{page}");
    assert!(
        page.contains("src=\"https://cdn.example.com/logo.png?") && page.contains("no-referrer")
    );
    let (mut plain, path) = opened(&app, json!({})).await;
    let shown = plain.get(&path).await;
    let policy = shown.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(!policy.contains("img-src"), "{policy}");
    for file in ["style.css", "script.js"] {
        assert_eq!(plain.get(&format!("/connect/{file}")).await.status, 200);
    }
    app.finish().await;
}

async fn a_logo_that_cannot_be_used_is_left_out(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for logo in [
        json!("http://example.com/a.png"),
        json!("data:image/png;base64,AAAA"),
        json!("/logo.png"),
        json!(format!("https://example.com/{}", "x".repeat(500))),
        json!({ "dark": "https://example.com/a.png" }),
    ] {
        let branding = json!({ "company_name": "Crédito Ejemplo", "company_logo": logo });
        let (mut browser, path) = opened(&app, json!({ "widget": { "branding": branding } })).await;
        let shown = browser.get(&path).await;
        let policy = shown.headers["content-security-policy"].to_str().unwrap().to_owned();
        assert!(!policy.contains("img-src"), "{logo}: {policy}");
        let page = shown.page();
        assert!(page.contains("Crédito Ejemplo") && !page.contains("<img"), "{logo}: {page}");
    }
    let branding = json!({ "company_logo": "logo.png", "company_icon": "https://a.co/icon.png" });
    let (mut browser, path) = opened(&app, json!({ "widget": { "branding": branding } })).await;
    assert!(browser.get(&path).await.page().contains("src=\"https://a.co/icon.png\""));
    app.finish().await;
}

async fn a_workspace_names_who_may_frame_the_page(database: TestDatabase) {
    let setup = Setup::new(database).configure(|config| {
        config.public_url = Some("https://connect.example.com".parse().unwrap());
    });
    let app = setup.start().await;
    let client = app.sandbox();
    let access = token(&client, json!({})).await;
    let cookie = async || {
        let shown = visit(&app, &access).await;
        shown.headers["set-cookie"].to_str().unwrap().split_once("; ").unwrap().1.to_owned()
    };
    assert!(cookie().await.ends_with("; HttpOnly; SameSite=Lax; Secure"));
    let frames =
        json!({ "frame_ancestors": ["https://app.example.com/", "https://b.example.com:8443"] });
    assert_eq!(client.patch(SETTINGS, &frames).await.status, 200);
    assert!(cookie().await.ends_with("; HttpOnly; SameSite=None; Secure; Partitioned"));
    let (mut browser, path) = opened(&app, json!({})).await;
    let shown = browser.get(&path).await;
    assert!(!shown.headers.contains_key("x-frame-options"));
    let policy = shown.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.ends_with("frame-ancestors https://app.example.com https://b.example.com:8443"));
    let text = text_of(&shown.body);
    let fields = [("text", text.as_str()), ("document_type", "CC")];
    let (form, origin) = (browser.form(), Some("https://connect.example.com"));
    assert_eq!(browser.submit_as(&path, &fields, origin, &form).await.status, 400);
    // Nor does the frame of a page that came too late stay empty.
    app.advance(Duration::from_secs(31 * 60));
    for over in [browser.get(&path).await, visit(&app, &access).await] {
        assert_eq!(over.status, 410, "{}", over.body);
        assert_eq!(over.headers["content-security-policy"].to_str().unwrap(), policy);
        assert!(!over.headers.contains_key("x-frame-options"));
    }
    app.finish().await;
}

async fn production_says_who_asks(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.production();
    let access = token(&client, json!({})).await;
    let whole = json!({ "lender_name": "Ejemplo S.A.S.", "lender_contact": "dpo@example.com",
        "consent_purpose": "Estudio de crédito" });
    let mut decided = serde_json::Map::new();
    for (name, value) in whole.as_object().unwrap() {
        let path = format!("/connect/?access_token={access}");
        let answer = app.stranger().request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), 503, "before {name}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("Esta página no está lista"), "before {name}: {page}");
        decided.insert(name.clone(), value.clone());
        assert_eq!(client.patch(SETTINGS, &Value::Object(decided.clone())).await.status, 200);
    }
    let mut browser = app.browser();
    let path = exchange(&mut browser, &access, "").await;
    let page = browser.get(&path).await.page();
    for told in
        ["Crédito Ejemplo asks", "Ejemplo S.A.S., the controller", "Legal name: Ejemplo S.A.S."]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("no data of real people"), "this is no test");
    let sandbox = token(&app.sandbox(), json!({ "widget": {} })).await;
    let path = exchange(&mut browser, &sandbox, "").await;
    assert!(browser.get(&path).await.page().contains("there is no data of real people here."));
    app.finish().await;
}

async fn looks_that_are_wrong_are_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for (widget, field) in [
        (json!([]), "widget"),
        (json!({ "callback_urls": { "success": "javascript:alert(1)" } }), "callback_urls.success"),
        (json!({ "callback_urls": { "exit": "data:text/html,x" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "event": "/relative" } }), "callback_urls.event"),
        (json!({ "callback_urls": { "exit": "https://a:b@example.com/" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": 7 } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": "JavaScript://%0aalert(1)" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": "vbscript:msgbox(1)" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": "blob:https://a.co/1" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": "file:///etc/hosts" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": "about:blank" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": "localhost:3000/ok" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": "app://a:b@ok" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": "java\tscript://x" } }), "callback_urls.exit"),
        (json!({ "callback_urls": { "exit": "https://" } }), "callback_urls.exit"),
        (json!({ "branding": { "company_name": "x".repeat(101) } }), "branding.company_name"),
        (json!({ "branding": { "company_name": "a\u{7}b" } }), "branding.company_name"),
        (
            json!({ "branding": { "company_terms_url": format!("https://a.co/{}", "x".repeat(500)) } }),
            "branding.company_terms_url",
        ),
    ] {
        let answer = app.sandbox().post("/api/token/", &wanted(json!({ "widget": widget }))).await;
        assert_eq!(answer.status, 400, "{widget}");
        let named = answer.json()[0]["field"].as_str().unwrap().to_owned();
        assert_eq!(named.strip_prefix("widget.").unwrap_or(&named), field, "{widget}");
    }
    let underscore = json!({ "callback_urls": { "exit": "your_deeplink_here://exit" } });
    let refused = app.sandbox().post("/api/token/", &wanted(json!({ "widget": underscore }))).await;
    assert_eq!(
        refused.json()[0]["message"],
        "\"your_deeplink_here://exit\" is not an address: \"your_deeplink_here\" is no scheme, which \
         begins with a letter and has letters, digits, \"+\", \"-\" and \".\" only."
    );
    let local = json!({ "widget": { "callback_urls": { "success": "http://127.0.0.1:3000/ok" } } });
    assert_eq!(app.sandbox().post("/api/token/", &wanted(local.clone())).await.status, 200);
    assert_eq!(app.production().post("/api/token/", &wanted(local)).await.status, 400);
    for (setting, value) in [
        ("lender_name", json!("x".repeat(201))),
        ("lender_contact", json!("a\nb")),
        ("consent_purpose", json!("x".repeat(501))),
        ("consent_months", json!(0)),
        ("consent_months", json!(61)),
        ("frame_ancestors", json!(["http://app.example.com"])),
        ("frame_ancestors", json!(["https://app.example.com/path"])),
        ("frame_ancestors", json!(["https://*.example.com; script-src *"])),
        ("frame_ancestors", json!([7])),
        ("frame_ancestors", json!(vec!["https://app.example.com"; 11])),
    ] {
        let refused = app.sandbox().patch(SETTINGS, &json!({ setting: value })).await;
        assert_eq!(refused.status, 400, "{setting}: {value}");
        assert_eq!(refused.json()[0]["field"], setting);
    }
    app.finish().await;
}

async fn everybody_reads_their_language(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let access = token(&app.sandbox(), json!({})).await;
    for (language, query, expected) in [
        ("", "", "es"),
        ("pt-BR,pt;q=0.9", "", "es"),
        ("en-GB,es;q=0.5", "", "en"),
        ("en", "&locale=es", "es"),
        ("es", "&locale=en", "en"),
        ("en", "&locale=pt", "en"),
    ] {
        let mut browser = app.browser();
        browser.language = language;
        let path = exchange(&mut browser, &access, query).await;
        let page = browser.get(&path).await.page();
        assert!(page.contains(&format!("<html lang=\"{expected}\">")), "{language} {query}");
        let other = if expected == "es" { "en" } else { "es" };
        let switch = between(&page, "formaction=\"", "\"").to_owned();
        let first = between(&page, "form=\"consent\"", ">");
        assert!(!first.contains("formaction"), "Enter in a field does not change the language");
        assert!(switch.ends_with(&format!("?locale={other}")), "{switch}");
        let page = browser.get(&switch).await.page();
        assert!(page.contains(&format!("<html lang=\"{other}\">")), "{switch}");
        assert!(page.contains(&format!("action=\"{switch}\"")), "the language stays");
    }
    app.finish().await;
}

/// Ids, tokens and hashes of a page.
fn without_ids(page: &str) -> String {
    let ids = regex::Regex::new(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
    let page = ids.replace_all(page, "[id]");
    let form = regex::Regex::new(r#"name="form" value="[^"]*""#).unwrap();
    form.replace_all(&page, r#"name="form" value="[form]""#).into_owned()
}

/// What every page has, whoever reads it and with whatever.
fn check(page: &str, language: &str) {
    assert!(page.contains(&format!("<html lang=\"{language}\">")), "{page}");
    assert!(page.contains("<meta name=\"viewport\" content=\"width=device-width"), "{page}");
    assert!(!between(page, "<title>", "</title>").trim().is_empty());
    assert_eq!(page.matches("<h1>").count(), 1, "{page}");
    assert_eq!(page.matches("<main").count(), 1, "{page}");
    for field in page.split("<input ").skip(1).chain(page.split("<select ").skip(1)) {
        let field = field.split('>').next().unwrap();
        if !field.contains("type=\"hidden\"") {
            let id = between(field, "id=\"", "\"");
            assert!(page.contains(&format!("<label for=\"{id}\">")), "{id} has no label");
            for described in field.split("aria-describedby=\"").skip(1) {
                for id in described.split('"').next().unwrap().split(' ') {
                    assert!(page.contains(&format!("id=\"{id}\"")), "nothing is called {id}");
                }
            }
        }
    }
    for script in page.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/connect/script.js\" defer></script>"), "{script}");
    }
}

async fn every_page_can_be_read_by_everybody(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for language in ["es", "en"] {
        let mut shown = Vec::new();
        let access = token(&app.sandbox(), json!({})).await;
        let mut browser = app.browser();
        browser.language = language;
        let path = exchange(&mut browser, &access, "").await;
        shown.push(("form", browser.get(&path).await.page()));
        let wrong = browser.submit(&path, &[]).await.body;
        assert!(wrong.contains("role=\"alert\" tabindex=\"-1\" autofocus"), "{wrong}");
        shown.push(("wrong", wrong));
        shown.push(("unknown_person", agree(&mut browser, &path, "1999000404").await));
        shown.push(("done", agree(&mut browser, &path, ONE_JOB).await));
        shown.push(("used", browser.get(&format!("/connect/?access_token={access}")).await.body));
        shown.push(("none", browser.get("/connect/").await.body));
        let access = token(&app.sandbox(), json!({})).await;
        let path = exchange(&mut browser, &access, "").await;
        browser.get(&path).await.page();
        browser.submit(&path.replace("?locale", "/leave?locale"), &[]).await;
        shown.push(("left", answered(&mut browser, &path).await.page()));
        for (name, page) in shown {
            check(&page, language);
            insta::assert_snapshot!(format!("{name}_{language}"), without_ids(&page));
        }
        app.settled().await;
    }
    app.finish().await;
}

async fn what_is_typed_is_sealed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    agree(&mut browser, &path, "1999000404").await;
    for hidden in ["1999000404", "app.example.com", "user-00042"] {
        assert!(!app.database.shows(hidden), "{hidden} can be read");
    }
    agree(&mut browser, &path, ONE_JOB).await;
    app.settled().await;
    assert!(!app.database.shows(ONE_JOB), "the document can be read");
    // After a day nothing of it is left.
    app.advance(25 * 60 * MINUTE);
    assert_eq!(browser.get(&path).await.status, 404);
    app.finish().await;
}

async fn a_chain_with_a_page_holds(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, path) = opened(&app, json!({})).await;
    agree(&mut browser, &path, ONE_JOB).await;
    let client = app.sandbox();
    let document = json!({ "document_type": "CC", "document_number": ONE_JOB });
    let evidence = client.post("/manage/v1/consents/evidence/", &document).await.json();
    assert_eq!(evidence["chain"]["receipts"], 1);
    assert_eq!(sandbox(&app).await.broken, None);
    let foreign = app.production().post("/manage/v1/consents/evidence/", &document).await.json();
    assert_eq!(foreign["consents"], json!([]), "the other workspace knows nothing of it");
    let html = client.request(Method::POST, "/manage/v1/consents/evidence/?format=html");
    let page = client.send(html.json(&document)).await;
    assert!(page.body.contains("connect-1") && page.body.contains("I authorize"), "{}", page.body);
    app.settled().await;
    app.finish().await;
}
