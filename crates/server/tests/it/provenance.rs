//! Where the months of an employment come from.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use vinculo_store::Environment::Production;

use crate::support::{Answer, Client, TestApp, TestDatabase, on_both_databases};

on_both_databases!(
    months_of_an_operator_tell_the_question_that_was_asked,
    months_of_planillas_tell_file_and_line,
    a_change_since_the_load_is_told,
    an_employment_that_nothing_proves_any_more_has_no_months,
    months_go_on_to_match_as_time_passes,
    what_is_not_there_or_not_ones_own_is_not_found,
    a_widget_token_does_not_open_it,
);

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../pila/tests/samples/", $name)).as_slice()
    };
}

const OCTOBER: &[u8] = sample!("01-nandu-E-2025-10.txt");
const NOVEMBER: &[u8] = sample!("02-nandu-E-2025-11.txt");
const NOVEMBER_CORRECTED: &[u8] = sample!("06-nandu-N-2025-11.txt");
const DECEMBER: &[u8] = sample!("03-nandu-E-2025-12.txt");
const JANUARY: &[u8] = sample!("05-nandu-E-2026-01.txt");
const FEBRUARY_UNPAID: &[u8] = sample!("08-nandu-E-2026-02-unpaid.txt");
const EXPECTED: &str = include_str!("../../../history/tests/expected/CC-1900000101.json");
const PERSON: &str = "1900000101";
const TWO_JOBS: &str = "1999000002";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn employments_of(app: &TestApp, client: &Client, username: &str) -> Vec<Value> {
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    let link = client.create_link(username, more).await;
    app.settled().await;
    let id = link["id"].as_str().unwrap();
    client.results(&format!("/api/co/employments/?link={id}")).await
}

fn path(employment: &Value) -> String {
    format!("/manage/v1/employments/{}/provenance/", employment["id"].as_str().unwrap())
}

async fn told(client: &Client, employment: &Value) -> Value {
    let answer = client.get(&path(employment)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap()
}

fn month<'a>(provenance: &'a Value, month: &str) -> &'a Value {
    let found = list(provenance, "months").iter().find(|told| told["month"] == month);
    found.unwrap_or_else(|| panic!("no {month} in {provenance}"))
}

/// One member of every line of a month.
fn each<'a>(month: &'a Value, name: &str) -> Vec<&'a Value> {
    list(month, "lines").iter().map(|line| &line[name]).collect()
}

/// Sum of the pension bases that enter the gross.
fn counted_bases(month: &Value) -> i64 {
    let counted = list(month, "lines").iter().filter(|line| line["counts_in_gross"] == true);
    counted.map(|line| line["bases"]["pension"].as_i64().unwrap()).sum()
}

/// Amounts and months are those of the employment.
fn assert_tells(provenance: &Value, employment: &Value) {
    assert_eq!(provenance["employment"], employment["id"]);
    for same in ["link", "collected_at"] {
        assert_eq!(provenance[same], employment[same]);
    }
    assert_eq!(provenance["matches_employment"], true);
    assert_eq!(provenance["tenure"]["months"], employment["employer_data"]["tenure"]);
    let (told, shown) =
        (list(provenance, "months"), list(employment, "salary_and_benefit_details"));
    assert_eq!(told.len(), shown.len());
    for (told, shown) in told.iter().zip(shown) {
        for same in ["month", "gross_amount", "net_amount"] {
            assert_eq!(told[same], shown[same]);
        }
        assert!(!list(told, "lines").is_empty());
    }
}

