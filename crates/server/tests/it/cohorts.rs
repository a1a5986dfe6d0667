//! Cohorts: a file of people becomes links in the background, and its end is told once.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vinculo_store::Environment::Sandbox;

use crate::support::{
    Answer, Client, Mood, Receiver, Setup, TestApp, TestDatabase, look_again, on_both_databases,
    soon,
};

on_both_databases!(
    every_row_becomes_a_link_or_says_why_not,
    rows_say_for_themselves_what_parameters_say_for_all,
    a_file_of_a_spreadsheet_is_read,
    the_end_alone_can_be_told,
    a_file_whose_structure_is_wrong_is_refused,
    a_large_file_is_refused_and_leaves_nothing,
    a_repeated_file_is_one_cohort,
    what_is_cancelled_begins_nothing_more,
    rows_of_an_erased_person_end,
    rows_without_a_consent_are_invalid,
    a_row_that_no_source_answers_is_tried_a_few_times,
    one_request_finds_a_place_beside_a_cohort,
    a_cohort_waits_for_no_row_of_another,
    a_cohort_that_comes_while_another_is_worked_on_comes_next,
    a_process_that_ends_leaves_the_rest_to_the_next,
    a_cohort_is_closed_to_other_workspaces,
);

const COHORTS: &str = "/manage/v1/cohorts/";

async fn send(client: &Client, query: &str, file: &str) -> Answer {
    let request = client.request(Method::POST, &format!("{COHORTS}{query}"));
    client.send(request.header("content-type", "text/csv").body(file.to_owned())).await
}

/// Sends a file that is taken; the id of the cohort.
pub(crate) async fn create(client: &Client, query: &str, file: &str) -> String {
    let answer = send(client, query, file).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn shown(client: &Client, id: &str) -> Value {
    client.get(&format!("{COHORTS}{id}/")).await.json()
}

/// The results without their header, and without the ids of links: `-` stands for one.
pub(crate) async fn results(client: &Client, id: &str) -> Vec<String> {
    let answer = client.get(&format!("{COHORTS}{id}/results/")).await;
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let mut lines = answer.body.lines();
    assert_eq!(lines.next(), Some("line,state,link,code,field"));
    let line = |line: &str| {
        let mut fields: Vec<_> = line.split(',').collect();
        assert!(fields[2].is_empty() || uuid::Uuid::try_parse(fields[2]).is_ok(), "{line}");
        fields[2] = if fields[2].is_empty() { "" } else { "-" };
        fields.join(",")
    };
    lines.map(line).collect()
}

/// Waits until a cohort has ended, letting the time of postponed jobs come.
pub(crate) async fn ended(app: &TestApp, client: &Client, id: &str) -> Value {
    soon("the end of a cohort", async {
        loop {
            let cohort = shown(client, id).await;
            if !cohort["finished_at"].is_null() {
                return cohort;
            }
            app.let_jobs_come().await;
            look_again().await;
        }
    })
    .await
}

/// The cohort once it has ended, while the clock stands still.
async fn until_finished(client: &Client, id: &str) -> Value {
    soon("the end of a cohort", async {
        loop {
            let cohort = shown(client, id).await;
            if !cohort["finished_at"].is_null() {
                return cohort;
            }
            look_again().await;
        }
    })
    .await
}

async fn every_row_becomes_a_link_or_says_why_not(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Sandbox, None).await;
    let client = app.sandbox();
    let file = "document,external_id\n1999000001,user-00001\n1999000404,user-00002\n\
                ABC,user-00003\n\"1.999.000.002\",xy\n1999000004,\n";
    let id = create(&client, "?access_mode=single&fetch_resources=EMPLOYMENTS", file).await;
    let cohort = ended(&app, &client, &id).await;
    let told = ["total", "ok", "no_data", "invalid", "failed", "cancelled", "waiting", "percent"];
    let told = told.map(|name| cohort[name].as_i64().unwrap());
    assert_eq!(told, [5, 2, 1, 2, 0, 0, 0, 100], "{cohort}");
    assert_eq!((&cohort["state"], &cohort["webhooks"]), (&json!("finished"), &json!("each")));
    let expected = [
        "2,ok,-,,",
        "3,no_data,,login_error,",
        "4,invalid,,login_error,",
        "5,invalid,,min_length,external_id",
        "6,ok,-,,",
    ];
    assert_eq!(results(&client, &id).await, expected);

    let links = client.results("/api/links/?external_id=user-00001").await;
    assert_eq!(links.len(), 1);
    assert_eq!(links[0]["access_mode"], "single");
    let employments = format!("/api/co/employments/?link={}", links[0]["id"].as_str().unwrap());
    assert!(!client.results(&employments).await.is_empty());
    app.delivered().await;
    let mut hooks = receiver.take::<3>().await.map(|hook| hook.json());
    hooks.sort_by_key(|hook| hook["webhook_type"].as_str().unwrap().to_owned());
    let [end, first, second] = hooks;
    for filled in [first, second] {
        assert_eq!(filled["webhook_code"], "historical_update");
    }
    assert_eq!((&end["webhook_code"], &end["link_id"]), (&json!("cohort_finished"), &Value::Null));
    assert_eq!(end["data"], cohort);
    receiver.assert_quiet();
    assert_eq!(app.asked(), 3, "one question about each person who can be one");
    assert!(!app.database.shows("user-00002"), "what a row said goes when it ends");
    app.finish().await;
}

