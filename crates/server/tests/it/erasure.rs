//! A person is erased: at once here, and in every backup that was ever taken.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use vinculo_server::erasure::{SettleError, WithoutReceipt, settle_restored};
use vinculo_store::{Environment, Part, Store, Target, back_up};
use vinculo_vault::{Context, MasterKeys, Sealed, SystemRandom, Vault, WrappedKey};

use crate::support::{
    Answer, Client, MASTER_KEY, Mood, Receiver, Reply, Setup, TestApp, TestDatabase, link_request,
    on_both_databases,
};

on_both_databases!(
    an_erased_person_is_gone_and_webhooks_are_not_sent,
    a_load_under_way_brings_nobody_back,
    a_question_under_way_is_written_down_about_nobody,
    imports_pass_over_whom_was_erased,
    a_person_is_erased_with_and_without_zeros,
    a_person_who_pays_is_erased_as_a_payer,
    a_document_that_is_none_is_named,
    a_repeated_erasure_gets_its_first_answer,
);

const ERASE: &str = "/manage/v1/subjects/erase/";
const ADMIT: &str = "/manage/v1/subjects/admit/";
const OCTOBER: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");
const NOVEMBER: &[u8] = include_bytes!("../../../pila/tests/samples/02-nandu-E-2025-11.txt");
const DECEMBER: &[u8] = include_bytes!("../../../pila/tests/samples/03-nandu-E-2025-12.txt");
const PAYER_RECORD: &[u8] = include_bytes!("../../../pila/tests/samples/type1/type1-nandu.txt");

fn document(number: &str) -> Value {
    json!({ "document_type": "CC", "document_number": number })
}

