//! What a workspace decides about its links, and what a registration may ask for.

use serde_json::{Value, json};
use vinculo_store::Environment::Production;

use crate::support::{TestApp, TestDatabase, link_request, on_both_databases};

on_both_databases!(
    settings_are_read_and_changed,
    a_second_link_of_a_person_can_be_refused,
    unknown_people_can_be_accepted,
    resources_can_have_a_default,
    drafts_can_be_hidden,
    options_of_a_registration_go_together,
    other_documents_than_the_cedula,
);

const SETTINGS: &str = "/manage/v1/settings/";
const ONE_JOB: &str = "1999000001";

async fn decide(app: &TestApp, settings: Value) {
    let changed = app.sandbox().patch(SETTINGS, &settings).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
}

async fn settings_are_read_and_changed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let shipped = json!({
        "allow_duplicate_links": true,
        "refresh_rate": "7d",
        "fetch_resources": [],
        "accept_unknown_people": false,
        "include_drafts": true,
        "require_consent": false,
        "lender_name": "",
        "lender_contact": "",
        "consent_purpose": "",
        "consent_months": 12,
        "frame_ancestors": [],
        "webhook_retry_seconds": [60, 120, 180, 240, 300, 1800, 7200, 18000, 36000, 36000],
        "source_policy": "first",
        "keep_source_answers_days": 90,
        "keep_delivery_answers_days": 30,
        "keep_events_days": 90,
        "keep_import_reports_days": 365,
        "keep_lines_months": 0,
        "keep_loads_days": 365,
        "keep_cohort_rows_days": 90,
    });
    assert_eq!(client.get(SETTINGS).await.json(), shipped);
    decide(&app, json!({ "refresh_rate": "12h", "fetch_resources": ["OWNERS"] })).await;
    decide(&app, json!({ "include_drafts": false })).await;
    let mut changed = shipped.clone();
    changed["refresh_rate"] = json!("12h");
    changed["fetch_resources"] = json!(["OWNERS"]);
    changed["include_drafts"] = json!(false);
    assert_eq!(client.get(SETTINGS).await.json(), changed);
    assert_eq!(app.production().get(SETTINGS).await.json(), shipped, "each workspace its own");
    for (body, code, field) in [
        (json!({ "refresh_rate": "1h" }), "invalid_choice", "refresh_rate"),
        (json!({ "include_drafts": 3 }), "invalid", "include_drafts"),
        (json!({ "fetch_resources": ["X"] }), "invalid", "resources"),
        (json!({ "webhook_retry_seconds": [0] }), "invalid", "webhook_retry_seconds"),
        (json!({ "webhook_retry_seconds": [86_401] }), "invalid", "webhook_retry_seconds"),
        (json!({ "webhook_retry_seconds": [1.5] }), "invalid", "webhook_retry_seconds"),
        (json!({ "webhook_retry_seconds": vec![1; 21] }), "invalid", "webhook_retry_seconds"),
        (json!({ "source_policy": "best" }), "invalid_choice", "source_policy"),
        (json!({ "keep_events_days": 0 }), "invalid", "keep_events_days"),
        (json!({ "keep_loads_days": 3651 }), "invalid", "keep_loads_days"),
        (json!({ "keep_lines_months": 1201 }), "invalid", "keep_lines_months"),
        (json!({ "keep_lines_months": -1 }), "invalid", "keep_lines_months"),
        (json!({ "keep_import_reports_days": "90" }), "invalid", "keep_import_reports_days"),
        (json!({ "colour": "blue" }), "invalid", "colour"),
    ] {
        let refused = client.patch(SETTINGS, &body).await;
        assert_eq!((refused.status, refused.codes()), (400, vec![code.to_owned()]), "{body}");
        assert_eq!(refused.json()[0]["field"], field);
    }
    assert_eq!(client.get(SETTINGS).await.json(), changed);
    let app = app.restart().await;
    assert_eq!(app.sandbox().get(SETTINGS).await.json(), changed);
    app.finish().await;
}

