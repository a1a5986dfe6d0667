//! Many closures in one commit, on SQLite.

use super::{bodies, note, with_notes};
use crate::support::TestDatabase;
use crate::{Error, Options, Result, Store, Target, Tx};
use std::sync::mpsc;
use tokio::task::JoinHandle;

type Work = Box<dyn FnOnce(&mut Tx<'_>) -> Result<u64> + Send>;

/// Holds the write lane inside a closure until everything in `queue` waits behind it, so that all
/// of it falls into one commit.
async fn in_one_group(store: &Store, queue: Vec<Work>) -> Vec<Result<u64>> {
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (release, gate) = mpsc::channel::<()>();
    let holder = spawn(store, move |tx| {
        let _ = entered.send(());
        gate.recv().expect("the gate is gone");
        tx.execute("update notes set number = 0", &[])
    });
    inside.await.expect("the lane never started");
    let mut waiting: Vec<JoinHandle<Result<u64>>> = Vec::new();
    for work in queue {
        let mut call = Box::pin({
            let store = store.clone();
            async move { store.write(work).await }
        });
        // The first poll puts the closure into the channel, in this order.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
        waiting.push(tokio::spawn(call));
    }
    release.send(()).expect("the lane is gone");
    let mut answers = vec![holder.await.expect("the holder panicked")];
    for answer in waiting {
        answers.push(answer.await.expect("a caller panicked"));
    }
    answers
}

fn spawn(
    store: &Store,
    work: impl FnOnce(&mut Tx<'_>) -> Result<u64> + Send + 'static,
) -> JoinHandle<Result<u64>> {
    let store = store.clone();
    tokio::spawn(async move { store.write(work).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_keeps_its_order_and_isolates_failures() {
    let db = TestDatabase::sqlite();
    with_notes(&db).await;
    let answers = in_one_group(
        &db.store,
        vec![
            Box::new(|tx| note(tx, 1, "one")),
            Box::new(|tx| {
                note(tx, 2, "two")?;
                note(tx, 1, "a conflict with a neighbour of the same commit")
            }),
            Box::new(|tx| {
                note(tx, 3, "three")?;
                panic!("a mistake in a closure")
            }),
            Box::new(|tx| {
                let seen =
                    tx.query("select body from notes order by id", &[], |row| row.text(0))?;
                assert_eq!(seen, ["one"]);
                note(tx, 4, "four")
            }),
        ],
    )
    .await;
    assert!(answers[0].is_ok() && answers[1].is_ok() && answers[4].is_ok(), "{answers:?}");
    assert!(matches!(answers[2], Err(Error::Conflict(_))));
    assert!(matches!(answers[3], Err(Error::Panicked)));
    assert_eq!(bodies(&db.store).await, ["one", "four"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_one_commit() {
    let db = TestDatabase::sqlite();
    with_notes(&db).await;
    let Target::Sqlite { dir } = &db.target else { unreachable!("a test of SQLite") };
    let log = || std::fs::metadata(dir.join("vinculo.db-wal")).expect("no log").len();
    let before = log();
    let queue =
        (0..50).map(|id| -> Work { Box::new(move |tx| note(tx, id, &format!("note {id}"))) });
    let answers = in_one_group(&db.store, queue.collect()).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(bodies(&db.store).await.len(), 50);
    // Fifty separate commits would write at least two pages of 4 KiB each.
    let grown = log() - before;
    assert!(grown < 20 * 4096, "the log grew by {grown} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_before_the_commit() {
    let db = TestDatabase::sqlite();
    with_notes(&db).await;
    let (answered, mut early) = tokio::sync::oneshot::channel::<()>();
    let store = db.store.clone();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (release, gate) = mpsc::channel::<()>();
    let first = tokio::spawn(async move {
        let outcome = store
            .write(move |tx| {
                let _ = entered.send(());
                gate.recv().expect("the gate is gone");
                note(tx, 1, "one")
            })
            .await;
        let _ = answered.send(());
        outcome
    });
    inside.await.expect("the lane never started");
    let (look, looked) = mpsc::channel();
    let second = spawn(&db.store, move |tx| {
        look.send(early.try_recv().is_ok()).expect("nobody looks");
        note(tx, 2, "two")
    });
    // Wait until the second closure waits behind the first.
    while db.store.waiting_writes() == 0 {
        tokio::task::yield_now().await;
    }
    release.send(()).expect("the lane is gone");
    assert!(!looked.recv().expect("the second closure never ran"));
    assert!(first.await.expect("panicked").is_ok());
    assert!(second.await.expect("panicked").is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_waiting_are_told_so() {
    let db = TestDatabase::sqlite();
    let few = Options { waiting: 2, ..Options::default() };
    let store = Store::open(&db.target, &few).expect("the store does not open");
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (release, gate) = mpsc::channel::<()>();
    let holder = spawn(&store, move |_| {
        let _ = entered.send(());
        gate.recv().expect("the gate is gone");
        Ok(0)
    });
    inside.await.expect("the lane never started");
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut calls: Vec<_> = (0..3).map(|_| Box::pin(store.write(|_| Ok::<_, Error>(0)))).collect();
    assert!(calls[0].as_mut().poll(&mut context).is_pending());
    assert!(calls[1].as_mut().poll(&mut context).is_pending());
    let third = calls.remove(2).await;
    assert!(matches!(third, Err(Error::Busy(_))), "{third:?}");
    release.send(()).expect("the lane is gone");
    assert!(holder.await.expect("panicked").is_ok());
    for call in calls {
        assert!(call.await.is_ok());
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_behind_leases_waits_for_the_disk_and_leases_behind_it_join_its_commit() {
    let db = TestDatabase::sqlite();
    with_notes(&db).await;
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (release, gate) = mpsc::channel::<()>();
    let store = db.store.clone();
    let holder = tokio::spawn(async move {
        store
            .lease(move |tx| {
                let _ = entered.send(());
                gate.recv().expect("the gate is gone");
                synced(tx, 0)
            })
            .await
    });
    inside.await.expect("the lane never started");
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let store = &db.store;
    let mut write = Box::pin(store.write(|tx| synced(tx, 9)));
    let mut leases = Vec::new();
    for id in 1..=4 {
        leases.push(Box::pin(store.lease(move |tx| synced(tx, id))));
    }
    assert!(write.as_mut().poll(&mut context).is_pending());
    for lease in &mut leases {
        assert!(lease.as_mut().poll(&mut context).is_pending());
    }
    release.send(()).expect("the lane is gone");
    let held = holder.await.expect("the holder panicked").expect("not taken");
    let write = write.await.expect("not written");
    let mut levels = Vec::new();
    for lease in leases {
        levels.push(lease.await.expect("not taken"));
    }
    // With the holder four leases in a row; the last of those that wait comes after the write.
    assert_eq!((held, write, levels), (1, 2, vec![1, 1, 1, 2]));
    assert_eq!(bodies(store).await, ["0", "1", "2", "3", "4", "9"]);
}

/// Notes `id` and gives how durable the commit will be that it is part of, as SQLite numbers it.
fn synced(tx: &mut Tx<'_>, id: i64) -> Result<i64> {
    note(tx, id, &id.to_string())?;
    tx.query_one("pragma data.synchronous", &[], |row| row.int(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_closes_behind_leases_does_what_was_sent_before() {
    let db = TestDatabase::sqlite();
    with_notes(&db).await;
    let calls: Vec<_> = (0..40)
        .map(|id| {
            let store = db.store.clone();
            let mut call = Box::pin(async move {
                match id % 3 {
                    0 => store.write(move |tx| note(tx, id, &id.to_string())).await,
                    _ => store.lease(move |tx| note(tx, id, &id.to_string())).await,
                }
            });
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = call.as_mut().poll(&mut context);
            call
        })
        .collect();
    db.store.clone().close().await;
    drop(calls);
    let again = Store::open(&db.target, &Options::default()).expect("the store does not open");
    assert_eq!(bodies(&again).await.len(), 40);
    again.close().await;
}
