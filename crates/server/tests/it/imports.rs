//! Imports on their way: how far they have come, and what happens when their file is lost.

use std::fs;

use http::Method;
use serde_json::{Value, json};
use vinculo_operator::country::{Country, Size};
use vinculo_pila::{Contribution, Month};
use vinculo_server::{ImportStatus, import_status};
use vinculo_store::Environment::Production;
use vinculo_store::{ImportId, ImportKind, ImportState, NewContribution, Origin, Verdict};
use vinculo_vault::{Context, Sealed};

use crate::support::{Setup, TestApp, TestDatabase, look_again, on_both_databases, soon};

on_both_databases!(
    a_file_that_waits_is_its_owners_alone,
    an_import_says_how_far_it_has_come,
    a_received_file_that_is_lost_can_be_sent_again,
    a_received_file_that_is_damaged_can_be_sent_again,
    lines_that_do_not_count_are_swept,
    lines_kept_as_json_still_count,
);

const OCTOBER: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");
const REFUSED: &[u8] = include_bytes!("../../../pila/tests/samples/bad/09-check-digit.txt");
const PERSON: &str = "1900000101";

async fn status(app: &TestApp, id: ImportId) -> ImportStatus {
    import_status(&app.app, id).await.unwrap()
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

async fn a_file_that_waits_is_its_owners_alone(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let request =
        app.production().request(Method::POST, "/manage/v1/imports/?name=nomina-1999000001.txt");
    let received = app.production().send(request.body("planilla")).await.json();
    assert_eq!(received["name"], "nomina-xxxxxxxxxx.txt");
    let spool = app.database.spool();
    assert_eq!(mode(&spool), 0o700);
    let files = app.database.spooled();
    assert_eq!(files.iter().map(|file| mode(file)).collect::<Vec<_>>(), [0o600]);
    app.start_runner().await;
    app.settled().await;
    app.finish().await;
}

async fn an_import_says_how_far_it_has_come(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let (id, _) = app.receive(Production, OCTOBER).await;
    assert_eq!(status(&app, id).await.percent, 0);

    let any_report = Sealed::from_bytes(vec![1; 64]).unwrap();
    let progress = async |lines: i64, from: i64, to: i64| {
        let report = any_report.clone();
        let work = move |tx: &mut vinculo_store::Tx<'_>| {
            let verdict = Verdict {
                kind: Some(ImportKind::Planilla),
                state: ImportState::Loading,
                lines,
                errors: 0,
                warnings: 0,
                identity: None,
                report: &report,
            };
            tx.judge_import(id, &verdict, 0)?;
            tx.progress_import(id, from, to)
        };
        assert!(app.app.store().write(work).await.unwrap());
        let page = app.production().results("/manage/v1/imports/").await;
        page[0]["percent"].clone()
    };
    assert_eq!(progress(9, 0, 4).await, json!(44));
    assert_eq!(progress(4, 4, 4).await, json!(99), "stored is not accepted");
    assert_eq!(progress(9, 4, 0).await, json!(0));

    app.start_runner().await;
    app.settled().await;
    let done = app.production().results("/manage/v1/imports/").await.remove(0);
    assert_eq!((&done["state"], &done["percent"]), (&json!("accepted"), &json!(100)));
    assert_eq!(app.import(Production, REFUSED).await.percent, 100, "nothing more will happen");
    app.finish().await;
}

/// Receives a file, does something to it before it is imported, and lets that happen.
async fn import_after(database: TestDatabase, change: fn(&std::path::Path)) -> (TestApp, Value) {
    let mut app = Setup::new(database).without_runner().start().await;
    app.receive(Production, OCTOBER).await;
    app.database.spooled().iter().for_each(|path| change(path));
    app.start_runner().await;
    app.settled().await;
    let listed = app.production().results("/manage/v1/imports/").await.remove(0);
    let id = listed["id"].as_str().unwrap().to_owned();
    let import = app.production().get(&format!("/manage/v1/imports/{id}/")).await.json();
    (app, import)
}

async fn assert_lost_and_sent_again(app: TestApp, import: Value, found: &str) {
    assert_eq!((&import["state"], &import["errors"]), (&json!("refused"), &json!(1)));
    let finding = &import["report"]["findings"][0];
    assert_eq!(finding["rule"], "received_file_lost");
    assert_eq!(finding["found"], found);
    assert_eq!(finding["expected"], "the file as it was received; send it again");
    assert_eq!(app.database.spooled().len(), 0);

    let again = app.import(Production, OCTOBER).await;
    assert_eq!((again.state, again.percent), ("accepted", 100));
    assert_ne!(json!(again.id), import["id"]);
    app.finish().await;
}

