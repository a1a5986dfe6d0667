use crate::fixture::{NOW, read, uuid, workspaces, write};
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{Micros, UsedToken, WorkspaceId};

on_both_databases! {
    a_token_is_used_once,
    a_use_that_is_taken_back_is_none,
}

fn token(workspace: WorkspaceId, n: u64, expires_at: Micros) -> UsedToken {
    UsedToken { workspace, jti: uuid(n), expires_at }
}

async fn spend(db: &TestDatabase, token: UsedToken) -> bool {
    write(db, move |tx| tx.use_widget_token(&token)).await
}

async fn is_used(db: &TestDatabase, workspace: WorkspaceId, n: u64) -> bool {
    read(db, move |tx| tx.widget_token_is_used(workspace, uuid(n))).await
}

async fn a_token_is_used_once(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    assert!(!is_used(&db, here, 1).await);
    assert!(spend(&db, token(here, 1, NOW)).await);
    assert!(is_used(&db, here, 1).await);
    assert!(!spend(&db, token(here, 1, NOW)).await);
    assert!(!is_used(&db, here, 2).await);
    assert!(!is_used(&db, there, 1).await);
    assert!(spend(&db, token(there, 1, NOW)).await, "another workspace's token");
}

async fn a_use_that_is_taken_back_is_none(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let undone = db.store.write(move |tx| {
        assert!(tx.use_widget_token(&token(here, 1, NOW))?);
        Err::<(), _>(vinculo_store::Error::Corrupt { table: "links", what: "made up".to_owned() })
    });
    assert!(undone.await.is_err());
    assert!(!is_used(&db, here, 1).await);
}
