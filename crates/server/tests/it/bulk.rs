//! Cohorts in jobs of a source: handed in once, looked at, fetched, and paid by the entry.

use std::time::Duration;

use serde_json::{Value, json};
use vinculo_server::config::{Config, SourceConfig};
use vinculo_server::sources::SourceTerms;
use vinculo_sources::ach::AchConfig;
use vinculo_store::Environment::Production;

use crate::cohorts::{create, ended, results, shown};
use crate::support::{
    BulkService, Client, Manner, Setup, TestApp, TestDatabase, link_request, look_again,
    on_both_databases, soon,
};

on_both_databases!(
    a_cohort_is_asked_about_in_one_job,
    a_sandbox_cohort_is_a_job_of_the_simulated_operator,
    a_job_is_looked_at_ever_less_often,
    who_goes_on_after_a_crash_hands_nobody_in_twice,
    who_fetched_before_a_crash_fetches_again,
    a_submission_that_nobody_saw_the_end_of_is_made_once_more,
    who_has_an_answer_is_not_handed_in,
    sources_before_it_are_heard_first,
    a_person_is_in_one_job_at_a_time,
    a_refused_job_is_asked_alone,
    a_refused_job_is_tried_again_where_nobody_is_asked_alone,
    a_job_that_cannot_be_taken_now_is_handed_in_later,
    who_is_missing_from_a_result_is_asked_alone,
    a_result_that_is_gone_is_asked_for_once_more_and_fails,
    a_result_is_fetched_whenever_it_is_said_to_expire,
    who_is_in_a_job_of_which_nobody_hears_is_asked_alone_after_two,
    where_nobody_is_asked_alone_an_unheard_job_is_handed_in_a_few_times_more,
    a_result_that_cannot_be_understood_is_fetched_five_times,
    fetches_that_fail_are_no_readings,
    a_job_that_is_taken_ends_the_silence_of_its_source,
    whoever_does_not_fit_the_budget_puts_off_no_look,
    a_job_that_never_ends_is_given_up,
    a_job_has_no_more_people_than_the_budget_is_enough_for,
    what_is_cancelled_is_not_fetched,
    who_may_no_longer_be_asked_about_gets_no_link_and_the_call_is_told,
);

const FIRST: &str = "1900500001";
const SECOND: &str = "1900500002";
const THIRD: &str = "1900500003";
const FOURTH: &str = "1900500004";

const HOUR: Duration = Duration::from_secs(60 * 60);

fn file(people: &[&str]) -> String {
    format!("document\n{}\n", people.join("\n"))
}

/// Production that asks an operator in jobs of 100, at 300 pesos by the entry and 1,200 alone.
fn setup(database: TestDatabase, service: &BulkService) -> Setup {
    setup_with(database, service, |_, _| ())
}

fn setup_with(
    database: TestDatabase,
    service: &BulkService,
    change: impl Fn(&mut Config, &mut SourceTerms) + Send + Sync + 'static,
) -> Setup {
    let url = service.url.clone();
    Setup::new(database).configure(move |config| {
        let ach = SourceConfig::Ach(Box::new(AchConfig::new(&url)));
        config.production = vec![SourceConfig::Planillas, ach];
        config.cohorts.bulk = 100;
        let mut terms =
            SourceTerms { price: 1_200, bulk_price: 300, ..SourceTerms::shipped("ach") };
        change(config, &mut terms);
        config.source_terms.insert("ach".to_owned(), terms);
    })
}

/// Calls of the month by source, kind and outcome: how many, and what they cost.
async fn usage(client: &Client) -> Vec<String> {
    let used = client.results("/manage/v1/usage/").await;
    let mut used: Vec<_> = used
        .iter()
        .filter(|used| used["source"] != "planillas")
        .map(|used| {
            let word = |name: &str| used[name].as_str().unwrap().to_owned();
            let calls = [&used["calls"], &used["cost"]].map(Value::to_string);
            format!("{} {} {} {}", word("kind"), word("outcome"), calls[0], calls[1])
        })
        .collect();
    used.sort();
    used
}

async fn ach(client: &Client) -> Value {
    let all = client.results("/manage/v1/sources/").await;
    all.into_iter().find(|source| source["name"] == "ach").expect("no such source")
}

async fn budget(client: &Client) -> i64 {
    ach(client).await["budget"]["used"].as_i64().unwrap()
}

