//! Keys, webhooks, migrations and the OpenAPI document.

use std::collections::BTreeSet;

use serde_json::Value;
use vinculo_store::{Environment, PageRequest};

use crate::support::{
    Installation, Process, Receiver, finished, in_the_end, look_again, sample, vinculo,
};

#[test]
fn a_key_is_three_texts() {
    let installation = Installation::sqlite();
    installation.make();
    for environment in ["sandbox", "production"] {
        let create = ["keys", "create", "--environment", environment, "--name", "n", "--json"];
        let mut key = installation.run(&create).json();
        let password = key["secret_password"].as_str().expect("a text");
        let url_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        assert!(password.len() == 43 && password.chars().all(url_safe), "256 bits");
        let id = key["secret_id"].as_str().expect("a text");
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        let all = key.as_object_mut().expect("an object");
        let names: Vec<_> = all.keys().map(String::as_str).collect();
        assert_eq!(names, ["secret_id", "secret_password", "environment"]);
        assert_eq!(all["environment"], environment);
    }
}

#[test]
fn no_two_keys_are_alike() {
    let installation = Installation::sqlite();
    let keys: Vec<_> = (0..3).map(|_| installation.key("sandbox")).collect();
    let different: BTreeSet<_> = keys.iter().flat_map(|key| [&key.id, &key.password]).collect();
    assert_eq!(different.len(), 6);
}

#[test]
fn a_key_for_people_says_that_it_is_seen_once() {
    let installation = Installation::sqlite();
    installation.make();
    let told = installation.run(&["keys", "create", "--environment", "sandbox"]).accepted();
    let first_words: Vec<_> = told.lines().map(|line| line.split("  ").next()).collect();
    let password = first_words[1].expect("a line");
    assert_eq!(first_words[0], Some("Secret ID"));
    assert!(password.starts_with("Secret Password "), "{password}");
    let last = "Opens sandbox. The password is not shown again.";
    assert_eq!(first_words[2..], [Some(last)]);
}

