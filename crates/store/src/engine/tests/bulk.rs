use super::{bodies, note, with_notes};
use crate::engine::lane::apart;
use crate::support::{TestDatabase, on_both_databases};
use crate::{Error, Options, Result, Store, Tx, Value};
use uuid::Uuid;

on_both_databases! {
    many_rows_arrive,
    no_rows_are_fine,
    a_conflict_takes_them_all_back,
    a_row_without_a_value_is_not_filled_up,
}

const COLUMNS: [&str; 6] = ["id", "body", "number", "raw", "flag", "tag"];

async fn many_rows_arrive(db: TestDatabase) {
    with_notes(&db).await;
    let count: Result<u64> = db
        .store
        .write(|tx| {
            note(tx, -1, "before")?;
            let texts: Vec<String> = (0..1000).map(|n| format!("note {n}")).collect();
            let rows = texts.iter().zip(0_i64..).map(|(text, n)| {
                let tag = (n % 3 != 0).then(|| Uuid::from_u128(n.cast_unsigned().into()));
                [
                    n.into(),
                    text.into(),
                    Some(n).filter(|n| n % 2 == 0).into(),
                    text.as_bytes().into(),
                    (n % 2 == 0).into(),
                    Value::from(tag),
                ]
            });
            tx.bulk_insert("notes", &COLUMNS, rows)
        })
        .await;
    assert_eq!(count.expect("not written"), 1000);
    let read = db.store.read(|tx| {
        let sql = "select count(*), cast(sum(number) as bigint), count(tag) from notes";
        tx.query_one(sql, &[], |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)))
    });
    assert_eq!(read.await.expect("not read"), (1001, 249_500, 666));
}

async fn no_rows_are_fine(db: TestDatabase) {
    with_notes(&db).await;
    let none: [Vec<Value<'static>>; 0] = [];
    let count: Result<u64> =
        db.store.write(move |tx| tx.bulk_insert("notes", &COLUMNS, none)).await;
    assert_eq!(count.expect("not written"), 0);
}

async fn a_conflict_takes_them_all_back(db: TestDatabase) {
    with_notes(&db).await;
    let outcome: Result<u64> = db
        .store
        .write(|tx| {
            let rows = [1_i64, 2, 1].map(|id| vec![Value::Int(id), Value::Text("same")]);
            tx.bulk_insert("notes", &["id", "body"], rows)
        })
        .await;
    assert!(matches!(outcome, Err(Error::Conflict(_))), "{outcome:?}");
    assert!(bodies(&db.store).await.is_empty());
    db.store.write(|tx| note(tx, 1, "after")).await.expect("not written");
}

async fn a_row_without_a_value_is_not_filled_up(db: TestDatabase) {
    with_notes(&db).await;
    let outcome: Result<u64> = db
        .store
        .write(|tx| {
            let mut rows =
                [(1_i64, "one"), (2, "two")].map(|(id, body)| vec![id.into(), body.into()]);
            rows[1].push(Value::Int(7));
            tx.bulk_insert("notes", &["id", "body", "number"], rows)
        })
        .await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert!(bodies(&db.store).await.is_empty());
}

/// What the server waits for in the middle of a `COPY` it waits for without end, whatever else a session gives up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_the_next_row() {
    let db = TestDatabase::postgres();
    with_notes(&db).await;
    let one = Options { postgres_lanes: 1, ..Options::default() };
    let other = Store::open(&db.target, &one).expect("the store does not open");
    // It is connected before anybody waits for what it sees.
    assert_eq!(other.read(state_of_writers).await.expect("not read"), "none");
    let (by, mut seen) = (other.clone(), Vec::new());
    let outcome: Result<(u64, Vec<String>)> = db
        .store
        .write(move |tx| {
            note(tx, -1, "before")?;
            let texts: Vec<String> = (0..5000).map(|n| format!("note {n}")).collect();
            let rows = texts.iter().zip(0_i64..).map(|(text, id)| {
                if id % 2000 == 1999 {
                    seen.push(apart(|| by.read_blocking(state_of_writers)).expect("not read"));
                }
                [id.into(), text.into()]
            });
            let count = tx.bulk_insert("notes", &["id", "body"], rows)?;
            Ok((count, seen))
        })
        .await;
    assert_eq!(outcome.expect("not written"), (5000, vec!["idle in transaction".to_owned(); 2]));
    other.close().await;
}

/// The states of sessions that write, in a transaction.
fn state_of_writers(tx: &mut Tx<'_>) -> Result<String> {
    let sql = "select coalesce(string_agg(state, ', '), 'none') from pg_stat_activity \
         where datname = current_database() and backend_type = 'client backend' \
         and backend_xid is not null";
    tx.query_one(sql, &[], |row| row.text(0))
}
