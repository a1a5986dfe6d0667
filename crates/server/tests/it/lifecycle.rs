//! What becomes of links over time. The clock is moved; everything else is done by requests and the
//! runner.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use vinculo_store::Environment;

use crate::support::{
    Hook, Mood, Receiver, Setup, TestApp, TestDatabase, look_again, on_both_databases, soon,
};

on_both_databases!(
    a_year_of_a_recurrent_link,
    a_single_link_is_never_refreshed,
    a_document_is_stored_as_long_as_agreed,
    a_document_that_is_not_stored_serves_one_load,
    what_was_loaded_grows_stale,
    a_link_made_recurrent_is_loaded_the_day_after,
    a_link_made_single_is_refreshed_no_more,
    a_refused_refresh_makes_the_link_invalid,
    an_operator_that_is_away_delays_the_news,
    a_load_given_up_counts_where_nobody_answered,
    a_refresh_on_demand_cools_down,
    an_update_does_not_cool_a_link_down,
    a_deletion_that_nobody_waits_for_is_announced,
    the_pace_of_a_link_can_be_set,
    a_month_that_grew_too_old_is_no_news,
    a_load_that_waits_does_not_revive_an_invalid_link,
    changes_during_a_load_are_kept,
    links_due_at_once_become_jobs_as_there_is_room,
);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ONE_JOB: &str = "1999000001";

/// A link, and its receiver with the webhooks of the first load taken.
async fn link(app: &TestApp, more: Value) -> (Value, Receiver) {
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = app.sandbox().create_link(ONE_JOB, more).await;
    receiver.take::<2>().await;
    app.settled().await;
    (link, receiver)
}

fn both(access_mode: &str) -> Value {
    json!({ "access_mode": access_mode, "fetch_resources": ["EMPLOYMENTS", "OWNERS"] })
}

fn path(link: &Value) -> String {
    format!("/api/links/{}/", link["id"].as_str().unwrap())
}

async fn seen(app: &TestApp, link: &Value) -> Value {
    app.sandbox().get(&path(link)).await.json()
}

async fn employments(app: &TestApp, link: &Value) -> Vec<Value> {
    let id = link["id"].as_str().unwrap();
    app.sandbox().results(&format!("/api/co/employments/?link={id}")).await
}

/// Lets days pass, from one moment that a link is due to the next.
async fn days(app: &TestApp, days: u32) {
    let end = app.now() + days * DAY;
    while app.now() < end {
        let next = app.next_due_link().await.map_or(end, |due| due.min(end));
        app.advance(next.duration_since(app.now()).try_into().unwrap());
        app.settled().await;
    }
}

fn arrived(receiver: &mut Receiver) -> Vec<Hook> {
    std::iter::from_fn(|| receiver.arrived()).collect()
}

async fn a_year_of_a_recurrent_link(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = link(&app, both("recurrent")).await;
    assert_eq!(
        (&link["refresh_rate"], &link["credentials_storage"]),
        (&json!("7d"), &json!("store"))
    );
    let first = employments(&app, &link).await;
    days(&app, 365).await;

    // Every week, up to a twentieth of it early.
    assert!((53..=56).contains(&app.asked()), "{} questions", app.asked());
    let hooks = arrived(&mut receiver);
    assert_eq!(hooks.len(), 12, "each new month is told once");
    for hook in &hooks {
        let body = hook.json();
        assert_eq!(body["webhook_type"], "EMPLOYMENTS");
        assert_eq!(body["webhook_code"], "new_employments_available");
        assert_eq!(body["process_type"], "recurrent_update");
        assert_eq!(body["data"], json!({ "new_employments": 1 }));
        assert_eq!(body["link_id"], link["id"]);
        Uuid::parse_str(body["request_id"].as_str().unwrap()).unwrap();
    }
    let last = employments(&app, &link).await;
    assert_eq!(last[0]["id"], first[0]["id"], "the same employment");
    assert_eq!(last[0]["created_at"], first[0]["created_at"]);
    let newest = |employments: &[Value]| {
        employments[0]["salary_and_benefit_details"][0]["month"].as_str().unwrap().to_owned()
    };
    assert_eq!((newest(&first).as_str(), newest(&last).as_str()), ("2026-10", "2027-10"));
    assert_eq!(seen(&app, &link).await["status"], "valid");
    app.finish().await;
}

