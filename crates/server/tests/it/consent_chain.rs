//! The chain of receipts: whatever is done to it is found.

use serde_json::json;
use vinculo_server::consents::{ChainReport, Verified, list, verify};

use crate::consents::{CONSENTS, grant, id, request, revoke};
use crate::support::{Client, TestApp, TestDatabase, on_both_databases};

on_both_databases!(
    a_chain_that_nobody_touched_holds,
    an_altered_receipt_is_found,
    a_removed_receipt_is_found,
    receipts_in_another_order_are_found,
    an_inserted_receipt_is_found,
    a_rewritten_chain_does_not_hold_a_noted_head,
    an_end_cut_off_is_found_by_a_noted_head,
    an_altered_consent_is_found,
    receipts_outlive_the_person,
    consents_given_at_once_make_one_chain,
);

const PERSON: &str = "1999000001";

/// Verifies as the command does, away from the async runtime.
async fn verified(app: &TestApp, heads: &[&str]) -> Verified {
    let (store, secrets) = (app.app.store().clone(), app.app.all_secrets().clone());
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let verifying = tokio::task::spawn_blocking(move || verify(&store, &secrets, &heads));
    verifying.await.unwrap().expect("not verified")
}

pub(crate) async fn sandbox(app: &TestApp) -> ChainReport {
    let mut chains = verified(app, &[]).await.chains.into_iter();
    chains.find(|chain| chain.environment == "sandbox").expect("no chain")
}

/// Three consents of two people, the second of them taken back: four receipts.
async fn fill(client: &Client) {
    grant(client, PERSON, json!({})).await;
    let second = grant(client, "1999000002", json!({})).await;
    grant(client, PERSON, json!({ "resources": ["OWNERS"] })).await;
    revoke(client, &second).await;
}

/// Does something to a chain of four receipts in the sandbox, where the first place that does not fit
/// must be `number`, and undoes it.
async fn found(app: &TestApp, statements: &str, number: i64, why: &str) {
    app.database.tamper(statements);
    let chain = sandbox(app).await;
    let broken = chain.broken.unwrap_or_else(|| panic!("not found: {statements}"));
    assert_eq!((broken.number, broken.why), (Some(number), why), "{statements}");
    assert!(!verified(app, &[]).await.ok);
}

async fn filled(database: TestDatabase) -> TestApp {
    let app = TestApp::start(database).await;
    fill(&app.sandbox()).await;
    assert_eq!(sandbox(&app).await.broken, None);
    app
}

/// A statement's condition for a receipt of the sandbox, the first workspace.
fn at(number: i64) -> String {
    format!("where workspace_id = 1 and number = {number}")
}

async fn a_chain_that_nobody_touched_holds(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let empty = verified(&app, &[]).await;
    assert!(empty.ok);
    for chain in &empty.chains {
        assert_eq!((chain.receipts, &chain.head, &chain.broken), (0, &None, &None));
    }
    fill(&app.sandbox()).await;
    grant(&app.production(), PERSON, json!({})).await;
    let newest = app.sandbox().results(&format!("{CONSENTS}?status=revoked")).await;
    let head = newest[0]["receipts"][1]["hash"].as_str().unwrap();
    let oldest = app.sandbox().results(CONSENTS).await;
    let old = oldest[2]["receipts"][0]["hash"].as_str().unwrap().to_uppercase();
    let nowhere = "0".repeat(64);
    let whole = verified(&app, &[head, &old]).await;
    assert!(whole.ok);
    let told: Vec<_> = whole.chains.iter().map(|c| (c.environment, c.receipts)).collect();
    assert_eq!(told, [("sandbox", 4), ("production", 1)]);
    assert_eq!(whole.chains[0].head.as_deref(), Some(head));
    let heads: Vec<_> = whole.heads.iter().map(|head| head.found).collect();
    assert_eq!(heads, [Some(("sandbox", 4)), Some(("sandbox", 1))]);
    let missing = verified(&app, &[&nowhere]).await;
    assert_eq!((missing.ok, missing.heads[0].found), (false, None));

    let (store, secrets) = (app.app.store().clone(), app.app.all_secrets().clone());
    let now = app.app.now_micros();
    let listing = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        list(&store, &secrets, now, |consent| {
            all.push((consent.environment, consent.status, consent.resources.len()));
        })
        .map(|()| all)
    });
    let listed = listing.await.unwrap().expect("not listed");
    let expected = [
        ("sandbox", "valid", 1),
        ("sandbox", "revoked", 2),
        ("sandbox", "valid", 2),
        ("production", "valid", 2),
    ];
    assert_eq!(listed, expected);
    app.finish().await;
}

