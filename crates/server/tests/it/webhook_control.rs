//! Endpoints, events and deliveries in the hands of a workspace.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use vinculo_store::Environment;
use vinculo_webhook::SigningSecret;

use crate::support::{Client, Hook, Receiver, Reply, Setup, TestApp, TestDatabase};
use crate::support::{assert_matches, look_again, on_both_databases, soon};

on_both_databases!(
    endpoints_are_added_shown_changed_and_removed,
    what_cannot_be_an_endpoint_is_refused,
    every_request_is_signed,
    an_endpoint_can_be_made_disabled,
    a_rotation_has_two_signatures_until_the_old_secret_ends,
    an_endpoint_gets_what_it_wants_where_it_is,
    a_test_event_arrives_like_any_other,
    every_try_is_told_with_its_answer,
    lists_are_filtered,
    replays_keep_id_and_bytes,
    as_many_as_a_statement_takes_are_looked_for,
    an_endpoint_that_is_gone_is_disabled,
    an_endpoint_that_fails_for_five_days_is_disabled,
    a_quiet_endpoint_has_a_day_to_take_what_comes_next,
    a_late_answer_says_nothing_of_where_the_endpoint_is_now,
    tries_under_way_are_recorded_whatever_became_of_their_delivery,
    what_waits_is_not_sent_once_its_type_is_not_wanted,
    an_endpoint_is_gone_whatever_became_of_what_it_was_sent,
    what_is_not_wanted_any_more_is_not_sent_before_it_is_cancelled,
    what_was_missed_is_sent_whenever_it_is_asked_for,
    what_was_missed_is_sent_by_whoever_comes_after_a_crash,
    what_happened_by_a_clock_that_is_behind_was_missed_too,
    one_success_ends_a_failure,
    a_success_that_began_before_a_failure_ends_it,
    a_workspace_has_its_own_schedule,
    another_workspace_sees_and_moves_nothing,
    egress_addresses_are_told,
);

const ENDPOINTS: &str = "/manage/v1/webhook-endpoints/";
const EVENTS: &str = "/manage/v1/events/";
const DELIVERIES: &str = "/manage/v1/deliveries/";
const REPLAY: &str = "/manage/v1/deliveries/replay/";
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn add(client: &Client, body: Value) -> Value {
    let added = client.post(ENDPOINTS, &body).await;
    assert_eq!(added.status, 201, "{}", added.body);
    added.json()
}

fn path_of(endpoint: &Value) -> String {
    format!("{ENDPOINTS}{}/", endpoint["id"].as_str().unwrap())
}

/// A link whose load causes one event.
async fn one_event(app: &TestApp) -> Value {
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    app.sandbox().create_link("1999000001", more).await
}

pub(crate) fn header<'a>(hook: &'a Hook, name: &str) -> &'a str {
    hook.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

/// The signature that a secret gives a request.
pub(crate) fn signed(hook: &Hook, endpoint: &Value) -> String {
    let secret = SigningSecret::parse(endpoint["secret"].as_str().unwrap()).unwrap();
    let timestamp = header(hook, "webhook-timestamp").parse().unwrap();
    secret.sign(header(hook, "webhook-id"), timestamp, &hook.body)
}

fn without_secret(endpoint: &Value) -> Value {
    let mut shown = endpoint.clone();
    shown["secret"] = Value::Null;
    shown
}

/// Lets the time of the next try come.
async fn next_try(app: &TestApp) {
    app.postponed().await;
    let due = app.next_delivery_due().await.expect("one more try");
    app.advance(due.duration_since(app.now()).unsigned_abs());
}

async fn endpoints_are_added_shown_changed_and_removed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let wanted = json!({ "url": "http://127.0.0.1:9/hooks?a=b", "authorization": "s3cret-value" });
    let first = client.post_once(ENDPOINTS, "k", &wanted).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let added = first.json();
    let repeated = client.post_once(ENDPOINTS, "k", &wanted).await;
    assert_eq!(repeated.json(), without_secret(&added), "a secret is shown once");
    assert_matches("/components/schemas/EndpointStatus", &added, "added");
    assert!(added["secret"].as_str().unwrap().starts_with("whsec_"));
    let shown = without_secret(&added);
    assert_eq!(client.get(&path_of(&added)).await.json(), shown);
    assert_eq!(client.results(ENDPOINTS).await, std::slice::from_ref(&shown));
    assert_eq!((&shown["has_authorization"], &shown["signed"]), (&json!(true), &json!(true)));
    assert!(shown["enabled"] == true && shown["webhook_types"].is_null());

    let change = json!({
        "url": "http://127.0.0.1:9/other", "authorization": null, "webhook_types": ["LINK", "LINK"]
    });
    let changed = client.patch(&path_of(&added), &change).await.json();
    assert_eq!(changed["url"], "http://127.0.0.1:9/other");
    assert_eq!((&changed["has_authorization"], &changed["enabled"]), (&json!(false), &json!(true)));
    assert_eq!(changed["webhook_types"], json!(["LINK"]));
    let changed = client.patch(&path_of(&added), &json!({ "webhook_types": null })).await.json();
    assert!(changed["webhook_types"].is_null() && changed["url"] == "http://127.0.0.1:9/other");
    let off = client.patch(&path_of(&added), &json!({ "enabled": false })).await.json();
    assert_eq!((&off["enabled"], &off["disabled_reason"]), (&json!(false), &json!("manual")));
    assert!(off["disabled_at"].is_string());
    let on = client.patch(&path_of(&added), &json!({ "enabled": true })).await.json();
    assert!(on["enabled"] == true && on["disabled_at"].is_null());

    assert_eq!(client.delete(&path_of(&added)).await.status, 204);
    for answer in [client.get(&path_of(&added)).await, client.delete(&path_of(&added)).await] {
        assert_eq!(answer.status, 404);
    }
    assert!(client.results(ENDPOINTS).await.is_empty());
    app.finish().await;
}