async fn a_single_link_is_never_refreshed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = link(&app, both("single")).await;
    days(&app, 40).await;
    assert_eq!(app.asked(), 1);
    receiver.assert_quiet();
    assert_eq!(seen(&app, &link).await, link, "the load of its creation is its last access");
    app.finish().await;
}

async fn a_document_is_stored_as_long_as_agreed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut more = both("single");
    more["credentials_storage"] = json!("30d");
    let (link, mut receiver) = link(&app, more).await;
    assert_eq!(link["credentials_storage"], "30d");
    days(&app, 29).await;
    assert_eq!(seen(&app, &link).await["status"], "valid");
    days(&app, 1).await;
    assert_eq!(seen(&app, &link).await["status"], "invalid");
    assert_eq!(employments(&app, &link).await.len(), 1, "what was loaded stays");
    receiver.assert_quiet();

    let client = app.sandbox();
    let body = json!({ "link": link["id"] });
    for request in [
        client.post("/api/co/employments/", &body).await,
        client.post(&format!("{}refresh/", path(&link)), &json!({})).await,
        client.put(&path(&link), &json!({})).await,
    ] {
        assert_eq!(
            (request.status, request.codes()),
            (404, vec!["expired_credentials".to_owned()])
        );
    }
    let switched = client.patch(&path(&link), &json!({ "access_mode": "recurrent" })).await;
    assert_eq!(switched.codes(), ["invalid_access_mode_switch"]);

    let other = client.put(&path(&link), &json!({ "username": "1999000002" })).await;
    assert_eq!((other.status, other.codes()), (400, vec!["invalid".to_owned()]));
    assert_eq!(other.json()[0]["field"], "username");
    let again = client.put(&path(&link), &json!({ "username": ONE_JOB })).await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("valid")));
    assert_eq!(client.post("/api/co/employments/", &body).await.status, 201);
    days(&app, 30).await;
    assert_eq!(seen(&app, &link).await["status"], "invalid", "the time begins again");
    app.finish().await;
}

async fn a_document_that_is_not_stored_serves_one_load(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut more = both("single");
    more["credentials_storage"] = json!("nostore");
    let (link, _receiver) = link(&app, more).await;
    assert_eq!(
        (&link["status"], &link["credentials_storage"]),
        (&json!("valid"), &json!("nostore"))
    );
    let after = seen(&app, &link).await;
    assert_eq!(
        (&after["status"], &after["external_id"]),
        (&json!("invalid"), &link["external_id"])
    );
    assert_eq!(employments(&app, &link).await.len(), 1);
    let retrieved = app.sandbox().post("/api/owners/", &json!({ "link": link["id"] })).await;
    assert_eq!(
        (retrieved.status, retrieved.codes()),
        (404, vec!["expired_credentials".to_owned()])
    );
    app.finish().await;
}

async fn what_was_loaded_grows_stale(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut more = both("single");
    more["stale_in"] = json!("10d");
    let (link, _receiver) = link(&app, more).await;
    days(&app, 9).await;
    assert_eq!(employments(&app, &link).await.len(), 1);
    // A new retrieval begins the time anew.
    let body = json!({ "link": link["id"] });
    assert_eq!(app.sandbox().post("/api/co/employments/", &body).await.status, 201);
    days(&app, 9).await;
    assert_eq!(employments(&app, &link).await.len(), 1);
    days(&app, 1).await;
    assert!(employments(&app, &link).await.is_empty());
    assert!(app.sandbox().results("/api/owners/").await.is_empty());
    assert_eq!(seen(&app, &link).await["status"], "valid", "the link stays");

    let longer = app.sandbox().patch(&path(&link), &json!({ "stale_in": "90d" })).await;
    assert_eq!((longer.status, &longer.json()["stale_in"]), (200, &json!("90d")));
    assert_eq!(app.sandbox().post("/api/co/employments/", &body).await.status, 201);
    days(&app, 89).await;
    assert_eq!(employments(&app, &link).await.len(), 1);
    days(&app, 1).await;
    assert!(employments(&app, &link).await.is_empty());
    app.finish().await;
}

