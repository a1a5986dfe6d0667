//! What only a sandbox can do: its calendar is moved, and questions end as a request wants.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vinculo_operator::country;
use vinculo_pila::Month;
use vinculo_store::Environment;

use crate::support::{
    Answer, Client, Mood, Receiver, Setup, TestApp, TestDatabase, link_request, look_again,
    on_both_databases, soon,
};

on_both_databases!(
    a_job_is_lost_in_two_months,
    a_calendar_belongs_to_its_sandbox,
    months_are_counted_and_limited,
    a_calendar_goes_back,
    raises_and_new_jobs_are_news,
    a_saturated_operator_answers_a_month_later,
    a_calendar_that_moves_during_a_load_is_caught_up,
    an_answer_from_before_is_not_used,
    days_of_a_retrieval_are_those_of_the_calendar,
    a_question_ends_as_the_request_wants,
    production_knows_no_sandbox,
    planillas_and_operator_tell_the_same,
);

const SANDBOX: &str = "/manage/v1/sandbox/";
const ADVANCE: &str = "/manage/v1/sandbox/advance/";
const WISH: &str = "X-Vinculo-Sandbox";

/// Moves the calendar, and lets the links that come due be looked for.
async fn advance(app: &TestApp, months: i64) -> Value {
    let moved = app.sandbox().post(ADVANCE, &json!({ "months": months })).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    refreshed(app).await;
    moved.json()
}

/// Links are looked for once a second.
async fn refreshed(app: &TestApp) {
    app.advance(Duration::from_secs(1));
    app.settled().await;
}

