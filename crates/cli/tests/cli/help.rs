//! The help of every command, so that documents which quote it stay true.

use crate::support::{finished, vinculo};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["demo"],
    &["serve"],
    &["worker"],
    &["operator"],
    &["operator", "export"],
    &["keys"],
    &["keys", "create"],
    &["keys", "list"],
    &["keys", "rotate"],
    &["keys", "retire"],
    &["keys", "revoke"],
    &["organizations"],
    &["organizations", "create"],
    &["organizations", "list"],
    &["users"],
    &["users", "create"],
    &["users", "list"],
    &["users", "reset"],
    &["users", "disable"],
    &["webhooks"],
    &["webhooks", "create"],
    &["webhooks", "list"],
    &["webhooks", "enable"],
    &["webhooks", "disable"],
    &["webhooks", "rotate"],
    &["webhooks", "test"],
    &["webhooks", "replay"],
    &["webhooks", "addresses"],
    &["deliveries"],
    &["deliveries", "list"],
    &["pila"],
    &["pila", "check"],
    &["pila", "import"],
    &["pila", "show"],
    &["subjects"],
    &["subjects", "report"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "export"],
    &["consents"],
    &["consents", "verify"],
    &["consents", "list"],
    &["vault"],
    &["vault", "status"],
    &["vault", "rotate"],
    &["vault", "rotate-index"],
    &["vault", "settle"],
    &["retention"],
    &["retention", "report"],
    &["retention", "run"],
    &["backup"],
    &["restore"],
    &["db"],
    &["db", "copy"],
    &["doctor"],
    &["migrate"],
    &["openapi"],
];

fn help(command: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments = command.iter().copied().chain(["--help"]);
    finished(&mut vinculo(folder.path(), arguments)).accepted()
}

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS.iter().copied() {
        let name = [&["vinculo"][..], command].concat().join(" ");
        insta::assert_snapshot!(name.replace(' ', "_"), help(command), &name);
    }
}

#[test]
fn no_command_is_forgotten() {
    let mut seen = 1;
    for command in COMMANDS.iter().copied() {
        let text = help(command);
        let listed = text.split_once("Commands:\n").map_or("", |(_, rest)| rest);
        let listed = listed.lines().take_while(|line| !line.is_empty());
        for name in listed.filter_map(|line| line.split_whitespace().next()) {
            let whole = [command, &[name][..]].concat();
            assert!(name == "help" || COMMANDS.contains(&whole.as_slice()), "{whole:?}");
            seen += usize::from(name != "help");
        }
    }
    assert_eq!(seen, COMMANDS.len(), "help lists what is known here");
}

#[test]
fn the_version_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let version = finished(&mut vinculo(folder.path(), ["--version"])).accepted();
    assert_eq!(version, format!("vinculo {}\n", env!("CARGO_PKG_VERSION")));
}
