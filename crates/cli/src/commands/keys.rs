//! `vinculo keys …`

use std::process::ExitCode;

use anstream::println;
use anyhow::{anyhow, bail};
use jiff::Timestamp;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::{
    ApiError, App, IssuedKey, KeyStatus, Scopes, Terms, issue_key_on, list_keys, retire_key,
    revoke_key, rotate_key,
};

use crate::args::{ChangeKey, CreateKey, ListKeys, RotateKey};
use crate::installation::Installation;
use crate::print::{DIM, HEAD};

/// Makes a key and prints it, the only time it is seen.
pub(crate) fn create(options: &CreateKey) -> anyhow::Result<ExitCode> {
    let expires_at = to_come(options.expires, "--expires")?;
    let name = options.name.clone();
    let scopes: Scopes = options.scopes.iter().copied().collect();
    let terms = Terms {
        scopes: if scopes.is_empty() { Scopes::EVERYTHING } else { scopes },
        networks: options.allow.iter().copied().collect(),
        expires_at,
        ..Terms::unlimited(name)
    };
    let key = with_app(Installation::open_or_tell(&options.database)?, async |app| {
        issue_key_on(app, options.environment.into(), terms).await.map_err(|e| told("made", &e))
    })?;
    show(&key, options.json)
}

/// Prints the keys of an environment, newest first.
pub(crate) fn list(options: &ListKeys) -> anyhow::Result<ExitCode> {
    let keys = with_app(Installation::open(&options.database)?, async |app| {
        list_keys(app, options.environment.into()).await.map_err(|e| told("listed", &e))
    })?;
    for key in &keys {
        let line = if options.json { serde_json::to_string(key)? } else { line(key) };
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives a key another password and prints it, the only time it is seen.
pub(crate) fn rotate(options: &RotateKey) -> anyhow::Result<ExitCode> {
    let old_until = to_come(options.old_until, "--old-until")?;
    let key = with_app(Installation::open(&options.database)?, async |app| {
        rotate_key(app, options.id, old_until).await.map_err(|e| told("rotated", &e))
    })?;
    let Some(key) = key else { bail!("there is no key {}", options.id) };
    show(&key, options.json)
}

/// Makes the old password of a key open nothing any more.
pub(crate) fn retire(options: &ChangeKey) -> anyhow::Result<ExitCode> {
    let found = with_app(Installation::open(&options.database)?, async |app| {
        retire_key(app, options.id).await.map_err(|e| told("changed", &e))
    })?;
    changed(found, options, "opens with its last password alone")
}

/// Makes a key open nothing any more.
pub(crate) fn revoke(options: &ChangeKey) -> anyhow::Result<ExitCode> {
    let found = with_app(Installation::open(&options.database)?, async |app| {
        revoke_key(app, options.id).await.map_err(|e| told("revoked", &e))
    })?;
    changed(found, options, "opens nothing any more")
}

fn with_app<T>(
    installation: Installation,
    work: impl AsyncFnOnce(&App) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = installation.quiet_app()?;
        let done = work(&app).await;
        app.store().clone().close().await;
        done
    })
}

fn told(done: &str, error: &ApiError) -> anyhow::Error {
    anyhow!("the key cannot be {done}: {}", error.told())
}

fn changed(found: bool, options: &ChangeKey, what: &str) -> anyhow::Result<ExitCode> {
    if !found {
        bail!("there is no key {}", options.id);
    }
    println!("{HEAD}Key{HEAD:#} {} {what}", options.id);
    Ok(ExitCode::SUCCESS)
}

fn to_come(time: Option<Timestamp>, option: &str) -> anyhow::Result<Option<i64>> {
    if let Some(time) = time.filter(|time| *time <= SystemClock.now()) {
        bail!("{option}: {time} is over");
    }
    Ok(time.map(micros))
}

fn show(key: &IssuedKey, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        println!("{}", serde_json::to_string(key)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{HEAD}Secret ID      {HEAD:#} {}", key.secret_id);
    println!("{HEAD}Secret Password{HEAD:#} {}", key.secret_password);
    println!("{DIM}Opens {}. The password is not shown again.{DIM:#}", key.environment);
    Ok(ExitCode::SUCCESS)
}

fn line(key: &KeyStatus) -> String {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let mut line = format!("{}  {}", key.id, scopes.join(" "));
    let networks = (!key.allow_list.is_empty()).then(|| key.allow_list.join(" "));
    let passwords = (key.passwords > 1).then(|| key.passwords.to_string());
    for (what, value) in [
        ("from", networks.as_deref()),
        ("until", key.expires_at.as_deref()),
        ("used", key.last_used_at.as_deref().or(Some("never"))),
        ("passwords", passwords.as_deref()),
        ("name", Some(key.name.as_str()).filter(|name| !name.is_empty())),
    ] {
        if let Some(value) = value {
            line += &format!("  {what} {value}");
        }
    }
    line
}
