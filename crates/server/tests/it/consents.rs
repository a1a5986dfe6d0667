//! What a person allows, and what becomes of a link when that ends.

use std::cmp::Reverse;
use std::time::Duration;

use serde_json::{Value, json};
use vinculo_store::Environment;

use crate::consent_chain;
use crate::support::{
    Answer, Client, Mood, Receiver, Setup, TestApp, TestDatabase, link_request, on_both_databases,
};

on_both_databases!(
    a_consent_is_recorded_found_and_taken_back,
    fields_of_a_consent_are_checked,
    a_repeated_grant_is_one_consent,
    consents_are_those_of_their_workspace,
    nothing_is_asked_without_a_consent_where_one_is_required,
    zeros_in_front_of_a_card_are_nobody_else,
    who_was_kept_with_zeros_is_told_of_with_them_and_without,
    without_a_recorded_consent_the_customer_attests,
    a_revocation_stops_everything_until_a_new_consent,
    a_revocation_holds_for_its_resource_alone,
    another_consent_goes_on_holding,
    a_paper_from_before_a_revocation_is_no_new_consent,
    what_was_revoked_is_withheld_when_the_other_consent_ends,
    a_person_takes_everything_back_at_once,
    lists_pass_over_what_is_withheld,
    a_report_has_what_is_withheld,
    an_ended_consent_stops_new_questions_alone,
    a_load_that_waits_asks_nothing_after_a_revocation,
    a_revocation_while_the_source_is_asked_is_kept,
    a_document_that_is_not_stored_goes_with_its_consent,
    planillas_about_who_revoked_are_told_to_nobody,
);

pub(crate) const CONSENTS: &str = "/manage/v1/consents/";
const LINKS: &str = "/api/links/";
const JOBS: &str = "/api/co/employments/";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ONE_JOB: &str = "1999000001";
const OCTOBER: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");
const NOVEMBER: &[u8] = include_bytes!("../../../pila/tests/samples/02-nandu-E-2025-11.txt");

/// The body that records a consent, with the members of `more`.
pub(crate) fn request(number: &str, more: Value) -> Value {
    let mut body = json!({
        "document_type": "CC", "document_number": number,
        "resources": ["EMPLOYMENTS", "OWNERS"], "purpose": "Estudio de crédito",
        "method": "api_attestation", "text_version": "2026-03", "language": "es-CO",
    });
    let Value::Object(more) = more else { panic!("members to add") };
    body.as_object_mut().unwrap().extend(more);
    body
}