/// Waits for something, letting the time of postponed jobs come.
async fn until(app: &TestApp, what: &str, holds: impl Fn() -> bool) {
    soon(what, async {
        while !holds() {
            app.let_jobs_come().await;
            look_again().await;
        }
    })
    .await;
}

async fn a_cohort_is_asked_about_in_one_job(database: TestDatabase) {
    let people = [(SECOND, "listaNoEncontrados"), (THIRD, "listaNoValidos")].into();
    let service = BulkService::start(Manner { people, ..Manner::default() }).await;
    let alone = |config: &mut Config, _: &mut SourceTerms| {
        config.production.remove(0);
    };
    let app = setup_with(database, &service, alone).start().await;
    let client = app.production();
    let id =
        create(&client, "?fetch_resources=EMPLOYMENTS", &file(&[FIRST, SECOND, THIRD, FOURTH]))
            .await;
    let cohort = ended(&app, &client, &id).await;
    assert_eq!(
        (&cohort["ok"], &cohort["no_data"], &cohort["invalid"]),
        (&json!(2), &json!(1), &json!(1))
    );
    let expected = ["2,ok,-,,", "3,no_data,,login_error,", "4,invalid,,login_error,", "5,ok,-,,"];
    assert_eq!(results(&client, &id).await, expected);
    let seen = service.seen();
    assert_eq!(seen.jobs, [[FIRST, SECOND, THIRD, FOURTH]]);
    assert_eq!((seen.looks, seen.fetches, seen.alone.len()), (1, 1, 0));
    let told = ["bulk invalid_input 1 300", "bulk no_data 1 300", "bulk resolved 2 600"];
    assert_eq!(usage(&client).await, told);

    for link in client.results("/api/links/").await {
        let link = link["id"].as_str().unwrap();
        let employments = client.results(&format!("/api/co/employments/?link={link}")).await;
        assert_eq!(employments[0]["salary_and_benefit_details"][0]["month"], "2026-10");
        let calls = client.results(&format!("/manage/v1/links/{link}/source-calls/")).await;
        let call = calls.iter().find(|call| call["source"] == "ach").unwrap();
        assert_eq!((&call["kind"], &call["cost"]), (&json!("bulk"), &json!(300)));
        let path =
            format!("/manage/v1/links/{link}/source-calls/{}/", call["id"].as_str().unwrap());
        let answer = client.get(&path).await.json();
        let rows: Value =
            serde_json::from_str(answer["payload"]["text"].as_str().unwrap()).unwrap();
        assert_eq!(rows[0]["periodoCotizacion"], "2026-10");
    }
    app.finish().await;
}

async fn a_sandbox_cohort_is_a_job_of_the_simulated_operator(database: TestDatabase) {
    let app = Setup::new(database).configure(|config| config.cohorts.bulk = 100).start().await;
    let client = app.sandbox();
    // The third breaks over every question, the fourth over the first two.
    let people = ["1999000001", "1999000404", "1999000500", "1999000503", "1999000002"];
    let id = create(&client, "", &file(&people)).await;
    ended(&app, &client, &id).await;
    let expected =
        ["2,ok,-,,", "3,no_data,,login_error,", "4,failed,,login_error,", "5,ok,-,,", "6,ok,-,,"];
    assert_eq!(results(&client, &id).await, expected);
    let told = usage(&client).await;
    assert!(told.contains(&"bulk resolved 2 0".to_owned()), "{told:?}");
    assert!(told.contains(&"bulk retry_later 2 0".to_owned()), "{told:?}");

    // The calendar of the sandbox reaches the job.
    let moved = client.post("/manage/v1/sandbox/advance/", &json!({ "months": 1 })).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    app.advance(Duration::from_secs(1));
    app.settled().await;
    let people = ["1999000004", "1999000003"];
    let id = create(&client, "", &file(&people)).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    let links = client.results("/api/links/").await;
    let link = links[0]["id"].as_str().unwrap();
    let employments = client.results(&format!("/api/co/employments/?link={link}")).await;
    let months: Vec<_> = employments
        .iter()
        .flat_map(|employment| employment["salary_and_benefit_details"].as_array().unwrap())
        .map(|row| row["month"].as_str().unwrap())
        .collect();
    assert!(months.contains(&"2026-11"), "{months:?}");
    app.finish().await;
}

