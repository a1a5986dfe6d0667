//! `POST` to employments and owners: a link is filled while the caller waits.

use std::slice::from_ref;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use vinculo_store::{Environment, NewLoad, Resource, Trigger, Tx};

use crate::support::{Client, Mood, Receiver, TestApp, TestDatabase, on_both_databases};

on_both_databases!(
    what_is_retrieved_is_what_is_read_later,
    a_retrieval_that_saves_nothing_leaves_nothing,
    a_period_cuts_the_months_that_are_answered,
    a_retrieval_in_the_background_is_announced,
    bad_requests_name_what_is_wrong,
    an_unknown_link_does_not_exist,
    what_the_institution_refuses_is_told,
    six_failures_make_a_link_invalid,
    one_session_of_a_person_at_a_time,
    a_retrieval_that_was_cut_off_ends,
    a_resumed_session_has_expired,
    fields_are_chosen,
);

const EMPLOYMENTS: &str = "/api/co/employments/";
const OWNERS: &str = "/api/owners/";
const ONE_JOB: &str = "1999000001";
const TWO_JOBS: &str = "1999000002";
const CHANGED_JOBS: &str = "1999000004";

/// A single link that nothing was loaded for.
async fn empty_link(app: &TestApp, username: &str) -> Value {
    let more = json!({ "access_mode": "single", "fetch_resources": [] });
    app.sandbox().create_link(username, more).await
}

fn of(link: &Value) -> Value {
    json!({ "link": link["id"] })
}

async fn list(client: &Client, resource: &str, link: &Value) -> Vec<Value> {
    client.results(&format!("{resource}?link={}", link["id"].as_str().unwrap())).await
}

async fn status(app: &TestApp, link: &Value) -> Value {
    let path = format!("/api/links/{}/", link["id"].as_str().unwrap());
    app.sandbox().get(&path).await.json()["status"].clone()
}

async fn what_is_retrieved_is_what_is_read_later(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = empty_link(&app, TWO_JOBS).await;
    let client = app.sandbox();
    for resource in [EMPLOYMENTS, OWNERS] {
        assert!(list(&client, resource, &link).await.is_empty());
        let retrieved = client.post(resource, &of(&link)).await;
        assert_eq!(retrieved.status, 201, "{}", retrieved.body);
        let retrieved = retrieved.json();
        assert_eq!(retrieved, json!(list(&client, resource, &link).await), "{resource}");
        // The same objects again, read anew.
        app.advance(Duration::from_secs(60));
        let again = client.post(resource, &of(&link)).await.json();
        assert_eq!(again[0]["id"], retrieved[0]["id"]);
        assert_eq!(again[0]["created_at"], retrieved[0]["created_at"]);
        assert_ne!(again[0]["collected_at"], retrieved[0]["collected_at"]);
        assert_eq!(list(&client, resource, &link).await.len(), again.as_array().unwrap().len());
    }
    let seen = client.get(&format!("/api/links/{}/", link["id"].as_str().unwrap())).await.json();
    assert_ne!(seen["last_accessed_at"], link["last_accessed_at"]);
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn a_retrieval_that_saves_nothing_leaves_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = empty_link(&app, ONE_JOB).await;
    let client = app.sandbox();
    for unsaved in [json!(false), json!("false"), json!("False"), json!(0), json!("0")] {
        let body = json!({ "link": link["id"], "save_data": unsaved });
        for resource in [EMPLOYMENTS, OWNERS] {
            let shown = client.post(resource, &body).await;
            assert_eq!(shown.status, 200, "{}", shown.body);
            let shown = shown.json();
            assert_eq!(shown.as_array().unwrap().len(), 1);
            let id = shown[0]["id"].as_str().unwrap();
            assert_eq!(Uuid::parse_str(id).unwrap().get_version_num(), 4);
            assert_eq!(client.get(&format!("{resource}{id}/")).await.status, 404);
            assert!(list(&client, resource, &link).await.is_empty());
        }
    }
    assert_eq!(kept_payloads(&app).await, 0, "nor what the source said");
    // What was saved before is not touched.
    let saved = client.post(EMPLOYMENTS, &of(&link)).await.json();
    let body = json!({ "link": link["id"], "save_data": false });
    let shown = client.post(EMPLOYMENTS, &body).await.json();
    assert_ne!(shown[0]["id"], saved[0]["id"]);
    assert_eq!(shown[0]["employer_data"], saved[0]["employer_data"]);
    let rows = "salary_and_benefit_details";
    assert_eq!(shown[0][rows], saved[0][rows]);
    assert_eq!(json!(list(&client, EMPLOYMENTS, &link).await), saved);
    app.finish().await;
}

