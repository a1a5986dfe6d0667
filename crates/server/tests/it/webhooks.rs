//! Events on their way: to every endpoint, with its key, until they arrive.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use vinculo_store::{AttemptRecord, DeliveryState, Environment};

use crate::support::{Hook, Receiver, Reply, TestApp, TestDatabase};
use crate::support::{assert_matches, on_both_databases};

on_both_databases!(
    every_endpoint_gets_every_event,
    without_an_endpoint_the_load_still_runs,
    an_event_is_sent_again_unchanged_until_it_arrives,
    a_receiver_may_put_the_next_try_off,
    a_redirect_is_a_failure,
    an_event_that_never_arrives_is_given_up,
    what_cannot_be_read_any_more_is_not_sent,
    what_does_not_open_is_waited_for_and_then_given_up,
    whoever_lost_a_delivery_says_nothing_of_its_endpoint,
    a_busy_endpoint_is_left_in_peace,
);

const ENDPOINTS: &str = "/manage/v1/webhook-endpoints/";

/// Longer than the wait after the first failure, jitter included.
const SECOND_TRY: Duration = Duration::from_secs(73);

/// A link whose load causes one event.
async fn create_link(app: &TestApp) -> String {
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    app.sandbox().create_link("1999000001", more).await["id"].as_str().unwrap().to_owned()
}

fn authorization(hook: &Hook) -> Option<&str> {
    hook.headers.get("authorization").map(|value| value.to_str().unwrap())
}

async fn every_endpoint_gets_every_event(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut seen = Vec::new();
    let mut receivers = Vec::new();
    for (given, sent) in [
        (None, None),
        (Some("bare-token"), Some("Bearer bare-token")),
        (Some("Basic dXNlcjpwYXNz"), Some("Basic dXNlcjpwYXNz")),
    ] {
        let receiver = Receiver::start().await;
        app.send_events_to(&receiver, Environment::Sandbox, given).await;
        receivers.push((receiver, sent));
    }
    app.sandbox().create_link("1999000002", json!({})).await;
    for (receiver, sent) in &mut receivers {
        let [employments, owners] = receiver.take().await;
        assert_eq!(employments.text("webhook_type"), "EMPLOYMENTS");
        assert_eq!(owners.text("webhook_type"), "OWNERS");
        for hook in [&employments, &owners] {
            assert_eq!((hook.path.as_str(), authorization(hook)), ("/hooks", *sent));
        }
        seen.push([employments.body, owners.body]);
    }
    assert!(seen.iter().all(|bodies| *bodies == seen[0]), "the same events, byte by byte");
    app.settled().await;
    receivers.iter_mut().for_each(|(receiver, _)| receiver.assert_quiet());
    app.finish().await;
}

async fn without_an_endpoint_the_load_still_runs(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = create_link(&app).await;
    app.settled().await;
    let employments = app.sandbox().results(&format!("/api/co/employments/?link={link}")).await;
    assert_eq!(employments.len(), 1);

    let mut late = Receiver::start().await;
    app.send_events_to(&late, Environment::Sandbox, None).await;
    let next = create_link(&app).await;
    assert_eq!(late.next().await.text("link_id"), next, "nothing of before");
    app.settled().await;
    late.assert_quiet();
    app.finish().await;
}

async fn an_event_is_sent_again_unchanged_until_it_arrives(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500), Reply::Status(404), Reply::Status(204)]);
    app.send_events_to(&receiver, Environment::Sandbox, Some("bare-token")).await;
    create_link(&app).await;
    let first = receiver.next().await;
    for wait in [SECOND_TRY, 2 * SECOND_TRY] {
        app.postponed().await;
        receiver.assert_quiet();
        app.advance(wait);
        let again = receiver.next().await;
        assert_eq!(again.body, first.body);
        assert_eq!(again.text("webhook_id"), first.text("webhook_id"));
        assert_matches(
            "/webhooks/EMPLOYMENTS/post/requestBody/content/application~1json/schema",
            &again.json(),
            "a webhook",
        );
        assert_eq!(authorization(&again), Some("Bearer bare-token"));
    }
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn a_receiver_may_put_the_next_try_off(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Later(600)]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    create_link(&app).await;
    let first = receiver.next().await;
    app.postponed().await;
    let due = app.next_delivery_due().await.expect("one more try");
    let wait = due.duration_since(app.now());
    assert!((600..=720).contains(&wait.as_secs()), "{wait}");
    app.advance(wait.unsigned_abs());
    assert_eq!(receiver.next().await.body, first.body);
    app.settled().await;
    app.finish().await;
}