async fn ask(client: &Client, path: &str, number: &str) -> Value {
    let answer = client.post(path, &document(number)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// How many links, employments and owners there are.
async fn everything(client: &Client) -> [usize; 3] {
    let page = client.get("/api/links/").await.json();
    let links = page["results"].as_array().unwrap();
    assert_eq!(page["count"], links.len(), "what is counted is there");
    let mut counts = [links.len(), 0, 0];
    for link in links {
        let id = link["id"].as_str().unwrap();
        counts[1] += client.results(&format!("/api/co/employments/?link={id}")).await.len();
        counts[2] += client.results(&format!("/api/owners/?link={id}")).await.len();
    }
    counts
}

async fn an_erased_person_is_gone_and_webhooks_are_not_sent(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500), Reply::Status(500)]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let client = app.sandbox();
    let unknown = ask(&client, ERASE, "1999000002").await;
    assert_eq!(unknown, json!({ "known": false, "receipt": null }));

    let body = link_request("1999000002", json!({}));
    let first = client.post_once("/api/links/", "k", &body).await;
    assert_eq!(first.status, 201, "{}", first.body);
    receiver.take::<2>().await;
    app.postponed().await;
    client.create_link("1999000001", json!({ "access_mode": "single" })).await;
    assert_eq!(everything(&client).await, [2, 2, 1]);

    let erased = ask(&client, ERASE, "1.999.000.002").await;
    let receipt = &erased["receipt"];
    assert_eq!(erased["known"], true);
    let counted = |name: &str| receipt[name].as_i64().unwrap();
    assert_eq!([counted("links"), counted("objects"), counted("source_calls")], [1, 3, 1]);
    assert_eq!(counted("cancelled_webhooks"), 2);
    assert!(counted("contributions") > 0);
    assert_eq!(
        (&receipt["admitted_at"], erased.to_string().contains("1999000002")),
        (&Value::Null, false)
    );
    assert_eq!(everything(&client).await, [1, 0, 0]);
    let path = format!("/api/links/{}/", first.json()["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.status, 404);
    assert_eq!(
        ask(&client, ERASE, "1999000002").await,
        json!({ "known": false, "receipt": receipt })
    );
    assert_eq!(app.work_left().await, 0, "no webhook waits");
    app.advance(Duration::from_secs(60 * 60));
    app.settled().await;
    receiver.assert_quiet();

    // Somebody who consents anew begins anew, and the old answer is not given for the new request.
    let again = client.post_once("/api/links/", "k", &body).await;
    assert_eq!(again.status, 201, "{}", again.body);
    assert_ne!(again.json()["id"], first.json()["id"]);
    receiver.take::<2>().await;
    app.settled().await;
    assert_eq!(everything(&client).await, [2, 2, 1]);
    app.finish().await;
}

async fn a_load_under_way_brings_nobody_back(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    let client = app.sandbox();
    let more = json!({ "access_mode": "recurrent", "credentials_storage": "store" });
    let link = client.create_link("1999000002", more).await;
    let mut app = app;
    app.start_runner().await;
    app.settled().await;
    let (asked, counted) = (app.asked(), questions(&app).await);
    app.operator_is(Mood::Silent);
    app.advance(Duration::from_secs(24 * 60 * 60));
    let path = format!("/api/links/{}/refresh/", link["id"].as_str().unwrap());
    let refresh = client.asynchronous(http::Method::POST, &path, &json!({})).await;
    assert!((200..300).contains(&refresh.status), "{}", refresh.body);
    while app.asked() == asked {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&client, ERASE, "1999000002").await["known"], true);
    app.operator_is(Mood::Helpful);
    app.stop_runner().await;
    assert_eq!(app.work_left().await, 0);
    assert_eq!(everything(&client).await, [0, 0, 0]);
    // Nothing was written about the person after the erasure. What the question cost is counted.
    assert_eq!(ask(&client, ERASE, "1999000002").await["known"], false);
    assert_eq!(questions(&app).await, counted + 1);
    app.finish().await;
}

/// How many questions the sandbox has asked, about whomever.
async fn questions(app: &TestApp) -> i64 {
    let workspace = app.app.secrets_of(Environment::Sandbox).unwrap().workspace().id;
    let read = app.app.store().read(move |tx| tx.source_outcomes(workspace, 0, i64::MAX));
    read.await.unwrap().iter().map(|(_, count, _)| count).sum()
}

async fn a_question_under_way_is_written_down_about_nobody(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = client.create_link("1999000001", json!({ "access_mode": "single" })).await;
    app.settled().await;
    let (asked, counted) = (app.asked(), questions(&app).await);
    app.operator_is(Mood::Silent);
    let (updating, path) =
        (client.clone(), format!("/api/links/{}/", link["id"].as_str().unwrap()));
    let update = tokio::spawn(async move { updating.put(&path, &json!({})).await });
    app.until(|| app.asked() > asked).await;
    app.advance(Duration::from_secs(1));
    assert_eq!(ask(&client, ERASE, "1999000001").await["known"], true);
    app.operator_is(Mood::Helpful);
    assert_eq!(update.await.unwrap().status, 404);
    assert_eq!(questions(&app).await, counted + 1);
    let report = ask(&client, "/manage/v1/subjects/report/", "1999000001").await;
    assert_eq!((&report["known"], &report["source_calls"]), (&json!(false), &json!([])));
    assert_eq!(ask(&client, ERASE, "1999000001").await["known"], false);
    app.finish().await;
}

/// Whether the workspace's planillas know the person, and one who stays beside them.
async fn known(app: &TestApp) -> [bool; 2] {
    let mut known = [false; 2];
    for (known, number) in known.iter_mut().zip(["1900000101", "1900000102"]) {
        let person = vinculo_pila::Document::new(vinculo_pila::DocumentKind::Cc, number.to_owned());
        let history = vinculo_server::person_history(&app.app, Environment::Production, person);
        *known = history.await.unwrap().is_some();
    }
    known
}

async fn imports_pass_over_whom_was_erased(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.production();
    let (october, _) = app.receive(Environment::Production, OCTOBER).await;
    app.settled().await;
    assert_eq!(known(&app).await, [true, true]);
    let erased = ask(&client, ERASE, "1900000101").await;
    assert!(erased["receipt"]["contributions"].as_i64().unwrap() > 0, "{erased}");
    assert_eq!(known(&app).await, [false, true]);
    let [import] = client.results("/manage/v1/imports/").await.try_into().unwrap();
    assert_eq!((&import["state"], &import["report"]), (&json!("accepted"), &Value::Null));

    // The same file again is the same import, and a new month does not bring anybody back either.
    let (again, new) = app.receive(Environment::Production, OCTOBER).await;
    assert_eq!((again, new), (october, false));
    let november = app.import(Environment::Production, NOVEMBER).await;
    assert_eq!((november.state, november.loaded), ("accepted", november.lines - 1));
    assert_eq!(known(&app).await, [false, true]);
    let refused = client.post("/api/links/", &link_request("1900000101", json!({}))).await;
    assert_eq!((refused.status, refused.codes()), (400, vec!["login_error".to_owned()]));
    client.create_link("1900000102", json!({ "access_mode": "single" })).await;

    let admitted = ask(&client, ADMIT, "1900000101").await;
    assert_eq!(admitted["changed"], true);
    assert!(admitted["receipt"]["admitted_at"].is_string(), "{admitted}");
    assert_eq!(ask(&client, ADMIT, "1900000101").await["changed"], false);
    let never = ask(&client, ADMIT, "1900000999").await;
    assert_eq!(never, json!({ "changed": false, "receipt": null }));
    assert_eq!(known(&app).await, [false, true], "what was erased does not come back");
    assert_eq!(app.import(Environment::Production, DECEMBER).await.state, "accepted");
    assert_eq!(known(&app).await, [true, true]);
    app.settled().await;
    app.finish().await;
}

/// Programs fill citizenship cards up with zeros; lines are kept without.
async fn a_person_is_erased_with_and_without_zeros(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.production();
    app.import(Environment::Production, OCTOBER).await;
    let erased = ask(&client, ERASE, "001900000101").await;
    assert_eq!(erased["known"], true);
    assert_ne!(erased["receipt"]["contributions"], 0, "what went under the other spelling counts");
    assert_eq!(known(&app).await, [false, true]);
    app.import(Environment::Production, NOVEMBER).await;
    assert_eq!(known(&app).await, [false, true]);
    assert_eq!(ask(&client, ADMIT, "001900000101").await["changed"], true);
    app.import(Environment::Production, DECEMBER).await;
    assert_eq!(known(&app).await, [true, true]);
    app.settled().await;
    app.finish().await;
}

async fn a_person_who_pays_is_erased_as_a_payer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.production();
    assert_eq!(app.import(Environment::Production, PAYER_RECORD).await.state, "accepted");
    let payer = json!({ "document_type": "NI", "document_number": "990100217" });
    let erase = async || client.post(ERASE, &payer).await.json()["known"].clone();
    assert_eq!(erase().await, true);
    assert_eq!(erase().await, false);
    // A changed record of the same payer is accepted, and kept by nobody.
    let changed = [PAYER_RECORD, b"\r\n"].concat();
    assert_eq!(app.import(Environment::Production, &changed).await.state, "accepted");
    assert_eq!(erase().await, false);
    app.finish().await;
}

