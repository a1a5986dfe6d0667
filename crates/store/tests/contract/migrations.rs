//! What an earlier version stored is there after a migration.

use rusqlite::{Connection, params};
use vinculo_store::{Applied, Options, Store, Target, migrate};

use crate::fixture::{NOW, index, workspaces, wrapped};
use crate::raw;
use crate::support::TestDatabase;

const INITIAL: &str = include_str!("../../migrations/data/sqlite/V1__initial.sql");
const ACCESS: &str = include_str!("../../migrations/data/sqlite/V10__key_access.sql");
const NO_STATISTICS: &str = include_str!("../../migrations/data/sqlite/V18__no_statistics.sql");
const IN_ORDER: &str =
    include_str!("../../migrations/data/sqlite/V5__contributions_in_order_of_arrival.sql");

#[test]
fn contributions_are_moved_whole() {
    let db = Connection::open_in_memory().expect("not opened");
    db.execute_batch(INITIAL).expect("no first schema");
    for n in 0..50_i64 {
        let (origin, letter) = if n % 3 == 0 { ("ach", None) } else { ("planilla", Some("E")) };
        db.execute(
            "insert into contributions values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![100 - n, origin, n / 10, n, [7_u8; 32], 202_601, letter, vec![n as u8; 1_000]],
        )
        .expect("not stored");
    }
    let all = || {
        let sql = "select * from contributions order by subject_id";
        let mut statement = db.prepare(sql).expect("not prepared");
        let mut rows = statement.query([]).expect("not read");
        let mut all = Vec::new();
        while let Some(row) = rows.next().expect("not read") {
            let cells: Vec<rusqlite::types::Value> =
                (0..9).map(|column| row.get(column).expect("no value")).collect();
            all.push(cells);
        }
        all
    };
    let before = all();
    assert_eq!(before.len(), 50);
    db.execute_batch(IN_ORDER).expect("not migrated");
    assert_eq!(all(), before);
}

#[test]
fn a_key_from_before_may_do_everything_from_everywhere() {
    let db = Connection::open_in_memory().expect("not opened");
    db.execute_batch(INITIAL).expect("no first schema");
    db.execute_batch(
        "insert into organizations values (1, x'01', 'default', 0);
         insert into workspaces values (1, x'02', 1, 'sandbox', 0);
         insert into api_keys values (1, x'03', 1, 'n', x'04', 0, null);",
    )
    .expect("not stored");
    db.execute_batch(ACCESS).expect("not migrated");
    let sql = "select scopes, allow_list, expires_at, old_hash, old_until from api_keys";
    let migrated: (String, String, Option<i64>, Option<Vec<u8>>, Option<i64>) = db
        .query_row(sql, [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .expect("the key is gone");
    assert_eq!(migrated, ("read write manage".to_owned(), String::new(), None, None, None));
}

/// Counts of a table that was almost empty would have the planner scan it when it is full.
#[test]
fn statistics_from_before_are_dropped_and_none_are_taken() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let target = Target::Sqlite { dir: folder.path().to_owned() };
    migrate(&target).expect("not migrated");
    let files = ["vinculo.db", "vault.db"].map(|name| folder.path().join(name));
    let statistics = || {
        let count = |file: &std::path::PathBuf| {
            let sql = "select count(*) from sqlite_schema where name like 'sqlite_stat%'";
            let db = Connection::open(file).expect("not opened");
            db.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("not counted")
        };
        files.iter().map(count).sum::<i64>()
    };
    for file in &files {
        let db = Connection::open(file).expect("not opened");
        db.execute_batch("analyze").expect("not analyzed");
    }
    assert!(statistics() > 0);
    for file in &files {
        let db = Connection::open(file).expect("not opened");
        db.execute_batch(NO_STATISTICS).expect("not migrated");
    }
    assert_eq!(statistics(), 0);
    let store = Store::open(&target, &Options::default()).expect("does not open");
    store.write_blocking(|tx| tx.audit_heads(1).map(|_| ())).expect("not read");
    drop(store);
    assert_eq!(statistics(), 0);
}

/// What docs/CONFIGURATION.md gives a role that serves.
const RIGHTS: &str = include_str!("../../../../docs/CONFIGURATION.md");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_make_nothing_can_start_on_what_is_there() {
    let db = TestDatabase::postgres();
    let Target::Postgres { url } = &db.target else { unreachable!("asked for PostgreSQL") };
    let (workspace, _) = workspaces(&db).await;
    let name = raw::rows(&db, "select current_database()").remove(0);
    let role = format!("{name}_serves");
    let (_, rights) = RIGHTS.split_once("```sql\n").expect("statements");
    let (rights, _) = rights.split_once("```").expect("their end");
    let rights = rights.replace("vinculo_serves", &role);
    raw::run(&db, &format!("drop role if exists {role}; {rights}"));
    // Of a parameter that is given twice the last one counts.
    let separator = if !url.contains("://") {
        ' '
    } else if url.contains('?') {
        '&'
    } else {
        '?'
    };
    let target = Target::Postgres { url: format!("{url}{separator}user={role}") };

    assert_eq!(migrate(&target).expect("nothing to make"), Applied::default());
    let store = Store::open(&target, &Options::default()).expect("it opens");
    let people: Vec<_> = (0..2000).map(|n| (index(n), wrapped(n))).collect();
    let made = store.write(move |tx| tx.ensure_subjects(workspace, &people, NOW)).await;
    assert_eq!(made.expect("written").len(), 2000);
    // PostgreSQL lets nobody but the owner of a table look at it, and that is no failure.
    store.read(|tx| tx.analyze_grown()).await.expect("no failure");
    // The connections of others are counted too, though it may not look at them.
    let others = raw::apart(|| [(); 5].map(|()| raw::connect(url)));
    let own = format!("select count(*) from pg_stat_activity where usename = '{role}'");
    let own: i64 = raw::rows(&db, &own)[0].parse().expect("a number");
    let server = store.read(|tx| tx.database_server()).await.expect("read");
    assert!(server.is_some_and(|it| it.connections >= own + 5), "{server:?}, {own} of its own");
    raw::apart(|| drop(others));
    store.close().await;
    // With something to make it takes more.
    raw::run(&db, "delete from vault.refinery_vault_history where version > 1");
    let refused = migrate(&target).expect_err("it made something");
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    raw::run(&db, &format!("drop owned by {role}; drop role {role}"));
}
