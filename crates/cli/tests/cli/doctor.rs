//! `vinculo doctor` finds what it is there to find.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::installation;
use vinculo_store::{
    CallKind, DisabledReason, EndpointId, Environment, ImportId, Job, LoadId, Micros, NewEvent,
    NewSourceCall, PageRequest, Purpose, Recipients, Tx,
};
use vinculo_vault::{BlindIndex, Context, MasterKeys, Sealed, SystemRandom};

use crate::support::{Finished, Installation, Process, finished, sample, vinculo};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER: &str = "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
}

/// Every finding. Whatever is not good says how to mend it.
fn findings(done: &Finished) -> Vec<Value> {
    let findings = done.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let findings: Vec<Value> = findings.collect();
    for finding in &findings {
        assert_eq!(finding["state"] == "good", finding["mend"].is_null(), "{finding}");
    }
    findings
}

/// State, message and mend of one check.
fn found(done: &Finished, check: &str) -> [String; 3] {
    let findings = findings(done);
    let finding = findings.iter().find(|finding| finding["check"] == check);
    let finding = finding.unwrap_or_else(|| panic!("no {check}: {}", done.stdout));
    ["state", "message", "mend"].map(|name| finding[name].as_str().unwrap_or_default().to_owned())
}

/// What is wrong, by check; the exit code goes with it.
fn wrong(done: &Finished) -> Vec<(String, String)> {
    let findings = findings(done);
    assert!(findings.len() >= 6, "{}", done.stdout);
    let text = |finding: &Value, name: &str| finding[name].as_str().expect("a text").to_owned();
    let wrong: Vec<_> = findings
        .iter()
        .filter(|finding| finding["state"] == "wrong")
        .map(|finding| (text(finding, "check"), text(finding, "message")))
        .collect();
    assert_eq!(done.code, Some(i32::from(!wrong.is_empty())));
    wrong
}

/// The one thing that is wrong.
fn only(done: &Finished) -> (String, String) {
    let mut all = wrong(done);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn a_sound_installation_has_nothing_wrong() {
    for installation in [Installation::sqlite(), Installation::postgres()] {
        installation.key("sandbox");
        assert_eq!(wrong(&installation.run(&["doctor", "--json"])), []);
        let told = installation.run(&["doctor"]).accepted();
        let checks =
            ["data folder", "database", "key file", "master key", "clock", "jobs", "links"];
        let more = [
            "webhook endpoints",
            "signatures",
            "sources",
            "spool",
            "webhooks",
            "certificate",
            "disk space",
            "received files",
        ];
        for check in checks.into_iter().chain(more) {
            assert!(told.lines().any(|line| line[6..].starts_with(check)), "{check}: {told}");
        }
    }
}

#[test]
fn every_fault_is_found_and_named() {
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let doctor = || installation.run(&["doctor", "--json"]);
    let data = installation.data_dir();
    let key = data.join("master.key");

    chmod(&data, 0o755);
    assert!(only(&doctor()).1.contains("755: others may look inside"));
    chmod(&data, 0o700);
    chmod(&key, 0o640);
    assert_eq!(only(&doctor()).0, "key file");
    let [_, _, mend] = found(&doctor(), "key file");
    assert_eq!(mend, format!("chmod 600 {}", key.display()));
    chmod(&key, 0o600);

    let mut command = installation.command(&["doctor", "--json"]);
    let (check, message) = only(&finished(command.env("VINCULO_LEAST_FREE_MIB", "4000000000")));
    assert_eq!(check, "disk space", "as /readyz says");
    assert!(message.ends_with("; 4000000000 must be"), "{message}");
    let mut command = installation.command(&["doctor", "--json"]);
    let (check, message) = only(&finished(command.env("VINCULO_MASTER_KEY", OTHER)));
    assert_eq!(check, "master key");
    assert_eq!(message, "master key version 1 does not open this installation's key");
    let mut command = installation.command(&["doctor", "--json"]);
    let found = wrong(&finished(command.env("VINCULO_MODE", "production")));
    let found: Vec<_> = found.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(found, ["key file", "master key", "webhooks"]);

    let database = rusqlite::Connection::open(data.join("vinculo.db")).expect("a database");
    let later = "update api_keys set created_at = created_at + 86400000000";
    database.execute_batch(later).expect("changed");
    assert_eq!(only(&doctor()).0, "clock");
    database.execute_batch("update api_keys set created_at = 1").expect("changed");
    drop(database);
    std::fs::write(data.join("spool"), "no folder").expect("a file");
    assert_eq!(only(&doctor()).0, "spool");
    std::fs::remove_file(data.join("spool")).expect("removed");

    std::fs::remove_file(data.join("vault.db")).expect("removed");
    let (check, message) = only(&doctor());
    assert_eq!(check, "database");
    assert!(message.ends_with("vault.db does not exist; migrate first"), "{message}");
    assert!(!data.join("vault.db").exists(), "nothing is made");
}

/// What systemd hands to a service is root's, and the user has it by an ACL, whose mask shows as the group's bits.
#[test]
fn a_key_that_systemd_hands_over_is_closed() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let handed = installation.folder().join("credentials");
    std::fs::create_dir(&handed).expect("a folder");
    let key = handed.join("master-key");
    std::fs::copy(installation.data_dir().join("master.key"), &key).expect("a copy");
    let judged = |folder: &Path| {
        let mut command = installation.command(&["doctor", "--json"]);
        command.env("VINCULO_MASTER_KEY_FILE", &key).env("CREDENTIALS_DIRECTORY", folder);
        found(&finished(&mut command), "key file")[0].clone()
    };
    let is_root = std::fs::metadata(&key).expect("a file").uid() == 0;
    chmod(&key, 0o440);
    // Who is not root cannot make what systemd makes: a file of this user is open to its group.
    assert_eq!(judged(&handed), if is_root { "good" } else { "wrong" });
    assert_eq!(judged(&installation.data_dir()), "wrong", "it is nobody's credential");
    for open in [0o444, 0o460, 0o441] {
        chmod(&key, open);
        assert_eq!(judged(&handed), "wrong", "{open:o}");
    }
    chmod(&key, 0o440);
    if is_root {
        chown(&key, Some(65534), None).expect("another owner");
        assert_eq!(judged(&handed), "wrong", "the group is another's");
    }
}