/// Records a consent and answers with it.
pub(crate) async fn grant(client: &Client, number: &str, more: Value) -> Value {
    let answer = client.post(CONSENTS, &request(number, more)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

/// Takes a consent back and answers with it.
pub(crate) async fn revoke(client: &Client, consent: &Value) -> Value {
    let answer = client.post(&format!("{}revoke/", path(consent)), &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn path(consent: &Value) -> String {
    format!("{CONSENTS}{}/", id(consent))
}

pub(crate) fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

pub(crate) async fn require_consent(client: &Client) {
    let changed = client.patch("/manage/v1/settings/", &json!({ "require_consent": true })).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
}

fn assert_denied(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 403, "{what}: {}", answer.body);
    assert_eq!(answer.codes(), ["access_to_resource_denied"], "{what}");
}

/// A request about a link.
type Asked<'a> = (&'a str, Answer);

/// Everything that asks the source about a link of one employment and one owner.
async fn fetches<'a>(client: &Client, link: &Value) -> Vec<Asked<'a>> {
    let (body, at) = (json!({ "link": link["id"] }), format!("{LINKS}{}/", id(link)));
    vec![
        ("refresh", client.post(&format!("{at}refresh/"), &json!({})).await),
        ("update", client.put(&at, &json!({})).await),
        ("retrieve employments", client.post(JOBS, &body).await),
        ("retrieve owners", client.post("/api/owners/", &body).await),
        ("another link", client.post(LINKS, &link_request(ONE_JOB, json!({}))).await),
    ]
}

/// Everything that reads what a link holds.
async fn reads<'a>(client: &Client, link: &Value, objects: &[String; 2]) -> Vec<Asked<'a>> {
    let (link, [job, owner]) = (id(link), objects);
    vec![
        ("employments", client.get(&format!("{JOBS}?link={link}")).await),
        ("an employment", client.get(&format!("{JOBS}{job}/")).await),
        ("an employment in a list", client.get(&format!("{JOBS}?id={job}")).await),
        ("some keys", client.get(&format!("{JOBS}?link={link}&fields=id")).await),
        ("provenance", client.get(&format!("/manage/v1/employments/{job}/provenance/")).await),
        ("owners", client.get(&format!("/api/owners/?link={link}")).await),
        ("an owner", client.get(&format!("/api/owners/{owner}/")).await),
        (
            "an owner by name",
            client.get(&format!("/api/owners/?link={link}&display_name__icontains=ejemplo")).await,
        ),
    ]
}

/// The ids of the one employment and the one owner of a link.
async fn objects(client: &Client, link: &Value) -> [String; 2] {
    let job = client.results(&format!("{JOBS}?link={}", id(link))).await.remove(0);
    let owner = client.results(&format!("/api/owners/?link={}", id(link))).await.remove(0);
    [id(&job).to_owned(), id(&owner).to_owned()]
}

fn both(access_mode: &str) -> Value {
    json!({ "access_mode": access_mode, "fetch_resources": ["EMPLOYMENTS", "OWNERS"] })
}

async fn a_consent_is_recorded_found_and_taken_back(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let more = json!({
        "document_number": "1.999.000.001", "granted_at": "2026-11-20T07:00:00-05:00",
        "expires_at": "2026-11-25T12:00:00Z", "proof": { "hash": "ab<12>", "pages": [1, 2] },
    });
    let consent = grant(&client, ONE_JOB, more).await;
    let expected = json!({
        "id": consent["id"], "status": "valid",
        "document_type": "CC", "document_number": ONE_JOB,
        "resources": ["EMPLOYMENTS", "OWNERS"], "purpose": "Estudio de crédito",
        "source": "pila_co_employment", "method": "api_attestation",
        "text_version": "2026-03", "language": "es-CO",
        "proof": { "hash": "ab<12>", "pages": [1, 2] },
        "granted_at": "2026-11-20T12:00:00.000000Z", "expires_at": "2026-11-25T12:00:00.000000Z",
        "revoked_at": null, "revocation": null, "created_at": "2026-11-24T12:00:00.000000Z",
        "receipts": [{ "number": 1, "event": "granted", "hash": consent["receipts"][0]["hash"] }],
    });
    assert_eq!(consent, expected);
    assert_eq!(client.get(&path(&consent)).await.json(), consent);
    let other = grant(&client, "1999000002", json!({ "method": "upload" })).await;

    let link = client.create_link(ONE_JOB, json!({ "external_id": "user-00042" })).await;
    app.settled().await;
    let found = async |filter: &str| {
        let found = client.results(&format!("{CONSENTS}?{filter}")).await;
        found.iter().map(|consent| id(consent).to_owned()).collect::<Vec<_>>()
    };
    let (one, two) = (id(&consent), id(&other));
    assert_eq!(found("").await, [two, one]);
    assert_eq!(found(&format!("link={}", id(&link))).await, [one]);
    assert_eq!(found("external_id=user-00042").await, [one]);
    assert_eq!(found(&format!("id={two}")).await, [two]);
    assert_eq!(found("created_at=2026-11-24&page_size=1").await, [two]);
    assert!(found("created_at__gt=2026-11-24").await.is_empty());
    assert_eq!(found("status=valid").await, [two, one]);
    app.advance(DAY);
    assert_eq!(found("status=expired").await, [one]);
    assert_eq!(client.get(&path(&consent)).await.json()["status"], "expired");

    let said = json!({ "reason": "Lo pidió por correo", "proof": "carta-7" });
    let revoked = client.post(&format!("{}revoke/", path(&other)), &said).await.json();
    assert_eq!((&revoked["status"], &revoked["revocation"]), (&json!("revoked"), &said));
    assert_eq!(revoked["revoked_at"], "2026-11-25T12:00:00.000000Z");
    let receipt = |n: usize| (&revoked["receipts"][n]["number"], &revoked["receipts"][n]["event"]);
    assert_eq!(receipt(0), (&json!(2), &json!("granted")));
    assert_eq!(receipt(1), (&json!(3), &json!("revoked")));
    assert_eq!(revoke(&client, &other).await, revoked, "once is enough");
    assert_eq!(found("status=revoked").await, [two]);
    let none = client.post(&format!("{CONSENTS}{}/revoke/", id(&link)), &json!({})).await;
    assert_eq!((none.status, client.get(&format!("{CONSENTS}x/")).await.status), (404, 404));
    app.finish().await;
}

async fn fields_of_a_consent_are_checked(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    for (more, code, field) in [
        (json!({ "document_type": "XX" }), "invalid_choice", "document_type"),
        (json!({ "document_number": "1*2" }), "invalid", "document_number"),
        (json!({ "document_number": "CC1999000001" }), "invalid", "document_number"),
        (json!({ "document_number": "1999000001-0" }), "invalid", "document_number"),
        (json!({ "document_number": "12" }), "invalid", "document_number"),
        (
            json!({ "document_type": "TI", "document_number": "199900" }),
            "invalid",
            "document_number",
        ),
        (json!({ "resources": null }), "null", "resources"),
        (json!({ "resources": [] }), "empty", "resources"),
        (json!({ "resources": ["INCOMES"] }), "invalid", "resources"),
        (json!({ "purpose": " " }), "blank", "purpose"),
        (json!({ "purpose": "x".repeat(1001) }), "max_length", "purpose"),
        (json!({ "source": "bank" }), "invalid_choice", "source"),
        (json!({ "method": "telepathy" }), "invalid_choice", "method"),
        (json!({ "text_version": "v 1" }), "invalid", "text_version"),
        (json!({ "text_version": "x".repeat(65) }), "invalid", "text_version"),
        (json!({ "text_version": "v1-1.999.000.001" }), "invalid", "text_version"),
        (json!({ "language": "español" }), "invalid", "language"),
        (json!({ "granted_at": "yesterday" }), "invalid", "granted_at"),
        (json!({ "granted_at": "2026-11-24T12:00:01Z" }), "invalid", "granted_at"),
        (json!({ "granted_at": "1969-12-31T23:59:59Z" }), "invalid", "granted_at"),
        (json!({ "expires_at": "2026-11-24T12:00:00Z" }), "invalid", "expires_at"),
        (json!({ "expires_at": 7 }), "invalid", "expires_at"),
    ] {
        let refused = client.post(CONSENTS, &request(ONE_JOB, more.clone())).await;
        assert_eq!((refused.status, refused.codes()), (400, vec![code.to_owned()]), "{more}");
        assert_eq!(refused.json()[0]["field"], field, "{more}");
        assert!(!refused.body.contains(ONE_JOB), "{}", refused.body);
    }
    let refused = client.post(CONSENTS, &json!({})).await.json();
    let fields = refused.as_array().unwrap().iter().map(|item| item["field"].as_str().unwrap());
    let required = [
        "document_type",
        "document_number",
        "resources",
        "purpose",
        "method",
        "text_version",
        "language",
    ];
    assert_eq!(fields.collect::<Vec<_>>(), required);
    let not_a_list = client.post(CONSENTS, &request(ONE_JOB, json!({ "resources": "X" }))).await;
    assert_eq!((not_a_list.status, not_a_list.codes()), (400, vec!["not_a_list".to_owned()]));
    let consent = grant(&client, ONE_JOB, json!({})).await;
    let at = format!("{}revoke/", path(&consent));
    let refused = client.post(&at, &json!({ "reason": "x".repeat(1001) })).await;
    assert_eq!(refused.json()[0]["field"], "reason");
    let refused = client.get(&format!("{CONSENTS}?status=good")).await;
    assert_eq!(refused.codes(), ["invalid_choice"]);
    assert_eq!(client.results(CONSENTS).await, [consent]);
    app.finish().await;
}

async fn a_repeated_grant_is_one_consent(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let body = request(ONE_JOB, json!({}));
    let first = client.post_once(CONSENTS, "k", &body).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let again = client.post_once(CONSENTS, "k", &body).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    assert_eq!(client.results(CONSENTS).await.len(), 1);
    let at = format!("{}revoke/", path(&first.json()));
    let revoked = client.post_once(&at, "r", &json!({})).await;
    app.advance(DAY / 2);
    let again = client.post_once(&at, "r", &json!({})).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &revoked.body));
    // The kept answers name the person, and go at the erasure.
    let erased = json!({ "document_type": "CC", "document_number": ONE_JOB });
    client.post("/manage/v1/subjects/erase/", &erased).await;
    let anew = client.post_once(CONSENTS, "k", &body).await;
    assert_eq!((anew.status, anew.header("idempotency-replayed")), (201, None));
    app.finish().await;
}

