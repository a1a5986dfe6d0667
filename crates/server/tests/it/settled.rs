//! Which of several files about one planilla counts, in whatever order they come and their work ends.

use serde_json::{Value, json};
use vinculo_pila::{Document, DocumentKind};
use vinculo_server::{import_status, person_history};
use vinculo_store::Environment::Production;
use vinculo_store::{ImportId, Job};

use crate::planillas::{
    NOVEMBER, OCTOBER, PAYER_RECORD, PERSON, create_link, employments, import_all,
};
use crate::support::{Setup, TestApp, TestDatabase, look_again, on_both_databases, soon};

on_both_databases!(
    a_draft_counts_for_nobody_whom_the_settled_planilla_leaves_out,
    somebody_in_a_settled_draft_alone_is_not_known,
    of_files_with_one_number_the_one_received_first_counts,
    of_records_of_a_payer_the_one_received_last_counts,
    a_number_is_the_same_however_it_is_filled_up,
    a_planilla_paid_after_it_was_numbered_is_not_repeated,
    documents_are_found_however_a_planilla_writes_them,
    what_an_earlier_version_accepted_settles_its_drafts,
    what_an_earlier_version_accepted_unpaid_is_a_draft,
    of_drafts_from_an_earlier_version_the_last_counts,
    a_damaged_planilla_keeps_no_other_from_its_place,
);

/// Header field 17, with field 18 behind it.
const NUMBER: usize = 319;
const PAID_ON: usize = 329;

/// The file with other bytes in a line, from a position on that is counted from 1.
fn altered(file: &[u8], line: usize, position: usize, bytes: &[u8]) -> Vec<u8> {
    let before = file.split_inclusive(|byte| *byte == b'\n').take(line - 1);
    let at = before.map(<[u8]>::len).sum::<usize>() + position - 1;
    let mut file = file.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// The file before it was numbered and paid.
fn draft(file: &[u8]) -> Vec<u8> {
    altered(file, 1, NUMBER, &[b' '; 20])
}

/// The file with somebody else in the place of the person.
fn without_person(file: &[u8]) -> Vec<u8> {
    let (person, other) = (PERSON.as_bytes(), b"1900000199");
    let mut file = file.to_vec();
    while let Some(at) = file.windows(person.len()).position(|text| text == person) {
        file[at..at + other.len()].copy_from_slice(other);
    }
    file
}

/// The months of the person's only employment.
async fn months(app: &TestApp, link: &Value) -> Vec<String> {
    let employments = employments(app, link).await;
    let [employment] = employments.as_slice() else { panic!("{} employments", employments.len()) };
    let rows = employment["salary_and_benefit_details"].as_array().unwrap();
    rows.iter().map(|row| row["month"].as_str().unwrap().to_owned()).collect()
}

async fn state(app: &TestApp, id: ImportId) -> &'static str {
    import_status(&app.app, id).await.unwrap().state
}

/// Receives files, and works on them in another order.
async fn received_and_worked(
    database: TestDatabase,
    files: &[Vec<u8>],
    order: &[usize],
) -> (TestApp, Vec<ImportId>) {
    let mut app = Setup::new(database).without_runner().start().await;
    let mut ids = Vec::new();
    for file in files {
        ids.push(app.receive(Production, file.clone()).await.0);
    }
    app.database.run("delete from jobs");
    app.start_runner().await;
    for &place in order {
        let (id, now) = (ids[place], app.app.now_micros());
        app.app.store().write(move |tx| tx.enqueue(Job::ImportFile(id), now, now)).await.unwrap();
        app.settled().await;
    }
    (app, ids)
}

async fn a_draft_counts_for_nobody_whom_the_settled_planilla_leaves_out(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[OCTOBER, &draft(NOVEMBER)]).await;
    let link = create_link(&app).await;
    assert_eq!(months(&app, &link).await, ["2025-11", "2025-10"]);
    import_all(&app, &[&without_person(NOVEMBER)]).await;
    assert_eq!(months(&app, &link).await, ["2025-10"]);
    // A newer draft has no better place.
    let newer: Vec<u8> = draft(NOVEMBER).into_iter().filter(|byte| *byte != b'\r').collect();
    import_all(&app, &[&newer]).await;
    assert_eq!(months(&app, &link).await, ["2025-10"]);
    app.finish().await;
}

