use crate::fixture::{NOW, add_link, index, person, read, uuid, workspaces, wrapped, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use std::collections::HashMap;
use std::sync::mpsc;
use tokio::task::JoinHandle;
use vinculo_store::{Result, Subject, Tx, WorkspaceId};

on_both_databases! {
    a_person_is_known_per_workspace,
    the_first_key_stays,
    callers_at_once_get_one_subject_and_one_key,
    many_people_are_found_at_once,
    many_people_are_made_at_once,
    callers_at_once_with_many_people_agree,
    a_key_left_behind_stays,
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

/// More than one statement takes, and no power of two.
const MANY: u64 = 1_100;

async fn many_people_are_found_at_once(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let made = write(&db, move |tx| {
        let foreign = person(tx, there, 7)?;
        let known = (0..MANY).step_by(2).map(|n| Ok((index(n), person(tx, here, n)?.id)));
        Ok((known.collect::<Result<HashMap<_, _>>>()?, foreign.id))
    })
    .await;
    let (known, foreign) = made;
    let asked: Vec<_> = (0..MANY).map(index).collect();
    let found = read(&db, move |tx| tx.subjects(here, &asked)).await;
    let ids: HashMap<_, _> = found.iter().map(|(document, it)| (*document, it.id)).collect();
    assert_eq!(ids, known);
    assert!((0..MANY).step_by(2).all(|n| found[&index(n)].key == wrapped(n)));
    let elsewhere = read(&db, move |tx| tx.subjects(there, &[index(6), index(7)])).await;
    assert_eq!(elsewhere.len(), 1);
    assert_eq!(elsewhere[&index(7)].id, foreign);
    assert!(read(&db, move |tx| tx.subjects(here, &[])).await.is_empty());
}

async fn many_people_are_made_at_once(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let before = write(&db, move |tx| person(tx, here, 5)).await;
    let offered: Vec<_> = (0..MANY).map(|n| (index(n), wrapped(n + 10_000))).collect();
    let again = offered.clone();
    let made = write(&db, move |tx| tx.ensure_subjects(here, &offered, NOW)).await;
    assert_eq!(made.len() as u64, MANY);
    assert_eq!(made[&index(5)].id, before.id);
    assert!(made[&index(5)].key == wrapped(5), "the first key stays");
    assert!(made[&index(6)].key == wrapped(10_006));
    let stored = read(&db, move |tx| tx.subject(here, &index(6))).await.expect("not stored");
    assert!(stored.id == made[&index(6)].id && stored.key == wrapped(10_006));
    let same = write(&db, move |tx| tx.ensure_subjects(here, &again, NOW)).await;
    assert!(same.iter().all(|(document, it)| made[document].id == it.id));
    assert!(write(&db, move |tx| tx.ensure_subjects(here, &[], NOW)).await.is_empty());
    let keys = "select count(*) from data_keys where owner_kind = 'subject'";
    assert_eq!(raw::rows(&db, keys), [MANY.to_string()]);
}

async fn callers_at_once_with_many_people_agree(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let calls = (0..4_u64).map(|caller| {
        // Each in another order, which must not make them wait for each other in a circle.
        let mut people: Vec<_> = (0..300).map(|n| (n * 7 + caller * 75) % 300).collect();
        people.dedup();
        let offered: Vec<_> =
            people.into_iter().map(|n| (index(n), wrapped(1_000 * caller + n))).collect();
        let store = db.store.clone();
        tokio::spawn(
            async move { store.write(move |tx| tx.ensure_subjects(here, &offered, NOW)).await },
        )
    });
    let mut all = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        all.push(call.await.expect("a caller panicked").expect("not written"));
    }
    for n in 0..300 {
        let first = &all[0][&index(n)];
        assert!(
            all.iter().all(|it| it[&index(n)].id == first.id && it[&index(n)].key == first.key)
        );
    }
}

async fn a_key_left_behind_stays(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let first = write(&db, move |tx| person(tx, here, 1)).await.id;
    let last = 3 + first.0;
    let left = format!(
        "insert into data_keys (owner_kind, owner_id, master_version, wrapped, created_at) \
         select owner_kind, {last}, master_version, wrapped, created_at from data_keys \
         where owner_kind = 'subject' and owner_id = {first}"
    );
    raw::run(&db, &left);
    let offered = [2, 3, 4].map(|n| (index(n), wrapped(n)));
    let made = write(&db, move |tx| tx.ensure_subjects(here, &offered, NOW)).await;
    let with_old_key = made.values().find(|it| it.id.0 == last).expect("no such id");
    assert!(with_old_key.key == wrapped(1));
    assert_eq!(made.values().filter(|it| it.key == wrapped(1)).count(), 1);
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
    let slow = move |tx: &mut Tx<'_>| {
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
        let look = move |tx: &mut Tx<'_>| {
            tx.lock_subject(subject)?;
            tx.link(here, uuid(60))
        };
        store.write(look).await
    });
    somebody_waits(&db).await;
    go_on.send(()).expect("the first is gone");
    first.await.expect("the first panicked").expect("not written");
    let seen = second.await.expect("the second panicked").expect("not read");
    assert!(seen.is_some(), "the second did not wait for the first");
}

/// Waits until a connection waits for a lock of another one.
async fn somebody_waits(db: &TestDatabase) {
    while !raw::somebody_waits(db) {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// Ensures person 50, says so, and commits when told to.
fn ensure_slowly(
    db: &TestDatabase,
    here: WorkspaceId,
) -> (JoinHandle<Result<Subject>>, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (held, is_held) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let store = db.store.clone();
    let ensure = tokio::spawn(async move {
        let ensure = move |tx: &mut Tx<'_>| {
            let subject = tx.ensure_subject(here, &index(50), &wrapped(50), NOW)?;
            held.send(()).expect("nobody waits");
            may_go_on.recv().expect("nobody lets it go on");
            Ok(subject)
        };
        store.write(ensure).await
    });
    (ensure, is_held, go_on)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_whom_somebody_else_has_just_made_is_held_too() {
    let db = TestDatabase::postgres();
    let (here, _) = workspaces(&db).await;
    let (first, is_made, may_commit) = ensure_slowly(&db, here);
    is_made.recv().expect("never made");
    let (second, is_held, go_on) = ensure_slowly(&db, here);
    somebody_waits(&db).await;
    may_commit.send(()).expect("the first is gone");
    let made = first.await.expect("the first panicked").expect("not written");
    is_held.recv().expect("never held");
    // As an erasure would.
    let locked = raw::refused(&db, "select id from subjects for update nowait");
    assert_eq!(locked, "55P03");
    go_on.send(()).expect("the second is gone");
    let found = second.await.expect("the second panicked").expect("not written");
    assert_eq!(found.id, made.id);
}