async fn a_job_is_looked_at_ever_less_often(database: TestDatabase) {
    let service = BulkService::start(Manner { finished: false, ..Manner::default() }).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    let submitted = app.now();
    service.change(|manner| manner.clock = Some(app.clock.clone()));
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    until(&app, "six looks", || service.seen().looks >= 6).await;
    let looked_at = service.seen().looked_at.into_iter().take(6);
    let at: Vec<_> = looked_at.map(|at| at.duration_since(submitted).as_secs()).collect();
    assert_eq!(at, [2, 7, 17, 47, 107, 167]);
    assert_eq!(shown(&client, &id).await["waiting"], 2);
    service.change(|manner| manner.finished = true);
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    app.finish().await;
}

async fn who_goes_on_after_a_crash_hands_nobody_in_twice(database: TestDatabase) {
    let service = BulkService::start(Manner { finished: false, ..Manner::default() }).await;
    let mut app = setup(database, &service).start().await;
    let id = create(&app.production(), "", &file(&[FIRST, SECOND, THIRD])).await;
    until(&app, "a look", || service.seen().looks >= 1).await;
    app.stop_runner().await;
    service.change(|manner| manner.finished = true);
    let mut app = app.restart().await;
    assert_eq!(shown(&app.production(), &id).await["waiting"], 3);
    app.start_runner().await;
    let client = app.production();
    let cohort = ended(&app, &client, &id).await;
    assert_eq!(cohort["ok"], 3, "{cohort}");
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.fetches, seen.alone.len()), (1, 1, 0));
    assert_eq!(usage(&client).await, ["bulk resolved 3 900"]);
    app.finish().await;
}

async fn who_fetched_before_a_crash_fetches_again(database: TestDatabase) {
    let service = BulkService::start(Manner { finished: false, ..Manner::default() }).await;
    let mut app = setup(database, &service).start().await;
    let people: Vec<_> = (0..90).map(|n| (1_900_600_000 + n).to_string()).collect();
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    let id = create(&app.production(), "", &file(&people)).await;
    until(&app, "a look", || service.seen().looks >= 1).await;
    service.change(|manner| manner.finished = true);
    until(&app, "the result", || service.seen().fetches >= 1).await;
    app.stop_runner().await;
    let mut app = app.restart().await;
    app.start_runner().await;
    let client = app.production();
    let cohort = ended(&app, &client, &id).await;
    assert_eq!(cohort["ok"], 90, "{cohort}");
    assert_eq!(service.seen().jobs.len(), 1);
    assert_eq!(usage(&client).await, ["bulk resolved 90 27000"], "each is paid once");
    app.finish().await;
}

async fn a_submission_that_nobody_saw_the_end_of_is_made_once_more(database: TestDatabase) {
    let service = BulkService::start(Manner { finished: false, ..Manner::default() }).await;
    let mut app = setup(database, &service).start().await;
    let id = create(&app.production(), "", &file(&[FIRST, SECOND])).await;
    until(&app, "a look", || service.seen().looks >= 1).await;
    app.stop_runner().await;
    // The process ended before it heard what the source calls the job.
    let unheard = "update source_jobs set reference = null, due_at = submitted_at + 120000000";
    app.database.run(unheard);
    service.change(|manner| manner.finished = true);
    let mut app = app.restart().await;
    app.start_runner().await;
    let client = app.production();
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.alone.len()), (2, 0));
    assert_eq!(usage(&client).await, ["bulk fault 2 0", "bulk resolved 2 600"]);
    app.finish().await;
}

async fn who_has_an_answer_is_not_handed_in(database: TestDatabase) {
    let service = BulkService::start(Manner::default()).await;
    let app = setup_with(database, &service, |_, terms| terms.reuse = 30 * 24 * HOUR).start().await;
    let client = app.production();
    let link = client.post("/api/links/", &link_request(FIRST, json!({}))).await;
    assert_eq!(link.status, 201, "{}", link.body);
    app.settled().await;
    let id = create(&client, "", &file(&[FIRST, SECOND, THIRD])).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,", "4,ok,-,,"]);
    let seen = service.seen();
    assert_eq!(
        (seen.jobs, seen.alone),
        (vec![vec![SECOND.to_owned(), THIRD.to_owned()]], vec![FIRST.to_owned()])
    );
    app.finish().await;
}

