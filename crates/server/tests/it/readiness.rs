//! `/readyz` says what is wrong, and `/livez` only that the process lives.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vinculo_server::config::Config;

use crate::metrics::Watch;
use crate::support::{Setup, TestApp, TestDatabase, look_again, on_both_databases, soon};

on_both_databases!(
    everything_is_looked_at,
    a_database_that_is_gone,
    a_newer_schema_is_served_beside,
    a_schema_that_is_not_for_this_program,
    keys_that_are_gone,
    keys_of_another_installation,
    a_disk_without_room,
    a_worker_that_has_ended,
);

/// Status, and every check that fails with what it says.
async fn readiness(app: &TestApp) -> (u16, Vec<(String, String)>) {
    let request = app.stranger().request(Method::GET, "/readyz");
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("x-request-id"));
    let body: Value = response.json().await.expect("JSON");
    let checks = body["checks"].as_array().expect("checks");
    let failed = checks.iter().filter(|check| check["ready"] == false);
    let text = |check: &Value, name: &str| check[name].as_str().expect("a text").to_owned();
    let failed: Vec<_> = failed.map(|it| (text(it, "name"), text(it, "message"))).collect();
    assert_eq!(body["ready"], failed.is_empty());
    assert_eq!(app.stranger().get("/livez").await.status, 200);
    (status, failed)
}

/// The one check that fails.
async fn only_failure(app: &TestApp) -> (String, String) {
    let (status, mut failed) = readiness(app).await;
    assert_eq!((status, failed.len()), (503, 1), "{failed:?}");
    failed.remove(0)
}

async fn everything_is_looked_at(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let names = |answer: Value| {
        let checks = answer["checks"].as_array().expect("checks").clone();
        checks.iter().map(|check| check["name"].clone()).collect::<Vec<_>>()
    };
    let all = ["database", "schema", "master_key", "disk"].map(Value::from).to_vec();
    assert_eq!(names(app.stranger().get("/readyz").await.json()), all);
    app.start_runner().await;
    let answer = soon("a runner at work", async {
        loop {
            let answer = app.stranger().get("/readyz").await.json();
            if answer["checks"].as_array().is_some_and(|checks| checks.len() > all.len()) {
                return answer;
            }
            look_again().await;
        }
    })
    .await;
    let worker = json!({ "name": "worker", "ready": true, "message": "works" });
    assert_eq!((answer["ready"].clone(), answer["checks"][4].clone()), (json!(true), worker));
    app.finish().await;
}

async fn a_database_that_is_gone(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    app.app.store().clone().close().await;
    let (status, failed) = readiness(&app).await;
    let failed: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((status, failed), (503, vec!["database", "schema", "master_key"]));
    app.finish_with_work_left().await;
}

/// What a server cannot say while nobody may read these, and whoever wants to waits.
const HELD: &str = "lock table refinery_schema_history, workspaces, jobs in access exclusive mode";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_keeps_nobody_waiting() {
    const SEEN: &str = "vinculo_metrics_timestamp_seconds";
    let short = |config: &mut Config| config.look_timeout = Duration::from_secs(3);
    let app = Setup::new(TestDatabase::postgres()).configure(short).without_runner().start().await;
    let watch = Watch::start(&app).await;
    let at = watch.read(&app).await.value(SEEN, &[]);
    assert_eq!(at, Some(app.now().as_second() as f64));
    // The look that was made is good for a while.
    app.advance(Duration::from_secs(6));
    let hangs = [
        ("database", "does not answer in time"),
        ("schema", "not known"),
        ("master_key", "not known: no answer"),
    ];
    let hangs = hangs.map(|(name, message)| (name.to_owned(), message.to_owned())).to_vec();
    let noticed = soon("word of it", async {
        while readiness(&app).await.0 == 200 {
            look_again().await;
        }
    });
    let held = app.database.while_waited_for(HELD, async {}, |()| async {
        assert_eq!(readiness(&app).await, (503, hangs));
        let reading = watch.read(&app).await;
        assert_eq!(reading.value("vinculo_ready", &[("check", "database")]), Some(0.0));
        assert_eq!(reading.value("vinculo_ready", &[("check", "disk")]), Some(1.0));
        assert_eq!(reading.value(SEEN, &[]), at, "it could not look");
    });
    tokio::join!(noticed, held);
    soon("an answer again", async {
        while readiness(&app).await != (200, vec![]) {
            look_again().await;
        }
    })
    .await;
    app.advance(Duration::from_secs(6));
    assert_eq!(watch.read(&app).await.value(SEEN, &[]), Some(app.now().as_second() as f64));
    watch.finish().await;
    app.finish().await;
}