async fn a_link_made_recurrent_is_loaded_the_day_after(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = link(&app, both("single")).await;
    let switched = app.sandbox().patch(&path(&link), &json!({ "access_mode": "recurrent" })).await;
    assert_eq!(switched.status, 200, "{}", switched.body);
    let switched = switched.json();
    assert_eq!(switched["access_mode"], "recurrent");
    assert_eq!(switched["refresh_rate"], "7d");
    assert_eq!(switched["credentials_storage"], "store");
    app.settled().await;
    receiver.assert_quiet();
    days(&app, 1).await;
    let hooks = receiver.take::<2>().await;
    assert!(hooks.iter().all(|hook| hook.text("webhook_code") == "historical_update"));
    assert_eq!(app.asked(), 2);
    days(&app, 7).await;
    assert_eq!(app.asked(), 3, "then at its rate");
    days(&app, 400).await;
    assert_eq!(seen(&app, &link).await["status"], "valid", "its document is stored for good");
    app.finish().await;
}

async fn a_link_made_single_is_refreshed_no_more(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = link(&app, both("recurrent")).await;
    let single =
        app.sandbox().patch(&path(&link), &json!({ "access_mode": "single" })).await.json();
    assert_eq!((&single["access_mode"], &single["refresh_rate"]), (&json!("single"), &Value::Null));
    days(&app, 40).await;
    assert_eq!(app.asked(), 1);
    receiver.assert_quiet();
    // Null and empty are how clients leave it alone.
    for nothing in [json!({ "access_mode": null }), json!({ "access_mode": "" }), json!({})] {
        assert_eq!(app.sandbox().patch(&path(&link), &nothing).await.json(), single);
    }
    let answer = app.sandbox().patch(&path(&link), &json!({ "fetch_resources": ["OWNERS"] })).await;
    assert_eq!(answer.json()["fetch_resources"], json!(["OWNERS"]));
    for same in [json!({}), json!({ "fetch_resources": null, "stale_in": "", "access_mode": "" })] {
        let kept = app.sandbox().patch(&path(&link), &same).await.json();
        assert_eq!(
            (&kept["fetch_resources"], &kept["stale_in"]),
            (&json!(["OWNERS"]), &Value::Null)
        );
    }
    let none = app.sandbox().patch(&path(&link), &json!({ "fetch_resources": [] })).await;
    assert_eq!(none.json()["fetch_resources"], json!([]));
    let wrong = json!({ "fetch_resources": ["EMPLOYMENT_RECORDS"], "access_mode": "both" });
    let wrong = app.sandbox().patch(&path(&link), &wrong).await;
    assert_eq!(wrong.codes(), ["invalid_choice", "invalid"]);
    assert_eq!(wrong.json()[1]["field"], "resources");
    app.finish().await;
}

