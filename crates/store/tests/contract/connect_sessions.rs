use crate::fixture::{NOW, SECOND, index, read, sealed, uuid, workspaces, write};
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    ConnectSession, ConnectState, Micros, NewConnectSession, Result, Tx, WorkspaceId,
};

on_both_databases! {
    a_session_is_found_by_its_id_and_its_cookie,
    of_two_who_change_a_session_one_does,
    attempts_are_counted_by_token,
}

/// Session `n` of token `n`, with cookie `n`.
pub(crate) fn begin(tx: &mut Tx<'_>, workspace: WorkspaceId, n: u64, at: Micros) -> Result<()> {
    begin_with(tx, workspace, (n, n), at)
}

fn begin_with(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    (n, jti): (u64, u64),
    created_at: Micros,
) -> Result<()> {
    tx.insert_connect_session(&NewConnectSession {
        uuid: uuid(n),
        token: &index(n),
        workspace,
        jti: uuid(jti),
        created_at,
        sealed: &sealed(n),
    })
}

async fn look(db: &TestDatabase, n: u64, cookie: u64) -> Option<ConnectSession> {
    read(db, move |tx| tx.connect_session(uuid(n), &index(cookie))).await
}

async fn change(db: &TestDatabase, seen: ConnectSession, to: ConnectState) -> bool {
    write(db, move |tx| tx.change_connect_session(&seen, to, NOW + SECOND, &sealed(9))).await
}

async fn a_session_is_found_by_its_id_and_its_cookie(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| begin(tx, here, 1, NOW)).await;
    write(&db, move |tx| begin(tx, there, 2, NOW)).await;
    let found = look(&db, 1, 1).await.expect("not found");
    assert_eq!((found.uuid, found.workspace, found.jti), (uuid(1), here, uuid(1)));
    assert_eq!((found.state, found.attempts), (ConnectState::Open, 0));
    assert_eq!((found.created_at, found.changed_at), (NOW, NOW));
    assert_eq!(found.sealed.as_bytes(), sealed(1).as_bytes());
    assert!(look(&db, 1, 2).await.is_none(), "another's cookie");
    assert!(look(&db, 2, 1).await.is_none(), "another's session");
    assert_eq!(look(&db, 2, 2).await.map(|found| found.workspace), Some(there));
    let again = db.store.write(move |tx| begin(tx, here, 1, NOW)).await;
    assert!(matches!(again, Err(vinculo_store::Error::Conflict { .. })), "{again:?}");
}

async fn of_two_who_change_a_session_one_does(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| begin(tx, here, 1, NOW)).await;
    let [first, second] = [look(&db, 1, 1).await, look(&db, 1, 1).await].map(Option::unwrap);
    assert!(change(&db, first, ConnectState::Asking).await);
    assert!(!change(&db, second, ConnectState::Left).await);
    let asking = look(&db, 1, 1).await.expect("not found");
    assert_eq!((asking.state, asking.attempts), (ConnectState::Asking, 1));
    assert_eq!((asking.created_at, asking.changed_at), (NOW, NOW + SECOND));
    assert_eq!(asking.sealed.as_bytes(), sealed(9).as_bytes());
    // Who takes over from one that stopped counts another attempt, and the first ends nothing.
    let stopped = look(&db, 1, 1).await.expect("not found");
    assert!(change(&db, asking, ConnectState::Asking).await);
    assert!(!change(&db, stopped, ConnectState::Done).await);
    let asking = look(&db, 1, 1).await.expect("not found");
    assert_eq!(asking.attempts, 2);
    assert!(change(&db, asking, ConnectState::Done).await);
    let done = look(&db, 1, 1).await.expect("not found");
    assert_eq!((done.state, done.attempts), (ConnectState::Done, 2));
    // A session that stands in another workspace is not changed.
    let foreign = ConnectSession { workspace: WorkspaceId(99), ..done };
    assert!(!change(&db, foreign, ConnectState::Open).await);
}

async fn attempts_are_counted_by_token(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    for (n, workspace, jti) in [(1, here, 7), (2, here, 7), (3, here, 8), (4, there, 7)] {
        write(&db, move |tx| begin_with(tx, workspace, (n, jti), NOW)).await;
        let seen = look(&db, n, n).await.expect("not found");
        assert!(change(&db, seen, ConnectState::Asking).await);
    }
    for (workspace, jti, attempts) in [(here, 7, 2), (here, 8, 1), (there, 7, 1), (there, 8, 0)] {
        let counted = read(&db, move |tx| tx.connect_attempts(workspace, uuid(jti))).await;
        assert_eq!(counted, attempts);
    }
}
