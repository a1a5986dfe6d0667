use crate::fixture::{NOW, read, workspaces, write};
use crate::support::{TestDatabase, on_both_databases};

on_both_databases! {
    settings_are_those_of_their_workspace,
    changes_of_settings_come_one_after_the_other,
}

async fn settings_are_those_of_their_workspace(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    assert_eq!(read(&db, move |tx| tx.workspace_settings(here)).await, None);
    for document in [r#"{"a":1}"#, r#"{"a":"ñ"}"#] {
        write(&db, move |tx| tx.put_workspace_settings(here, document, NOW)).await;
        let stored = read(&db, move |tx| tx.workspace_settings(here)).await;
        assert_eq!(stored.as_deref(), Some(document));
    }
    assert_eq!(read(&db, move |tx| tx.workspace_settings(there)).await, None);
}

async fn changes_of_settings_come_one_after_the_other(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let mut changes = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = db.store.clone();
        changes.spawn(async move {
            let change = store.write(move |tx| {
                tx.lock_workspace(here)?;
                let count = tx.workspace_settings(here)?.map_or(0, |n| n.parse().unwrap_or(0));
                tx.put_workspace_settings(here, &(count + 1).to_string(), NOW)
            });
            change.await.expect("not written");
        });
    }
    changes.join_all().await;
    let count = read(&db, move |tx| tx.workspace_settings(here)).await;
    assert_eq!(count.as_deref(), Some("8"));
}
