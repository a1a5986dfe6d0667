//! `vinculo doctor`: looks at an installation, says how to mend what is wrong, and changes nothing.

mod database;
mod stored;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anstream::println;
use jiff::SignedDuration;
use serde::Serialize;
use vinculo_server::clock::{Clock as _, SystemClock};
use vinculo_server::{SPOOL_ID, installation, rotation};
use vinculo_store::{Options, Store};
use vinculo_vault::{SystemRandom, Vault};

use crate::args::{Database, Doctor, Mode, TlsFiles, Traces};
use crate::installation::{home, mode, spool_dir, target};
use crate::master_key;
use crate::print::{BAD, DIM, GOOD, HEAD};
use crate::traces;

/// Less than this, and the next import may fail.
const LITTLE: u64 = 1024 * 1024 * 1024;
/// How long before its end a certificate should be renewed.
const RENEW: SignedDuration = SignedDuration::from_hours(14 * 24);

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
    /// What to do about it.
    mend: Option<String>,
}

impl Finding {
    fn mend(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}

/// Runs every check; exit 1 when something is wrong.
pub(crate) fn run(options: &Doctor) -> anyhow::Result<ExitCode> {
    let target = target(&options.database)?;
    let home = home(&options.database, &target);
    let mut findings = vec![folder(&home)];
    let store = Store::open(&target, &Options { postgres_lanes: 1, ..Options::default() });
    findings.push(database::opened(&target, store.as_ref().err()));
    findings.push(key_file(&options.database, &home));
    if let Ok(store) = store {
        let vault = vault(&options.database, &home, &store);
        let key = master_key(&store, vault.as_ref());
        let opens = key.state != State::Wrong;
        findings.push(key);
        findings.extend(database::server(&store, options.database.mode.unwrap_or_default()));
        findings.extend(stored::checks(&store));
        findings.push(stored::received_files(&store, &target, &spool_dir(&home)));
        if let Some(vault) = vault.as_ref().ok().filter(|_| opens) {
            findings.push(stored::signatures(&store, vault));
        }
        if let Some(vault) = vault.ok().filter(|_| options.deep) {
            findings.extend(stored::chains(&store, &vault));
        }
        store.close_blocking();
    }
    findings.push(spool(&spool_dir(&home)));
    findings.push(webhooks(options));
    findings.push(certificate(&options.tls));
    findings.push(traced(&options.traces));
    findings.push(space(&home, options.room.least_free_bytes()));
    for finding in &findings {
        match options.json {
            true => println!("{}", serde_json::to_string(finding)?),
            false => print(finding),
        }
    }
    let wrong = findings.iter().any(|finding| finding.state == State::Wrong);
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(Finding { check, state, message, mend }: &Finding) {
    let (style, word) = match state {
        State::Good => (GOOD, "good"),
        State::Doubtful => (HEAD, "look"),
        State::Wrong => (BAD, "BAD "),
    };
    println!("{style}{word}{style:#}  {check:<17} {DIM}{message}{DIM:#}");
    if let Some(mend) = mend {
        println!("      {:<17} {mend}", "");
    }
}

fn finding(check: &'static str, state: State, message: impl Into<String>) -> Finding {
    Finding { check, state, message: message.into(), mend: None }
}

/// Whether others than the owner can look inside; `chmod` with `wanted` mends it.
fn private(check: &'static str, path: &Path, wanted: &str) -> Finding {
    let place = path.display();
    match mode(path) {
        Err(error) => finding(check, State::Wrong, format!("{place}: {error}"))
            .mend("name the right one, or start `vinculo serve` once to make a new installation"),
        Ok((mode, false)) => {
            finding(check, State::Good, format!("{place}, {mode:o}: closed to others"))
        }
        Ok((mode, true)) => {
            let message = format!("{place}, {mode:o}: others may look inside");
            finding(check, State::Wrong, message).mend(format!("chmod {wanted} {place}"))
        }
    }
}

fn folder(home: &Path) -> Finding {
    use rustix::fs::Access;
    let found = private("data folder", home, "700");
    let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    match rustix::fs::access(home, all) {
        Err(error) if found.state == State::Good => {
            let message = format!("{}, for whoever asks: {error}", home.display());
            finding("data folder", State::Wrong, message).mend(
                "run this as the user whom the folder belongs to, on a disk that can be written",
            )
        }
        _ => found,
    }
}

fn key_file(options: &Database, home: &Path) -> Finding {
    let wanted = "600";
    match (&options.master_key_file, &options.master_key, &options.master_key_command) {
        (Some(file), _, _) => private("key file", file, wanted),
        (None, None, None) if options.mode.unwrap_or_default() == Mode::Development => {
            private("key file", &master_key::development_file(home), wanted)
        }
        (None, None, None) => finding("key file", State::Wrong, "production was given no key")
            .mend("give VINCULO_MASTER_KEY_FILE, VINCULO_MASTER_KEY_COMMAND or VINCULO_MASTER_KEY"),
        (None, Some(_), _) => finding("key file", State::Good, "the environment gives the key"),
        (None, None, Some(_)) => finding("key file", State::Good, "a command gives the key"),
    }
}

fn vault(options: &Database, home: &Path, store: &Store) -> anyhow::Result<Vault> {
    let masters = match master_key::given(options)? {
        Some(masters) => masters,
        None => master_key::from_file(&master_key::development_file(home))?,
    };
    Ok(installation::verify(store, masters, Arc::new(SystemRandom))?)
}

fn master_key(store: &Store, vault: Result<&Vault, &anyhow::Error>) -> Finding {
    let mend = "give the master key of this installation, every version that it needs; keys that \
                are gone come back with `vinculo restore` (docs/BACKUP.md)";
    let wrong = |error: String| finding("master key", State::Wrong, error).mend(mend);
    let vault = match vault {
        Ok(vault) => vault,
        Err(error) => return wrong(format!("{error:#}")),
    };
    match rotation::status(store, vault) {
        Err(error) => wrong(error.to_string()),
        Ok(status) if status.root == status.newest && status.versions.len() < 2 => {
            let message = format!("version {} opens every key", status.newest);
            finding("master key", State::Good, message)
        }
        Ok(status) => {
            let message =
                format!("opens every key, but not all are wrapped by version {}", status.newest);
            finding("master key", State::Doubtful, message).mend("vinculo vault rotate")
        }
    }
}

/// It is made by the first upload, so that it may be missing.
fn spool(folder: &Path) -> Finding {
    let place = folder.display();
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            finding("spool", State::Good, format!("{place}: not used so far"))
        }
        Err(error) => finding("spool", State::Wrong, format!("{place}: {error}"))
            .mend("it must be a folder that the server may read and write"),
        Ok(entries) => {
            let writable = rustix::fs::access(
                folder,
                rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
            );
            match writable {
                Ok(()) => finding(
                    "spool",
                    State::Good,
                    format!("{place}: {} files wait", entries.filter(is_received).count()),
                ),
                Err(error) => finding("spool", State::Wrong, format!("{place}: {error}"))
                    .mend(format!("chmod 700 {place}, as its owner")),
            }
        }
    }
}