async fn what_cannot_be_an_endpoint_is_refused(database: TestDatabase) {
    let app = Setup::new(database).configure(|c| c.webhook_allow_private = false).start().await;
    let client = app.sandbox();
    let url = "https://93.184.216.34/hooks";
    for (body, code, field) in [
        (json!({}), "required", "url"),
        (json!({ "url": "" }), "blank", "url"),
        (json!({ "url": "http://93.184.216.34/" }), "invalid", "url"),
        (json!({ "url": "https://10.0.0.1/" }), "invalid", "url"),
        (json!({ "url": "https://[::ffff:127.0.0.1]/" }), "invalid", "url"),
        (json!({ "url": "https://169.254.169.254/latest" }), "invalid", "url"),
        (json!({ "url": "https://localhost/" }), "invalid", "url"),
        (json!({ "url": "https://93.184.216.34:22/" }), "invalid", "url"),
        (json!({ "url": url, "authorization": "a\nb" }), "invalid", "authorization"),
        (json!({ "url": url, "webhook_types": ["links"] }), "invalid_choice", "webhook_types"),
        (json!({ "url": url, "webhook_types": [] }), "empty", "webhook_types"),
    ] {
        let refused = client.post(ENDPOINTS, &body).await;
        assert_eq!((refused.status, refused.codes()), (400, vec![code.to_owned()]), "{body}");
        assert_eq!(refused.json()[0]["field"], field, "{body}");
    }
    let two = client.post(ENDPOINTS, &json!({ "url": "x", "authorization": "" })).await;
    assert_eq!(two.codes().len(), 2, "{}", two.body);
    assert!(client.results(ENDPOINTS).await.is_empty());

    let path = path_of(&add(&client, json!({ "url": url })).await);
    for body in [json!({ "url": "https://10.0.0.1/" }), json!({ "enabled": 3 })] {
        assert_eq!(client.patch(&path, &body).await.status, 400, "{body}");
    }
    for hours in [json!(169), json!(-1), json!("x")] {
        let body = json!({ "keep_old_hours": hours });
        let refused = client.post(&format!("{path}rotate-secret/"), &body).await;
        assert_eq!((refused.status, &refused.json()[0]["field"]), (400, &json!("keep_old_hours")));
    }
    assert_eq!(client.get(&path).await.json()["url"], url);
    for (body, field) in [
        (json!({}), Value::Null),
        (json!({ "status": null }), Value::Null),
        (json!({ "status": "lost" }), json!("status")),
        (json!({ "status": "" }), json!("status")),
        (json!({ "status": ["failed"] }), json!("status")),
        (json!({ "status__in": [] }), json!("status__in")),
        (json!({ "status__in": ["failed", " "] }), json!("status__in")),
        (json!({ "status__in": ["failed", 7] }), json!("status__in")),
        (json!({ "created_at__gte": "x" }), json!("created_at__gte")),
        (json!({ "created_at__range": ["2026-01-01"] }), json!("created_at__range")),
        (json!({ "link__in": ["x"] }), json!("link__in")),
        // What is not known would send more than is wanted.
        (json!({ "status": "failed", "before": "2026-01-01" }), json!("before")),
        (json!({ "status": "failed", "page": null }), json!("page")),
    ] {
        let refused = client.post(REPLAY, &body).await;
        assert_eq!(refused.status, 400, "{body}");
        assert_eq!(refused.json()[0].get("field").cloned().unwrap_or_default(), field, "{body}");
    }
    app.finish().await;
}

async fn an_endpoint_can_be_made_disabled(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    let body = json!({ "url": receiver.url, "enabled": false });
    let endpoint = add(&app.sandbox(), body).await;
    assert_eq!(
        (&endpoint["enabled"], &endpoint["disabled_reason"]),
        (&json!(false), &json!("manual"))
    );
    assert!(endpoint["secret"].is_string(), "{endpoint}");
    one_event(&app).await;
    app.settled().await;
    receiver.assert_quiet();
    let enabled = app.sandbox().patch(&path_of(&endpoint), &json!({ "enabled": true })).await;
    assert_eq!(enabled.json()["enabled"], true);
    let wrong = json!({ "url": receiver.url, "enabled": "no" });
    assert_eq!(app.sandbox().post(ENDPOINTS, &wrong).await.status, 400);
    one_event(&app).await;
    receiver.next().await;
    app.settled().await;
    app.finish().await;
}

async fn every_request_is_signed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500)]);
    let endpoint = add(&app.sandbox(), json!({ "url": receiver.url })).await;
    one_event(&app).await;
    let first = receiver.next().await;
    next_try(&app).await;
    let again = receiver.next().await;
    for hook in [&first, &again] {
        assert_eq!(header(hook, "webhook-id"), hook.text("webhook_id"));
        assert_eq!(header(hook, "webhook-signature"), signed(hook, &endpoint));
    }
    let at = |hook| header(hook, "webhook-timestamp").parse::<i64>().unwrap();
    assert_eq!(at(&again), app.now().as_second());
    assert!(at(&first) < at(&again), "each try has its own moment");
    app.settled().await;
    app.finish().await;
}

