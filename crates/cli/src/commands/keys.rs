//! `vinculo keys …`

use std::process::ExitCode;

use anstream::println;
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;
use serde_json::json;
use vinculo_server::clock::{Clock as _, SystemClock, micros, wire_time};
use vinculo_server::{
    ApiError, App, IssuedKey, Scopes, Terms, has_two_passwords, issue_key_on, list_keys,
    retire_key, revoke_key, rotate_key,
};
use vinculo_store::ListedKey;

use crate::args::{ChangeKey, CreateKey, Database, ListKeys, RotateKey};
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
    let key = with_app(&options.database, async |app| {
        issue_key_on(app, options.environment.into(), terms).await.map_err(|e| told("made", &e))
    })?;
    show(&key, options.json)
}

/// Prints the keys of an environment, newest first.
pub(crate) fn list(options: &ListKeys) -> anyhow::Result<ExitCode> {
    let keys = with_app(&options.database, async |app| {
        list_keys(app, options.environment.into()).await.map_err(|e| told("listed", &e))
    })?;
    let now = micros(SystemClock.now());
    for key in &keys {
        if options.json {
            println!("{}", shown(key, now)?);
        } else {
            println!("{}", line(key, now)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives a key another password and prints it, the only time it is seen.
pub(crate) fn rotate(options: &RotateKey) -> anyhow::Result<ExitCode> {
    let old_until = to_come(options.old_until, "--old-until")?;
    let key = with_app(&options.database, async |app| {
        rotate_key(app, options.id, old_until).await.map_err(|e| told("rotated", &e))
    })?;
    let Some(key) = key else { bail!("there is no key {}", options.id) };
    show(&key, options.json)
}

/// Makes the old password of a key open nothing any more.
pub(crate) fn retire(options: &ChangeKey) -> anyhow::Result<ExitCode> {
    let found = with_app(&options.database, async |app| {
        retire_key(app, options.id).await.map_err(|e| told("changed", &e))
    })?;
    changed(found, options, "opens with its last password alone")
}

/// Makes a key open nothing any more.
pub(crate) fn revoke(options: &ChangeKey) -> anyhow::Result<ExitCode> {
    let found = with_app(&options.database, async |app| {
        revoke_key(app, options.id).await.map_err(|e| told("revoked", &e))
    })?;
    changed(found, options, "opens nothing any more")
}

fn with_app<T>(
    database: &Database,
    work: impl AsyncFnOnce(&App) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let installation = Installation::open(database)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = installation.quiet_app()?;
        work(&app).await
    })
}

fn told(done: &str, error: &ApiError) -> anyhow::Error {
    let why = error.cause().map(str::to_owned).or_else(|| error.message().map(str::to_owned));
    anyhow!("the key cannot be {done}: {}", why.unwrap_or_else(|| "refused".to_owned()))
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

fn shown(key: &ListedKey, now: i64) -> anyhow::Result<serde_json::Value> {
    let terms = Terms::of(&key.terms).context("networks of a key")?;
    let scopes: Vec<_> = terms.scopes.words().map(vinculo_server::Scope::as_str).collect();
    Ok(json!({
        "secret_id": key.secret_id, "name": terms.name, "scopes": scopes,
        "allow_list": terms.networks.texts().collect::<Vec<_>>(),
        "expires_at": terms.expires_at.map(wire_time), "created_at": wire_time(key.created_at),
        "last_used_at": key.last_used_at.map(wire_time),
        "passwords": if has_two_passwords(key, now) { 2 } else { 1 },
    }))
}

fn line(key: &ListedKey, now: i64) -> anyhow::Result<String> {
    let terms = Terms::of(&key.terms).context("networks of a key")?;
    let mut line = format!("{}  {}", key.secret_id, terms.scopes);
    let networks = terms.networks.to_string();
    let time = |at: Option<i64>| at.map_or_else(|| "never".to_owned(), wire_time);
    for (what, value) in [
        ("from", Some(networks).filter(|networks| !networks.is_empty())),
        ("until", terms.expires_at.map(wire_time)),
        ("used", Some(time(key.last_used_at))),
        ("passwords", has_two_passwords(key, now).then(|| "2".to_owned())),
        ("name", Some(terms.name).filter(|name| !name.is_empty())),
    ] {
        if let Some(value) = value {
            line += &format!("  {what} {value}");
        }
    }
    Ok(line)
}
