use crate::fixture::{ALL, NOW, SECOND, read, refused, uuid, workspaces, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    ApiKeyId, Environment, Error, KeyTerms, ListedKey, NewApiKey, PageRequest, WorkspaceId,
};

on_both_databases! {
    a_key_opens_its_workspace,
    a_secret_id_exists_once,
    a_revoked_key_is_unknown,
    the_terms_of_a_key_can_change,
    a_key_has_two_passwords_for_a_while,
    keys_are_listed_newest_first,
    keys_that_were_revoked_keep_their_names,
    the_last_use_never_goes_back,
}

const HASH: [u8; 32] = [7; 32];
const NEXT: [u8; 32] = [8; 32];

fn terms() -> KeyTerms {
    KeyTerms {
        name: "Núcleo ñ".to_owned(),
        scopes: "read".to_owned(),
        allow_list: "10.0.0.0/8 2001:db8::/32".to_owned(),
        expires_at: Some(NOW + SECOND),
    }
}

async fn add(db: &TestDatabase, workspace: WorkspaceId, n: u64) -> ApiKeyId {
    write(db, move |tx| tx.insert_api_key(&key(workspace, n, &terms()))).await
}

fn key(workspace: WorkspaceId, n: u64, terms: &KeyTerms) -> NewApiKey<'_> {
    NewApiKey { workspace, secret_id: uuid(n), secret_hash: &HASH, terms, created_at: NOW }
}

async fn listed(db: &TestDatabase, id: ApiKeyId) -> ListedKey {
    read(db, move |tx| tx.listed_api_key_by_id(id)).await.expect("the key is not there")
}

async fn a_key_opens_its_workspace(db: TestDatabase) {
    let (_, production) = workspaces(&db).await;
    assert!(read(&db, |tx| tx.api_key(uuid(40))).await.is_none());
    let id = add(&db, production, 40).await;
    let stored = read(&db, |tx| tx.api_key(uuid(40))).await.expect("the key is not there");
    assert_eq!((stored.id, stored.secret_hash), (id, HASH.to_vec()));
    assert_eq!((stored.old_hash, stored.old_until), (None, None));
    assert_eq!(stored.terms, terms());
    assert_eq!(stored.workspace.id, production);
    assert_eq!((stored.workspace.uuid, stored.workspace.organization), (uuid(3), uuid(1)));
    assert_eq!(stored.workspace.environment, Environment::Production);
    assert!(read(&db, |tx| tx.api_key(uuid(41))).await.is_none());
}

async fn keys_that_were_revoked_keep_their_names(db: TestDatabase) {
    let (sandbox, production) = workspaces(&db).await;
    let id = add(&db, sandbox, 40).await;
    add(&db, sandbox, 41).await;
    add(&db, production, 42).await;
    write(&db, move |tx| tx.revoke_api_key(id, NOW)).await;
    let names = async |limit| read(&db, move |tx| tx.api_key_names(sandbox, limit)).await;
    let named = |n| (uuid(n), terms().name);
    assert_eq!(names(10).await, [named(41), named(40)]);
    assert_eq!(names(1).await, [named(41)]);
}

async fn a_secret_id_exists_once(db: TestDatabase) {
    let (sandbox, production) = workspaces(&db).await;
    add(&db, sandbox, 40).await;
    let error = refused(&db, move |tx| tx.insert_api_key(&key(production, 40, &terms()))).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    let stored = read(&db, |tx| tx.api_key(uuid(40))).await.expect("the first key is gone");
    assert_eq!(stored.workspace.id, sandbox);
}

async fn a_revoked_key_is_unknown(db: TestDatabase) {
    let (sandbox, _) = workspaces(&db).await;
    let id = add(&db, sandbox, 40).await;
    write(&db, move |tx| tx.revoke_api_key(id, NOW)).await;
    assert!(read(&db, |tx| tx.api_key(uuid(40))).await.is_none());
    assert!(read(&db, move |tx| tx.listed_api_key(sandbox, uuid(40))).await.is_none());
    assert!(read(&db, move |tx| tx.listed_api_key_by_id(id)).await.is_none());
    assert_eq!(read(&db, move |tx| tx.api_keys(sandbox, ALL)).await.count, 0);
    write(&db, move |tx| tx.revoke_api_key(id, NOW + SECOND)).await;
    let rows = raw::rows(&db, "select cast(revoked_at as text) from api_keys");
    assert_eq!(rows, [NOW.to_string()], "its row stays as it was");
}