async fn a_redirect_is_a_failure(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Redirect("/elsewhere".to_owned())]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    create_link(&app).await;
    let first = receiver.next().await;
    app.postponed().await;
    receiver.assert_quiet();
    assert_eq!(app.work_left().await, 1, "not delivered");

    app.advance(SECOND_TRY);
    let again = receiver.next().await;
    assert_eq!((again.path, again.body), (first.path, first.body));
    app.settled().await;
    app.finish().await;
}

async fn an_event_that_never_arrives_is_given_up(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply(std::iter::repeat_n(Reply::Status(503), 11));
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = create_link(&app).await;
    let first = receiver.next().await;
    for _ in 0..10 {
        app.postponed().await;
        let due = app.next_delivery_due().await.expect("one more try");
        app.advance(due.duration_since(app.now()).unsigned_abs());
        assert_eq!(receiver.next().await.body, first.body);
    }
    app.settled().await;
    receiver.assert_quiet();
    let owners = app.sandbox().results(&format!("/api/co/employments/?link={link}")).await;
    assert_eq!(owners.len(), 1, "the objects are there all the same");
    app.finish().await;
}

async fn what_cannot_be_read_any_more_is_not_sent(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500)]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = create_link(&app).await;
    receiver.next().await;
    app.postponed().await;
    let client = app.sandbox();
    let path = format!("/api/links/{link}/");
    let body = serde_json::json!({});
    assert_eq!(client.asynchronous(http::Method::DELETE, &path, &body).await.status, 202);
    assert_eq!(receiver.next().await.text("webhook_code"), "link_deleted");
    app.settled().await;
    let deliveries = client.results("/manage/v1/deliveries/").await;
    let states: Vec<_> = deliveries.iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["delivered", "cancelled"]);

    // Nor again: that the link was deleted is all there is to tell.
    let one = format!("/manage/v1/deliveries/{}/replay/", deliveries[1]["id"]);
    assert_eq!(client.post(&one, &body).await.codes(), ["link_deleted"]);
    let all = serde_json::json!({ "endpoint": deliveries[0]["endpoint"] });
    let replayed = client.post("/manage/v1/deliveries/replay/", &all).await;
    assert_eq!(replayed.json()["replayed"], 1);
    assert_eq!(receiver.next().await.text("webhook_code"), "link_deleted");
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

/// Has a test event sent to an endpoint.
async fn send_test(app: &TestApp, endpoint: &Value) {
    let test = format!("{ENDPOINTS}{}/test/", endpoint["id"].as_str().unwrap());
    assert_eq!(app.sandbox().post(&test, &json!({})).await.status, 202);
}

async fn endpoint_of(app: &TestApp, receiver: &Receiver) -> Value {
    let endpoints = app.sandbox().results(ENDPOINTS).await;
    endpoints.into_iter().find(|it| it["url"] == *receiver.url).expect("no such endpoint")
}

async fn what_does_not_open_is_waited_for_and_then_given_up(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let client = app.sandbox();
    let never = json!({ "webhook_retry_seconds": [] });
    assert_eq!(client.patch("/manage/v1/settings/", &never).await.status, 200);
    app.stop_runner().await;
    send_test(&app, &endpoint_of(&app, &receiver).await).await;
    app.database.tamper("update events set sealed = (select sealed from webhook_endpoints)");
    app.start_runner().await;
    let list = "/manage/v1/deliveries/";
    for days in [0, 2] {
        app.advance(Duration::from_hours(24 * days));
        app.postponed().await;
        let waits = client.results(list).await.remove(0);
        assert_eq!((&waits["status"], &waits["tries"]), (&json!("pending"), &json!(0)), "{days}");
    }
    app.advance(Duration::from_hours(24));
    app.settled().await;
    let ended = client.results(list).await.remove(0);
    assert_eq!((&ended["status"], &ended["tries"]), (&json!("failed"), &json!(1)));
    let shown = client.get(&format!("{list}{}/", ended["id"])).await.json();
    assert_eq!(shown["attempts"][0]["failure"], "internal", "{shown}");
    receiver.assert_quiet();
    app.finish().await;
}

