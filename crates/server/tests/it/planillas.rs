//! From planilla files to the employments of a production link.

use std::time::{Duration, SystemTime};

use http::Method;
use serde_json::{Value, json};
use vinculo_server::import_status;
use vinculo_store::Environment::{Production, Sandbox};

use crate::support::{Receiver, Setup, TestApp, TestDatabase, look_again, on_both_databases, soon};

on_both_databases!(
    imported_planillas_fill_a_production_link,
    the_same_file_twice_changes_nothing,
    the_same_planilla_in_another_file_is_repeated,
    a_newer_draft_supersedes_an_older_one,
    a_person_that_a_newer_draft_leaves_out_loses_its_months,
    a_refused_file_leaves_nothing_but_its_report,
    a_payer_record_that_arrives_later_updates_existing_links,
    a_correction_that_arrives_later_updates_existing_links,
    a_customer_hears_of_what_an_import_changes,
    a_link_that_does_not_open_keeps_no_other_from_its_month,
    a_file_that_was_received_is_imported_by_the_next_process,
    planillas_of_one_workspace_are_unknown_to_the_other,
    a_file_can_be_uploaded,
    what_nobody_will_import_is_swept_out_of_the_spool,
);

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../pila/tests/samples/", $name)).as_slice()
    };
}

pub(crate) const OCTOBER: &[u8] = sample!("01-nandu-E-2025-10.txt");
pub(crate) const NOVEMBER: &[u8] = sample!("02-nandu-E-2025-11.txt");
const DECEMBER: &[u8] = sample!("03-nandu-E-2025-12.txt");
const DECEMBER_OTHER_LINE_ENDS: &[u8] = sample!("bad/ok-01-lf.txt");
pub(crate) const JANUARY: &[u8] = sample!("05-nandu-E-2026-01.txt");
const NOVEMBER_CORRECTED: &[u8] = sample!("06-nandu-N-2025-11.txt");
const FEBRUARY_UNPAID: &[u8] = sample!("08-nandu-E-2026-02-unpaid.txt");
const SOMEBODY_ELSE: &[u8] = sample!("09-penon-E-2025-10.txt");
const REFUSED: &[u8] = sample!("bad/09-check-digit.txt");
const WRONG_TOTAL: &[u8] = sample!("bad/15-header-total.txt");
pub(crate) const PAYER_RECORD: &[u8] = sample!("type1/type1-nandu.txt");

const EXPECTED: &str = include_str!("../../../history/tests/expected/CC-1900000101.json");
pub(crate) const PERSON: &str = "1900000101";

pub(crate) async fn import_all(app: &TestApp, files: &[&[u8]]) {
    for file in files {
        let status = app.import(Production, file).await;
        assert_eq!((status.state, status.errors), ("accepted", 0), "{status:?}");
        assert_eq!(status.loaded > 0, status.kind == Some("planilla"));
    }
}

/// A production link for the person, loaded.
pub(crate) async fn create_link(app: &TestApp) -> Value {
    let link = app.production().create_link(PERSON, json!({ "access_mode": "recurrent" })).await;
    app.settled().await;
    link
}

pub(crate) async fn employments(app: &TestApp, link: &Value) -> Vec<Value> {
    let id = link["id"].as_str().unwrap();
    app.production().results(&format!("/api/co/employments/?link={id}")).await
}

/// An employment of the wire in the shape of the expected file: oldest month first, amounts as
/// fractions.
fn as_expected(employment: &Value) -> Value {
    let mut rows = employment["salary_and_benefit_details"].as_array().unwrap().clone();
    rows.reverse();
    for row in &mut rows {
        for amount in ["gross_amount", "net_amount"] {
            row[amount] = json!(row[amount].as_f64());
        }
    }
    json!({
        "employer_data": employment["employer_data"],
        "salary_and_benefit_details": rows,
    })
}

/// The row of a month.
fn month<'a>(employment: &'a Value, month: &str) -> &'a Value {
    let rows = employment["salary_and_benefit_details"].as_array().unwrap();
    rows.iter().find(|row| row["month"] == month).unwrap_or_else(|| panic!("no {month}"))
}

