//! The chain of receipts: whatever is done to it is found.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;
use vinculo_server::consents::{ChainReport, Verified, list, verify};
use vinculo_store::{ConsentReceipt, Environment, NewConsent, WorkspaceId};
use vinculo_vault::Context;

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
    a_revocation_taken_out_of_the_chain_is_found_without_a_head,
    a_chain_written_without_the_keys_is_found,
    receipts_of_earlier_versions_hold,
    what_stands_beside_the_chain_is_held_against_it,
);

const PERSON: &str = "1999000001";
const BEYOND: &str = "the audit log tells of a consent or revocation without receipt";

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

/// Whoever has data and keys can write a whole chain anew. It does not hold what was noted before.
async fn a_rewritten_chain_does_not_hold_a_noted_head(database: TestDatabase) {
    let app = filled(database).await;
    let head = sandbox(&app).await.head.expect("a head");
    app.database.tamper(
        "delete from consent_receipts where workspace_id = 1; \
         delete from consents where workspace_id = 1",
    );
    let client = app.sandbox();
    fill(&client).await;
    let beyond = sandbox(&app).await.broken.expect("the audit log knows of the others");
    assert_eq!((beyond.number, beyond.why), (None, BEYOND));
    app.database.tamper(
        "delete from audit_entries where id in (select id from audit_entries \
         where action like 'consent.%' order by id limit 4)",
    );
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
    // Nothing but the audit log tells once the consent is gone too.
    app.database.tamper("delete from consents where text_version = '2026-03' and id = 2");
    assert_eq!(sandbox(&app).await.broken.expect("not found").why, BEYOND);
    app.database.tamper(
        "delete from audit_entries where id = \
         (select max(id) from audit_entries where action = 'consent.recorded')",
    );
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

fn workspace(app: &TestApp) -> WorkspaceId {
    app.app.secrets_of(Environment::Sandbox).unwrap().workspace().id
}

async fn receipts(app: &TestApp) -> Vec<ConsentReceipt> {
    let workspace = workspace(app);
    let read = app.app.store().read(move |tx| tx.consent_receipts_after(workspace, 0, 100));
    read.await.expect("not read")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the chain of the sandbox anew as whoever has the database alone can: these receipts in this
/// order, with plain hashes and the seals that they had.
async fn rewrite(app: &TestApp, mut chain: Vec<ConsentReceipt>) {
    let (workspace, mut previous) = (workspace(app), [0; 32]);
    for (number, receipt) in (1..).zip(&mut chain) {
        let own = format!("\"number\":{}", receipt.number);
        receipt.body = receipt.body.replace(&own, &format!("\"number\":{number}"));
        (receipt.number, receipt.previous) = (number, previous);
        let text = format!("{}\n{}", hex(&previous), receipt.body);
        previous.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        receipt.hash = previous;
    }
    app.database.tamper("delete from consent_receipts where workspace_id = 1");
    let written = app.app.store().write(move |tx| {
        chain.iter().try_for_each(|receipt| tx.insert_consent_receipt(workspace, receipt))
    });
    written.await.expect("not written");
}

/// What is wrong with the sandbox's chain.
async fn wrong(app: &TestApp) -> (Option<i64>, &'static str) {
    let broken = sandbox(app).await.broken.expect("nothing is found");
    (broken.number, broken.why)
}

async fn a_revocation_taken_out_of_the_chain_is_found_without_a_head(database: TestDatabase) {
    let app = filled(database).await;
    let whole = receipts(&app).await;
    app.database.tamper("update consents set revoked_at = null, sealed_revocation = null");
    rewrite(&app, whole[..3].to_vec()).await;
    assert_eq!(wrong(&app).await, (None, BEYOND));
    app.database.tamper("delete from audit_entries where action = 'consent.revoked'");
    let why = "it was revoked, and holds: `vinculo vault settle` takes it back";
    assert_eq!(wrong(&app).await, (None, why), "kept beside the keys");

    // Nor can one be taken out before the end.
    grant(&app.sandbox(), PERSON, json!({})).await;
    let longer = receipts(&app).await;
    rewrite(&app, [&longer[..1], &longer[2..]].concat()).await;
    assert_eq!(wrong(&app).await, (Some(2), "it was not made with the keys of this installation"));
    app.finish().await;
}

async fn a_chain_written_without_the_keys_is_found(database: TestDatabase) {
    let app = filled(database).await;
    let mut chain = receipts(&app).await;
    let longer = chain[0]
        .body
        .replace("\"expires_at\":null", "\"expires_at\":\"2036-01-01T00:00:00.000000Z\"");
    assert_ne!(longer, chain[0].body);
    chain[0].body = longer;
    app.database.tamper("update consents set expires_at = 2082758400000000 where id = 1");
    rewrite(&app, chain.clone()).await;
    assert_eq!(wrong(&app).await, (Some(1), "it was not made with the keys of this installation"));
    chain.iter_mut().for_each(|receipt| receipt.seal = None);
    rewrite(&app, chain).await;
    assert_eq!(wrong(&app).await, (Some(1), "its seal is missing"));
    app.finish().await;
}

/// Makes the consents and receipts of the sandbox what an earlier version would have made.
async fn as_earlier(app: &TestApp) {
    let (workspace, vault) = (workspace(app), app.app.all_secrets().vault().clone());
    let mut chain = receipts(app).await;
    for receipt in &mut chain {
        receipt.seal = None;
        let id = receipt.consent.expect("a consent");
        let read = app.app.store().read(move |tx| tx.consent(workspace, id)).await;
        let consent = read.expect("not read").expect("not found");
        let (key, context) = (
            vault.unwrap_key(&consent.key).unwrap(),
            Context::of_uuid("consents", id.into_bytes()),
        );
        let salted = key.open(context, &consent.sealed).unwrap();
        let text =
            std::str::from_utf8(&salted[32..]).unwrap().replace(",\"sealed_receipt\":true", "");
        let earlier = [&salted[..32], text.as_bytes()].concat();
        assert_ne!(earlier.len(), salted.len());
        let digest_of = |bytes: &[u8]| hex(digest(&SHA256, bytes).as_ref());
        receipt.body = receipt.body.replace(&digest_of(&salted), &digest_of(&earlier));
        let sealed = key.seal(context, &earlier).unwrap();
        app.database
            .tamper(&format!("delete from consents where created_at = {}", consent.created_at));
        let written = app.app.store().write(move |tx| {
            tx.insert_consent(&NewConsent {
                uuid: id,
                workspace,
                subject: consent.subject,
                terms: &consent.terms,
                created_at: consent.created_at,
                sealed: &sealed,
            })
        });
        written.await.expect("not written");
    }
    rewrite(app, chain).await;
}

async fn receipts_of_earlier_versions_hold(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    for number in [PERSON, "1999000002"] {
        grant(&client, number, json!({})).await;
        app.advance(std::time::Duration::from_secs(1));
    }
    as_earlier(&app).await;
    let earlier = sandbox(&app).await;
    assert_eq!((earlier.receipts, earlier.broken), (2, None));
    let newest = grant(&client, PERSON, json!({})).await;
    assert_eq!((&newest["receipts"][0]["number"], sandbox(&app).await.broken), (&json!(3), None));
    // The first that has a seal is one for all before it.
    let mut chain = receipts(&app).await;
    let person = chain[1].person;
    chain.remove(0);
    app.database.tamper("delete from audit_entries");
    rewrite(&app, chain.clone()).await;
    assert_eq!(wrong(&app).await, (Some(2), "it was not made with the keys of this installation"));
    assert_eq!(chain[0].person, person);
    chain.iter_mut().for_each(|receipt| receipt.seal = None);
    rewrite(&app, chain).await;
    assert_eq!(wrong(&app).await, (Some(2), "its seal is missing"));
    app.finish().await;
}

async fn what_stands_beside_the_chain_is_held_against_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let consent = grant(&client, PERSON, json!({})).await;
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    client.create_link(PERSON, more).await;
    app.settled().await;
    revoke(&client, &consent).await;
    assert_eq!(sandbox(&app).await.broken, None);
    app.database.tamper("update employments set withheld = 0");
    assert_eq!(wrong(&app).await, (None, "it was revoked, and what it let be shown is shown"));
    app.database.tamper("update employments set withheld = 1");
    assert_eq!(sandbox(&app).await.broken, None);
    app.database.tamper("delete from subjects");
    assert_eq!(wrong(&app).await, (None, "the person of a consent is gone without an erasure"));
    app.finish().await;
}
