use crate::fixture::{NOW, read, refused, root, uuid, workspaces, wrapped, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{Environment, Error, Workspace};

on_both_databases! {
    there_is_one_root_key,
    workspaces_come_with_their_keys,
    an_organization_has_each_environment_once,
    an_organization_is_known_by_its_public_id,
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
