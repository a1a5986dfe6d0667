use super::{AppError, bodies, note, note_later, with_notes};
use crate::engine::lane::apart;
use crate::support::{TestDatabase, on_both_databases};
use crate::{Dialect, Error, Options, Result, Store, Target, Tx, migrate};

on_both_databases! {
    a_commit_is_visible,
    an_error_undoes_everything,
    a_panic_undoes_its_closure_only,
    a_swallowed_error_commits_nothing,
    statements_after_a_failure_are_refused,
    what_is_owed_comes_before_what_follows,
    what_is_owed_is_sent_however_many_texts_it_has,
    what_is_owed_behind_a_look_is_all_or_nothing,
    what_is_owed_and_fails_undoes_everything,
    what_is_owed_is_undone_with_the_rest,
    what_is_owed_is_not_lost_outside_of_a_transaction,
    writers_do_not_lose_updates,
    a_cancelled_caller_is_carried_out,
    one_statement_commits_itself,
    leases_and_parts_do_not_wait_for_the_disk,
    a_part_is_all_or_nothing,
    reads_may_fail_and_go_on,
    brief_reads_are_reads,
    migrating_twice_does_nothing,
    two_migrations_at_once_agree,
    a_closed_store_says_so,
    blocking_calls_work_without_a_runtime,
}

async fn a_commit_is_visible(db: TestDatabase) {
    with_notes(&db).await;
    let id: Result<i64> = db
        .store
        .write(|tx| {
            note(tx, 1, "one")?;
            tx.query_one(
                "insert into notes (id, body) values ($1, $2) returning id",
                &[2.into(), "two".into()],
                |row| row.int(0),
            )
        })
        .await;
    assert_eq!(id.expect("not written"), 2);
    assert_eq!(bodies(&db.store).await, ["one", "two"]);
}

async fn an_error_undoes_everything(db: TestDatabase) {
    with_notes(&db).await;
    let outcome: Result<(), AppError> = db
        .store
        .write(|tx| {
            note(tx, 1, "one")?;
            Err(AppError::Refused)
        })
        .await;
    assert!(matches!(outcome, Err(AppError::Refused)));
    assert!(bodies(&db.store).await.is_empty());
}

async fn a_panic_undoes_its_closure_only(db: TestDatabase) {
    with_notes(&db).await;
    for attempt in 0..8 {
        let outcome: Result<()> = db
            .store
            .write(move |tx| {
                note(tx, attempt, "never")?;
                panic!("a mistake in a closure")
            })
            .await;
        assert!(matches!(outcome, Err(Error::Panicked)));
        let outcome: Result<()> = db.store.read(|_| panic!("a mistake in a closure")).await;
        assert!(matches!(outcome, Err(Error::Panicked)));
    }
    assert!(db.store.write(|tx| note(tx, 1, "after")).await.is_ok());
    assert_eq!(bodies(&db.store).await, ["after"]);
}

async fn a_swallowed_error_commits_nothing(db: TestDatabase) {
    with_notes(&db).await;
    let outcome: Result<()> = db
        .store
        .write(|tx| {
            note(tx, 1, "one")?;
            let _ = note(tx, 1, "again");
            Ok(())
        })
        .await;
    assert!(matches!(outcome, Err(Error::Conflict(_))), "{outcome:?}");
    assert!(bodies(&db.store).await.is_empty());
}

async fn statements_after_a_failure_are_refused(db: TestDatabase) {
    with_notes(&db).await;
    let outcome: Result<u64> = db
        .store
        .write(|tx| {
            note(tx, 1, "one")?;
            let _ = note(tx, 1, "again");
            let second = note(tx, 2, "two");
            assert!(matches!(second, Err(Error::Conflict(_))));
            second
        })
        .await;
    assert!(matches!(outcome, Err(Error::Conflict(_))), "{outcome:?}");
    assert!(bodies(&db.store).await.is_empty());
}