async fn a_received_file_that_is_lost_can_be_sent_again(database: TestDatabase) {
    let (app, import) = import_after(database, |path| fs::remove_file(path).unwrap()).await;
    assert_lost_and_sent_again(app, import, "no file").await;
}

async fn a_received_file_that_is_damaged_can_be_sent_again(database: TestDatabase) {
    let cut_off = |path: &std::path::Path| {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() - 1]).unwrap();
    };
    let (app, import) = import_after(database, cut_off).await;
    assert_lost_and_sent_again(app, import, "a damaged file").await;
}

async fn lines_that_do_not_count_are_swept(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    assert_eq!(app.import(Production, OCTOBER).await.state, "accepted");
    app.settled().await;
    app.stop_runner().await;
    // As an earlier version left the lines of a draft that came too late.
    app.database.tamper("update imports set state = 'superseded'");
    let store = app.app.store().clone();
    let left = async || store.read(|tx| tx.uncounted_imports(ImportId(0), 9)).await.unwrap().len();
    assert_eq!(left().await, 1);
    app.start_runner().await;
    soon("the removal of the lines", async {
        while left().await > 0 {
            look_again().await;
        }
    })
    .await;
    app.finish().await;
}

/// Versions before the compact form kept every line as JSON.
async fn lines_kept_as_json_still_count(database: TestDatabase) {
    let app = TestApp::start(database).await;
    assert_eq!(app.import(Production, OCTOBER).await.state, "accepted");
    let employments = async || {
        let single = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
        let link = app.production().create_link(PERSON, single).await;
        app.settled().await;
        let id = link["id"].as_str().unwrap();
        let mut found =
            app.production().results(&format!("/api/co/employments/?link={id}")).await.remove(0);
        for own in ["id", "link"] {
            found.as_object_mut().unwrap().remove(own);
        }
        found
    };
    let before = employments().await;
    let kept = as_json(&app).await;
    assert!(kept > 0, "nothing is known about the person");
    assert_eq!(employments().await, before);
    app.finish().await;
}

/// Keeps the lines about the person as an earlier version did; how many there are.
async fn as_json(app: &TestApp) -> u64 {
    let secrets = app.app.secrets_of(Production).unwrap();
    let vault = app.app.all_secrets().vault().clone();
    let index = secrets.indexes().lookup_document("CC", PERSON);
    let workspace = secrets.workspace().id;
    let payer = secrets.indexes().payer("NI", "990100217");
    let work = move |tx: &mut vinculo_store::Tx<'_>| {
        let subject = tx.subject(workspace, &index)?.unwrap();
        let key = vault.unwrap_key(&subject.key).unwrap();
        let stored = tx.contributions(subject.id)?;
        tx.drop_contributions(subject.id, Origin::Planilla, None)?;
        let again = stored.iter().map(|line| {
            let row = [0, line.batch, line.line];
            let context = Context::of_ids("contributions", &row);
            let bytes = key.open(context, &line.sealed).unwrap();
            let contribution = Contribution::from_bytes(&bytes).unwrap();
            let json = serde_json::to_vec(&contribution).unwrap();
            NewContribution {
                workspace,
                subject: subject.id,
                origin: Origin::Planilla,
                batch: line.batch,
                line: line.line,
                payer,
                period: contribution.period.to_yyyymm(),
                planilla_type: contribution.planilla.kind,
                sealed: key.seal(context, &json).unwrap(),
            }
        });
        tx.insert_contributions(&again.collect::<Vec<_>>())
    };
    let kept: vinculo_store::Result<u64> = app.app.store().write(work).await;
    kept.unwrap()
}

/// On one database: the other plans by the indexes there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_learns_how_many_people_an_import_brings() {
    let app = TestApp::start(TestDatabase::postgres()).await;
    for table in ["subjects", "contributions", "vault.data_keys"] {
        app.database.run(&format!("alter table {table} set (autovacuum_enabled = off)"));
    }
    let first = Month::new(2025, 11).unwrap();
    let size = Size { payers: 2, people_per_payer: 1200, first, months: 2 };
    let country = Country::new(7, size).expect("a country");
    for planilla in country.planillas(first) {
        let mut file = Vec::new();
        planilla.write_to(&mut file).expect("written");
        assert_eq!(app.import(Production, &file).await.state, "accepted");
    }
    // More than ten pages of people.
    let known = "do $$ begin assert (select reltuples > 500 and relpages >= 10 from pg_class \
         where relname = 'subjects'), 'nobody looked'; end $$";
    app.database.run(known);
    app.finish().await;
}
