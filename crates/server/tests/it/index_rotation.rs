//! The keys of the look-up values are rotated while nobody serves: everything is found as before,
//! and the old values are gone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::{Value, json};
use vinculo_server::index_rotation::{RotatedIndexes, rotate_indexes};
use vinculo_server::installation::{self, OpenError};
use vinculo_store::Environment::{Production, Sandbox};
use vinculo_store::{IndexColumn, Options, Store, Target};
use vinculo_vault::{BlindIndex, MasterKeys, SystemRandom};

use crate::support::{MASTER_KEY, TestApp, TestDatabase, link_request, on_both_databases};

on_both_databases!(
    everything_is_found_after_a_rotation,
    a_server_and_a_rotation_exclude_each_other
);

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../pila/tests/samples/", $name)).as_slice()
    };
}

const DECEMBER: &[u8] = sample!("03-nandu-E-2025-12.txt");
const DECEMBER_OTHER_LINE_ENDS: &[u8] = sample!("bad/ok-01-lf.txt");
const OCTOBER: &[u8] = sample!("01-nandu-E-2025-10.txt");
const DRAFT: &[u8] = sample!("08-nandu-E-2026-02-unpaid.txt");
const PAYER_RECORD: &[u8] = sample!("type1/type1-nandu.txt");
const WORKER: &str = "1900000101";
const UNKNOWN: &str = "1999000404";
const REFERENCE: &str = "COHORT_32_User_6790023X5";

/// Objects of a link, with their ids.
async fn objects(app: &TestApp, link: &Value) -> Vec<Value> {
    let id = link["id"].as_str().unwrap();
    let client = app.production();
    let mut all = client.results(&format!("/api/co/employments/?link={id}")).await;
    all.extend(client.results(&format!("/api/owners/?link={id}")).await);
    for object in &mut all {
        object["collected_at"] = Value::Null;
    }
    all
}

/// Look-up values that stand in the installation, a document, a payer and a reference among them.
fn values(app: &TestApp) -> Vec<BlindIndex> {
    let [sandbox, production] = [Sandbox, Production].map(|it| app.app.secrets_of(it).unwrap());
    vec![
        sandbox.indexes().lookup_document("CC", "1999000002"),
        sandbox.indexes().lookup_document("CC", UNKNOWN),
        sandbox.indexes().external_id(REFERENCE),
        production.indexes().lookup_document("CC", WORKER),
        production.indexes().payer("NI", "990100217"),
        production.indexes().planilla_number("", "0071000318"),
    ]
}

/// The database, with nobody else if need be; PostgreSQL notices a little later that a connection has ended.
async fn let_in(target: &Target, exclusive: bool) -> Store {
    let options = Options { exclusive, postgres_lanes: 2, ..Options::default() };
    crate::support::soon("being let in", async {
        loop {
            match Store::open(target, &options) {
                Ok(store) => return store,
                Err(_) => crate::support::look_again().await,
            }
        }
    })
    .await
}

/// Rotates, until `most` values are done.
async fn rotated(target: &Target, most: u64) -> Option<RotatedIndexes> {
    let store = let_in(target, true).await;
    let rotated = tokio::task::spawn_blocking(move || {
        let masters = MasterKeys::parse(MASTER_KEY).unwrap();
        let vault = installation::verify(&store, masters, Arc::new(SystemRandom)).unwrap();
        let progress = |done| assert!(done < most, "killed");
        let rotated =
            catch_unwind(AssertUnwindSafe(|| rotate_indexes(&store, &vault, progress).unwrap()));
        store.close_blocking();
        rotated.ok()
    });
    let rotated = rotated.await.unwrap();
    // Whoever is next finds nobody there.
    let_in(target, false).await.close().await;
    rotated
}