/// On PostgreSQL: on SQLite one comes after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_who_is_erased_as_their_record_is_stored_is_not_made_anew() {
    let app = TestApp::start(TestDatabase::postgres()).await;
    let client = app.production();
    assert_eq!(app.import(Environment::Production, PAYER_RECORD).await.state, "accepted");
    app.settled().await;
    let secrets = app.app.secrets_of(Environment::Production).unwrap();
    let person = secrets.indexes().erased_person("NI", "990100217");
    let person: String = person.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    // What an erasure writes.
    let erase = format!(
        "delete from payers; delete from vault.data_keys where owner_kind = 'subject'; \
         delete from subjects; insert into vault.erasures (uuid, workspace_id, person_index, links, \
         objects, contributions, source_calls, deliveries, erased_at) \
         values (gen_random_uuid(), {}, '\\x{person}', 0, 0, 0, 0, 0, 0)",
        secrets.workspace().id
    );
    let changed = [PAYER_RECORD, b"\r\n"].concat();
    let receive = async {
        app.receive(Environment::Production, changed).await;
    };
    app.database.commit_once_waited_for(&erase, receive).await;
    app.work_off().await;
    let states = client.results("/manage/v1/imports/").await;
    assert!(states.iter().all(|import| import["state"] == "accepted"), "{states:?}");
    let payer = json!({ "document_type": "NI", "document_number": "990100217" });
    assert_eq!(client.post(ERASE, &payer).await.json()["known"], false);
    app.finish().await;
}

