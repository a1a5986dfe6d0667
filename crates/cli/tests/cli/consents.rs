//! The chains of receipts, verified beside a server that goes on.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Installation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chains_are_verified_beside_a_server_on_sqlite() {
    let installation = Installation::sqlite();
    verified_beside_a_server(&installation).await;
    let data = rusqlite::Connection::open(installation.data_dir().join("vinculo.db"));
    data.expect("the data").execute(ALTER, []).expect("altered");
    altered(&installation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chains_are_verified_beside_a_server_on_postgres() {
    let installation = Installation::postgres();
    verified_beside_a_server(&installation).await;
    installation.sql(ALTER);
    altered(&installation);
}

const CONSENTS: &str = "/manage/v1/consents/";
const ALTER: &str = "update consent_receipts set body = replace(body, 'v1', 'v2') where number = 1";

async fn post(client: &Client, path: &str, body: &Value) -> Value {
    let answer = client.ask(Method::POST, path).json(body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}

async fn verified_beside_a_server(installation: &Installation) {
    let (mut server, base) = installation.serve().await;
    let client = installation.client("sandbox", &base);
    let nothing = installation.run(&["consents", "verify", "--json"]).json();
    assert_eq!(nothing["ok"], true);
    let grant = json!({
        "document_type": "CC", "document_number": "1999000001", "resources": ["EMPLOYMENTS"],
        "purpose": "Estudio de crédito", "method": "upload", "text_version": "v1",
        "language": "es", "granted_at": "2026-01-02T03:04:05Z",
    });
    let consent = post(&client, CONSENTS, &grant).await;
    let id = consent["id"].as_str().expect("an id");
    let first = consent["receipts"][0]["hash"].as_str().expect("a hash");
    let revoked = post(&client, &format!("{CONSENTS}{id}/revoke/"), &json!({})).await;
    let head = revoked["receipts"][1]["hash"].as_str().expect("a hash");

    let verified = installation.run(&["consents", "verify", "--json", "--head", first]).json();
    assert_eq!(verified["ok"], true);
    let chain = &verified["chains"][0];
    assert_eq!((&chain["receipts"], &chain["head"]), (&json!(2), &json!(head)));
    assert_eq!(verified["heads"], json!([{ "hash": first, "found": ["sandbox", 1] }]));
    let said = installation.run(&["consents", "verify", "--head", head]).accepted();
    for line in ["2 receipts, whole", &format!("head {head}"), "head found: receipt 2 of sandbox"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let unknown = "0".repeat(64);
    let lost = installation.run(&["consents", "verify", "--head", &unknown]);
    assert_eq!(lost.code, Some(1));
    assert!(lost.stdout.contains(&format!("head in no chain: {unknown}")), "{lost:?}");
    let none = installation.run(&["consents", "verify", "--head", "beef"]);
    assert!(none.stderr.contains("expected 64 hexadecimal digits"), "{none:?}");

    let listed = installation.run(&["consents", "list", "--json"]).json();
    assert_eq!((&listed["id"], &listed["status"]), (&json!(id), &json!("revoked")));
    let told = installation.run(&["consents", "list"]).accepted();
    assert!(told.starts_with(&format!("{id} sandbox revoked EMPLOYMENTS v1 (upload)")), "{told}");
    assert!(!told.contains("1999000001") && !listed.to_string().contains("1999000001"));
    server.terminate();
    assert!(server.ended().await.success());
}

fn altered(installation: &Installation) {
    let found = installation.run(&["consents", "verify"]);
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.stdout.contains("receipt 1 (consent "), "{found:?}");
    assert!(found.stdout.contains("it was altered"), "{found:?}");
    let found = installation.run(&["consents", "verify", "--json"]);
    let told: Value = serde_json::from_str(&found.stdout).expect("JSON");
    let broken = &told["chains"][0]["broken"];
    assert_eq!((found.code, &broken["number"]), (Some(1), &json!(1)));
    assert_eq!(broken["why"], "it was altered");
}
