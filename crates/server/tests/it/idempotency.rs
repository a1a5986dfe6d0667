//! A request that is repeated with its `Idempotency-Key` has its effect once.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vinculo_server::config::Config;
use vinculo_store::Environment;

use crate::support::{Answer, Client, Mood, Setup, TestApp, TestDatabase, link_request};
use crate::support::{look_again, on_both_databases, soon};

on_both_databases!(
    a_repeated_registration_gets_its_first_answer,
    a_key_belongs_to_one_request,
    a_key_belongs_to_its_workspace,
    fifty_twins_have_one_effect,
    a_twin_in_another_process_gets_the_first_answer,
    a_client_that_went_away_finds_its_answer,
    a_question_outlives_its_client,
    an_answer_survives_a_restart,
    an_answer_is_kept_for_a_day,
    a_refused_request_may_be_tried_again,
    an_upload_is_known_by_its_file,
    every_post_reads_the_key,
    retrievals_and_refreshes_happen_once,
    an_answer_goes_with_its_link,
);

const LINKS: &str = "/api/links/";
const IMPORTS: &str = "/manage/v1/imports/";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const PLANILLA: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");
const OTHER: &[u8] = include_bytes!("../../../pila/tests/samples/02-nandu-E-2025-11.txt");

/// A link that loads nothing.
fn quiet_link() -> Value {
    link_request("1999000001", json!({ "access_mode": "single" }))
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

fn assert_replayed(answer: &Answer, first: &Answer) {
    assert!(is_replayed(answer), "{}", answer.body);
    assert_eq!((answer.status, &answer.body), (first.status, &first.body));
    assert_eq!(answer.header("content-type"), first.header("content-type"));
    assert_ne!(answer.request_id(), first.request_id(), "a request of its own");
}

fn assert_reused(answer: &Answer) {
    assert_eq!((answer.status, answer.codes()), (409, vec!["idempotency_key_reused".to_owned()]));
    assert_eq!(answer.json()[0]["field"], "Idempotency-Key");
}

async fn count(client: &Client) -> usize {
    client.results(LINKS).await.len()
}

async fn a_repeated_registration_gets_its_first_answer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let body = link_request("1999000002", json!({ "external_id": "user-00042" }));
    let first = client.post_once(LINKS, "order-1", &body).await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert!(!is_replayed(&first));
    app.settled().await;
    assert_replayed(&client.post_once(LINKS, "order-1", &body).await, &first);
    assert_replayed(&client.post_once("//api/links", "order-1", &body).await, &first);
    assert_eq!((count(&client).await, app.asked()), (1, 1));

    let second = client.post_once(LINKS, "order-2", &body).await;
    assert!(second.status == 201 && !is_replayed(&second));
    let without = client.post(LINKS, &body).await;
    assert!(without.status == 201 && !is_replayed(&without));
    assert_eq!(count(&client).await, 3);
    app.settled().await;
    app.finish().await;
}

async fn a_key_belongs_to_one_request(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    assert_eq!(client.post_once(LINKS, "k", &quiet_link()).await.status, 201);
    let asked = app.asked();
    let other = link_request("1999000003", json!({ "access_mode": "single" }));
    assert_reused(&client.post_once(LINKS, "k", &other).await);
    assert_reused(&client.post_once("/api/links/?a=b", "k", &quiet_link()).await);
    let spaced = format!(" {}", quiet_link());
    let request = client.request(Method::POST, LINKS).header("idempotency-key", "k").body(spaced);
    assert_reused(&client.send(request).await);
    let request = client.request(Method::POST, IMPORTS).header("idempotency-key", "k");
    assert_reused(&client.send(request.body(PLANILLA)).await);
    assert_eq!((count(&client).await, app.asked()), (1, asked));
    assert!(client.results(IMPORTS).await.is_empty());
    app.finish().await;
}

async fn a_key_belongs_to_its_workspace(database: TestDatabase) {
    let app = TestApp::start(database).await;
    assert_eq!(app.import(Environment::Production, PLANILLA).await.state, "accepted");
    let first = app.sandbox().post_once(LINKS, "k", &quiet_link()).await;
    let body = link_request("1900000101", json!({ "access_mode": "single" }));
    let other = app.production().post_once(LINKS, "k", &body).await;
    assert_eq!((first.status, other.status), (201, 201), "{}", other.body);
    assert_replayed(&app.production().post_once(LINKS, "k", &body).await, &other);
    assert_replayed(&app.sandbox().post_once(LINKS, "k", &quiet_link()).await, &first);
    app.finish().await;
}

