use crate::fixture::{NOW, SECOND, index, person, read, sealed, uuid, workspaces, wrapped, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use std::sync::mpsc;
use vinculo_store::{Environment, Micros, NewKeptAnswer, Seal, SubjectId, Tx, WorkspaceId};

on_both_databases! {
    an_answer_is_found_under_its_key_until_it_is_old,
    a_key_keeps_its_first_answer_until_it_is_old,
    a_key_belongs_to_its_workspace,
    an_answer_about_a_person_goes_with_the_person,
    answers_about_the_links_of_a_person_are_forgotten,
}

/// Keeps answer `n` under key `n`, as of `at`; those of before `since` are old.
pub(crate) fn keep(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    (key, n): (u64, u64),
    subject: Option<SubjectId>,
    (at, since): (Micros, Micros),
) -> vinculo_store::Result<bool> {
    let answer = NewKeptAnswer {
        workspace,
        key: &index(key),
        request: &index(1000 + n),
        subject,
        link: None,
        status: 201,
        body: &sealed(n),
        created_at: at,
    };
    tx.keep_answer(&answer, since)
}

async fn an_answer_is_found_under_its_key_until_it_is_old(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    assert!(write(&db, move |tx| keep(tx, here, (7, 7), None, (NOW, 0))).await);
    let found = read(&db, move |tx| tx.kept_answer(here, &index(7), NOW - 1)).await;
    let found = found.expect("not found");
    assert_eq!((found.request, found.status, found.body), (index(1007), 201, sealed(7)));
    assert!(matches!(found.seal, Seal::Workspace));
    assert!(read(&db, move |tx| tx.kept_answer(here, &index(7), NOW)).await.is_none());
    assert!(read(&db, move |tx| tx.kept_answer(here, &index(8), 0)).await.is_none());
}

async fn a_key_keeps_its_first_answer_until_it_is_old(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let later = NOW + SECOND;
    assert!(write(&db, move |tx| keep(tx, here, (7, 1), None, (NOW, 0))).await);
    assert!(!write(&db, move |tx| keep(tx, here, (7, 2), None, (later, NOW - 1))).await);
    let found = read(&db, move |tx| tx.kept_answer(here, &index(7), 0)).await.expect("gone");
    assert_eq!((found.request, found.body), (index(1001), sealed(1)));

    assert!(write(&db, move |tx| keep(tx, here, (7, 3), None, (later, NOW))).await);
    let found = read(&db, move |tx| tx.kept_answer(here, &index(7), NOW)).await.expect("gone");
    assert_eq!((found.request, found.body), (index(1003), sealed(3)));
}

async fn a_key_belongs_to_its_workspace(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    assert!(write(&db, move |tx| keep(tx, here, (7, 1), None, (NOW, 0))).await);
    assert!(read(&db, move |tx| tx.kept_answer(there, &index(7), 0)).await.is_none());
    assert!(write(&db, move |tx| keep(tx, there, (7, 2), None, (NOW, 0))).await);
}

async fn an_answer_about_a_person_goes_with_the_person(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        keep(tx, here, (7, 7), Some(subject), (NOW, 0))
    })
    .await;
    let seal = async || {
        read(&db, move |tx| tx.kept_answer(here, &index(7), 0)).await.expect("not found").seal
    };
    assert!(matches!(seal().await, Seal::Subject(key) if key == wrapped(50)));
    raw::run(&db, "delete from data_keys where owner_kind = 'subject'");
    assert!(matches!(seal().await, Seal::Erased));
}

async fn answers_about_the_links_of_a_person_are_forgotten(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    write(&db, move |tx| {
        let (one, two) = (person(tx, here, 50)?.id, person(tx, here, 51)?.id);
        for (n, subject) in [(1, Some(one)), (2, Some(one)), (3, Some(two)), (4, None)] {
            keep(tx, here, (n, n), subject, (NOW, 0))?;
        }
        Ok(())
    })
    .await;
    raw::run(&db, "update idempotency_keys set link_id = subject_id");
    write(&db, move |tx| {
        let one = person(tx, here, 50)?.id;
        keep(tx, here, (5, 5), Some(one), (NOW, 0))?;
        tx.forget_answers_about_links(one)
    })
    .await;
    for (n, kept) in [(1, false), (2, false), (3, true), (4, true), (5, true)] {
        let found = read(&db, move |tx| tx.kept_answer(here, &index(n), 0)).await;
        assert_eq!(found.is_some(), kept, "{n}");
    }
}

/// SQLite has one writer, so that this can be seen on PostgreSQL only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_answer_waits_for_the_first_and_is_not_kept() {
    let db = TestDatabase::postgres();
    let here = write(&db, |tx| {
        let organization = tx.insert_organization(uuid(1), "default", NOW)?;
        tx.insert_workspace(uuid(2), organization, Environment::Sandbox, &wrapped(2), NOW)
    })
    .await;
    let (held, is_held) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let store = db.store.clone();
    let first = tokio::spawn(async move {
        let slow = move |tx: &mut Tx<'_>| {
            let kept = keep(tx, here, (7, 1), None, (NOW, 0))?;
            held.send(()).expect("nobody waits");
            may_go_on.recv().expect("nobody lets it go on");
            Ok::<_, vinculo_store::Error>(kept)
        };
        store.write(slow).await
    });
    is_held.recv().expect("never held");
    let store = db.store.clone();
    let second =
        tokio::spawn(
            async move { store.write(move |tx| keep(tx, here, (7, 2), None, (NOW, 0))).await },
        );
    let waits = "select count(*) from pg_stat_activity \
         where datname = current_database() and wait_event_type = 'Lock'";
    while raw::rows(&db, waits) == ["0"] {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    go_on.send(()).expect("the first is gone");
    assert!(first.await.expect("the first panicked").expect("not written"));
    assert!(!second.await.expect("the second panicked").expect("not written"));
}
