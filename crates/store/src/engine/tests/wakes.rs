use super::{AppError, bodies, note, with_notes};
use crate::support::{TestDatabase, on_both_databases};
use crate::{Error, Options, Queue, Result, Store, Tx, Wakes};
use std::time::Duration;

on_both_databases! {
    a_commit_wakes,
    a_wake_before_the_wait_is_not_lost,
    a_rollback_does_not_wake,
    what_stands_by_a_queue_runs_in_place_of_the_wake,
    what_stands_by_a_queue_may_wake_it_again,
    what_stands_by_a_queue_is_taken_back,
    one_closure_stands_by_a_queue,
    what_fails_while_standing_fails_alone,
}

/// Long enough that only a lost wake takes it.
const NEVER: Duration = Duration::from_secs(20);

/// With one connection: the one that hears of wakes waits for no others.
fn alone() -> Options {
    Options { postgres_lanes: 1, ..Options::default() }
}

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

/// Writes a note and wakes a queue.
async fn announce(db: &TestDatabase, id: i64, queue: Queue) {
    let outcome: Result<u64> = db
        .store
        .write(move |tx| {
            tx.wake(queue);
            note(tx, id, &format!("announced {id}"))
        })
        .await;
    outcome.expect("not written");
}

fn look(tx: &mut Tx<'_>) -> Result<Vec<String>> {
    tx.query("select body from notes order by id", &[], |row| row.text(0))
}

async fn what_stands_by_a_queue_runs_in_place_of_the_wake(db: TestDatabase) {
    with_notes(&db).await;
    let mut wakes = db.store.wakes();
    let jobs = db.store.lease_once_when_woken(Queue::Jobs, false, look);
    announce(&db, 1, Queue::Deliveries).await;
    assert!(woken(&mut wakes, Queue::Deliveries).await, "nothing stands by this queue");
    let deliveries = db.store.lease_when_woken(Queue::Deliveries, false, look);
    for (id, queue, standing) in [(2, Queue::Jobs, jobs), (3, Queue::Deliveries, deliveries)] {
        announce(&db, id, queue).await;
        let mut standing = standing.expect("another closure stands there");
        assert_eq!(standing.answer().await.expect("not run").len() as i64, id);
        assert!(!is_woken_now(&mut wakes, queue), "others were woken too");
    }
    announce(&db, 4, Queue::Jobs).await;
    assert!(woken(&mut wakes, Queue::Jobs).await, "it runs once");
}

async fn what_stands_by_a_queue_may_wake_it_again(db: TestDatabase) {
    with_notes(&db).await;
    let mut wakes = db.store.wakes();
    let standing = db.store.lease_when_woken(Queue::Deliveries, false, |tx| {
        tx.wake(Queue::Deliveries);
        Ok::<_, Error>(())
    });
    announce(&db, 1, Queue::Deliveries).await;
    standing.expect("another closure stands there").answer().await.expect("not run");
    assert!(woken(&mut wakes, Queue::Deliveries).await);
}

async fn what_stands_by_a_queue_is_taken_back(db: TestDatabase) {
    with_notes(&db).await;
    let mut wakes = db.store.wakes();
    let stand = || db.store.lease_when_woken(Queue::Deliveries, false, look);
    let standing = stand().expect("another closure stands there");
    assert!(standing.withdraw().await.is_none(), "it was run");
    drop(stand().expect("the one that was taken back stands there"));
    let standing = stand().expect("the one that was dropped stands there");
    announce(&db, 1, Queue::Deliveries).await;
    let late = standing.withdraw().await.expect("it was not run");
    assert_eq!(late.expect("not run"), ["announced 1"]);
    assert!(!is_woken_now(&mut wakes, Queue::Deliveries));
    announce(&db, 2, Queue::Deliveries).await;
    assert!(woken(&mut wakes, Queue::Deliveries).await);
}

async fn one_closure_stands_by_a_queue(db: TestDatabase) {
    let first = db.store.lease_when_woken(Queue::Jobs, false, look);
    assert!(first.is_some());
    assert!(db.store.lease_when_woken(Queue::Jobs, false, look).is_none());
    assert!(db.store.lease_when_woken(Queue::Deliveries, false, look).is_some());
}

async fn what_fails_while_standing_fails_alone(db: TestDatabase) {
    with_notes(&db).await;
    let standing =
        db.store.lease_when_woken(Queue::Deliveries, false, |tx| note(tx, 1, "taken twice"));
    announce(&db, 1, Queue::Deliveries).await;
    let refused = standing.expect("another closure stands there").answer().await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert_eq!(bodies(&db.store).await, ["announced 1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_by_a_queue_shares_the_commit_of_sqlite() {
    let db = TestDatabase::sqlite();
    with_notes(&db).await;
    let standing = db.store.lease_when_woken(Queue::Deliveries, false, |tx| note(tx, 9, "taken"));
    announce(&db, 1, Queue::Deliveries).await;
    // No later commit can have come before this.
    assert_eq!(bodies(&db.store).await, ["announced 1", "taken"]);
    assert_eq!(standing.expect("another closure stands there").answer().await.expect("not run"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_is_woken_beside_a_narrow_closure_on_postgres() {
    let db = TestDatabase::postgres();
    with_notes(&db).await;
    let other = Store::open(&db.target, &alone()).expect("the store does not open");
    let mut wakes = other.wakes();
    for (id, narrow, queue) in [(1, false, Queue::Jobs), (2, true, Queue::Deliveries)] {
        let standing = db.store.lease_when_woken(queue, narrow, look);
        announce(&db, id, queue).await;
        standing.expect("another closure stands there").answer().await.expect("not run");
    }
    assert!(woken(&mut wakes, Queue::Deliveries).await);
    assert!(!is_woken_now(&mut wakes, Queue::Jobs), "what is not narrow leaves nothing");
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_is_woken_on_postgres() {
    let db = TestDatabase::postgres();
    let other = Store::open(&db.target, &alone()).expect("the store does not open");
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