async fn consents_are_those_of_their_workspace(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (client, other) = (app.sandbox(), app.production());
    let consent = grant(&client, ONE_JOB, json!({})).await;
    assert_eq!(other.get(&path(&consent)).await.status, 404);
    let revoke = format!("{}revoke/", path(&consent));
    assert_eq!(other.post(&revoke, &json!({})).await.status, 404);
    assert!(other.results(CONSENTS).await.is_empty());
    assert!(other.results(&format!("{CONSENTS}?id={}", id(&consent))).await.is_empty());
    let own = grant(&other, ONE_JOB, json!({})).await;
    assert_eq!(own["receipts"][0]["number"], 1, "each workspace has a chain");
    assert_eq!(client.get(&path(&consent)).await.json()["status"], "valid");
    // The public contract's consents are another thing.
    assert!(client.results("/api/consents/").await.is_empty());
    app.finish().await;
}

async fn nothing_is_asked_without_a_consent_where_one_is_required(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let old = client.create_link(ONE_JOB, both("single")).await;
    app.settled().await;
    let held = objects(&client, &old).await;
    require_consent(&client).await;
    let asked = app.asked();
    for (what, answer) in fetches(&client, &old).await {
        assert_denied(&answer, what);
    }
    let some = json!({ "resources": ["OWNERS"] });
    let part = grant(&client, ONE_JOB, some).await;
    let jobs = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    let refused = client.post(LINKS, &link_request(ONE_JOB, jobs)).await;
    assert_denied(&refused, "a consent for other data");
    assert_eq!(app.asked(), asked, "nobody is asked");
    for (what, answer) in reads(&client, &old, &held).await {
        assert_eq!(answer.status, 200, "{what}: what was loaded before stays: {}", answer.body);
    }

    let whole = grant(&client, ONE_JOB, json!({})).await;
    let link = client.create_link(ONE_JOB, both("single")).await;
    let life = client.get(&format!("/manage/v1/links/{}/", id(&link))).await.json();
    assert_eq!((&life["consent"], &life["legal_basis"]), (&whole["id"], &json!("consent")));
    app.settled().await;
    let owners = json!({ "access_mode": "single", "fetch_resources": ["OWNERS"] });
    revoke(&client, &whole).await;
    let link = client.create_link(ONE_JOB, owners).await;
    let life = client.get(&format!("/manage/v1/links/{}/", id(&link))).await.json();
    assert_eq!(life["consent"], part["id"], "the one that still holds");
    app.settled().await;
    app.finish().await;
}