async fn a_refused_refresh_makes_the_link_invalid(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = link(&app, both("recurrent")).await;
    app.operator_is(Mood::Status(400));
    days(&app, 7).await;
    let told = receiver.next().await.json();
    assert_eq!(
        (&told["webhook_type"], &told["webhook_code"]),
        (&json!("LINK"), &json!("invalid_credentials"))
    );
    assert_eq!(told["process_type"], "recurrent_update");
    let message = "Invalid credentials provided to login to the institution";
    let data = json!({ "error_code": "login_error", "error_message": message, "status": 400 });
    assert_eq!(told["data"], data);
    assert_eq!(seen(&app, &link).await["status"], "invalid");
    let asked = app.asked();
    days(&app, 30).await;
    assert_eq!(app.asked(), asked, "an invalid link is left alone");
    let client = app.sandbox();
    let retrieved = client.post("/api/co/employments/", &json!({ "link": link["id"] })).await;
    assert_eq!((retrieved.status, retrieved.codes()), (400, vec!["invalid_link".to_owned()]));
    let refreshed = client.post(&format!("{}refresh/", path(&link)), &json!({})).await;
    assert_eq!((refreshed.status, refreshed.codes()), (400, vec!["invalid_link".to_owned()]));

    let still = client.put(&path(&link), &json!({ "password": "x", "save_data": true })).await;
    assert_eq!((still.status, still.codes()), (400, vec!["login_error".to_owned()]));
    assert_eq!(seen(&app, &link).await["status"], "invalid");
    app.operator_is(Mood::Helpful);
    let restored = client.put(&path(&link), &json!({ "password": "x", "save_data": true })).await;
    assert_eq!((restored.status, &restored.json()["status"]), (200, &json!("valid")));
    let hooks = receiver.take::<2>().await;
    assert!(hooks.iter().all(|hook| hook.text("webhook_code") == "historical_update"));
    app.settled().await;
    let asked = app.asked();
    days(&app, 7).await;
    assert_eq!(app.asked(), asked + 1, "and is refreshed again");
    app.finish().await;
}

async fn an_operator_that_is_away_delays_the_news(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = link(&app, both("recurrent")).await;
    app.operator_is(Mood::Status(503));
    app.advance(7 * DAY);
    // The job goes on asking by its own schedule.
    app.until_asked(3).await;
    assert_eq!(seen(&app, &link).await["status"], "valid");
    app.operator_is(Mood::Helpful);
    app.until_asked(app.asked() + 1).await;
    app.settled().await;
    assert_eq!(seen(&app, &link).await["status"], "valid");
    assert_eq!(receiver.next().await.text("webhook_code"), "new_employments_available");
    receiver.assert_quiet();
    app.finish().await;
}

async fn a_load_given_up_counts_where_nobody_answered(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, _receiver) = link(&app, both("recurrent")).await;
    let client = app.sandbox();
    for (mood, failed) in [(Mood::Status(429), 0), (Mood::Status(503), 1)] {
        app.operator_is(mood);
        app.advance(Duration::from_secs(60 * 60));
        let asked = app.asked();
        let refreshed = client.post(&format!("{}refresh/", path(&link)), &json!({})).await;
        assert_eq!(refreshed.status, 202, "{}", refreshed.body);
        app.work_off().await;
        assert!(app.asked() > asked + 10, "it is tried for a day");
        let managed = path(&link).replace("/api/", "/manage/v1/");
        let life = client.get(&managed).await.json();
        assert_eq!(
            (&life["status"], &life["failed_retrievals"]),
            (&json!("valid"), &json!(failed))
        );
    }
    app.finish().await;
}

async fn a_refresh_on_demand_cools_down(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = link(&app, both("single")).await;
    let client = app.sandbox();
    let refresh = format!("{}refresh/", path(&link));
    let wrong = client.post(&refresh, &json!({ "fetch_resources": ["INCOMES"] })).await;
    assert_eq!((wrong.status, wrong.codes()), (400, vec!["invalid".to_owned()]));
    assert_eq!(wrong.json()[0]["field"], "resources");

    // No body at all is as good as an empty one.
    let first = client.send(client.request(Method::POST, &refresh)).await;
    assert_eq!(first.status, 202, "{}", first.body);
    let hooks = receiver.take::<2>().await;
    for hook in &hooks {
        assert_eq!(hook.text("webhook_code"), "historical_update");
        assert_eq!(hook.json()["request_id"], first.json()["request_id"]);
    }
    app.settled().await;
    app.advance(Duration::from_secs(61));
    let soon = client.post(&refresh, &json!({})).await;
    assert_eq!((soon.status, soon.codes()), (409, vec!["link_refreshed".to_owned()]));
    let message = "The link has already been refreshed. Please wait 9 minutes before trying again.";
    assert_eq!(soon.json()[0]["message"], message);
    app.advance(Duration::from_secs(9 * 60));
    let later = client.post(&refresh, &json!({ "fetch_resources": ["OWNERS"] })).await;
    assert_eq!(later.status, 202);
    assert_eq!(receiver.next().await.text("webhook_type"), "OWNERS");
    app.settled().await;
    receiver.assert_quiet();
    assert_eq!(seen(&app, &link).await["fetch_resources"], link["fetch_resources"]);
    let unknown = format!("/api/links/{}/refresh/", Uuid::from_u128(7));
    assert_eq!(client.post(&unknown, &json!({})).await.status, 404);
    app.finish().await;
}