async fn sources_before_it_are_heard_first(database: TestDatabase) {
    const PERSON: &str = "1900000101";
    const OCTOBER: &[u8] =
        include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt").as_slice();
    let service = BulkService::start(Manner::default()).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    app.import(Production, OCTOBER).await;
    let id = create(&client, "", &file(&[PERSON, FIRST, SECOND])).await;
    ended(&app, &client, &id).await;
    assert_eq!(service.seen().jobs, [[FIRST, SECOND]], "the planillas know the first");

    let all = json!({ "source_policy": "all" });
    assert_eq!(client.patch("/manage/v1/settings/", &all).await.status, 200);
    let id = create(&client, "", &file(&[PERSON, THIRD])).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    assert_eq!(service.seen().jobs[1..], [[PERSON, THIRD]], "all are asked");
    assert!(service.seen().alone.is_empty());
    app.finish().await;
}

async fn a_person_is_in_one_job_at_a_time(database: TestDatabase) {
    let service = BulkService::start(Manner::default()).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND, "1.900.500.001", FIRST])).await;
    ended(&app, &client, &id).await;
    let ok = ["2,ok,-,,", "3,ok,-,,", "4,ok,-,,", "5,ok,-,,"];
    assert_eq!(results(&client, &id).await, ok);
    let seen = service.seen();
    assert_eq!((seen.jobs, seen.alone.len()), (vec![vec![FIRST.to_owned(), SECOND.to_owned()]], 0));
    assert_eq!(usage(&client).await, ["bulk resolved 2 600"]);
    app.finish().await;
}

async fn a_refused_job_is_asked_alone(database: TestDatabase) {
    let service = BulkService::start(Manner::default()).await;
    let app = setup_with(database, &service, |config, _| config.cohorts.bulk = 2).start().await;
    let client = app.production();
    for (round, submission) in [400, 404, 403, 500].into_iter().enumerate() {
        service.change(|manner| manner.submission = submission);
        let people: Vec<_> = (0..4).map(|n| (1_900_600_000 + 10 * round + n).to_string()).collect();
        let people: Vec<_> = people.iter().map(String::as_str).collect();
        let id = create(&client, "", &file(&people)).await;
        let cohort = ended(&app, &client, &id).await;
        assert_eq!(cohort["ok"], 4, "{submission}: {cohort}");
        let (seen, rounds) = (service.seen(), round + 1);
        assert_eq!((seen.jobs.len(), seen.alone.len()), (rounds, 4 * rounds), "{submission}");
    }
    assert_eq!(usage(&client).await, ["individual resolved 16 19200"]);
    app.finish().await;
}

async fn a_refused_job_is_tried_again_where_nobody_is_asked_alone(database: TestDatabase) {
    let service = BulkService::start(Manner { submission: 400, ..Manner::default() }).await;
    let app = setup_with(database, &service, |config, _| config.cohorts.bulk_else_alone = false)
        .start()
        .await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,failed,,login_error,", "3,failed,,login_error,"]);
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.alone.len()), (4, 0));
    assert!(usage(&client).await.is_empty(), "nobody was asked about");
    app.finish().await;
}

async fn a_job_that_cannot_be_taken_now_is_handed_in_later(database: TestDatabase) {
    let service =
        BulkService::start(Manner { submission: 503, refusals: 3, ..Manner::default() }).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.alone.len()), (4, 0));
    assert_eq!(usage(&client).await, ["bulk resolved 2 600"]);
    app.finish().await;
}

async fn who_is_missing_from_a_result_is_asked_alone(database: TestDatabase) {
    let people = [(SECOND, "left")].into();
    let service = BulkService::start(Manner { people, ..Manner::default() }).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND, THIRD])).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,", "4,ok,-,,"]);
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.alone), (1, vec![SECOND.to_owned()]));
    let told = ["bulk resolved 2 600", "bulk retry_later 1 0", "individual resolved 1 1200"];
    assert_eq!(usage(&client).await, told);
    app.finish().await;
}

async fn a_result_that_is_gone_is_asked_for_once_more_and_fails(database: TestDatabase) {
    lost(database, Manner { looks: 404, ..Manner::default() }).await;
}

