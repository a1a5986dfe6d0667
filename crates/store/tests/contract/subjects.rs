use crate::fixture::{NOW, add_link, index, person, read, uuid, workspaces, wrapped, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use std::sync::mpsc;

on_both_databases! {
    a_person_is_known_per_workspace,
    the_first_key_stays,
    callers_at_once_get_one_subject_and_one_key,
    a_held_subject_changes_nothing,
}

async fn a_person_is_known_per_workspace(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let made = write(&db, move |tx| person(tx, here, 50)).await;
    assert!(made.key == wrapped(50));
    let found = read(&db, move |tx| tx.subject(here, &index(50))).await.expect("not found");
    assert_eq!(found.id, made.id);
    assert!(found.key == wrapped(50));
    assert!(read(&db, move |tx| tx.subject(here, &index(51))).await.is_none());
    assert!(read(&db, move |tx| tx.subject(there, &index(50))).await.is_none());
    let other = write(&db, move |tx| person(tx, there, 50)).await;
    assert_ne!(other.id, made.id);
}

async fn the_first_key_stays(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let first = write(&db, move |tx| tx.ensure_subject(here, &index(50), &wrapped(1), NOW)).await;
    let again = write(&db, move |tx| tx.ensure_subject(here, &index(50), &wrapped(2), NOW)).await;
    assert_eq!(again.id, first.id);
    assert!(again.key == wrapped(1));
    assert_eq!(
        raw::rows(&db, "select count(*) from data_keys where owner_kind = 'subject'"),
        ["1"]
    );
}

async fn callers_at_once_get_one_subject_and_one_key(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    for round in 0..20 {
        let calls = (0..8).map(|caller| {
            let offered = wrapped(100 * round + caller);
            let store = db.store.clone();
            tokio::spawn(async move {
                store.write(move |tx| tx.ensure_subject(here, &index(round), &offered, NOW)).await
            })
        });
        let mut subjects = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            subjects.push(call.await.expect("a caller panicked").expect("not written"));
        }
        let first = &subjects[0];
        assert!(subjects.iter().all(|it| it.id == first.id && it.key == first.key));
        let stored = read(&db, move |tx| tx.subject(here, &index(round))).await;
        assert!(stored.expect("not stored").key == first.key);
    }
}

async fn a_held_subject_changes_nothing(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| {
        let subject = person(tx, here, 50)?;
        tx.lock_subject(subject.id)?;
        Ok(subject)
    })
    .await;
    let before = raw::rows(&db, "select * from subjects");
    write(&db, move |tx| tx.lock_subject(subject.id)).await;
    assert_eq!(raw::rows(&db, "select * from subjects"), before);
}

/// SQLite has one writer, so that this can be seen on PostgreSQL only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_projection_of_a_person_waits_for_the_first() {
    let db = TestDatabase::postgres();
    let (here, _) = workspaces(&db).await;
    let subject = write(&db, move |tx| person(tx, here, 50)).await.id;
    let (held, is_held) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let slow = move |tx: &mut vinculo_store::Tx<'_>| {
        tx.lock_subject(subject)?;
        held.send(()).expect("nobody waits");
        may_go_on.recv().expect("nobody lets it go on");
        add_link(tx, here, subject, 60)
    };
    let store = db.store.clone();
    let first = tokio::spawn(async move { store.write(slow).await });
    let store = db.store.clone();
    is_held.recv().expect("never held");
    let second = tokio::spawn(async move {
        let look = move |tx: &mut vinculo_store::Tx<'_>| {
            tx.lock_subject(subject)?;
            tx.link(here, uuid(60))
        };
        store.write(look).await
    });
    let waits = "select count(*) from pg_stat_activity \
         where datname = current_database() and wait_event_type = 'Lock'";
    while raw::rows(&db, waits) == ["0"] {
        tokio::task::yield_now().await;
    }
    go_on.send(()).expect("the first is gone");
    first.await.expect("the first panicked").expect("not written");
    let seen = second.await.expect("the second panicked").expect("not read");
    assert!(seen.is_some(), "the second did not wait for the first");
}