/// An update asks again, but nobody has asked for a refresh.
async fn an_update_does_not_cool_a_link_down(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = link(&app, both("recurrent")).await;
    let client = app.sandbox();
    assert_eq!(client.put(&path(&link), &json!({})).await.status, 200);
    receiver.take::<2>().await;
    let refresh = format!("{}refresh/", path(&link));
    assert_eq!(client.post(&refresh, &json!({})).await.status, 202);
    receiver.take::<2>().await;
    assert_eq!(client.post(&refresh, &json!({})).await.status, 409);
    app.settled().await;
    app.finish().await;
}

async fn a_deletion_that_nobody_waits_for_is_announced(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut more = both("recurrent");
    more["external_id"] = json!("user-00042");
    let (link, mut receiver) = link(&app, more).await;
    let client = app.sandbox();
    let deleted = client.asynchronous(Method::DELETE, &path(&link), &json!({})).await;
    assert_eq!(deleted.status, 202);
    let told = receiver.next().await.json();
    assert_eq!(
        (&told["webhook_type"], &told["webhook_code"]),
        (&json!("LINK"), &json!("link_deleted"))
    );
    assert_eq!(told["request_id"], deleted.json()["request_id"]);
    assert_eq!((&told["link_id"], &told["external_id"]), (&link["id"], &json!("user-00042")));
    assert_eq!(told["data"], json!({}));
    assert_eq!(client.get(&path(&link)).await.status, 404);
    assert!(client.results("/api/owners/").await.is_empty());
    assert_eq!(client.asynchronous(Method::DELETE, &path(&link), &json!({})).await.status, 404);
    app.delivered().await;
    days(&app, 8).await;
    receiver.assert_quiet();
    assert_eq!(app.asked(), 1);
    app.finish().await;
}

async fn the_pace_of_a_link_can_be_set(database: TestDatabase) {
    let app = Setup::new(database).start().await;
    let client = app.sandbox();
    let settings = client.patch("/manage/v1/settings/", &json!({ "refresh_rate": "24h" })).await;
    assert_eq!(settings.status, 200, "{}", settings.body);
    let (link, _receiver) = link(&app, both("recurrent")).await;
    assert_eq!(link["refresh_rate"], "24h");
    days(&app, 10).await;
    assert!((11..=12).contains(&app.asked()), "{}", app.asked());
    let manage = format!("/manage/v1/links/{}/", link["id"].as_str().unwrap());
    for (rate, per_day) in [("6h", 4), ("12h", 2)] {
        let changed = client.patch(&manage, &json!({ "refresh_rate": rate })).await;
        assert_eq!((changed.status, &changed.json()["refresh_rate"]), (200, &json!(rate)));
        let before = app.asked();
        days(&app, 10).await;
        let asked = app.asked() - before;
        assert!((10 * per_day..=11 * per_day).contains(&asked), "{rate}: {asked}");
        assert_eq!(seen(&app, &link).await["refresh_rate"], rate);
    }
    let wrong = client.patch(&manage, &json!({ "refresh_rate": "5m" })).await;
    assert_eq!((wrong.status, wrong.codes()), (400, vec!["invalid_choice".to_owned()]));
    client.patch(&path(&link), &json!({ "access_mode": "single" })).await;
    let single = client.patch(&manage, &json!({ "refresh_rate": "6h" })).await;
    assert_eq!((single.status, single.codes()), (400, vec!["invalid".to_owned()]));
    let life = client.get(&manage).await.json();
    assert_eq!((&life["next_refresh_at"], &life["failed_retrievals"]), (&Value::Null, &json!(0)));
    app.finish().await;
}

