//! The master key is rotated while the application serves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use vinculo_server::installation::{self, OpenError};
use vinculo_server::rotation;
use vinculo_store::Environment;
use vinculo_vault::{MasterKeys, SystemRandom, Vault, VaultError};

use crate::support::{
    MASTER_KEY, Receiver, Reply, Setup, TestApp, TestDatabase, on_both_databases,
};

on_both_databases!(
    a_rotation_changes_nothing_for_who_is_served,
    a_process_without_the_newest_key_uses_up_no_try,
    every_version_that_is_needed_is_looked_for_at_the_start,
    data_without_its_keys_is_no_new_installation,
);

/// A second version beside the one that tests begin with.
const NEWER: &str = "1f00112233445566778899aabbccddeeff00112233445566778899aabbccddee";

fn both() -> String {
    format!("1:{MASTER_KEY} 2:{NEWER}")
}

/// A vault that knows these master keys, as a command would open it beside the server.
async fn vault(app: &TestApp, keys: &str) -> Result<Vault, OpenError> {
    let (store, masters) = (app.app.store().clone(), MasterKeys::parse(keys).unwrap());
    let now = app.now().as_microsecond();
    let opened = tokio::task::spawn_blocking(move || {
        installation::open(&store, masters, Arc::new(SystemRandom), now)
    });
    Ok(opened.await.unwrap()?.vault().clone())
}

async fn rotated(app: &TestApp, keys: &str) -> rotation::Rotated {
    let vault = vault(app, keys).await.expect("the keys open");
    let store = app.app.store().clone();
    let rotate = move || rotation::rotate(&store, &vault, |_| ());
    tokio::task::spawn_blocking(rotate).await.unwrap().expect("no rotation")
}

async fn a_rotation_changes_nothing_for_who_is_served(database: TestDatabase) {
    let setup = Setup::new(database);
    let app = setup.start().await;
    let link = app.sandbox().create_link("1999000002", json!({})).await;
    app.settled().await;
    let mut app = app.restart_with(&both()).await;
    app.start_runner().await;
    let employments = format!("/api/co/employments/?link={}", link["id"].as_str().unwrap());
    let before = app.sandbox().results(&employments).await;
    assert_eq!(before.len(), 2);

    // People come and are read while their keys are wrapped anew.
    let (client, keys) = (app.sandbox(), both());
    let (rotation, ()) = tokio::join!(rotated(&app, &keys), async {
        for document in ["1999000001", "1999000003", "1999000004"] {
            client.create_link(document, json!({})).await;
            assert_eq!(client.results(&employments).await, before);
        }
    });
    assert!(rotation.rewrapped >= 4, "two workspaces, a person and the root: {rotation:?}");
    assert_eq!((rotation.status.root, rotation.status.newest), (2, 2));
    assert_eq!(rotation.status.not_needed, [1]);
    app.settled().await;
    let again = rotated(&app, &both()).await;
    assert_eq!(again.rewrapped, 0);
    assert!(again.status.versions.iter().all(|version| version.version == 2));
    let people: i64 = again.status.versions.iter().map(|version| version.people).sum();
    assert_eq!(people, 4);

    // The older version can go: what the first process sealed is still read.
    let mut app = app.restart_with(&format!("2:{NEWER}")).await;
    assert_eq!(app.sandbox().results(&employments).await, before);
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    app.start_runner().await;
    app.sandbox().create_link("1999000002", json!({})).await;
    receiver.take::<2>().await;
    app.settled().await;
    app.finish().await;
}

/// A worker that was not started with the newest key takes what it cannot open.
async fn a_process_without_the_newest_key_uses_up_no_try(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    receiver.reply([Reply::Status(500)]);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let client = app.sandbox();
    let once = json!({ "webhook_retry_seconds": [60] });
    assert_eq!(client.patch("/manage/v1/settings/", &once).await.status, 200);
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    client.create_link("1999000001", more).await;
    let first = receiver.next().await;
    app.postponed().await;
    rotated(&app, &both()).await;
    // More often than it may be tried; what has waited long waits longer.
    for (hours, minutes) in [(0, 1), (0, 1), (2, 12), (20, 60)] {
        let due = app.next_delivery_due().await.expect("one more try");
        let wait = due.duration_since(app.now()).unsigned_abs();
        app.advance(wait.max(Duration::from_secs(hours * 3600)));
        app.postponed().await;
        let due = app.next_delivery_due().await.expect("one more try");
        assert_eq!(due.duration_since(app.now()).as_secs() / 60, minutes);
    }
    receiver.assert_quiet();
    let deliveries = client.results("/manage/v1/deliveries/").await;
    assert_eq!((&deliveries[0]["status"], &deliveries[0]["tries"]), (&json!("pending"), &json!(1)));

    let mut app = app.restart_with(&both()).await;
    app.advance(Duration::from_secs(3600));
    app.start_runner().await;
    assert_eq!(receiver.next().await.body, first.body);
    app.settled().await;
    app.finish().await;
}

async fn every_version_that_is_needed_is_looked_for_at_the_start(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox().create_link("1999000001", json!({})).await;
    app.settled().await;
    let refused = |error| match error {
        OpenError::Vault(error) => error,
        other => panic!("{other}"),
    };
    let newer = format!("2:{NEWER}");
    let error = refused(vault(&app, &newer).await.unwrap_err());
    assert_eq!(error, VaultError::MasterKeyMissing { version: 1 });
    rotated(&app, &both()).await;
    let error = refused(vault(&app, MASTER_KEY).await.unwrap_err());
    assert_eq!(error, VaultError::MasterKeyMissing { version: 2 });
    let error = refused(vault(&app, &format!("2:{MASTER_KEY}")).await.unwrap_err());
    assert_eq!(error, VaultError::WrongMasterKey { version: 2 });
    app.finish().await;

    // The root key alone does not tell: here a person's key needs a version that is wrong.
    let app = Setup::new(TestDatabase::sqlite()).start().await;
    let app = app.restart_with(&both()).await;
    app.sandbox().create_link("1999000001", json!({})).await;
    let wrong = format!("1:{MASTER_KEY} 2:{}", NEWER.replace('1', "2"));
    let error = refused(vault(&app, &wrong).await.unwrap_err());
    assert_eq!(error, VaultError::WrongMasterKey { version: 2 });
    app.finish_with_work_left().await;
}

async fn data_without_its_keys_is_no_new_installation(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.database.destroy("root_keys");
    assert!(matches!(vault(&app, MASTER_KEY).await, Err(OpenError::KeysMissing)));
    app.finish().await;
}