async fn a_rotation_has_two_signatures_until_the_old_secret_ends(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    let first = add(&app.sandbox(), json!({ "url": receiver.url })).await;
    let rotate = format!("{}rotate-secret/", path_of(&first));
    let second = app.sandbox().post_once(&rotate, "k", &json!({ "keep_old_hours": 2 })).await;
    let repeated = app.sandbox().post_once(&rotate, "k", &json!({ "keep_old_hours": 2 })).await;
    assert_eq!(second.status, 200);
    let second = second.json();
    assert_eq!(repeated.json(), without_secret(&second), "a secret is shown once");
    assert!(second["secret"] != first["secret"] && second["old_secret_until"].is_string());
    one_event(&app).await;
    let hook = receiver.next().await;
    let both = format!("{} {}", signed(&hook, &second), signed(&hook, &first));
    assert_eq!(header(&hook, "webhook-signature"), both);
    app.settled().await;

    app.advance(2 * HOUR);
    one_event(&app).await;
    let hook = receiver.next().await;
    assert_eq!(header(&hook, "webhook-signature"), signed(&hook, &second));
    assert!(app.sandbox().get(&path_of(&first)).await.json()["old_secret_until"].is_null());
    app.settled().await;

    // When the answer is lost, another rotation mends it: what receivers know goes on for as long as is wanted.
    let lost = app.sandbox().post(&rotate, &json!({ "keep_old_hours": 1 })).await.json();
    let third = app.sandbox().post(&rotate, &json!({})).await.json();
    assert!(lost["old_secret_until"].as_str() < third["old_secret_until"].as_str());
    // There is no fourth, unless none is to go on.
    let refused = app.sandbox().post(&rotate, &json!({})).await;
    assert_eq!((refused.status, refused.codes()), (409, vec!["old_secret_signs".to_owned()]));
    let until = third["old_secret_until"].as_str().unwrap();
    assert!(refused.body.contains(until), "{}", refused.body);
    one_event(&app).await;
    let hook = receiver.next().await;
    let all = [&third, &lost, &second].map(|endpoint| signed(&hook, endpoint)).join(" ");
    assert_eq!(header(&hook, "webhook-signature"), all);
    app.settled().await;
    app.advance(23 * HOUR);
    one_event(&app).await;
    let hook = receiver.next().await;
    assert_eq!(header(&hook, "webhook-signature").split(' ').count(), 3, "as long as was wanted");
    let fourth = app.sandbox().post(&rotate, &json!({ "keep_old_hours": 0 })).await.json();
    one_event(&app).await;
    let hook = receiver.next().await;
    assert_eq!(header(&hook, "webhook-signature"), signed(&hook, &fourth));
    app.settled().await;
    app.finish().await;
}

async fn an_endpoint_gets_what_it_wants_where_it_is(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let (mut owners, mut old, mut new) =
        (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    add(&client, json!({ "url": owners.url, "webhook_types": ["OWNERS"] })).await;
    old.reply([Reply::Status(500)]);
    let moved = add(&client, json!({ "url": old.url, "webhook_types": ["EMPLOYMENTS"] })).await;
    client
        .create_link(
            "1999000001",
            json!({ "access_mode": "single", "fetch_resources":
        ["EMPLOYMENTS", "OWNERS"] }),
        )
        .await;
    assert_eq!(owners.next().await.text("webhook_type"), "OWNERS");
    let first = old.next().await;
    assert_eq!(first.text("webhook_type"), "EMPLOYMENTS");
    app.postponed().await;
    let change = json!({ "url": new.url, "authorization": "new-token" });
    assert_eq!(client.patch(&path_of(&moved), &change).await.status, 200);
    next_try(&app).await;
    let again = new.next().await;
    assert_eq!((again.body, header_of(&again.headers)), (first.body, "Bearer new-token"));
    app.settled().await;
    old.assert_quiet();
    owners.assert_quiet();
    app.finish().await;
}

fn header_of(headers: &http::HeaderMap) -> &str {
    headers["authorization"].to_str().unwrap()
}

async fn a_test_event_arrives_like_any_other(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let (mut tested, mut other) = (Receiver::start().await, Receiver::start().await);
    add(&client, json!({ "url": other.url })).await;
    let body = json!({ "url": tested.url, "webhook_types": ["LINK"] });
    let endpoint = add(&client, body).await;
    tested.reply([Reply::Says(503, "not yet")]);
    let test = format!("{}test/", path_of(&endpoint));
    let sent = client.post(&test, &json!({})).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let first = tested.next().await;
    assert_eq!(first.text("webhook_id"), sent.json()["event"]);
    assert_eq!(header(&first, "webhook-signature"), signed(&first, &endpoint));
    next_try(&app).await;
    assert_eq!(tested.next().await.body, first.body);
    app.settled().await;
    other.assert_quiet();
    let event = client.get(&format!("{EVENTS}{}/", first.text("webhook_id"))).await.json();
    assert_matches("/components/schemas/EventStatus", &event, "a test");
    assert_eq!((&event["body"], &event["webhook_type"]), (&first.json(), &json!("TEST")));
    assert_eq!(event["deliveries"]["delivered"], 1);
    let delivery = &client.results(DELIVERIES).await[0];
    let delivery = client.get(&format!("{DELIVERIES}{}/", delivery["id"])).await.json();
    assert_eq!(delivery["attempts"][0]["answer"], "not yet");
    client.patch(&path_of(&endpoint), &json!({ "enabled": false })).await;
    assert_eq!(client.post(&test, &json!({})).await.codes(), ["endpoint_disabled"]);
    app.finish().await;
}

async fn every_try_is_told_with_its_answer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Says(500, "wait a little"), Reply::Status(204)]);
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    let link = one_event(&app).await;
    let hook = receiver.next().await;
    app.postponed().await;
    let pending = client.results(DELIVERIES).await.remove(0);
    assert_eq!((&pending["status"], &pending["tries"]), (&json!("pending"), &json!(1)));
    assert!(pending["next_try_at"].is_string() && pending["attempts"].is_null());
    next_try(&app).await;
    receiver.next().await;
    app.settled().await;

    let delivery = client.get(&format!("{DELIVERIES}{}/", pending["id"])).await.json();
    assert_matches("/components/schemas/DeliveryStatus", &delivery, "delivered");
    assert_eq!(delivery["event"], hook.json()["webhook_id"]);
    assert_eq!((&delivery["endpoint"], &delivery["link"]), (&endpoint["id"], &link["id"]));
    assert_eq!(
        (&delivery["status"], &delivery["next_try_at"]),
        (&json!("delivered"), &Value::Null)
    );
    let tries = delivery["attempts"].as_array().unwrap();
    let told: Vec<_> =
        tries.iter().map(|it| (it["status"].as_i64(), it["answer"].as_str())).collect();
    assert_eq!(told, [(Some(500), Some("wait a little")), (Some(204), None)]);
    let event = client.get(&format!("{EVENTS}{}/", hook.text("webhook_id"))).await.json();
    assert_eq!((&event["body"], &event["link"]), (&hook.json(), &link["id"]));
    for path in [format!("{DELIVERIES}9999/"), format!("{DELIVERIES}x/"), format!("{EVENTS}x/")] {
        assert_eq!(client.get(&path).await.status, 404, "{path}");
    }
    app.finish().await;
}

