use crate::fixture::{NOW, add_endpoint, read, refused, sealed, uuid, workspaces, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::Error;

on_both_databases! {
    a_workspace_sees_its_endpoints_oldest_first,
    a_public_id_exists_once,
    a_disabled_endpoint_is_not_shown,
}

async fn a_workspace_sees_its_endpoints_oldest_first(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let ids = write(&db, move |tx| {
        Ok([add_endpoint(tx, here, 91)?, add_endpoint(tx, there, 92)?, add_endpoint(tx, here, 90)?])
    })
    .await;
    let shown = read(&db, move |tx| tx.endpoints(here)).await;
    let shown: Vec<_> =
        shown.iter().map(|it| (it.id, it.uuid, it.created_at, &it.sealed)).collect();
    let expected = [(ids[0], uuid(91), NOW, &sealed(91)), (ids[2], uuid(90), NOW, &sealed(90))];
    assert_eq!(shown, expected);
    assert_eq!(read(&db, move |tx| tx.endpoints(there)).await.len(), 1);
}

async fn a_public_id_exists_once(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    let error = refused(&db, move |tx| add_endpoint(tx, there, 90)).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
}

async fn a_disabled_endpoint_is_not_shown(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    raw::run(&db, "update webhook_endpoints set disabled_at = 1");
    assert!(read(&db, move |tx| tx.endpoints(here)).await.is_empty());
}
