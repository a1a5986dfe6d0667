//! The machine's clock is set while work waits for it: nothing waits for the time that was taken away,
//! and nothing is done more than once too early.

use std::time::Duration;

use axum::body::Bytes;
use jiff::SignedDuration;
use serde_json::{Value, json};
use vinculo_server::config::{Config, SourceConfig};
use vinculo_sources::ach::AchConfig;
use vinculo_store::Environment;

use crate::support::{
    Answer, Receiver, Reply, Says, Service, Setup, TestApp, TestDatabase, link_request,
    on_both_databases,
};

on_both_databases!(
    what_is_postponed_comes_once_however_the_clock_is_set,
    a_small_step_changes_nothing,
    what_a_dead_worker_held_is_taken_again_though_the_clock_went_back,
    a_start_ends_waits_that_are_longer_than_any,
    no_source_is_passed_over_because_the_clock_is_set,
    a_source_is_asked_once_more_though_the_clock_is_set,
);

/// Longer than the time between two looks at the clock.
const LOOK: Duration = Duration::from_secs(3);
/// Longer than a lease.
const LEASE: Duration = Duration::from_secs(7);
/// Longer than the first wait of the schedule; the second is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(75);

/// An application whose next delivery fails and is postponed: the body of its webhook.
async fn postponed(app: &TestApp, receiver: &mut Receiver) -> Bytes {
    receiver.reply([Reply::Status(500)]);
    app.sandbox().create_link("1999000001", owners()).await;
    let first = receiver.next().await;
    app.postponed().await;
    first.body
}

fn owners() -> Value {
    json!({ "access_mode": "single", "fetch_resources": ["OWNERS"] })
}

async fn what_is_postponed_comes_once_however_the_clock_is_set(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let leap_day = "2028-02-29T12:00:00Z".parse().unwrap();
    // Forward and back again, and to a day that not every year has.
    let hours = [1, -1, 400 * 24, -400 * 24].map(SignedDuration::from_hours);
    let steps = hours.into_iter().chain([app.now().duration_until(leap_day)]);
    for step in steps {
        let body = postponed(&app, &mut receiver).await;
        // An endpoint that fails for five days is disabled, and this would be longer.
        let fails_again = step < SignedDuration::from_hours(5 * 24);
        receiver.reply(fails_again.then_some(Reply::Status(500)));
        app.clock.set_by(step);
        app.advance(LOOK);
        assert_eq!(receiver.next().await.body, body, "{step:#}");
        if fails_again {
            // It may be held by a claim that had looked at the clock before it was set.
            app.until_leases_end_within(2 * FIRST_WAIT).await;
            app.postponed().await;
            receiver.assert_quiet();
            let due = app.next_delivery_due().await.expect("one more try");
            assert!(due <= app.now() + 2 * FIRST_WAIT, "{step:#}: the schedule goes on: {due}");
            app.advance(2 * FIRST_WAIT);
            assert_eq!(receiver.next().await.body, body, "{step:#}");
        }
        app.settled().await;
        // And what is new does not wait.
        app.sandbox().create_link("1999000002", owners()).await;
        receiver.next().await;
        app.settled().await;
        receiver.assert_quiet();
    }
    app.finish().await;
}

async fn a_small_step_changes_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    for second in [1, -1] {
        let body = postponed(&app, &mut receiver).await;
        let due = app.next_delivery_due().await;
        app.clock.set_by(SignedDuration::from_secs(second));
        app.advance(LOOK);
        // What is made now has been through the same loops.
        app.sandbox().create_link("1999000002", owners()).await;
        assert_ne!(receiver.next().await.body, body);
        app.postponed().await;
        assert_eq!(app.next_delivery_due().await, due, "{second}");
        app.advance(FIRST_WAIT);
        assert_eq!(receiver.next().await.body, body);
        app.settled().await;
        receiver.assert_quiet();
    }
    app.finish().await;
}