async fn imported_planillas_fill_a_production_link(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Production, None).await;
    // Newest first: in which order files arrive does not matter.
    let files =
        [PAYER_RECORD, FEBRUARY_UNPAID, NOVEMBER_CORRECTED, JANUARY, DECEMBER, NOVEMBER, OCTOBER];
    import_all(&app, &files).await;
    let link = create_link(&app).await;
    let hooks = receiver.take::<2>().await;
    assert_eq!(hooks[0].json()["data"], json!({ "total_employments": 1 }));
    assert_eq!(hooks[1].json()["data"], json!({ "total_owners": 1 }));

    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let found: Vec<_> = employments(&app, &link).await.iter().map(as_expected).collect();
    assert_eq!(json!(found), expected["employers"]);
    let id = link["id"].as_str().unwrap();
    let owner = app.production().results(&format!("/api/owners/?link={id}")).await.remove(0);
    for (name, value) in expected["owner"].as_object().unwrap() {
        assert_eq!(&owner[name], value, "{name}");
    }
    assert_eq!(app.asked(), 0);
    app.finish().await;
}

async fn the_same_file_twice_changes_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[OCTOBER, DECEMBER]).await;
    let link = create_link(&app).await;
    let before = employments(&app, &link).await;

    let received = async || app.receive(Production, OCTOBER).await;
    let (first, new) = received().await;
    assert!(!new);
    assert_eq!(app.work_left().await, 0);
    assert_eq!(received().await, (first, false));
    assert_eq!(import_status(&app.app, first).await.unwrap().state, "accepted");
    assert_eq!(employments(&app, &link).await, before);
    assert_spool_is_empty(&app);
    app.finish().await;
}

async fn the_same_planilla_in_another_file_is_repeated(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[OCTOBER, DECEMBER]).await;
    let link = create_link(&app).await;
    let before = employments(&app, &link).await;
    let again = app.import(Production, DECEMBER_OTHER_LINE_ENDS).await;
    assert_eq!((again.state, again.loaded), ("repeated", 0));
    assert_eq!(employments(&app, &link).await, before);
    assert_spool_is_empty(&app);
    app.finish().await;
}

async fn a_newer_draft_supersedes_an_older_one(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let older = app.import(Production, FEBRUARY_UNPAID).await;
    assert_eq!(older.state, "accepted");
    let link = create_link(&app).await;
    let before = employments(&app, &link).await;
    let without_returns: Vec<u8> =
        FEBRUARY_UNPAID.iter().copied().filter(|byte| *byte != b'\r').collect();
    let newer = app.import(Production, &without_returns).await;
    assert_eq!((newer.state, newer.loaded), ("accepted", older.loaded));

    let same_as_older = app.import(Production, FEBRUARY_UNPAID).await;
    assert_ne!(same_as_older.id, older.id, "what was superseded can be sent again");
    assert_eq!(same_as_older.state, "accepted");
    let months = |all: &[Value]| all[0]["salary_and_benefit_details"].clone();
    assert_eq!(months(&employments(&app, &link).await), months(&before), "counted once");
    app.finish().await;
}

async fn a_person_that_a_newer_draft_leaves_out_loses_its_months(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[JANUARY, FEBRUARY_UNPAID]).await;
    let link = create_link(&app).await;
    month(&employments(&app, &link).await[0], "2026-02");

    let mut newer = FEBRUARY_UNPAID.to_vec();
    let place = newer.windows(PERSON.len()).position(|text| text == PERSON.as_bytes()).unwrap();
    newer[place..place + PERSON.len()].copy_from_slice(b"1900000199");
    import_all(&app, &[&newer]).await;
    let rows = employments(&app, &link).await[0]["salary_and_benefit_details"].clone();
    let months: Vec<_> = rows.as_array().unwrap().iter().map(|row| &row["month"]).collect();
    assert_eq!(months, ["2026-01"]);
    app.finish().await;
}