async fn a_month_that_grew_too_old_is_no_news(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    // One employment that ended, one that goes on: each month the oldest of the first is dropped.
    let link = app.sandbox().create_link("1999000004", both("recurrent")).await;
    receiver.take::<2>().await;
    app.settled().await;
    assert_eq!(employments(&app, &link).await.len(), 2);
    days(&app, 150).await;
    let hooks = arrived(&mut receiver);
    assert_eq!(hooks.len(), 5);
    assert!(hooks.iter().all(|hook| hook.json()["data"] == json!({ "new_employments": 1 })));
    app.finish().await;
}

async fn a_load_that_waits_does_not_revive_an_invalid_link(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = link(&app, both("recurrent")).await;
    app.operator_is(Mood::Status(503));
    app.advance(7 * DAY);
    // The refresh on schedule waits for the operator.
    app.until_asked(2).await;
    let body = json!({ "link": link["id"] });
    for _ in 0..6 {
        assert_eq!(app.sandbox().post("/api/co/employments/", &body).await.status, 400);
    }
    assert_eq!(receiver.next().await.text("webhook_code"), "invalid_credentials");
    app.delivered().await;
    assert_eq!(seen(&app, &link).await["status"], "invalid");
    app.operator_is(Mood::Helpful);
    let asked = app.asked();
    app.advance(DAY);
    app.settled().await;
    assert_eq!(app.asked(), asked, "nothing is asked about an invalid link");
    assert_eq!(seen(&app, &link).await["status"], "invalid");
    receiver.assert_quiet();
    app.finish().await;
}

async fn changes_during_a_load_are_kept(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, _receiver) = link(&app, both("single")).await;
    app.operator_is(Mood::Silent);
    let asked = app.asked();
    let client = app.sandbox();
    let retrieval = tokio::spawn({
        let (client, body) = (client.clone(), json!({ "link": link["id"] }));
        async move { client.post("/api/co/employments/", &body).await.status }
    });
    app.until_asked(asked + 1).await;
    assert_eq!(client.patch(&path(&link), &json!({ "stale_in": "10d" })).await.status, 200);
    app.operator_is(Mood::Helpful);
    assert_eq!(retrieval.await.unwrap(), 201);
    days(&app, 9).await;
    assert_eq!(employments(&app, &link).await.len(), 1);
    days(&app, 1).await;
    assert!(employments(&app, &link).await.is_empty(), "the new time counts");
    app.finish().await;
}

/// More than become jobs at once, more than twice.
const AT_ONCE: usize = 150;

async fn links_due_at_once_become_jobs_as_there_is_room(database: TestDatabase) {
    let mut app = Setup::new(database).configure(|config| config.runner.jobs = 4).start().await;
    for _ in 0..AT_ONCE {
        app.sandbox().create_link(ONE_JOB, both("recurrent")).await;
    }
    let ends = app.sandbox().create_link("1999000002", json!({ "stale_in": "5d" })).await;
    app.settled().await;
    assert_eq!(employments(&app, &ends).await.len(), 2);
    app.stop_runner().await;
    app.operator_is(Mood::Silent);
    app.advance(7 * DAY);
    app.start_runner().await;
    let waiting = async || {
        let now = app.now().as_microsecond();
        let backlog = app.app.store().read(move |tx| tx.backlog(now)).await;
        backlog.expect("the database does not answer").iter().map(|kind| kind.due).sum::<i64>()
    };
    soon("as many jobs as may wait", async {
        while waiting().await < 60 {
            look_again().await;
        }
        // Time for those that must not.
        for _ in 0..50 {
            look_again().await;
        }
    })
    .await;
    // Four of them can have been taken since.
    assert!((60..=64).contains(&waiting().await), "{} wait", waiting().await);
    assert!(app.next_due_link().await.unwrap() <= app.now(), "the others are still due");
    assert!(employments(&app, &ends).await.is_empty(), "what has to go waits for no room");
    app.operator_is(Mood::Helpful);
    app.settled().await;
    assert!(app.next_due_link().await.unwrap() > app.now(), "all of them had their turn");
    app.finish().await;
}