async fn what_is_owed_comes_before_what_follows(db: TestDatabase) {
    with_notes(&db).await;
    // More than travel together, before a statement that sees them, a load of rows and the commit.
    let seen: Result<i64> = db
        .store
        .write(|tx| {
            (0..40).try_for_each(|id| note_later(tx, id, &format!("note {id}")))?;
            let seen = tx.query_one("select count(*) from notes", &[], |row| row.int(0))?;
            note_later(tx, 40, "note 40")?;
            let rows = [[41.into(), "note 41".into()]];
            tx.bulk_insert("notes", &["id", "body"], rows)?;
            tx.execute_later("delete from notes where id < $1", &[39.into()])?;
            note_later(tx, 0, "note 0, again")?;
            Ok(seen)
        })
        .await;
    assert_eq!(seen.expect("not written"), 40);
    let left = ["note 0, again", "note 39", "note 40", "note 41"];
    assert_eq!(bodies(&db.store).await, left);
}

async fn what_is_owed_is_sent_however_many_texts_it_has(db: TestDatabase) {
    with_notes(&db).await;
    // More than a connection keeps prepared.
    let written: Result<()> = db
        .store
        .write(|tx| {
            (0..600).try_for_each(|id: i64| {
                let sql = format!("insert into notes (id, body) values ($1, 'note {id}')");
                tx.execute_later(&sql, &[id.into()])
            })
        })
        .await;
    written.expect("not written");
    assert_eq!(bodies(&db.store).await.len(), 600);
}

async fn what_is_owed_behind_a_look_is_all_or_nothing(db: TestDatabase) {
    with_notes(&db).await;
    let write = async |ids: &'static [i64], refuse: bool| {
        let outcome: Result<i64, AppError> = db
            .store
            .write(move |tx| {
                let seen = tx.query_one("select count(*) from notes", &[], |row| row.int(0))?;
                let again =
                    tx.query_one("select count(*) from notes where id > 0", &[], |row| row.int(0))?;
                assert_eq!(seen, again);
                ids.iter().try_for_each(|id| note_later(tx, *id, &format!("note {id}")))?;
                if refuse { Err(AppError::Refused) } else { Ok(seen) }
            })
            .await;
        outcome
    };
    // One is the whole transaction, two are not, and none is none.
    for (ids, before) in [(&[1][..], 0), (&[2, 3][..], 1), (&[][..], 3), (&[4][..], 3)] {
        assert_eq!(write(ids, false).await.expect("not written"), before);
    }
    let refused = [(&[4][..], false), (&[5, 4][..], false), (&[4, 5][..], false), (&[5][..], true)];
    for (ids, refuse) in refused {
        let refused = write(ids, refuse).await;
        assert!(refused.is_err(), "{ids:?}");
        assert_eq!(bodies(&db.store).await, ["note 1", "note 2", "note 3", "note 4"], "{ids:?}");
    }
}

async fn what_is_owed_and_fails_undoes_everything(db: TestDatabase) {
    with_notes(&db).await;
    db.store.write(|tx| note(tx, 1, "one")).await.expect("not written");
    let by_the_commit: Result<()> = db
        .store
        .write(|tx| {
            note(tx, 2, "two")?;
            let _ = note_later(tx, 1, "again");
            Ok(())
        })
        .await;
    assert!(matches!(by_the_commit, Err(Error::Conflict(_))), "{by_the_commit:?}");
    let by_the_next: Result<u64> = db
        .store
        .write(|tx| {
            let _ = note_later(tx, 1, "again");
            note(tx, 2, "two")
        })
        .await;
    assert!(matches!(by_the_next, Err(Error::Conflict(_))), "{by_the_next:?}");
    let alone: Result<()> = db.store.write(|tx| note_later(tx, 1, "again")).await;
    assert!(matches!(alone, Err(Error::Conflict(_))), "{alone:?}");
    for _ in 0..8 {
        // Refused before it is sent.
        let of_no_such_type: Result<()> = db
            .store
            .write(|tx| {
                note(tx, 2, "two")?;
                let sql = "insert into notes (id, body) values ($1, $2)";
                let _ = tx.execute_later(sql, &["three".into(), "three".into()]);
                Ok(())
            })
            .await;
        assert!(matches!(of_no_such_type, Err(Error::Database(_))), "{of_no_such_type:?}");
    }
    assert_eq!(bodies(&db.store).await, ["one"]);
}

