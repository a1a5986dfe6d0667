use crate::fixture::{NOW, add_endpoint, read, uuid, workspaces, write};
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{DisabledReason, MissedReplay};

on_both_databases! {
    what_an_endpoint_missed_is_noted_until_it_is_done,
    a_note_waits_while_its_endpoint_is_disabled,
}

async fn what_an_endpoint_missed_is_noted_until_it_is_done(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let [first, second] =
        write(&db, move |tx| Ok([add_endpoint(tx, here, 90)?, add_endpoint(tx, there, 91)?])).await;
    let all = async |only| read(&db, move |tx| tx.missed_replays(only)).await;
    assert_eq!(all(None).await, []);
    let want = |id, ended, happened, now| {
        write(&db, move |tx| tx.want_missed(id, NOW + ended, NOW + happened, NOW + now))
    };
    want(first, 5, 7, 10).await;
    want(second, 1, 1, 11).await;
    let noted = |ended, happened, now| MissedReplay {
        endpoint: first,
        uuid: uuid(90),
        workspace: here,
        types: None,
        wanted_at: NOW + now,
        ended_since: NOW + ended,
        happened_since: NOW + happened,
    };
    assert_eq!(all(Some(first)).await, [noted(5, 7, 10)]);
    assert_eq!(all(None).await.len(), 2);
    // What is not done yet is still to be done.
    want(first, 6, 3, 20).await;
    assert_eq!(all(Some(first)).await, [noted(5, 3, 20)]);
    let forget = |wanted_at| write(&db, move |tx| tx.forget_missed(first, wanted_at));
    forget(Some(NOW + 10)).await;
    assert_eq!(all(Some(first)).await, [noted(5, 3, 20)], "more was wanted since");
    forget(Some(NOW + 20)).await;
    assert_eq!(all(Some(first)).await, []);
    want(first, 8, 9, 30).await;
    assert_eq!(all(Some(first)).await, [noted(8, 9, 30)]);
    forget(None).await;
    let left: Vec<_> = all(None).await.into_iter().map(|it| it.endpoint).collect();
    assert_eq!(left, [second]);
}

async fn a_note_waits_while_its_endpoint_is_disabled(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let id = write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    let left = async || read(&db, |tx| tx.missed_replays(None)).await.len();
    write(&db, move |tx| {
        tx.want_missed(id, NOW, NOW, NOW)?;
        tx.disable_endpoint(id, DisabledReason::Gone, NOW + 1)
    })
    .await;
    assert_eq!(left().await, 0);
    write(&db, move |tx| {
        tx.forget_missed(id, None)?;
        tx.enable_endpoint(id, NOW + 2)
    })
    .await;
    assert_eq!(left().await, 1, "nobody has sent it");
}
