//! Who read or changed what is noted, chained, and found out when it is taken back.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use vinculo_server::audit;
use vinculo_store::Environment;

use crate::cohorts;
use crate::support::{
    Answer, Client, Receiver, Setup, TestApp, TestDatabase, link_request, look_again,
    on_both_databases, soon,
};

on_both_databases!(
    every_operation_that_changes_something_leaves_an_entry,
    what_was_read_is_told_with_whom_and_what_for,
    a_purpose_is_short_and_given_once,
    strangers_are_counted_and_not_listed_one_by_one,
    a_list_is_filtered_and_belongs_to_its_workspace,
    an_export_is_the_log_line_by_line,
    what_comes_due_is_noted,
    what_is_taken_back_is_found_out,
    a_chain_that_was_cut_off_is_missed_by_the_next,
    what_a_dead_process_left_is_chained,
    a_noted_end_must_still_be_there,
    a_report_has_everything_about_a_person,
);

const AUDIT: &str = "/manage/v1/audit/";
const REPORT: &str = "/manage/v1/subjects/report/";
const PLANILLA: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");

/// A link that is filled.
async fn filled(app: &TestApp, client: &Client, username: &str) -> String {
    let more = json!({ "fetch_resources": ["EMPLOYMENTS", "OWNERS"] });
    let link = client.create_link(username, more).await;
    app.settled().await;
    link["id"].as_str().unwrap().to_owned()
}

/// What the log says that a request did.
async fn entries_of(client: &Client, answer: &Answer) -> Vec<Value> {
    let all = client.results(&format!("{AUDIT}?page_size=1000")).await;
    all.into_iter().filter(|entry| entry["request_id"] == answer.request_id()).collect()
}

fn verified(app: &TestApp) -> audit::Verified {
    verified_with(app, &[])
}

fn verified_with(app: &TestApp, noted: &[audit::NotedHead]) -> audit::Verified {
    let (store, vault) = (app.app.store().clone(), app.app.all_secrets().vault().clone());
    let noted = noted.to_vec();
    let look = std::thread::spawn(move || audit::verify(&store, &vault, &noted));
    look.join().unwrap().expect("the database answers")
}