async fn what_is_owed_is_undone_with_the_rest(db: TestDatabase) {
    with_notes(&db).await;
    for sent in [false, true] {
        for _ in 0..8 {
            let outcome: Result<(), AppError> = db
                .store
                .write(move |tx| {
                    if sent {
                        note(tx, 1, "one")?;
                    }
                    note_later(tx, 2, "two")?;
                    Err(AppError::Refused)
                })
                .await;
            assert!(matches!(outcome, Err(AppError::Refused)));
            let nothing: Result<()> = db.store.write(|_| Ok(())).await;
            nothing.expect("nothing is not written");
        }
    }
    assert!(bodies(&db.store).await.is_empty());
}

async fn what_is_owed_is_not_lost_outside_of_a_transaction(db: TestDatabase) {
    with_notes(&db).await;
    db.store.write_once(|tx| note_later(tx, 1, "one")).await.expect("not written");
    db.store.lease(|tx| note_later(tx, 2, "two")).await.expect("not written");
    assert_eq!(bodies(&db.store).await, ["one", "two"]);
}

async fn writers_do_not_lose_updates(db: TestDatabase) {
    with_notes(&db).await;
    db.store.write(|tx| note(tx, 1, "counter")).await.expect("not written");
    let raise = |tx: &mut Tx<'_>| {
        let sql = "update notes set number = coalesce(number, 0) + 1 where id = $1";
        tx.execute(sql, &[1.into()])
    };
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = db.store.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    store.write(raise).await.expect("an update was lost");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer failed");
    }
    let count = db.store.read(|tx| tx.query_one("select number from notes", &[], |r| r.int(0)));
    assert_eq!(count.await.expect("no count"), 200);
}

async fn a_cancelled_caller_is_carried_out(db: TestDatabase) {
    with_notes(&db).await;
    {
        let mut call = std::pin::pin!(db.store.write(|tx| note(tx, 1, "one")));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = call.as_mut().poll(&mut context);
    }
    // Closing lets everything that waits finish.
    let store = db.store.clone();
    store.close().await;
    let again = Store::open(&db.target, &Options::default()).expect("the store does not open");
    assert_eq!(bodies(&again).await, ["one"]);
    again.close().await;
}

async fn one_statement_commits_itself(db: TestDatabase) {
    with_notes(&db).await;
    db.store.lease_once(|tx| note(tx, 1, "one")).await.expect("not written");
    assert_eq!(bodies(&db.store).await, ["one"]);
    let second: Result<u64> = db
        .store
        .lease_once(|tx| {
            note(tx, 2, "two")?;
            note(tx, 3, "three")
        })
        .await;
    assert!(matches!(second, Err(Error::Database(_))), "{second:?}");
    assert!(!bodies(&db.store).await.contains(&"three".to_owned()));
}

/// Whether the transaction of a closure waits for the disk, as the database says inside it.
fn waits_for_the_disk(tx: &mut Tx<'_>) -> Result<bool> {
    match tx.dialect() {
        Dialect::Sqlite => tx.query_one("pragma data.synchronous", &[], |row| Ok(row.int(0)? == 2)),
        Dialect::Postgres => {
            let sql = "select current_setting('synchronous_commit')";
            tx.query_one(sql, &[], |row| Ok(row.text(0)? == "on"))
        }
    }
}

async fn leases_and_parts_do_not_wait_for_the_disk(db: TestDatabase) {
    with_notes(&db).await;
    let target = match &db.target {
        Target::Sqlite { dir } => Target::Sqlite { dir: dir.clone() },
        // The server that tests run on waits for no disk unless a session asks for it.
        Target::Postgres { url } => {
            let more = if url.contains('?') { '&' } else { '?' };
            Target::Postgres { url: format!("{url}{more}options=-c%20synchronous_commit%3Don") }
        }
    };
    let on_sqlite = matches!(target, Target::Sqlite { .. });
    let store = Store::open(&target, &Options::default()).expect("the store does not open");
    // In turns, so that none is left as the one before it was.
    for n in 0..2 {
        let waits = [
            store.write(waits_for_the_disk).await.expect("no answer"),
            store.lease(waits_for_the_disk).await.expect("no answer"),
            // One statement, which is the question.
            store.lease_once(waits_for_the_disk).await.expect("no answer"),
            store.write_once(waits_for_the_disk).await.expect("no answer"),
            apart(|| store.write_part_blocking(waits_for_the_disk)).expect("no answer"),
            store.write(waits_for_the_disk).await.expect("no answer"),
        ];
        assert_eq!(waits, [true, false, !on_sqlite, true, false, true]);
        store.lease(move |tx| note(tx, n, &n.to_string())).await.expect("not taken");
        assert_eq!(bodies(&db.store).await.len() as i64, n + 1);
    }
    store.close().await;
}

