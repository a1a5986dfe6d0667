//! Master keys that are given by a command, and their rotation.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Installation, Process, finished, in_the_end, look_again};

const FIRST: &str = "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SECOND: &str = "2:f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn with_keys(mut command: Command, keys: &str) -> Command {
    command.env("VINCULO_MODE", "production").env("VINCULO_MASTER_KEY", keys);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_beside_a_server_on_sqlite() {
    rotated_beside_a_server(&Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_beside_a_server_on_postgres() {
    rotated_beside_a_server(&Installation::postgres()).await;
}

async fn rotated_beside_a_server(installation: &Installation) {
    let both = format!("{FIRST} {SECOND}");
    let run = |arguments: &[&str], keys: &str| {
        finished(&mut with_keys(installation.command(arguments), keys))
    };
    let serve = with_keys(installation.serve_command(), FIRST);
    let (mut server, base) = Process::start_listening(&mut { serve }).await;
    let key = run(&["keys", "create", "--environment", "sandbox", "--json"], FIRST).json();
    let text = |name: &str| key[name].as_str().expect("a text").to_owned();
    let key = crate::support::Key { id: text("secret_id"), password: text("secret_password") };
    let client = crate::support::Client::new(&base, key);
    let link = client.link("1999000002").await;
    server.terminate();
    assert!(server.ended().await.success());
    let status = run(&["vault", "status", "--json"], FIRST).json();
    let versions = json!([{ "version": 1, "workspaces": 2, "people": 1 }]);
    assert_eq!(status, json!({ "newest": 1, "root": 1, "versions": versions, "not_needed": [] }));

    let serve = with_keys(installation.serve_command(), &both);
    let (mut server, base) = Process::start_listening(&mut { serve }).await;
    let client = client.at(&base);
    let rotated = run(&["vault", "rotate"], &both).accepted();
    let said = "4 keys wrapped anew\n\
        version 2 (newest): 2 workspaces, 1 people\n\
        root key: version 2\n\
        version 1 is no longer needed\n";
    assert_eq!(rotated, said);
    let again = run(&["vault", "rotate", "--json"], &both).json();
    assert_eq!(again["rewrapped"], 0);
    let found = client.links().await;
    assert_eq!(found, std::slice::from_ref(&link), "the server goes on");
    client.link("1999000001").await;
    server.terminate();
    assert!(server.ended().await.success());

    let refused = run(&["vault", "status"], FIRST).refused();
    assert_eq!(refused, "master key version 2 is needed and was not given");
    let serve = with_keys(installation.serve_command(), SECOND);
    let (_server, base) = Process::start_listening(&mut { serve }).await;
    assert_eq!(client.at(&base).links().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_are_rotated_without_a_server_on_sqlite() {
    indexes_rotated(&Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_are_rotated_without_a_server_on_postgres() {
    indexes_rotated(&Installation::postgres()).await;
}

async fn indexes_rotated(installation: &Installation) {
    let (mut server, base) = Process::start_listening(&mut installation.serve_command()).await;
    let key = installation.run(&["keys", "create", "--environment", "sandbox", "--json"]).json();
    let text = |name: &str| key[name].as_str().expect("a text").to_owned();
    let key = crate::support::Key { id: text("secret_id"), password: text("secret_password") };
    let client = crate::support::Client::new(&base, key);
    let link = client.link("1999000002").await;
    let rotate = ["vault", "rotate-index", "--json"];
    let refused = installation.run(&rotate).refused();
    assert!(refused.contains("stop every server and command first"), "{refused}");
    server.terminate();
    assert!(server.ended().await.success());

    // PostgreSQL notices a little later that the connections have ended.
    let done = in_the_end("the end of all connections", async {
        loop {
            let done = installation.run(&rotate);
            if done.code == Some(0) {
                return done.json();
            }
            assert!(done.stderr.contains("stop every server"), "{done:?}");
            look_again().await;
        }
    });
    let done = done.await;
    assert_eq!(done["version"], 2);
    let people = json!({ "column": "subjects.document_index", "values": 1 });
    assert!(done["columns"].as_array().expect("columns").contains(&people), "{done}");
    let (_server, base) = Process::start_listening(&mut installation.serve_command()).await;
    let client = client.at(&base);
    assert_eq!(client.links().await, [link]);
    client.link("1999000002").await;
    let show = ["subjects", "report", "--environment", "sandbox", "--document", "CC:1999000002"];
    let report = installation.run(&show).json();
    assert_eq!(report["links"].as_array().map(Vec::len), Some(2), "one person has both");
}

#[test]
fn what_is_old_is_told_and_removed() {
    let installation = Installation::sqlite();
    installation.make();
    installation.run(&["organizations", "create", "Ejemplo"]).accepted();
    let report = ["retention", "report", "--json", "--audit-days", "30"];
    let places = installation.run(&report).json_lines();
    let named = |place: &Value| (place["organization"].clone(), place["environment"].clone());
    let names: Vec<_> = places.iter().map(named).collect();
    let (one, other) = (json!("default"), json!("Ejemplo"));
    let expected = [
        (one.clone(), json!("sandbox")),
        (one, json!("production")),
        (other.clone(), json!("sandbox")),
        (other, json!("production")),
        (json!(null), json!(null)),
    ];
    assert_eq!(names, expected);
    assert_eq!(places[4]["rules"][0]["days"], 30);
    let text = installation.run(&["retention", "report", "--retention-max-days", "7"]).accepted();
    assert!(text.contains("Ejemplo production\n") && text.contains("installation\n"), "{text}");
    assert!(text.contains("events             kept 7 days"), "{text}");
    assert!(text.contains("audit_entries      kept for ever"), "{text}");
    let removed = installation.run(&["retention", "run", "--json"]).json_lines();
    assert!(removed.len() > 5 && removed.iter().all(|rule| rule["rows"] == 0), "{removed:?}");
    let refused = installation.run(&["retention", "run", "--audit-days", "0"]);
    assert!(refused.stderr.contains("1..=36500"), "{refused:?}");
}

#[test]
fn a_command_gives_the_key() {
    let installation = Installation::sqlite();
    installation.make();
    let create = ["keys", "create", "--environment", "production"];
    let with_command = |given: &str| {
        let mut command = installation.command(&create);
        command.env("VINCULO_MODE", "production").env("VINCULO_MASTER_KEY_COMMAND", given);
        command.env("PATH", "/usr/bin:/bin");
        command
    };
    finished(&mut with_command(&format!("echo {FIRST}"))).accepted();
    let file = installation.folder().join("given.key");
    std::fs::write(&file, FIRST).expect("a file");
    finished(&mut with_command("cat given.key")).accepted();
    // It is told none of the other secrets.
    let alone = format!("env | grep -q ^VINCULO_ && exit 7; echo {FIRST}");
    let mut told = with_command(&alone);
    finished(told.env("VINCULO_ACH_PASSWORD", "s3cret")).accepted();
    finished(&mut with_keys(installation.command(&create), FIRST)).accepted();

    let mut refusals = Vec::new();
    for given in ["exit 3", "echo s3cret", "true", "printf '\\377'"] {
        refusals.push(finished(&mut with_command(given)).refused());
    }
    let mut twice = with_command("cat given.key");
    refusals.push(finished(twice.env("VINCULO_MASTER_KEY_FILE", &file)).refused());
    insta::assert_snapshot!(refusals.join("\n"));
}