async fn zeros_in_front_of_a_card_are_nobody_else(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    require_consent(&client).await;
    let accepted = json!({ "accept_unknown_people": true });
    assert_eq!(client.patch("/manage/v1/settings/", &accepted).await.status, 200);
    let consent = grant(&client, "00199900", json!({})).await;
    for number in ["00199900", "199900"] {
        let link = client.create_link(number, both("single")).await;
        let life = client.get(&format!("/manage/v1/links/{}/", id(&link))).await.json();
        assert_eq!(life["consent"], consent["id"], "{number}");
        let person = json!({ "document_type": "CC", "document_number": number });
        let report = client.post("/manage/v1/subjects/report/", &person).await.json();
        assert_eq!(report["consents"][0]["id"], consent["id"], "{number}");
        let evidence = client.post(&format!("{CONSENTS}evidence/"), &person).await.json();
        assert_eq!(evidence["consents"][0]["id"], consent["id"], "{number}");
    }
    app.settled().await;
    app.finish().await;
}

async fn who_was_kept_with_zeros_is_told_of_with_them_and_without(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let old = grant(&client, ONE_JOB, json!({})).await;
    client.create_link(ONE_JOB, both("single")).await;
    app.settled().await;
    // As an earlier version kept whoever was asked about so.
    let padded = format!("00{ONE_JOB}");
    let secrets = app.app.secrets_of(Environment::Sandbox).unwrap();
    let index = secrets.indexes().lookup_document("CC", &padded);
    let hex: String = index.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = match app.database.is_embedded() {
        true => format!("x'{hex}'"),
        false => format!("'\\x{hex}'"),
    };
    for table in ["subjects", "source_calls"] {
        app.database.tamper(&format!("update {table} set document_index = {bytes}"));
    }
    let new = grant(&client, ONE_JOB, json!({})).await;
    client.create_link(ONE_JOB, both("single")).await;
    app.settled().await;

    let person = json!({ "document_type": "CC", "document_number": padded });
    let report = client.post("/manage/v1/subjects/report/", &person).await.json();
    for told in ["links", "employments", "owners", "loads", "source_calls", "consents"] {
        assert_eq!(report[told].as_array().map(Vec::len), Some(2), "{told}: {report}");
    }
    let accesses = report["accesses"].as_array().unwrap();
    assert_eq!(report["accesses_count"], accesses.len());
    assert!(accesses.is_sorted_by_key(|entry| Reverse(entry["created_at"].as_str())));
    let evidence = client.post(&format!("{CONSENTS}evidence/"), &person).await.json();
    let consents = evidence["consents"].as_array().unwrap().iter();
    assert_eq!(consents.map(id).collect::<Vec<_>>(), [id(&new), id(&old)]);
    for told in ["links", "source_calls", "receipts"] {
        assert_eq!(evidence[told].as_array().map(Vec::len), Some(2), "{told}: {evidence}");
    }
    app.finish().await;
}

