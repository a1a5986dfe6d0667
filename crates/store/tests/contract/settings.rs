use crate::fixture::{NOW, read, workspaces, write};
use crate::support::{TestDatabase, on_both_databases};

on_both_databases! {
    settings_are_those_of_their_workspace,
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