/// Answers of sources that are stored, of whomever.
async fn kept_payloads(app: &TestApp) -> usize {
    let calls = (1..=20).map(vinculo_store::SourceCallId);
    let read = app
        .app
        .store()
        .read(move |tx| calls.map(|call| tx.source_payload(call)).collect::<Result<Vec<_>, _>>());
    let calls = read.await.expect("the database does not answer");
    calls.into_iter().flatten().filter(|call| call.payload.is_some()).count()
}

async fn a_period_cuts_the_months_that_are_answered(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = empty_link(&app, CHANGED_JOBS).await;
    let client = app.sandbox();
    let all = client.post(EMPLOYMENTS, &of(&link)).await.json();
    let months = |employments: &Value| -> Vec<String> {
        let rows = |employment: &Value| {
            employment["salary_and_benefit_details"].as_array().unwrap().clone()
        };
        let all = employments.as_array().unwrap().iter().flat_map(rows);
        all.map(|row| row["month"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(all.as_array().unwrap().len(), 2, "two employers, one after the other");
    for (from, to) in [
        (json!("2026-03-31"), json!("2026-05-01")),
        (json!("2026-06-01"), Value::Null),
        (Value::Null, json!("2025-02-28")),
        (json!("2026-03-01T00:00:00+00:00"), json!("2026-03-02T00:00:00Z")),
        (json!("2026-03-01T00:00:00"), json!("2026-03-02 00:00:00")),
    ] {
        let body = json!({ "link": link["id"], "date_from": from, "date_to": to });
        let cut = client.post(EMPLOYMENTS, &body).await;
        assert_eq!(cut.status, 201, "{}", cut.body);
        let cut = cut.json();
        let first = from.as_str().map_or("0000-00", |day| &day[..7]);
        let last = to.as_str().map_or("9999-12", |day| &day[..7]);
        let inside = |month: &String| first <= month.as_str() && month.as_str() <= last;
        let expected: Vec<_> = months(&all).into_iter().filter(inside).collect();
        assert!(!expected.is_empty() && expected.len() < months(&all).len(), "{body}");
        assert_eq!(months(&cut), expected, "{body}");
        for employment in cut.as_array().unwrap() {
            let whole = all.as_array().unwrap().iter().find(|e| e["id"] == employment["id"]);
            assert_eq!(employment["employer_data"], whole.unwrap()["employer_data"]);
        }
    }
    // What is stored is everything that was found.
    assert_eq!(months(&json!(list(&client, EMPLOYMENTS, &link).await)), months(&all));
    app.finish().await;
}

async fn a_retrieval_in_the_background_is_announced(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = empty_link(&app, TWO_JOBS).await;
    let client = app.sandbox();
    // Dates choose the months of an answer, and here is none: what can be read is counted.
    for dates in [json!({}), json!({ "date_from": "2010-01-01", "date_to": "2010-02-01" })] {
        let mut body = dates;
        body["link"] = link["id"].clone();
        let accepted = client.asynchronous(Method::POST, EMPLOYMENTS, &body).await;
        assert_eq!(accepted.status, 202, "{}", accepted.body);
        let told = receiver.next().await.json();
        assert_eq!(told["request_id"], accepted.json()["request_id"]);
        assert_eq!(told["webhook_type"], "EMPLOYMENTS");
        assert_eq!(told["webhook_code"], "new_employments_available");
        assert_eq!(told["data"], json!({ "new_employments": 2 }));
        app.settled().await;
        assert_eq!(list(&client, EMPLOYMENTS, &link).await.len(), 2);
    }
    // Nothing would be there when the webhook arrives.
    let unsaved = json!({ "link": link["id"], "save_data": false });
    let (asked, refused) =
        (app.asked(), client.asynchronous(Method::POST, EMPLOYMENTS, &unsaved).await);
    assert_eq!((refused.status, refused.codes()), (400, vec!["validation_error".to_owned()]));
    assert_eq!((&refused.json()[0]["field"], app.asked()), (&json!("save_data"), asked));
    // Nothing was found, whatever is there from before.
    app.operator_is(Mood::Status(404));
    assert_eq!(client.asynchronous(Method::POST, EMPLOYMENTS, &of(&link)).await.status, 202);
    assert_eq!(receiver.next().await.json()["data"], json!({ "new_employments": 0 }));
    app.settled().await;
    assert_eq!(list(&client, EMPLOYMENTS, &link).await.len(), 2, "and it stays");
    app.operator_is(Mood::Helpful);
    // Owners know no such mode: the header is ignored.
    assert_eq!(client.asynchronous(Method::POST, OWNERS, &of(&link)).await.status, 201);
    assert_eq!(client.asynchronous(Method::POST, OWNERS, &unsaved).await.status, 200);
    receiver.assert_quiet();
    app.finish().await;
}

async fn bad_requests_name_what_is_wrong(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = empty_link(&app, ONE_JOB).await;
    let id = &link["id"];
    let format = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";
    for (body, expected) in [
        (json!({}), vec![("required", "link", "This field is required.")]),
        (json!({ "link": null }), vec![("null", "link", "This field may not be null.")]),
        (json!({ "link": "" }), vec![("blank", "link", "This field may not be blank.")]),
        (json!({ "link": "x" }), vec![("invalid", "link", "x is not a valid UUID.")]),
        (
            json!({ "link": id, "date_from": "01/02/2026", "date_to": "2026-02-30" }),
            vec![("invalid", "date_from", format), ("invalid", "date_to", format)],
        ),
        (
            json!({ "link": id, "date_from": "2026-02-02", "date_to": "2026-02-01" }),
            vec![("validation_error", "date_from", "Bad request")],
        ),
        (
            json!({ "link": id, "date_to": "2026-11-25" }),
            vec![("validation_error", "date_to", "Bad request")],
        ),
        (
            json!({ "link": id, "save_data": "perhaps" }),
            vec![("invalid", "save_data", "Must be a valid boolean.")],
        ),
        (
            json!({ "link": id, "save_data": 2 }),
            vec![("invalid", "save_data", "Must be a valid boolean.")],
        ),
    ] {
        let refused = app.sandbox().post(EMPLOYMENTS, &body).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.body);
        let items = refused.json();
        let items = items.as_array().unwrap().iter();
        let items: Vec<_> = items
            .map(|item| {
                ["code", "field", "message"].map(|key| item[key].as_str().unwrap().to_owned())
            })
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(code, field, text)| [code, field, text].map(str::to_owned))
            .collect();
        assert_eq!(items, expected, "{body}");
    }
    assert_eq!(app.asked(), 1, "nobody is asked about a bad request");
    app.finish().await;
}

async fn an_unknown_link_does_not_exist(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = empty_link(&app, ONE_JOB).await;
    for (client, id) in [
        (app.sandbox(), Uuid::from_u128(7).to_string()),
        (app.production(), link["id"].as_str().unwrap().to_owned()),
    ] {
        for resource in [EMPLOYMENTS, OWNERS] {
            let refused = client.post(resource, &json!({ "link": id })).await;
            assert_eq!((refused.status, refused.codes()), (400, vec!["does_not_exist".to_owned()]));
            assert_eq!(refused.json()[0]["field"], "link");
            assert_eq!(
                refused.json()[0]["message"],
                format!("Object with id={id} does not exist.")
            );
        }
    }
    app.finish().await;
}

async fn what_the_institution_refuses_is_told(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = empty_link(&app, ONE_JOB).await;
    for (mood, code, left) in [
        (Mood::Status(503), "institution_down", "valid"),
        (Mood::Status(429), "institution_unavailable", "valid"),
        (Mood::Status(404), "unavailable_data", "valid"),
        (Mood::Status(401), "institution_inactive", "valid"),
        (Mood::Status(400), "login_error", "invalid"),
    ] {
        app.operator_is(mood);
        let refused = app.sandbox().post(EMPLOYMENTS, &of(&link)).await;
        assert_eq!((refused.status, refused.codes()), (400, vec![code.to_owned()]), "{mood:?}");
        assert_eq!(status(&app, &link).await, left, "{mood:?}");
    }
    // What cannot be understood says nothing about the person.
    app.operator_is(Mood::Helpful);
    let link = empty_link(&app, TWO_JOBS).await;
    app.operator_is(Mood::Status(418));
    for resource in [EMPLOYMENTS, OWNERS] {
        let request = app.sandbox().request(Method::POST, resource).json(&of(&link));
        let failed = request.send().await.unwrap();
        assert_eq!(failed.status().as_u16(), 500);
        let body: Value = failed.json().await.unwrap();
        assert_eq!(body[0]["code"], "unexpected_error");
        let message = "Belvo is unable to process the request due to an internal system issue or \
                       to an unsupported response from an institution";
        assert_eq!(body[0]["message"], message);
        assert_eq!(status(&app, &link).await, "valid");
    }
    app.finish().await;
}

async fn six_failures_make_a_link_invalid(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = empty_link(&app, ONE_JOB).await;
    let client = app.sandbox();
    let fail = async |times: usize, mood| {
        app.operator_is(mood);
        for _ in 0..times {
            assert_eq!(client.post(EMPLOYMENTS, &of(&link)).await.status, 400);
        }
    };
    fail(5, Mood::Status(503)).await;
    app.operator_is(Mood::Helpful);
    assert_eq!(client.post(EMPLOYMENTS, &of(&link)).await.status, 201, "the count begins anew");
    fail(5, Mood::Status(503)).await;
    // Our own credentials are none of the person's business, nor is what others ask for.
    fail(3, Mood::Status(401)).await;
    fail(3, Mood::Status(429)).await;
    assert_eq!(status(&app, &link).await, "valid");
    app.settled().await;
    receiver.assert_quiet();
    fail(1, Mood::Status(503)).await;
    assert_eq!(status(&app, &link).await, "invalid");
    assert_eq!(receiver.next().await.text("webhook_code"), "invalid_credentials");
    app.operator_is(Mood::Helpful);
    assert_eq!(client.post(EMPLOYMENTS, &of(&link)).await.codes(), ["invalid_link"]);
    assert_eq!(list(&client, EMPLOYMENTS, &link).await.len(), 1, "what was loaded stays");
    app.settled().await;
    receiver.assert_quiet();
    app.finish().await;
}

async fn one_session_of_a_person_at_a_time(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, other) = (empty_link(&app, ONE_JOB).await, empty_link(&app, TWO_JOBS).await);
    let twin = empty_link(&app, ONE_JOB).await;
    app.operator_is(Mood::Silent);
    let asked = app.asked();
    let client = app.sandbox();
    let waiting = [of(&link), of(&other)].map(|body| {
        let client = client.clone();
        tokio::spawn(async move { client.post(EMPLOYMENTS, &body).await })
    });
    // Another person is nobody's concern.
    app.until_asked(asked + 2).await;
    for same in [&link, &twin] {
        let second = client.post(OWNERS, &of(same)).await;
        assert_eq!((second.status, second.codes()), (400, vec!["too_many_sessions".to_owned()]));
    }
    app.operator_is(Mood::Helpful);
    for first in waiting {
        assert_eq!(first.await.unwrap().status, 201);
    }
    assert_eq!(client.post(OWNERS, &of(&link)).await.status, 201);
    app.finish().await;
}