async fn lists_are_filtered(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    let quiet = add(&client, json!({ "url": receiver.url, "webhook_types": ["LINK"] })).await;
    let link = client
        .create_link(
            "1999000001",
            json!({ "access_mode": "single", "fetch_resources":
        ["EMPLOYMENTS", "OWNERS"] }),
        )
        .await;
    let [hook, _] = receiver.take().await;
    app.settled().await;
    app.advance(DAY);
    one_event(&app).await;
    app.settled().await;
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let today = app.now().strftime("%Y-%m-%d").to_string();
    let cases = [
        (String::new(), 3, 3),
        (format!("link={}", text(&link)), 2, 2),
        ("webhook_type=EMPLOYMENTS".to_owned(), 2, 2),
        ("webhook_type__in=OWNERS,LINK".to_owned(), 1, 1),
        (format!("created_at__gte={today}"), 1, 1),
        (format!("created_at__lt={today}"), 2, 2),
        ("status=delivered".to_owned(), 3, 3),
        ("status__in=failed,cancelled".to_owned(), 0, 0),
        ("status=delivered&webhook_type=OWNERS".to_owned(), 1, 1),
        (format!("endpoint={}", text(&endpoint)), 3, 3),
        (format!("endpoint={}", text(&quiet)), 3, 0),
        (format!("event={}", hook.text("webhook_id")), 3, 1),
    ];
    for (query, events, deliveries) in cases {
        assert_eq!(client.results(&format!("{EVENTS}?{query}")).await.len(), events, "{query}");
        let found = client.results(&format!("{DELIVERIES}?{query}")).await;
        assert_eq!(found.len(), deliveries, "{query}");
    }
    // Replays of many take the same filters.
    for (name, value, replayed) in [
        ("link", json!(text(&link)), 2),
        ("link__in", json!([text(&link)]), 2),
        ("webhook_type__in", json!(["OWNERS", "LINK"]), 1),
        ("created_at", json!(today), 1),
        ("created_at__lte", json!("2020-01-01"), 0),
        ("created_at__range", json!(["2020-01-01", today]), 3),
        ("status__in", json!(["failed", "delivered"]), 3),
        ("endpoint__in", json!([text(&endpoint), text(&quiet)]), 3),
        ("event", json!(hook.text("webhook_id")), 1),
    ] {
        let answer = client.post(REPLAY, &json!({ name: value })).await;
        assert_eq!(answer.json(), json!({ "replayed": replayed }), "{name}");
        for _ in 0..replayed {
            receiver.next().await;
        }
        app.settled().await;
    }
    for query in ["webhook_type=X", "link=x", "created_at=x", "status=x", "status__in=failed,x"] {
        assert_eq!(client.get(&format!("{EVENTS}?{query}")).await.status, 400, "{query}");
    }
    for query in ["status=x", "endpoint=x", "event=x"] {
        assert_eq!(client.get(&format!("{DELIVERIES}?{query}")).await.status, 400, "{query}");
    }
    let page = client.get(&format!("{DELIVERIES}?page_size=2")).await.json();
    assert_eq!((&page["count"], page["results"].as_array().unwrap().len()), (&json!(3), 2));
    app.finish().await;
}

