use crate::consents::add_consent;
use crate::fixture::{NOW, SECOND, index, person, read, sealed, uuid, workspaces, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{ApiKeyId, ClosedKeys, KeyTerms, Micros, NewApiKey, WorkspaceId};

on_both_databases! {
    a_revoked_consent_is_taken_back_again,
    what_was_revoked_earlier_is_kept_too,
    an_erasure_forgets_what_was_said,
    a_revoked_key_is_closed_again,
    a_replaced_password_ends_again,
}

const FIRST: [u8; 32] = [1; 32];
const SECOND_ONE: [u8; 32] = [2; 32];

async fn lost(db: &TestDatabase, workspace: WorkspaceId) -> Vec<(u128, Micros)> {
    let lost = read(db, move |tx| tx.lost_revocations(workspace, 9)).await;
    lost.iter().map(|lost| (lost.consent.as_u128(), lost.revoked_at)).collect()
}

/// The data is as it was before anybody took anything back.
fn forget_revocations(db: &TestDatabase) {
    raw::run(db, "update consents set revoked_at = null, sealed_revocation = null");
    raw::run(db, "update api_keys set revoked_at = null");
}

async fn a_revoked_consent_is_taken_back_again(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        for n in [7, 8, 9] {
            add_consent(tx, here, subject, n)?;
        }
        tx.revoke_consent(here, uuid(8), NOW + 1, &sealed(2))?;
        tx.revoke_consent(here, uuid(7), NOW + 2, &sealed(3))
    })
    .await;
    assert_eq!(lost(&db, here).await, []);
    forget_revocations(&db);
    assert_eq!(lost(&db, here).await, [(8, NOW + 1), (7, NOW + 2)]);
    assert_eq!(lost(&db, there).await, []);
    let first = read(&db, move |tx| tx.lost_revocations(here, 1)).await;
    assert_eq!((first.len(), &first[0].sealed), (1, &sealed(2)));
    write(&db, move |tx| tx.revoke_consent(here, uuid(8), NOW + 1, &sealed(2))).await;
    assert_eq!(lost(&db, here).await, [(7, NOW + 2)]);
}

async fn what_was_revoked_earlier_is_kept_too(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let id = add_key(&db, here).await;
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_consent(tx, here, subject, 7)?;
        tx.revoke_consent(here, uuid(7), NOW + 1, &sealed(2))?;
        tx.revoke_api_key(id, NOW)
    })
    .await;
    // As an earlier version left it.
    raw::run(&db, "delete from revocations");
    for _ in 0..2 {
        write(&db, |tx| tx.keep_revocations()).await;
    }
    forget_revocations(&db);
    assert_eq!(lost(&db, here).await, [(7, NOW + 1)]);
    let closed = write(&db, |tx| tx.close_revoked_keys()).await;
    assert_eq!(closed, ClosedKeys { revoked: 1, ..ClosedKeys::default() });
}

async fn an_erasure_forgets_what_was_said(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        add_consent(tx, here, subject, 7)?;
        tx.revoke_consent(here, uuid(7), NOW, &sealed(2))?;
        tx.erase_person(here, &index(50))
    })
    .await;
    assert_eq!(raw::rows(&db, "select cast(id as text) from revocations"), [""; 0]);
}

async fn add_key(db: &TestDatabase, workspace: WorkspaceId) -> ApiKeyId {
    let terms = KeyTerms {
        name: String::new(),
        scopes: "manage".to_owned(),
        allow_list: String::new(),
        expires_at: None,
    };
    write(db, move |tx| {
        tx.insert_api_key(&NewApiKey {
            workspace,
            secret_id: uuid(40),
            secret_hash: &FIRST,
            terms: &terms,
            created_at: NOW,
        })
    })
    .await
}

async fn a_revoked_key_is_closed_again(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let id = add_key(&db, here).await;
    let close = || write(&db, |tx| tx.close_revoked_keys());
    assert_eq!(close().await, ClosedKeys::default());
    write(&db, move |tx| tx.revoke_api_key(id, NOW)).await;
    forget_revocations(&db);
    assert!(read(&db, |tx| tx.api_key(uuid(40))).await.is_some());
    assert_eq!(close().await, ClosedKeys { revoked: 1, ..ClosedKeys::default() });
    assert!(read(&db, |tx| tx.api_key(uuid(40))).await.is_none());
    assert_eq!(close().await, ClosedKeys::default(), "once is enough");
}

/// The data is as it was before the password was replaced, or before the old one was retired.
async fn a_replaced_password_ends_again(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let id = add_key(&db, here).await;
    let close = || write(&db, |tx| tx.close_revoked_keys());
    let until = || async {
        let key = read(&db, |tx| tx.api_key(uuid(40))).await.expect("no key");
        (key.terms.expires_at, key.old_until)
    };
    write(&db, move |tx| tx.rotate_api_key(id, &SECOND_ONE, None)).await;
    assert_eq!(close().await, ClosedKeys::default(), "both open it for good");
    write(&db, move |tx| tx.rotate_api_key(id, &FIRST, None)).await;
    write(&db, move |tx| tx.rotate_api_key(id, &SECOND_ONE, Some(NOW + SECOND))).await;
    raw::run(&db, "update api_keys set old_until = null");
    assert_eq!(close().await, ClosedKeys { retired: 1, ..ClosedKeys::default() });
    assert_eq!(until().await, (None, Some(NOW + SECOND)));
    write(&db, move |tx| tx.retire_old_password(id, NOW)).await;
    // As it was before: the first password is the newest that is known.
    write(&db, move |tx| tx.rotate_api_key(id, &FIRST, None)).await;
    assert_eq!(close().await, ClosedKeys { ended: 1, ..ClosedKeys::default() });
    assert_eq!(until().await.0, Some(NOW), "the earlier of the two moments");
    assert_eq!(close().await, ClosedKeys::default());
}