#[test]
fn commands_say_what_is_missing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (arguments, missing) in [
        (&["keys", "create"][..], "--environment <ENVIRONMENT>"),
        (&["webhooks", "create", "--environment", "sandbox"], "--url <URL>"),
        (&["pila", "import", "--environment", "sandbox"], "<FILE>..."),
        (&["pila", "check"], "<FILE>..."),
    ] {
        let done = finished(&mut vinculo(folder.path(), arguments.iter().copied()));
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(done.stderr.starts_with("error: "), "{}", done.stderr);
        assert!(done.stderr.contains(missing), "{}", done.stderr);
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn a_webhook_that_cannot_be_called_is_refused() {
    let installation = Installation::sqlite();
    installation.make();
    let create = |url: &str, authorization: &str| {
        let arguments = ["webhooks", "create", "--environment", "sandbox", "--url", url];
        let mut command = installation.command(&arguments);
        command
            .args(["--authorization", authorization])
            .env_remove("VINCULO_WEBHOOK_ALLOW_PRIVATE");
        finished(&mut command)
    };
    let mut refusals = Vec::new();
    for url in ["http://example.com/", "https://127.0.0.1/", "https://u:s3cret@example.com/", "x"] {
        refusals.push(create(url, "s3cret").refused());
    }
    refusals.push(create("https://example.com/", "s3cret\nline").refused());
    insta::assert_snapshot!(refusals.join("\n"), @r"
    url: url must start with https://
    url: address is in the refused range 127.0.0.0/8 (loopback)
    url: url holds a user name or password; use the authorization value instead
    url: url is not valid: relative URL without a base
    authorization: authorization value holds a character that a header cannot carry
    ");
    let made = create("https://example.com/", "s3cret").accepted();
    assert!(made.contains(" receives events of sandbox\nSecret  whsec_"), "{made}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_say_how_the_last_try_ended() {
    let installation = Installation::sqlite();
    installation.webhook("sandbox", "http://127.0.0.1:9/hooks");
    let here = ["--environment", "sandbox"];
    let list = [&["webhooks", "list", "--json"][..], &here].concat();
    let endpoints = installation.run(&list).json_lines();
    let id = endpoints[0]["id"].as_str().expect("an id");
    installation.run(&[&["webhooks", "test", id][..], &here].concat()).accepted();
    let list = || installation.run(&[&["deliveries", "list"][..], &here].concat()).accepted();
    assert!(list().ends_with(" pending, 0 tries\n"), "{}", list());
    let mut command = installation.serve_command();
    let (mut server, _) = Process::start_listening(command.env("VINCULO_LOG", "trace")).await;
    in_the_end("a try", async {
        while !list().contains(" pending, 1 try, the last failed: connect\n") {
            look_again().await;
        }
    })
    .await;
    server.terminate();
    assert!(server.ended().await.success());
    // However much is logged, nobody learns from it where receivers are.
    server.assert_silent(["127.0.0.1:9/", "127.0.0.1:9\n", "127.0.0.1:9 ", "/hooks"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_gone_is_logged() {
    let installation = Installation::sqlite();
    installation.make();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
    let gone = axum::Router::new().fallback(async || axum::http::StatusCode::GONE);
    tokio::spawn(async move { axum::serve(listener, gone).await });
    installation.webhook("sandbox", &url);
    let here = ["--environment", "sandbox"];
    let list = || installation.run(&[&["webhooks", "list", "--json"][..], &here].concat());
    let endpoint = list().json_lines().remove(0);
    let id = endpoint["id"].as_str().expect("an id");
    installation.run(&[&["webhooks", "test", id][..], &here].concat()).accepted();
    let (mut server, _) = Process::start_listening(&mut installation.serve_command()).await;
    server.logs("webhook endpoint disabled").await;
    server.logs(&format!("endpoint={id} reason=gone")).await;
    // It is said before it is committed.
    in_the_end("the record of it", async {
        while list().json_lines()[0]["disabled_reason"] != "gone" {
            look_again().await;
        }
    })
    .await;
    server.terminate();
    assert!(server.ended().await.success());
}

#[test]
fn webhooks_are_controlled_from_the_command_line() {
    for installation in [Installation::sqlite(), Installation::postgres()] {
        installation.make();
        let run = |arguments: &[&str], more: &[&str]| {
            let here = ["--environment", "sandbox", "--json"];
            installation.run(&[arguments, more, &here].concat())
        };
        let url = "http://127.0.0.1:9/hooks";
        let made = run(&["webhooks", "create"], &["--url", url, "--types", "LINK,COHORT"]).json();
        assert_eq!(made["webhook_types"], serde_json::json!(["LINK", "COHORT"]));
        let id = made["id"].as_str().expect("an id");
        let listed = run(&["webhooks", "list"], &[]).json_lines();
        assert_eq!(
            (&listed[0]["id"], &listed[0]["secret"]),
            (&made["id"], &serde_json::Value::Null)
        );

        let list = ["webhooks", "list", "--environment", "sandbox"];
        let told = |state: &str| format!("{id} {url} {state}");
        assert_eq!(installation.run(&list).accepted(), told("enabled\n"));
        let store = installation.store();
        let failed = store.write_blocking(|tx| {
            let all = tx.workspaces()?;
            let sandbox = all.iter().find(|(it, _)| it.environment == Environment::Sandbox);
            let one = PageRequest { limit: 1, offset: 0 };
            let found = tx.endpoints(sandbox.expect("a sandbox").0.id, one)?.rows.remove(0);
            tx.endpoint_failed(found.id, &found.sealed, 0, 1, None)
        });
        assert!(failed.expect("changed").is_some());
        store.close_blocking();
        let failing = told("enabled, failing since 1970-01-01T00:00:00.000000Z\n");
        assert_eq!(installation.run(&list).accepted(), failing);

        assert_eq!(run(&["webhooks", "disable"], &[id]).json()["disabled_reason"], "manual");
        assert_eq!(run(&["webhooks", "test"], &[id]).refused(), "The endpoint is disabled.");
        let disabled = installation.run(&list).accepted();
        assert!(disabled.starts_with(&told("disabled (manual) since 2")), "{disabled}");
        assert_eq!(run(&["webhooks", "enable"], &[id, "--replay-missed"]).json()["enabled"], true);
        let rotated = run(&["webhooks", "rotate"], &[id, "--keep-old-hours", "1"]).json();
        assert_ne!(rotated["secret"], made["secret"]);
        assert!(rotated["old_secret_until"].is_string());
        assert!(run(&["webhooks", "rotate"], &[id]).json()["secret"] != rotated["secret"]);
        let again = run(&["webhooks", "rotate"], &[id]).refused();
        assert!(again.starts_with("Three secrets sign until "), "{again}");
        let last = run(&["webhooks", "rotate"], &[id, "--keep-old-hours", "0"]).json();
        assert!(last["old_secret_until"].is_null());

        let moved =
            ["--url", "http://127.0.0.1:9/moved", "--authorization", "s3cret", "--all-types"];
        let moved = run(&["webhooks", "update"], &[&[id][..], &moved].concat()).json();
        assert_eq!(moved["url"], "http://127.0.0.1:9/moved");
        assert!(moved["webhook_types"].is_null() && moved["has_authorization"] == true, "{moved}");
        let bare = run(&["webhooks", "update"], &[id, "--no-authorization"]).json();
        assert!(bare["has_authorization"] == false && bare["url"] == moved["url"], "{bare}");
        let refused = run(&["webhooks", "update"], &[id, "--url", "ftp://127.0.0.1/"]).refused();
        assert!(refused.contains("url must start with https://"), "{refused}");
        assert_eq!(run(&["webhooks", "update"], &[id]).code, Some(2));

        let event = run(&["webhooks", "test"], &[id]).json();
        let of_test = ["--endpoint", id, "--type", "TEST"];
        let deliveries = run(&["deliveries", "list"], &of_test).json_lines();
        assert_eq!(deliveries[0]["event"], event["event"]);
        assert_eq!(deliveries[0]["status"], "pending");
        for before in ["2020-01-01T00:00:00Z", "2020-01-01"] {
            for list in ["deliveries", "events"] {
                let none = run(&[list, "list"], &["--before", before]);
                assert!(none.json_lines().is_empty(), "{list}");
            }
        }
        let here = ["--environment", "sandbox"];
        let number = deliveries[0]["id"].to_string();
        let one = installation.run(&[&["deliveries", "show", &number][..], &here].concat()).json();
        assert_eq!((&one["event"], &one["attempts"]), (&event["event"], &serde_json::json!([])));
        let name = event["event"].as_str().expect("an id");
        let one = installation.run(&[&["events", "show", name][..], &here].concat()).json();
        assert_eq!(one["body"]["webhook_id"], event["event"]);
        let noted = installation.run(&["audit", "export"]).accepted();
        for action in ["deliveries.read", "events.read"] {
            assert!(noted.contains(action), "{action}: {noted}");
        }
        let events = run(&["events", "list"], &["--type", "TEST"]).json_lines();
        assert_eq!(
            (&events[0]["id"], &events[0]["body"]),
            (&event["event"], &serde_json::Value::Null)
        );
        for (status, count) in [("pending", 1), ("failed", 0)] {
            let found = run(&["events", "list"], &["--type", "TEST", "--status", status]);
            assert_eq!(found.json_lines().len(), count, "{status}");
        }
        let again = run(&["webhooks", "replay"], &["--status", "pending"]).json();
        assert_eq!(again["replayed"], 1);
        assert!(deliveries[0]["replayed_at"].is_null());
        let one = run(&["deliveries", "replay"], &[&number]).json();
        assert_eq!(one["id"], deliveries[0]["id"]);
        assert!(one["replayed_at"].is_string(), "{one}");
        let told = installation.run(&[&["deliveries", "replay", &number][..], &here].concat());
        assert_eq!(told.accepted(), format!("Delivery {number} is on its way\n"));
        let listed = installation.run(&[&["deliveries", "list"][..], &here].concat()).accepted();
        assert!(listed.contains(" pending, 0 tries, sent again since 2"), "{listed}");
        let said = "there is no delivery 999 in sandbox: `deliveries list` has them";
        assert_eq!(run(&["deliveries", "replay"], &["999"]).refused(), said);
        assert!(run(&["webhooks", "replay"], &[]).refused().starts_with("name at least one of "));
        let nobody = "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b";
        let said = format!("there is no webhook {nobody} in sandbox: `webhooks list` has them");
        for command in ["test", "enable", "disable", "rotate", "delete"] {
            assert_eq!(run(&["webhooks", command], &[nobody]).refused(), said, "{command}");
        }
        let update = run(&["webhooks", "update"], &[nobody, "--all-types"]);
        assert_eq!(update.refused(), said);
        assert_eq!(run(&["webhooks", "replay"], &["--endpoint", nobody]).refused(), said);
        assert_eq!(run(&["webhooks", "delete"], &[id]).json()["deleted"], id);
        let gone = said.replace(nobody, id);
        assert_eq!(run(&["webhooks", "delete"], &[id]).refused(), gone);
        let waiting = run(&["webhooks", "create"], &["--url", url, "--disabled"]).json();
        assert_eq!(waiting["disabled_reason"], "manual");
    }
}

#[test]
fn addresses_are_those_that_were_configured() {
    let installation = Installation::sqlite();
    let mut command = crate::support::vinculo(installation.folder(), ["webhooks", "addresses"]);
    command.env("VINCULO_EGRESS_ADDRESSES", "198.51.100.7, 2001:db8::/64");
    assert_eq!(finished(&mut command).accepted(), "198.51.100.7/32\n2001:db8::/64\n");
    command.env("VINCULO_EGRESS_ADDRESSES", "somewhere");
    assert_eq!(finished(&mut command).code, Some(2));
}

/// Everything that commands add while a server runs, the server uses at once.
async fn beside(installation: &Installation) {
    let (_server, base) = installation.serve().await;
    let receiver = Receiver::start().await;
    let client = installation.client("production", &base);
    let refused = client.post_link("1900000101").await.expect("an answer");
    assert_eq!(refused.status(), 400, "nobody is known yet");
    installation.webhook("production", &receiver.url);
    let file = sample("02-nandu-E-2025-11.txt");
    let file = file.to_str().expect("a path");
    let import = ["pila", "import", file, "--environment", "production", "--json"];
    assert_eq!(installation.run(&import).json()["state"], "accepted");
    let link = client.link("1900000101").await;
    receiver.until_told(std::slice::from_ref(&link)).await;
    assert_eq!(client.counts(&link).await, (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_work_beside_a_server_on_sqlite() {
    beside(&Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_work_beside_a_server_on_postgres() {
    beside(&Installation::postgres()).await;
}

#[test]
fn migrating_again_does_nothing() {
    for installation in [Installation::sqlite(), Installation::postgres()] {
        let first = installation.run(&["migrate"]).accepted();
        assert!(first.starts_with("applied "), "{first}");
        assert!(first.ends_with("up to date\n"), "{first}");
        assert_eq!(installation.run(&["migrate"]).accepted(), "up to date\n");
    }
}

#[test]
fn the_openapi_document_describes_every_operation() {
    let printed = openapi();
    assert!(printed["openapi"].as_str().expect("a version").starts_with("3."));
    for path in ["/api/links/", "/api/co/employments/", "/api/owners/"] {
        assert!(printed["paths"][path]["get"].is_object(), "{path}");
    }
    let operations = printed["paths"].as_object().expect("paths").values();
    let described = |operation: &Value| operation["responses"].is_object();
    assert!(operations.flat_map(|path| path.as_object().expect("verbs").values()).all(described));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_serves_the_same_document() {
    let installation = Installation::sqlite();
    let (_server, base) = installation.serve().await;
    let (status, served) = installation.client("sandbox", &base).get("/api/openapi.json").await;
    assert_eq!((status, served), (200, openapi()));
}

#[test]
fn the_postman_collection_is_printed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let printed = finished(&mut vinculo(folder.path(), ["openapi", "--postman"])).json();
    assert_eq!(printed, vinculo_server::postman_collection(vinculo_server::DEFAULT_BASE));
}

fn openapi() -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    finished(&mut vinculo(folder.path(), ["openapi"])).json()
}