async fn without_a_recorded_consent_the_customer_attests(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let life = async |link: &Value| {
        let life = client.get(&format!("/manage/v1/links/{}/", id(link))).await.json();
        (life["consent"].clone(), life["legal_basis"].clone())
    };
    let link = client.create_link(ONE_JOB, both("single")).await;
    assert_eq!(life(&link).await, (Value::Null, json!("contract_attestation")));
    let consent = grant(&client, ONE_JOB, json!({})).await;
    assert_eq!(life(&link).await.0, Value::Null, "it was made under none");
    let link = client.create_link(ONE_JOB, both("single")).await;
    assert_eq!(life(&link).await, (consent["id"].clone(), json!("consent")));
    app.settled().await;
    app.finish().await;
}

async fn a_revocation_stops_everything_until_a_new_consent(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let consent = grant(&client, ONE_JOB, json!({})).await;
    let link = client.create_link(ONE_JOB, both("recurrent")).await;
    app.settled().await;
    let held = objects(&client, &link).await;
    app.advance(DAY);
    for (what, answer) in reads(&client, &link, &held).await {
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    }
    let body = json!({ "link": link["id"] });
    assert_eq!(client.post_once(JOBS, "kept", &body).await.status, 201);
    let asked = app.asked();
    revoke(&client, &consent).await;
    assert_denied(&client.post_once(JOBS, "kept", &body).await, "a kept answer");
    for (what, answer) in reads(&client, &link, &held).await {
        assert_denied(&answer, what);
        assert!(!answer.body.contains("EJEMPLO"), "{what}");
    }
    for (what, answer) in fetches(&client, &link).await {
        assert_denied(&answer, what);
    }
    // The link itself, which says nobody's name, is seen and can be removed.
    assert_eq!(client.get(&format!("{LINKS}{}/", id(&link))).await.status, 200);
    for _ in 0..4 {
        app.advance(5 * DAY);
        app.settled().await;
    }
    assert_eq!(app.asked(), asked, "nor is anything asked on schedule");

    grant(&client, ONE_JOB, json!({})).await;
    for (what, answer) in reads(&client, &link, &held).await {
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    }
    for (what, answer) in fetches(&client, &link).await {
        assert!((200..300).contains(&answer.status), "{what}: {}", answer.body);
        app.settled().await;
    }
    let asked = app.asked();
    app.advance(7 * DAY);
    app.settled().await;
    assert!(app.asked() > asked, "the schedule goes on");
    app.finish().await;
}