async fn somebody_in_a_settled_draft_alone_is_not_known(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[&without_person(NOVEMBER), &draft(NOVEMBER)]).await;
    let request = json!({ "institution": "pila_co_employment", "username": PERSON });
    let answer = app.production().post("/api/links/", &request).await;
    assert_eq!(answer.codes(), ["login_error"]);
    let person = Document::new(DocumentKind::Cc, PERSON);
    assert!(person_history(&app.app, Production, person).await.unwrap().is_none());
    app.finish().await;
}

/// Both files have the number of October; what was filed as a draft for November counts as long as
/// the file of November does not.
async fn of_files_with_one_number_the_one_received_first_counts(database: TestDatabase) {
    let files = [
        draft(NOVEMBER),
        OCTOBER.to_vec(),
        altered(&without_person(NOVEMBER), 1, NUMBER, b"0071000101"),
    ];
    let (app, ids) = received_and_worked(database, &files, &[0, 2]).await;
    assert_eq!([state(&app, ids[0]).await, state(&app, ids[2]).await], ["accepted"; 2]);
    let other = Document::new(DocumentKind::Cc, "1900000199");
    let known = async || {
        let found = person_history(&app.app, Production, other.clone()).await.unwrap();
        found.is_some()
    };
    assert!(known().await, "the file received last ended first");

    let (id, now) = (ids[1], app.app.now_micros());
    app.app.store().write(move |tx| tx.enqueue(Job::ImportFile(id), now, now)).await.unwrap();
    app.settled().await;
    assert_eq!(state(&app, ids[1]).await, "accepted");
    let repeated = import_status(&app.app, ids[2]).await.unwrap();
    assert_eq!((repeated.state, repeated.loaded), ("repeated", 0));
    assert!(!known().await);
    let link = create_link(&app).await;
    assert_eq!(months(&app, &link).await, ["2025-11", "2025-10"]);
    app.finish().await;
}

async fn of_records_of_a_payer_the_one_received_last_counts(database: TestDatabase) {
    let last = altered(PAYER_RECORD, 1, 270, b"A");
    let files = [OCTOBER.to_vec(), PAYER_RECORD.to_vec(), last];
    let (app, ids) = received_and_worked(database, &files, &[0, 2, 1]).await;
    for id in ids {
        assert_eq!(state(&app, id).await, "accepted");
    }
    let link = create_link(&app).await;
    let employer = &employments(&app, &link).await[0]["employer_data"];
    assert_eq!(employer["contributor_class_code"], "A");
    app.finish().await;
}

async fn a_number_is_the_same_however_it_is_filled_up(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[OCTOBER]).await;
    let again = app.import(Production, &altered(OCTOBER, 1, NUMBER, b"71000101  ")).await;
    assert_eq!((again.state, again.loaded), ("repeated", 0));
    app.finish().await;
}

async fn a_planilla_paid_after_it_was_numbered_is_not_repeated(database: TestDatabase) {
    let app = TestApp::start(database).await;
    import_all(&app, &[&altered(NOVEMBER, 1, PAID_ON, &[b' '; 10])]).await;
    let link = create_link(&app).await;
    assert_eq!(months(&app, &link).await, ["2025-11"]);
    import_all(&app, &[NOVEMBER]).await;
    let person = Document::new(DocumentKind::Cc, PERSON);
    let found = person_history(&app.app, Production, person).await.unwrap().unwrap();
    let told = &found.employments[0].provenance.months[0];
    assert!(told.paid && !told.notes.contains(&vinculo_history::Note::Unpaid));
    app.finish().await;
}

async fn documents_are_found_however_a_planilla_writes_them(database: TestDatabase) {
    let app = TestApp::start(database).await;
    // Detail fields 3 and 4.
    let passport = altered(OCTOBER, 2, 8, b"PAxa199901        ");
    import_all(&app, &[&altered(&passport, 3, 8, b"CC0019990001    ")]).await;
    for (kind, number) in [(DocumentKind::Pa, "XA199901"), (DocumentKind::Cc, "19990001")] {
        let person = Document::new(kind, number);
        let found = person_history(&app.app, Production, person).await.unwrap();
        assert_eq!(found.expect("not found").employments.len(), 1);
    }
    app.finish().await;
}

