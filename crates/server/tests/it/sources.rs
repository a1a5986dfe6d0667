//! Several sources: their order, what becomes of what they say, what happens when they fail, and what
//! they cost.

use std::time::Duration;

use serde_json::{Value, json};
use vinculo_server::config::{Config, SourceConfig};
use vinculo_server::sources::{BilledOn, SourceTerms};
use vinculo_sources::ServiceConfig;
use vinculo_sources::ach::AchConfig;
use vinculo_sources::mareigua::MareiguaConfig;
use vinculo_store::Environment::Production;

use crate::cohorts;
use crate::support::{
    Answer, Client, Says, Service, Setup, TestApp, TestDatabase, link_request, look_again,
    on_both_databases, soon,
};

on_both_databases!(
    calls_of_a_link_are_told_with_their_answers,
    sources_are_asked_in_order_until_one_has_everything,
    what_all_sources_say_is_merged,
    a_source_that_hangs_does_not_keep_the_next_from_answering,
    a_question_that_is_turned_away_is_asked_once_more,
    who_asks_about_a_person_at_the_same_time_shares_the_answer,
    nobody_waits_longer_for_the_answer_of_another_than_a_source_may_take,
    a_source_that_fails_is_given_a_pause,
    a_source_that_asks_to_be_left_alone_is_left_alone,
    why_a_source_answers_nothing_is_told,
    calls_of_a_refused_update_are_told_at_the_link,
    what_was_noticed_in_an_answer_is_told_with_it,
    questions_that_hang_leave_room_for_others,
    refused_credentials_are_an_alarm_and_no_fault_of_the_link,
    a_daily_cap_is_waited_for_until_the_next_day,
    a_source_is_asked_at_its_pace,
    an_answer_that_makes_no_sense_is_asked_for_three_times,
    a_month_has_a_budget,
    a_paid_answer_is_used_again,
    what_was_said_before_a_newer_answer_is_over,
    an_answer_of_an_earlier_attempt_is_not_paid_twice,
    a_row_asks_a_source_once_that_has_answered,
    odd_months_of_usage_are_refused,
);

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../pila/tests/samples/", $name)).as_slice()
    };
}

const OCTOBER: &[u8] = sample!("01-nandu-E-2025-10.txt");
const NOVEMBER: &[u8] = sample!("02-nandu-E-2025-11.txt");
/// In the planillas above.
const PERSON: &str = "1900000101";
const OTHER: &str = "1900500002";

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Rows of *Consultas PILA* about a person: payer, month, base.
fn rows(person: &str, months: &[(&str, &str, i64)]) -> Says {
    let row = |&(payer, month, base): &(&str, &str, i64)| {
        json!({
            "razonSocial": "TALLER EJEMPLO S.A.S.", "tipoDocumentoAportante": "NI",
            "numeroDocumentoAportante": payer, "tipoDocumentoUsuario": "CC",
            "numeroDocumentoUsuario": person, "primerNombre": "PERSONA",
            "primerApellido": "EJEMPLO", "periodoCotizacion": month, "codTipoCotizante": "1",
            "codTipoPlanilla": "E", "salarioBasico": base, "ingresoBaseCotizacionPension": base,
            "ingresoBaseCotizacionSalud": base, "ingresoBaseCotizacionSubFamiliar": base
        })
    };
    Says::json(&json!(months.iter().map(row).collect::<Vec<_>>()))
}

fn one_job(person: &str) -> Says {
    rows(person, &[("999500101", "2026-10", 3_000_000)])
}

fn ach(service: &Service) -> SourceConfig {
    SourceConfig::Ach(Box::new(AchConfig::new(&service.url)))
}

/// An application whose production asks these sources, on these terms for `ach`.
async fn start(
    database: TestDatabase,
    production: Vec<SourceConfig>,
    terms: impl Fn(&mut SourceTerms) + Send + Sync + 'static,
) -> TestApp {
    let configure = move |config: &mut Config| {
        config.production.clone_from(&production);
        let mut of_ach = SourceTerms::shipped("ach");
        terms(&mut of_ach);
        config.source_terms.insert("ach".to_owned(), of_ach);
        // By real time: no question ends because the machine is busy.
        config.check_timeout = Duration::from_secs(60);
    };
    Setup::new(database).configure(configure).start().await
}