async fn rows_say_for_themselves_what_parameters_say_for_all(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let file = "username,document_type,access_mode,fetch_resources,stale_in,credentials_storage\n\
                1999000001,001,,OWNERS EMPLOYMENTS,90d,\n1999000002,,single,,,30d\n\
                1999000003,,never,,,\n1999000004,,,PENSIONS,,\n";
    let id = create(&client, "?access_mode=recurrent&fetch_resources=OWNERS", file).await;
    ended(&app, &client, &id).await;
    let expected = [
        "2,ok,-,,",
        "3,ok,-,,",
        "4,invalid,,invalid_choice,access_mode",
        "5,invalid,,invalid,resources",
    ];
    assert_eq!(results(&client, &id).await, expected);
    let links = client.results("/api/links/").await;
    let mut terms: Vec<_> = links
        .iter()
        .map(|link| {
            let of = |name: &str| link[name].clone();
            [of("access_mode"), of("fetch_resources"), of("stale_in"), of("credentials_storage")]
        })
        .collect();
    terms.sort_by_key(|terms| terms[0].to_string());
    assert_eq!(
        terms[0],
        [json!("recurrent"), json!(["OWNERS", "EMPLOYMENTS"]), json!("90d"), json!("store")]
    );
    assert_eq!(terms[1], [json!("single"), json!(["OWNERS"]), Value::Null, json!("30d")]);
    app.finish().await;
}

async fn a_file_of_a_spreadsheet_is_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let file = "\u{feff}document;external_id;fetch_resources\r\n\
                1999000001;\"user;1\";OWNERS, EMPLOYMENTS\r\n 1999000404 ;user-2;\r\n";
    let id = create(&client, "", file).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,no_data,,login_error,"]);
    let link = client.results("/api/links/").await.remove(0);
    let said = [&link["external_id"], &link["fetch_resources"]];
    assert_eq!(said, [&json!("user;1"), &json!(["OWNERS", "EMPLOYMENTS"])]);
    // Lines are counted as an editor counts them, whatever is empty.
    let file = "\r\ndocument;external_id\r\n\r\n\r\n1999000404;user-3\r\n\n1999000404;user-4";
    let id = create(&client, "", file).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["5,no_data,,login_error,", "7,no_data,,login_error,"]);
    // Some write no line feed at all.
    let file = "document;external_id\r1999000404;user-5\r\r1999000404;user-6";
    let id = create(&client, "", file).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,no_data,,login_error,", "4,no_data,,login_error,"]);
    app.finish().await;
}