async fn a_retrieval_that_was_cut_off_ends(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = empty_link(&app, ONE_JOB).await;
    // What a process leaves behind that dies while a caller waits.
    let workspace = app.app.secrets_of(Environment::Sandbox).unwrap().workspace().id;
    let id = link["id"].as_str().unwrap().parse().unwrap();
    let created_at = app.app.now_micros();
    let begin = move |tx: &mut Tx<'_>| {
        let link = tx.link(workspace, id)?.unwrap();
        tx.insert_load(&NewLoad {
            workspace,
            subject: link.subject,
            link: link.id,
            trigger: Trigger::Request,
            resources: &[Resource::Owners],
            request_id: Uuid::nil(),
            window: None,
            save_data: true,
            quiet: false,
            source_call: None,
            created_at,
        })
    };
    app.app.store().write(begin).await.unwrap();
    assert_eq!(client.post(OWNERS, &of(&link)).await.codes(), ["too_many_sessions"]);
    app.advance(Duration::from_secs(121));
    assert_eq!(client.post(OWNERS, &of(&link)).await.status, 201);
    let person = json!({ "document_type": "CC", "document_number": ONE_JOB });
    let report = client.post("/manage/v1/subjects/report/", &person).await.json();
    let loads = report["loads"].as_array().unwrap().iter();
    let ended: Vec<_> = loads.map(|load| [&load["state"], &load["failure"]]).collect();
    assert_eq!(ended, [[&json!("failed"), &json!("internal")], [&json!("done"), &Value::Null]]);
    app.finish().await;
}