/// The method and path of an operation, and what its success is called; nothing when it never has
/// any.
type Expected = (&'static str, &'static str, Option<&'static str>);

/// Every operation that is no GET. A new one must say here what it leaves.
const CHANGES: &[Expected] = &[
    ("post", "/api/links/", Some("link.created")),
    ("patch", "/api/links/", None),
    ("put", "/api/links/{id}/", Some("link.updated")),
    ("patch", "/api/links/{id}/", Some("link.changed")),
    ("post", "/api/co/employments/", Some("employments.retrieved")),
    ("post", "/api/owners/", Some("owners.retrieved")),
    ("patch", "/api/owners/", None),
    ("post", "/api/links/{id}/refresh/", Some("link.refreshed")),
    ("delete", "/api/co/employments/{id}/", Some("employment.deleted")),
    ("delete", "/api/owners/{id}/", Some("owner.deleted")),
    ("post", "/api/token/", Some("token.created")),
    ("post", "/manage/v1/imports/", Some("import.created")),
    ("post", "/manage/v1/cohorts/", Some("cohort.created")),
    ("delete", "/manage/v1/cohorts/{id}/", Some("cohort.cancelled")),
    ("patch", "/manage/v1/links/{id}/", Some("link.changed")),
    ("patch", "/manage/v1/settings/", Some("settings.changed")),
    ("post", REPORT, Some("subject.reported")),
    ("post", "/manage/v1/consents/", Some("consent.recorded")),
    ("post", "/manage/v1/consents/evidence/", Some("consents.evidenced")),
    ("post", "/manage/v1/consents/{id}/revoke/", Some("consent.revoked")),
    ("post", "/manage/v1/consents/revoke/", Some("consent.revoked")),
    ("post", "/manage/v1/webhook-endpoints/", Some("webhook.created")),
    ("patch", "/manage/v1/webhook-endpoints/{id}/", Some("webhook.changed")),
    ("post", "/manage/v1/webhook-endpoints/{id}/rotate-secret/", Some("webhook.secret_rotated")),
    ("post", "/manage/v1/webhook-endpoints/{id}/test/", Some("webhook.tested")),
    ("post", "/manage/v1/deliveries/{id}/replay/", Some("webhooks.replayed")),
    ("post", "/manage/v1/deliveries/replay/", Some("webhooks.replayed")),
    ("delete", "/manage/v1/webhook-endpoints/{id}/", Some("webhook.deleted")),
    ("post", "/manage/v1/sandbox/advance/", Some("sandbox.calendar_moved")),
    ("post", "/manage/v1/sandbox/reset/", Some("sandbox.calendar_moved")),
    ("post", "/manage/v1/keys/", Some("key.created")),
    ("patch", "/manage/v1/keys/{id}/", Some("key.changed")),
    ("post", "/manage/v1/keys/{id}/rotate/", Some("key.rotated")),
    ("post", "/manage/v1/keys/{id}/retire/", Some("key.password_retired")),
    ("delete", "/manage/v1/keys/{id}/", Some("key.revoked")),
    ("delete", "/api/links/{id}/", Some("link.deleted")),
    ("post", "/manage/v1/subjects/erase/", Some("subject.erased")),
    ("post", "/manage/v1/subjects/admit/", Some("subject.admitted")),
];

/// The body of a request that succeeds, about this link.
fn body_of(path: &str, link: &str, receiver: &Receiver) -> Value {
    match path {
        "/api/links/" => link_request("1999000001", json!({ "access_mode": "single" })),
        "/api/links/{id}/" => json!({}),
        "/api/co/employments/" | "/api/owners/" => json!({ "link": link }),
        "/api/links/{id}/refresh/" => json!({}),
        "/api/token/" => json!({ "scopes": "write_links" }),
        "/manage/v1/cohorts/" => json!("document\nABC\n"),
        "/manage/v1/imports/" => Value::String(String::from_utf8_lossy(PLANILLA).into_owned()),
        "/manage/v1/links/{id}/" => json!({ "refresh_rate": "24h" }),
        "/manage/v1/settings/" => json!({ "include_drafts": false }),
        "/manage/v1/sandbox/advance/" => json!({ "months": 1 }),
        "/manage/v1/consents/" => crate::consents::request("1999000900", json!({})),
        "/manage/v1/consents/{id}/revoke/" => json!({}),
        "/manage/v1/webhook-endpoints/" => json!({ "url": receiver.url }),
        "/manage/v1/deliveries/replay/" => json!({ "webhook_type": "TEST" }),
        path if path.starts_with("/manage/v1/webhook-endpoints/{id}/") => json!({}),
        "/manage/v1/deliveries/{id}/replay/" => json!({}),
        "/manage/v1/keys/" | "/manage/v1/keys/{id}/" => json!({ "name": "another" }),
        "/manage/v1/keys/{id}/rotate/" | "/manage/v1/keys/{id}/retire/" => json!({}),
        _ => json!({ "document_type": "CC", "document_number": "1999000002" }),
    }
}

async fn every_operation_that_changes_something_leaves_an_entry(database: TestDatabase) {
    let document = vinculo_server::openapi_document();
    let listed: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().filter(|method| *method != "get");
            methods.map(move |method| (method.clone(), path.clone()))
        })
        .collect();
    let expected: BTreeSet<_> = CHANGES
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(listed, expected, "say in CHANGES what a new operation leaves in the log");

    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = filled(&app, &client, "1999000002").await;
    let receiver = Receiver::start().await;
    for (method, path, action) in CHANGES {
        let id = match *path {
            "/api/co/employments/{id}/" | "/api/owners/{id}/" => {
                let list = path.replace("{id}/", "");
                let found = client.results(&format!("{list}?link={link}")).await;
                found[0]["id"].as_str().unwrap().to_owned()
            }
            path if path.starts_with("/manage/v1/keys/{id}/") => {
                let keys = client.results("/manage/v1/keys/").await;
                let other = keys.iter().find(|key| key["name"] == "another").unwrap();
                other["id"].as_str().unwrap().to_owned()
            }
            path if path.starts_with("/manage/v1/webhook-endpoints/{id}/") => {
                let endpoints = client.results("/manage/v1/webhook-endpoints/").await;
                endpoints[0]["id"].as_str().unwrap().to_owned()
            }
            "/manage/v1/cohorts/{id}/" => {
                let cohorts = client.results("/manage/v1/cohorts/").await;
                cohorts[0]["id"].as_str().unwrap().to_owned()
            }
            "/manage/v1/deliveries/{id}/replay/" => {
                let deliveries = client.results("/manage/v1/deliveries/").await;
                deliveries[0]["id"].to_string()
            }
            "/manage/v1/consents/{id}/revoke/" => {
                let consents = client.results("/manage/v1/consents/").await;
                consents[0]["id"].as_str().unwrap().to_owned()
            }
            _ => link.clone(),
        };
        let body = body_of(path, &link, &receiver);
        // A link is not refreshed more often than every ten minutes.
        app.settled().await;
        app.advance(Duration::from_secs(11 * 60));
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = client.request(method.clone(), &path.replace("{id}", &id));
        let request = match body.as_str() {
            Some(file) => request.body(file.to_owned()),
            None => request.json(&body),
        };
        let answer = client.send(request).await;
        // What a moved calendar makes due is looked for a moment later.
        app.advance(Duration::from_secs(1));
        if path.starts_with("/manage/v1/cohorts/") {
            // Its job looks again later while a link is being filled.
            for cohort in client.results("/manage/v1/cohorts/").await {
                cohorts::ended(&app, &client, cohort["id"].as_str().unwrap()).await;
            }
        }
        app.settled().await;
        let left = entries_of(&client, &answer).await;
        let left: Vec<_> = left.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        let wanted: Vec<_> = action.iter().copied().collect();
        assert_eq!(left, wanted, "{method} {path}: {} {}", answer.status, answer.body);
        assert_eq!(answer.status < 300, action.is_some(), "{method} {path}: {}", answer.body);
    }
    assert_eq!(verified(&app).fault, None);
    app.finish().await;
}