async fn the_end_alone_can_be_told(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Sandbox, None).await;
    let client = app.sandbox();
    // One that chose the type hears of nothing else, and one that chose another not of this.
    let (mut chosen, other) = (Receiver::start().await, Receiver::start().await);
    for (receiver, wanted) in [(&chosen, "COHORT"), (&other, "LINK")] {
        let body = json!({ "url": receiver.url, "webhook_types": [wanted] });
        assert_eq!(client.post("/manage/v1/webhook-endpoints/", &body).await.status, 201);
    }
    let id = create(&client, "?webhooks=end", "document\n1999000001\n1999000002\n").await;
    let cohort = ended(&app, &client, &id).await;
    assert_eq!((&cohort["ok"], &cohort["webhooks"]), (&json!(2), &json!("end")));
    app.delivered().await;
    assert_eq!(receiver.next().await.json()["webhook_type"], "COHORT");
    receiver.assert_quiet();
    // What is found later is told as ever.
    app.advance(Duration::from_secs(11 * 60));
    let link = client.results("/api/links/").await.remove(0);
    let refresh = format!("/api/links/{}/refresh/", link["id"].as_str().unwrap());
    assert_eq!(client.post(&refresh, &json!({})).await.status, 202);
    app.settled().await;
    assert_eq!(receiver.next().await.json()["webhook_code"], "historical_update");
    assert_eq!(chosen.next().await.json()["webhook_code"], "cohort_finished");
    chosen.assert_quiet();
    app.finish().await;
}

async fn a_file_whose_structure_is_wrong_is_refused(database: TestDatabase) {
    let app = Setup::new(database).configure(|config| config.cohorts.rows = 3).start().await;
    let client = app.sandbox();
    for (query, file, field, told) in [
        ("", "", "document", "must name the column document"),
        ("", "document\n", "file", "no row after the header"),
        ("", "external_id\nuser-00001\n", "document", "must name the column document"),
        ("", "document,salary\n1999000001,2\n", "salary", "\"salary\" is no column"),
        ("", "document,username\n1,2\n", "username", "twice"),
        ("", "document,external_id\n1,abc\n2\n", "file", "Line 3 has 1 fields, and the header 2"),
        (
            "",
            "\n\ndocument;external_id\n\n1;\"a\nb\"\n\r\n2\n",
            "file",
            "Line 8 has 1 fields, and the header 2",
        ),
        ("", "document\n1\n2\n3\n4\n", "file", "More than 3 rows"),
        ("?access_mode=never", "document\n1\n", "access_mode", "never"),
        ("?webhooks=never", "document\n1\n", "webhooks", "never"),
        ("?stale_in=long", "document\n1\n", "stale_in", "long"),
        ("?acces_mode=single", "document\n1\n", "acces_mode", "Not a parameter of a cohort"),
        ("?external_id=user-1", "document\n1\n", "external_id", "Not a parameter of a cohort"),
    ] {
        let answer = send(&client, query, file).await;
        assert_eq!(answer.status, 400, "{file:?}: {}", answer.body);
        let item = &answer.json()[0];
        assert_eq!(item["field"], field, "{file:?}");
        assert!(item["message"].as_str().unwrap().contains(told), "{file:?}: {item}");
    }
    let request = client.request(Method::POST, COHORTS).body(b"document\n1\n\xff\xfe\n".to_vec());
    let answer = client.send(request).await;
    assert_eq!((answer.status, &answer.json()[0]["field"]), (400, &json!("file")));
    assert!(answer.body.contains("Line 3 is not UTF-8"), "{}", answer.body);
    assert!(client.results(COHORTS).await.is_empty());
    assert_eq!((app.asked(), app.work_left().await), (0, 0));
    app.finish().await;
}

async fn a_large_file_is_refused_and_leaves_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let row = format!("1999000001,{}\n", "x".repeat(1024 * 1024));
    let file = format!("document,external_id\n{}", row.repeat(32));
    assert_eq!(send(&client, "", &file).await.status, 413);
    let left = app.app.store().read(|tx| tx.stranded_cohorts(i64::MAX)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    app.finish().await;
}

