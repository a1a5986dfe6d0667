//! Processes end; what they were asked to do does not.

use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use vinculo_server::config::Config;
use vinculo_store::{Environment, Queue};

use crate::support::{
    Mood, Neighbour, Receiver, Reply, Setup, TestApp, TestDatabase, on_both_databases,
};

on_both_databases!(
    a_load_that_was_accepted_is_done_by_the_next_process,
    a_job_whose_process_died_is_taken_again,
    a_delivery_whose_process_died_is_sent_again_unchanged,
    a_delivery_that_a_shutdown_gave_up_is_sent_again_at_once,
    one_process_runs_the_jobs_of_an_embedded_database,
    a_try_that_outlasts_its_lease_is_made_by_nobody_else,
    a_job_that_outlasts_its_lease_is_done_by_nobody_else,
);

/// Longer than a lease.
const LEASE: Duration = Duration::from_secs(7);
/// Shorter than a lease, and longer than the time between two beats of its worker.
const BEAT: Duration = Duration::from_secs(3);

async fn objects(app: &TestApp, link: &Value) -> [Vec<Value>; 2] {
    let id = link["id"].as_str().unwrap();
    let client = app.sandbox();
    [
        client.results(&format!("/api/co/employments/?link={id}")).await,
        client.results(&format!("/api/owners/?link={id}")).await,
    ]
}

async fn a_load_that_was_accepted_is_done_by_the_next_process(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, Some("bare-token")).await;
    let link = app.sandbox().create_link("1999000002", json!({})).await;

    let mut app = app.restart().await;
    assert_eq!(app.sandbox().results("/api/links/").await, from_ref(&link), "keys still open");
    assert!(objects(&app, &link).await.iter().all(Vec::is_empty));
    app.start_runner().await;
    let hooks = receiver.take::<2>().await;
    assert!(hooks.iter().all(|hook| hook.headers["authorization"] == "Bearer bare-token"));
    app.settled().await;
    let [employments, owners] = objects(&app, &link).await;
    assert_eq!((employments.len(), owners.len()), (2, 1));
    assert_eq!(app.asked(), 1, "the answer of the check is kept over the restart");

    let mut app = app.restart().await;
    app.start_runner().await;
    app.settled().await;
    assert_eq!(objects(&app, &link).await, [employments, owners]);
    receiver.assert_quiet();
    app.finish().await;
}

async fn a_job_whose_process_died_is_taken_again(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = app.sandbox().create_link("1999000002", json!({})).await;
    // What a process that dies at its work leaves behind: a lease.
    let now = app.now().as_microsecond();
    let lease = now + i64::try_from(LEASE.as_micros()).unwrap();
    let taken = app.app.store().write(move |tx| tx.claim_jobs(now, lease, 10)).await.unwrap();
    assert_eq!(taken.len(), 1);

    let mut app = app.restart().await;
    app.start_runner().await;
    if !app.database.is_embedded() {
        // Another process may hold it: only the end of the lease tells.
        app.advance(LEASE);
    }
    receiver.take::<2>().await;
    app.settled().await;
    receiver.assert_quiet();
    let [employments, owners] = objects(&app, &link).await;
    assert_eq!((employments.len(), owners.len()), (2, 1));

    // The dead process comes back with what it had taken: nobody listens to it any more.
    let late = taken[0];
    let finished = app.app.store().write(move |tx| tx.finish_job(&late)).await.unwrap();
    assert!(!finished);
    app.finish().await;
}

async fn a_delivery_whose_process_died_is_sent_again_unchanged(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500)]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let more = json!({ "access_mode": "single", "fetch_resources": ["OWNERS"] });
    app.sandbox().create_link("1999000001", more).await;
    let first = receiver.next().await;
    app.postponed().await;
    app.stop_runner().await;
    // What a process that dies at the second try leaves behind: a lease.
    let due = app.next_delivery_due().await.expect("one more try");
    app.advance(due.duration_since(app.now()).unsigned_abs());
    let now = app.now().as_microsecond();
    let lease = now + i64::try_from(LEASE.as_micros()).unwrap();
    let taken = app.app.store().write(move |tx| tx.claim_deliveries(now, lease, 9, 9, 1)).await;
    assert_eq!(taken.unwrap().len(), 1);

    let mut app = app.restart().await;
    app.start_runner().await;
    if !app.database.is_embedded() {
        app.advance(LEASE);
    }
    let again = receiver.next().await;
    assert_eq!(again.body, first.body);
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn a_delivery_that_a_shutdown_gave_up_is_sent_again_at_once(database: TestDatabase) {
    let setup = Setup::new(database).configure(|config| config.runner.grace = Duration::ZERO);
    let mut app = setup.start().await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Never]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let more = json!({ "access_mode": "single", "fetch_resources": ["OWNERS"] });
    app.sandbox().create_link("1999000001", more).await;
    let first = receiver.next().await;
    app.stop_runner().await;
    assert_eq!(app.next_delivery_due().await, Some(app.now()), "nobody holds it");
    app.start_runner().await;
    assert_eq!(receiver.next().await.body, first.body);
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn one_process_runs_the_jobs_of_an_embedded_database(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let claim = || vinculo_server::jobs::Runner::claim(app.app.clone());
    let embedded = app.database.is_embedded();
    let second = claim().await.unwrap();
    assert_eq!(second.is_none(), embedded);
    drop(second);
    app.stop_runner().await;
    app.start_runner().await;
    app.finish().await;
}