async fn fifty_twins_have_one_effect(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let twins: Vec<_> = (0..50)
        .map(|_| {
            let client = app.sandbox();
            tokio::spawn(async move { client.post_once(LINKS, "k", &quiet_link()).await })
        })
        .collect();
    let mut answers = Vec::new();
    for twin in twins {
        answers.push(soon("a twin's answer", twin).await.unwrap());
    }
    assert!(answers.iter().all(|it| (it.status, &it.body) == (201, &answers[0].body)));
    assert_eq!(answers.iter().filter(|answer| !is_replayed(answer)).count(), 1);
    assert_eq!((count(&app.sandbox()).await, app.asked()), (1, 1));
    app.finish().await;
}

async fn a_twin_in_another_process_gets_the_first_answer(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let neighbour = app.another_process().await;
    app.operator_is(Mood::Silent);
    let twins = [app.sandbox(), neighbour.sandbox.clone()].map(|client| {
        tokio::spawn(async move { client.post_once(LINKS, "k", &quiet_link()).await })
    });
    // Both are past the look-up: neither can know of the other.
    app.until_asked(2).await;
    app.operator_is(Mood::Helpful);
    let [one, other] = twins;
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    assert_eq!((one.status, other.status, &one.body), (201, 201, &other.body));
    assert_ne!(is_replayed(&one), is_replayed(&other));
    assert_eq!(count(&app.sandbox()).await, 1);
    neighbour.finish().await;
    app.finish().await;
}

async fn a_client_that_went_away_finds_its_answer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.operator_is(Mood::Silent);
    let client = app.sandbox();
    let gone = tokio::spawn(async move { client.post_once(LINKS, "k", &quiet_link()).await });
    app.until_asked(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let client = app.sandbox();
    let again = tokio::spawn(async move { client.post_once(LINKS, "k", &quiet_link()).await });
    app.operator_is(Mood::Helpful);
    let again = again.await.unwrap();
    assert!(again.status == 201 && is_replayed(&again), "{}", again.body);
    assert_eq!((count(&app.sandbox()).await, app.asked()), (1, 1));
    app.finish().await;
}

/// Also without a key: what the source says is paid for.
async fn a_question_outlives_its_client(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.operator_is(Mood::Silent);
    let client = app.sandbox();
    let gone = tokio::spawn(async move { client.post(LINKS, &quiet_link()).await });
    app.until_asked(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    // The server has seen the connection end when it is idle again.
    app.sandbox().get("/api/").await;
    app.operator_is(Mood::Helpful);
    soon("the link", async {
        while count(&app.sandbox()).await == 0 {
            look_again().await;
        }
    })
    .await;
    assert_eq!(app.asked(), 1);
    app.finish().await;
}

async fn an_answer_survives_a_restart(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let first = app.sandbox().post_once(LINKS, "k", &quiet_link()).await;
    let app = app.restart().await;
    assert_replayed(&app.sandbox().post_once(LINKS, "k", &quiet_link()).await, &first);
    assert_eq!((count(&app.sandbox()).await, app.asked()), (1, 1));
    app.finish().await;
}

async fn an_answer_is_kept_for_a_day(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let client = app.sandbox();
    let first = client.post_once(LINKS, "k", &quiet_link()).await;
    app.advance(DAY - Duration::from_micros(1));
    assert_replayed(&client.post_once(LINKS, "k", &quiet_link()).await, &first);
    app.advance(Duration::from_micros(1));
    let second = client.post_once(LINKS, "k", &quiet_link()).await;
    assert!(second.status == 201 && !is_replayed(&second));
    assert_replayed(&client.post_once(LINKS, "k", &quiet_link()).await, &second);
    assert_eq!(count(&client).await, 2);

    app.advance(DAY);
    app.start_runner().await;
    soon("the sweep", async {
        while keeps(&app, "k").await {
            look_again().await;
        }
    })
    .await;
    app.finish().await;
}

/// Whether anything is stored under a key of the sandbox, however old.
async fn keeps(app: &TestApp, key: &str) -> bool {
    let secrets = app.app.secrets_of(Environment::Sandbox).unwrap();
    let (workspace, key) = (secrets.workspace().id, secrets.indexes().idempotency_key(key));
    let kept = app.app.store().read(move |tx| tx.kept_answer(workspace, &key, 0)).await;
    kept.unwrap().is_some()
}

async fn a_refused_request_may_be_tried_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    assert_eq!(client.post_once(LINKS, "k", &json!({})).await.status, 400);
    let body = link_request("1999000503", json!({ "access_mode": "single" }));
    for _ in 0..2 {
        let down = client.post_once(LINKS, "k", &body).await;
        assert_eq!(down.codes(), ["institution_down"]);
    }
    let first = client.post_once(LINKS, "k", &body).await;
    assert!(first.status == 201 && !is_replayed(&first));
    assert_replayed(&client.post_once(LINKS, "k", &body).await, &first);
    app.finish().await;
}