async fn a_revocation_holds_for_its_resource_alone(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let jobs = grant(&client, ONE_JOB, json!({ "resources": ["EMPLOYMENTS"] })).await;
    grant(&client, ONE_JOB, json!({ "resources": ["OWNERS"] })).await;
    let link = client.create_link(ONE_JOB, both("single")).await;
    app.settled().await;
    revoke(&client, &jobs).await;
    let body = json!({ "link": link["id"] });
    assert_denied(&client.get(&format!("{JOBS}?link={}", id(&link))).await, "employments");
    assert_denied(&client.post(JOBS, &body).await, "retrieving employments");
    assert_eq!(client.results(&format!("/api/owners/?link={}", id(&link))).await.len(), 1);
    assert_eq!(client.post("/api/owners/", &body).await.status, 201);
    let refresh = format!("{LINKS}{}/refresh/", id(&link));
    assert_denied(&client.post(&refresh, &json!({})).await, "refreshing both");
    let owners = json!({ "fetch_resources": ["OWNERS"] });
    assert_eq!(client.post(&refresh, &owners).await.status, 202);
    app.settled().await;
    app.finish().await;
}

async fn another_consent_goes_on_holding(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let first = grant(&client, ONE_JOB, json!({ "purpose": "Mercadeo" })).await;
    grant(&client, ONE_JOB, json!({})).await;
    let link = client.create_link(ONE_JOB, both("single")).await;
    app.settled().await;
    let held = objects(&client, &link).await;
    revoke(&client, &first).await;
    for (what, answer) in reads(&client, &link, &held).await {
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    }
    app.finish().await;
}

async fn a_paper_from_before_a_revocation_is_no_new_consent(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let consent = grant(&client, ONE_JOB, json!({})).await;
    let link = client.create_link(ONE_JOB, both("single")).await;
    app.settled().await;
    let held = objects(&client, &link).await;
    revoke(&client, &consent).await;
    app.advance(DAY);
    let papers = ["2019-01-01T00:00:00Z", "2026-11-24T12:00:00Z"];
    for granted_at in papers {
        let paper = json!({ "method": "upload", "granted_at": granted_at });
        grant(&client, ONE_JOB, paper).await;
        for (what, answer) in reads(&client, &link, &held).await {
            assert_denied(&answer, what);
        }
        for (what, answer) in fetches(&client, &link).await {
            assert_denied(&answer, what);
        }
    }
    let new = grant(&client, ONE_JOB, json!({ "granted_at": "2026-11-24T12:00:01Z" })).await;
    for (what, answer) in reads(&client, &link, &held).await {
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    }
    let again = client.create_link(ONE_JOB, both("single")).await;
    let life = client.get(&format!("/manage/v1/links/{}/", id(&again))).await.json();
    assert_eq!(life["consent"], new["id"]);
    app.settled().await;
    app.finish().await;
}

async fn what_was_revoked_is_withheld_when_the_other_consent_ends(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let end = json!({ "expires_at": "2026-11-26T12:00:00Z" });
    let ending = grant(&client, ONE_JOB, end).await;
    let consent = grant(&client, ONE_JOB, json!({ "purpose": "Mercadeo" })).await;
    let link = client.create_link(ONE_JOB, both("single")).await;
    app.settled().await;
    let held = objects(&client, &link).await;
    assert_eq!(revoke(&client, &consent).await["still_valid"], json!([ending["id"]]));
    for (what, answer) in reads(&client, &link, &held).await {
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    }
    app.advance(2 * DAY);
    app.settled().await;
    for (what, answer) in reads(&client, &link, &held).await {
        assert_denied(&answer, what);
    }
    assert_eq!(consent_chain::sandbox(&app).await.broken, None);
    app.finish().await;
}

