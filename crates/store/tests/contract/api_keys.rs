use crate::fixture::{NOW, read, refused, uuid, workspaces, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{Environment, Error, NewApiKey, WorkspaceId};

on_both_databases! {
    a_key_opens_its_workspace,
    a_secret_id_exists_once,
    a_revoked_key_is_unknown,
}

const HASH: [u8; 32] = [7; 32];

fn key(workspace: WorkspaceId) -> NewApiKey<'static> {
    NewApiKey {
        workspace,
        secret_id: uuid(40),
        secret_hash: &HASH,
        name: "Núcleo ñ",
        created_at: NOW,
    }
}

async fn a_key_opens_its_workspace(db: TestDatabase) {
    let (_, production) = workspaces(&db).await;
    assert!(read(&db, |tx| tx.api_key(uuid(40))).await.is_none());
    let id = write(&db, move |tx| tx.insert_api_key(&key(production))).await;
    let stored = read(&db, |tx| tx.api_key(uuid(40))).await.expect("the key is not there");
    assert_eq!((stored.id, stored.secret_hash), (id, HASH.to_vec()));
    assert_eq!(stored.workspace.id, production);
    assert_eq!((stored.workspace.uuid, stored.workspace.organization), (uuid(3), uuid(1)));
    assert_eq!(stored.workspace.environment, Environment::Production);
    assert!(read(&db, |tx| tx.api_key(uuid(41))).await.is_none());
    assert_eq!(raw::rows(&db, "select name from api_keys"), ["Núcleo ñ"]);
}

async fn a_secret_id_exists_once(db: TestDatabase) {
    let (sandbox, production) = workspaces(&db).await;
    write(&db, move |tx| tx.insert_api_key(&key(sandbox))).await;
    let error = refused(&db, move |tx| tx.insert_api_key(&key(production))).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    let stored = read(&db, |tx| tx.api_key(uuid(40))).await.expect("the first key is gone");
    assert_eq!(stored.workspace.id, sandbox);
}

async fn a_revoked_key_is_unknown(db: TestDatabase) {
    let (sandbox, _) = workspaces(&db).await;
    write(&db, move |tx| tx.insert_api_key(&key(sandbox))).await;
    raw::run(&db, "update api_keys set revoked_at = 1");
    assert!(read(&db, |tx| tx.api_key(uuid(40))).await.is_none());
}
