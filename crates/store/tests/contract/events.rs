use crate::fixture::{NOW, SECOND, add_endpoint, emit_at, person, refused, workspaces, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use std::pin::pin;
use vinculo_store::{Error, Queue};

on_both_databases! {
    every_endpoint_of_the_workspace_gets_a_delivery,
    a_disabled_endpoint_gets_none,
    a_webhook_id_is_used_once_per_person,
    deliveries_are_announced_after_the_commit_only,
}

const DELIVERIES: &str = "select e.id, d.workspace_id, d.subject_id, d.event_id, d.state, \
     d.due_at, d.leased, d.attempt, d.created_at, d.finished_at \
     from deliveries d join webhook_endpoints e on e.id = d.endpoint_id order by e.id";

async fn every_endpoint_of_the_workspace_gets_a_delivery(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let subject = write(&db, move |tx| person(tx, here, 50)).await.id;
    write(&db, move |tx| add_endpoint(tx, there, 99)).await;
    write(&db, move |tx| emit_at(tx, here, subject, 80, NOW)).await;
    assert!(raw::rows(&db, DELIVERIES).is_empty());
    for endpoints in [1, 3] {
        write(&db, move |tx| {
            let have = tx.endpoints(here)?.len();
            (have..endpoints).try_for_each(|n| add_endpoint(tx, here, 90 + n as u64).map(|_| ()))
        })
        .await;
        raw::run(&db, "delete from deliveries");
        let n = 80 + endpoints as u64;
        let event = write(&db, move |tx| emit_at(tx, here, subject, n, NOW + SECOND)).await;
        let at = NOW + SECOND;
        let expected: Vec<_> = write(&db, move |tx| tx.endpoints(here))
            .await
            .iter()
            .map(|it| format!("{}|{here}|{subject}|{event}|pending|{at}|0|0|{at}|", it.id))
            .collect();
        assert_eq!(expected.len(), endpoints);
        assert_eq!(raw::rows(&db, DELIVERIES), expected);
    }
    let events = raw::rows(&db, "select workspace_id, webhook_code from events");
    assert_eq!(events, vec![format!("{here}|historical_update"); 3]);
}

async fn a_disabled_endpoint_gets_none(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let (subject, open) = write(&db, move |tx| {
        add_endpoint(tx, here, 90)?;
        Ok((person(tx, here, 50)?.id, add_endpoint(tx, here, 91)?))
    })
    .await;
    raw::run(
        &db,
        "update webhook_endpoints set disabled_at = 1 where id = (select min(id) from webhook_endpoints)",
    );
    write(&db, move |tx| emit_at(tx, here, subject, 80, NOW)).await;
    assert_eq!(raw::rows(&db, "select endpoint_id from deliveries"), [open.to_string()]);
}

async fn a_webhook_id_is_used_once_per_person(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| person(tx, here, 50)).await.id;
    write(&db, move |tx| emit_at(tx, here, subject, 80, NOW)).await;
    let error = refused(&db, move |tx| emit_at(tx, here, subject, 80, NOW)).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
}

async fn deliveries_are_announced_after_the_commit_only(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| person(tx, here, 50)).await.id;
    let mut wakes = db.store.wakes();
    let mut told = pin!(wakes.changed(Queue::Deliveries));
    write(&db, move |tx| emit_at(tx, here, subject, 80, NOW)).await;
    assert!(!is_ready(told.as_mut()), "woken without a delivery");
    write(&db, move |tx| add_endpoint(tx, here, 90)).await;
    let undone: Result<(), Error> = db
        .store
        .write(move |tx| {
            emit_at(tx, here, subject, 81, NOW)?;
            emit_at(tx, here, subject, 81, NOW).map(|_| ())
        })
        .await;
    assert!(undone.is_err());
    assert!(!is_ready(told.as_mut()), "woken by what was undone");
    write(&db, move |tx| emit_at(tx, here, subject, 82, NOW)).await;
    told.await;
    assert_eq!(raw::rows(&db, "select count(*) from deliveries"), ["1"]);
}

/// Whether the future ends without waiting.
fn is_ready(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.poll(&mut context).is_ready()
}