async fn a_person_takes_everything_back_at_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let mut given = Vec::new();
    for _ in 0..3 {
        given.push(grant(&client, ONE_JOB, json!({})).await);
    }
    let other = grant(&client, "1999000002", json!({})).await;
    let foreign = grant(&app.production(), ONE_JOB, json!({})).await;
    let link = client.create_link(ONE_JOB, both("single")).await;
    app.settled().await;
    let held = objects(&client, &link).await;
    let one = revoke(&client, &given[0]).await;
    assert_eq!(one["still_valid"], json!([given[2]["id"], given[1]["id"]]));
    let revoke_all = format!("{CONSENTS}revoke/");
    let body = json!({
        "document_type": "CC", "document_number": "1.999.000.001", "reason": "Por teléfono",
    });
    let answer = client.post_once(&revoke_all, "all", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let revoked = answer.json()["revoked"].as_array().unwrap().clone();
    let ids: Vec<_> = revoked.iter().map(|consent| &consent["id"]).collect();
    assert_eq!(ids, [&given[2]["id"], &given[1]["id"]]);
    let events = |n: usize| revoked[n]["receipts"][1]["event"].clone();
    assert_eq!((events(0), events(1)), (json!("revoked"), json!("revoked")));
    for (what, answer) in reads(&client, &link, &held).await {
        assert_denied(&answer, what);
    }
    let reason = &client.get(&path(&given[1])).await.json()["revocation"]["reason"];
    assert_eq!(reason, "Por teléfono");
    assert_eq!(client.post(&revoke_all, &body).await.json(), json!({ "revoked": [] }));
    let again = client.post_once(&revoke_all, "all", &body).await;
    assert_eq!(again.body, answer.body);
    assert_eq!(client.get(&path(&other)).await.json()["status"], "valid");
    assert_eq!(app.production().get(&path(&foreign)).await.json()["status"], "valid");
    let refused = client
        .post(&revoke_all, &json!({ "document_type": "CC", "reason": "x".repeat(1001) }))
        .await;
    let fields = refused.json();
    let fields: Vec<_> = fields.as_array().unwrap().iter().map(|item| &item["field"]).collect();
    assert_eq!(refused.status, 400);
    assert_eq!(fields, [&json!("document_number"), &json!("reason")]);
    assert_eq!(consent_chain::sandbox(&app).await.broken, None);
    app.finish().await;
}

async fn lists_pass_over_what_is_withheld(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let consent = grant(&client, ONE_JOB, json!({})).await;
    let (one, two) = (
        client.create_link(ONE_JOB, both("single")).await,
        client.create_link("1999000002", both("single")).await,
    );
    app.settled().await;
    let links = format!("link__in={},{}", id(&one), id(&two));
    let lists = [
        ("/api/owners/".to_owned(), 2),
        ("/api/owners/?page_size=1".to_owned(), 2),
        ("/api/owners/?display_name__icontains=ejemplo".to_owned(), 2),
        (format!("/api/owners/?{links}"), 2),
        (format!("{JOBS}?{links}"), 3),
    ];
    for (list, count) in &lists {
        assert_eq!(client.get(list).await.json()["count"], *count, "{list}");
    }
    revoke(&client, &consent).await;
    for (list, count) in &lists {
        let page = client.get(list).await.json();
        assert_eq!(page["count"], count - 1, "{list}");
        let results = page["results"].as_array().unwrap();
        assert!(results.iter().all(|object| object["link"] == two["id"]), "{list}");
    }
    app.finish().await;
}

async fn a_report_has_what_is_withheld(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let consent = grant(&client, ONE_JOB, json!({})).await;
    for _ in 0..2 {
        client.create_link(ONE_JOB, both("single")).await;
    }
    app.settled().await;
    revoke(&client, &consent).await;
    let person = json!({ "document_type": "CC", "document_number": ONE_JOB });
    let report = client.post("/manage/v1/subjects/report/", &person).await.json();
    for told in ["links", "employments", "owners"] {
        assert_eq!(report[told].as_array().map(Vec::len), Some(2), "{told}: {report}");
    }
    app.finish().await;
}