async fn everything_is_found_after_a_rotation(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let sandbox = app.sandbox();
    let first = sandbox.create_link("1999000002", json!({ "external_id": REFERENCE })).await;
    let refused = sandbox.post("/api/links/", &link_request(UNKNOWN, json!({}))).await;
    assert_eq!(refused.status, 400);
    for file in [PAYER_RECORD, OCTOBER, DECEMBER, DRAFT] {
        assert_eq!(app.import(Production, file).await.state, "accepted");
    }
    let second = app.production().create_link(WORKER, json!({})).await;
    app.settled().await;
    let before = objects(&app, &second).await;
    assert_eq!(before.len(), 2);
    let old = values(&app);
    app.pause().await;
    for value in &old {
        assert!(app.database.shows_bytes(value.as_bytes()), "not looked for where it is");
    }

    // Killed in the middle: nobody starts, and the next one ends it.
    let target = app.database.target();
    assert_eq!(rotated(&target, 3).await, None);
    let store = TestDatabase::open(&target);
    let error = tokio::task::spawn_blocking(move || {
        let masters = MasterKeys::parse(MASTER_KEY).unwrap();
        let opened = installation::open(&store, masters, Arc::new(SystemRandom), 0);
        store.close_blocking();
        opened.map(|_| ()).unwrap_err()
    });
    assert!(matches!(error.await.unwrap(), OpenError::IndexRotation));
    let done = rotated(&target, u64::MAX).await.expect("killed again");
    assert_eq!(done.version, 2);
    for column in IndexColumn::ALL {
        let of = done.columns.iter().find(|it| it.column == column.as_str()).unwrap();
        assert!(of.values > 0, "{}: nothing of it was tried here", of.column);
    }
    for value in &old {
        assert!(!app.database.shows_bytes(value.as_bytes()), "an old value is left");
    }

    let mut app = app.resume().await;
    app.start_runner().await;
    let new = values(&app);
    assert!(new.iter().zip(&old).all(|(new, old)| new != old));
    for value in &new {
        assert!(app.database.shows_bytes(value.as_bytes()), "a new value is not there");
    }
    found_as_before(&app, (&first, &second), before).await;
    app.settled().await;
    app.finish().await;
}

async fn found_as_before(app: &TestApp, (first, second): (&Value, &Value), before: Vec<Value>) {
    let sandbox = app.sandbox();
    let found = sandbox.results(&format!("/api/links/?external_id={REFERENCE}")).await;
    assert_eq!(found.iter().map(|link| &link["id"]).collect::<Vec<_>>(), [&first["id"]]);
    // A refused person, of whom nothing else is left: the question is still known to be theirs.
    let person = json!({ "document_type": "CC", "document_number": UNKNOWN });
    let report = sandbox.post("/manage/v1/subjects/report/", &person).await.json();
    assert_eq!(report["source_calls"].as_array().map(Vec::len), Some(1), "{report}");
    let again = sandbox.create_link("1999000002", json!({})).await;
    assert_eq!(again["institution_user_id"], first["institution_user_id"]);
    let person = json!({ "document_type": "CC", "document_number": "1999000002" });
    let report = sandbox.post("/manage/v1/subjects/report/", &person).await.json();
    assert_eq!(report["links"].as_array().map(Vec::len), Some(2), "one person has both");

    let repeated = app.import(Production, DECEMBER_OTHER_LINE_ENDS).await;
    assert_eq!(repeated.state, "repeated");
    let id = second["id"].as_str().unwrap();
    let refresh = format!("/api/links/{id}/refresh/");
    assert_eq!(app.production().post(&refresh, &json!({})).await.status, 202);
    app.settled().await;
    assert_eq!(objects(app, second).await, before, "updated in their places");
    let employment = before[0]["id"].as_str().unwrap();
    let provenance = format!("/manage/v1/employments/{employment}/provenance/");
    let provenance = app.production().get(&provenance).await.json();
    assert_eq!(provenance["matches_employment"], true, "lines are found by their payer");
    let erased = json!({ "document_type": "CC", "document_number": WORKER });
    let erased = app.production().post("/manage/v1/subjects/erase/", &erased).await.json();
    assert_eq!(erased["known"], true);
}

async fn a_server_and_a_rotation_exclude_each_other(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let target = app.database.target();
    let options = Options { exclusive: true, postgres_lanes: 1, ..Options::default() };
    let error = Store::open(&target, &options).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("stop every server"), "{error}");
    let database = app.finish_with_work_left().await;
    let store = let_in(&target, true).await;
    let error = Store::open(&target, &Options::default()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("until it is done"), "{error}");
    store.close().await;
    drop(database);
}