async fn what_was_read_is_told_with_whom_and_what_for(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let (one, two) =
        (filled(&app, &client, "1999000002").await, filled(&app, &client, "1999000001").await);
    let employments = client.results(&format!("/api/co/employments/?link={one}")).await;
    let employment = employments[0]["id"].as_str().unwrap();
    let nobodys = "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b".to_owned();
    let request =
        client.request(Method::GET, "/api/links/").header("x-purpose", "por 1.999.000.002");
    let masked = client.send(request).await;
    assert_eq!(entries_of(&client, &masked).await[0]["purpose"], "por x.xxx.xxx.xxx");
    for (path, told) in [
        (format!("/api/co/employments/?link={one}"), vec![("employments.read", Some(&one), 2)]),
        (
            format!("/api/co/employments/?link__in={one},{two}"),
            vec![("employments.read", Some(&two), 1), ("employments.read", Some(&one), 2)],
        ),
        (
            "/api/co/employments/?link=3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b".to_owned(),
            vec![("employments.read", Some(&nobodys), 0)],
        ),
        (format!("/api/co/employments/{employment}/"), vec![("employments.read", Some(&one), 1)]),
        (format!("/api/owners/?link={one}"), vec![("owners.read", Some(&one), 1)]),
        (
            format!("/api/owners/?link={one}&display_name__icontains=ejemplo"),
            vec![("owners.read", Some(&one), 1)],
        ),
        (format!("/api/links/{one}/"), vec![("links.read", Some(&one), 1)]),
        (format!("/api/links/?id={one}"), vec![("links.read", Some(&one), 1)]),
        (format!("/manage/v1/links/{one}/"), vec![("links.read", Some(&one), 1)]),
        (
            format!("/manage/v1/employments/{employment}/provenance/"),
            vec![("provenance.read", Some(&one), 1)],
        ),
        ("/manage/v1/imports/".to_owned(), vec![("imports.read", None, 0)]),
    ] {
        let request = client.request(Method::GET, &path).header("x-purpose", "crédito 4711-XY");
        let answer = client.send(request).await;
        assert_eq!(answer.status, 200, "{path}");
        let entries = entries_of(&client, &answer).await;
        let noted = |entry: &Value| {
            let action = entry["action"].as_str().unwrap().to_owned();
            (action, entry["link"].as_str().map(str::to_owned), entry["objects"].as_i64().unwrap())
        };
        let found: BTreeSet<_> = entries.iter().map(noted).collect();
        let told = told.iter().map(|(a, link, n)| ((*a).to_owned(), link.cloned(), *n)).collect();
        assert_eq!(found, told, "{path}");
        for entry in &entries {
            assert_eq!(entry["actor"], "key");
            assert_eq!(entry["actor_id"], app.sandbox_key().secret_id.to_string());
            assert_eq!(entry["client_address"], "127.0.0.1");
            assert_eq!(entry["purpose"], "crédito 4711-XY");
            assert_eq!(entry["environment"], "sandbox");
            assert_eq!(entry["created_at"], "2026-11-24T12:00:00.000000Z");
        }
    }
    assert_eq!(verified(&app).waiting, 0, "what is told is chained");
    assert!(!app.database.shows("4711-XY"), "the purpose can be read");
    assert!(!app.database.shows("127.0.0.1"), "the address can be read");
    app.finish().await;
}

