use crate::fixture::{NOW, index, person, read, refused, root, uuid, workspaces, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use std::collections::BTreeSet;
use vinculo_store::{Environment, Error, KeyCount, KeyOwner, StoredKey};
use vinculo_vault::WrappedKey;

on_both_databases! {
    keys_are_counted_and_found_by_version,
    a_key_is_replaced_by_whoever_knows_it,
    a_version_that_is_not_the_keys_is_corrupt,
}

/// Key `n` as version `version` of the master key would wrap it.
fn wrapped(version: u8, n: u8) -> WrappedKey {
    let mut bytes = vec![b'd', 0, 0, 0, version];
    bytes.extend([n; 60]);
    WrappedKey::from_bytes(&bytes).expect("no wrapped key")
}

async fn keys_are_counted_and_found_by_version(db: TestDatabase) {
    assert!(read(&db, |tx| tx.one_key_per_version()).await.is_empty());
    assert!(read(&db, |tx| tx.count_keys()).await.is_empty());
    write(&db, |tx| {
        let organization = tx.insert_organization(uuid(1), "default", NOW)?;
        let sandbox = Environment::Sandbox;
        let here = tx.insert_workspace(uuid(2), organization, sandbox, &wrapped(2, 1), NOW)?;
        for (n, version) in [(10, 1), (11, 1), (12, 2), (13, 4)] {
            tx.ensure_subject(here, &index(u64::from(n)), &wrapped(version, n), NOW)?;
        }
        Ok(())
    })
    .await;
    let counted = read(&db, |tx| tx.count_keys()).await;
    let count = |version, workspaces, subjects| KeyCount { version, workspaces, subjects };
    assert_eq!(counted, [count(1, 0, 2), count(2, 1, 1), count(4, 0, 1)]);
    let samples = read(&db, |tx| tx.one_key_per_version()).await;
    assert_eq!(samples.iter().map(WrappedKey::version).collect::<Vec<_>>(), [1, 2, 4]);

    let others = read(&db, |tx| tx.keys_of_other_versions(2, 10)).await;
    let versions: BTreeSet<_> = others.iter().map(|key| key.wrapped.version()).collect();
    assert_eq!((others.len(), versions), (3, BTreeSet::from([1, 4])));
    assert!(others.iter().all(|key| key.owner == KeyOwner::Subject));
    let of_four = read(&db, |tx| tx.keys_of_other_versions(4, 10)).await;
    assert!(of_four.iter().any(|key| key.owner == KeyOwner::Workspace));
    assert_eq!(read(&db, |tx| tx.keys_of_other_versions(2, 2)).await.len(), 2);
}

async fn a_key_is_replaced_by_whoever_knows_it(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| person(tx, here, 50)).await;
    let old = StoredKey {
        owner: KeyOwner::Subject,
        owner_id: subject.id.0,
        wrapped: subject.key.clone(),
    };
    let replace = |old: StoredKey, n| write(&db, move |tx| tx.rewrap_key(&old, &wrapped(9, n)));
    assert!(replace(old.clone(), 1).await);
    assert!(!replace(old.clone(), 2).await, "somebody else was first");
    let stored = read(&db, move |tx| tx.subject(here, &index(50))).await.expect("not found");
    assert!(stored.key == wrapped(9, 1));
    let counted = read(&db, |tx| tx.count_keys()).await;
    let last = counted.last().map(|count| (count.version, count.subjects));
    assert_eq!(last, Some((9, 1)));
    // An erased person's key does not come back.
    raw::run(&db, "delete from data_keys where owner_kind = 'subject'");
    let old = StoredKey { wrapped: wrapped(9, 1), ..old };
    assert!(!replace(old, 3).await);
    assert!(read(&db, move |tx| tx.subject(here, &index(50))).await.is_none());

    assert!(!write(&db, |tx| tx.rewrap_root_key(&root(1), &root(2))).await, "there is none");
    write(&db, |tx| tx.insert_root_key(&root(1), NOW)).await;
    assert!(write(&db, |tx| tx.rewrap_root_key(&root(1), &root(2))).await);
    assert!(!write(&db, |tx| tx.rewrap_root_key(&root(1), &root(3))).await);
    assert!(read(&db, |tx| tx.root_key()).await == Some(root(2)));
}

async fn a_version_that_is_not_the_keys_is_corrupt(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| person(tx, here, 50)).await;
    raw::run(&db, "update data_keys set master_version = 7 where owner_kind = 'subject'");
    let error = refused(&db, |tx| tx.keys_of_other_versions(3, 10)).await;
    assert!(matches!(error, Error::Corrupt { table: "data_keys", .. }), "{error}");
}
