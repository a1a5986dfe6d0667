//! What the pages of a link say of pay and of who paid it.

use std::time::Duration;

use serde_json::json;
use vinculo_store::Environment::Production;
use vinculo_store::UserRole;

use crate::dashboard_sessions::signed_in;
use crate::support::{TestApp, TestDatabase, between, on_both_databases};

on_both_databases!(
    a_month_that_nobody_paid_is_marked_wherever_it_is_shown,
    a_paid_month_without_a_day_is_not_called_unpaid,
    a_link_tells_of_its_employments_what_the_api_does,
    tabs_are_told_apart_by_their_titles,
    a_search_takes_what_the_page_shows,
);

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../pila/tests/samples/", $name)).as_slice()
    };
}

const JANUARY: &[u8] = sample!("05-nandu-E-2026-01.txt");
const FEBRUARY_UNPAID: &[u8] = sample!("08-nandu-E-2026-02-unpaid.txt");

/// A link of a person whose last month stands in a planilla that nobody has paid; its page.
async fn unpaid_link(app: &TestApp) -> String {
    for file in [JANUARY, FEBRUARY_UNPAID] {
        app.import(Production, file).await;
        app.advance(Duration::from_secs(1));
    }
    let link = app.production().create_link("1900000101", json!({})).await;
    app.settled().await;
    format!("/dashboard/production/links/{}", link["id"].as_str().unwrap())
}

async fn a_month_that_nobody_paid_is_marked_wherever_it_is_shown(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let drafts = json!({ "include_drafts": true });
    assert_eq!(app.production().patch("/manage/v1/settings/", &drafts).await.status, 200);
    let here = unpaid_link(&app).await;
    let mut browser = signed_in(&app, "default", UserRole::Analyst).await;
    browser.language = "es";
    let page = browser.get(&here).await.page();
    let employment = between(&page, "<section class=\"card employment\">", "</section>");
    assert!(between(employment, "<h3>", "</h3>").contains("2026-02: sin pagar"), "{employment}");
    let last = "<dt>Último mes</dt><dd>2026-02 <span class=\"tag pending\">sin pagar</span></dd>";
    assert!(employment.contains(last), "{employment}");
    assert!(employment.contains("<dt>Último mes pagado</dt><dd>2026-01, $"), "{employment}");
    let figure = between(&page, "<figure>", "</figure>");
    assert_eq!(figure.matches("<path class=\"unpaid\"").count(), 1, "{figure}");
    assert!(figure.contains("sin pagar: 2026-02</desc>"), "{figure}");
    assert!(figure.contains("planilla presentada que nadie ha pagado"), "{figure}");
    let rows: Vec<_> = figure.split("<tr><th scope=\"row\">").skip(1).collect();
    assert!(rows[0].starts_with("2026-02") && rows[0].contains(">sin pagar<"), "{}", rows[0]);
    assert!(rows[1].starts_with("2026-01") && !rows[1].contains("sin pagar"), "{}", rows[1]);

    let employment = between(&page, &format!("{here}/provenance/"), "\"").to_owned();
    let page = browser.get(&format!("{here}/provenance/{employment}")).await.page();
    let months: Vec<_> = page.split("<section class=\"card\">").skip(1).collect();
    assert_eq!(months[0].matches("sin pagar").count(), 3, "{}", months[0]);
    assert!(!months[1].contains("sin pagar"), "{}", months[1]);
    app.finish().await;
}

async fn a_paid_month_without_a_day_is_not_called_unpaid(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = app.sandbox().create_link("1999000010", json!({})).await;
    app.settled().await;
    let here = format!("/dashboard/sandbox/links/{}", link["id"].as_str().unwrap());
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let page = browser.get(&here).await.page();
    assert!(!page.contains("not paid"), "{page}");
    let employment = between(&page, &format!("{here}/provenance/"), "\"").to_owned();
    let page = browser.get(&format!("{here}/provenance/{employment}")).await.page();
    assert!(page.contains("the source does not say when") && !page.contains("not paid"), "{page}");
    app.finish().await;
}