async fn an_upload_is_known_by_its_file(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.production();
    let send = async |path: &str, file: &'static [u8]| {
        let request = client.request(Method::POST, path).header("idempotency-key", "k");
        client.send(request.body(file)).await
    };
    let named = format!("{IMPORTS}?name=october.txt");
    let first = send(&named, PLANILLA).await;
    assert_eq!((first.status, &first.json()["state"]), (202, &json!("waiting")));
    app.settled().await;
    assert_replayed(&send(&named, PLANILLA).await, &first);
    assert_reused(&send(&named, OTHER).await);
    assert_reused(&send(IMPORTS, PLANILLA).await);
    assert_eq!(client.results(IMPORTS).await.len(), 1);
    assert_eq!(app.database.spooled().len(), 0, "files left in the spool");
    app.finish().await;
}

async fn every_post_reads_the_key(database: TestDatabase) {
    // Every operation is asked by a stranger, more often than one address may fail to log in.
    let unlimited = |config: &mut Config| config.login_failures_per_minute = 0;
    let app = Setup::new(database).configure(unlimited).start().await;
    let client = app.sandbox();
    let document = client.get("/api/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let posts: Vec<_> = paths.iter().filter(|(_, item)| item.get("post").is_some()).collect();
    assert!(posts.len() >= 2, "the operations were not found");
    let long = "k".repeat(256);
    for (path, item) in posts {
        let parameters = item["post"]["parameters"].as_array();
        let described =
            parameters.is_some_and(|all| all.iter().any(|p| p["name"] == "Idempotency-Key"));
        assert!(described, "{path} does not describe the header");
        let path = path.replace("{id}", "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b");
        for keys in [vec![""], vec![long.as_str()], vec!["a b"], vec!["clé"], vec!["a", "a"]] {
            let mut request = client.request(Method::POST, &path).json(&json!({}));
            for key in &keys {
                request = request.header("idempotency-key", *key);
            }
            let answer = client.send(request).await;
            assert_eq!(
                (answer.status, answer.codes()),
                (400, vec!["invalid".to_owned()]),
                "{path} {keys:?}"
            );
            assert_eq!(answer.json()[0]["field"], "Idempotency-Key", "{path} {keys:?}");
            let stranger = app.stranger();
            let request = stranger.request(Method::POST, &path).header("idempotency-key", keys[0]);
            assert_eq!(stranger.send(request).await.status, 401, "who it is comes first");
        }
    }
    app.finish().await;
}

async fn retrievals_and_refreshes_happen_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = client.post(LINKS, &quiet_link()).await.json();
    let body = json!({ "link": link["id"] });
    let refresh = format!("{LINKS}{}/refresh/", link["id"].as_str().unwrap());
    let mut asked = app.asked();
    for (path, body, status) in [
        ("/api/co/employments/", &body, 201),
        ("/api/owners/", &json!({ "link": link["id"], "save_data": false }), 200),
        (refresh.as_str(), &json!({}), 202),
    ] {
        let first = client.post_once(path, path, body).await;
        assert_eq!(first.status, status, "{path}: {}", first.body);
        app.settled().await;
        assert_replayed(&client.post_once(path, path, body).await, &first);
        app.settled().await;
        asked += 1;
        assert_eq!(app.asked(), asked, "{path}");
        assert_reused(&client.post_once(path, path, &json!({ "link": 1 })).await);
    }
    app.finish().await;
}

async fn an_answer_goes_with_its_link(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = client.post_once(LINKS, "link", &quiet_link()).await.json();
    let body = json!({ "link": link["id"] });
    let first = client.post_once("/api/co/employments/", "k", &body).await;
    assert_replayed(&client.post_once("/api/co/employments/", "k", &body).await, &first);
    let path = format!("{LINKS}{}/", link["id"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.status, 204);
    let gone = client.post_once("/api/co/employments/", "k", &body).await;
    assert_eq!((gone.status, gone.codes()), (400, vec!["does_not_exist".to_owned()]));
    let again = client.post_once(LINKS, "link", &quiet_link()).await;
    assert!(again.status == 201 && !is_replayed(&again), "{}", again.body);
    app.finish().await;
}

/// The other database takes no statement beside the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_about_an_erased_person_is_gone() {
    let app = TestApp::start(TestDatabase::postgres()).await;
    let client = app.sandbox();
    assert_eq!(client.post_once(LINKS, "k", &quiet_link()).await.status, 201);
    app.database.destroy_keys_of_people();
    assert_reused(&client.post_once(LINKS, "k", &quiet_link()).await);
    app.finish().await;
}