async fn a_result_is_fetched_whenever_it_is_said_to_expire(database: TestDatabase) {
    // The first second of today, to a reader of moments.
    let expires = Some("2026-11-24".to_owned());
    let service = BulkService::start(Manner { expires, ..Manner::default() }).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    assert_eq!((service.seen().jobs.len(), service.seen().fetches), (1, 1));
    app.finish().await;
}

/// Production whose operator does not answer the first submissions, and whatever else it is asked within this
/// time.
fn hanging(config: &mut Config) {
    config.load_timeout = Duration::from_secs(3);
}

async fn who_is_in_a_job_of_which_nobody_hears_is_asked_alone_after_two(database: TestDatabase) {
    let service = BulkService::start(Manner { hangs: usize::MAX, ..Manner::default() }).await;
    let app = setup_with(database, &service, |config, _| hanging(config)).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.alone.len()), (2, 2));
    app.finish().await;
}

async fn where_nobody_is_asked_alone_an_unheard_job_is_handed_in_a_few_times_more(
    database: TestDatabase,
) {
    let service = BulkService::start(Manner { hangs: 3, ..Manner::default() }).await;
    let change = |config: &mut Config, _: &mut SourceTerms| {
        hanging(config);
        config.cohorts.bulk_else_alone = false;
    };
    let app = setup_with(database, &service, change).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    service.change(|manner| manner.hangs = usize::MAX);
    let id = create(&client, "", &file(&[THIRD, FOURTH])).await;
    ended(&app, &client, &id).await;
    let failed = ["2,failed,,institution_down,", "3,failed,,institution_down,"];
    assert_eq!(results(&client, &id).await, failed);
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.alone.len()), (4 + 5, 0));
    app.finish().await;
}

async fn a_result_that_cannot_be_understood_is_fetched_five_times(database: TestDatabase) {
    let service = BulkService::start(Manner { garbled: true, ..Manner::default() }).await;
    let app = setup(database, &service).start().await;
    let begun = app.now();
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.fetches, seen.alone.len()), (1, 5, 2));
    let took = app.now().duration_since(begun).as_secs();
    assert!((81 * 60..90 * 60).contains(&took), "after 1, 5, 15 and 60 minutes: {took}");
    app.finish().await;
}

async fn fetches_that_fail_are_no_readings(database: TestDatabase) {
    let manner = Manner { results: Some(503), garbled: true, ..Manner::default() };
    let service = BulkService::start(manner).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    until(&app, "seven fetches", || service.seen().fetches >= 7).await;
    service.change(|manner| manner.results = None);
    until(&app, "a reading", || service.seen().fetches >= 8).await;
    app.until_job_is_postponed().await;
    // As the version before counted.
    app.database.run("update source_jobs set looks = 40");
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.fetches, seen.alone.len()), (1, 7 + 1 + 5, 2));
    app.finish().await;
}

async fn a_job_that_is_taken_ends_the_silence_of_its_source(database: TestDatabase) {
    let manner = Manner { submission: 503, refusals: 1, finished: false, ..Manner::default() };
    let service = BulkService::start(manner).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    create(&client, "", &file(&[FIRST, SECOND])).await;
    until(&app, "a refused job", || !service.seen().jobs.is_empty()).await;
    app.until_job_is_postponed().await;
    assert_eq!(ach(&client).await["unanswered"]["reason"], "upstream_down");
    until(&app, "a look", || service.seen().looks >= 1).await;
    assert_eq!(ach(&client).await["unanswered"], Value::Null);
    app.finish_with_work_left().await;
}

async fn whoever_does_not_fit_the_budget_puts_off_no_look(database: TestDatabase) {
    let service = BulkService::start(Manner { finished: false, ..Manner::default() }).await;
    let app =
        setup_with(database, &service, |_, terms| terms.monthly_budget = Some(700)).start().await;
    service.change(|manner| manner.clock = Some(app.clock.clone()));
    let begun = app.now();
    let client = app.production();
    create(&client, "", &file(&[FIRST, SECOND, THIRD])).await;
    until(&app, "three looks", || service.seen().looks >= 3).await;
    let seen = service.seen();
    assert_eq!(seen.jobs, [[FIRST, SECOND]]);
    let after: Vec<_> =
        seen.looked_at.iter().map(|at| at.duration_since(begun).as_secs()).collect();
    assert_eq!(after[..3], [2, 7, 17]);
    app.finish_with_work_left().await;
}