async fn replays_keep_id_and_bytes(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    one_event(&app).await;
    let first = receiver.next().await;
    app.settled().await;
    let delivery = client.results(DELIVERIES).await.remove(0);
    let one = format!("{DELIVERIES}{}/replay/", delivery["id"]);
    let replayed = client.post_once(&one, "k", &json!({})).await;
    assert_eq!(replayed.status, 202, "{}", replayed.body);
    assert_eq!(receiver.next().await.body, first.body);
    app.settled().await;
    let again = client.results(DELIVERIES).await.remove(0);
    assert!(delivery["replayed_at"].is_null() && again["replayed_at"].is_string(), "{again}");
    assert_eq!(again["delivered_at"], delivery["delivered_at"], "when it arrived first");
    assert_eq!(client.post_once(&one, "k", &json!({})).await.body, replayed.body);
    app.settled().await;
    receiver.assert_quiet();

    // Given up, and then all that failed once more.
    client.patch("/manage/v1/settings/", &json!({ "webhook_retry_seconds": [] })).await;
    receiver.reply([Reply::Status(500)]);
    app.advance(DAY);
    one_event(&app).await;
    let failed = receiver.next().await;
    app.settled().await;
    assert_eq!(client.results(&format!("{DELIVERIES}?status=failed")).await.len(), 1);
    let answer = client.post(REPLAY, &json!({ "status": "failed" })).await;
    assert_eq!((answer.status, answer.json()), (202, json!({ "replayed": 1 })));
    assert_eq!(receiver.next().await.body, failed.body);
    app.settled().await;
    assert_eq!(client.post(REPLAY, &json!({ "status": "failed" })).await.json()["replayed"], 0);

    // What arrived once, and is sent again in vain, has arrived.
    receiver.reply([Reply::Status(500)]);
    client.post(&one, &json!({})).await;
    receiver.next().await;
    app.settled().await;
    let in_vain = client.get(&format!("{DELIVERIES}{}/", delivery["id"])).await.json();
    assert_matches("/components/schemas/DeliveryStatus", &in_vain, "sent again in vain");
    assert_eq!(
        (&in_vain["status"], &in_vain["delivered_at"]),
        (&json!("failed"), &delivery["delivered_at"])
    );

    // A span, and for a new endpoint what it never got.
    let today = app.now().strftime("%Y-%m-%d").to_string();
    let span = json!({ "created_at__lt": today, "webhook_type": "EMPLOYMENTS" });
    assert_eq!(client.post(REPLAY, &span).await.json()["replayed"], 1);
    assert_eq!(receiver.next().await.body, first.body);
    app.settled().await;
    let mut late = Receiver::start().await;
    let new = add(&client, json!({ "url": late.url })).await;
    let missed = json!({ "endpoint": new["id"], "created_at__gte": today });
    assert_eq!(client.post(REPLAY, &missed).await.json()["replayed"], 1);
    assert_eq!(late.next().await.body, failed.body);
    app.settled().await;
    receiver.assert_quiet();

    client.patch(&path_of(&endpoint), &json!({ "enabled": false })).await;
    assert_eq!(client.post(&one, &json!({})).await.codes(), ["endpoint_disabled"]);
    let disabled = json!({ "endpoint": endpoint["id"] });
    assert_eq!(client.post(REPLAY, &disabled).await.codes(), ["endpoint_disabled"]);
    client.delete(&path_of(&endpoint)).await;
    assert_eq!(client.post(&one, &json!({})).await.status, 409);
    assert_eq!(client.post(REPLAY, &disabled).await.status, 404);
    app.finish().await;
}

async fn as_many_as_a_statement_takes_are_looked_for(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let repeated = json!({ "status__in": vec!["failed"; 33_000] });
    assert_eq!(client.post(REPLAY, &repeated).await.status, 202);
    let links = |many: u128| (0..many).map(|n| uuid::Uuid::from_u128(n).to_string());
    let enough = json!({ "link__in": links(1000).collect::<Vec<_>>() });
    assert_eq!(client.post(REPLAY, &enough).await.status, 202);
    for field in ["link__in", "endpoint__in"] {
        let refused = client.post(REPLAY, &json!({ field: links(1001).collect::<Vec<_>>() })).await;
        assert_eq!((refused.status, refused.codes()), (400, vec!["max_length".to_owned()]));
        let told = &refused.json()[0];
        assert_eq!(told["field"], field);
        assert!(told["message"].as_str().unwrap().contains("1000"), "{told}");
    }
    app.finish().await;
}

async fn an_endpoint_that_is_gone_is_disabled(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500), Reply::Status(410)]);
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    one_event(&app).await;
    let waiting = receiver.next().await;
    app.postponed().await;
    one_event(&app).await;
    let gone = receiver.next().await;
    app.settled().await;
    let shown = client.get(&path_of(&endpoint)).await.json();
    assert_eq!((&shown["enabled"], &shown["disabled_reason"]), (&json!(false), &json!("gone")));
    let told = client.results(&format!("{EVENTS}?webhook_type=ENDPOINT")).await;
    let told = client.get(&format!("{EVENTS}{}/", told[0]["id"].as_str().unwrap())).await.json();
    let data = json!({ "endpoint": endpoint["id"], "reason": "gone" });
    assert_eq!(
        (&told["body"]["data"], &told["webhook_code"]),
        (&data, &json!("endpoint_disabled"))
    );
    let noted = client.results("/manage/v1/audit/?action=webhook.disabled").await;
    assert_eq!((noted.len(), &noted[0]["actor"]), (1, &json!("system")), "{noted:?}");
    assert_eq!(noted[0]["object"], endpoint["id"], "{noted:?}");
    let states: Vec<_> = client.results(DELIVERIES).await;
    let states: Vec<_> = states.iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "cancelled"]);

    // What happens meanwhile is missed, and sent when that is wanted.
    let link = one_event(&app).await;
    app.settled().await;
    receiver.assert_quiet();
    let on = json!({ "enabled": true, "replay_missed": true });
    assert_eq!(client.patch(&path_of(&endpoint), &on).await.json()["enabled"], true);
    let mut bodies = Vec::new();
    for _ in 0..3 {
        bodies.push(receiver.next().await);
    }
    app.settled().await;
    receiver.assert_quiet();
    assert!(bodies.iter().any(|hook| hook.body == waiting.body));
    assert!(bodies.iter().any(|hook| hook.body == gone.body));
    assert!(bodies.iter().any(|hook| hook.json()["link_id"] == link["id"]));
    app.finish().await;
}