async fn whoever_lost_a_delivery_says_nothing_of_its_endpoint(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    let told = Arc::new(Notify::new());
    receiver.reply([Reply::Late(Arc::clone(&told), 500)]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    send_test(&app, &endpoint_of(&app, &receiver).await).await;
    receiver.next().await;
    // Another worker finds the lease at its end, and delivers.
    let later = app.now().as_microsecond() + 24 * 3_600_000_000;
    let taken = app.app.store().write(move |tx| {
        let due = tx.claim_deliveries(later, later + 1, 9, 9, 1)?.remove(0);
        let record = AttemptRecord {
            claim: due.claim,
            started_at: later,
            duration_us: 1,
            status: Some(200),
            failure: None,
            excerpt: None,
            state: DeliveryState::Delivered,
            due_at: later,
        };
        tx.record_attempt(&record, later)
    });
    assert!(taken.await.unwrap());
    told.notify_one();
    app.stop_runner().await;
    let endpoint = endpoint_of(&app, &receiver).await;
    assert!(endpoint["failing_since"].is_null(), "{endpoint}");
    let delivery = app.sandbox().results("/manage/v1/deliveries/").await.remove(0);
    assert_eq!((&delivery["status"], &delivery["tries"]), (&json!("delivered"), &json!(1)));
    app.finish().await;
}

async fn a_busy_endpoint_is_left_in_peace(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (mut busy, mut other) = (Receiver::start().await, Receiver::start().await);
    for receiver in [&busy, &other] {
        app.send_events_to(receiver, Environment::Sandbox, None).await;
    }
    busy.reply([Reply::Later(600)]);
    let endpoint = endpoint_of(&app, &busy).await;
    send_test(&app, &endpoint).await;
    let first = busy.next().await;
    app.postponed().await;
    let held = endpoint_of(&app, &busy).await;
    let until = (app.now() + Duration::from_secs(600)).strftime("%Y-%m-%dT%H:%M:%S.%6fZ");
    assert_eq!(held["held_until"], until.to_string());
    for _ in 0..3 {
        send_test(&app, &endpoint).await;
    }
    send_test(&app, &endpoint_of(&app, &other).await).await;
    other.next().await;
    app.postponed().await;
    busy.assert_quiet();
    let waiting = app.sandbox().results("/manage/v1/deliveries/?status=pending").await;
    let never = waiting.iter().filter(|it| it["tries"] == 0);
    let never: Vec<_> = never.map(|it| it["next_try_at"].clone()).collect();
    assert_eq!(never, vec![json!(until.to_string()); 3]);

    // One goes first, and until it has arrived no other goes.
    let told = Arc::new(Notify::new());
    busy.reply([Reply::When(Arc::clone(&told))]);
    app.advance(Duration::from_secs(600));
    let probe = busy.next().await;
    assert_ne!(probe.body, first.body);
    assert!(endpoint_of(&app, &busy).await["held_until"].is_null());
    busy.assert_quiet();
    told.notify_one();
    for _ in 0..2 {
        busy.next().await;
    }
    app.postponed().await;
    app.advance(Duration::from_secs(120));
    assert_eq!(busy.next().await.body, first.body);
    app.settled().await;
    busy.assert_quiet();

    // Who does not say how long is left in peace for a while.
    for status in [429, 502, 503, 504] {
        busy.reply([Reply::Status(status)]);
        send_test(&app, &endpoint).await;
        busy.next().await;
        app.postponed().await;
        let until = (app.now() + Duration::from_secs(10)).strftime("%Y-%m-%dT%H:%M:%S.%6fZ");
        assert_eq!(endpoint_of(&app, &busy).await["held_until"], until.to_string());
        app.advance(SECOND_TRY);
        busy.next().await;
        app.settled().await;
    }
    busy.reply([Reply::Status(500)]);
    send_test(&app, &endpoint).await;
    busy.next().await;
    app.postponed().await;
    assert!(endpoint_of(&app, &busy).await["held_until"].is_null(), "it failed, and is not busy");
    app.advance(SECOND_TRY);
    busy.next().await;
    app.settled().await;
    app.finish().await;
}