async fn a_repeated_file_is_one_cohort(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let send = async |file: &str| {
        let request = client.request(Method::POST, COHORTS).header("Idempotency-Key", "once");
        client.send(request.body(file.to_owned())).await
    };
    let first = send("document\n1999000001\n").await;
    assert_eq!(first.status, 202);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    ended(&app, &client, &id).await;
    let again = send("document\n1999000001\n").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")));
    assert_eq!(again.json(), first.json());
    assert_eq!(send("document\n1999000002\n").await.status, 409);
    assert_eq!(client.results(COHORTS).await.len(), 1);
    let left = app.app.store().read(|tx| tx.stranded_cohorts(i64::MAX)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    app.finish().await;
}

async fn what_is_cancelled_begins_nothing_more(database: TestDatabase) {
    let app = Setup::new(database).configure(|config| config.cohorts.at_once = 1).start().await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Sandbox, None).await;
    let client = app.sandbox();
    app.operator_is(Mood::Silent);
    let id = create(&client, "", "document\n1999000001\n1999000002\n1999000003\n").await;
    app.until_asked(1).await;
    let cancelled = client.delete(&format!("{COHORTS}{id}/")).await;
    assert_eq!((cancelled.status, &cancelled.json()["state"]), (200, &json!("cancelling")));
    app.operator_is(Mood::Helpful);
    let cohort = ended(&app, &client, &id).await;
    assert_eq!((&cohort["state"], &cohort["cancelled"]), (&json!("cancelled"), &json!(3)));
    assert!(client.results("/api/links/").await.is_empty(), "not even of the one in question");
    assert_eq!(results(&client, &id).await[2], "4,cancelled,,,");
    app.delivered().await;
    assert_eq!(receiver.next().await.json()["data"]["state"], "cancelled");
    let again = client.delete(&format!("{COHORTS}{id}/")).await;
    assert_eq!((again.status, again.json()), (200, cohort));
    app.finish().await;
}

async fn rows_of_an_erased_person_end(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let client = app.sandbox();
    let id = create(&client, "", "document\n1999000001\n1999000002\n").await;
    let person = json!({ "document_type": "CC", "document_number": "1999000001" });
    let report = async || client.post("/manage/v1/subjects/report/", &person).await.json();
    let told = report().await;
    let row = json!({ "cohort": id, "line": 2, "received_at": "2026-11-24T12:00:00.000000Z" });
    assert_eq!((&told["known"], &told["cohort_rows"]), (&json!(true), &json!([row])));
    let erased = client.post("/manage/v1/subjects/erase/", &person).await.json();
    assert_eq!(erased["known"], true, "a row that waits is known");
    let told = report().await;
    assert_eq!((&told["known"], &told["cohort_rows"]), (&json!(false), &json!([])));
    app.start_runner().await;
    let cohort = ended(&app, &client, &id).await;
    assert_eq!((&cohort["ok"], &cohort["invalid"]), (&json!(1), &json!(1)));
    assert_eq!(results(&client, &id).await, ["2,invalid,,erased,", "3,ok,-,,"]);
    assert_eq!(app.asked(), 1);
    app.finish().await;
}

/// Whoever cancels holds the workspace, and waits for the rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_waits_for_the_workspace_holds_no_rows() {
    let app = Setup::new(TestDatabase::postgres()).without_runner().start().await;
    let client = app.sandbox();
    create(&client, "", "document\n1999000001\n1999000002\n").await;
    // Its receipt is one more that waits for the workspace.
    let consent = crate::consents::request("1999000001", json!({}));
    assert_eq!(client.post("/manage/v1/consents/", &consent).await.status, 201);
    let runtime = tokio::runtime::Handle::current();
    let begin = || {
        runtime.spawn(async move {
            let person = json!({ "document_type": "CC", "document_number": "1999000001" });
            client.post("/manage/v1/subjects/erase/", &person).await.json()
        })
    };
    let erasing = app.database.once_it_waits(begin, "select from cohort_rows for update nowait");
    assert_eq!(erasing.await.unwrap()["known"], true);
    app.finish_with_work_left().await;
}

async fn rows_without_a_consent_are_invalid(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let consent = crate::consents::request("1999000002", json!({}));
    assert_eq!(client.post("/manage/v1/consents/", &consent).await.status, 201);
    let required = json!({ "require_consent": true });
    assert_eq!(client.patch("/manage/v1/settings/", &required).await.status, 200);
    let request = crate::support::link_request("1999000001", json!({}));
    let refused = client.post("/api/links/", &request).await;
    let code = refused.codes().remove(0);
    let id = create(&client, "", "document\n1999000001\n1999000002\n").await;
    ended(&app, &client, &id).await;
    let results = results(&client, &id).await;
    assert!(results[0].starts_with(&format!("2,invalid,,{code},")), "{results:?}");
    assert_eq!(results[1], "3,ok,-,,");
    assert_eq!(app.asked(), 1, "nobody is asked about whom nobody may");
    app.finish().await;
}