async fn a_refused_file_leaves_nothing_but_its_report(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let status = app.import(Production, REFUSED).await;
    assert_eq!((status.state, status.loaded, status.errors), ("refused", 0, 1));
    let report = status.report.unwrap();
    assert_eq!(report["findings"][0]["rule"], "check_digit", "{report}");
    assert_spool_is_empty(&app);
    let request = json!({ "institution": "pila_co_employment", "username": PERSON });
    let answer = app.production().post("/api/links/", &request).await;
    assert_eq!(answer.codes(), ["login_error"], "nobody of the file is known");

    let again = app.import(Production, REFUSED).await;
    assert_eq!(again.state, "refused", "a refused file can be sent again");
    app.finish().await;
}

async fn a_payer_record_that_arrives_later_updates_existing_links(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Production, None).await;
    import_all(&app, &[OCTOBER, DECEMBER]).await;
    let link = create_link(&app).await;
    receiver.take::<2>().await;
    let before = employments(&app, &link).await.remove(0);
    import_all(&app, &[PAYER_RECORD]).await;
    let after = employments(&app, &link).await.remove(0);

    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let mut employer = expected["employers"][0]["employer_data"].clone();
    assert_ne!(
        before["employer_data"]["contributor_class_code"],
        employer["contributor_class_code"]
    );
    employer["tenure"] = before["employer_data"]["tenure"].clone();
    assert_eq!(after["employer_data"], employer);
    for kept in ["id", "link", "created_at", "salary_and_benefit_details"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    let hook = receiver.next().await.json();
    assert_eq!(hook["webhook_code"], "new_employments_available");
    receiver.assert_quiet();
    app.finish().await;
}

async fn a_correction_that_arrives_later_updates_existing_links(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[OCTOBER, NOVEMBER, DECEMBER]).await;
    let link = create_link(&app).await;
    let before = employments(&app, &link).await.remove(0);
    import_all(&app, &[NOVEMBER_CORRECTED]).await;
    let after = employments(&app, &link).await.remove(0);

    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let corrected = &as_expected(&after)["salary_and_benefit_details"][1];
    assert_eq!(corrected, &expected["employers"][0]["salary_and_benefit_details"][1]);
    assert_ne!(month(&before, "2025-11"), month(&after, "2025-11"));
    for untouched in ["2025-10", "2025-12"] {
        assert_eq!(month(&before, untouched), month(&after, untouched));
    }
    assert_eq!(after["id"], before["id"]);
    app.finish().await;
}

async fn a_customer_hears_of_what_an_import_changes(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[OCTOBER, NOVEMBER]).await;
    let recurrent = create_link(&app).await;
    let single = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    app.production().create_link(PERSON, single).await;
    app.settled().await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Production, None).await;

    let import = app.import(Production, NOVEMBER_CORRECTED).await;
    let hook = receiver.next().await.json();
    app.settled().await;
    receiver.assert_quiet();
    assert_eq!(
        hook,
        json!({
            "webhook_id": hook["webhook_id"],
            "webhook_type": "EMPLOYMENTS",
            "process_type": "recurrent_update",
            "webhook_code": "new_employments_available",
            "link_id": recurrent["id"],
            "request_id": import.id,
            "external_id": null,
            "data": { "new_employments": 1 },
        })
    );

    import_all(&app, &[SOMEBODY_ELSE]).await;
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn a_link_that_does_not_open_keeps_no_other_from_its_month(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[OCTOBER]).await;
    create_link(&app).await;
    let recurrent = json!({ "access_mode": "recurrent" });
    let other = app.production().create_link("1900000102", recurrent).await;
    app.settled().await;
    app.database.tamper(
        "update links set sealed = (select sealed_name from imports limit 1) \
         where id = (select min(id) from links)",
    );
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Production, None).await;
    app.receive(Production, NOVEMBER).await;
    assert_eq!(receiver.next().await.text("link_id"), other["id"].as_str().unwrap());
    month(&employments(&app, &other).await[0], "2025-11");
    // The import comes again, for the one that is left.
    app.until_job_is_postponed().await;
    app.delivered().await;
    receiver.assert_quiet();
    app.finish_with_work_left().await;
}

async fn a_file_that_was_received_is_imported_by_the_next_process(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    let (id, new) = app.receive(Production, OCTOBER).await;
    assert!(new);
    assert_eq!(import_status(&app.app, id).await.unwrap().state, "waiting");

    let mut app = app.restart().await;
    app.start_runner().await;
    app.settled().await;
    let status = import_status(&app.app, id).await.unwrap();
    assert_eq!((status.state, status.errors), ("accepted", 0));
    assert_spool_is_empty(&app);
    let link = create_link(&app).await;
    assert_eq!(employments(&app, &link).await.len(), 1);
    app.finish().await;
}