async fn register(client: &Client, person: &str, mode: &str) -> Answer {
    let more = json!({ "access_mode": mode, "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
    client.post("/api/links/", &link_request(person, more)).await
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

async fn employments(client: &Client, link: &Value) -> Vec<Value> {
    client.results(&format!("/api/co/employments/?link={}", id(link))).await
}

async fn calls(client: &Client, link: &Value) -> Vec<Value> {
    client.results(&format!("/manage/v1/links/{}/source-calls/", id(link))).await
}

async fn refresh(client: &Client, link: &Value) {
    let path = format!("/api/links/{}/refresh/", id(link));
    assert_eq!(client.post(&path, &json!({})).await.status, 202);
}

async fn source(client: &Client, name: &str) -> Value {
    let all = client.results("/manage/v1/sources/").await;
    all.into_iter().find(|source| source["name"] == name).expect("no such source")
}

async fn institution(client: &Client) -> Value {
    client.results("/api/institutions/").await[0]["status"].clone()
}

/// Month to gross, of every employment.
fn grosses(employments: &[Value]) -> Vec<(String, i64)> {
    let rows = employments.iter().flat_map(|employment| {
        employment["salary_and_benefit_details"].as_array().unwrap().iter().map(|row| {
            (row["month"].as_str().unwrap().to_owned(), row["gross_amount"].as_i64().unwrap())
        })
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

async fn calls_of_a_link_are_told_with_their_answers(database: TestDatabase) {
    let service = Service::start(one_job(OTHER)).await;
    let app = start(database, vec![SourceConfig::Planillas, ach(&service)], |terms| {
        terms.price = 1_200;
    })
    .await;
    let client = app.production();
    let link = register(&client, OTHER, "single").await.json();
    app.settled().await;
    app.advance(HOUR);
    service.says(Says::Answer(404, "<html>\u{f1}</html>".to_owned()));
    refresh(&client, &link).await;
    app.until(|| service.asked() == 2).await;
    app.until_job_is_postponed().await;
    service.says(one_job(OTHER));
    app.advance(HOUR);
    app.settled().await;

    let all = calls(&client, &link).await;
    let told: Vec<_> = all.iter().map(|c| (&c["source"], &c["purpose"], &c["outcome"])).collect();
    let expected = [
        ("ach", "load", "resolved"),
        ("ach", "load", "fault"),
        ("planillas", "load", "no_data"),
        ("ach", "check", "resolved"),
        ("planillas", "check", "no_data"),
    ]
    .map(|(source, purpose, outcome)| (json!(source), json!(purpose), json!(outcome)));
    let expected: Vec<_> = expected.iter().map(|(a, b, c)| (a, b, c)).collect();
    assert_eq!(told, expected);
    let costs: Vec<_> = all.iter().map(|call| call["cost"].as_i64().unwrap()).collect();
    assert_eq!(costs, [1_200, 0, 0, 1_200, 0]);
    assert_eq!((&all[1]["http_status"], &all[1]["billed"]), (&json!(404), &json!("unknown")));

    let at = |call: &Value| format!("/manage/v1/links/{}/source-calls/{}/", id(&link), id(call));
    let answer = client.get(&at(&all[0])).await.json();
    assert_eq!(answer["payload"]["content_type"], "application/json");
    let Says::Answer(_, said) = one_job(OTHER) else { panic!("nothing said") };
    assert_eq!(answer["payload"]["text"], said, "as received");
    let fault = client.get(&at(&all[1])).await.json();
    assert_eq!(fault["payload"]["text"], "<html>\u{f1}</html>");
    assert_eq!(client.get(&at(&all[2])).await.json()["payload"], Value::Null);
    assert_eq!(app.sandbox().get(&at(&all[0])).await.status, 404);
    let path = format!("/manage/v1/links/{}/source-calls/?page_size=2&page=3", id(&link));
    let page = client.get(&path).await.json();
    assert_eq!((&page["count"], page["results"].as_array().unwrap().len()), (&json!(5), 1));

    assert_eq!(client.delete(&format!("/api/links/{}/", id(&link))).await.status, 204);
    assert_eq!(client.get(&at(&all[0])).await.status, 404);
    app.finish().await;
}

async fn sources_are_asked_in_order_until_one_has_everything(database: TestDatabase) {
    let service = Service::start(one_job(OTHER)).await;
    let app = start(database, vec![SourceConfig::Planillas, ach(&service)], |_| ()).await;
    let client = app.production();
    app.import(Production, OCTOBER).await;
    assert_eq!(register(&client, PERSON, "single").await.status, 201);
    assert_eq!(service.asked(), 0, "the planillas know the person");
    assert_eq!(register(&client, OTHER, "single").await.status, 201);
    app.settled().await;
    assert_eq!(service.asked(), 1, "once, for the check and the load");
    let names = client.results("/manage/v1/sources/").await;
    let names: Vec<_> = names.iter().map(|s| (s["name"].clone(), s["position"].clone())).collect();
    assert_eq!(names, [(json!("planillas"), json!(1)), (json!("ach"), json!(2))]);
    app.finish().await;
}

async fn what_all_sources_say_is_merged(database: TestDatabase) {
    let nandu = "990100217";
    let said = rows(
        PERSON,
        &[
            (nandu, "2025-09", 2_000_000),
            (nandu, "2025-10", 9_000_000),
            ("999500101", "2025-11", 1_500_000),
        ],
    );
    let service = Service::start(said).await;
    let app = start(database, vec![SourceConfig::Planillas, ach(&service)], |_| ()).await;
    let client = app.production();
    for file in [OCTOBER, NOVEMBER] {
        app.import(Production, file).await;
    }
    let alone = register(&client, PERSON, "single").await.json();
    app.settled().await;
    let of_planillas = grosses(&employments(&client, &alone).await);
    assert_eq!(of_planillas.len(), 2);

    let all = json!({ "source_policy": "all" });
    assert_eq!(client.patch("/manage/v1/settings/", &all).await.status, 200);
    let link = register(&client, PERSON, "recurrent").await.json();
    app.settled().await;
    assert_eq!(service.asked(), 1);
    let merged = employments(&client, &link).await;
    let mut expected = of_planillas.clone();
    expected.extend([("2025-09".to_owned(), 2_000_000), ("2025-11".to_owned(), 1_500_000)]);
    expected.sort();
    assert_eq!(grosses(&merged), expected, "no month is lost, and none counts twice");

    let first = merged.iter().find(|e| e["employer_data"]["id_number"] == 990_100_217).unwrap();
    let path = format!("/manage/v1/employments/{}/provenance/", id(first));
    let provenance = client.get(&path).await.json();
    let months = provenance["months"].as_array().unwrap();
    let sources: Vec<_> = months.iter().map(|m| (&m["month"], &m["source"])).collect();
    let words =
        ["2025-11", "planillas", "2025-10", "planillas", "2025-09", "ach"].map(|w| json!(w));
    assert_eq!(sources, [(&words[0], &words[1]), (&words[2], &words[3]), (&words[4], &words[5])]);
    let october = &months[1];
    assert!(october["notes"].as_array().unwrap().contains(&json!("sources_disagree")));
    let lines: Vec<_> = october["lines"].as_array().unwrap().iter().collect();
    let roles: Vec<_> = lines.iter().map(|line| (&line["source"], &line["role"])).collect();
    assert!(roles.contains(&(&json!("planillas"), &json!("counted"))), "{roles:?}");
    assert!(roles.contains(&(&json!("ach"), &json!("other_source"))), "{roles:?}");

    // The same said again changes nothing.
    app.advance(HOUR);
    refresh(&client, &link).await;
    app.settled().await;
    assert_eq!(service.asked(), 2);
    let again = employments(&client, &link).await;
    assert_eq!(grosses(&again), expected);
    assert_eq!(again.iter().map(id).collect::<Vec<_>>(), merged.iter().map(id).collect::<Vec<_>>());
    app.finish().await;
}

async fn a_source_that_hangs_does_not_keep_the_next_from_answering(database: TestDatabase) {
    let service = Service::start(Says::Nothing).await;
    let production = vec![ach(&service), SourceConfig::Planillas];
    let configure = move |config: &mut Config| {
        config.production.clone_from(&production);
        config.check_timeout = Duration::from_millis(100);
        config.load_timeout = Duration::from_millis(100);
    };
    let app = Setup::new(database).configure(configure).start().await;
    app.import(Production, OCTOBER).await;
    let client = app.production();
    let link = register(&client, PERSON, "single").await.json();
    app.settled().await;
    assert_eq!(employments(&client, &link).await.len(), 1);
    let told = calls(&client, &link).await;
    let told: Vec<_> = told.iter().map(|call| (&call["source"], &call["reason"])).collect();
    assert_eq!(told[1], (&json!("ach"), &json!("timeout")));
    let unknown = register(&client, OTHER, "single").await;
    assert_eq!(unknown.codes(), ["institution_down"], "it may be known where nobody could ask");
    app.finish().await;
}

async fn a_question_that_is_turned_away_is_asked_once_more(database: TestDatabase) {
    let service = Service::start(one_job(OTHER)).await;
    let app = start(database, vec![ach(&service)], |terms| terms.price = 1_000).await;
    let client = app.production();
    service.says_once(Says::status(503));
    let link = register(&client, OTHER, "single").await.json();
    app.settled().await;
    assert_eq!((employments(&client, &link).await.len(), service.asked()), (1, 2));
    let told = calls(&client, &link).await;
    let told: Vec<_> = told.iter().map(|c| (&c["outcome"], &c["billed"], &c["cost"])).collect();
    let (data, later) = (json!("resolved"), json!("retry_later"));
    let (yes, unknown) = (json!("yes"), json!("unknown"));
    assert_eq!(told, [(&data, &yes, &json!(1_000)), (&later, &unknown, &json!(0))]);
    // That there is nothing is an answer too.
    service.says(Says::status(404));
    service.says_once(Says::status(503));
    assert_eq!(register(&client, PERSON, "single").await.codes(), ["login_error"]);
    assert_eq!(service.asked(), 4);
    // Whatever else it says may have cost something, or is asked for later.
    for (status, code) in [(502, "institution_down"), (500, "login_error")] {
        let before = service.asked();
        service.says_once(Says::status(status));
        assert_eq!(register(&client, PERSON, "single").await.codes(), [code]);
        assert_eq!(service.asked(), before + 1, "{status}");
    }
    service.says_once(Says::Later(503, 30));
    assert_eq!(register(&client, PERSON, "single").await.codes(), ["institution_down"]);
    assert_eq!(service.asked(), 7);
    app.finish().await;
}

async fn who_asks_about_a_person_at_the_same_time_shares_the_answer(database: TestDatabase) {
    let service = Service::start(Says::Nothing).await;
    let app = start(database, vec![ach(&service)], |terms| {
        terms.price = 1_000;
        // For those that come when the first has its answer already.
        terms.reuse = DAY;
    })
    .await;
    let twins = |number: usize| -> Vec<_> {
        let register = || {
            let client = app.production();
            tokio::spawn(async move { register(&client, OTHER, "single").await })
        };
        (0..number).map(|_| register()).collect()
    };
    let waiting = twins(20);
    service.until_waiting(1).await;
    service.says(Says::status(401));
    for twin in waiting {
        assert_eq!(twin.await.unwrap().codes(), ["institution_inactive"], "nobody waits for ever");
    }
    app.advance(HOUR);
    service.says(Says::Nothing);
    let before = service.asked();
    let waiting = twins(20);
    service.until_waiting(1).await;
    service.says(one_job(OTHER));
    let mut links = Vec::new();
    for twin in waiting {
        links.push(twin.await.unwrap().json());
    }
    assert_eq!(service.asked(), before + 1);
    app.settled().await;
    let client = app.production();
    for link in &links {
        assert_eq!(grosses(&employments(&client, link).await).len(), 1);
    }
    let used = client.results("/manage/v1/usage/").await;
    let paid: Vec<_> = used.iter().filter(|usage| usage["cost"] != 0).collect();
    assert_eq!((paid.len(), &paid[0]["calls"]), (1, &json!(1)));
    app.finish().await;
}

async fn nobody_waits_longer_for_the_answer_of_another_than_a_source_may_take(
    database: TestDatabase,
) {
    let service = Service::start(Says::Nothing).await;
    let app = start(database, vec![ach(&service)], |_| {}).await;
    let twins = [(); 2].map(|()| {
        let client = app.production();
        tokio::spawn(async move { register(&client, OTHER, "single").await })
    });
    service.until_waiting(1).await;
    soon("a question of one's own", async {
        while service.waiting() < 2 {
            // In small steps: a question that was let go has time of its own left.
            app.advance(app.app.config().check_timeout / 60);
            look_again().await;
        }
    })
    .await;
    service.says(one_job(OTHER));
    for twin in twins {
        assert_eq!(twin.await.unwrap().status, 201);
    }
    app.settled().await;
    app.finish().await;
}

async fn a_source_that_fails_is_given_a_pause(database: TestDatabase) {
    let service = Service::start(Says::status(503)).await;
    let app = start(database, vec![ach(&service)], |terms| {
        terms.breaker.failures = 3;
        terms.breaker.pause = Duration::from_secs(30);
    })
    .await;
    let client = app.production();
    for asked in [2, 3, 3, 3, 3] {
        let answer = register(&client, OTHER, "single").await;
        assert_eq!((answer.codes(), service.asked()), (vec!["institution_down".to_owned()], asked));
    }
    assert_eq!(institution(&client).await, "down");
    assert_eq!(client.get("/api/institutions/4001/").await.json()["status"], "down");
    assert_eq!(institution(&app.sandbox()).await, "healthy", "another environment");
    let told = source(&client, "ach").await;
    assert_eq!((&told["breaker"], &told["cause"]), (&json!("open"), &json!("down")));
    assert_eq!(told["paused_until"], "2026-11-24T12:00:30.000000Z");
    assert_eq!(told["last_outcomes"][0]["outcome"], "retry_later");

    app.advance(Duration::from_secs(30));
    assert_eq!(source(&client, "ach").await["breaker"], "half_open");
    // A kind of document that it does not take is no sign of life.
    let more = json!({ "access_mode": "single", "username_type": "PT" });
    let refused = client.post("/api/links/", &link_request("199900", more)).await;
    assert_eq!((refused.codes(), service.asked()), (vec!["login_error".to_owned()], 3));
    assert_eq!(source(&client, "ach").await["breaker"], "half_open");
    assert_eq!(register(&client, OTHER, "single").await.codes(), ["institution_down"]);
    assert_eq!(service.asked(), 4, "one probe");
    assert_eq!(source(&client, "ach").await["paused_until"], "2026-11-24T12:01:30.000000Z");

    app.advance(Duration::from_secs(60));
    service.says(one_job(OTHER));
    assert_eq!(register(&client, OTHER, "single").await.status, 201);
    assert_eq!(source(&client, "ach").await["breaker"], "closed");
    assert_eq!(institution(&client).await, "healthy");
    app.settled().await;
    app.finish().await;
}

async fn a_source_that_asks_to_be_left_alone_is_left_alone(database: TestDatabase) {
    let service = Service::start(Says::Later(429, 120)).await;
    let app = start(database, vec![ach(&service)], |_| ()).await;
    let client = app.production();
    for person in [OTHER, OTHER, PERSON] {
        let refused = register(&client, person, "single").await;
        assert_eq!(refused.codes(), ["institution_unavailable"]);
        assert_eq!(service.asked(), 1);
    }
    let told = source(&client, "ach").await;
    assert_eq!((&told["breaker"], &told["cause"]), (&json!("closed"), &json!("retry_after")));
    assert_eq!(told["paused_until"], "2026-11-24T12:02:00.000000Z");
    app.advance(Duration::from_secs(120));
    assert_eq!(source(&client, "ach").await["paused_until"], Value::Null);

    // Nobody is left alone for longer than a pause may be.
    service.says(Says::Later(503, 86_400));
    assert_eq!(register(&client, OTHER, "single").await.codes(), ["institution_down"]);
    assert_eq!(source(&client, "ach").await["paused_until"], "2026-11-24T12:12:00.000000Z");
    app.advance(Duration::from_secs(600));
    service.says(one_job(OTHER));
    assert_eq!(register(&client, OTHER, "single").await.status, 201);
    assert_eq!(service.asked(), 3);
    app.settled().await;
    app.finish().await;
}

async fn why_a_source_answers_nothing_is_told(database: TestDatabase) {
    let service = Service::start(Says::status(503)).await;
    let mut closed = MareiguaConfig::new(ServiceConfig::new("http://127.0.0.1:9"), 1);
    closed.service.timeout = Duration::from_secs(2);
    let production = vec![ach(&service), SourceConfig::Mareigua(Box::new(closed))];
    let app = start(database, production, |terms| terms.breaker.failures = 9).await;
    let client = app.production();
    assert_eq!(source(&client, "ach").await["unanswered"], Value::Null);
    for wait in [10, 0] {
        register(&client, OTHER, "single").await;
        app.advance(Duration::from_secs(wait));
    }
    let told = json!({
        "since": "2026-11-24T12:00:00.000000Z", "outcome": "retry_later", "reason": "upstream_down",
        "http_status": 503,
    });
    assert_eq!(source(&client, "ach").await["unanswered"], told);
    let told = source(&client, "mareigua").await["unanswered"].clone();
    assert_eq!((&told["reason"], &told["http_status"]), (&json!("upstream_down"), &Value::Null));
    // The same source, for another reason, since the same time.
    service.says(Says::status(401));
    register(&client, OTHER, "single").await;
    let told = source(&client, "ach").await["unanswered"].clone();
    assert_eq!((&told["outcome"], &told["http_status"]), (&json!("not_authorized"), &json!(401)));
    assert_eq!(told["since"], "2026-11-24T12:00:00.000000Z");
    service.says(Says::status(404));
    register(&client, OTHER, "single").await;
    assert_eq!(source(&client, "ach").await["unanswered"], Value::Null);
    app.finish().await;
}

async fn calls_of_a_refused_update_are_told_at_the_link(database: TestDatabase) {
    let service = Service::start(one_job(OTHER)).await;
    let app = start(database, vec![ach(&service)], |terms| terms.price = 1_000).await;
    let client = app.production();
    let link = register(&client, OTHER, "single").await.json();
    app.settled().await;
    service.says(Says::status(404));
    let path = format!("/api/links/{}/", id(&link));
    assert_eq!(client.put(&path, &json!({})).await.codes(), ["login_error"]);
    let told = calls(&client, &link).await;
    let told: Vec<_> = told.iter().map(|c| (&c["purpose"], &c["outcome"], &c["cost"])).collect();
    let (check, cost) = (json!("check"), json!(1_000));
    let (nothing, data) = (json!("no_data"), json!("resolved"));
    assert_eq!(told, [(&check, &nothing, &cost), (&check, &data, &cost)]);
    app.finish().await;
}

async fn what_was_noticed_in_an_answer_is_told_with_it(database: TestDatabase) {
    let months = [("999500101", "2026-10", 3_000_000), ("999500101", "2026-99", 3_000_000)];
    let service = Service::start(rows(OTHER, &months)).await;
    let app = start(database, vec![ach(&service)], |_| ()).await;
    let client = app.production();
    let link = register(&client, OTHER, "single").await.json();
    app.settled().await;
    let call = calls(&client, &link).await.remove(0);
    let path = format!("/manage/v1/links/{}/source-calls/{}/", id(&link), id(&call));
    let answer = client.get(&path).await.json();
    assert_eq!(answer["payload"]["complete"], false);
    assert_eq!(answer["payload"]["notes"], json!(["period_not_readable"]));
    app.finish().await;
}

async fn questions_that_hang_leave_room_for_others(database: TestDatabase) {
    let service = Service::start(one_job(OTHER)).await;
    let production = vec![ach(&service)];
    let configure = move |config: &mut Config| {
        config.production.clone_from(&production);
        config.runner.jobs = 6;
        let terms = SourceTerms { at_once: 4, ..SourceTerms::shipped("ach") };
        config.source_terms.insert("ach".to_owned(), terms);
    };
    let app = Setup::new(database).configure(configure).start().await;
    let client = app.production();
    let mut links = Vec::new();
    for _ in 0..10 {
        links.push(register(&client, OTHER, "recurrent").await.json());
    }
    app.settled().await;
    assert_eq!(service.asked(), 10);
    service.says(Says::Nothing);
    app.advance(HOUR);
    // More than there are places for jobs.
    for link in &links {
        refresh(&client, link).await;
    }
    service.until_waiting(4).await;
    let other = app.sandbox();
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    let healthy = other.create_link("1999000001", more).await;
    app.until_loaded(&other, &healthy).await;
    assert_eq!(source(&client, "ach").await["in_flight"], 4);
    assert_eq!(service.asked(), 14, "no more than may be asked at once");
    app.until_nothing_is_due().await;
    service.says(one_job(OTHER));
    app.until(|| service.asked() >= 14).await;
    app.work_off().await;
    assert_eq!(
        service.asked(),
        14,
        "what was answered meanwhile about the person serves the others"
    );
    for link in &links {
        let status = client.get(&format!("/api/links/{}/", id(link))).await.json();
        assert_eq!(status["status"], "valid");
    }
    app.finish().await;
}

async fn refused_credentials_are_an_alarm_and_no_fault_of_the_link(database: TestDatabase) {
    let service = Service::start(one_job(OTHER)).await;
    let app = start(database, vec![ach(&service)], |_| ()).await;
    let client = app.production();
    let link = register(&client, OTHER, "recurrent").await.json();
    app.settled().await;
    assert_eq!(source(&client, "ach").await["not_authorized_since"], Value::Null);
    service.says(Says::status(401));
    app.advance(HOUR);
    let since = app.now();
    refresh(&client, &link).await;
    app.until_job_is_postponed().await;
    let told = source(&client, "ach").await;
    let told = told["not_authorized_since"].as_str().unwrap().parse::<jiff::Timestamp>();
    assert_eq!(told.unwrap(), since);
    let refused = register(&client, PERSON, "single").await;
    assert_eq!(refused.codes(), ["institution_inactive"]);
    for _ in 0..3 {
        app.advance(DAY);
        app.until_job_is_postponed().await;
    }
    let path = format!("/api/links/{}/", id(&link));
    assert_eq!(client.get(&path).await.json()["status"], "valid", "the job waits for the repair");
    service.says(one_job(OTHER));
    app.work_off().await;
    assert_eq!(source(&client, "ach").await["not_authorized_since"], Value::Null);
    app.finish().await;
}

async fn a_daily_cap_is_waited_for_until_the_next_day(database: TestDatabase) {
    let answers = json!({
        "respuesta_id": 4, "tipo_identificacion_persona_natural_id": 1,
        "numero_identificacion_persona_natural": OTHER, "aportantes": [{
            "tipo_identificacion_aportante_id": 3, "numero_identificacion_aportante": "999500101",
            "resultado_pagos": [{
                "ano_periodo_validado": 2026, "mes_periodo_validado": 10, "realizo_pago": true,
                "ingresos": 3_100_000
            }]
        }]
    });
    let service = Service::start(Says::json(&answers)).await;
    let config = MareiguaConfig::new(ServiceConfig::new(&service.url), 1);
    let production = vec![SourceConfig::Mareigua(Box::new(config))];
    let app = start(database, production, |_| ()).await;
    let client = app.production();
    let link = register(&client, OTHER, "recurrent").await.json();
    app.settled().await;
    assert_eq!(grosses(&employments(&client, &link).await), [("2026-10".to_owned(), 3_100_000)]);
    service.says(Says::json(&json!({ "respuesta_id": 16 })));
    app.advance(HOUR);
    refresh(&client, &link).await;
    let due = app.until_job_is_postponed().await;
    // Midnight in Bogotá is five hours later in UTC; a minute, and up to an hour more.
    let first: jiff::Timestamp = "2026-11-25T05:01:00Z".parse().unwrap();
    assert!((first..=first + HOUR).contains(&due), "{due}");
    let call = calls(&client, &link).await.remove(0);
    assert_eq!((&call["reason"], &call["raw_code"]), (&json!("daily_cap"), &json!("16")));
    service.says(Says::json(&answers));
    app.work_off().await;
    app.finish().await;
}

async fn a_source_is_asked_at_its_pace(database: TestDatabase) {
    let service = Service::start(Says::status(404)).await;
    let app = start(database, vec![ach(&service)], |terms| terms.per_minute = 2).await;
    let client = app.production();
    for (code, asked) in [("login_error", 1), ("login_error", 2), ("institution_unavailable", 2)] {
        let refused = register(&client, OTHER, "single").await;
        assert_eq!((refused.codes(), service.asked()), (vec![code.to_owned()], asked));
    }
    assert_eq!(source(&client, "ach").await["breaker"], "closed", "our own rule is no failure");
    app.advance(Duration::from_secs(30));
    assert_eq!(register(&client, OTHER, "single").await.codes(), ["login_error"]);
    assert_eq!(service.asked(), 3);
    app.finish().await;
}

async fn an_answer_that_makes_no_sense_is_asked_for_three_times(database: TestDatabase) {
    let service = Service::start(one_job(OTHER)).await;
    let app = start(database, vec![ach(&service)], |_| ()).await;
    let client = app.production();
    let link = register(&client, OTHER, "recurrent").await.json();
    app.settled().await;
    service.says(Says::Answer(200, "<html>".to_owned()));
    app.advance(HOUR);
    refresh(&client, &link).await;
    app.work_off().await;
    assert_eq!(service.asked(), 1 + 3);
    let life = client.get(&format!("/manage/v1/links/{}/", id(&link))).await.json();
    assert_eq!((&life["status"], &life["failed_retrievals"]), (&json!("valid"), &json!(1)));
    assert_eq!(employments(&client, &link).await.len(), 1, "what was known stays");
    app.finish().await;
}

async fn a_month_has_a_budget(database: TestDatabase) {
    let service = Service::start(one_job(OTHER)).await;
    let app = start(database, vec![ach(&service)], |terms| {
        terms.price = 1_000;
        terms.billed_on = BilledOn::Call;
        terms.monthly_budget = Some(2_500);
    })
    .await;
    let client = app.production();
    let link = register(&client, OTHER, "recurrent").await.json();
    app.settled().await;
    let budget = source(&client, "ach").await["budget"].clone();
    let expected = json!({
        "month": "2026-11", "limit": 2_500, "used": 1_000, "warning": false, "used_up": false
    });
    assert_eq!(budget, expected);
    service.says(Says::status(404));
    assert_eq!(register(&client, PERSON, "single").await.codes(), ["login_error"]);
    let refused = register(&client, PERSON, "single").await;
    assert_eq!(refused.codes(), ["institution_unavailable"]);
    let message = refused.json()[0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("budget") && message.contains("2026-12-01T05:00:00"), "{message}");
    let budget = source(&client, "ach").await["budget"].clone();
    assert_eq!((&budget["warning"], &budget["used_up"]), (&json!(true), &json!(true)));
    assert_eq!(service.asked(), 2);

    app.advance(HOUR);
    refresh(&client, &link).await;
    let due = app.until_job_is_postponed().await;
    assert!(due <= app.now() + 8 * HOUR, "it may be raised: {due}");
    assert_eq!(service.asked(), 2);
    // Another process finds what was spent in the database.
    let app = app.restart().await;
    let client = app.production();
    assert_eq!(source(&client, "ach").await["budget"]["used"], 2_000);

    let used = client.results("/manage/v1/usage/").await;
    let of = |outcome: &str, cost: i64| {
        json!({
            "month": "2026-11", "source": "ach", "kind": "individual", "outcome": outcome,
            "calls": 1, "cost": cost, "people": 1
        })
    };
    assert_eq!(used, [of("no_data", 1_000), of("resolved", 1_000)]);
    assert!(app.sandbox().results("/manage/v1/usage/").await.is_empty(), "of its own workspace");

    app.advance(7 * DAY);
    assert_eq!(source(&client, "ach").await["budget"]["used"], 0, "a new month");
    service.says(one_job(OTHER));
    let mut app = app;
    app.start_runner().await;
    app.work_off().await;
    let used = client.results("/manage/v1/usage/?from=2026-11&to=2026-12").await;
    let months: Vec<_> = used.iter().map(|usage| &usage["month"]).collect();
    assert_eq!((months[0], months.last().unwrap()), (&json!("2026-12"), &&json!("2026-11")));
    // The recurrent link may have come due meanwhile.
    app.settled().await;
    app.finish().await;
}

async fn a_paid_answer_is_used_again(database: TestDatabase) {
    let service = Service::start(one_job(OTHER)).await;
    let app = start(database, vec![ach(&service)], |terms| terms.reuse = 30 * DAY).await;
    let client = app.production();
    let first = register(&client, OTHER, "single").await.json();
    app.settled().await;
    app.advance(10 * DAY);
    let second = register(&client, OTHER, "recurrent").await.json();
    app.settled().await;
    assert_eq!(service.asked(), 1);
    let (first, then) = (employments(&client, &first).await, employments(&client, &second).await);
    assert_eq!(grosses(&first), grosses(&then));
    assert_eq!(then[0]["collected_at"], first[0]["collected_at"], "its age is told");
    // A week later it is loaded on its own, from what is known.
    app.advance(7 * DAY);
    app.settled().await;
    assert_eq!(service.asked(), 1);
    // Whoever asks for something new gets it.
    refresh(&client, &second).await;
    app.settled().await;
    assert_eq!(service.asked(), 2);

    service.says(Says::status(404));
    for _ in 0..3 {
        assert_eq!(register(&client, PERSON, "single").await.codes(), ["login_error"]);
        assert_eq!(service.asked(), 3, "nobody is paid twice to say that there is nothing");
        app.advance(DAY);
        app.settled().await;
    }
    app.advance(31 * DAY);
    app.settled().await;
    let asked = service.asked();
    assert_eq!(register(&client, PERSON, "single").await.codes(), ["login_error"]);
    assert_eq!(service.asked(), asked + 1);
    app.finish().await;
}

async fn what_was_said_before_a_newer_answer_is_over(database: TestDatabase) {
    let service = Service::start(Says::status(404)).await;
    let app = start(database, vec![ach(&service)], |terms| terms.reuse = 30 * DAY).await;
    let client = app.production();
    let accept = json!({ "accept_unknown_people": true });
    assert_eq!(client.patch("/manage/v1/settings/", &accept).await.status, 200);
    let link = register(&client, OTHER, "recurrent").await.json();
    app.settled().await;
    app.advance(HOUR);
    service.says(one_job(OTHER));
    refresh(&client, &link).await;
    app.settled().await;
    assert_eq!(employments(&client, &link).await.len(), 1);
    // What was answered goes with the link, and with it what stands for a question.
    assert_eq!(client.delete(&format!("/api/links/{}/", id(&link))).await.status, 204);
    let asked = service.asked();
    let link = register(&client, OTHER, "single").await.json();
    app.settled().await;
    assert_eq!((employments(&client, &link).await.len(), service.asked()), (1, asked + 1));
    app.finish().await;
}

async fn an_answer_of_an_earlier_attempt_is_not_paid_twice(database: TestDatabase) {
    let (paid, flaky) = (Service::start(one_job(OTHER)).await, Service::start(Says::Nothing).await);
    let config = MareiguaConfig::new(ServiceConfig::new(&flaky.url), 1);
    let production = vec![ach(&paid), SourceConfig::Mareigua(Box::new(config))];
    let app = start(database, production, |_| ()).await;
    let client = app.production();
    let link = register(&client, OTHER, "recurrent").await.json();
    app.settled().await;
    assert_eq!((paid.asked(), flaky.asked()), (1, 0));
    app.advance(HOUR);
    paid.says(Says::status(404));
    flaky.says(Says::status(503));
    refresh(&client, &link).await;
    app.until_job_is_postponed().await;
    assert_eq!((paid.asked(), flaky.asked()), (2, 1));
    flaky.says(Says::json(&json!({ "respuesta_id": 1 })));
    app.work_off().await;
    assert_eq!(
        (paid.asked(), flaky.asked()),
        (2, 2),
        "the one that had answered is not asked again"
    );
    app.finish().await;
}

async fn a_row_asks_a_source_once_that_has_answered(database: TestDatabase) {
    let (answering, away) =
        (Service::start(Says::status(404)).await, Service::start(Says::status(503)).await);
    let config = MareiguaConfig::new(ServiceConfig::new(&away.url), 1);
    let production = vec![ach(&answering), SourceConfig::Mareigua(Box::new(config))];
    let configure = move |config: &mut Config| {
        config.production.clone_from(&production);
        let mut terms = SourceTerms::shipped("mareigua");
        terms.breaker.failures = 1;
        terms.breaker.pause = Duration::from_secs(30);
        config.source_terms.insert("mareigua".to_owned(), terms);
    };
    let app = Setup::new(database).configure(configure).start().await;
    let client = app.production();
    // Which has the second source paused.
    assert_eq!(register(&client, OTHER, "single").await.codes(), ["institution_down"]);
    assert_eq!(answering.asked(), 1);
    let id = cohorts::create(&client, "", &format!("document\n{PERSON}\n")).await;
    let later = app.now() + Duration::from_secs(150);
    while app.now() < later {
        app.let_jobs_come().await;
        look_again().await;
    }
    assert_eq!(answering.asked(), 2, "once for the row, whenever it comes again");
    away.says(Says::json(&json!({ "respuesta_id": 1 })));
    let cohort = cohorts::ended(&app, &client, &id).await;
    assert_eq!((&cohort["no_data"], answering.asked()), (&json!(1), 2));
    app.finish().await;
}

async fn odd_months_of_usage_are_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for (query, field) in [
        ("from=2026-13", "from"),
        ("to=yesterday", "to"),
        ("from=2026-12", "from"),
        ("from=2020-01", "from"),
    ] {
        let refused = app.sandbox().get(&format!("/manage/v1/usage/?{query}")).await;
        assert_eq!((refused.status, refused.codes()), (400, vec!["invalid".to_owned()]), "{query}");
        assert_eq!(refused.json()[0]["field"], field, "{query}");
    }
    assert!(app.sandbox().results("/manage/v1/usage/").await.is_empty());
    app.finish().await;
}
