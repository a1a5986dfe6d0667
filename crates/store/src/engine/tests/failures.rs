use super::{bodies, note, note_later, with_notes};
use crate::support::TestDatabase;
use crate::{Error, Options, Queue, Result, Store, Target, Tx, migrate};
use std::time::Duration;

/// Ends every connection to the database of `db`, as a restart of the server would.
async fn disconnect_all(db: &TestDatabase) {
    let ended = db.store.read(|tx| {
        let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()";
        tx.query_one(sql, &[], |row| row.int(0))
    });
    ended.await.expect("not ended");
    let _: Result<u64> =
        db.store.write(|tx| tx.execute("select pg_terminate_backend(pg_backend_pid())", &[])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_come_back_unnoticed() {
    let db = TestDatabase::postgres();
    with_notes(&db).await;
    for round in 0..5_i64 {
        disconnect_all(&db).await;
        for number in 0..8 {
            assert!(bodies(&db.store).await.len() as i64 >= round * 8 + number);
            let id = round * 8 + number;
            let looks = number % 2 == 0;
            let write = move |tx: &mut Tx<'_>| {
                if looks {
                    count(tx)?;
                }
                note(tx, id, &format!("note {id}"))
            };
            db.store.write(write).await.expect("a lane did not come back");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_inside_a_closure_is_reported_and_undone() {
    let db = TestDatabase::postgres();
    with_notes(&db).await;
    let outcome: Result<u64> = db
        .store
        .write(|tx| {
            note(tx, 1, "one")?;
            let _ = tx.execute("select pg_terminate_backend(pg_backend_pid())", &[]);
            note(tx, 2, "outside of any transaction")
        })
        .await;
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    assert!(bodies(&db.store).await.is_empty());
    db.store.write(|tx| note(tx, 3, "three")).await.expect("not written");
    assert_eq!(bodies(&db.store).await, ["three"]);
}

fn count(tx: &mut Tx<'_>) -> Result<i64> {
    tx.query_one("select count(*) from notes", &[], |row| row.int(0))
}

/// Ends every connection to the database but the one that does it, and returns when they are gone.
fn end_others(by: &Store) -> Result<i64> {
    by.read_blocking(|tx| {
        let sql = "select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()";
        tx.query_one(sql, &[], |row| row.int(0))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_behind_a_look_is_reported_and_nothing_is_written() {
    let db = TestDatabase::postgres();
    with_notes(&db).await;
    let one = Options { postgres_lanes: 1, ..Options::default() };
    let other = Store::open(&db.target, &one).expect("the store does not open");
    for (notes, sent) in [(1, false), (2, false), (0, true)] {
        let by = other.clone();
        let outcome: Result<()> = db
            .store
            .write(move |tx| {
                count(tx)?;
                end_others(&by)?;
                if sent {
                    note(tx, 9, "nine")?;
                }
                (0..notes).try_for_each(|id| note_later(tx, id, &format!("note {id}")))
            })
            .await;
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{notes} notes: {outcome:?}");
        assert!(bodies(&db.store).await.is_empty(), "{notes} notes");
    }
    let written = db.store.write(|tx| {
        count(tx)?;
        note_later(tx, 1, "one")
    });
    written.await.expect("not written");
    assert_eq!(bodies(&db.store).await, ["one"]);
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_gives_up_where_nothing_happens_and_compiles_nothing() {
    let db = TestDatabase::postgres();
    let sql =
        "select current_setting('idle_in_transaction_session_timeout'), current_setting('jit')";
    let asked = |tx: &mut Tx<'_>| tx.query_one(sql, &[], |row| Ok((row.text(0)?, row.text(1)?)));
    let expected = ("3s".to_owned(), "off".to_owned());
    assert_eq!(db.store.write(asked).await.expect("not read"), expected);
    assert_eq!(db.store.lease(asked).await.expect("not read"), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listening_goes_on_after_a_lost_connection() {
    let db = TestDatabase::postgres();
    let other = Store::open(&db.target, &Options::default()).expect("the store does not open");
    let mut wakes = other.wakes();
    disconnect_all(&db).await;
    // The listener wakes everybody when it is back: it cannot know what it missed.
    let back = tokio::time::timeout(Duration::from_secs(30), wakes.changed(Queue::Jobs)).await;
    assert!(back.is_ok());
    other.close().await;
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let dir = tempfile::tempdir().expect("no temporary folder");
    let url = format!("host={} user=nobody password=hush connect_timeout=2", dir.path().display());
    let target = Target::Postgres { url };
    for outcome in [migrate(&target).err(), Store::open(&target, &Options::default()).err()] {
        assert!(matches!(outcome, Some(Error::Unavailable(_))), "{outcome:?}");
    }
    assert!(!format!("{target:?}").contains("hush"));
    let place = dir.path().display().to_string();
    for (url, said) in [
        ("postgres://ana:hush@127.0.0.1:9/v", "127.0.0.1:9".to_owned()),
        ("postgres://ana:hush@127.0.0.1:9,127.0.0.2:9/v", "127.0.0.1:9 or 127.0.0.2:9".to_owned()),
        (&format!("host={place} user=ana password=hush"), format!("{place}, port 5432")),
    ] {
        let error = migrate(&Target::Postgres { url: url.to_owned() }).expect_err("migrated");
        let error = error.to_string();
        assert!(error.ends_with(&format!(" at {said}")) && !error.contains("hush"), "{error}");
    }
}

#[test]
fn a_plain_connection_that_leaves_the_machine_is_exposed() {
    for (exposed, address) in [
        (false, "postgres:///v?host=/run/postgresql"),
        (false, "postgres://ana:a%3Fb@localhost/v?sslmode=disable"),
        (false, "postgres://127.8.0.1,[::1]/v"),
        (false, "postgres://db.example/v?sslmode=require"),
        (false, "postgres://db.example/v?sslmode=verify-ca&sslrootcert=%2Fetc%2Fone%20more.pem"),
        (true, "postgres://db.example/v"),
        (true, "postgres://db.example/v?sslmode=prefer&connect_timeout=3"),
        (true, "postgres://localhost,192.0.2.1/v"),
        (true, "postgres:///v?hostaddr=192.0.2.1"),
        (true, "postgres://localhost/v?hostaddr=192.0.2.1"),
        (false, "postgres://db.example/v?hostaddr=127.0.0.1"),
        // The address is no socket: what asks for TLS gets it.
        (false, "postgres:///v?hostaddr=192.0.2.1&sslmode=verify-full"),
    ] {
        let target = Target::from_url(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!(target.is_exposed(), exposed, "{address}");
    }
}

#[test]
fn what_would_be_named_in_vain_is_refused() {
    for (named, why) in [
        ("sslmode=hush", "sslmode: one of disable"),
        ("sslrootcert=hush.pem", "sslrootcert without an sslmode"),
        ("sslmode=prefer&sslcert=hush.pem", "sslcert without an sslmode"),
        ("sslmode=require&sslkey=hush.pem", "sslkey without sslcert"),
    ] {
        let address = format!("postgres://ana:hush@db.example/v?{named}");
        let refused = Target::from_url(&address).expect_err(named).to_string();
        assert!(refused.contains(why) && !refused.contains("hush"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_from_a_server_that_does_not_answer_is_told_so() {
    let db = TestDatabase::postgres();
    let impatient =
        Options { postgres_lanes: 1, patience: Duration::from_millis(20), ..Options::default() };
    let store = Store::open(&db.target, &impatient).expect("the store does not open");
    let (go_on, waits) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let busy = store.clone();
    let busy = tokio::spawn(async move {
        busy.write(move |_| {
            let _ = begun.send(());
            let _ = waits.recv();
            Ok::<_, Error>(())
        })
        .await
    });
    begins.await.expect("it does not begin");
    let outcome: Result<i64> =
        store.read(|tx| tx.query_one("select 1", &[], |row| row.int(0))).await;
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    go_on.send(()).expect("nobody waits");
    busy.await.expect("no panic").expect("what is written is waited for");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_named_and_passes() {
    let db = TestDatabase::sqlite();
    with_notes(&db).await;
    let limit = |pages: i64| {
        let sql = format!("pragma data.max_page_count = {pages}");
        db.store.write(move |tx| tx.query_one(&sql, &[], |row| row.int(0)))
    };
    let pages = limit(1).await.expect("no limit");
    limit(pages).await.expect("no limit");
    let outcome: Result<u64> = db.store.write(|tx| note(tx, 1, &"x".repeat(1 << 20))).await;
    assert!(matches!(outcome, Err(Error::Full(_))), "{outcome:?}");
    limit(1 << 20).await.expect("no limit");
    db.store.write(|tx| note(tx, 2, "two")).await.expect("not written");
    assert_eq!(bodies(&db.store).await, ["two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_another_process_is_busy() {
    let db = TestDatabase::sqlite();
    with_notes(&db).await;
    let Target::Sqlite { dir } = &db.target else { unreachable!("a test of SQLite") };
    let impatient = Options { busy_timeout: Duration::from_millis(20), ..Options::default() };
    let store = Store::open(&db.target, &impatient).expect("the store does not open");
    let other = rusqlite::Connection::open(dir.join("vinculo.db")).expect("does not open");
    other.execute_batch("begin immediate").expect("no lock");
    let outcome: Result<u64> = store.write(|tx| note(tx, 1, "one")).await;
    assert!(matches!(outcome, Err(Error::Busy(_))), "{outcome:?}");
    other.execute_batch("rollback").expect("no rollback");
    store.write(|tx| note(tx, 1, "one")).await.expect("not written");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_lanes_refuse_to_write() {
    let db = TestDatabase::sqlite();
    with_notes(&db).await;
    let outcome: Result<u64> = db.store.read(|tx| note(tx, 1, "one")).await;
    assert!(outcome.is_err());
    let outcome: Result<u64> = db.store.read_briefly(|tx| note(tx, 1, "one")).await;
    assert!(outcome.is_err());
    assert!(bodies(&db.store).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_of_another_program_is_refused() {
    let dir = tempfile::tempdir().expect("no temporary folder");
    let target = Target::Sqlite { dir: dir.path().to_owned() };
    let missing = Store::open(&target, &Options::default()).err();
    assert!(matches!(missing, Some(Error::Migration(_))), "{missing:?}");
    assert!(!dir.path().join("vinculo.db").exists(), "opening must not create files");
    migrate(&target).expect("migration failed");
    let change = |sql: &str| {
        let file = rusqlite::Connection::open(dir.path().join("vinculo.db")).expect("not opened");
        file.execute_batch(sql).expect("not changed");
    };
    change("update refinery_schema_history set version = version + 9998");
    let newer = Store::open(&target, &Options::default()).err();
    assert!(newer.is_some_and(|error| error.to_string().contains("newer program")));
    change("delete from refinery_schema_history");
    let older = Store::open(&target, &Options::default()).err();
    assert!(older.is_some_and(|error| error.to_string().contains("migrate first")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_process_runs_jobs_on_sqlite() {
    let db = TestDatabase::sqlite();
    let other = Store::open(&db.target, &Options::default()).expect("the store does not open");
    let lock = db.store.runner_lock().expect("no lock file");
    assert!(lock.is_some());
    assert!(other.runner_lock().expect("no lock file").is_none());
    drop(lock);
    assert!(other.runner_lock().expect("no lock file").is_some());
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_runs_jobs_on_postgres() {
    let db = TestDatabase::postgres();
    let locks = [db.store.runner_lock(), db.store.runner_lock()];
    assert!(locks.iter().all(|lock| matches!(lock, Ok(Some(_)))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_files_are_durable_and_private() {
    let db = TestDatabase::sqlite();
    let settings = db.store.write(|tx| {
        let mut read = |sql: &str| {
            tx.query_one(sql, &[], |row| row.text(0).or_else(|_| Ok(row.int(0)?.to_string())))
        };
        Ok::<_, Error>([
            read("pragma main.journal_mode")?,
            read("pragma data.journal_mode")?,
            read("pragma main.synchronous")?,
            read("pragma data.synchronous")?,
            read("pragma foreign_keys")?,
        ])
    });
    assert_eq!(settings.await.expect("not read"), ["wal", "wal", "2", "2", "1"]);
    let files = db
        .store
        .read(|tx| tx.query("pragma database_list", &[], |row| Ok((row.text(1)?, row.text(2)?))));
    let files = files.await.expect("not read");
    assert!(files[0].0 == "main" && files[0].1.ends_with("vault.db"), "{files:?}");
    assert!(files[1].0 == "data" && files[1].1.ends_with("vinculo.db"), "{files:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let Target::Sqlite { dir } = &db.target else { unreachable!("a test of SQLite") };
        let mode = std::fs::metadata(dir).expect("no folder").permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may enter the data folder");
    }
}

#[test]
fn addresses_are_read_and_kept_to_oneself() {
    let sqlite = Target::from_url("sqlite:///var/lib/vinculo").expect("not read");
    assert_eq!(sqlite, Target::Sqlite { dir: "/var/lib/vinculo".into() });
    for url in ["postgres://ana:hush@db.test/v", "postgresql://ana:hush@db.test/v"] {
        let shown = format!("{:?}", Target::from_url(url).expect("not read"));
        assert!(shown.contains("db.test") && !shown.contains("hush"), "{shown}");
    }
    let list = Target::Postgres { url: "host=db.test password=two hush=1".to_owned() };
    let error = Store::open(&list, &Options::default()).expect_err("opened").to_string();
    assert!(!error.contains("hush"), "{error}");
    for url in ["mysql://ana:hush@db.test", "postgres://ana:hush@db.test:port/v", "sqlite://", ""] {
        let error = Target::from_url(url).expect_err("read").to_string();
        assert!(!error.contains("hush"), "{error}");
    }
}
