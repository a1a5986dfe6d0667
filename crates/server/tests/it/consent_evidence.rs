//! The evidence about a person: whole, right, and fit to be read by whoever asks for it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use crate::consents::{CONSENTS, grant, id, revoke};
use crate::support::{Answer, Client, TestApp, TestDatabase, on_both_databases};

on_both_databases!(
    the_evidence_is_whole,
    a_receipt_can_be_checked_with_the_evidence_alone,
    an_altered_receipt_is_told,
    a_person_without_consents_has_evidence_too,
    the_page_can_be_read_and_runs_nothing,
);

const EVIDENCE: &str = "/manage/v1/consents/evidence/";
const PERSON: &str = "1999000002";

fn document(number: &str) -> Value {
    json!({ "document_type": "CC", "document_number": number })
}

async fn evidence(client: &Client, number: &str) -> Value {
    let answer = client.post(EVIDENCE, &document(number)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

/// A person with a link under a contract and one under a consent, which was then taken back.
async fn fill(app: &TestApp) -> [Value; 3] {
    let client = app.sandbox();
    let mode = json!({ "access_mode": "single", "fetch_resources": ["OWNERS"] });
    let attested = client.create_link(PERSON, mode.clone()).await;
    let purpose = json!({
        "purpose": "Crédito <b>\"Ñ\"</b> & más", "proof": { "firma": "<script>alert(1)</script>" },
    });
    let consent = grant(&client, PERSON, purpose).await;
    grant(&client, "1999000001", json!({})).await;
    let consented = client.create_link(PERSON, mode).await;
    app.settled().await;
    revoke(&client, &consent).await;
    [attested, consented, consent]
}

async fn the_evidence_is_whole(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let [attested, consented, consent] = fill(&app).await;
    let client = app.sandbox();
    let evidence = evidence(&client, "1.999.000.002").await;
    assert_eq!(evidence["document_number"], PERSON);
    assert_eq!(evidence["environment"], "sandbox");
    let now = client.get(&format!("{CONSENTS}{}/", id(&consent))).await.json();
    assert_eq!(evidence["consents"], json!([now]));
    assert_eq!(evidence["chain"]["receipts"], 3);
    assert_eq!(evidence["chain"]["head"], now["receipts"][1]["hash"]);
    let receipts = evidence["receipts"].as_array().unwrap();
    let told = |receipt: &Value| {
        (receipt["number"].as_i64().unwrap(), receipt["event"].clone(), receipt["intact"].clone())
    };
    let told: Vec<_> = receipts.iter().map(told).collect();
    assert_eq!(told, [(1, json!("granted"), json!(true)), (3, json!("revoked"), json!(true))]);
    assert_eq!(receipts[0]["previous_hash"], "0".repeat(64));
    let links = |link: &Value, consent: Value, basis: &str| {
        json!({
            "id": link["id"], "created_at": link["created_at"], "consent": consent,
            "legal_basis": basis, "access_mode": "single", "status": "valid",
            "fetch_resources": ["OWNERS"],
        })
    };
    let expected = [
        links(&consented, consent["id"].clone(), "consent"),
        links(&attested, Value::Null, "contract_attestation"),
    ];
    assert_eq!(evidence["links"], json!(expected));
    let calls = evidence["source_calls"].as_array().unwrap();
    let told = |call: &Value| {
        let words = ["source", "purpose", "outcome", "legal_basis"];
        (words.map(|word| call[word].as_str().unwrap().to_owned()), call["consent"].clone())
    };
    let words = |basis: &str| ["sandbox", "check", "resolved", basis].map(str::to_owned);
    let expected =
        [(words("consent"), consent["id"].clone()), (words("contract_attestation"), Value::Null)];
    assert_eq!(calls.iter().map(told).collect::<Vec<_>>(), expected);

    // A load that asks says so too.
    let link = json!({ "link": attested["id"] });
    grant(&client, PERSON, json!({})).await;
    assert_eq!(client.post("/api/owners/", &link).await.status, 201);
    let newest = self::evidence(&client, PERSON).await["source_calls"][0].clone();
    assert_eq!((&newest["purpose"], &newest["legal_basis"]), (&json!("load"), &json!("consent")));
    let other = self::evidence(&app.production(), PERSON).await;
    assert_eq!((&other["receipts"], &other["links"]), (&json!([]), &json!([])));
    assert_ne!(other["person"], evidence["person"], "each workspace has its own name for a person");
    app.finish().await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// As docs/CONSENT.md says it is done.
async fn a_receipt_can_be_checked_with_the_evidence_alone(database: TestDatabase) {
    let app = TestApp::start(database).await;
    fill(&app).await;
    let evidence = evidence(&app.sandbox(), PERSON).await;
    let receipts = evidence["receipts"].as_array().unwrap();
    assert!(!receipts.is_empty());
    for receipt in receipts {
        let text = |name: &str| receipt[name].as_str().unwrap();
        let hashed = format!("{}\n{}", text("previous_hash"), text("body"));
        assert_eq!(hex(digest(&SHA256, hashed.as_bytes()).as_ref()), text("hash"));
        let body: Value = serde_json::from_str(text("body")).unwrap();
        let contents = &receipt["contents"];
        let mut salted = unhex(contents["salt"].as_str().unwrap());
        assert_eq!(salted.len(), 32);
        salted.extend_from_slice(contents["text"].as_str().unwrap().as_bytes());
        assert_eq!(hex(digest(&SHA256, &salted).as_ref()), body["digest"].as_str().unwrap());
        assert!(!text("body").contains(PERSON) && !text("body").contains("Crédito"));
    }
    app.finish().await;
}

async fn an_altered_receipt_is_told(database: TestDatabase) {
    let app = TestApp::start(database).await;
    fill(&app).await;
    app.database.tamper(
        "update consent_receipts set body = replace(body, '2026-03', '2025-01') where number = 1",
    );
    let evidence = evidence(&app.sandbox(), PERSON).await;
    let intact: Vec<_> =
        evidence["receipts"].as_array().unwrap().iter().map(|r| &r["intact"]).collect();
    assert_eq!(intact, [&json!(false), &json!(true)]);
    let page = page(&app.sandbox(), PERSON).await;
    assert_eq!(page.body.matches("no concuerda").count(), 1);
    app.finish().await;
}

async fn a_person_without_consents_has_evidence_too(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let nothing = evidence(&client, "1999000900").await;
    for list in ["consents", "receipts", "links", "source_calls"] {
        assert_eq!(nothing[list], json!([]), "{list}");
    }
    assert_eq!(nothing["chain"], json!({ "receipts": 0, "head": null }));
    let refused = client.post(EVIDENCE, &json!({})).await;
    assert_eq!(refused.codes(), ["required", "required"]);
    let refused = client.post(&format!("{EVIDENCE}?format=pdf"), &document(PERSON)).await;
    assert_eq!(refused.codes(), ["invalid_choice"]);
    assert_eq!(app.stranger().post(EVIDENCE, &document(PERSON)).await.status, 401);
    app.finish().await;
}

async fn page(client: &Client, number: &str) -> Answer {
    client.post(&format!("{EVIDENCE}?format=html"), &document(number)).await
}

async fn the_page_can_be_read_and_runs_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let [_, _, consent] = fill(&app).await;
    let client = app.sandbox();
    let page = page(&client, PERSON).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let request = client.request(Method::POST, EVIDENCE).json(&document(PERSON));
    let accepted = client.send(request.header("accept", "text/html,*/*;q=0.8")).await;
    assert_eq!(accepted.body, page.body);
    for text in [
        "<html lang=\"es\">",
        "Prueba de la autorización del titular",
        PERSON,
        id(&consent),
        "Crédito &lt;b&gt;&quot;Ñ&quot;&lt;/b&gt; &amp; más",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "declaración contractual del responsable",
        "revocada",
    ] {
        assert!(page.body.contains(text), "{text} is missing");
    }
    for text in ["<script", "<b>", "<img", "<a ", "http://", "https://"] {
        assert!(!page.body.contains(text), "{text} is in the page");
    }
    let (_, rest) = page.body.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    assert_eq!(page.header("content-security-policy"), Some(policy.as_str()));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    app.finish().await;
}