async fn the_terms_of_a_key_can_change(db: TestDatabase) {
    let (sandbox, _) = workspaces(&db).await;
    let (id, other) = (add(&db, sandbox, 40).await, add(&db, sandbox, 41).await);
    let free = KeyTerms {
        name: String::new(),
        scopes: "links:read imports".to_owned(),
        allow_list: String::new(),
        expires_at: None,
    };
    let changed = free.clone();
    write(&db, move |tx| tx.set_api_key_terms(id, &changed)).await;
    assert_eq!(listed(&db, id).await.terms, free);
    assert_eq!(listed(&db, other).await.terms, terms());
    let opened = read(&db, |tx| tx.api_key(uuid(40))).await.expect("the key is not there");
    assert_eq!(opened.terms, free);
}

async fn a_key_has_two_passwords_for_a_while(db: TestDatabase) {
    let (sandbox, _) = workspaces(&db).await;
    let (id, other) = (add(&db, sandbox, 40).await, add(&db, sandbox, 41).await);
    for until in [Some(NOW + SECOND), None] {
        write(&db, move |tx| tx.rotate_api_key(id, &NEXT, until)).await;
        let found = read(&db, |tx| tx.api_key(uuid(40))).await.expect("the key is not there");
        assert_eq!((found.secret_hash, found.old_until), (NEXT.to_vec(), until));
        let shown = listed(&db, id).await;
        assert_eq!((shown.has_old, shown.old_until), (true, until));
    }
    let found = read(&db, |tx| tx.api_key(uuid(40))).await.expect("the key is not there");
    assert_eq!(found.old_hash, Some(NEXT.to_vec()), "the last one before");
    assert!(!listed(&db, other).await.has_old);
    write(&db, move |tx| tx.rotate_api_key(id, &HASH, Some(NOW))).await;
    write(&db, move |tx| tx.retire_old_password(id, NOW)).await;
    let found = read(&db, |tx| tx.api_key(uuid(40))).await.expect("the key is not there");
    assert_eq!((found.secret_hash, found.old_hash, found.old_until), (HASH.to_vec(), None, None));
}

async fn keys_are_listed_newest_first(db: TestDatabase) {
    let (sandbox, production) = workspaces(&db).await;
    for n in [40, 41, 42] {
        add(&db, sandbox, n).await;
    }
    add(&db, production, 50).await;
    let ids = |page: vinculo_store::Page<ListedKey>| {
        (page.count, page.rows.iter().map(|key| key.secret_id).collect::<Vec<_>>())
    };
    let all = read(&db, move |tx| tx.api_keys(sandbox, ALL)).await;
    assert_eq!(all.rows[0].created_at, NOW);
    assert_eq!(ids(all), (3, vec![uuid(42), uuid(41), uuid(40)]));
    let slice = PageRequest { limit: 1, offset: 1 };
    let second = read(&db, move |tx| tx.api_keys(sandbox, slice)).await;
    assert_eq!(ids(second), (3, vec![uuid(41)]));
    let own = read(&db, move |tx| tx.listed_api_key(sandbox, uuid(40))).await;
    assert_eq!(own.map(|key| key.secret_id), Some(uuid(40)));
    assert!(read(&db, move |tx| tx.listed_api_key(sandbox, uuid(50))).await.is_none());
}

async fn the_last_use_never_goes_back(db: TestDatabase) {
    let (sandbox, _) = workspaces(&db).await;
    let (id, other) = (add(&db, sandbox, 40).await, add(&db, sandbox, 41).await);
    for (at, kept) in [(NOW, NOW), (NOW + SECOND, NOW + SECOND), (NOW, NOW + SECOND)] {
        write(&db, move |tx| tx.note_api_key_use(id, at)).await;
        assert_eq!(listed(&db, id).await.last_used_at, Some(kept));
    }
    assert_eq!(listed(&db, other).await.last_used_at, None);
}