async fn what_a_dead_worker_held_is_taken_again_though_the_clock_went_back(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let body = postponed(&app, &mut receiver).await;
    let due = app.next_delivery_due().await.expect("one more try").as_microsecond();
    let lease = due + i64::try_from(LEASE.as_micros()).unwrap();
    let taken = app.app.store().write(move |tx| tx.claim_deliveries(due, lease, 9, 9, 1)).await;
    assert_eq!(taken.unwrap().len(), 1);
    app.clock.set_by(SignedDuration::from_hours(-1));
    app.advance(LOOK);
    app.until_leases_end_within(LEASE).await;
    receiver.assert_quiet();
    app.advance(LEASE);
    assert_eq!(receiver.next().await.body, body);
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn a_start_ends_waits_that_are_longer_than_any(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    app.clock.set_by(SignedDuration::from_hours(400 * 24));
    app.sandbox().create_link("1999000001", owners()).await;
    app.clock.set_by(SignedDuration::from_hours(-400 * 24));
    app.start_runner().await;
    receiver.next().await;
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

const OCTOBER: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");
/// In the planilla above.
const PERSON: &str = "1900000101";

/// An application whose production asks an operator, and then the planillas.
async fn with_operator(database: TestDatabase, operator: &Service) -> TestApp {
    let ach = SourceConfig::Ach(Box::new(AchConfig::new(&operator.url)));
    let configure = move |config: &mut Config| {
        config.production = vec![ach.clone(), SourceConfig::Planillas];
        // By real time: no question ends because the machine is busy.
        config.check_timeout = Duration::from_secs(60);
    };
    let app = Setup::new(database).configure(configure).start().await;
    app.import(Environment::Production, OCTOBER).await;
    app
}

/// Registers the person; the clock is set forward while the operator is being asked, which then says this.
async fn register(app: &TestApp, operator: &Service, says: Says) -> Answer {
    let client = app.production();
    let request = link_request(PERSON, json!({ "access_mode": "single" }));
    let asking = tokio::spawn(async move { client.post("/api/links/", &request).await });
    operator.until_waiting(1).await;
    app.clock.set_by(SignedDuration::from_hours(1));
    operator.says(says);
    asking.await.unwrap()
}

/// How the questions ended that the caller of a link waited for, the newest first: source, outcome, status,
/// milliseconds.
async fn calls(app: &TestApp, link: &Value) -> Vec<[Value; 4]> {
    let path = format!("/manage/v1/links/{}/source-calls/", link["id"].as_str().unwrap());
    let calls = app.production().results(&path).await;
    let told = calls.iter().filter(|call| call["purpose"] == "check").map(|call| {
        ["source", "outcome", "http_status", "latency_ms"].map(|key| call[key].clone())
    });
    told.collect()
}

async fn no_source_is_passed_over_because_the_clock_is_set(database: TestDatabase) {
    let operator = Service::start(Says::Nothing).await;
    let app = with_operator(database, &operator).await;
    let registered = register(&app, &operator, Says::status(404)).await;
    assert_eq!(registered.status, 201, "{}", registered.body);
    app.settled().await;
    let told = calls(&app, &registered.json()).await;
    let expected = [
        [json!("planillas"), json!("resolved"), Value::Null, json!(0.0)],
        [json!("ach"), json!("no_data"), json!(404), json!(0.0)],
    ];
    assert_eq!(
        told, expected,
        "the time that has passed is told, not that by which the clock was set"
    );
    app.finish().await;
}

async fn a_source_is_asked_once_more_though_the_clock_is_set(database: TestDatabase) {
    let operator = Service::start(Says::Nothing).await;
    let app = with_operator(database, &operator).await;
    let registered = register(&app, &operator, Says::status(503)).await;
    assert_eq!(registered.status, 201, "{}", registered.body);
    app.settled().await;
    let told = calls(&app, &registered.json()).await;
    let told: Vec<_> = told.iter().map(|[source, _, status, _]| (source, status)).collect();
    let (planillas, ach, away) = (json!("planillas"), json!("ach"), json!(503));
    // The second question has the rest of the time of the first, and is answered.
    assert_eq!(told, [(&planillas, &Value::Null), (&ach, &away), (&ach, &away)]);
    app.finish().await;
}
