//! `vinculo doctor`: looks at an installation and changes nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anstream::println;
use jiff::Timestamp;
use serde::Serialize;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::{installation, rotation};
use vinculo_store::{Options, Store, Target};
use vinculo_vault::SystemRandom;

use crate::args::{Database, Doctor, Mode};
use crate::installation::{home, spool_dir, target};
use crate::master_key;
use crate::print::{BAD, DIM, GOOD, HEAD};

/// Less than this, and the next import may fail.
const LITTLE: u64 = 1024 * 1024 * 1024;
/// Less than this, and a commit may fail.
const TOO_LITTLE: u64 = 100 * 1024 * 1024;
/// How far another machine of the installation may be ahead.
const AHEAD: i64 = 60 * 1_000_000;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    /// It works, and somebody should look at it.
    Doubtful,
    Wrong,
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    message: String,
}

/// Runs every check; exit 1 when something is wrong.
pub(crate) fn run(options: &Doctor) -> anyhow::Result<ExitCode> {
    let target = target(&options.database)?;
    let home = home(&options.database, &target);
    let mut findings = vec![folder(&home)];
    let store = Store::open(&target, &Options { postgres_lanes: 1, ..Options::default() });
    findings.push(database(&target, store.as_ref().err()));
    findings.push(key_file(&options.database, &home));
    if let Ok(store) = store {
        findings.push(master_key(&options.database, &home, &store));
        findings.push(clock(&store));
        store.close_blocking();
    }
    findings.push(spool(&spool_dir(&home)));
    findings.push(webhooks(options));
    findings.push(space(&home));
    for finding in &findings {
        match options.json {
            true => println!("{}", serde_json::to_string(finding)?),
            false => print(finding),
        }
    }
    let wrong = findings.iter().any(|finding| finding.state == State::Wrong);
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(Finding { check, state, message }: &Finding) {
    let (style, word) = match state {
        State::Good => (GOOD, "good"),
        State::Doubtful => (HEAD, "look"),
        State::Wrong => (BAD, "BAD "),
    };
    println!("{style}{word}{style:#}  {check:<12} {DIM}{message}{DIM:#}");
}

fn finding(check: &'static str, state: State, message: impl Into<String>) -> Finding {
    Finding { check, state, message: message.into() }
}

/// Whether others than the owner can look inside.
fn private(check: &'static str, path: &Path, advice: &str) -> Finding {
    let place = path.display();
    match path.metadata() {
        Err(error) => finding(check, State::Wrong, format!("{place}: {error}")),
        Ok(metadata) => match metadata.permissions().mode() & 0o777 {
            mode if mode & 0o077 == 0 => {
                finding(check, State::Good, format!("{place}, {mode:o}: its owner alone"))
            }
            mode => {
                let message = format!("{place}, {mode:o}: others may look inside; {advice}");
                finding(check, State::Wrong, message)
            }
        },
    }
}

fn folder(home: &Path) -> Finding {
    private("data folder", home, "chmod 700")
}

fn database(target: &Target, error: Option<&vinculo_store::Error>) -> Finding {
    let kind = match target {
        Target::Sqlite { .. } => "SQLite",
        Target::Postgres { .. } => "PostgreSQL",
    };
    match error {
        None => finding("database", State::Good, format!("{kind}, at this version's schema")),
        Some(error) => finding("database", State::Wrong, format!("{kind}: {error}")),
    }
}

fn key_file(options: &Database, home: &Path) -> Finding {
    let advice = "chmod 600";
    match (&options.master_key_file, &options.master_key, &options.master_key_command) {
        (Some(file), _, _) => private("key file", file, advice),
        (None, None, None) if options.mode.unwrap_or_default() == Mode::Development => {
            private("key file", &master_key::development_file(home), advice)
        }
        (None, None, None) => finding("key file", State::Wrong, "production was given no key"),
        (None, Some(_), _) => finding("key file", State::Good, "the environment gives the key"),
        (None, None, Some(_)) => finding("key file", State::Good, "a command gives the key"),
    }
}

fn master_key(options: &Database, home: &Path, store: &Store) -> Finding {
    let opened = || {
        let masters = match master_key::given(options)? {
            Some(masters) => masters,
            None => master_key::from_file(&master_key::development_file(home))?,
        };
        let vault = installation::verify(store, masters, Arc::new(SystemRandom))?;
        let status = rotation::status(store, &vault)?;
        anyhow::Ok(status)
    };
    match opened() {
        Err(error) => finding("master key", State::Wrong, format!("{error:#}")),
        Ok(status) if status.root == status.newest && status.versions.len() < 2 => {
            let message = format!("version {} opens every key", status.newest);
            finding("master key", State::Good, message)
        }
        Ok(status) => {
            let message = format!(
                "opens every key, but not all are wrapped by version {}: vinculo vault rotate",
                status.newest
            );
            finding("master key", State::Doubtful, message)
        }
    }
}

fn clock(store: &Store) -> Finding {
    let now = SystemClock.now();
    match store.read_blocking(|tx| tx.latest_moment()) {
        Err(error) => finding("clock", State::Wrong, error.to_string()),
        Ok(Some(latest)) if latest > micros(now).saturating_add(AHEAD) => {
            let latest = Timestamp::from_microsecond(latest).unwrap_or(Timestamp::MAX);
            let message = format!("it is {now:.0}, and {latest:.0} was written already");
            finding("clock", State::Wrong, message)
        }
        Ok(_) => finding("clock", State::Good, format!("{now:.0}, after all that was written")),
    }
}

/// It is made by the first upload, so that it may be missing.
fn spool(folder: &Path) -> Finding {
    let place = folder.display();
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            finding("spool", State::Good, format!("{place}: not used so far"))
        }
        Err(error) => finding("spool", State::Wrong, format!("{place}: {error}")),
        Ok(entries) => {
            let writable = rustix::fs::access(
                folder,
                rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
            );
            match writable {
                Ok(()) => finding(
                    "spool",
                    State::Good,
                    format!("{place}: {} files wait", entries.count()),
                ),
                Err(error) => finding("spool", State::Wrong, format!("{place}: {error}")),
            }
        }
    }
}

fn webhooks(options: &Doctor) -> Finding {
    let private = options.webhooks.webhook_allow_private.unwrap_or_default();
    let production = options.database.mode.unwrap_or_default() == Mode::Production;
    match (private, production) {
        (false, _) => finding("webhooks", State::Good, "public addresses and HTTPS alone"),
        (true, false) => {
            finding("webhooks", State::Doubtful, "private addresses and plain HTTP are allowed")
        }
        (true, true) => {
            let message = "VINCULO_WEBHOOK_ALLOW_PRIVATE: production may be told to call this \
                           network's own machines";
            finding("webhooks", State::Wrong, message)
        }
    }
}

fn space(home: &Path) -> Finding {
    let place = home.display();
    match rustix::fs::statvfs(home) {
        Err(error) => finding("disk space", State::Wrong, format!("{place}: {error}")),
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let state = match free {
                ..TOO_LITTLE => State::Wrong,
                TOO_LITTLE..LITTLE => State::Doubtful,
                _ => State::Good,
            };
            finding("disk space", state, format!("{} MiB free at {place}", free / (1024 * 1024)))
        }
    }
}