async fn recurrent(app: &TestApp, document: &str) -> (Value, Receiver) {
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let more = json!({ "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
    let link = app.sandbox().create_link(document, more).await;
    receiver.take::<2>().await;
    app.settled().await;
    (link, receiver)
}

async fn employments(app: &TestApp, link: &Value) -> Vec<Value> {
    let id = link["id"].as_str().unwrap();
    app.sandbox().results(&format!("/api/co/employments/?link={id}")).await
}

/// Month, gross and status of the newest month of an employment.
fn newest(employment: &Value) -> Value {
    let row = &employment["salary_and_benefit_details"][0];
    json!([row["month"], row["gross_amount"], row["status_changes"]])
}

/// The webhooks that have come, each with its resource and how many objects are new.
fn news(receiver: &mut Receiver, link: &Value) -> Vec<(String, Value)> {
    let hooks = std::iter::from_fn(|| receiver.arrived());
    hooks
        .map(|hook| {
            assert_eq!(hook.text("link_id"), link["id"].as_str().unwrap());
            (hook.text("webhook_code"), hook.json()["data"].clone())
        })
        .collect()
}

fn new_employments(count: usize) -> Vec<(String, Value)> {
    vec![("new_employments_available".to_owned(), json!({ "new_employments": count }))]
}

async fn a_job_is_lost_in_two_months(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = recurrent(&app, "1999000013").await;
    let first = employments(&app, &link).await;
    assert_eq!((first.len(), &newest(&first[0])), (1, &json!(["2026-10", 3_502_000, []])));
    assert_eq!(app.asked(), 1);

    let moved = advance(&app, 1).await;
    assert_eq!((&moved["months_ahead"], &moved["newest_month"]), (&json!(1), &json!("2026-11")));
    assert_eq!(news(&mut receiver, &link), new_employments(1));
    let second = employments(&app, &link).await;
    assert_eq!(newest(&second[0]), json!(["2026-11", 3_502_000, []]));
    assert_eq!(second[0]["id"], first[0]["id"], "the same employment");

    advance(&app, 1).await;
    assert_eq!(news(&mut receiver, &link), new_employments(1));
    let third = employments(&app, &link).await;
    // 20 of 30 days of 3,502,000, rounded up to a peso.
    assert_eq!(newest(&third[0]), json!(["2026-12", 2_334_667, ["FINAL_MONTH"]]));

    advance(&app, 1).await;
    assert_eq!(news(&mut receiver, &link), [], "nothing new is to be told");
    let last = employments(&app, &link).await;
    assert_eq!(newest(&last[0]), newest(&third[0]));
    let months =
        |employment: &Value| employment["salary_and_benefit_details"].as_array().unwrap().len();
    assert_eq!((months(&first[0]), months(&last[0])), (24, 23), "the window moves on");
    assert_eq!(app.asked(), 4);
    assert_eq!(app.sandbox().get(SANDBOX).await.json()["current_month"], "2027-02");
    app.finish().await;
}

async fn a_calendar_belongs_to_its_sandbox(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let stands = app.sandbox().get(SANDBOX).await.json();
    assert_eq!(
        stands,
        json!({
            "months_ahead": 0, "current_month": "2026-11", "newest_month": "2026-10", "moved_at": null,
        })
    );
    let moved = advance(&app, 2).await;
    assert_eq!(
        moved,
        json!({
            "months_ahead": 2, "current_month": "2027-01", "newest_month": "2026-12",
            "moved_at": "2026-11-24T12:00:00.000000Z",
        })
    );
    let app = app.restart().await;
    assert_eq!(app.sandbox().get(SANDBOX).await.json(), moved);
    app.finish().await;
}

async fn months_are_counted_and_limited(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    for (body, code) in [
        (json!({}), "required"),
        (json!({ "months": null }), "null"),
        (json!({ "months": 0 }), "invalid"),
        (json!({ "months": 25 }), "invalid"),
        (json!({ "months": 1.5 }), "invalid"),
        (json!({ "months": "soon" }), "invalid"),
        (json!({ "months": [1] }), "invalid"),
    ] {
        let refused = client.post(ADVANCE, &body).await;
        assert_eq!((refused.status, refused.codes()), (400, vec![code.to_owned()]), "{body}");
        assert_eq!(refused.json()[0]["field"], "months");
        if body["months"] == 1.5 {
            assert_eq!(refused.json()[0]["message"], "\"1.5\" is not a number from 1 to 24.");
        }
    }
    // A repeated request moves the calendar once.
    let month = json!({ "months": 24 });
    for _ in 0..2 {
        let moved = client.post_once(ADVANCE, "january", &month).await;
        assert_eq!((moved.status, &moved.json()["months_ahead"]), (200, &json!(24)));
    }
    for months in (48..=240).step_by(24) {
        assert_eq!(client.post(ADVANCE, &month).await.json()["months_ahead"], months);
    }
    let refused = client.post(ADVANCE, &json!({ "months": 1 })).await;
    assert_eq!((refused.status, refused.codes()), (400, vec!["invalid".to_owned()]));
    assert_eq!(
        refused.json()[0]["message"],
        "The calendar is 240 months ahead, and can be at most 240."
    );
    app.finish().await;
}

async fn a_calendar_goes_back(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = recurrent(&app, "1999000021").await;
    let before = employments(&app, &link).await;
    assert_eq!(before.len(), 1);
    advance(&app, 3).await;
    assert_eq!(news(&mut receiver, &link), new_employments(1));
    assert_eq!(employments(&app, &link).await.len(), 2, "a job was found");
    let reset = app.sandbox().post("/manage/v1/sandbox/reset/", &json!({})).await;
    assert_eq!((reset.status, &reset.json()["months_ahead"]), (200, &json!(0)));
    refreshed(&app).await;
    let after = employments(&app, &link).await;
    let shown = |all: &[Value]| all[0]["salary_and_benefit_details"].clone();
    assert_eq!((after.len(), shown(&after)), (1, shown(&before)));
    app.finish().await;
}

async fn raises_and_new_jobs_are_news(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = recurrent(&app, "1999000014").await;
    assert_eq!(newest(&employments(&app, &link).await[0]), json!(["2026-10", 4_378_000, []]));
    advance(&app, 1).await;
    assert_eq!(news(&mut receiver, &link), new_employments(1));
    let raised = newest(&employments(&app, &link).await[0]);
    assert_eq!(raised, json!(["2026-11", 5_253_000, ["PERMANENT_SALARY_CHANGE"]]));
    // A single link stays as it was filled.
    let single = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    let single = app.sandbox().create_link("1999000021", single).await;
    app.settled().await;
    news(&mut receiver, &single);
    assert_eq!(employments(&app, &single).await.len(), 2);
    advance(&app, 1).await;
    assert_eq!(employments(&app, &single).await.len(), 2);
    assert_eq!(news(&mut receiver, &link), new_employments(1));
    app.finish().await;
}

async fn a_saturated_operator_answers_a_month_later(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let request = link_request("1999000429", json!({}));
    let refused = app.sandbox().post("/api/links/", &request).await;
    assert_eq!(
        (refused.status, refused.codes()),
        (400, vec!["institution_unavailable".to_owned()])
    );
    advance(&app, 1).await;
    assert_eq!(app.sandbox().post("/api/links/", &request).await.status, 201);
    app.settled().await;
    app.finish().await;
}

async fn a_calendar_that_moves_during_a_load_is_caught_up(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (link, mut receiver) = recurrent(&app, "1999000013").await;
    app.operator_is(Mood::Silent);
    app.sandbox().post(ADVANCE, &json!({ "months": 1 })).await;
    app.advance(Duration::from_secs(1));
    soon("the second question", async {
        while app.asked() < 2 {
            look_again().await;
        }
    })
    .await;
    // The question is under way with one month; the second is not lost.
    app.sandbox().post(ADVANCE, &json!({ "months": 1 })).await;
    app.advance(Duration::from_secs(1));
    soon("a look at what came due", async {
        while is_due(&app).await {
            look_again().await;
        }
    })
    .await;
    app.operator_is(Mood::Helpful);
    // By the same look, or by the next one.
    soon("the link being due again", async {
        while app.asked() < 3 && !is_due(&app).await {
            look_again().await;
        }
    })
    .await;
    refreshed(&app).await;
    assert_eq!(app.asked(), 3);
    let last = employments(&app, &link).await;
    assert_eq!(newest(&last[0])[0], "2026-12");
    let told = news(&mut receiver, &link);
    assert_eq!(told, [new_employments(1), new_employments(1)].concat());
    app.finish().await;
}

/// Whether a link is due.
async fn is_due(app: &TestApp) -> bool {
    app.next_due_link().await.is_some_and(|due| due <= app.now())
}

async fn an_answer_from_before_is_not_used(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let link = app.sandbox().create_link("1999000013", json!({})).await;
    app.advance(Duration::from_secs(1));
    app.sandbox().post(ADVANCE, &json!({ "months": 1 })).await;
    app.start_runner().await;
    app.settled().await;
    assert_eq!(newest(&employments(&app, &link).await[0])[0], "2026-11");
    app.finish().await;
}

async fn days_of_a_retrieval_are_those_of_the_calendar(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let single = json!({ "access_mode": "single" });
    let link = app.sandbox().create_link("1999000001", single).await;
    advance(&app, 2).await;
    let body = json!({ "link": link["id"], "date_from": "2026-12-01", "date_to": "2027-01-24" });
    let found = app.sandbox().post("/api/co/employments/", &body).await;
    assert_eq!(found.status, 201, "{}", found.body);
    assert_eq!(newest(&found.json()[0])[0], "2026-12");
    let body = json!({ "link": link["id"], "date_to": "2027-01-25" });
    assert_eq!(app.sandbox().post("/api/co/employments/", &body).await.status, 400);
    app.finish().await;
}

async fn wishing(client: &Client, path: &str, body: &Value, wish: &str) -> Answer {
    let request = client.request(Method::POST, path).header(WISH, wish).json(body);
    client.send(request).await
}

async fn a_question_ends_as_the_request_wants(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let request = link_request("1999000001", json!({ "access_mode": "single" }));
    for (wish, code) in [
        ("unknown", "login_error"),
        ("empty", "login_error"),
        ("invalid", "login_error"),
        ("unauthorized", "institution_inactive"),
        ("withheld", "institution_unavailable"),
        ("saturated", "institution_unavailable"),
        ("down", "institution_down"),
        ("delay=5,down", "institution_down"),
        ("fault", "login_error"),
        ("malformed", "login_error"),
        ("stranger", "login_error"),
    ] {
        let refused = wishing(&client, "/api/links/", &request, wish).await;
        assert_eq!((refused.status, refused.codes()), (400, vec![code.to_owned()]), "{wish}");
    }
    let link = wishing(&client, "/api/links/", &request, "delay=5").await;
    assert_eq!(link.status, 201, "{}", link.body);
    let asked = app.asked();
    for (path, wish, code) in [
        ("/api/co/employments/", "empty", "unavailable_data"),
        ("/api/owners/", "down", "institution_down"),
    ] {
        let body = json!({ "link": link.json()["id"] });
        let refused = wishing(&client, path, &body, wish).await;
        assert_eq!((refused.status, refused.codes()), (400, vec![code.to_owned()]), "{wish}");
        assert_eq!(client.post(path, &body).await.status, 201, "the next question is as ever");
    }
    assert_eq!(app.asked(), asked + 4);
    let path = format!("/api/links/{}/", link.json()["id"].as_str().unwrap());
    let put = client.request(Method::PUT, &path).header(WISH, "down");
    assert_eq!(client.send(put).await.codes(), ["institution_down"]);

    for wrong in ["", "soon", "delay=120001", "down,fault"] {
        let refused = wishing(&client, "/api/links/", &request, wrong).await;
        assert_eq!((refused.status, refused.codes()), (400, vec!["invalid".to_owned()]), "{wrong}");
        assert_eq!(refused.json()[0]["field"], WISH);
    }
    let body = json!({ "link": link.json()["id"] });
    let later = client.request(Method::POST, "/api/co/employments/").json(&body);
    let later = later.header(WISH, "down").header("X-Belvo-Request-Mode", "async");
    let later = client.send(later).await;
    assert_eq!((later.status, &later.json()[0]["field"]), (400, &json!(WISH)));
    app.finish().await;
}

async fn production_knows_no_sandbox(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.production();
    for answer in [
        client.get(SANDBOX).await,
        client.post(ADVANCE, &json!({ "months": 1 })).await,
        client.post("/manage/v1/sandbox/reset/", &json!({})).await,
        wishing(&client, "/api/links/", &link_request("1999000001", json!({})), "down").await,
    ] {
        let denied = vec!["access_to_resource_denied".to_owned()];
        assert_eq!((answer.status, answer.codes()), (403, denied));
        let message = answer.json()[0]["message"].as_str().unwrap().to_owned();
        assert!(message.ends_with("is for the sandbox; this key is one of production."));
    }
    assert_eq!(app.asked(), 0);
    app.finish().await;
}

/// Employer, and gross pay of each month, where this payer paid.
fn paid_by(employments: &[Value], payer: i64) -> Vec<Value> {
    let own = employments.iter().filter(|it| it["employer_data"]["id_number"] == payer);
    own.map(|employment| {
        let months = employment["salary_and_benefit_details"].as_array().unwrap().iter();
        let months: Vec<_> = months.map(|row| json!([row["month"], row["gross_amount"]])).collect();
        json!([employment["employer_data"], months])
    })
    .collect()
}

/// What an importer of the first payer's files learns is what the operator answers.
async fn planillas_and_operator_tell_the_same(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let newest: Month = "2026-10".parse().unwrap();
    let mut files = Vec::new();
    let mut record = Vec::new();
    country().payer_record(0).unwrap().write_to(&mut record).unwrap();
    files.push(record);
    for back in (0..24).rev() {
        for planilla in country().planillas_of(0, newest.plus(-back)) {
            let mut file = Vec::new();
            planilla.write_to(&mut file).unwrap();
            files.push(file);
        }
    }
    for file in &files {
        assert_eq!(app.import(Environment::Production, file).await.state, "accepted");
    }
    let single = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    let mut compared = 0;
    for person in (0..8).filter_map(|at| country().person(at)) {
        let mut told = Vec::new();
        for client in [app.production(), app.sandbox()] {
            let request = link_request(&person.document.number, single.clone());
            let link = client.post("/api/links/", &request).await;
            if link.status != 201 {
                assert_eq!(link.codes(), ["login_error"], "unknown by both");
                told.push(Vec::new());
                continue;
            }
            app.settled().await;
            let list = format!("/api/co/employments/?link={}", link.json()["id"].as_str().unwrap());
            told.push(paid_by(&client.results(&list).await, 995_000_000));
        }
        compared += told[0].len();
        assert_eq!(told[0], told[1], "{}", person.document.number);
    }
    assert!(compared >= 5, "{compared} employments");
    app.finish().await;
}