#[test]
fn whoever_may_not_look_is_told_so() {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65534;
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let data = installation.data_dir();
    let is_root = std::fs::metadata("/proc/self").expect("this process").uid() == 0;
    let as_nobody = |arguments: &[&str]| {
        let mut command = installation.command(arguments);
        if is_root {
            command.uid(NOBODY);
        }
        finished(&mut command)
    };
    chmod(installation.folder(), 0o711);
    chmod(&data, if is_root { 0o700 } else { 0o000 });
    let done = as_nobody(&["doctor", "--json"]);
    let [state, message, mend] = found(&done, "data folder");
    assert_eq!(state, "wrong");
    assert!(message.ends_with("for whoever asks: Permission denied (os error 13)"), "{message}");
    assert!(mend.starts_with("run this as the user"), "{mend}");
    let [_, message, mend] = found(&done, "database");
    let denied = format!("{}: Permission denied (os error 13)", data.join("vinculo.db").display());
    assert!(message.ends_with(&denied), "{message}");
    assert!(mend.contains("read and written by whoever runs this"), "{mend}");
    let copy = installation.folder().join("copy.db");
    let copy = copy.to_str().expect("a path");
    for command in [&["keys", "list", "--environment", "sandbox"][..], &["backup", copy]] {
        let refused = as_nobody(command).refused();
        assert!(refused.ends_with(&denied), "{refused}");
    }
    chmod(&data, 0o700);
    std::fs::write(data.join("vinculo.db"), "no database, but long enough to be one").expect("not");
    let [_, message, mend] = found(&installation.run(&["doctor", "--json"]), "database");
    assert!(message.contains("not a database"), "{message}");
    assert_eq!(mend, "the file is damaged, or no database: restore it (docs/BACKUP.md)");
}

#[test]
fn nothing_is_made_where_nothing_is() {
    let installation = Installation::sqlite();
    let mut command = installation.command(&["doctor", "--json"]);
    let found = wrong(&finished(command.env("VINCULO_MASTER_KEY", KEY)));
    let found: Vec<_> = found.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(found, ["data folder", "database", "disk space"]);
    assert!(!installation.data_dir().exists());
}