async fn an_ended_consent_stops_new_questions_alone(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    grant(&client, ONE_JOB, json!({ "expires_at": "2026-11-26T12:00:00Z" })).await;
    let link = client.create_link(ONE_JOB, both("recurrent")).await;
    app.settled().await;
    let held = objects(&client, &link).await;
    let asked = app.asked();
    app.advance(10 * DAY);
    app.settled().await;
    for (what, answer) in fetches(&client, &link).await {
        assert_denied(&answer, what);
    }
    assert_eq!(app.asked(), asked);
    for (what, answer) in reads(&client, &link, &held).await {
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    }
    grant(&client, ONE_JOB, json!({})).await;
    let body = json!({ "link": link["id"] });
    assert_eq!(client.post(JOBS, &body).await.status, 201);
    app.settled().await;
    app.finish().await;
}

async fn a_load_that_waits_asks_nothing_after_a_revocation(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let client = app.sandbox();
    let consent = grant(&client, ONE_JOB, json!({})).await;
    let link = client.create_link(ONE_JOB, both("single")).await;
    app.advance(Duration::from_secs(3600));
    let refresh = format!("{LINKS}{}/refresh/", id(&link));
    assert_eq!(client.post(&refresh, &json!({})).await.status, 202);
    let asked = app.asked();
    revoke(&client, &consent).await;
    app.start_runner().await;
    app.settled().await;
    assert_eq!(app.asked(), asked);
    grant(&client, ONE_JOB, json!({})).await;
    assert!(client.results(&format!("{JOBS}?link={}", id(&link))).await.is_empty());
    let seen = client.get(&format!("{LINKS}{}/", id(&link))).await.json();
    assert_eq!(seen["status"], "valid", "the source has refused nobody");
    app.finish().await;
}

async fn a_revocation_while_the_source_is_asked_is_kept(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let consent = grant(&client, ONE_JOB, json!({})).await;
    let link = client.create_link(ONE_JOB, both("single")).await;
    app.settled().await;
    let asked = app.asked();
    app.operator_is(Mood::Silent);
    let (waiting, body) = (client.clone(), json!({ "link": link["id"] }));
    let retrieval = tokio::spawn(async move { waiting.post(JOBS, &body).await });
    app.until_asked(asked + 1).await;
    revoke(&client, &consent).await;
    app.operator_is(Mood::Helpful);
    assert_denied(&retrieval.await.unwrap(), "the retrieval");
    assert_denied(&client.get(&format!("{JOBS}?link={}", id(&link))).await, "what it held");
    app.finish().await;
}

async fn a_document_that_is_not_stored_goes_with_its_consent(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let client = app.sandbox();
    let consent = grant(&client, ONE_JOB, json!({})).await;
    let more = json!({
        "access_mode": "single", "credentials_storage": "nostore",
        "fetch_resources": ["EMPLOYMENTS"],
    });
    let link = client.create_link(ONE_JOB, more).await;
    revoke(&client, &consent).await;
    app.start_runner().await;
    app.settled().await;
    let seen = client.get(&format!("{LINKS}{}/", id(&link))).await.json();
    assert_eq!(seen["status"], "invalid", "its first load has come and gone");
    app.finish().await;
}

async fn planillas_about_who_revoked_are_told_to_nobody(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Production, None).await;
    let client = app.production();
    assert_eq!(app.import(Environment::Production, OCTOBER).await.state, "accepted");
    let person = "1900000101";
    let consent = grant(&client, person, json!({})).await;
    let link = client.create_link(person, both("recurrent")).await;
    receiver.take::<2>().await;
    app.settled().await;
    let jobs = format!("{JOBS}?link={}", id(&link));
    let before = client.results(&jobs).await;
    revoke(&client, &consent).await;
    assert_eq!(app.import(Environment::Production, NOVEMBER).await.state, "accepted");
    app.settled().await;
    receiver.assert_quiet();
    grant(&client, person, json!({})).await;
    assert_eq!(client.results(&jobs).await, before, "as it was when the consent was taken back");
    let now = client.post(JOBS, &json!({ "link": link["id"] })).await.json();
    assert_ne!(now[0]["salary_and_benefit_details"], before[0]["salary_and_benefit_details"]);
    app.settled().await;
    app.finish().await;
}