async fn months_of_an_operator_tell_the_question_that_was_asked(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let employments = employments_of(&app, &client, TWO_JOBS).await;
    assert_eq!(employments.len(), 2);
    let asked_at = employments[0]["collected_at"].clone();
    app.advance(Duration::from_secs(60));
    let mut calls = Vec::new();
    for employment in &employments {
        let provenance = told(&client, employment).await;
        assert_tells(&provenance, employment);
        assert_ne!(provenance["projected_at"], provenance["collected_at"]);
        for month in list(&provenance, "months") {
            assert!(list(month, "notes").contains(&json!("net_estimated")), "{month}");
            for line in list(month, "lines") {
                assert_eq!(line["source"], "sandbox");
                assert_eq!((&line["read_at"], &line["import"]), (&asked_at, &Value::Null));
                assert_eq!((&line["role"], &line["paid"]), (&json!("counted"), &json!(true)));
                calls.push(line["source_call"].as_str().unwrap().parse::<Uuid>().unwrap());
            }
            assert_eq!(counted_bases(month), month["gross_amount"].as_i64().unwrap());
        }
        let places = list(&provenance, "months").iter().flat_map(|month| each(month, "line"));
        let mut places: Vec<_> = places.map(|place| place.as_u64().unwrap()).collect();
        let all = places.len();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), all, "each month has lines of its own");
    }
    calls.dedup();
    assert_eq!((calls.len(), app.asked()), (1, 1), "one question, and no other for this");
    app.finish().await;
}