/// Whether an entry of a spool is more than what names it.
fn is_received(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
    entry.as_ref().is_ok_and(|entry| entry.file_name() != SPOOL_ID)
}

fn webhooks(options: &Doctor) -> Finding {
    let private = options.webhooks.webhook_allow_private.unwrap_or_default();
    let production = options.database.mode.unwrap_or_default() == Mode::Production;
    match (private, production) {
        (false, _) => finding("webhooks", State::Good, "public addresses and HTTPS alone"),
        (true, false) => {
            finding("webhooks", State::Doubtful, "private addresses and plain HTTP are allowed")
                .mend("leave VINCULO_WEBHOOK_ALLOW_PRIVATE away where receivers are elsewhere")
        }
        (true, true) => {
            let message = "VINCULO_WEBHOOK_ALLOW_PRIVATE: production may be told to call this \
                           network's own machines";
            finding("webhooks", State::Wrong, message)
                .mend("leave VINCULO_WEBHOOK_ALLOW_PRIVATE away")
        }
    }
}

fn certificate(files: &TlsFiles) -> Finding {
    let renew = "renew it; running servers take the new one by themselves";
    let ends = match files.open() {
        Ok(None) => return finding("certificate", State::Good, "none: plain HTTP"),
        Ok(Some(tls)) => tls.ends_at(),
        Err(error) => {
            return finding("certificate", State::Wrong, format!("{error:#}"))
                .mend("name a certificate and its private key, both in PEM");
        }
    };
    let Some(ends) = ends else {
        return finding("certificate", State::Doubtful, "it does not say when it ends").mend(renew);
    };
    let left = ends.duration_since(SystemClock.now());
    match left.is_positive() {
        true if left > RENEW => {
            finding("certificate", State::Good, format!("good until {ends:.0}"))
        }
        true => finding("certificate", State::Doubtful, format!("ends {ends:.0}")).mend(renew),
        false => finding("certificate", State::Wrong, format!("ended {ends:.0}")).mend(renew),
    }
}

fn traced(options: &Traces) -> Finding {
    match traces::destination(options) {
        Ok(None) => finding("traces", State::Good, "none are sent"),
        Ok(Some(to)) => {
            // The path may be a key.
            let collector = to.url.origin().ascii_serialization();
            let message = format!("a share of {} is sent to {collector}", to.share);
            finding("traces", State::Good, message)
        }
        Err(error) => finding("traces", State::Wrong, format!("{error:#}")).mend(
            "give the base URL of a collector that takes OTLP over HTTP (docs/OPERATIONS.md)",
        ),
    }
}

/// With less than `least` free a server says that it is not ready.
fn space(home: &Path, least: u64) -> Finding {
    let place = home.display();
    match rustix::fs::statvfs(home) {
        Err(error) => finding("disk space", State::Wrong, format!("{place}: {error}"))
            .mend("name the right data folder"),
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let state = match free {
                free if free < least => State::Wrong,
                ..LITTLE => State::Doubtful,
                _ => State::Good,
            };
            let [free, least] = [free, least].map(|bytes| bytes / (1024 * 1024));
            let message = format!("{free} MiB free at {place}; {least} must be");
            let found = finding("disk space", state, message);
            match state {
                State::Good => found,
                _ => found.mend("make room, or keep less (docs/RETENTION.md)"),
            }
        }
    }
}