async fn a_part_is_all_or_nothing(db: TestDatabase) {
    with_notes(&db).await;
    let half: Result<u64> = apart(|| {
        db.store.write_part_blocking(|tx| {
            note(tx, 1, "one")?;
            tx.execute("insert into nowhere values (1)", &[])
        })
    });
    assert!(matches!(half, Err(Error::Database(_))), "{half:?}");
    assert_eq!(bodies(&db.store).await, [""; 0]);
    let whole = apart(|| {
        db.store.write_part_blocking(|tx| {
            note(tx, 1, "one")?;
            note(tx, 2, "two")
        })
    });
    whole.expect("not written");
    assert_eq!(bodies(&db.store).await, ["one", "two"]);
}

async fn reads_may_fail_and_go_on(db: TestDatabase) {
    with_notes(&db).await;
    let outcome: Result<i64> = db
        .store
        .read(|tx| {
            let wrong = tx.query("select nothing from nowhere", &[], |row| row.int(0));
            assert!(matches!(wrong, Err(Error::Database(_))));
            tx.query_one("select count(*) from notes", &[], |row| row.int(0))
        })
        .await;
    assert_eq!(outcome.expect("the second statement failed too"), 0);
}

async fn brief_reads_are_reads(db: TestDatabase) {
    with_notes(&db).await;
    let count = |tx: &mut Tx<'_>| tx.query_one("select count(*) from notes", &[], |row| row.int(0));
    for number in 1..=3 {
        db.store.write(move |tx| note(tx, number, &number.to_string())).await.expect("not written");
        assert_eq!(db.store.read_briefly(count).await.expect("not read"), number);
        let panicked: Result<()> = db.store.read_briefly(|_| panic!("a mistake")).await;
        assert!(matches!(panicked, Err(Error::Panicked)));
    }
    // More at once than there are connections.
    let many = (0..50).map(|_| {
        let store = db.store.clone();
        tokio::spawn(async move { store.read_briefly(count).await })
    });
    for read in many.collect::<Vec<_>>() {
        assert_eq!(read.await.expect("a caller panicked").expect("not read"), 3);
    }
    let clone = db.store.clone();
    db.store.clone().close().await;
    let closed = clone.read_briefly(count).await;
    assert!(matches!(closed, Err(Error::Unavailable(_))), "{closed:?}");
}

async fn migrating_twice_does_nothing(db: TestDatabase) {
    let again = migrate(&db.target).expect("migration failed");
    assert_eq!(again, crate::Applied::default());
}

async fn two_migrations_at_once_agree(db: TestDatabase) {
    let other = match &db.target {
        crate::Target::Sqlite { dir } => crate::Target::Sqlite { dir: dir.join("other") },
        postgres => {
            undo_migrations(&db).await;
            postgres.clone()
        }
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| migrate(&other))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a migration panicked")).collect()
    });
    let applied: Vec<_> = outcomes.into_iter().map(|it| it.expect("migration failed")).collect();
    let did_something = applied.iter().filter(|it| **it != crate::Applied::default()).count();
    assert_eq!(did_something, 1, "{applied:?}");
}

async fn undo_migrations(db: &TestDatabase) {
    for sql in ["drop schema public cascade", "drop schema vault cascade", "create schema public"] {
        db.store.write(move |tx| tx.execute(sql, &[])).await.expect("not undone");
    }
}

async fn a_closed_store_says_so(db: TestDatabase) {
    let clone = db.store.clone();
    db.store.clone().close().await;
    let outcome: Result<u64> = clone.write(|tx| tx.execute("select 1", &[])).await;
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    let outcome: Result<u64> = clone.read(|tx| tx.execute("select 1", &[])).await;
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
}

async fn blocking_calls_work_without_a_runtime(db: TestDatabase) {
    with_notes(&db).await;
    let store = db.store.clone();
    let thread = std::thread::spawn(move || {
        store.write_blocking(|tx| note(tx, 1, "one"))?;
        store.read_blocking(|tx| tx.query_one("select body from notes", &[], |row| row.text(0)))
    });
    assert_eq!(thread.join().expect("panicked").expect("not read"), "one");
}
