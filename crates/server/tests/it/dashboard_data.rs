//! The pages of the dashboard about data: planillas, cohorts, one link, settings.

use std::time::Duration;

use serde_json::json;
use vinculo_server::config::Config;
use vinculo_store::Environment::{Production, Sandbox};
use vinculo_store::UserRole;

use crate::dashboard_sessions::signed_in;
use crate::support::{Browser, Receiver, Setup, TestApp, TestDatabase, between, on_both_databases};

on_both_databases!(
    a_planilla_is_uploaded_and_followed,
    what_is_wrong_with_a_planilla_is_told_by_line,
    a_form_with_a_file_is_refused_that_is_none,
    a_large_planilla_is_followed_page_by_page,
    a_cohort_is_uploaded_followed_and_cancelled,
    a_link_tells_every_step,
    a_link_is_refreshed_and_deleted,
    every_month_tells_where_it_comes_from,
    settings_are_changed_by_who_may,
    what_somebody_else_has_set_meanwhile_stays,
    what_never_comes_to_its_file_is_cut_off,
    home_tells_times_outcomes_and_sources,
);

const OCTOBER: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");
const REFUSED: &[u8] = include_bytes!("../../../pila/tests/samples/bad/09-check-digit.txt");
const WRONG_TOTAL: &[u8] = include_bytes!("../../../pila/tests/samples/bad/15-header-total.txt");

const IMPORTS: &str = "/dashboard/production/imports";
const COHORTS: &str = "/dashboard/sandbox/cohorts";

async fn developer(app: &TestApp) -> Browser {
    signed_in(app, "default", UserRole::Developer).await
}

/// Uploads a file that is taken; where it is shown.
async fn upload(browser: &mut Browser, list: &str, fields: &[(&str, &str)], file: &[u8]) -> String {
    browser.get(list).await.page();
    let sent = browser.upload(list, fields, ("archivo <1>.txt", file)).await;
    sent.location().to_owned()
}