async fn a_purpose_is_short_and_given_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let long = "p".repeat(201);
    for path in ["/api/co/employments/?link=3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b", "/api/links/"] {
        for given in [vec![""], vec![&long], vec!["a", "b"]] {
            let mut request = client.request(Method::GET, path);
            for purpose in given {
                request = request.header("x-purpose", purpose);
            }
            let refused = client.send(request).await;
            assert_eq!((refused.status, &refused.json()[0]["field"]), (400, &json!("X-Purpose")));
        }
        let stranger = app.stranger();
        let request = stranger.request(Method::GET, path).header("x-purpose", &long);
        assert_eq!(stranger.send(request).await.status, 401, "who it is comes first");
    }
    app.finish().await;
}

/// The whole log, the installation's entries too.
async fn exported(app: &TestApp) -> Vec<Value> {
    let mut lines = Vec::new();
    audit::export(&app.app, None, &mut lines).await.expect("exported");
    let lines = String::from_utf8(lines).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_shown_that_cannot_be_noted() {
    let setup = Setup::new(TestDatabase::sqlite()).configure(|config| {
        config.audit_room = 4;
        config.audit_patience = Duration::from_secs(2);
    });
    let app = setup.start().await;
    let client = app.sandbox();
    let link = filled(&app, &client, "1999000001").await;
    client.results(AUDIT).await;
    let held = app.database.held();
    let mut shown = 0;
    loop {
        let path = format!("/api/owners/?link={link}");
        let answer = client.request(Method::GET, &path).send().await.unwrap();
        if answer.status() != 200 {
            assert_eq!(answer.status(), 503);
            break;
        }
        shown += 1;
    }
    assert!((4..=9).contains(&shown), "{shown} reads found room for 4");
    drop(held);
    let noted = client.results(&format!("{AUDIT}?action=owners.read")).await;
    assert_eq!(noted.len(), shown, "what was shown is noted, and nothing else");
    assert_eq!(verified(&app).fault, None);
    app.finish().await;
}

async fn strangers_are_counted_and_not_listed_one_by_one(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let stranger = app.stranger();
    for _ in 0..5 {
        stranger.get("/api/links/").await;
    }
    let last = stranger.get("/manage/v1/settings/").await;
    assert_eq!(last.status, 401);
    // Asking for the log brings it up to date.
    app.sandbox().results(AUDIT).await;
    let all = exported(&app).await;
    let failed: Vec<_> =
        all.iter().filter(|entry| entry["action"] == "authentication.failed").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!((&failed[0]["objects"], &failed[0]["actor"]), (&json!(6), &json!("stranger")));
    assert_eq!(failed[0]["client_address"], "127.0.0.1");
    assert_eq!(failed[0]["request_id"], last.request_id());
    assert_eq!((&failed[0]["environment"], &failed[0]["actor_id"]), (&Value::Null, &Value::Null));
    app.finish().await;
}

async fn a_list_is_filtered_and_belongs_to_its_workspace(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = filled(&app, &client, "1999000001").await;
    client.get(&format!("/api/owners/?link={link}")).await;
    // The clock stands still: what is written first comes first.
    client.results(AUDIT).await;
    assert_eq!(client.delete(&format!("/api/links/{link}/")).await.status, 204);
    let actions = async |query: &str| {
        let found = client.results(&format!("{AUDIT}?{query}")).await;
        found.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        actions(&format!("link={link}")).await,
        ["link.deleted", "owners.read", "link.created"],
        "a deleted link is still known to the log"
    );
    assert_eq!(actions("action=link.created,link.deleted").await, ["link.deleted", "link.created"]);
    assert_eq!(actions("actor=console").await, ["key.created"]);
    let key = app.sandbox_key().secret_id;
    assert_eq!(actions(&format!("actor_id={key}&action=owners.read")).await, ["owners.read"]);
    assert!(actions("created_at__lt=2026-11-24").await.is_empty());
    assert!(!actions("created_at=2026-11-24&page_size=2").await.is_empty());
    for (query, field) in [
        ("action=nothing.done", "action"),
        ("actor=nobody", "actor"),
        ("link=7", "link"),
        ("created_at=soon", "created_at"),
    ] {
        let refused = client.get(&format!("{AUDIT}?{query}")).await;
        assert_eq!((refused.status, &refused.json()[0]["field"]), (400, &json!(field)), "{query}");
    }
    let page = client.get(&format!("{AUDIT}?page_size=2")).await.json();
    assert_eq!(page["results"].as_array().unwrap().len(), 2);
    let next = client.get(page["next"].as_str().unwrap()).await.json();
    // The look at the first page is an entry itself.
    assert_eq!(next["results"][0], page["results"][1]);
    let others = app.production().results(AUDIT).await;
    assert_eq!(others.len(), 1, "its own key alone: {others:?}");
    assert_eq!(
        (&others[0]["action"], &others[0]["object"].is_null()),
        (&json!("key.created"), &false)
    );
    app.finish().await;
}

async fn an_export_is_the_log_line_by_line(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = filled(&app, &client, "1999000001").await;
    for _ in 0..600 {
        assert_eq!(client.get(&format!("/api/owners/?link={link}")).await.status, 200);
    }
    let exported = client.get("/manage/v1/audit/export").await;
    assert_eq!(
        (exported.status, exported.header("content-type")),
        (200, Some("application/x-ndjson"))
    );
    let lines: Vec<Value> =
        exported.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = lines.iter().map(|line| line["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted(), "oldest first");
    let reads = lines.iter().filter(|line| line["action"] == "owners.read").count();
    assert_eq!(reads, 600);
    assert_eq!(lines.iter().filter(|line| line["action"] == "audit.exported").count(), 1);
    let some =
        client.get(&format!("/manage/v1/audit/export/?link={link}&action=link.created")).await;
    assert_eq!(some.body.lines().count(), 1);
    app.finish().await;
}

async fn what_comes_due_is_noted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let kept = json!({
        "access_mode": "single", "credentials_storage": "1d", "stale_in": "2d",
        "fetch_resources": ["OWNERS"]
    });
    let single = client.create_link("1999000001", kept).await;
    let recurrent =
        client.create_link("1999000002", json!({ "fetch_resources": ["OWNERS"] })).await;
    app.settled().await;
    for _ in 0..8 {
        app.advance(Duration::from_secs(24 * 60 * 60));
        app.settled().await;
    }
    let found = client.results(&format!("{AUDIT}?actor=system&page_size=100")).await;
    let of = |link: &Value| {
        let of_link = found.iter().filter(|entry| entry["link"] == link["id"]);
        of_link.map(|entry| entry["action"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of(&single), ["link.emptied", "link.expired"]);
    assert_eq!(of(&recurrent), ["link.refreshed"]);
    app.finish().await;
}

/// A log of three blocks.
async fn logged(app: &TestApp) {
    let client = app.sandbox();
    let link = filled(app, &client, "1999000002").await;
    for _ in 0..3 {
        client.get(&format!("/api/owners/?link={link}")).await;
        client.get(&format!("/api/co/employments/?link={link}")).await;
        client.results(AUDIT).await;
    }
    // The last look is noted and chained too.
    app.app.finish_work().await;
    let sound = verified(app);
    assert_eq!((sound.fault, sound.waiting), (None, 0));
    assert!(sound.chains[0].last >= 3, "{:?}", sound.chains);
}

async fn what_is_taken_back_is_found_out(database: TestDatabase) {
    let app = TestApp::start(database).await;
    logged(&app).await;
    let database = &app.database;
    // What is done, how it is found out, and how it is put back.
    let copy = "create table copied as select * from audit_entries";
    let back = "delete from audit_entries; insert into audit_entries select * from copied; \
                drop table copied";
    let blocks = "create table copied_blocks as select * from audit_blocks";
    let blocks_back = "delete from audit_blocks; insert into audit_blocks select * from \
                       copied_blocks; drop table copied_blocks";
    let read = "(select min(id) from audit_entries where action = 'owners.read')";
    let last = "(select max(id) from audit_entries)";
    for (sql, fault) in [
        (
            format!("update audit_entries set objects = 9 where id = {read}"),
            "was altered, replaced",
        ),
        (
            format!("update audit_entries set link = null where id = {read}"),
            "was altered, replaced",
        ),
        (format!("update audit_entries set sealed = null where id = {read}"), "was altered"),
        (format!("delete from audit_entries where id = {read}"), "entries, and"),
        (
            format!(
                "insert into audit_entries (writer, chain, block, workspace_id, created_at, \
                 action, actor, objects) select writer, chain, block, workspace_id, created_at, \
                 action, actor, 1 from audit_entries where id = {read}"
            ),
            "entries, and",
        ),
        (
            format!("update audit_entries set id = id + 1000000 where id = {read}"),
            "was altered, replaced or moved",
        ),
        (format!("update audit_entries set block = 0 where id = {last}"), "entries, and"),
        (format!("update audit_entries set block = 77 where id = {last}"), "entries, and"),
    ] {
        database.run(copy);
        database.run(&sql);
        let found = verified(&app).fault.unwrap_or_default();
        assert!(found.contains(fault), "{sql}: {found}");
        database.run(back);
        assert_eq!(verified(&app).fault, None, "put back after {sql}");
    }
    for (sql, fault) in [
        ("update audit_blocks set entries = entries + 1 where sequence = 1", "was altered"),
        ("update audit_blocks set created_at = created_at + 1 where sequence = 1", "was altered"),
        ("update audit_blocks set seal = digest where sequence = 1", "not made with the keys"),
        ("update audit_blocks set previous = digest where sequence = 1", "does not follow"),
        ("delete from audit_blocks where sequence = 1", "block 1 of chain"),
        ("delete from audit_blocks where sequence > 1", "is missing"),
        ("update audit_blocks set sequence = sequence + 5 where sequence > 1", "is missing"),
    ] {
        database.run(blocks);
        database.run(sql);
        let found = verified(&app).fault.unwrap_or_default();
        assert!(found.contains(fault), "{sql}: {found}");
        database.run(blocks_back);
        assert_eq!(verified(&app).fault, None, "put back after {sql}");
    }
    app.finish().await;
}

async fn a_chain_that_was_cut_off_is_missed_by_the_next(database: TestDatabase) {
    let app = TestApp::start(database).await;
    logged(&app).await;
    let app = app.restart().await;
    app.sandbox().results(AUDIT).await;
    app.app.finish_work().await;
    let sound = verified(&app);
    assert_eq!((sound.fault, sound.chains.len()), (None, 2));
    // The end of the first chain, with all that would tell of it but the second chain.
    let first = sound.chains.iter().max_by_key(|chain| chain.last).unwrap();
    let (chain, last) = (first.chain, first.last);
    let is = if app.database.is_embedded() {
        format!("chain = x'{}'", chain.simple())
    } else {
        format!("chain = '{chain}'")
    };
    app.database.run(&format!(
        "delete from audit_entries where {is} and block = {last}; \
         delete from audit_blocks where {is} and sequence = {last}; \
         update audit_heads set sequence = {last} - 1, hash = (select hash from audit_blocks \
         where {is} and sequence = {last} - 1) where {is}"
    ));
    let found = verified(&app).fault.unwrap_or_default();
    assert!(found.contains(&format!("chain {chain} was cut off")), "{found}");
    app.database.run(&format!(
        "delete from audit_entries where {is}; delete from audit_blocks where {is}; \
         delete from audit_heads where {is}"
    ));
    let found = verified(&app).fault.unwrap_or_default();
    assert!(found.contains(&format!("chain {chain} was cut off")), "all of it: {found}");
    app.finish().await;
}

async fn what_a_dead_process_left_is_chained(database: TestDatabase) {
    let app = Setup::new(database).without_runner().start().await;
    // A command adds an entry and ends; nobody of its own chains it.
    let (store, now) = (app.app.store().clone(), vinculo_server::clock::micros(app.now()));
    let action = vinculo_store::AuditAction::VaultRotated;
    let note = std::thread::spawn(move || audit::note_command(&store, action, 4, now));
    note.join().unwrap().unwrap();
    app.sandbox().results(AUDIT).await;
    assert_eq!(verified(&app).waiting, 1);
    let mut app = app;
    app.advance(Duration::from_secs(61));
    app.start_runner().await;
    soon("the chaining of what was left", async {
        while verified(&app).waiting > 0 {
            look_again().await;
        }
    })
    .await;
    assert_eq!(verified(&app).fault, None);
    app.finish().await;
}

async fn a_noted_end_must_still_be_there(database: TestDatabase) {
    let app = TestApp::start(database).await;
    logged(&app).await;
    let noted = verified(&app).chains[0].head.clone();
    let head: audit::NotedHead = noted.parse().unwrap();
    app.sandbox().results(AUDIT).await;
    assert_eq!(verified_with(&app, &[head]).fault, None);
    // Everything is gone, and nothing that is left contradicts that.
    app.database
        .run("delete from audit_entries; delete from audit_blocks; delete from audit_heads");
    assert_eq!(verified(&app).fault, None);
    let found = verified_with(&app, &[head]).fault.unwrap_or_default();
    assert!(found.contains("was cut off: somebody noted its end"), "{found}");
    for malformed in ["no:end", &noted[..noted.len() - 1], &format!("{noted}0")] {
        assert!(malformed.parse::<audit::NotedHead>().is_err(), "{malformed}");
    }
    app.finish().await;
}

async fn a_report_has_everything_about_a_person(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = filled(&app, &client, "1999000002").await;
    filled(&app, &client, "1999000001").await;
    client.get(&format!("/api/co/employments/?link={link}")).await;
    let document = json!({ "document_type": "CC", "document_number": "1999000002" });
    let answer = client.post_once(REPORT, "k", &document).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let report = answer.json();
    let count = |name: &str| report[name].as_array().unwrap().len();
    assert_eq!(report["known"], true);
    assert_eq!([count("links"), count("owners"), count("employments")], [1, 1, 2]);
    assert_eq!([count("loads"), count("source_calls")], [1, 1]);
    assert!(count("contributions") > 10);
    assert_eq!(report["links"][0]["id"], link.as_str());
    let stored = client.get(&format!("/api/links/{link}/")).await.json();
    assert_eq!(report["links"][0], stored);
    let line = &report["contributions"][0];
    assert_eq!(line["source_call"], report["source_calls"][0]["id"]);
    assert_eq!(line["line"]["person"]["number"], "1999000002");
    let accesses = report["accesses"].as_array().unwrap();
    let actions: Vec<_> = accesses.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["employments.read", "link.created"]);
    assert_eq!(report["accesses_count"], 2);
    assert!(!answer.body.contains("1999000001"), "nobody else");
    let again = client.post_once(REPORT, "k", &document).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &answer.body));
    let repeated = entries_of(&client, &again).await;
    assert_eq!((repeated.len(), &repeated[0]["action"]), (1, &json!("answer.repeated")));

    let unknown = app.production().post(REPORT, &document).await.json();
    assert_eq!(
        (&unknown["known"], unknown["source_calls"].as_array().unwrap().len()),
        (&json!(false), 0)
    );
    client.post("/manage/v1/subjects/erase/", &document).await;
    let erased = client.post(REPORT, &document).await.json();
    assert_eq!((&erased["known"], erased["erasure"]["links"].as_i64()), (&json!(false), Some(1)));
    assert_eq!(client.post(REPORT, &json!({ "document_type": "CC" })).await.status, 400);
    let by_command = vinculo_pila::Document::new(vinculo_pila::DocumentKind::Cc, "1999000001");
    let report = vinculo_server::subject_report(&app.app, Environment::Sandbox, by_command);
    let report: Value = serde_json::from_slice(&report.await.unwrap()).unwrap();
    assert_eq!(report["known"], true);
    app.finish().await;
}
