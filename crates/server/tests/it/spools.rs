//! Received files that wait: those who share a spool share them, and nobody else waits for them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use vinculo_server::import_status;
use vinculo_server::jobs::Runner;
use vinculo_store::Environment::{Production, Sandbox};

use crate::support::{Setup, TestApp, TestDatabase, look_again, on_both_databases, soon};

on_both_databases!(a_link_is_loaded_while_files_wait);

const OCTOBER: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");

/// An embedded database has one data folder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_received_file_is_left_to_the_workers_that_see_it() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (other, processes) = (elsewhere.path().join("spool"), AtomicUsize::new(0));
    let setup = Setup::new(TestDatabase::postgres()).without_runner().configure(move |config| {
        if processes.fetch_add(1, Ordering::Relaxed) > 0 {
            config.spool_dir.clone_from(&other);
        }
    });
    let mut app = setup.start().await;
    let (import, _) = app.receive(Production, OCTOBER).await;

    let neighbour = app.another_process().await;
    let stop = CancellationToken::new();
    let runner = Runner::claim(neighbour.app.clone()).await.unwrap().unwrap();
    let runner = tokio::spawn(runner.run(stop.clone()));
    // It works, and has passed the file over, which was due before.
    let link = app.sandbox().create_link("1999000001", json!({})).await;
    app.until_loaded(&app.sandbox(), &link).await;
    assert_eq!(import_status(&app.app, import).await.unwrap().state, "waiting");
    assert_eq!(app.database.spooled().len(), 1);

    app.start_runner().await;
    app.settled().await;
    assert_eq!(import_status(&app.app, import).await.unwrap().state, "accepted");
    assert_eq!(app.database.spooled().len(), 0);
    stop.cancel();
    runner.await.unwrap();
    neighbour.finish().await;
    app.finish().await;
}

async fn a_link_is_loaded_while_files_wait(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let held_up = Endless::receive(&app, 2).await;
    let mut files = Vec::new();
    for n in 0..98 {
        files.push(app.receive(Sandbox, format!("no planilla {n}")).await.0);
    }
    app.start_runner().await;
    until_held(&app, 2).await;
    let link = app.sandbox().create_link("1999000001", json!({})).await;
    app.until_loaded(&app.sandbox(), &link).await;
    assert_eq!(due_and_held(&app).await, (98, 2), "what cannot be loaded yet is left to others");

    held_up.let_go().await;
    app.settled().await;
    for file in files {
        assert_eq!(import_status(&app.app, file).await.unwrap().state, "refused");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_with_one_spool_share_its_files() {
    let mut app = Setup::new(TestDatabase::postgres()).without_runner().start().await;
    let held_up = Endless::receive(&app, 4).await;
    for n in 0..6 {
        app.receive(Sandbox, format!("no planilla {n}")).await;
    }
    app.start_runner().await;
    until_held(&app, 2).await;
    let mut neighbour = app.another_process().await;
    neighbour.start_runner().await;
    until_held(&app, 4).await;
    assert_eq!(due_and_held(&app).await, (6, 4));

    held_up.let_go().await;
    app.settled().await;
    neighbour.finish().await;
    app.finish().await;
}

/// Spooled files whose reading goes on until they are let go.
struct Endless(Vec<PathBuf>);

impl Endless {
    async fn receive(app: &TestApp, files: usize) -> Self {
        for n in 0..files {
            app.receive(Sandbox, format!("endless {n}")).await;
        }
        let spooled = app.database.spooled();
        for path in &spooled {
            std::fs::remove_file(path).unwrap();
            mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        }
        Self(spooled)
    }

    /// Ends the reading of all of them, once they are being read.
    async fn let_go(mut self) {
        let files = std::mem::take(&mut self.0);
        let open = move || {
            for path in files {
                // The end of what somebody reads there comes when this is closed.
                std::fs::File::options().write(true).open(path).unwrap();
            }
        };
        tokio::task::spawn_blocking(open).await.unwrap();
    }
}

/// So that a test that fails ends.
impl Drop for Endless {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::File::options().read(true).write(true).open(path);
        }
    }
}

/// How many received files nobody is at, and how many somebody is.
async fn due_and_held(app: &TestApp) -> (i64, i64) {
    let now = app.app.now_micros();
    let backlog = app.app.store().read(move |tx| tx.backlog(now)).await.unwrap();
    let files = backlog.iter().find(|it| it.kind == "import_file").unwrap();
    (files.due, files.later)
}

async fn until_held(app: &TestApp, files: i64) {
    soon("the taking of files", async {
        while due_and_held(app).await.1 < files {
            look_again().await;
        }
    })
    .await;
}