async fn a_resumed_session_has_expired(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = empty_link(&app, ONE_JOB).await;
    let session = "0".repeat(32);
    for path in ["/api/links/", OWNERS] {
        let client = app.sandbox();
        let missing = client.patch(path, &json!({})).await;
        assert_eq!((missing.status, missing.codes()), (400, vec!["required".to_owned(); 2]));
        let resume = json!({ "session": session, "token": "1", "link": link["id"] });
        let expired = client.patch(path, &resume).await;
        assert_eq!((expired.status, expired.codes()), (400, vec!["session_expired".to_owned()]));
        assert_eq!(app.production().patch(path, &resume).await.status, 404, "a foreign link");
        let odd = json!({ "session": "short", "link": link["id"] });
        assert_eq!(client.patch(path, &odd).await.json()[0]["field"], "session");
        let odd = json!({ "session": session, "link": "x" });
        assert_eq!(client.patch(path, &odd).await.json()[0]["message"], "x is not a valid UUID.");
    }
    app.finish().await;
}

async fn fields_are_chosen(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let link = empty_link(&app, ONE_JOB).await;
    let path = format!("{EMPLOYMENTS}?fields=id,link&omit=id");
    let chosen = app.sandbox().post(&path, &of(&link)).await.json();
    assert_eq!(chosen.as_array().unwrap(), from_ref(&json!({ "link": link["id"] })));
    app.finish().await;
}