async fn a_second_link_of_a_person_can_be_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    decide(&app, json!({ "allow_duplicate_links": false })).await;
    let link = client.create_link(ONE_JOB, json!({ "access_mode": "single" })).await;
    let asked = app.asked();
    let second = client.post("/api/links/", &link_request("1.999.000.001", json!({}))).await;
    assert_eq!((second.status, second.codes()), (400, vec!["duplicated".to_owned()]));
    let item = &second.json()[0];
    assert_eq!(item["message"], "Link already exists");
    assert_eq!(item["institution_user_id"], link["institution_user_id"]);
    assert_eq!(app.asked(), asked, "nobody is asked");

    // Of many at once, one is made.
    let twins = (0..8).map(|_| {
        let (client, body) = (client.clone(), link_request("1999000002", json!({})));
        tokio::spawn(async move { client.post("/api/links/", &body).await.status })
    });
    let mut statuses = Vec::new();
    for twin in twins.collect::<Vec<_>>() {
        statuses.push(twin.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201], vec![400; 7]].concat());
    client.delete(&format!("/api/links/{}/", link["id"].as_str().unwrap())).await;
    client.create_link(ONE_JOB, json!({ "access_mode": "single" })).await;
    app.settled().await;
    app.finish().await;
}

async fn unknown_people_can_be_accepted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    decide(&app, json!({ "accept_unknown_people": true })).await;
    let link = app.sandbox().create_link("1999000404", json!({})).await;
    app.settled().await;
    assert_eq!(app.asked(), 1, "the answer that there is nothing is kept as well");
    // That nothing is known is an answer: it makes no link invalid.
    let body = json!({ "link": link["id"] });
    for _ in 0..7 {
        let nothing = app.sandbox().post("/api/co/employments/", &body).await;
        assert_eq!(nothing.codes(), ["unavailable_data"]);
    }
    let path = format!("/api/links/{}/", link["id"].as_str().unwrap());
    assert_eq!(app.sandbox().get(&path).await.json()["status"], "valid");
    assert_eq!(app.sandbox().put(&path, &json!({})).await.status, 200);
    app.settled().await;
    let id = link["id"].as_str().unwrap();
    for list in ["/api/co/employments/", "/api/owners/"] {
        assert!(app.sandbox().results(&format!("{list}?link={id}")).await.is_empty());
    }
    app.finish().await;
}

async fn resources_can_have_a_default(database: TestDatabase) {
    let app = TestApp::start(database).await;
    decide(&app, json!({ "fetch_resources": ["EMPLOYMENTS"] })).await;
    let client = app.sandbox();
    let single = json!({ "access_mode": "single" });
    let link = client.create_link(ONE_JOB, single).await;
    assert_eq!(link["fetch_resources"], json!(["EMPLOYMENTS"]));
    app.settled().await;
    let id = link["id"].as_str().unwrap();
    assert_eq!(client.results(&format!("/api/co/employments/?link={id}")).await.len(), 1);
    assert!(client.results(&format!("/api/owners/?link={id}")).await.is_empty());
    let named = json!({ "access_mode": "single", "fetch_resources": [] });
    assert_eq!(client.create_link(ONE_JOB, named).await["fetch_resources"], json!([]));
    app.finish().await;
}

async fn drafts_can_be_hidden(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for file in [
        include_bytes!("../../../pila/tests/samples/05-nandu-E-2026-01.txt").as_slice(),
        include_bytes!("../../../pila/tests/samples/08-nandu-E-2026-02-unpaid.txt"),
    ] {
        assert_eq!(app.import(Production, file).await.state, "accepted");
    }
    let client = app.production();
    let newest = async || {
        let link = client
            .create_link(
                "1900000101",
                json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] }),
            )
            .await;
        app.settled().await;
        let list = format!("/api/co/employments/?link={}", link["id"].as_str().unwrap());
        client.results(&list).await[0]["salary_and_benefit_details"][0]["month"].clone()
    };
    assert_eq!(newest().await, "2026-02");
    let hidden = client.patch(SETTINGS, &json!({ "include_drafts": false })).await;
    assert_eq!(hidden.status, 200);
    assert_eq!(newest().await, "2026-01");
    app.finish().await;
}