async fn an_altered_receipt_is_found(database: TestDatabase) {
    let app = filled(database).await;
    let altered = |change: &str| format!("update consent_receipts set {change} {}", at(2));
    let text = altered("body = replace(body, 'EMPLOYMENTS', 'OWNERS')");
    found(&app, &text, 2, "it was altered").await;
    app.finish().await;
}

async fn a_removed_receipt_is_found(database: TestDatabase) {
    let app = filled(database).await;
    let remove = format!("delete from consent_receipts {}", at(2));
    found(&app, &remove, 3, "the receipt before it is missing").await;
    // Closing the gap changes what is found, not that it is found.
    let close = "update consent_receipts set number = number - 1 \
                 where workspace_id = 1 and number > 2";
    found(&app, close, 2, "it does not follow the receipt before it").await;
    app.finish().await;
}

async fn receipts_in_another_order_are_found(database: TestDatabase) {
    let app = filled(database).await;
    let swap = [(2, 9), (3, 2), (9, 3)]
        .map(|(from, to)| format!("update consent_receipts set number = {to} {};", at(from)));
    found(&app, &swap.concat(), 2, "it does not follow the receipt before it").await;
    app.finish().await;
}

async fn an_inserted_receipt_is_found(database: TestDatabase) {
    let app = filled(database).await;
    let insert = format!(
        "update consent_receipts set number = number + 100 where workspace_id = 1 and number > 2; \
         update consent_receipts set number = number - 99 where workspace_id = 1 and number > 100; \
         insert into consent_receipts (workspace_id, number, person_index, consent, body, \
         previous_hash, hash) select workspace_id, 3, person_index, consent, body, hash, hash \
         from consent_receipts {}",
        at(2)
    );
    found(&app, &insert, 3, "it was altered").await;
    app.finish().await;
}

/// Whoever can compute hashes can write a whole chain anew. It does not hold what was noted before.
async fn a_rewritten_chain_does_not_hold_a_noted_head(database: TestDatabase) {
    let app = filled(database).await;
    let head = sandbox(&app).await.head.expect("a head");
    app.database.tamper(
        "delete from consent_receipts where workspace_id = 1; \
         delete from consents where workspace_id = 1",
    );
    let client = app.sandbox();
    fill(&client).await;
    assert_eq!(sandbox(&app).await.broken, None);
    let noted = verified(&app, &[&head]).await;
    assert_eq!((noted.ok, noted.heads[0].found), (false, None));
    app.finish().await;
}

async fn an_end_cut_off_is_found_by_a_noted_head(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    grant(&client, PERSON, json!({})).await;
    grant(&client, "1999000002", json!({})).await;
    let head = sandbox(&app).await.head.expect("a head");
    app.database.tamper(&format!("delete from consent_receipts {}", at(2)));
    let lacking = sandbox(&app).await.broken.expect("a consent without its receipt");
    assert_eq!((lacking.number, lacking.why), (None, "a consent has no receipt of what was done"));
    // Nothing in the database tells once the consent is gone too.
    app.database.tamper("delete from consents where text_version = '2026-03' and id = 2");
    assert!(verified(&app, &[]).await.ok);
    assert!(!verified(&app, &[&head]).await.ok);
    app.finish().await;
}