async fn months_of_planillas_tell_file_and_line(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut imports = Vec::new();
    for file in [OCTOBER, NOVEMBER, NOVEMBER_CORRECTED, DECEMBER, JANUARY, FEBRUARY_UNPAID] {
        imports.push(json!(app.import(Production, file).await.id));
        app.advance(Duration::from_secs(1));
    }
    let client = app.production();
    let employment = employments_of(&app, &client, PERSON).await.remove(0);
    let provenance = told(&client, &employment).await;
    assert_tells(&provenance, &employment);
    assert_as_expected(&provenance);

    let october = month(&provenance, "2025-10");
    assert_eq!(each(october, "source"), ["planillas"]);
    assert_eq!(
        (each(october, "import"), each(october, "source_call")),
        (vec![&imports[0]], vec![&Value::Null])
    );
    let file = String::from_utf8_lossy(OCTOBER);
    assert!(file.contains(each(october, "planilla_number")[0].as_str().unwrap()));
    assert!(file.contains(each(october, "paid_on")[0].as_str().unwrap()));

    let november = month(&provenance, "2025-11");
    let by_role = |role: &str| {
        let lines = list(november, "lines").iter().filter(|line| line["role"] == role);
        lines.collect::<Vec<_>>()
    };
    let (taken_back, leave) = (by_role("corrected"), by_role("unpaid_leave"));
    let (counted, as_paid) = (by_role("counted"), by_role("as_paid"));
    assert!(taken_back.iter().all(|line| line["import"] == imports[1]));
    let correction = [counted.as_slice(), &leave, &as_paid].concat();
    let is_corrected = |line: &Value| line["import"] == imports[2] && line["planilla_type"] == "N";
    assert!(correction.iter().all(|line| is_corrected(line)));
    let places = |lines: &[&Value]| {
        lines.iter().map(|line| line["line"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(places(&as_paid), [1, 2], "the lines marked A in the file");
    assert_eq!((places(&counted), places(&leave)), (vec![3], vec![4]), "those marked C");
    assert_eq!(places(&taken_back).len(), 2);
    for line in list(november, "lines") {
        assert_eq!(line["counts_in_gross"], line["role"] == "counted", "{line}");
    }
    assert_eq!(counted_bases(november), november["gross_amount"].as_i64().unwrap());

    let draft = month(&provenance, "2026-02");
    assert_eq!(each(draft, "import"), [&imports[5]]);
    for (name, value) in
        [("planilla_number", Value::Null), ("paid_on", Value::Null), ("paid", json!(false))]
    {
        assert_eq!(each(draft, name), [&value], "{name}");
    }
    assert_eq!(each(draft, "counts_in_gross"), [&json!(true)]);
    app.finish().await;
}

/// What the mapping says of this person's months.
fn assert_as_expected(provenance: &Value) {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let expected = &expected["provenance"]["employers"][0];
    let tenure = &provenance["tenure"];
    assert_eq!(tenure["since"], expected["continuous_since"]);
    assert_eq!(tenure["months_contributed"], expected["months_contributed"]);
    assert_eq!(tenure["is_lower_bound"], true, "no line marks the start");
    for stated in list(expected, "months") {
        let told = month(provenance, stated["month"].as_str().unwrap());
        for same in ["days", "paid", "notes"] {
            assert_eq!(told[same], stated[same], "{same} of {}", stated["month"]);
        }
        let counts =
            |line: &&Value| ["counted", "unpaid_leave"].contains(&line["role"].as_str().unwrap());
        assert_eq!(
            list(told, "lines").iter().filter(counts).count(),
            stated["lines"].as_u64().unwrap() as usize
        );
    }
}

async fn set_drafts(client: &Client, shown: bool) {
    let change = json!({ "include_drafts": shown });
    assert_eq!(client.patch("/manage/v1/settings/", &change).await.status, 200);
}

async fn a_change_since_the_load_is_told(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.import(Production, JANUARY).await;
    app.import(Production, FEBRUARY_UNPAID).await;
    let client = app.production();
    let employment = employments_of(&app, &client, PERSON).await.remove(0);
    let before = told(&client, &employment).await;
    assert_eq!(before["matches_employment"], true);

    // The setting holds from the next load on: the employment still shows the draft.
    set_drafts(&client, false).await;
    let after = told(&client, &employment).await;
    assert_eq!(after["matches_employment"], false);
    let months = |provenance: &Value| {
        list(provenance, "months").iter().map(|month| month["month"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (months(&before), months(&after)),
        (vec![json!("2026-02"), json!("2026-01")], vec![json!("2026-01")])
    );
    assert_eq!(month(&before, "2026-01"), month(&after, "2026-01"));

    set_drafts(&client, true).await;
    assert_eq!(told(&client, &employment).await["matches_employment"], true);
    // A link that is kept right follows an import at once, and so does what is told.
    app.import(Production, DECEMBER).await;
    let detail = format!("/api/co/employments/{}/", employment["id"].as_str().unwrap());
    let employment = client.get(&detail).await.json();
    let followed = told(&client, &employment).await;
    assert_tells(&followed, &employment);
    assert_eq!(followed["tenure"]["since"], "2025-12");
    app.finish().await;
}

async fn an_employment_that_nothing_proves_any_more_has_no_months(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.import(Production, FEBRUARY_UNPAID).await;
    let client = app.production();
    let employment = employments_of(&app, &client, PERSON).await.remove(0);
    set_drafts(&client, false).await;
    let provenance = told(&client, &employment).await;
    assert_eq!((&provenance["tenure"], &provenance["months"]), (&Value::Null, &json!([])));
    assert_eq!(provenance["matches_employment"], false);
    app.finish().await;
}

async fn months_go_on_to_match_as_time_passes(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let employment = employments_of(&app, &client, TWO_JOBS).await.remove(0);
    app.advance(70 * DAY);
    let provenance = told(&client, &employment).await;
    assert_tells(&provenance, &employment);
    app.finish().await;
}

async fn what_is_not_there_or_not_ones_own_is_not_found(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let not_found = |answer: Answer| {
        assert_eq!((answer.status, answer.codes()), (404, vec!["not_found".to_owned()]));
    };
    let employments = employments_of(&app, &client, TWO_JOBS).await;
    let other = app.production();
    not_found(other.get(&path(&employments[0])).await);
    for unknown in [Uuid::nil().to_string(), "somebody".to_owned()] {
        not_found(client.get(&format!("/manage/v1/employments/{unknown}/provenance/")).await);
    }
    assert_eq!(app.stranger().get(&path(&employments[0])).await.status, 401);

    // What was loaded for a link is erased after a year.
    app.advance(366 * DAY);
    app.settled().await;
    not_found(client.get(&path(&employments[0])).await);

    let employments = employments_of(&app, &client, TWO_JOBS).await;
    let link = format!("/api/links/{}/", employments[0]["link"].as_str().unwrap());
    assert_eq!(client.delete(&link).await.status, 204);
    for employment in &employments {
        not_found(client.get(&path(employment)).await);
    }
    app.finish().await;
}

async fn a_widget_token_does_not_open_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let employment = employments_of(&app, &app.sandbox(), TWO_JOBS).await.remove(0);
    let request = json!({ "scopes": "read_institutions,write_links,read_links" });
    let tokens = app.sandbox().post("/api/token/", &request).await.json();
    let client = app.stranger();
    let request = client.request(Method::GET, &path(&employment));
    let answer = client.send(request.bearer_auth(tokens["access"].as_str().unwrap())).await;
    assert_eq!(
        (answer.status, answer.codes()),
        (403, vec!["access_to_resource_denied".to_owned()])
    );
    app.finish().await;
}