async fn options_of_a_registration_go_together(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    for (more, code, field) in [
        (json!({ "credentials_storage": "nostore" }), "invalid_credentials_storage", None),
        (json!({ "credentials_storage": "30d" }), "invalid_credentials_storage", None),
        (
            json!({ "access_mode": "single", "credentials_storage": "nostore" }),
            "invalid_fetch_resources",
            None,
        ),
        (json!({ "credentials_storage": "400d" }), "invalid", Some("credentials_storage")),
        (json!({ "stale_in": "soon" }), "invalid", Some("stale_in")),
        (json!({ "username_type": "007" }), "invalid_choice", Some("username_type")),
        (json!({ "username_type": "NI" }), "invalid_choice", Some("username_type")),
        (json!({ "username_type": "41" }), "invalid_choice", Some("username_type")),
    ] {
        let refused = client.post("/api/links/", &link_request(ONE_JOB, more.clone())).await;
        assert_eq!((refused.status, refused.codes()), (400, vec![code.to_owned()]), "{more}");
        assert_eq!(refused.json()[0].get("field").and_then(Value::as_str), field, "{more}");
    }
    assert_eq!(app.asked(), 0);
    let more = json!({
        "access_mode": "single", "credentials_storage": "7d", "stale_in": "30d",
        "username_type": "001", "password": "x", "password2": null, "username2": "x",
        "username3": "x", "token": "x", "save_data": true, "fetch_historical": true,
        "certificate": "x", "private_key": "x",
    });
    let link = client.create_link(ONE_JOB, more).await;
    assert_eq!((&link["credentials_storage"], &link["stale_in"]), (&json!("7d"), &json!("30d")));
    // Of another country, a number, a name: one person, by the cédula.
    for kind in [json!("101"), json!(1), json!("01"), json!("cédula de ciudadanía"), json!("")] {
        let more = json!({ "access_mode": "single", "username_type": kind, "stale_in": "030d",
            "credentials_storage": "007d" });
        let other = client.create_link(ONE_JOB, more).await;
        assert_eq!(other["institution_user_id"], link["institution_user_id"], "{kind}");
        assert_eq!(
            (&other["credentials_storage"], &other["stale_in"]),
            (&json!("7d"), &json!("30d"))
        );
    }
    app.finish().await;
}

async fn other_documents_than_the_cedula(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let cedula = client.create_link(ONE_JOB, json!({ "access_mode": "single" })).await;
    // The operator knows the number as a cédula, and nobody by another document.
    for kind in ["002", "003", "004", "PT", "PE"] {
        let number = match kind {
            "002" | "PT" => "199900",
            "PE" => "199900000000001",
            _ => ONE_JOB,
        };
        let more = json!({ "username_type": kind });
        let refused = client.post("/api/links/", &link_request(number, more)).await;
        assert_eq!(
            (refused.status, refused.codes()),
            (400, vec!["login_error".to_owned()]),
            "{kind}"
        );
    }
    decide(&app, json!({ "accept_unknown_people": true })).await;
    let passport = json!({ "username_type": "003", "access_mode": "single" });
    let passport = client.create_link(ONE_JOB, passport).await;
    assert_ne!(passport["institution_user_id"], cedula["institution_user_id"]);
    let institution = &client.results("/api/institutions/").await[0];
    let fields = institution["form_fields"].as_array().unwrap();
    let kinds = fields.iter().find(|field| field["name"] == "username_type").unwrap();
    let codes: Vec<_> =
        kinds["values"].as_array().unwrap().iter().map(|v| v["code"].clone()).collect();
    assert_eq!(json!(codes), json!(["001", "002", "003", "004", "PT", "PE"]));
    app.finish().await;
}