async fn an_altered_consent_is_found(database: TestDatabase) {
    let app = filled(database).await;
    let wrong = "its consent was altered";
    let undone = |column: &str, as_before: &str| {
        app.database.tamper(&format!("update consents set {column} = {as_before} where id = 1"));
    };
    for (column, altered, as_before) in [
        ("resources", "'OWNERS'", "'EMPLOYMENTS,OWNERS'"),
        ("expires_at", "1900000000000000", "null"),
        ("granted_at", "granted_at - 1", "granted_at + 1"),
        ("text_version", "'2025-01'", "'2026-03'"),
        ("method", "'upload'", "'api_attestation'"),
        ("created_at", "created_at - 1", "created_at + 1"),
    ] {
        let alter = format!("update consents set {column} = {altered} where id = 1");
        found(&app, &alter, 1, wrong).await;
        undone(column, as_before);
        assert_eq!(sandbox(&app).await.broken, None, "{column}");
    }
    // A revocation cannot be undone unseen, nor made up.
    let undo = "update consents set revoked_at = null where id = 2";
    found(&app, undo, 4, wrong).await;
    app.database
        .tamper(&format!("update consents set revoked_at = {} where id = 2", app.app.now_micros()));
    assert_eq!(sandbox(&app).await.broken, None);
    let make_up = "update consents set revoked_at = 1900000000000000 where id = 3";
    app.database.tamper(make_up);
    assert_eq!(sandbox(&app).await.broken.expect("not found").number, None);
    app.database.tamper("update consents set revoked_at = null where id = 3");
    // What is sealed cannot be put beside another receipt, not even the same person's.
    let swap = "update consents set sealed = (select sealed from consents where id = 3) \
                where id = 1";
    found(&app, swap, 1, wrong).await;
    app.finish().await;
}

async fn receipts_outlive_the_person(database: TestDatabase) {
    let app = filled(database).await;
    let client = app.sandbox();
    let before = sandbox(&app).await;
    let person = json!({ "document_type": "CC", "document_number": PERSON });
    let erased = client.post("/manage/v1/subjects/erase/", &person).await.json();
    assert_eq!(erased["known"], true);
    let after = sandbox(&app).await;
    assert_eq!((after.receipts, after.broken), (5, None), "one more: of the erasure");
    assert!(verified(&app, &[&before.head.expect("a head")]).await.ok);
    assert_eq!(client.results(CONSENTS).await.len(), 1, "the other person's");
    for hidden in [PERSON, "Estudio de"] {
        assert!(!app.database.shows(hidden), "{hidden} can be read");
    }
    let evidence = client.post(&format!("{CONSENTS}evidence/"), &person).await.json();
    let receipts = evidence["receipts"].as_array().unwrap();
    let events: Vec<_> = receipts.iter().map(|receipt| &receipt["event"]).collect();
    assert_eq!(events, ["granted", "granted", "erased"]);
    for receipt in receipts {
        assert_eq!((&receipt["contents"], &receipt["intact"]), (&json!(null), &json!(true)));
    }
    assert!(receipts[2]["body"].as_str().unwrap().contains(id(&erased["receipt"])));
    assert_eq!((&evidence["consents"], &evidence["links"]), (&json!([]), &json!([])));
    assert_eq!(
        evidence["person"],
        serde_json::from_str::<serde_json::Value>(receipts[0]["body"].as_str().unwrap()).unwrap()["person"]
    );

    // Somebody who comes back adds to the same chain; a consent that vanishes then is missed.
    let consent = grant(&client, PERSON, json!({})).await;
    assert_eq!(consent["receipts"][0]["number"], 6);
    assert_eq!(sandbox(&app).await.broken, None);
    let again = client.post("/manage/v1/subjects/erase/", &person).await.json();
    assert_ne!(again["receipt"]["id"], erased["receipt"]["id"]);
    assert_eq!(sandbox(&app).await.broken, None);
    app.database.tamper("delete from consents where workspace_id = 1");
    let broken = sandbox(&app).await.broken.expect("not found");
    let expected = (Some(2), "its consent is gone without an erasure");
    assert_eq!((broken.number, broken.why), expected);
    app.finish().await;
}

async fn consents_given_at_once_make_one_chain(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let all = (0..16).map(|n| {
        let (client, number) = (client.clone(), format!("19990009{:02}", n % 5));
        tokio::spawn(
            async move { client.post(CONSENTS, &request(&number, json!({}))).await.status },
        )
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), 201);
    }
    let chain = sandbox(&app).await;
    assert_eq!((chain.receipts, chain.broken), (16, None));
    app.finish().await;
}