async fn a_document_that_is_none_is_named(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let fields = |answer: &Answer| {
        assert_eq!(answer.status, 400, "{}", answer.body);
        let items = answer.json();
        let items = items.as_array().unwrap().iter();
        items.map(|item| item["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for path in [ERASE, ADMIT] {
        for (body, wrong) in [
            (json!({}), vec!["document_type", "document_number"]),
            (json!({ "document_type": "XX", "document_number": "1" }), vec!["document_type"]),
            (json!({ "document_type": "CC", "document_number": "1*2" }), vec!["document_number"]),
            (json!({ "document_type": "CC", "document_number": "-.-" }), vec!["document_number"]),
            (
                json!({ "document_type": 5, "document_number": null }),
                vec!["document_type", "document_number"],
            ),
        ] {
            assert_eq!(fields(&client.post(path, &body).await), wrong, "{path} {body}");
        }
        assert_eq!(app.stranger().post(path, &document("1999000001")).await.status, 401);
    }
    // Each workspace erases its own.
    client.create_link("1999000001", json!({ "access_mode": "single" })).await;
    assert_eq!(ask(&app.production(), ERASE, "1999000001").await["known"], false);
    assert_eq!(everything(&client).await[0], 1);
    app.finish().await;
}

async fn a_repeated_erasure_gets_its_first_answer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    client.create_link("1999000001", json!({ "access_mode": "single" })).await;
    let first = client.post_once(ERASE, "e", &document("1999000001")).await;
    assert_eq!(first.json()["known"], true);
    let again = client.post_once(ERASE, "e", &document("1999000001")).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    app.finish().await;
}

/// Every sealed value about people that a database holds, with what binds it to its row.
fn sealed_values(dir: &Path) -> Vec<(String, [u8; 16], Sealed)> {
    let database = rusqlite::Connection::open(dir.join("vinculo.db")).unwrap();
    let mut all = Vec::new();
    for table in ["links", "employments", "owners"] {
        let sql = format!("select uuid, sealed from {table}");
        let mut statement = database.prepare(&sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let sealed = Sealed::from_bytes(row.get(1).unwrap()).unwrap();
            all.push((table.to_owned(), row.get(0).unwrap(), sealed));
        }
    }
    all
}

/// How many of them any key of these files opens, with the master key of today.
fn opened(dir: &Path, values: &[(String, [u8; 16], Sealed)]) -> usize {
    let keys = rusqlite::Connection::open(dir.join("vault.db")).unwrap();
    let wrapped = |sql: &str| {
        let mut statement = keys.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        rows.map(|bytes| WrappedKey::from_bytes(&bytes.unwrap()).unwrap()).collect::<Vec<_>>()
    };
    let root = wrapped("select wrapped from root_keys").remove(0);
    let masters = MasterKeys::parse(MASTER_KEY).unwrap();
    let vault = Vault::open(masters, &root, std::sync::Arc::new(SystemRandom)).unwrap();
    let keys = wrapped("select wrapped from data_keys");
    let keys: Vec<_> = keys.iter().map(|key| vault.unwrap_key(key).unwrap()).collect();
    let opens = |(table, uuid, sealed): &&(String, [u8; 16], Sealed)| {
        let table = match table.as_str() {
            "links" => "links",
            "employments" => "employments",
            _ => "owners",
        };
        keys.iter().any(|key| key.open(Context::of_uuid(table, *uuid), sealed).is_ok())
    };
    values.iter().filter(opens).count()
}

fn copy(target: &Target, part: Part, to: &Path) {
    back_up(target, part, to).expect("no copy");
}

/// A backup that was taken before an erasure is restored with the keys and the master key of today.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_from_before_an_erasure_does_not_open() {
    let app = TestApp::start(TestDatabase::sqlite()).await;
    let client = app.sandbox();
    client.create_link("1999000002", json!({})).await;
    let other = client.create_link("1999000001", json!({})).await;
    app.settled().await;
    let copies = tempfile::tempdir().unwrap();
    let at = |name: &str| copies.path().join(name);
    let target = app.database.target();
    let (data, old_keys, keys) = (at("data.db"), at("old-keys.db"), at("keys.db"));
    copy(&target, Part::Data, &data);
    copy(&target, Part::Keys, &old_keys);
    assert_eq!(ask(&client, ERASE, "1999000002").await["known"], true);
    copy(&target, Part::Keys, &keys);
    app.finish().await;

    // With the keys of then everything opens, so that not opening would be noticed.
    let then = TestDatabase::restored(&data, &old_keys);
    let values = sealed_values(&then.folder());
    assert_eq!(values.len(), (1 + 2 + 1) + (1 + 1 + 1));
    assert_eq!(opened(&then.folder(), &values), values.len());
    let now = TestDatabase::restored(&data, &keys);
    assert_eq!(sealed_values(&now.folder()), values, "the same backup");
    assert_eq!(opened(&now.folder(), &values), 3, "the other person's alone");

    let (target, spool) = (now.target(), now.spool());
    let settled = tokio::task::spawn_blocking(move || {
        let store: Store = TestDatabase::open(&target);
        let settled = settle_restored(&store, &spool, 0, WithoutReceipt::Refuse, |_| {
            Err::<_, SettleError>(SettleError::Consents("none was taken back".to_owned()))
        });
        let settled = settled.expect("not settled");
        store.close_blocking();
        settled
    });
    assert_eq!(settled.await.unwrap().erased_people, 1);
    let app = TestApp::start(now).await;
    // The keys that clients had are part of the backup; the other person is served.
    let client = app.sandbox();
    assert_eq!(everything(&client).await, [1, 1, 1]);
    assert_eq!(client.results("/api/links/").await[0]["id"], other["id"]);
    let erased = ask(&client, ERASE, "1999000002").await;
    assert_eq!(erased["known"], false);
    assert!(erased["receipt"].is_object(), "the receipt stands beside the keys: {erased}");
    app.finish().await;
}