async fn a_row_that_no_source_answers_is_tried_a_few_times(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    // This operator breaks over every question about the first, and answers the third try about
    // the second.
    let id = create(&client, "", "document\n1999000500\n1999000503\n1999000001\n").await;
    let cohort = ended(&app, &client, &id).await;
    assert_eq!((&cohort["ok"], &cohort["failed"]), (&json!(2), &json!(1)), "{cohort}");
    assert_eq!(results(&client, &id).await, ["2,failed,,login_error,", "3,ok,-,,", "4,ok,-,,"]);
    app.finish().await;
}

async fn a_cohort_waits_for_no_row_of_another(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    app.operator_is(Mood::Status(503));
    let waits = create(&client, "", "document\n1999000001\n").await;
    app.until_job_is_postponed().await;
    app.operator_is(Mood::Helpful);
    let next = create(&client, "", "document\n1999000002\n").await;
    // The clock stands still, and then moves to the next look at what is loaded: the row that waits is
    // not due.
    soon("a link", async {
        while client.results("/api/links/").await.is_empty() {
            look_again().await;
        }
    })
    .await;
    let link = client.results("/api/links/").await.remove(0);
    app.until_loaded(&client, &link).await;
    app.advance(Duration::from_secs(2));
    let ok = until_finished(&client, &next).await["ok"].clone();
    assert_eq!((&ok, &shown(&client, &waits).await["waiting"]), (&json!(1), &json!(1)));
    app.until_job_is_postponed().await;
    assert_eq!(client.delete(&format!("{COHORTS}{waits}/")).await.status, 200);
    assert_eq!(until_finished(&client, &waits).await["cancelled"], 1);
    app.finish().await;
}

async fn a_cohort_that_comes_while_another_is_worked_on_comes_next(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    app.operator_is(Mood::Silent);
    create(&client, "", "document\n1999000001\n").await;
    app.until_asked(1).await;
    create(&client, "", "document\n1999000002\n").await;
    app.operator_is(Mood::Status(503));
    // The clock stands still.
    app.until(|| app.asked() > 1).await;
    app.finish_with_work_left().await;
}

async fn one_request_finds_a_place_beside_a_cohort(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    app.operator_is(Mood::Silent);
    let people: String = (0..40).map(|n| format!("{}\n", 1_995_000_000 + n)).collect();
    let id = create(&client, "", &format!("document\n{people}")).await;
    app.until_asked(6).await;
    let request = crate::support::link_request("1999000001", json!({}));
    let other = client.post("/api/links/", &request);
    let helped = async {
        app.until(|| app.asked() == 7).await;
        app.operator_is(Mood::Helpful);
    };
    let (other, ()) = tokio::join!(other, helped);
    assert_eq!(other.status, 201, "{}", other.body);
    let cohort = ended(&app, &client, &id).await;
    assert_eq!(cohort["waiting"], 0);
    assert_eq!(cohort["ok"].as_i64().unwrap() + cohort["no_data"].as_i64().unwrap(), 40);
    app.finish().await;
}

async fn a_process_that_ends_leaves_the_rest_to_the_next(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    let people: String = (0..300).map(|n| format!("{}\n", 1_995_000_000 + n)).collect();
    let id = create(&app.sandbox(), "?webhooks=end", &format!("document\n{people}")).await;
    app.until_asked(100).await;
    app.stop_runner().await;
    let mut app = app.restart().await;
    let left = shown(&app.sandbox(), &id).await["waiting"].as_i64().unwrap();
    assert!(left > 0, "it was over before the process was");
    app.start_runner().await;
    let client = app.sandbox();
    let cohort = ended(&app, &client, &id).await;
    let made = cohort["ok"].as_i64().unwrap();
    assert_eq!(made + cohort["no_data"].as_i64().unwrap(), 300, "{cohort}");
    let links = client.get("/api/links/?page_size=1").await.json();
    assert_eq!(links["count"], made, "no row made two links");
    app.finish().await;
}

async fn a_cohort_is_closed_to_other_workspaces(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let id = create(&app.sandbox(), "", "document\n1999000001\n").await;
    ended(&app, &app.sandbox(), &id).await;
    let other = app.production();
    for path in [format!("{COHORTS}{id}/"), format!("{COHORTS}{id}/results/")] {
        assert_eq!(other.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(other.delete(&format!("{COHORTS}{id}/")).await.status, 404);
    assert!(other.results(COHORTS).await.is_empty());
    app.finish().await;
}