const LATER: &str = "insert into refinery_schema_history (version, name) values (900, 'later')";

/// Somebody migrates while this program serves.
async fn a_newer_schema_is_served_beside(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.database.run(LATER);
    assert_eq!(readiness(&app).await, (200, vec![]));
    let told = app.stranger().get("/readyz").await.json();
    let schema = told["checks"].as_array().unwrap().iter().find(|check| check["name"] == "schema");
    let message = "version 900, of a newer program: this one may go on";
    let expected = json!({ "name": "schema", "ready": true, "message": message });
    assert_eq!(schema, Some(&expected));
    let link = app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    let owners = format!("/api/owners/?link={}", link["id"].as_str().unwrap());
    assert_eq!(app.sandbox().results(&owners).await.len(), 1);
    app.finish().await;
}

async fn a_schema_that_is_not_for_this_program(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    app.database.run(LATER);
    app.database.run("update oldest_program set version = 900");
    let (check, message) = only_failure(&app).await;
    assert_eq!(check, "schema");
    assert!(message.contains("version 900, made by a newer program"), "{message}");
    app.database.run("delete from refinery_schema_history where version > 1");
    let (check, message) = only_failure(&app).await;
    assert_eq!(check, "schema");
    assert!(message.contains("the older version 1"), "{message}");
    app.finish().await;
}

async fn keys_that_are_gone(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    app.database.destroy("root_keys");
    let (check, message) = only_failure(&app).await;
    assert_eq!(check, "master_key");
    assert!(message.contains("keys of this installation are missing"), "{message}");
    app.finish().await;
}

async fn keys_of_another_installation(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    app.database.run("update workspaces set created_at = created_at + 1");
    let (check, message) = only_failure(&app).await;
    assert_eq!(check, "master_key");
    assert!(message.contains("belong to another installation"), "{message}");
    app.finish().await;
}

async fn a_disk_without_room(database: TestDatabase) {
    let setup = Setup::new(database).without_runner();
    let app = setup.configure(|config| config.least_free_bytes = 1 << 60).start().await;
    let (check, message) = only_failure(&app).await;
    assert_eq!(
        (check.as_str(), message.as_str()),
        ("disk", "less than 1099511627776 MiB are free")
    );
    app.finish().await;
}

async fn a_worker_that_has_ended(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    app.advance(Duration::from_secs(60 * 60));
    assert_eq!(readiness(&app).await, (200, vec![]));
    app.stop_runner().await;
    let worker = ("worker".to_owned(), "has ended".to_owned());
    assert_eq!(only_failure(&app).await, worker);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes() {
    const MESSAGE: &str = "takes no writes: default_transaction_read_only is on";
    let app = Setup::new(TestDatabase::postgres()).without_runner().start().await;
    app.database.run(
        "do $$ begin execute format('alter database %I set default_transaction_read_only = on', \
         current_database()); end $$",
    );
    app.database.run(
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid()",
    );
    let told = vec![("database".to_owned(), MESSAGE.to_owned())];
    // Each connection notices by itself that it was cut.
    soon("every connection to be a new one", async {
        while readiness(&app).await != (503, told.clone()) {
            look_again().await;
        }
    })
    .await;
    app.finish().await;
}