async fn a_planilla_is_uploaded_and_followed(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let mut browser = developer(&app).await;
    let here = upload(&mut browser, IMPORTS, &[], OCTOBER).await;
    assert!(here.starts_with(&format!("{IMPORTS}/")), "{here}");
    let page = browser.get(&here).await.page();
    for told in
        ["archivo &#60;1&#62;.txt", "data-live", "<progress", "http-equiv=\"refresh\"", "waiting"]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    app.start_runner().await;
    app.settled().await;
    let page = browser.get(&here).await.page();
    for gone in ["data-live", "<progress", "http-equiv"] {
        assert!(!page.contains(gone), "{gone}: {page}");
    }
    for told in ["<span class=\"tag accepted\">", "<dd>2025-10</dd>", "No findings"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let list = browser.get(IMPORTS).await.page();
    assert!(list.contains(&format!("href=\"{here}\"")) && list.contains("1 result<"), "{list}");
    let again = upload(&mut browser, IMPORTS, &[], OCTOBER).await;
    assert_eq!(again, format!("{here}?said=known"));
    assert!(browser.get(&again).await.page().contains("was received before"));
    let noted = app.production().results("/manage/v1/audit/?action=import.created").await;
    assert_eq!((noted.len(), &noted[0]["actor"]), (2, &"user".into()), "{noted:?}");
    let other = here.replace("production", "sandbox");
    assert_eq!(browser.get(&other).await.status, 404, "it is of the other workspace");
    app.finish().await;
}

async fn what_is_wrong_with_a_planilla_is_told_by_line(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = developer(&app).await;
    let here = upload(&mut browser, IMPORTS, &[], REFUSED).await;
    app.settled().await;
    let page = browser.get(&here).await.page();
    let id = here.rsplit('/').next().unwrap();
    let kept = app.production().get(&format!("/manage/v1/imports/{id}/")).await.json();
    let finding = &kept["report"]["findings"][0];
    let text = |name: &str| finding[name].as_str().unwrap().replace('"', "&#34;");
    assert!(page.contains(&format!("<code>{}</code>", text("rule"))), "{page}");
    assert!(page.contains(&format!("<code>{}</code>", text("found"))), "{page}");
    assert!(page.contains(&text("expected")) && page.contains(&text("field_en")), "{page}");
    let columns = format!("<dd>{}–{}</dd>", finding["columns"][0], finding["columns"][1]);
    assert!(page.contains(&columns) && page.contains("<mark>"), "{columns}: {page}");
    assert!(page.contains("<span class=\"tag refused\">"), "{page}");
    browser.language = "es";
    let page = browser.get(&here).await.page();
    assert!(page.contains(&text("field_es")) && page.contains("Encontrado"), "{page}");

    // A rule about totals may pass.
    let refused = upload(&mut browser, IMPORTS, &[], WRONG_TOTAL).await;
    app.settled().await;
    assert!(browser.get(&refused).await.page().contains("<span class=\"tag refused\">"));
    let allow = [("allow", "header_payroll_total")];
    let allowed = upload(&mut browser, IMPORTS, &allow, WRONG_TOTAL).await;
    app.settled().await;
    let page = browser.get(&allowed).await.page();
    assert!(
        page.contains("<span class=\"tag accepted\">") && page.contains(">permitido<"),
        "{page}"
    );
    browser.get(IMPORTS).await.page();
    let wrong = [("allow", "record_length")];
    let shown = browser.upload(IMPORTS, &wrong, ("x", WRONG_TOTAL)).await;
    assert_eq!(shown.status, 400);
    assert!(shown.body.contains("record_length"), "{}", shown.body);
    app.finish().await;
}

async fn a_form_with_a_file_is_refused_that_is_none(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = developer(&app).await;
    browser.get(IMPORTS).await.page();
    let shown = browser.upload(IMPORTS, &[], ("", b"")).await;
    assert_eq!(shown.status, 400);
    assert!(shown.body.contains("Choose a file."), "{}", shown.body);
    assert_eq!(browser.submit(IMPORTS, &[("file", "x")]).await.status, 415);
    browser.get(IMPORTS).await.page();
    let long = "x".repeat(5000);
    assert_eq!(browser.upload(IMPORTS, &[("allow", &long)], ("x", b"x")).await.status, 400);

    // A form of somebody else's session is not taken.
    let mut other = signed_in(&app, "default", UserRole::Owner).await;
    other.take_form_of(&browser);
    assert_eq!(other.upload(IMPORTS, &[], ("x", OCTOBER)).await.status, 403);
    let mut analyst = signed_in(&app, "default", UserRole::Analyst).await;
    let page = analyst.get(IMPORTS).await.page();
    assert!(!page.contains("type=\"file\""), "{page}");
    assert_eq!(analyst.upload(IMPORTS, &[], ("x", OCTOBER)).await.status, 403);
    assert!(app.production().results("/manage/v1/imports/").await.is_empty());
    app.finish().await;
}

async fn a_large_planilla_is_followed_page_by_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = developer(&app).await;
    let here =
        upload(&mut browser, IMPORTS, &[], &[b"no planilla\r\n".as_slice(); 9].concat()).await;
    app.settled().await;
    let page = browser.get(&here).await.page();
    let all = page.matches("<li class=\"card finding\">").count();
    assert!(all > 1, "{page}");
    let page = browser.get(&format!("{here}?page_size=1")).await.page();
    assert_eq!(page.matches("<li class=\"card finding\">").count(), 1);
    assert!(page.contains(&format!("{all} results")) && page.contains("rel=\"next\""), "{page}");
    assert_eq!(browser.get(&format!("{here}?page=2")).await.status, 404);
    app.finish().await;
}