async fn planillas_of_one_workspace_are_unknown_to_the_other(database: TestDatabase) {
    let app = TestApp::start(database).await;
    assert_eq!(app.import(Sandbox, OCTOBER).await.state, "accepted");
    let request = json!({ "institution": "pila_co_employment", "username": PERSON });
    let answer = app.production().post("/api/links/", &request).await;
    assert_eq!(answer.codes(), ["login_error"]);
    assert_eq!(app.import(Production, OCTOBER).await.state, "accepted");
    assert_eq!(app.production().post("/api/links/", &request).await.status, 201);
    app.settled().await;
    app.finish().await;
}

fn assert_spool_is_empty(app: &TestApp) {
    assert_eq!(app.database.spooled(), Vec::<std::path::PathBuf>::new());
}

async fn a_file_can_be_uploaded(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.production();
    let upload = async |query: &str, file: &'static [u8]| {
        let path = format!("/manage/v1/imports/{query}");
        client.send(client.request(Method::POST, &path).body(file)).await
    };
    let state = async |import: &Value| {
        app.settled().await;
        let id = import["id"].as_str().unwrap();
        client.get(&format!("/manage/v1/imports/{id}/")).await.json()
    };

    let received = upload("?name=october.txt", OCTOBER).await;
    assert_eq!(received.status, 202);
    let done = state(&received.json()).await;
    assert_eq!((&done["state"], &done["name"]), (&json!("accepted"), &json!("october.txt")));
    assert_eq!(done["loaded"], done["report"]["summary"]["lines"]);
    let again = upload("", OCTOBER).await.json();
    assert_eq!(again["id"], done["id"], "the same file is the same import");

    let refused = state(&upload("", WRONG_TOTAL).await.json()).await;
    assert_eq!((&refused["state"], &refused["errors"]), (&json!("refused"), &json!(1)));
    let allowed = upload("?allow=header_payroll_total", WRONG_TOTAL).await;
    let allowed = state(&allowed.json()).await;
    assert_eq!(allowed["allowed"], json!(["header_payroll_total"]));
    assert_eq!((&allowed["errors"], &allowed["warnings"]), (&json!(0), &json!(1)));
    assert_eq!(upload("?allow=record_length", OCTOBER).await.status, 400);

    let listed = client.results("/manage/v1/imports/").await;
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|import| import["report"].is_null()));
    let id = done["id"].as_str().unwrap();
    assert_eq!(app.sandbox().get(&format!("/manage/v1/imports/{id}/")).await.status, 404);
    assert!(app.sandbox().results("/manage/v1/imports/").await.is_empty());
    app.finish().await;
}

/// A process that dies between filling the spool and storing the import leaves its file behind.
async fn what_nobody_will_import_is_swept_out_of_the_spool(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    let spool = app.database.spool();
    std::fs::create_dir_all(&spool).unwrap();
    let now = SystemTime::UNIX_EPOCH
        + Duration::try_from(app.app.now().duration_since(jiff::Timestamp::UNIX_EPOCH)).unwrap();
    let file = |name: &str, hours: u64| {
        let path = spool.join(name);
        let age = Duration::from_secs(hours * 60 * 60);
        std::fs::File::create(&path).unwrap().set_modified(now - age).unwrap();
        path
    };
    let old = file("00000000000040008000000000000001.sealed", 25);
    let young = file("00000000000040008000000000000002.sealed", 23);
    let foreign = file("notes.txt", 25);
    app.receive(Production, OCTOBER).await;

    let mut app = app.restart().await;
    app.start_runner().await;
    app.settled().await;
    soon("the sweep", async {
        while old.exists() {
            look_again().await;
        }
    })
    .await;
    assert_eq!([old.exists(), young.exists(), foreign.exists()], [false, true, true]);
    assert_eq!(app.production().results("/manage/v1/imports/").await[0]["state"], "accepted");
    app.finish().await;
}
