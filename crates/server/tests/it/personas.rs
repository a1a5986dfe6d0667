//! Everybody the simulated operator knows, and everybody it does not.

use serde_json::{Map, Value, json};
use vinculo_operator::personas;
use vinculo_store::Environment;

use crate::support::{
    Receiver, TestApp, TestDatabase, assert_wire_snapshot, link_request, on_both_databases,
};

on_both_databases!(
    everybody_has_a_history,
    an_unknown_person_is_refused,
    a_busy_operator_is_down_until_it_answers,
    a_malformed_cedula_is_refused_without_a_question,
    a_cedula_may_be_written_in_many_ways,
    production_knows_nobody_without_planillas,
);

const UNKNOWN: &str = "1999000404";
const PATIENT: &str = "1999000503";

fn both_resources() -> Value {
    json!({ "fetch_resources": ["EMPLOYMENTS", "OWNERS"], "access_mode": "single" })
}

async fn everybody_has_a_history(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let mut histories = Map::new();
    let known = personas().iter().filter(|persona| persona.outcome() == "resolved");
    for persona in known {
        let link = app.sandbox().create_link(persona.number, both_resources()).await;
        receiver.take::<2>().await;
        histories.insert(persona.number.to_owned(), history(&app, &link).await);
    }
    assert_wire_snapshot!("histories", Value::Object(histories));
    app.finish().await;
}

/// The owner, and each employment with one line a month.
async fn history(app: &TestApp, link: &Value) -> Value {
    let id = link["id"].as_str().unwrap();
    let employments = app.sandbox().results(&format!("/api/co/employments/?link={id}")).await;
    let owners = app.sandbox().results(&format!("/api/owners/?link={id}")).await;
    let owners: Vec<_> = owners.iter().map(|owner| owner["display_name"].clone()).collect();
    let employments: Vec<_> = employments
        .iter()
        .map(|employment| {
            let months = employment["salary_and_benefit_details"].as_array().unwrap();
            json!({
                "employer": employment["employer_data"],
                "months": months.iter().map(month).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "owners": owners, "employments": employments })
}

fn month(row: &Value) -> String {
    let words = row.as_object().unwrap().values().map(|value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("+"),
        other => other.to_string(),
    });
    words.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
}

async fn an_unknown_person_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let answer = app.sandbox().post("/api/links/", &link_request(UNKNOWN, both_resources())).await;
    assert_wire_snapshot!("unknown_person", answer.shown());
    assert!(app.sandbox().results("/api/links/").await.is_empty());
    assert_eq!(app.asked(), 1);
    app.finish().await;
}

async fn a_busy_operator_is_down_until_it_answers(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let request = link_request(PATIENT, both_resources());
    for _ in 0..2 {
        let answer = app.sandbox().post("/api/links/", &request).await;
        assert_wire_snapshot!("institution_down", answer.shown());
    }
    let answer = app.sandbox().post("/api/links/", &request).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let [employments, owners] = receiver.take().await;
    assert_eq!(employments.json()["data"], json!({ "total_employments": 1 }));
    assert_eq!(owners.json()["data"], json!({ "total_owners": 1 }));
    assert_eq!(app.asked(), 3, "the third answer is kept for the load");
    app.finish().await;
}

async fn a_malformed_cedula_is_refused_without_a_question(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for cedula in ["12", "12345678901", "CC1999000001", "1999000001x", "१९९९", "--", "19,990"]
    {
        let request = link_request(cedula, both_resources());
        let answer = app.sandbox().post("/api/links/", &request).await;
        assert_eq!(answer.status, 400, "{cedula}");
        assert_wire_snapshot!("malformed_cedula", answer.shown());
    }
    assert_eq!(app.asked(), 0);
    app.finish().await;
}

async fn a_cedula_may_be_written_in_many_ways(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut pseudonyms = Vec::new();
    let single = json!({ "access_mode": "single" });
    for cedula in ["1999000001", "1.999.000.001", " 1999 000-001 "] {
        let link = app.sandbox().create_link(cedula, single.clone()).await;
        pseudonyms.push(link["institution_user_id"].clone());
    }
    let number = json!({
        "institution": "pila_co_employment", "username": 1_999_000_001, "access_mode": "single",
    });
    let answer = app.sandbox().post("/api/links/", &number).await;
    pseudonyms.push(answer.json()["institution_user_id"].clone());
    let other = app.sandbox().create_link("1999000002", single).await;

    assert!(pseudonyms.iter().all(|pseudonym| *pseudonym == pseudonyms[0]), "{pseudonyms:?}");
    assert_ne!(other["institution_user_id"], pseudonyms[0]);
    app.finish().await;
}

async fn production_knows_nobody_without_planillas(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let request = link_request("1999000001", both_resources());
    let answer = app.production().post("/api/links/", &request).await;
    assert_wire_snapshot!("production_without_planillas", answer.shown());
    assert_eq!(app.asked(), 0, "production does not ask the simulated operator");
    app.finish().await;
}