async fn a_cohort_is_uploaded_followed_and_cancelled(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let mut browser = developer(&app).await;
    let file = b"document,external_id\n1999000001,COH-A\n1999000002,COH-B\n1999000004,xy\n";
    let terms = [("webhooks", "end"), ("access_mode", "recurrent")];
    let here = upload(&mut browser, COHORTS, &terms, file).await;
    let page = browser.get(&here).await.page();
    for told in ["data-live", "the end alone", "<dt>Total</dt><dd>3</dd>", "What waits"] {
        let told = told.replace("What", "what");
        assert!(page.contains(&told), "{told}: {page}");
    }
    app.start_runner().await;
    crate::cohorts::ended(&app, &app.sandbox(), here.rsplit('/').next().unwrap()).await;
    let page = browser.get(&here).await.page();
    assert!(
        page.contains("<span class=\"tag finished\">") && !page.contains("data-live"),
        "{page}"
    );
    assert_eq!(page.matches("<span class=\"tag ok\">").count(), 2, "{page}");
    assert!(
        page.contains("<span class=\"tag invalid\">") && page.contains("<code>external_id</code>")
    );
    let link = between(&page, "href=\"/dashboard/sandbox/links/", "\"").to_owned();
    assert!(
        browser.get(&format!("/dashboard/sandbox/links/{link}")).await.page().contains("recurrent")
    );
    let results = browser.get(&format!("{here}/results.csv")).await.page();
    assert!(results.starts_with("line,state,link,code,field\n2,ok,"), "{results}");
    let page = browser.get(&format!("{here}?after=3")).await.page();
    assert!(page.contains("invalid") && !page.contains("<span class=\"tag ok\">"), "{page}");
    browser.get(COHORTS).await.page();
    let wrong = browser.upload(COHORTS, &[], ("x.csv", b"cedula\n1\n")).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("<div class=\"problem\" role=\"alert\""), "{}", wrong.body);
    assert_eq!(browser.upload(COHORTS, &[], ("", b"")).await.status, 400);

    app.stop_runner().await;
    let here = upload(&mut browser, COHORTS, &[], b"document\n1999000003\n").await;
    let cancelled = browser.submit(&format!("{here}/cancel"), &[]).await;
    assert_eq!(cancelled.location(), here);
    assert!(browser.get(&here).await.page().contains("<dt>cancelled</dt><dd>1</dd>"));
    let noted = app.sandbox().results("/manage/v1/audit/?action=cohort.cancelled").await;
    assert_eq!(noted[0]["actor"], "user");
    app.finish_with_work_left().await;
}

async fn a_link_tells_every_step(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut browser, mut receiver) = (developer(&app).await, Receiver::start().await);
    app.send_events_to(&receiver, Sandbox, None).await;
    crate::consents::grant(&app.sandbox(), "1999000001", json!({})).await;
    let link = app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    receiver.take::<2>().await;
    let here = format!("/dashboard/sandbox/links/{}", link["id"].as_str().unwrap());
    let page = browser.get(&here).await.page();
    let steps = between(&page, "<ol class=\"timeline card\">", "</ol>");
    for told in
        ["Link created", "Load asked for", "Load ended", "Consent given", "historical_update"]
    {
        assert!(steps.contains(told), "{told}: {steps}");
    }
    assert!(
        steps.contains("Question to a source <span class=\"said\"><code>sandbox</code></span>"),
        "{steps}"
    );
    assert_eq!(steps.matches("Delivery of the event").count(), 2, "{steps}");
    assert_eq!(steps.matches("<span class=\"tag delivered\">").count(), 2, "{steps}");
    let call = between(&page, "<h2>Questions to sources</h2>", "</table>");
    assert!(call.contains("<span class=\"tag resolved\">") && call.contains(" ms</td>"), "{call}");
    let mut analyst = signed_in(&app, "default", UserRole::Analyst).await;
    let page = analyst.get(&here).await.page();
    assert!(page.contains("Delivery of the event"), "{page}");
    for kept in ["/deliveries/", "/refresh", "/delete"] {
        assert!(!page.contains(kept), "{kept}: {page}");
    }
    app.finish().await;
}

