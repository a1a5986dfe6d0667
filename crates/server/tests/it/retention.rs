//! What has grown old is told, and goes: by every rule, by hand and every hour.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vinculo_server::audit;
use vinculo_server::jobs::{RuleStatus, remove_old, retention_report};
use vinculo_store::Environment::{Production, Sandbox};
use vinculo_store::RetentionRule;

use crate::support::{
    Receiver, Reply, Setup, TestApp, TestDatabase, link_request, look_again, on_both_databases,
    soon,
};

on_both_databases!(
    every_rule_tells_what_it_removes,
    servers_remove_what_is_old_every_hour,
    a_workspace_decides_and_the_installation_has_the_last_word,
    what_old_lines_told_stays,
);

const PERSON: &str = "1900000101";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const RETENTION: &str = "/manage/v1/retention/";
const OCTOBER: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");
const REFUSED: &[u8] = include_bytes!("../../../pila/tests/samples/bad/09-check-digit.txt");

/// An installation that leaves something for every rule. A rule that is not served here fails
/// [`every_rule_tells_what_it_removes`].
async fn lived_in(database: TestDatabase) -> (TestApp, Receiver) {
    let setup = Setup::new(database).configure(|config| config.retention.audit_days = Some(300));
    let app = setup.start().await;
    let receiver = Receiver::start().await;
    receiver.reply((0..4).map(|_| Reply::Says(200, "thank you")));
    app.send_events_to(&receiver, Sandbox, None).await;
    let client = app.sandbox();
    let more = json!({ "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
    let made = client.post_once("/api/links/", "once", &link_request("1999000002", more)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    app.settled().await;
    app.advance(Duration::from_secs(11 * 60));
    let refresh = format!("/api/links/{}/refresh/", made.json()["id"].as_str().unwrap());
    assert_eq!(client.post(&refresh, &json!({})).await.status, 202);
    app.settled().await;
    let token = client.post("/api/token/", &json!({ "scopes": "write_links" })).await.json();
    let stranger = app.stranger();
    let page = format!("/connect/?access_token={}", token["access"].as_str().unwrap());
    app.browser().get(&page).await.location();
    let request = stranger.request(Method::POST, "/api/links/");
    let request = request.bearer_auth(token["access"].as_str().unwrap());
    let body = link_request("1999000001", json!({ "access_mode": "single" }));
    assert_eq!(stranger.send(request.json(&body)).await.status, 201);
    app.import(Sandbox, REFUSED).await;
    app.import(Sandbox, OCTOBER).await;
    let decided = json!({ "keep_lines_months": 14 });
    assert_eq!(client.patch("/manage/v1/settings/", &decided).await.status, 200);
    crate::cohorts::create(&client, "", "document\nABC\n").await;
    app.settled().await;
    // Two blocks of the audit log, at least.
    app.app.finish_work().await;
    client.results("/api/links/").await;
    app.app.finish_work().await;
    (app, receiver)
}

/// What every rule says, of the sandbox and of the installation.
async fn report(app: &TestApp) -> BTreeMap<&'static str, RuleStatus> {
    let workspace = app.app.secrets_of(Sandbox).unwrap().workspace().id;
    let mut all = BTreeMap::new();
    for place in [Some(workspace), None] {
        let rules = retention_report(&app.app, place).await;
        all.extend(rules.unwrap_or_else(|_| panic!("no report")).into_iter().map(|r| (r.rule, r)));
    }
    all
}

async fn every_rule_tells_what_it_removes(database: TestDatabase) {
    let (mut app, _receiver) = lived_in(database).await;
    app.stop_runner().await;
    let young = report(&app).await;
    let rules: Vec<_> = RetentionRule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(young.len(), rules.len(), "a report has every rule once");
    for rule in &rules {
        let status = &young[rule];
        assert_eq!((status.rows, status.removed, &status.oldest), (0, 0, &None), "{rule}");
    }

    app.advance(400 * DAY);
    let old = report(&app).await;
    for rule in &rules {
        let status = &old[rule];
        assert!(status.rows > 0, "{rule}: nothing is old; say in lived_in what leaves something");
        assert!(status.oldest <= status.newest && status.newest < status.before, "{status:?}");
    }
    let told = app.sandbox().get(RETENTION).await.json();
    let told = told["rules"].as_array().unwrap();
    assert_eq!(told.len(), rules.len() - 1, "the audit log is the installation's");
    for status in told {
        let rule = status["rule"].as_str().unwrap();
        assert_eq!(*status, serde_json::to_value(&old[rule]).unwrap());
    }
    assert_eq!(report(&app).await, old, "nothing was removed by asking");

    let production = app.app.secrets_of(vinculo_store::Environment::Production).unwrap();
    let removed = remove_old(&app.app).await.unwrap_or_else(|_| panic!("nothing removed"));
    let now = Some("2027-12-29T12:11:00.000000Z".to_owned());
    let left = report(&app).await;
    for removed in removed {
        let (before, after) = (&old[removed.rule], &left[removed.rule]);
        assert_eq!(removed.rows, before.rows.unsigned_abs(), "{}", removed.rule);
        let gone = (after.rows, after.removed, after.last_removed, &after.last_removed_at);
        assert_eq!(gone, (0, before.rows, before.rows, &now), "{}", removed.rule);
    }
    let theirs = retention_report(&app.app, Some(production.workspace().id)).await;
    let theirs = theirs.unwrap_or_else(|_| panic!("no report"));
    assert!(theirs.iter().all(|rule| rule.removed == 0), "nothing of others was counted");

    // What stays says that there was something.
    let client = app.sandbox();
    assert!(client.results("/manage/v1/events/").await.is_empty());
    assert!(client.results("/manage/v1/deliveries/").await.is_empty());
    for import in client.results("/manage/v1/imports/").await {
        let import = format!("/manage/v1/imports/{}/", import["id"].as_str().unwrap());
        assert_eq!(client.get(&import).await.json()["report"], Value::Null);
    }
    let links = client.results("/api/links/").await;
    assert_eq!(links.len(), 2);
    for link in links {
        let employments = format!("/api/co/employments/?link={}", link["id"].as_str().unwrap());
        let found = client.results(&employments).await.len();
        assert_eq!(found > 0, link["access_mode"] == "recurrent", "{link}");
    }
    let noted = client.results("/manage/v1/audit/?action=retention.removed").await;
    let of_workspace = [
        "source_answers",
        "delivery_answers",
        "events",
        "import_reports",
        "loads",
        "cohort_rows",
        "lines",
    ];
    assert_eq!(noted.len(), of_workspace.len(), "{noted:?}");
    assert!(noted.iter().all(|entry| entry["actor"] == "console"));
    app.app.finish_work().await;
    let (store, vault) = (app.app.store().clone(), app.app.all_secrets().vault().clone());
    let look = std::thread::spawn(move || audit::verify(&store, &vault, &[]));
    assert_eq!(look.join().unwrap().unwrap().fault, None, "the log holds without its beginning");

    let again = remove_old(&app.app).await.unwrap_or_else(|_| panic!("nothing removed"));
    // The log went on, so that its last old block is not its last any more.
    let rest = again.iter().filter(|removed| removed.rule != "audit_entries");
    assert!(rest.clone().count() > 0 && rest.clone().all(|removed| removed.rows == 0), "{again:?}");
    app.finish().await;
}

async fn servers_remove_what_is_old_every_hour(database: TestDatabase) {
    let (app, _receiver) = lived_in(database).await;
    app.advance(31 * DAY);
    // Answers of receivers are kept a month, and events longer.
    let wait = soon("the clean-up", async {
        while report(&app).await["delivery_answers"].removed == 0 {
            look_again().await;
        }
    });
    wait.await;
    app.settled().await;
    let status = report(&app).await;
    assert_eq!((status["delivery_answers"].rows, status["events"].removed), (0, 0));
    assert!(!app.sandbox().results("/manage/v1/events/").await.is_empty());
    app.finish().await;
}

async fn a_workspace_decides_and_the_installation_has_the_last_word(database: TestDatabase) {
    let setup = Setup::new(database).configure(|config| config.retention.longest_days = Some(60));
    let app = setup.start().await;
    let decided = json!({ "keep_events_days": 10, "keep_loads_days": 3650 });
    let changed = app.sandbox().patch("/manage/v1/settings/", &decided).await;
    assert_eq!((changed.status, &changed.json()["keep_loads_days"]), (200, &json!(3650)));
    let days = async |client: crate::support::Client| {
        let told = client.get(RETENTION).await.json();
        let told = told["rules"].as_array().unwrap().iter();
        let days =
            told.map(|rule| (rule["rule"].as_str().unwrap().to_owned(), rule["days"].clone()));
        days.collect::<BTreeMap<_, _>>()
    };
    let sandbox = days(app.sandbox()).await;
    assert_eq!([&sandbox["events"], &sandbox["loads"]], [&json!(10), &json!(60)]);
    assert_eq!(sandbox["kept_answers"], Value::Null, "a promise of the API");
    let production = days(app.production()).await;
    let shipped = ["delivery_answers", "events"].map(|rule| production[rule].clone());
    assert_eq!(shipped, [json!(30), json!(60)]);
    assert_eq!(report(&app).await["audit_entries"].before, None, "kept for ever, as shipped");
    app.finish().await;
}

async fn what_old_lines_told_stays(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.production();
    assert_eq!(app.import(Production, OCTOBER).await.state, "accepted");
    let single = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    let link = client.create_link(PERSON, single).await;
    app.settled().await;
    let employments = format!("/api/co/employments/?link={}", link["id"].as_str().unwrap());
    let told = client.results(&employments).await;
    assert_eq!(told.len(), 1);
    let lines = async || {
        let all = retention_report(&app.app, Some(workspace(&app))).await;
        let mut all = all.unwrap_or_else(|_| panic!("no report")).into_iter();
        all.find(|rule| rule.rule == "lines").expect("a rule")
    };
    assert_eq!((lines().await.before, lines().await.months), (None, None), "for ever, as shipped");

    // It is November of 2026: of thirteen months before it, October of 2025 is the first.
    let keep = async |months: u32| {
        let decided = json!({ "keep_lines_months": months });
        assert_eq!(client.patch("/manage/v1/settings/", &decided).await.status, 200);
        remove_old(&app.app).await.unwrap_or_else(|_| panic!("nothing removed"));
        lines().await
    };
    let kept = keep(13).await;
    assert_eq!(kept.before.as_deref(), Some("2025-10-01T05:00:00.000000Z"));
    assert_eq!((kept.months, kept.rows, kept.removed), (Some(13), 0, 0));
    let gone = keep(12).await;
    assert_eq!(gone.before.as_deref(), Some("2025-11-01T05:00:00.000000Z"));
    assert!(gone.rows == 0 && gone.removed > 0, "{gone:?}");
    let noted = client.results("/manage/v1/audit/?action=retention.removed").await;
    assert_eq!((noted.len(), &noted[0]["objects"]), (1, &json!(gone.removed)));

    assert_eq!(client.results(&employments).await, told, "what was told stays");
    assert_eq!(app.import(Production, OCTOBER).await.state, "accepted", "what was received stays");
    assert_eq!(lines().await.rows, 0);
    assert_eq!(client.results("/manage/v1/imports/").await.len(), 1);
    app.finish().await;
}

fn workspace(app: &TestApp) -> vinculo_store::WorkspaceId {
    app.app.secrets_of(Production).unwrap().workspace().id
}
