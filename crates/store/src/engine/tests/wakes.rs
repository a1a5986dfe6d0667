use super::{AppError, note, with_notes};
use crate::support::{TestDatabase, on_both_databases};
use crate::{Options, Queue, Result, Store, Wakes};
use std::time::Duration;

on_both_databases! {
    a_commit_wakes,
    a_wake_before_the_wait_is_not_lost,
    a_rollback_does_not_wake,
}

/// Long enough that only a lost wake takes it.
const NEVER: Duration = Duration::from_secs(20);

async fn woken(wakes: &mut Wakes, queue: Queue) -> bool {
    tokio::time::timeout(NEVER, wakes.changed(queue)).await.is_ok()
}

fn is_woken_now(wakes: &mut Wakes, queue: Queue) -> bool {
    let mut wait = std::pin::pin!(wakes.changed(queue));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    wait.as_mut().poll(&mut context).is_ready()
}

async fn a_commit_wakes(db: TestDatabase) {
    let mut wakes = db.store.wakes();
    let waiter = tokio::spawn(async move {
        let woken = woken(&mut wakes, Queue::Jobs).await;
        (woken, is_woken_now(&mut wakes, Queue::Deliveries))
    });
    let outcome: Result<()> = db
        .store
        .write(|tx| {
            tx.wake(Queue::Jobs);
            Ok(())
        })
        .await;
    outcome.expect("not written");
    assert_eq!(waiter.await.expect("panicked"), (true, false));
}

async fn a_wake_before_the_wait_is_not_lost(db: TestDatabase) {
    let mut wakes = db.store.wakes();
    for _ in 0..3 {
        let outcome: Result<()> = db
            .store
            .write(|tx| {
                tx.wake(Queue::Deliveries);
                Ok(())
            })
            .await;
        outcome.expect("not written");
    }
    assert!(woken(&mut wakes, Queue::Deliveries).await);
    assert!(!is_woken_now(&mut wakes, Queue::Deliveries), "three wakes must fall into one");
}

async fn a_rollback_does_not_wake(db: TestDatabase) {
    with_notes(&db).await;
    let mut wakes = db.store.wakes();
    let refused: Result<(), AppError> = db
        .store
        .write(|tx| {
            tx.wake(Queue::Jobs);
            Err(AppError::Refused)
        })
        .await;
    assert!(refused.is_err());
    let conflict: Result<u64, AppError> = db
        .store
        .write(|tx| {
            tx.wake(Queue::Jobs);
            note(tx, 1, "one")?;
            Ok(note(tx, 1, "again")?)
        })
        .await;
    assert!(matches!(conflict, Err(AppError::Store)));
    assert!(!is_woken_now(&mut wakes, Queue::Jobs));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_is_woken_on_postgres() {
    let db = TestDatabase::postgres();
    let other = Store::open(&db.target, &Options::default()).expect("the store does not open");
    let mut wakes = other.wakes();
    let outcome: Result<()> = db
        .store
        .write(|tx| {
            tx.wake(Queue::Deliveries);
            Ok(())
        })
        .await;
    outcome.expect("not written");
    assert!(woken(&mut wakes, Queue::Deliveries).await);
    assert!(!is_woken_now(&mut wakes, Queue::Jobs));
    other.close().await;
}