/// A question of a moment ago.
fn asked(tx: &mut Tx<'_>, outcome: &str, n: u8) -> vinculo_store::Result<()> {
    let workspace = tx.workspaces()?[0].0.id;
    let document = BlindIndex::from_bytes(&[7; 32]).expect("a look-up value");
    let call = NewSourceCall {
        uuid: Uuid::from_bytes([n; 16]),
        workspace,
        subject: None,
        document: &document,
        source: "ach",
        purpose: Purpose::Check,
        kind: CallKind::Individual,
        outcome,
        reason: None,
        http_status: None,
        raw_code: None,
        duration_us: 1,
        billed: "no",
        cost: 0,
        payload: None,
        created_at: now() - 1_000_000,
        consent: None,
    };
    tx.insert_source_call(&call).map(|_| ())
}

/// An event of the sandbox, and its delivery.
fn emitted(tx: &mut Tx<'_>, at: Micros) -> vinculo_store::Result<()> {
    let all = tx.workspaces()?.into_iter().map(|(workspace, _)| workspace);
    let mut all = all.filter(|workspace| workspace.environment == Environment::Sandbox);
    let body = Sealed::from_bytes(vec![1; 49]).expect("a sealed body");
    let event = NewEvent {
        webhook_id: Uuid::from_bytes([9; 16]),
        workspace: all.next().expect("a sandbox").id,
        subject: None,
        link: None,
        load: None,
        webhook_type: "TEST",
        webhook_code: "test",
        body: &body,
        created_at: at,
        to: Recipients::Everybody,
    };
    tx.emit(&event)
}

fn now() -> Micros {
    micros(SystemClock.now())
}

#[test]
fn what_the_database_says_is_judged() {
    const HOUR: Micros = 60 * 60 * 1_000_000;
    for installation in [Installation::sqlite(), Installation::postgres()] {
        installation.key("sandbox");
        installation.webhook("sandbox", "http://127.0.0.1:9/");
        let store = installation.store();
        let doctor = || installation.run(&["doctor", "--json"]);
        let judged = |check: &str, state: &str, message: &str| {
            let done = doctor();
            let [is, says, _] = found(&done, check);
            assert_eq!((is.as_str(), done.code), (state, Some(i32::from(state == "wrong"))));
            assert!(says.starts_with(message), "{says}");
        };
        let change = |work: fn(&mut Tx<'_>) -> vinculo_store::Result<()>| {
            store.write_blocking(work).expect("changed");
        };
        change(|tx| {
            let file = |n| Job::ImportFile(ImportId(n));
            (1..=3).try_for_each(|n| tx.enqueue(file(n), now() - HOUR, now()))
        });
        judged("jobs", "wrong", "due for ten minutes and not begun: 3 import_file");
        change(|tx| tx.claim_files(now(), now() + HOUR, 1, None).map(|_| ()));
        judged("jobs", "doubtful", "due for ten minutes: 2 import_file, behind 1 at work");
        let [.., mend] = found(&doctor(), "jobs");
        assert_eq!(mend.contains("worker"), installation.is_postgres(), "{mend}");
        change(|tx| {
            let rest = tx.claim_files(now(), now() + HOUR, 9, None)?;
            rest.iter().try_for_each(|job| tx.finish_job(job).map(|_| ()))
        });
        judged("jobs", "good", "none is stuck");
        change(|tx| tx.enqueue(Job::SyncLink(LoadId(1)), now() - HOUR, now()));
        judged("jobs", "wrong", "due for ten minutes and not begun: 1 sync_link");
        change(|tx| {
            for _ in 0..6 {
                let job = tx.claim_jobs(now(), now() + HOUR, 1)?[0];
                tx.reschedule_job(&job, now(), "retry_later timeout")?;
            }
            Ok(())
        });
        let message = "fail again and again: 1 sync_link; one was tried 6 times: \
                       retry_later timeout";
        judged("jobs", "doubtful", message);

        change(|tx| emitted(tx, now() - HOUR));
        judged("jobs", "wrong", "due for ten minutes and not begun: 1 delivery");
        change(|tx| tx.claim_deliveries(now(), now() + HOUR, 1, 1, 1).map(|_| ()));
        judged("jobs", "doubtful", message);

        judged("sources", "good", "0 questions");
        change(|tx| asked(tx, "fault", 1));
        judged("sources", "doubtful", "half of the questions of the last hour or more failed: ach");
        change(|tx| asked(tx, "resolved", 2).and_then(|()| asked(tx, "no_data", 3)));
        judged("sources", "good", "3 questions in the last hour");
        change(|tx| asked(tx, "not_authorized", 4));
        judged("sources", "wrong", "refused our credentials last, within the hour: ach");
        change(|tx| asked(tx, "fault", 5));
        judged("sources", "wrong", "refused our credentials last, within the hour: ach");
        change(|tx| asked(tx, "resolved", 6).and_then(|()| asked(tx, "no_data", 7)));
        let message = "refused our credentials within the hour, and answered since: ach";
        judged("sources", "doubtful", message);

        assert_eq!(found(&doctor(), "webhook endpoints")[0], "good");
        change(|tx| tx.disable_endpoint(EndpointId(1), DisabledReason::Gone, now()).map(|_| ()));
        let [state, says, mend] = found(&doctor(), "webhook endpoints");
        assert_eq!((state.as_str(), says.as_str()), ("doubtful", "0 work, 0 fail, 1 are disabled"));
        assert!(mend.contains("webhooks enable"), "{mend}");
        store.close_blocking();
    }
}

