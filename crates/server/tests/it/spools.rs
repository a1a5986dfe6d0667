//! Machines that share a database and no data folder.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio_util::sync::CancellationToken;
use vinculo_server::import_status;
use vinculo_server::jobs::Runner;
use vinculo_store::Environment::Production;

use crate::support::{Setup, TestDatabase};

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
