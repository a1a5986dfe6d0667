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
    &["webhooks", "update"],
    &["webhooks", "enable"],
    &["webhooks", "disable"],
    &["webhooks", "rotate"],
    &["webhooks", "test"],
    &["webhooks", "replay"],
    &["webhooks", "delete"],
    &["webhooks", "addresses"],
    &["deliveries"],
    &["deliveries", "list"],
    &["deliveries", "show"],
    &["deliveries", "replay"],
    &["events"],
    &["events", "list"],
    &["events", "show"],
    &["pila"],
    &["pila", "check"],
    &["pila", "import"],
    &["pila", "take-over"],
    &["pila", "show"],
    &["cohorts"],
    &["cohorts", "create"],
    &["cohorts", "show"],
    &["cohorts", "results"],
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
    &["reference"],
    &["completions"],
    &["man"],
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

#[test]
fn every_command_has_a_page_in_the_manual() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    finished(&mut vinculo(folder.path(), ["man", "--dir", "pages/man1"])).accepted();
    for command in COMMANDS.iter().copied() {
        let name = [&["vinculo"][..], command].concat().join("-");
        let page = folder.path().join("pages/man1").join(format!("{name}.1"));
        let page = std::fs::read_to_string(page).expect(&name);
        assert!(page.contains(&format!(".TH {name} 1")), "{name}");
    }
    let pages = std::fs::read_dir(folder.path().join("pages/man1")).expect("a folder");
    assert_eq!(pages.count(), COMMANDS.len(), "no other pages");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    let refused = finished(&mut vinculo(folder.path(), ["man", "--dir", "file"])).refused();
    assert!(refused.starts_with("folder file: "), "{refused}");
}

#[test]
fn a_shell_completes_commands_and_options() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = finished(&mut vinculo(folder.path(), ["completions", "bash"])).accepted();
    let complete = |words: &str, last: usize| {
        let asked = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={last}\n\
             _vinculo vinculo \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last} - 1]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let script = folder.path().join("complete.bash");
        std::fs::write(&script, asked).expect("a file");
        finished(std::process::Command::new("bash").arg(&script)).accepted()
    };
    assert_eq!(complete("vinculo ke", 1), "keys\n");
    assert_eq!(complete("vinculo pila check --al", 3), "--allow\n");
    assert_eq!(complete("vinculo keys create --environment ''", 4), "sandbox production\n");
    for shell in ["zsh", "fish"] {
        let script = finished(&mut vinculo(folder.path(), ["completions", shell])).accepted();
        assert!(script.contains("webhook-allow-private"), "{shell}");
    }
    let unknown = finished(&mut vinculo(folder.path(), ["completions", "ksh"]));
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
}
