//! `vinculo doctor` finds what it is there to find.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{Finished, Installation, finished};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER: &str = "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
}

/// What is wrong, by check; the exit code goes with it.
fn wrong(done: &Finished) -> Vec<(String, String)> {
    let findings = done.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let findings: Vec<Value> = findings.collect();
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
        let checks = ["data folder", "database", "key file", "master key", "clock", "spool"];
        for check in checks.into_iter().chain(["webhooks", "disk space"]) {
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
    let (check, message) = only(&doctor());
    assert_eq!(check, "key file");
    assert!(message.contains("chmod 600"), "{message}");
    chmod(&key, 0o600);

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

#[test]
fn nothing_is_made_where_nothing_is() {
    let installation = Installation::sqlite();
    let mut command = installation.command(&["doctor", "--json"]);
    let found = wrong(&finished(command.env("VINCULO_MASTER_KEY", KEY)));
    let found: Vec<_> = found.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(found, ["data folder", "database", "disk space"]);
    assert!(!installation.data_dir().exists());
}