/// Starts to work, and waits until planillas of earlier versions have their places.
async fn look_for_older(app: &mut TestApp) {
    app.start_runner().await;
    let unplaced =
        async || app.app.store().read(|tx| tx.unplaced_imports(ImportId(0), 1)).await.unwrap();
    let placed = async {
        while !unplaced().await.is_empty() {
            look_again().await;
        }
    };
    soon("the places of older planillas", placed).await;
}

/// Versions before 25 of the schema did not store what a planilla settles.
async fn what_an_earlier_version_accepted_settles_its_drafts(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    import_all(&app, &[OCTOBER, &without_person(NOVEMBER)]).await;
    app.database.run("update imports set state = 'refused' where period = 202511");
    import_all(&app, &[&draft(NOVEMBER)]).await;
    let link = create_link(&app).await;
    assert_eq!(months(&app, &link).await, ["2025-11", "2025-10"]);

    app.stop_runner().await;
    app.database.run(
        "update imports set state = 'accepted' where state = 'refused'; \
         update imports set slot_index = null",
    );
    look_for_older(&mut app).await;
    app.settled().await;
    assert_eq!(months(&app, &link).await, ["2025-10"]);
    app.finish().await;
}

/// They took a planilla for settled once it had a number.
async fn what_an_earlier_version_accepted_unpaid_is_a_draft(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    import_all(&app, &[&altered(NOVEMBER, 1, PAID_ON, &[b' '; 10])]).await;
    app.stop_runner().await;
    app.database.run("update imports set number_index = draft_index, draft_index = null");
    look_for_older(&mut app).await;
    app.settled().await;
    let link = create_link(&app).await;
    assert_eq!(months(&app, &link).await, ["2025-11"], "a draft counts");
    import_all(&app, &[&without_person(NOVEMBER)]).await;
    let person = Document::new(DocumentKind::Cc, PERSON);
    assert!(person_history(&app.app, Production, person).await.unwrap().is_none());
    app.finish().await;
}

/// Of two drafts in one place such a version may have taken one, or both, for settled.
async fn of_drafts_from_an_earlier_version_the_last_counts(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let unpaid = |file: &[u8]| altered(file, 1, PAID_ON, &[b' '; 10]);
    import_all(&app, &[OCTOBER, &unpaid(NOVEMBER)]).await;
    let first = ImportId(2);
    let link = create_link(&app).await;
    assert_eq!(months(&app, &link).await, ["2025-11", "2025-10"]);
    app.database.run("update imports set state = 'refused' where id = 2");
    let last = app.receive(Production, unpaid(&without_person(NOVEMBER))).await.0;
    app.settled().await;

    app.stop_runner().await;
    app.database.run(&format!(
        "update imports set number_index = draft_index, draft_index = null where id = {last}; \
         update imports set state = 'accepted' where id = {first}"
    ));
    look_for_older(&mut app).await;
    app.settled().await;
    let states = [state(&app, first).await, state(&app, last).await];
    assert_eq!(states, ["superseded", "accepted"]);
    assert_eq!(months(&app, &link).await, ["2025-10"], "projected again");
    app.finish().await;
}

/// A line that nothing opens any more.
async fn a_damaged_planilla_keeps_no_other_from_its_place(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    import_all(&app, &[OCTOBER, NOVEMBER]).await;
    app.stop_runner().await;
    app.database.run(
        "update imports set slot_index = null; \
         update contributions set line = line + 1000 where batch_id = 1",
    );
    app.start_runner().await;
    let unplaced =
        async || app.app.store().read(|tx| tx.unplaced_imports(ImportId(0), 9)).await.unwrap();
    let placed = async {
        while unplaced().await.len() > 1 {
            look_again().await;
        }
    };
    soon("the place of the other planilla", placed).await;
    assert_eq!(unplaced().await[0].0, ImportId(1));
    app.finish().await;
}