async fn lost(database: TestDatabase, manner: Manner) {
    let service = BulkService::start(manner).await;
    let change = |_: &mut Config, terms: &mut SourceTerms| terms.monthly_budget = Some(10_000);
    let app = setup_with(database, &service, change).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    ended(&app, &client, &id).await;
    let expected = ["2,failed,,answer_lost,", "3,failed,,answer_lost,"];
    assert_eq!(results(&client, &id).await, expected);
    let seen = service.seen();
    assert_eq!((seen.jobs.len(), seen.fetches, seen.alone.len()), (2, 0, 0));
    assert_eq!(usage(&client).await, ["bulk fault 4 0"]);
    assert_eq!(budget(&client).await, 4 * 300, "they may have been paid for");
    app.finish().await;
}

async fn a_job_that_never_ends_is_given_up(database: TestDatabase) {
    let service = BulkService::start(Manner { finished: false, ..Manner::default() }).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    until(&app, "a look", || service.seen().looks >= 1).await;
    app.until_nothing_is_due().await;
    app.advance(6 * HOUR);
    ended(&app, &client, &id).await;
    assert_eq!(results(&client, &id).await, ["2,ok,-,,", "3,ok,-,,"]);
    assert_eq!((service.seen().jobs.len(), service.seen().alone.len()), (1, 2));
    assert_eq!(usage(&client).await, ["bulk retry_later 2 0", "individual resolved 2 2400"]);
    app.finish().await;
}

async fn a_job_has_no_more_people_than_the_budget_is_enough_for(database: TestDatabase) {
    let service = BulkService::start(Manner { finished: false, ..Manner::default() }).await;
    let app =
        setup_with(database, &service, |_, terms| terms.monthly_budget = Some(1_000)).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND, THIRD, FOURTH])).await;
    until(&app, "a look", || service.seen().looks >= 1).await;
    assert_eq!(service.seen().jobs, [[FIRST, SECOND, THIRD]]);
    assert_eq!(budget(&client).await, 900, "what a job may cost is not for others");
    let other = client.post("/api/links/", &link_request("1900500009", json!({}))).await;
    assert_eq!(other.codes(), ["institution_unavailable"], "{}", other.body);
    service.change(|manner| manner.finished = true);
    until(&app, "the result", || service.seen().fetches >= 1).await;
    soon("three links", async {
        while shown(&client, &id).await["ok"] != 3 {
            app.let_jobs_come().await;
            look_again().await;
        }
    })
    .await;
    assert_eq!((service.seen().jobs.len(), budget(&client).await), (1, 900));
    assert_eq!(client.delete(&format!("/manage/v1/cohorts/{id}/")).await.status, 200);
    ended(&app, &client, &id).await;
    app.finish().await;
}

async fn what_is_cancelled_is_not_fetched(database: TestDatabase) {
    let service = BulkService::start(Manner { finished: false, ..Manner::default() }).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    until(&app, "a look", || service.seen().looks >= 1).await;
    assert_eq!(client.delete(&format!("/manage/v1/cohorts/{id}/")).await.status, 200);
    service.change(|manner| manner.finished = true);
    let cohort = ended(&app, &client, &id).await;
    assert_eq!((&cohort["state"], &cohort["cancelled"]), (&json!("cancelled"), &json!(2)));
    assert_eq!(service.seen().fetches, 0);
    assert!(client.results("/api/links/").await.is_empty());
    app.finish().await;
}

async fn who_may_no_longer_be_asked_about_gets_no_link_and_the_call_is_told(
    database: TestDatabase,
) {
    let service = BulkService::start(Manner { finished: false, ..Manner::default() }).await;
    let app = setup(database, &service).start().await;
    let client = app.production();
    let id = create(&client, "", &file(&[FIRST, SECOND])).await;
    until(&app, "a look", || service.seen().looks >= 1).await;
    let required = json!({ "require_consent": true });
    assert_eq!(client.patch("/manage/v1/settings/", &required).await.status, 200);
    service.change(|manner| manner.finished = true);
    let cohort = ended(&app, &client, &id).await;
    assert_eq!(cohort["invalid"], 2, "{cohort}");
    assert!(client.results("/api/links/").await.is_empty());
    assert_eq!(usage(&client).await, ["bulk resolved 2 600"], "it is paid for");
    app.finish().await;
}
