//! Whose closure is next when more than one workspace has some.

use super::{note, with_notes};
use crate::support::{TestDatabase, on_both_databases};
use crate::{Options, Result, Store, WorkspaceId};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use tokio::task::JoinHandle;

on_both_databases! {
    however_many_of_one_workspace_wait_every_other_is_next,
    what_ends_work_goes_before_what_begins_some_but_not_for_ever,
}

/// Opens the same database with one lane that writes.
fn one_lane(db: &TestDatabase) -> Store {
    let options = Options { postgres_lanes: 1, ..Options::default() };
    Store::open(&db.target, &options).expect("the store does not open")
}

/// Puts a closure into the line, behind what is there; maybe as one that is one statement.
fn put(
    store: &Store,
    brief: bool,
    work: impl FnOnce() -> i64 + Send + 'static,
    id: i64,
) -> JoinHandle<Result<i64>> {
    let store = store.clone();
    let mut call = Box::pin(async move {
        let written = move |tx: &mut crate::Tx<'_>| {
            note(tx, id, &id.to_string())?;
            Ok(work())
        };
        if brief { store.write_once(written).await } else { store.write(written).await }
    });
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    tokio::spawn(call)
}

/// The order in which closures of workspaces, brief ones or others, are run that wait for one lane.
async fn order(db: TestDatabase, waiting: &[(i64, bool, i64)]) -> Vec<i64> {
    with_notes(&db).await;
    let store = one_lane(&db);
    let ran = Arc::new(Mutex::new(Vec::new()));
    let (entered, inside) = mpsc::channel();
    let (release, gate) = mpsc::channel::<()>();
    let hold = move || {
        entered.send(()).expect("nobody waits");
        gate.recv().map_or(0, |()| 0)
    };
    let mut calls = vec![put(&store, false, hold, 0)];
    inside.recv().expect("the lane never started");
    for &(workspace, brief, id) in waiting {
        let ran = Arc::clone(&ran);
        let run = move || {
            ran.lock().expect("poisoned").push(id);
            id
        };
        calls.push(put(&store.in_turn_of(WorkspaceId(workspace)), brief, run, id));
    }
    release.send(()).expect("the lane is gone");
    for call in calls {
        call.await.expect("a caller panicked").expect("not written");
    }
    store.close().await;
    Arc::into_inner(ran).expect("shared still").into_inner().expect("poisoned")
}

async fn however_many_of_one_workspace_wait_every_other_is_next(db: TestDatabase) {
    let waiting = [(7, 71), (7, 72), (7, 73), (8, 81), (8, 82), (0, 1), (0, 2)];
    let ran = order(db, &waiting.map(|(workspace, id)| (workspace, false, id))).await;
    assert_eq!(ran, [71, 81, 1, 72, 82, 2, 73]);
}

async fn what_ends_work_goes_before_what_begins_some_but_not_for_ever(db: TestDatabase) {
    let [begins, ends] = [false, true];
    let mut waiting = vec![(7, begins, 71), (7, begins, 72), (8, begins, 81)];
    waiting.extend((1..=5).map(|n| (7, ends, n)));
    waiting.push((8, ends, 9));
    let ran = order(db, &waiting).await;
    assert_eq!(ran, [1, 9, 2, 3, 71, 4, 5, 81, 72]);
}