async fn a_link_is_refreshed_and_deleted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = developer(&app).await;
    let link = app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    let here = format!("/dashboard/sandbox/links/{}", link["id"].as_str().unwrap());
    browser.get(&here).await.page();
    let asked = browser.submit(&format!("{here}/refresh"), &[]).await;
    assert_eq!(asked.location(), format!("{here}?said=refresh"));
    app.settled().await;
    let page = browser.get(&format!("{here}?said=refresh")).await.page();
    assert!(page.contains("The load has ended") && page.contains("asked for again"));
    let again = browser.submit(&format!("{here}/refresh"), &[]).await;
    assert_eq!(again.status, 409);
    assert!(again.body.contains("Please wait 10 minutes"), "{}", again.body);

    let page = browser.get(&format!("{here}/delete")).await.page();
    assert!(page.contains("This cannot be undone"), "{page}");
    assert_eq!(app.sandbox().results("/api/links/").await.len(), 1, "asking deletes nothing");
    let deleted = browser.submit(&format!("{here}/delete"), &[]).await;
    assert_eq!(deleted.location(), "/dashboard/sandbox/links?said=deleted");
    assert!(browser.get(deleted.location()).await.page().contains("The link was deleted."));
    assert_eq!(app.sandbox().results("/api/links/").await.len(), 0);
    assert_eq!(browser.get(&here).await.status, 404);
    for action in ["link.refreshed", "link.deleted"] {
        let path = format!("/manage/v1/audit/?action={action}");
        let noted = app.sandbox().results(&path).await;
        assert_eq!((noted.len(), &noted[0]["actor"]), (1, &json!("user")), "{action}");
    }
    app.finish().await;
}

async fn every_month_tells_where_it_comes_from(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = developer(&app).await;
    let import = app.import(Production, OCTOBER).await;
    let link = app.production().create_link("1900000101", json!({})).await;
    app.settled().await;
    let id = link["id"].as_str().unwrap();
    let here = format!("/dashboard/production/links/{id}");
    let page = browser.get(&here).await.page();
    let employment = between(&page, &format!("{here}/provenance/"), "\"").to_owned();
    let page = browser.get(&format!("{here}/provenance/{employment}")).await.page();
    for told in [
        "<h2>2025-10</h2>".to_owned(),
        format!("/dashboard/production/imports/{}\"", import.id),
        "counts <code class=\"code\">counted</code>".to_owned(),
        "PILA proves contributions".to_owned(),
    ] {
        assert!(page.contains(&told), "{told}: {page}");
    }
    assert!(!page.contains("Something has changed"), "{page}");
    let other = "00000000-0000-4000-8000-000000000007";
    for missing in [
        format!("/dashboard/production/links/{other}/provenance/{employment}"),
        format!("{here}/provenance/{other}"),
        format!("/dashboard/sandbox/links/{id}/provenance/{employment}"),
    ] {
        assert_eq!(browser.get(&missing).await.status, 404, "{missing}");
    }
    let mut auditor = signed_in(&app, "default", UserRole::Auditor).await;
    assert_eq!(auditor.get(&format!("{here}/provenance/{employment}")).await.status, 403);
    app.finish().await;
}

const SETTINGS: &str = "/dashboard/sandbox/settings";