/// Fails the endpoint of the only receiver until its event is given up.
async fn until_given_up(app: &TestApp, receiver: &mut Receiver) {
    for _ in 0..10 {
        receiver.next().await;
        next_try(app).await;
    }
    receiver.next().await;
    app.settled().await;
}

async fn an_endpoint_that_fails_for_five_days_is_disabled(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    receiver.reply(std::iter::repeat_n(Reply::Status(503), 24));
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    let since = app.now();
    one_event(&app).await;
    until_given_up(&app, &mut receiver).await;
    app.advance(2 * DAY);
    one_event(&app).await;
    until_given_up(&app, &mut receiver).await;
    let shown = client.get(&path_of(&endpoint)).await.json();
    assert!(shown["enabled"] == true && shown["failing_since"].is_string(), "{shown}");
    let five = since + 5 * DAY;
    app.advance(five.duration_since(app.now()).unsigned_abs() - Duration::from_secs(1));
    one_event(&app).await;
    receiver.next().await;
    app.postponed().await;
    assert_eq!(client.get(&path_of(&endpoint)).await.json()["enabled"], true, "a second too early");
    next_try(&app).await;
    receiver.next().await;
    app.settled().await;
    let shown = client.get(&path_of(&endpoint)).await.json();
    assert_eq!(shown["disabled_reason"], "failing");
    assert_eq!(client.results(&format!("{EVENTS}?webhook_type=ENDPOINT")).await.len(), 1);
    let on = json!({ "enabled": true, "replay_missed": true });
    let shown = client.patch(&path_of(&endpoint), &on).await.json();
    assert!(shown["enabled"] == true && shown["failing_since"].is_null());
    let mut ids: Vec<_> = Vec::new();
    for _ in 0..3 {
        ids.push(receiver.next().await.text("webhook_id"));
    }
    app.settled().await;
    receiver.assert_quiet();
    ids.dedup();
    assert_eq!(ids.len(), 3, "all that failed meanwhile");
    app.finish().await;
}

async fn a_quiet_endpoint_has_a_day_to_take_what_comes_next(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    receiver.reply(std::iter::repeat_n(Reply::Status(503), 22));
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    one_event(&app).await;
    until_given_up(&app, &mut receiver).await;
    app.advance(7 * DAY);
    one_event(&app).await;
    for _ in 0..10 {
        receiver.next().await;
        app.postponed().await;
        assert_eq!(client.get(&path_of(&endpoint)).await.json()["enabled"], true);
        next_try(&app).await;
    }
    receiver.next().await;
    app.settled().await;
    let shown = client.get(&path_of(&endpoint)).await.json();
    assert_eq!(shown["disabled_reason"], "failing", "nothing but failure, for a day again");
    app.finish().await;
}

/// Looks until as many deliveries have been tried once.
async fn tried_once(app: &TestApp, wanted: usize) -> Vec<Value> {
    soon("tries", async {
        loop {
            let found = app.sandbox().results(DELIVERIES).await;
            if found.iter().filter(|delivery| delivery["tries"] == 1).count() == wanted {
                return found;
            }
            look_again().await;
        }
    })
    .await
}

async fn a_late_answer_says_nothing_of_where_the_endpoint_is_now(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let (mut old, mut new) = (Receiver::start().await, Receiver::start().await);
    let told = Arc::new(Notify::new());
    old.reply([Reply::Late(Arc::clone(&told), 410)]);
    let endpoint = add(&client, json!({ "url": old.url })).await;
    let test = format!("{}test/", path_of(&endpoint));
    client.post(&test, &json!({})).await;
    let first = old.next().await;
    client.patch(&path_of(&endpoint), &json!({ "url": new.url })).await;
    client.post(&test, &json!({})).await;
    new.next().await;
    tried_once(&app, 1).await;
    told.notify_one();
    let found = tried_once(&app, 2).await;
    let states: Vec<_> = found.iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["delivered", "pending"]);
    let shown = client.get(&path_of(&endpoint)).await.json();
    assert!(shown["enabled"] == true && shown["failing_since"].is_null(), "{shown}");
    next_try(&app).await;
    assert_eq!(new.next().await.body, first.body, "where it is now");
    app.settled().await;
    app.finish().await;
}