#[test]
fn an_endpoint_whose_requests_are_not_signed_is_named() {
    let installation = Installation::sqlite();
    installation.webhook("sandbox", "http://127.0.0.1:9/hooks");
    let doctor = || installation.run(&["doctor", "--json"]);
    assert_eq!(found(&doctor(), "signatures")[0], "good");
    // As a version left it that signed nothing.
    let key = std::fs::read_to_string(installation.data_dir().join("master.key")).expect("a key");
    let masters = MasterKeys::parse(&key).expect("master keys");
    let store = installation.store();
    let vault = installation::verify(&store, masters, Arc::new(SystemRandom)).expect("opened");
    let unsigned: vinculo_store::Result<Uuid> = store.write_blocking(move |tx| {
        for (workspace, wrapped) in tx.workspaces()? {
            let one = PageRequest { limit: 1, offset: 0 };
            let Some(endpoint) = tx.endpoints(workspace.id, one)?.rows.pop() else { continue };
            let context = Context::of_uuid("webhook_endpoints", endpoint.uuid.into_bytes());
            let address = br#"{"url":"http://127.0.0.1:9/hooks","authorization":null}"#;
            let sealed = vault.unwrap_key(&wrapped).and_then(|key| key.seal(context, address));
            tx.change_endpoint(endpoint.id, None, &sealed.expect("sealed"))?;
            return Ok(endpoint.uuid);
        }
        panic!("no endpoint")
    });
    let id = unsigned.expect("changed").to_string();
    store.close_blocking();
    let [state, says, mend] = found(&doctor(), "signatures");
    assert_eq!((state.as_str(), says), ("doubtful", format!("requests are not signed to {id}")));
    assert!(mend.contains("vinculo webhooks rotate ID"), "{mend}");
    let rotate = ["webhooks", "rotate", &id, "--environment", "sandbox"];
    installation.run(&rotate).accepted();
    assert_eq!(found(&doctor(), "signatures")[0], "good");
}

#[test]
fn a_server_that_cannot_be_used_is_told_apart() {
    let installation = Installation::postgres();
    installation.key("sandbox");
    let url = installation.url();
    let data = installation.data_dir();
    let data = data.to_str().expect("a path");
    let looked = |url: &str| {
        let arguments = ["doctor", "--json", "--data-dir", data, "--database-url", url];
        found(&finished(&mut vinculo(installation.folder(), arguments)), "database")
    };
    assert_eq!(looked(&url)[0], "good");
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (_, query) = rest.split_once('?').expect("a query");
    let [state, message, mend] = looked("postgres://vinculo@127.0.0.1:1/vinculo");
    assert_eq!(state, "wrong");
    assert!(message.ends_with("connection refused at 127.0.0.1:1"), "{message}");
    assert!(mend.starts_with("nobody answers there, or somebody else: start PostgreSQL"), "{mend}");
    let [_, message, mend] = looked(&format!("{scheme}:///nowhere?{query}"));
    assert!(message.contains("does not exist") && message.ends_with("(3D000)"), "{message}");
    assert!(mend.starts_with("it has no database of this name"), "{mend}");

    // A user who may have no connection, and one who does not exist.
    let name = format!("vinculo_cli_nobody_{}", std::process::id());
    installation.sql(&format!("create role {name} login connection limit 0"));
    let as_user = |user: &str| {
        let others = query.split('&').filter(|part| !part.starts_with("user="));
        let others = others.collect::<Vec<_>>().join("&");
        let database = rest.split_once('?').expect("a query").0;
        looked(&format!("{scheme}://{database}?{others}&user={user}"))
    };
    let [_, message, mend] = as_user(&name);
    installation.sql(&format!("drop role {name}"));
    assert!(message.contains("(53300)"), "{message}");
    assert!(mend.starts_with("all of its connections are taken"), "{mend}");
    let [_, message, mend] = as_user(&name);
    assert!(message.contains("(28"), "{message}");
    assert!(mend.contains("in VINCULO_DATABASE_URL"), "{mend}");
}