async fn a_link_tells_of_its_employments_what_the_api_does(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = app.sandbox().create_link("1999000002", json!({})).await;
    app.settled().await;
    let id = link["id"].as_str().unwrap();
    let here = format!("/dashboard/sandbox/links/{id}");
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let page = browser.get(&here).await.page();
    let cards: Vec<_> = page.split("<section class=\"card employment\">").skip(1).collect();
    let employments = app.sandbox().results(&format!("/api/co/employments/?link={id}")).await;
    assert_eq!((cards.len(), employments.len()), (2, 2));
    for employment in &employments {
        let name = employment["employer_data"]["name"].as_str().unwrap();
        let heading = format!("<h3><bdi>{name}</bdi></h3>");
        let card = cards.iter().find(|card| card.contains(&heading)).expect("its card");
        let id = employment["id"].as_str().unwrap();
        let provenance = format!("/manage/v1/employments/{id}/provenance/");
        let tenure = &app.sandbox().get(&provenance).await.json()["tenure"];
        let since = match tenure["is_lower_bound"] == true {
            true => "since, at the latest,",
            false => "since",
        };
        let first = tenure["since"].as_str().unwrap();
        let told = format!("<dt>Months</dt><dd>{} ({since} {first})</dd>", tenure["months"]);
        assert!(card.contains(&told), "{told}: {card}");
        let last = &employment["salary_and_benefit_details"][0];
        for (label, name) in [
            ("EPS", "healthcare_provider_name"),
            ("Pension fund", "pension_fund_name"),
            ("Worker type", "employment_type_additional_info"),
            ("Last month", "month"),
        ] {
            let told = last[name].as_str().unwrap_or_else(|| panic!("no {name} in {last}"));
            assert!(card.contains(&format!("<dt>{label}</dt><dd>{told}</dd>")), "{told}: {card}");
        }
        for label in ["Integral salary", "Gross of the last month", "Net of the last month"] {
            assert!(card.contains(&format!("<dt>{label}</dt>")), "{label}: {card}");
        }
        let traced = browser.get(&format!("{here}/provenance/{id}")).await.page();
        assert!(traced.contains(&format!("<strong><bdi>{name}</bdi></strong>")), "{traced}");
    }
    app.finish().await;
}

async fn tabs_are_told_apart_by_their_titles(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let mut titles = Vec::new();
    for username in ["1999000001", "1999000003"] {
        let link = app.sandbox().create_link(username, json!({ "external_id": username })).await;
        app.settled().await;
        let here = format!("/dashboard/sandbox/links/{}", link["id"].as_str().unwrap());
        let page = browser.get(&here).await.page();
        titles.push(between(&page, "<title>", "</title>").to_owned());
        let employment = between(&page, &format!("{here}/provenance/"), "\"").to_owned();
        let page = browser.get(&format!("{here}/provenance/{employment}")).await.page();
        titles.push(between(&page, "<title>", "</title>").to_owned());
        // Browsers keep titles: the number of nobody is in one.
        assert!(titles.iter().all(|title| !title.contains(username)), "{titles:?}");
    }
    let all = titles.len();
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), all, "{titles:?}");
    app.finish().await;
}

async fn a_search_takes_what_the_page_shows(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut browser = signed_in(&app, "default", UserRole::Owner).await;
    let link = app.sandbox().create_link("1999000002", json!({ "access_mode": "recurrent" })).await;
    app.settled().await;
    let id = link["id"].as_str().unwrap();
    let links = "/dashboard/sandbox/links";
    for (value, found) in [
        ("CC 1999000002", true),
        ("cc 1.999.000.002", true),
        ("CE 1999000002", false),
        ("passport 1999000002", false),
    ] {
        browser.get(links).await.page();
        let shown = browser.submit(links, &[("by", "document"), ("value", value)]).await;
        assert_eq!(shown.location() == format!("{links}/{id}"), found, "{value}");
    }
    for (mode, found) in [("recurrent", true), ("single", false)] {
        let page = browser.get(&format!("{links}?status=&access_mode={mode}")).await.page();
        assert_eq!(page.contains(id), found, "{mode}: {page}");
        assert!(page.contains(&format!("<option value=\"{mode}\" selected>")), "{page}");
    }
    app.finish().await;
}
