use crate::fixture::{NOW, SECOND, read, uuid, workspaces, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{Micros, UsedToken, WorkspaceId};

on_both_databases! {
    a_token_is_used_once,
    a_use_that_is_taken_back_is_none,
    tokens_that_have_ended_are_forgotten,
}

fn token(workspace: WorkspaceId, n: u64, expires_at: Micros) -> UsedToken {
    UsedToken { workspace, jti: uuid(n), expires_at }
}

async fn spend(db: &TestDatabase, token: UsedToken, forget_before: Micros) -> bool {
    write(db, move |tx| tx.use_widget_token(&token, forget_before)).await
}

async fn is_used(db: &TestDatabase, workspace: WorkspaceId, n: u64) -> bool {
    read(db, move |tx| tx.widget_token_is_used(workspace, uuid(n))).await
}

async fn a_token_is_used_once(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    assert!(!is_used(&db, here, 1).await);
    assert!(spend(&db, token(here, 1, NOW), 0).await);
    assert!(is_used(&db, here, 1).await);
    assert!(!spend(&db, token(here, 1, NOW), 0).await);
    assert!(!is_used(&db, here, 2).await);
    assert!(!is_used(&db, there, 1).await);
    assert!(spend(&db, token(there, 1, NOW), 0).await, "another workspace's token");
}

async fn a_use_that_is_taken_back_is_none(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let undone = db.store.write(move |tx| {
        assert!(tx.use_widget_token(&token(here, 1, NOW), 0)?);
        Err::<(), _>(vinculo_store::Error::Corrupt { table: "links", what: "made up".to_owned() })
    });
    assert!(undone.await.is_err());
    assert!(!is_used(&db, here, 1).await);
}

async fn tokens_that_have_ended_are_forgotten(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    for (workspace, n, at) in [(here, 1, NOW), (there, 2, NOW), (here, 3, NOW + SECOND)] {
        assert!(spend(&db, token(workspace, n, at), NOW).await);
    }
    assert!(spend(&db, token(here, 4, NOW + SECOND), NOW + SECOND).await);
    assert!(!is_used(&db, here, 1).await && !is_used(&db, there, 2).await);
    assert!(is_used(&db, here, 3).await && is_used(&db, here, 4).await);
    assert_eq!(raw::rows(&db, "select count(*) from used_widget_tokens"), ["2"]);
}
