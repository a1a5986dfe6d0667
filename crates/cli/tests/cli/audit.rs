//! The audit log from the command line: verified, exported, and a report about a person.

use serde_json::Value;

use crate::support::Installation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_verified_and_exported_on_sqlite() {
    the_log_is_verified_and_exported(&Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_verified_and_exported_on_postgres() {
    the_log_is_verified_and_exported(&Installation::postgres()).await;
}

async fn the_log_is_verified_and_exported(installation: &Installation) {
    let run = |arguments: &[&str]| installation.run(arguments);
    let (mut server, base) = installation.serve().await;
    let client = installation.client("sandbox", &base);
    let link = client.link("1999000002").await.0;
    client.get(&format!("/api/owners/?link={link}")).await;
    server.terminate();
    assert!(server.ended().await.success());

    // What the server had in memory is written and chained when it ends.
    let verified = run(&["audit", "verify", "--json"]).json();
    assert_eq!(verified["fault"], Value::Null);
    let head = verified["chains"][0]["head"].as_str().expect("an end").to_owned();
    let said = run(&["audit", "verify", "--head", &head]).accepted();
    assert!(said.contains(&head) && said.contains("every chain is sound"), "{said}");

    let exported = run(&["audit", "export"]).accepted();
    let entries: Vec<Value> =
        exported.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let of = |action: &str| entries.iter().filter(|entry| entry["action"] == action).count();
    assert_eq!([of("key.created"), of("link.created"), of("owners.read")], [1, 1, 1]);
    assert_eq!(of("audit.exported"), 1, "the export itself");
    let none = run(&["audit", "export", "--environment", "production"]).accepted();
    assert!(!none.contains("owners.read"), "{none}");

    let about = ["--document", "CC:1999000002", "--environment", "sandbox"];
    let report = run(&[&["subjects", "report"], &about[..]].concat()).json();
    assert_eq!(report["links"][0]["id"], link.as_str());

    let (rest, hash) = head.rsplit_once(':').expect("an end");
    let other: String = hash.chars().map(|c| if c == '0' { '1' } else { '0' }).collect();
    let failed = run(&["audit", "verify", "--head", &format!("{rest}:{other}")]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stdout.contains("was written anew"), "{failed:?}");
    let malformed = run(&["audit", "verify", "--head", "nothing"]);
    assert_eq!(malformed.code, Some(2), "{malformed:?}");
    assert!(malformed.stderr.contains("CHAIN:SEQUENCE:HASH"), "{malformed:?}");
}