/// Lets more time pass than a lease lasts, and no more at once than a worker has to prolong it.
async fn outlast_leases(app: &TestApp, queue: Queue) {
    for _ in 0..3 {
        app.advance(BEAT);
        app.until_leases_last(queue, LEASE - BEAT).await;
    }
}

/// An application, and beside it a second worker where the database is not one process's alone.
async fn two_workers(setup: Setup) -> (TestApp, Neighbour) {
    let mut app = setup.start().await;
    let mut second = app.another_process().await;
    second.start_runner().await;
    (app, second)
}

async fn a_try_that_outlasts_its_lease_is_made_by_nobody_else(database: TestDatabase) {
    // Longer than the test: it is measured by the machine's clock.
    let patient = |config: &mut Config| config.webhook_timeout = Duration::from_secs(60 * 60);
    let (app, second) = two_workers(Setup::new(database).configure(patient)).await;
    let (mut receiver, told) = (Receiver::start().await, Arc::new(Notify::new()));
    receiver.reply([Reply::When(Arc::clone(&told))]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let more = json!({ "access_mode": "single", "fetch_resources": ["OWNERS"] });
    app.sandbox().create_link("1999000001", more).await;
    receiver.next().await;
    outlast_leases(&app, Queue::Deliveries).await;
    told.notify_one();
    app.settled().await;
    receiver.assert_quiet();
    let tries = app.sandbox().results("/manage/v1/deliveries/").await;
    assert_eq!((tries.len(), &tries[0]["tries"]), (1, &json!(1)));
    second.finish().await;
    app.finish().await;
}

async fn a_job_that_outlasts_its_lease_is_done_by_nobody_else(database: TestDatabase) {
    let (app, second) = two_workers(Setup::new(database)).await;
    let link = app.sandbox().create_link("1999000002", json!({})).await;
    app.settled().await;
    app.advance(Duration::from_secs(24 * 60 * 60));
    let asked = app.asked();
    app.operator_is(Mood::Silent);
    let refresh = format!("/api/links/{}/refresh/", link["id"].as_str().unwrap());
    assert_eq!(app.sandbox().post(&refresh, &json!({})).await.status, 202);
    app.until(|| app.asked() > asked).await;
    outlast_leases(&app, Queue::Jobs).await;
    app.operator_is(Mood::Helpful);
    app.settled().await;
    assert_eq!(app.asked(), asked + 1);
    second.finish().await;
    app.finish().await;
}

/// On SQLite: beside other processes a lease that has ended may be theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_heartbeat_prolongs_is_taken_by_nobody_else() {
    let configure = |config: &mut Config| {
        config.webhook_timeout = Duration::from_secs(60 * 60);
        // It does not come through.
        config.runner.heartbeat = Duration::from_secs(60 * 60);
    };
    let app = Setup::new(TestDatabase::sqlite()).configure(configure).start().await;
    let (mut receiver, told) = (Receiver::start().await, Arc::new(Notify::new()));
    receiver.reply([Reply::When(Arc::clone(&told))]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = async |person| {
        let more = json!({ "access_mode": "single", "fetch_resources": ["OWNERS"] });
        app.sandbox().create_link(person, more).await["id"].as_str().unwrap().to_owned()
    };
    let first = link("1999000001").await;
    assert_eq!(receiver.next().await.text("link_id"), first);
    app.advance(LEASE);
    let second = link("1999000002").await;
    assert_eq!(receiver.next().await.text("link_id"), second);
    told.notify_one();
    app.settled().await;
    receiver.assert_quiet();
    let tries = app.sandbox().results("/manage/v1/deliveries/").await;
    assert!(tries.iter().all(|delivery| delivery["tries"] == 1), "{tries:?}");
    app.finish().await;
}