#[test]
fn a_server_that_loses_what_it_is_given_is_named() {
    let installation = Installation::postgres();
    installation.key("sandbox");
    let doctor = |mode: &str| {
        let mut command = installation.command(&["doctor", "--json"]);
        finished(command.env("VINCULO_MODE", mode).env("VINCULO_MASTER_KEY", KEY))
    };
    // As the tests' own server is set up, for speed.
    let careless = installation.sql("show fsync") == "off";
    let [state, message, _] = found(&doctor("development"), "PostgreSQL");
    let expected = if careless { "doubtful" } else { "good" };
    assert_eq!(state, expected, "{message}");
    let version = installation.sql("show server_version");
    let version = version.split(' ').next().expect("a version");
    assert!(careless || message.starts_with(&format!("version {version}")), "{message}");
    let [state, message, mend] = found(&doctor("production"), "PostgreSQL");
    assert_eq!(state, if careless { "wrong" } else { "good" });
    assert!(!careless || message.starts_with("fsync or full_page_writes is off"), "{message}");
    assert!(!careless || mend.starts_with("turn both on"), "{mend}");

    let name = installation.sql("select current_database()");
    installation.sql(&format!("alter database {name} set default_transaction_read_only = on"));
    let done = doctor("development");
    let [state, message, mend] = found(&done, "PostgreSQL");
    assert_eq!((state.as_str(), done.code), ("wrong", Some(1)));
    assert_eq!(message, "takes no writes: default_transaction_read_only is on");
    assert!(mend.starts_with("turn it off"), "{mend}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_that_nobody_acts_on_are_counted() {
    let installation = Installation::postgres();
    let mut serve = installation.serve_command();
    let (mut server, base) = Process::start_listening(serve.arg("--no-worker")).await;
    installation.client("sandbox", &base).link("1999000001").await;
    server.kill();
    let doctor = || installation.run(&["doctor", "--json"]);
    assert_eq!(found(&doctor(), "links")[..2], ["good", "nothing is overdue"]);
    let ended = format!("update links set expires_at = {}", now() - 61 * 60 * 1_000_000);
    installation.sql(&ended);
    let done = doctor();
    let [state, message, mend] = found(&done, "links");
    assert_eq!((state.as_str(), done.code), ("wrong", Some(1)));
    assert_eq!(message, "due and not acted on, the first for 61 min: 1 expiry");
    assert!(mend.contains("link left due"), "{mend}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_spool_that_is_gone_are_named_and_can_be_given_up() {
    let installation = Installation::postgres();
    let mut serve = installation.serve_command();
    let (mut server, base) = Process::start_listening(serve.arg("--no-worker")).await;
    let client = installation.client("production", &base);
    let planilla = std::fs::read(sample("01-nandu-E-2025-10.txt")).expect("a sample");
    let path = "/manage/v1/imports/?name=october.txt";
    let sent = client.ask(Method::POST, path).body(planilla).send().await.expect("an answer");
    assert_eq!(sent.status(), 202);
    server.kill();
    let doctor = || found(&installation.run(&["doctor", "--json"]), "received files");
    let due = "update jobs set due_at = due_at - 3600000000";
    installation.sql(due);
    assert_eq!(doctor()[..2], ["good", "1 on their way"], "its spool is here");
    let spool = installation.data_dir().join("spool");
    let id = std::fs::read_to_string(spool.join("spool.id")).expect("an id");
    let give_up = || installation.run(&["pila", "take-over", "--spool", id.trim(), "--json"]);
    let refused = give_up().refused();
    assert!(refused.contains("is the spool of this data folder"), "{refused}");

    // As on another machine.
    std::fs::rename(&spool, installation.folder().join("elsewhere")).expect("moved");
    let [state, message, mend] = doctor();
    assert_eq!(state, "wrong");
    assert!(message.ends_with(&format!("1 in the spool {}", id.trim())), "{message}");
    assert!(mend.contains("pila take-over"), "{mend}");
    installation.sql("update jobs set leased = 1, due_at = due_at + 7200000000");
    // Another one that waits there, behind the one that somebody is at.
    let behind = "insert into imports (uuid, workspace_id, sha256, bytes, state, sealed_name, created_at, spool_id) \
         select gen_random_uuid(), workspace_id, sha256 || '\\x00', 1, state, sealed_name, 1, spool_id from imports";
    installation.sql(behind);
    assert_eq!(doctor()[..2], ["good", "2 on their way"], "somebody is at them");
    installation.sql("delete from imports where created_at = 1");
    installation.sql("update jobs set leased = 0, due_at = due_at - 7200000000");
    let ended = give_up().json();
    assert_eq!((&ended["state"], &ended["errors"]), (&"refused".into(), &1.into()));
    assert_eq!(ended["report"]["findings"][0]["rule"], "received_file_lost");
    assert_eq!(doctor()[..2], ["good", "0 on their way"]);
    assert!(give_up().stdout.starts_with("nothing waits for the spool"));
    let file = sample("01-nandu-E-2025-10.txt");
    let file = file.to_str().expect("a path");
    let import = ["pila", "import", file, "--environment", "production", "--json"];
    assert_eq!(installation.run(&import).json()["state"], "accepted", "sent again");
}

#[test]
fn a_deep_look_computes_the_chains_again() {
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let doctor = || installation.run(&["doctor", "--json", "--deep"]);
    let done = doctor();
    assert_eq!(wrong(&done), []);
    assert_eq!(found(&done, "consents")[1], "0 receipts, all whole");
    assert_eq!(found(&done, "people")[1], "everybody has a key, or was erased");
    let data = installation.data_dir().join("vinculo.db");
    let database = rusqlite::Connection::open(data).expect("a database");
    let stranger = "insert into subjects (workspace_id, document_index, created_at) \
         values (1, zeroblob(32), 7)";
    database.execute_batch(stranger).expect("a person without a key");
    let (check, message) = only(&doctor());
    assert_eq!(check, "people");
    assert!(message.starts_with("1 have neither a key nor the receipt"), "{message}");
    database.execute_batch("delete from subjects").expect("gone");
    assert!(found(&done, "audit log")[1].ends_with("all sound"));
    let database = rusqlite::Connection::open(installation.data_dir().join("vinculo.db"));
    let forged = "insert into consent_receipts values (1, 5, zeroblob(32), null, '{}', \
         zeroblob(32), zeroblob(32), null); \
         insert into audit_blocks values (x'07070707070707070707070707070707', 5, 1, 1, \
         zeroblob(32), zeroblob(32), x'', zeroblob(32), zeroblob(32))";
    database.and_then(|database| database.execute_batch(forged)).expect("forged");
    let found: Vec<_> = wrong(&doctor()).into_iter().map(|(check, _)| check).collect();
    assert_eq!(found, ["audit log", "consents"]);
    assert_eq!(wrong(&installation.run(&["doctor", "--json"])), [], "it looks only when told");
}

#[test]
fn a_certificate_is_looked_at() {
    let installation = Installation::sqlite();
    installation.key("sandbox");
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../server/tests/it/tls_files");
    let doctor = |key: &str| {
        let mut command = installation.command(&["doctor", "--json"]);
        command.env("VINCULO_TLS_CERT", format!("{files}/first.pem"));
        finished(command.env("VINCULO_TLS_KEY", format!("{files}/{key}")))
    };
    let [state, message, _] = found(&doctor("first.key"), "certificate");
    assert_eq!((state.as_str(), message.as_str()), ("good", "good until 2126-11-01T19:31:34Z"));
    assert_eq!(only(&doctor("second.key")).0, "certificate");
}