async fn settings_are_changed_by_who_may(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = developer(&app).await;
    let before = app.sandbox().get("/manage/v1/settings/").await.json();
    browser.get(SETTINGS).await.page();
    let fields = [
        ("include_drafts", "true"),
        ("refresh_rate", "24h"),
        ("fetch_resources", "OWNERS"),
        ("source_policy", "all"),
        ("lender_name", "Cooperativa <Ejemplo>"),
        ("lender_contact", ""),
        ("consent_purpose", "Estudiar un crédito"),
        ("consent_months", "6"),
        ("frame_ancestors", "https://app.example.com  https://otra.example.com"),
        ("webhook_retry_seconds", "5 60"),
        ("keep_lines_months", "36"),
        ("keep_source_answers_days", "91"),
        ("keep_delivery_answers_days", "30"),
        ("keep_events_days", "90"),
        ("keep_import_reports_days", "365"),
        ("keep_loads_days", "365"),
        ("keep_cohort_rows_days", "90"),
    ];
    let saved = browser.submit(SETTINGS, &fields).await;
    assert_eq!(saved.location(), format!("{SETTINGS}?said=saved"));
    let page = browser.get(saved.location()).await.page();
    for told in [
        "The settings were saved.",
        "value=\"Cooperativa &#60;Ejemplo&#62;\"",
        "<option value=\"24h\" selected>24h",
        "value=\"OWNERS\" checked",
        "value=\"5 60\"",
        "<code>sandbox</code>",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let after = app.sandbox().get("/manage/v1/settings/").await.json();
    assert_eq!(before["allow_duplicate_links"], true);
    assert_eq!(
        (
            &after["allow_duplicate_links"],
            &after["keep_source_answers_days"],
            &after["consent_months"]
        ),
        (&json!(false), &json!(91), &json!(6))
    );
    assert_eq!(
        after["frame_ancestors"],
        json!(["https://app.example.com", "https://otra.example.com"])
    );

    let mut wrong = fields;
    wrong[7].1 = "siempre";
    wrong[8].1 = "http://app.example.com";
    browser.language = "es";
    browser.get(SETTINGS).await.page();
    let refused = browser.submit(SETTINGS, &wrong).await;
    assert_eq!(refused.status, 400);
    for told in
        ["Debe ser un número entero de 1 a 60", "no es uno de hasta 10 sitios", "value=\"siempre\""]
    {
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
    }
    assert_eq!(app.sandbox().get("/manage/v1/settings/").await.json(), after);
    let noted = app.sandbox().results("/manage/v1/audit/?action=settings.changed").await;
    assert_eq!((noted.len(), &noted[0]["actor"]), (1, &json!("user")));

    let mut auditor = signed_in(&app, "default", UserRole::Auditor).await;
    let page = auditor.get(SETTINGS).await.page();
    assert!(
        page.contains("Cooperativa &#60;Ejemplo&#62;") && !page.contains("<input id="),
        "{page}"
    );
    app.finish().await;
}

async fn what_somebody_else_has_set_meanwhile_stays(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = developer(&app).await;
    let page = browser.get(SETTINGS).await.page();
    let shown = between(&page, "name=\"shown\" value=\"", "\"").replace("&#34;", "\"");
    let client = app.sandbox();
    let elsewhere = json!({ "refresh_rate": "30d", "include_drafts": true });
    assert_eq!(client.patch("/manage/v1/settings/", &elsewhere).await.status, 200);
    let before = client.get("/manage/v1/settings/").await.json();

    let values: serde_json::Value = serde_json::from_str(&shown).expect("what was shown");
    let mut fields = vec![("shown".to_owned(), shown.clone())];
    for (name, value) in values.as_object().expect("an object") {
        let all = match value {
            serde_json::Value::Bool(false) | serde_json::Value::Null => continue,
            serde_json::Value::Array(all) if name == "fetch_resources" => all.clone(),
            serde_json::Value::Array(all) => {
                let all = all.iter().map(|it| it.to_string().replace('"', ""));
                vec![json!(all.collect::<Vec<_>>().join(" "))]
            }
            value => vec![value.clone()],
        };
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        fields.extend(all.iter().map(|value| (name.clone(), text(value))));
    }
    let months = fields.iter_mut().find(|(name, _)| name == "consent_months").expect("a field");
    months.1 = "7".to_owned();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    browser.submit(SETTINGS, &fields).await.location();
    let mut expected = before;
    expected["consent_months"] = json!(7);
    assert_eq!(client.get("/manage/v1/settings/").await.json(), expected);
    app.finish().await;
}

async fn what_never_comes_to_its_file_is_cut_off(database: TestDatabase) {
    // What is left of a request that was answered is taken for as long as a head.
    let short = |config: &mut Config| config.header_timeout = Duration::from_secs(10);
    let app = Setup::new(database).configure(short).start().await;
    let mut browser = developer(&app).await;
    browser.get(IMPORTS).await.page();
    let answer = browser.upload_without_end(IMPORTS, 2 * 1024 * 1024).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    // A file may be as long, and come as fast.
    let long = [b"x".repeat(100_000), b"\r\n".to_vec()].concat().repeat(20);
    let here = upload(&mut browser, IMPORTS, &[], &long).await;
    app.settled().await;
    assert!(browser.get(&here).await.page().contains("finding"));
    app.finish().await;
}

async fn home_tells_times_outcomes_and_sources(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = developer(&app).await;
    app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    let page = browser.get("/dashboard/sandbox").await.page();
    for told in [
        "<dt>half take less than</dt><dd>1 s</dd>",
        "<dt>answered with data <code class=\"code\">resolved</code></dt><dd>1</dd>",
        "<dt>answered</dt><dd>100 %</dd>",
        "<span class=\"tag valid\">in service</span>",
        "<dd>$0</dd>",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(browser.get("/dashboard/production").await.page().contains("No links were loaded"));
    app.finish().await;
}
