use crate::fixture::{NOW, person, read, refused, root, uuid, workspaces, wrapped, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{Environment, Error, Found, Half, Target, Workspace, look, migrate};

on_both_databases! {
    there_is_one_root_key,
    workspaces_come_with_their_keys,
    an_organization_has_each_environment_once,
    an_organization_is_known_by_its_public_id,
    keys_of_another_installation_do_not_fit,
    a_key_from_a_start_that_was_cut_off_fits,
    what_there_is_is_told_apart,
    no_keys_are_made_beside_data,
    no_data_is_made_beside_keys_of_people,
}

async fn there_is_one_root_key(db: TestDatabase) {
    assert!(read(&db, |tx| tx.root_key()).await.is_none());
    write(&db, |tx| tx.insert_root_key(&root(1), NOW)).await;
    assert!(read(&db, |tx| tx.root_key()).await == Some(root(1)));
    let error = refused(&db, |tx| tx.insert_root_key(&root(2), NOW)).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    assert!(read(&db, |tx| tx.root_key()).await == Some(root(1)));
}

async fn workspaces_come_with_their_keys(db: TestDatabase) {
    assert!(read(&db, |tx| tx.workspaces()).await.is_empty());
    assert!(read(&db, |tx| tx.is_new()).await);
    assert_eq!(read(&db, |tx| tx.latest_moment()).await, None);
    let (sandbox, production) = workspaces(&db).await;
    let stored = read(&db, |tx| tx.workspaces()).await;
    let expected = [(sandbox, 2, Environment::Sandbox), (production, 3, Environment::Production)];
    let expected = expected.map(|(id, n, environment)| {
        (Workspace { id, uuid: uuid(n), organization: uuid(1), environment }, wrapped(n))
    });
    assert_eq!(stored, expected);
    assert!(!read(&db, |tx| tx.is_new()).await);
    assert_eq!(read(&db, |tx| tx.latest_moment()).await, Some(NOW));
}

async fn an_organization_has_each_environment_once(db: TestDatabase) {
    let again = |tx: &mut vinculo_store::Tx<'_>, name, id, workspace, environment| {
        let organization = tx.insert_organization(uuid(id), name, NOW)?;
        tx.insert_workspace(uuid(workspace), organization, environment, &wrapped(9), NOW)?;
        tx.insert_workspace(uuid(workspace + 1), organization, environment, &wrapped(9), NOW)
    };
    let error = refused(&db, move |tx| again(tx, "one", 10, 11, Environment::Sandbox)).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    assert!(read(&db, |tx| tx.workspaces()).await.is_empty(), "half of a closure was committed");
    assert_eq!(raw::rows(&db, "select count(*) from data_keys"), ["0"]);
}

async fn an_organization_is_known_by_its_public_id(db: TestDatabase) {
    let first = write(&db, |tx| tx.insert_organization(uuid(1), "one", NOW)).await;
    let other = write(&db, |tx| tx.insert_organization(uuid(2), "one", NOW)).await;
    assert_ne!(first, other);
    let error = refused(&db, |tx| tx.insert_organization(uuid(1), "two", NOW)).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    let kept = raw::rows(&db, "select name from organizations order by id");
    assert_eq!(kept, ["one", "one"]);
    let name = |n| read(&db, move |tx| tx.organization_name(uuid(n)));
    assert_eq!(name(2).await.as_deref(), Some("one"));
    assert_eq!(name(3).await, None);
}

async fn keys_of_another_installation_do_not_fit(db: TestDatabase) {
    assert!(read(&db, |tx| tx.keys_fit()).await, "nothing fits nothing");
    let (here, _) = workspaces(&db).await;
    assert!(read(&db, |tx| tx.keys_fit()).await);
    let of_one = format!("data_keys where owner_kind = 'workspace' and owner_id = {here}");
    raw::run(&db, &format!("delete from {of_one}"));
    assert!(read(&db, |tx| tx.keys_fit()).await, "keys can be older than a workspace");
    raw::run(&db, "update data_keys set created_at = created_at + 1");
    assert!(!read(&db, |tx| tx.keys_fit()).await);
    workspaces_of_another_organization(&db).await;
    assert!(read(&db, |tx| tx.keys_fit()).await, "one that fits is enough");
    raw::run(&db, "delete from data_keys");
    assert!(!read(&db, |tx| tx.keys_fit()).await, "no key at all is not this data's");
}