async fn tries_under_way_are_recorded_whatever_became_of_their_delivery(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    let statuses = [410, 200, 500];
    let told = statuses.map(|_| Arc::new(Notify::new()));
    for (told, status) in told.iter().zip(statuses) {
        receiver.reply([Reply::Late(Arc::clone(told), status)]);
    }
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    let mut ids = Vec::new();
    for _ in statuses {
        client.post(&format!("{}test/", path_of(&endpoint)), &json!({})).await;
        ids.push(receiver.next().await.text("webhook_id"));
    }
    for (place, told) in told.iter().enumerate() {
        told.notify_one();
        tried_once(&app, place + 1).await;
    }
    let found = client.results(DELIVERIES).await;
    for (id, state) in ids.iter().zip(["failed", "delivered", "cancelled"]) {
        let one = found.iter().find(|it| it["event"] == **id).unwrap();
        assert_eq!((&one["status"], &one["tries"]), (&json!(state), &json!(1)), "{one}");
    }
    let shown = client.get(&path_of(&endpoint)).await.json();
    assert_eq!(shown["disabled_reason"], "gone");

    // Only what did not arrive was missed.
    let on = json!({ "enabled": true, "replay_missed": true });
    client.patch(&path_of(&endpoint), &on).await;
    let again = [receiver.next().await, receiver.next().await].map(|it| it.text("webhook_id"));
    assert!(again.contains(&ids[0]) && again.contains(&ids[2]), "{again:?} of {ids:?}");
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn what_waits_is_not_sent_once_its_type_is_not_wanted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500)]);
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    one_event(&app).await;
    receiver.next().await;
    app.postponed().await;
    let all = json!({ "webhook_types": ["EMPLOYMENTS", "LINK"] });
    client.patch(&path_of(&endpoint), &all).await;
    assert_eq!(client.results(DELIVERIES).await[0]["status"], "pending");
    client.patch(&path_of(&endpoint), &json!({ "webhook_types": ["LINK"] })).await;
    assert_eq!(client.results(DELIVERIES).await[0]["status"], "cancelled");
    client.patch(&path_of(&endpoint), &json!({ "replay_missed": true })).await;
    assert_eq!(client.results(DELIVERIES).await[0]["status"], "cancelled", "nor when asked for");
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn an_endpoint_is_gone_whatever_became_of_what_it_was_sent(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    let told = Arc::new(Notify::new());
    receiver.reply([Reply::Late(Arc::clone(&told), 410)]);
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    let link = one_event(&app).await;
    receiver.next().await;
    let path = format!("/api/links/{}/", link["id"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.results(DELIVERIES).await[0]["status"], "cancelled");
    told.notify_one();
    tried_once(&app, 1).await;
    let shown = client.get(&path_of(&endpoint)).await.json();
    assert_eq!(shown["disabled_reason"], "gone");
    app.settled().await;
    app.finish().await;
}

/// The process that ended was about to cancel it.
async fn what_is_not_wanted_any_more_is_not_sent_before_it_is_cancelled(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let client = app.sandbox();
    let (mut few, mut all) = (Receiver::start().await, Receiver::start().await);
    let narrowed = json!({ "url": few.url, "webhook_types": ["OWNERS"] });
    add(&client, narrowed).await;
    add(&client, json!({ "url": all.url, "webhook_types": ["OWNERS"] })).await;
    client.create_link("1999000001", json!({ "fetch_resources": ["OWNERS"] })).await;
    app.start_runner().await;
    few.next().await;
    all.next().await;
    app.settled().await;
    app.stop_runner().await;
    for endpoint in client.results(ENDPOINTS).await {
        client.post(REPLAY, &json!({ "endpoint": endpoint["id"] })).await;
    }
    let first = "id = (select min(id) from webhook_endpoints)";
    app.database.tamper(&format!(
        "update webhook_endpoints set webhook_types = ',LINK,', narrowed_at = 1 where {first}"
    ));
    app.start_runner().await;
    all.next().await;
    app.settled().await;
    few.assert_quiet();
    let found = client.results(DELIVERIES).await;
    let mut states: Vec<_> = found.iter().map(|it| it["status"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["cancelled", "delivered"]);
    app.finish().await;
}

async fn what_was_missed_is_sent_whenever_it_is_asked_for(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    let wanted = json!({ "url": receiver.url, "enabled": false });
    let endpoint = add(&client, wanted).await;
    assert_eq!(
        (&endpoint["enabled"], &endpoint["disabled_reason"]),
        (&json!(false), &json!("manual"))
    );
    let path = path_of(&endpoint);
    let link = one_event(&app).await;
    app.settled().await;
    let missed = json!({ "replay_missed": true });
    assert_eq!(client.patch(&path, &missed).await.codes(), ["endpoint_disabled"]);
    client.patch(&path, &json!({ "enabled": true })).await;
    one_event(&app).await;
    receiver.next().await;
    app.settled().await;
    receiver.assert_quiet();
    assert_eq!(client.patch(&path, &missed).await.status, 200);
    assert_eq!(receiver.next().await.json()["link_id"], link["id"], "and nothing twice");
    app.settled().await;
    client.patch(&path, &json!({ "enabled": true, "replay_missed": true })).await;
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

/// The process has ended right after the transaction that enabled the endpoint.
async fn what_was_missed_is_sent_by_whoever_comes_after_a_crash(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    let endpoint = add(&app.sandbox(), json!({ "url": receiver.url })).await;
    one_event(&app).await;
    receiver.next().await;
    app.settled().await;
    let off = json!({ "enabled": false });
    app.sandbox().patch(&path_of(&endpoint), &off).await;
    let link = one_event(&app).await;
    app.settled().await;
    let off = app.now().as_microsecond();
    app.database.run(&format!(
        "update webhook_endpoints set disabled_at = null, disabled_reason = null, \
         replay_wanted_at = {off}, replay_ended_since = {off}, replay_happened_since = {off}; \
         update events set created_at = {off} - 1 where id = (select min(id) from events); \
         delete from deliveries where event_id = (select min(id) from events)"
    ));
    let mut app = app.restart().await;
    app.start_runner().await;
    assert_eq!(receiver.next().await.json()["link_id"], link["id"]);
    app.settled().await;
    receiver.assert_quiet();
    soon("it to be done", async {
        while !app.app.store().read(|tx| tx.missed_replays(None)).await.unwrap().is_empty() {
            look_again().await;
        }
    })
    .await;
    let mut app = app.restart().await;
    app.database.run("delete from deliveries");
    app.start_runner().await;
    one_event(&app).await;
    receiver.next().await;
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn what_happened_by_a_clock_that_is_behind_was_missed_too(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    app.advance(HOUR);
    client.patch(&path_of(&endpoint), &json!({ "enabled": false })).await;
    let links = [one_event(&app).await, one_event(&app).await];
    app.settled().await;
    let [long, just] = [61, 1].map(|seconds| app.now().as_microsecond() - seconds * 1_000_000);
    for (link, at) in links.iter().zip([long, just]) {
        let of = link["id"].as_str().unwrap().replace('-', "");
        let uuid = match app.database.is_embedded() {
            true => format!("x'{of}'"),
            false => format!("'{of}'"),
        };
        app.database.run(&format!(
            "update events set created_at = {at} \
             where link_id = (select id from links where uuid = {uuid})"
        ));
    }
    let on = json!({ "enabled": true, "replay_missed": true });
    assert_eq!(client.patch(&path_of(&endpoint), &on).await.status, 200);
    assert_eq!(receiver.next().await.json()["link_id"], links[1]["id"]);
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_waits_for_no_sweep_of_what_can_never_be_sent() {
    let app = Setup::new(TestDatabase::postgres()).without_runner().start().await;
    let receiver = Receiver::start().await;
    add(&app.sandbox(), json!({ "url": receiver.url })).await;
    let endpoint = app.sandbox().results(ENDPOINTS).await.remove(0);
    let test = format!("{}test/", path_of(&endpoint));
    assert_eq!(app.sandbox().post(&test, &json!({})).await.status, 202);
    // A process ended before it had cancelled what waits.
    app.database.run("update webhook_endpoints set disabled_at = 1, disabled_reason = 'manual'");
    let held = "update deliveries set due_at = due_at";
    app.database.while_waited_for(held, app.run_apart(), |stop| stop).await;
    app.finish_with_work_left().await;
}

async fn one_success_ends_a_failure(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500)]);
    let endpoint = add(&app.sandbox(), json!({ "url": receiver.url })).await;
    one_event(&app).await;
    receiver.next().await;
    app.postponed().await;
    let shown = app.sandbox().get(&path_of(&endpoint)).await.json();
    assert!(shown["failing_since"].is_string());
    next_try(&app).await;
    receiver.next().await;
    app.settled().await;
    let shown = app.sandbox().get(&path_of(&endpoint)).await.json();
    assert!(shown["failing_since"].is_null());
    app.finish().await;
}

async fn a_success_that_began_before_a_failure_ends_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut receiver = Receiver::start().await;
    let told = Arc::new(Notify::new());
    receiver.reply([Reply::When(Arc::clone(&told)), Reply::Status(500)]);
    let endpoint = add(&client, json!({ "url": receiver.url })).await;
    for _ in 0..2 {
        client.post(&format!("{}test/", path_of(&endpoint)), &json!({})).await;
        receiver.next().await;
    }
    let failing = async |is: bool| {
        soon("what is known of the endpoint", async {
            while client.get(&path_of(&endpoint)).await.json()["failing_since"].is_string() != is {
                look_again().await;
            }
        })
        .await;
    };
    failing(true).await;
    told.notify_one();
    failing(false).await;
    next_try(&app).await;
    receiver.next().await;
    app.settled().await;
    app.finish().await;
}

async fn a_workspace_has_its_own_schedule(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let schedule = json!({ "webhook_retry_seconds": [1000, 5000] });
    assert_eq!(client.patch("/manage/v1/settings/", &schedule).await.status, 200);
    let mut receiver = Receiver::start().await;
    receiver.reply(std::iter::repeat_n(Reply::Status(500), 3));
    add(&client, json!({ "url": receiver.url })).await;
    one_event(&app).await;
    for step in [1000, 5000] {
        receiver.next().await;
        app.postponed().await;
        let due = app.next_delivery_due().await.expect("one more try");
        let wait = due.duration_since(app.now()).as_secs();
        assert!((step * 4 / 5..=step * 6 / 5).contains(&wait), "{wait}");
        next_try(&app).await;
    }
    receiver.next().await;
    app.settled().await;
    assert_eq!(client.results(DELIVERIES).await[0]["status"], "failed");
    app.finish().await;
}

async fn another_workspace_sees_and_moves_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (own, other) = (app.sandbox(), app.production());
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    one_event(&app).await;
    let hook = receiver.next().await;
    app.settled().await;
    let endpoint = own.results(ENDPOINTS).await.remove(0);
    let (path, delivery) = (path_of(&endpoint), own.results(DELIVERIES).await.remove(0));
    let delivery = format!("{DELIVERIES}{}/", delivery["id"]);
    for path in [&path, &delivery, &format!("{EVENTS}{}/", hook.text("webhook_id"))] {
        assert_eq!(own.get(path).await.status, 200, "{path}");
        assert_eq!(other.get(path).await.status, 404, "{path}");
    }
    for list in [ENDPOINTS, EVENTS, DELIVERIES] {
        assert!(other.results(list).await.is_empty(), "{list}");
    }
    let nothing = json!({});
    for (path, body) in [
        (format!("{path}test/"), &nothing),
        (format!("{path}rotate-secret/"), &nothing),
        (format!("{delivery}replay/"), &nothing),
        (REPLAY.to_owned(), &json!({ "endpoint": endpoint["id"] })),
    ] {
        assert_eq!(other.post(&path, body).await.status, 404, "{path}");
    }
    assert_eq!(other.patch(&path, &json!({ "enabled": false })).await.status, 404);
    assert_eq!(other.delete(&path).await.status, 404);
    let all = json!({ "status": "delivered" });
    assert_eq!(other.post(REPLAY, &all).await.json()["replayed"], 0);
    assert_eq!(own.get(&path).await.json(), endpoint);
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn egress_addresses_are_told(database: TestDatabase) {
    let app = Setup::new(database)
        .configure(|config| {
            config.egress_addresses =
                ["198.51.100.7/32", "2001:db8::/64"].map(|text| text.parse().unwrap()).to_vec();
        })
        .start()
        .await;
    let told = app.sandbox().get("/manage/v1/egress-addresses/").await.json();
    assert_eq!(told, json!({ "addresses": ["198.51.100.7/32", "2001:db8::/64"] }));
    app.finish().await;
}
