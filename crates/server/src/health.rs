//! Whether the process lives and whether it can serve.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use vinculo_store::{Error, Schema};

use crate::App;
use crate::dashboard::Finished;
use crate::installation::{self, OpenError};

/// How one thing stands that the process needs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// What it is.
    pub(crate) name: &'static str,
    /// Whether it is as it must be.
    pub(crate) ready: bool,
    /// What is wrong, or how it stands.
    message: String,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    checks: Vec<Check>,
}

/// Whether the runner of this process is at work, and the process is to stay.
#[derive(Debug, Default)]
pub(crate) struct Worker {
    state: AtomicU8,
    stopping: AtomicBool,
}

const NONE: u8 = 0;
const WORKS: u8 = 1;
const ENDED: u8 = 2;

impl Worker {
    /// The runner is at work until the answer is dropped.
    pub(crate) fn begin(app: &App) -> AtWork {
        app.worker().state.store(WORKS, Ordering::Relaxed);
        AtWork(app.clone())
    }

    /// The process is about to end.
    pub(crate) fn announce_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

/// A runner at work.
pub(crate) struct AtWork(App);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.worker().state.store(ENDED, Ordering::Relaxed);
    }
}

/// `GET /livez`: 200 as long as the process answers.
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// `GET /readyz`: every check with how it ended; 200 when all pass, 503 otherwise.
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    let checks = checks(&app).await;
    let ready = checks.iter().all(|check| check.ready);
    for Check { name, message, .. } in checks.iter().filter(|check| !check.ready) {
        tracing::warn!(check = name, message, "not ready");
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, Json(Readiness { ready, checks })).into_response();
    // It says itself what is wrong.
    response.extensions_mut().insert(Finished);
    response
}

/// Looks at everything that the process needs to serve.
pub(crate) async fn checks(app: &App) -> Vec<Check> {
    let (data, vault) = tokio::join!(schema(app), key(app));
    let checks = stopping(app).into_iter().chain(data).chain([vault, disk(app)]);
    checks.chain(worker(app)).collect()
}

/// What is wrong with a process that was told to stop and still serves.
fn stopping(app: &App) -> Option<Check> {
    let stopping = app.worker().stopping.load(Ordering::Relaxed);
    stopping.then(|| check("stopping", Err::<&str, _>("was told to stop".to_owned())))
}

/// Whether the database answers and takes writes, and is at this program's version or one that is safe for it.
async fn schema(app: &App) -> [Check; 2] {
    let answer = app.store().read(|tx| {
        let read_only = tx.read_only()?;
        match tx.check_schema() {
            Err(error @ Error::Migration(_)) => Ok((read_only, Err(error.to_string()))),
            schema => Ok::<_, Error>((read_only, Ok(schema?))),
        }
    });
    let answer = tokio::time::timeout(app.config().look_timeout, answer).await;
    let (database, schema) = match answer {
        Ok(Ok((read_only, schema))) => (
            read_only
                .map_or(Ok("answers"), |why| Err(format!("takes no writes: {}", why.as_str()))),
            schema.map(|schema| match schema {
                Schema::Own => "this version's".to_owned(),
                Schema::Newer(version) => {
                    format!("version {version}, of a newer program: this one may go on")
                }
            }),
        ),
        Ok(Err(_)) => (Err("does not answer".to_owned()), Err("not known".to_owned())),
        Err(_) => (Err("does not answer in time".to_owned()), Err("not known".to_owned())),
    };
    [check("database", database), check("schema", schema)]
}

/// Whether the master key opens what is stored.
async fn key(app: &App) -> Check {
    let vault = app.all_secrets().vault().clone();
    let opened = app.store().read(move |tx| installation::try_keys(tx, &vault));
    let opened = match tokio::time::timeout(app.config().look_timeout, opened).await {
        Ok(Ok(())) => Ok("opens what is stored"),
        Ok(Err(OpenError::Store(_))) | Err(_) => Err("not known: no answer".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
    };
    check("master_key", opened)
}

fn disk(app: &App) -> Check {
    let least = app.config().least_free_bytes;
    let room = || match disk_free(app) {
        Ok(free) if free >= least => Ok("has room"),
        Ok(_) => Err(format!("less than {} MiB are free", least / (1024 * 1024))),
        Err(error) => Err(format!("the data folder cannot be looked at: {error}")),
    };
    check("disk", takes_writes(app).and_then(|()| room()))
}

/// Whether files can be made in the data folder and in the spool: a disk that failed goes on being read. What is
/// not there is made by whoever needs it first.
fn takes_writes(app: &App) -> Result<(), String> {
    use rustix::fs::Access;
    let spool = app.config().spool_dir.as_path();
    for (name, folder) in [("data folder", spool.parent()), ("spool", Some(spool))] {
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| format!("the {name} takes no writes: {error}"))?;
        }
    }
    Ok(())
}

/// Bytes that are free where the data folder is.
///
/// # Errors
/// When it cannot be looked at.
pub(crate) fn disk_free(app: &App) -> std::io::Result<u64> {
    // The spool is made by the first upload; until then what it will be in.
    let spool = &app.config().spool_dir;
    let there = spool.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let space = rustix::fs::statvfs(there)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Whether jobs are worked off, in a process that is to do so.
fn worker(app: &App) -> Option<Check> {
    match app.worker().state.load(Ordering::Relaxed) {
        NONE => None,
        WORKS => Some(check("worker", Ok("works"))),
        _ => Some(check("worker", Err::<&str, _>("has ended".to_owned()))),
    }
}

fn check(name: &'static str, found: Result<impl Into<String>, String>) -> Check {
    let ready = found.is_ok();
    Check { name, ready, message: found.map_or_else(|wrong| wrong, Into::into) }
}