async fn workspaces_of_another_organization(db: &TestDatabase) {
    write(db, |tx| {
        let organization = tx.insert_organization(uuid(20), "other", NOW)?;
        tx.insert_workspace(uuid(21), organization, Environment::Sandbox, &wrapped(9), NOW)
    })
    .await;
}

async fn a_key_from_a_start_that_was_cut_off_fits(db: TestDatabase) {
    workspaces(&db).await;
    raw::run(&db, "delete from workspaces");
    raw::run(&db, "delete from organizations");
    raw::run(&db, "update data_keys set owner_id = owner_id + 2, created_at = created_at - 7");
    let again = write(&db, |tx| {
        let organization = tx.insert_organization(uuid(1), "default", NOW)?;
        tx.insert_workspace(uuid(4), organization, Environment::Sandbox, &wrapped(9), NOW)
    })
    .await;
    let kept = read(&db, |tx| tx.workspaces()).await;
    assert_eq!(kept.len(), 1);
    assert!(kept[0].0.id == again && kept[0].1 == wrapped(2), "the key that was there first");
    assert!(read(&db, |tx| tx.keys_fit()).await);
}

async fn what_there_is_is_told_apart(db: TestDatabase) {
    let found = || look(&db.target).expect("looked");
    assert_eq!(found(), Found { data: Half::Empty, keys: Half::Empty });
    assert!(!found().is_nothing() && !found().is_filled());
    write(&db, |tx| tx.insert_root_key(&root(1), NOW)).await;
    assert_eq!(found(), Found { data: Half::Empty, keys: Half::Filled });
    workspaces(&db).await;
    assert_eq!(found(), Found { data: Half::Filled, keys: Half::Filled });
    assert!(found().is_filled());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let nowhere = Target::Sqlite { dir: folder.path().join("nowhere") };
    assert!(look(&nowhere).expect("looked").is_nothing());
    assert!(!folder.path().join("nowhere").exists(), "nothing is made");
}

async fn no_keys_are_made_beside_data(db: TestDatabase) {
    write(&db, |tx| tx.insert_root_key(&root(1), NOW)).await;
    workspaces(&db).await;
    db.store.clone().close().await;
    match &db.target {
        Target::Sqlite { dir } => {
            for name in ["vault.db", "vault.db-wal", "vault.db-shm"] {
                std::fs::remove_file(dir.join(name)).ok();
            }
        }
        Target::Postgres { .. } => raw::run(&db, "drop schema vault cascade"),
    }
    let refused = migrate(&db.target).expect_err("the keys are gone");
    assert!(matches!(refused, Error::KeysMissing), "{refused}");
    let found = look(&db.target).expect("looked");
    assert_eq!(found, Found { data: Half::Filled, keys: Half::Missing }, "none were made");
}

/// New people would get the ids, and so the keys, of others.
async fn no_data_is_made_beside_keys_of_people(db: TestDatabase) {
    write(&db, |tx| tx.insert_root_key(&root(1), NOW)).await;
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| person(tx, here, 7)).await;
    for table in ["subjects", "workspaces", "organizations"] {
        raw::run(&db, &format!("delete from {table}"));
    }
    let refused = || migrate(&db.target).expect_err("the data is gone");
    assert!(matches!(refused(), Error::DataMissing), "{}", refused());
    let unfinished = match &db.target {
        Target::Sqlite { .. } => "data.unfinished_copy",
        Target::Postgres { .. } => "public.unfinished_copy",
    };
    raw::run(&db, &format!("create table {unfinished} (source int)"));
    migrate(&db.target).expect("the data is on its way");
    raw::run(&db, &format!("drop table {unfinished}"));
    assert!(matches!(refused(), Error::DataMissing));
    raw::run(&db, "delete from data_keys where owner_kind = 'subject'");
    migrate(&db.target).expect("nobody can get another's key");
}
