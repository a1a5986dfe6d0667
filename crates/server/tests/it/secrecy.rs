//! What is stored can be read by whoever holds the key, and by nobody else.

use serde_json::json;
use vinculo_store::Environment;

use crate::consents::{grant, id};
use crate::support::{Receiver, Reply, TestApp, TestDatabase, on_both_databases};

on_both_databases!(nothing_personal_or_secret_can_be_read_in_what_is_stored);

const PLANILLA: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");

async fn nothing_personal_or_secret_can_be_read_in_what_is_stored(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(400), Reply::Status(400)]);
    app.send_events_to(&receiver, Environment::Sandbox, Some("Bearer letmein-4711")).await;
    let other = json!({ "url": "http://127.0.0.1:9/other", "webhook_types": ["LINK"] });
    let once = app.sandbox().post_once("/manage/v1/webhook-endpoints/", "k", &other).await;
    let signing = once.json()["secret"].as_str().unwrap().to_owned();
    let password = app.sandbox_key().secret_password.clone();
    let reference = json!({ "external_id": "COHORT_32_User_6790023X5" });
    app.sandbox().create_link("1999000003", reference).await;
    receiver.take::<2>().await;
    app.import(Environment::Sandbox, PLANILLA).await;
    assert_eq!(app.import(Environment::Production, PLANILLA).await.state, "accepted");
    let production = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    app.production().create_link("1900000101", production).await;
    let said = json!({ "purpose": "FINALIDAD-77", "proof": { "firma": "PRUEBA-77" } });
    let consent = grant(&app.sandbox(), "1999000003", said).await;
    let revoke = format!("/manage/v1/consents/{}/revoke/", id(&consent));
    app.sandbox().post(&revoke, &json!({ "reason": "MOTIVO-77" })).await;
    app.postponed().await;

    let hidden = [
        ("cédula", "1999000003"),
        ("cédula of a planilla", "1900000101"),
        ("name", "EJEMPLO"),
        ("name of a planilla", "ARANDA"),
        ("employer", "INDUSTRIAS"),
        ("number of an employer", "990100217"),
        ("number of a planilla", "71000101\""),
        ("health provider", "Sanitas"),
        ("salary", ":1423500"),
        ("reference", "COHORT_32"),
        ("Authorization", "letmein"),
        ("address of the receiver", "/hooks"),
        ("API password", &password),
        ("signing secret", &signing),
        ("file name", "planilla.txt"),
        ("purpose of a consent", "FINALIDAD-77"),
        ("proof of a consent", "PRUEBA-77"),
        ("reason of a revocation", "MOTIVO-77"),
    ];
    check(&app.database, &hidden);
    let closed = app.finish_with_work_left().await;
    check(&closed, &hidden);
}

fn check(database: &TestDatabase, hidden: &[(&str, &str)]) {
    assert!(database.shows("pila_co_employment"), "what is not hidden can be read");
    for (what, text) in hidden {
        assert!(!database.shows(text), "{what} can be read");
    }
}
