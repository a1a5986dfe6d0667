//! An installation copied into another database: every table, in both directions.

use crate::fixture::{NOW, uuid};
use crate::raw;
use crate::support::TestDatabase;
use crate::upgrades::older;
use rusqlite::types::Value;
use std::collections::BTreeSet;
use vinculo_store::{
    Copied, CopyPhase, CopyProgress, Error, Options, Store, Target, copy, migrate,
};

/// Rows of a table that may have more than one.
const ROWS: i64 = 3;
/// The last id that the source gave to an organization; that one is gone.
const LAST: i64 = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_goes_to_postgres_and_back() {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres());
    for db in [&sqlite, &postgres] {
        db.store.clone().close().await;
    }
    let tables = fill(&sqlite);
    // As an extension, or somebody who watches the database, makes them: there they are passed over.
    for foreign in ["spatial_ref_sys (srid numeric)", "vault.seen (at timestamptz)"] {
        raw::run(&postgres, &format!("create table {foreign}"));
    }
    raw::run(&postgres, "insert into spatial_ref_sys values (4326)");
    let mut told = Vec::new();
    let there = copied(&sqlite.target, &postgres.target, &mut |progress| told.push(progress)).await;
    let there = there.expect("not copied");
    let names: BTreeSet<_> = there.tables.iter().map(|table| table.name.clone()).collect();
    assert_eq!(names, tables, "every table of the schema");
    for table in &there.tables {
        let single = ["index_keys", "oldest_program", "root_keys"].contains(&table.name.as_str());
        let rows = if single { 1 } else { ROWS.unsigned_abs() };
        assert_eq!(table.rows, rows, "{}", table.name);
        let count = format!("select count(*) from {}", table.name);
        assert_eq!(raw::rows(&postgres, &count), [rows.to_string()], "{}", table.name);
    }
    // It plans for what is there from its first statement on.
    let unseen = format!(
        "select relname from pg_class where relname in ('{}') and relkind = 'r' and reltuples < 1",
        names.iter().map(String::as_str).collect::<Vec<_>>().join("', '")
    );
    assert_eq!(raw::rows(&postgres, &unseen), [""; 0]);
    let all: u64 = there.tables.iter().map(|table| table.rows).sum();
    for phase in [CopyPhase::Copying, CopyPhase::Comparing] {
        let last = told.iter().rfind(|progress| progress.phase == phase);
        assert_eq!(last, Some(&CopyProgress { phase, rows: all, of: all }));
    }

    let folder = tempfile::tempdir().expect("a temporary folder");
    let home = Target::Sqlite { dir: folder.path().join("home") };
    let back = copied(&postgres.target, &home, &mut |_| {}).await.expect("not copied");
    assert_eq!(back, there, "the same rows and hashes after two copies");

    assert_eq!(raw::rows(&postgres, "select srid from spatial_ref_sys"), ["4326"]);

    // Both are installations now, and give ids that nobody has had.
    for target in [postgres.target.clone(), home] {
        let store = opened(&target).await;
        let made = store.write(|tx| tx.insert_organization(uuid(77), "new", NOW)).await;
        assert_eq!(made.expect("not written").0, LAST + 1, "{target:?}");
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_copy_is_finished_by_its_own_source_and_opened_by_nobody() {
    let (from, to) = (TestDatabase::sqlite(), TestDatabase::postgres());
    for db in [&from, &to] {
        db.store.clone().close().await;
    }
    fill(&from);
    half_a_copy_is_finished(&from, &to).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_copy_into_files_is_finished_too() {
    let (first, from) = (TestDatabase::sqlite(), TestDatabase::postgres());
    let to = TestDatabase::sqlite();
    for db in [&first, &from, &to] {
        db.store.clone().close().await;
    }
    fill(&first);
    copied(&first.target, &from.target, &mut |_| {}).await.expect("not copied");
    half_a_copy_is_finished(&from, &to).await;
}

async fn half_a_copy_is_finished(from: &TestDatabase, to: &TestDatabase) {
    let whole = copied(&from.target, &to.target, &mut |_| {}).await.expect("not copied");
    assert_eq!(whole.found, 0);
    let refused = why(copied(&from.target, &to.target, &mut |_| {}).await);
    assert!(refused.starts_with("the target is not empty: "), "{refused}");

    // What a kill leaves: the mark, and a beginning of the tables.
    let key = whole.tables.iter().find(|table| table.name == "root_keys").expect("keys").sha256;
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mark = match to.target {
        Target::Sqlite { .. } => format!(
            "create table data.unfinished_copy (source blob not null) strict; \
             insert into unfinished_copy values (x'{hex}')"
        ),
        Target::Postgres { .. } => format!(
            "create table public.unfinished_copy (source bytea not null); \
             insert into unfinished_copy values ('\\x{hex}')"
        ),
    };
    raw::run(to, &mark);
    raw::run(to, "delete from contributions where batch_id > 1; delete from jobs where id > 2");
    let half = until_free(|| Store::open(&to.target, &Options::default()).map(drop)).await;
    let half = half.expect_err("half a copy opens");
    assert!(half.to_string().contains("finish it with `vinculo db copy`"), "{half}");
    let again = copied(&from.target, &to.target, &mut |_| {}).await.expect("not finished");
    assert_eq!(again.tables, whole.tables);
    let all: u64 = whole.tables.iter().map(|table| table.rows).sum();
    assert!(again.found > 0 && again.found < all, "{} of {all}", again.found);
    opened(&to.target).await.close().await;

    // The source was written to meanwhile, or is another one.
    raw::run(to, &mark);
    raw::run(from, "update organizations set name = 'changed' where id = 1");
    let refused = why(copied(&from.target, &to.target, &mut |_| {}).await);
    assert!(refused.starts_with("organizations: not as in the source"), "{refused}");
    raw::run(from, "update root_keys set created_at = created_at + 1");
    let refused = why(copied(&from.target, &to.target, &mut |_| {}).await);
    assert_eq!(refused, "the target is half a copy of another installation");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_copied_from_nothing_or_while_somebody_is_there() {
    let (from, to) = (TestDatabase::sqlite(), TestDatabase::sqlite());
    to.store.clone().close().await;
    let busy = copied_once(&from.target, &to.target).await.expect_err("copied under a server");
    assert!(busy.to_string().contains("stop every server"), "{busy}");
    from.store.clone().close().await;
    let refused = why(copied_once(&from.target, &to.target).await);
    assert_eq!(refused, "the source is no installation yet: it has no key");
    let refused = why(copied_once(&from.target, &from.target).await);
    assert_eq!(refused, "source and target are the same database");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let nowhere = Target::Sqlite { dir: folder.path().to_owned() };
    let missing = copied_once(&nowhere, &to.target).await.expect_err("copied from nowhere");
    assert!(matches!(missing, Error::Migration(_)), "{missing}");

    fill(&from);
    migrate(&nowhere).expect("not migrated");
    raw::sqlite(folder.path())
        .execute("insert into organizations (uuid, name, created_at) values (x'00', 'n', 0)", [])
        .expect("not inserted");
    let refused = why(copied_once(&from.target, &nowhere).await);
    assert_eq!(refused, "the target is not empty: organizations has rows");
    let opens = Store::open(&nowhere, &Options::default()).expect("it is as it was");
    opens.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_another_installation_is_left_at_its_version() {
    const BEFORE: i32 = 30;
    let source = TestDatabase::sqlite();
    source.store.clone().close().await;
    fill(&source);
    let (files, server) = (TestDatabase::sqlite(), TestDatabase::postgres());
    for db in [&files, &server] {
        db.store.clone().close().await;
        older(&db.target, BEFORE);
        let (id, data) = match db.target {
            Target::Sqlite { .. } => ("x'00'", "data"),
            Target::Postgres { .. } => ("gen_random_uuid()", "public"),
        };
        let somebody = "insert into organizations (uuid, name, created_at) values ($, 'n', 0)";
        raw::run(db, &somebody.replace('$', id));
        let refused = why(copied(&source.target, &db.target, &mut |_| {}).await);
        assert_eq!(refused, "the target is not empty: organizations has rows");
        let version = format!("select max(version) from {data}.refinery_schema_history");
        assert_eq!(raw::rows(db, &version), [BEFORE.to_string()], "it was migrated");
        // Empty it will do, whatever its version.
        raw::run(db, "delete from organizations");
        copied(&source.target, &db.target, &mut |_| {}).await.expect("not copied");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_one_side_lacks_is_named() {
    let (from, to) = (TestDatabase::sqlite(), TestDatabase::postgres());
    for db in [&from, &to] {
        db.store.clone().close().await;
    }
    fill(&from);
    raw::run(&to, "alter table sandboxes rename to elsewhere");
    let refused = why(copied(&from.target, &to.target, &mut |_| {}).await);
    assert_eq!(refused, "the target has no table sandboxes");
    raw::run(&to, "alter table elsewhere rename to sandboxes");
    raw::run(&from, "alter table data.sandboxes rename to elsewhere");
    let refused = why(copied(&from.target, &to.target, &mut |_| {}).await);
    assert_eq!(refused, "the source has no table sandboxes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_others_were_not_kept_from_is_refused() {
    let (from, through, to) =
        (TestDatabase::sqlite(), TestDatabase::postgres(), TestDatabase::postgres());
    for db in [&from, &through, &to] {
        db.store.clone().close().await;
    }
    fill(&from);
    copied(&from.target, &through.target, &mut |_| {}).await.expect("not copied");
    for (phase, cut, side) in [
        (CopyPhase::Copying, &through, "source"),
        (CopyPhase::Comparing, &through, "source"),
        (CopyPhase::Comparing, &to, "target"),
    ] {
        let mut intact = true;
        let mut told = |progress: CopyProgress| {
            if progress.phase == phase && std::mem::take(&mut intact) {
                cut_off_keeper(cut);
            }
        };
        let refused = why(copied(&through.target, &to.target, &mut told).await);
        let expected = format!("the connection that kept everybody else from the {side} was lost");
        assert!(refused.starts_with(&expected), "{refused}");
        let half = until_free(|| Store::open(&to.target, &Options::default()).map(drop)).await;
        let half = half.expect_err("half a copy opens");
        assert!(half.to_string().contains("finish it with `vinculo db copy`"), "{half}");
        // What was copied then is compared, and what it lacks is copied: for the next round from nothing.
        copied(&through.target, &to.target, &mut |_| {}).await.expect("not finished");
        emptied(&to);
    }
}

/// Ends the session that has the database alone, and waits until it is gone.
fn cut_off_keeper(db: &TestDatabase) {
    let keepers = "from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and granted \
         and database = (select oid from pg_database where datname = current_database())";
    let [keeper] = &raw::rows(db, &format!("select pid {keepers}"))[..] else { panic!("nobody") };
    raw::rows(db, &format!("select pg_terminate_backend({keeper})"));
    let left = format!("select count(*) from pg_stat_activity where pid = {keeper}");
    while raw::rows(db, &left) != ["0"] {
        std::thread::yield_now();
    }
}

/// Takes all rows out of a database that a copy filled.
fn emptied(db: &TestDatabase) {
    let tables = "select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables \
         where schemaname in ('public', 'vault') and tablename not like 'refinery%'";
    raw::run(db, &format!("truncate {}", raw::rows(db, tables).remove(0)));
}

async fn copied_once(from: &Target, to: &Target) -> Result<Copied, Error> {
    let (from, to) = (from.clone(), to.clone());
    let copied = tokio::task::spawn_blocking(move || copy(&from, &to, &mut |_| {}));
    copied.await.expect("no panic")
}

/// PostgreSQL notices a little later that a connection has ended.
async fn copied(
    from: &Target,
    to: &Target,
    told: &mut (dyn FnMut(CopyProgress) + Send),
) -> Result<Copied, Error> {
    until_free(|| {
        std::thread::scope(|scope| scope.spawn(|| copy(from, to, told)).join()).expect("no panic")
    })
    .await
}

async fn opened(target: &Target) -> Store {
    until_free(|| Store::open(target, &Options::default())).await.expect("it opens")
}

async fn until_free<T>(mut attempt: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        match attempt() {
            Err(Error::Unavailable(_)) => tokio::task::yield_now().await,
            outcome => return outcome,
        }
    }
}

fn why(outcome: Result<Copied, Error>) -> String {
    match outcome {
        Err(Error::Backup(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Puts rows into every table of a closed SQLite installation, whatever later migrations add; the
/// names of the tables.
fn fill(db: &TestDatabase) -> BTreeSet<String> {
    let Target::Sqlite { dir } = &db.target else { panic!("asked for SQLite") };
    let database = raw::sqlite(dir);
    database
        .execute_batch(
            "pragma foreign_keys = off; delete from index_keys; delete from oldest_program",
        )
        .expect("prepared");
    let mut statement = database
        .prepare(
            "select name, sql from (select name, sql, type from main.sqlite_schema union all \
             select name, sql, type from data.sqlite_schema) s where type = 'table' \
             and name not like 'sqlite%' and name not like 'refinery%'",
        )
        .expect("prepared");
    let tables = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("read");
    let tables: Vec<(String, String)> = tables.map(|row| row.expect("a table")).collect();
    for (table, sql) in &tables {
        let rows = if sql.contains("check (id = 1)") { 1 } else { ROWS };
        for n in 1..=rows {
            insert(&database, table, sql, n);
        }
    }
    let sequence = "update data.sqlite_sequence set seq = ?1 where name = 'organizations'";
    assert_eq!(database.execute(sequence, [LAST]).expect("not set"), 1);
    tables.into_iter().map(|(table, _)| table).collect()
}

/// Row `n` of a table; what may be null is in its second row.
fn insert(database: &rusqlite::Connection, table: &str, sql: &str, n: i64) {
    let columns = "select name, type, \"notnull\" or pk > 0 from pragma_table_info(?1)";
    let mut statement = database.prepare(columns).expect("prepared");
    let columns = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let columns: Vec<(String, String, bool)> =
        columns.expect("read").map(|row| row.expect("a column")).collect();
    let value = |(name, kind, needed): &(String, String, bool)| match kind.as_str() {
        _ if !needed && n == 2 => Value::Null,
        "INTEGER" | "integer" => Value::Integer(n),
        "BLOB" | "blob" => Value::Blob((0..16).map(|byte| byte * 16 + n as u8).collect()),
        _ => {
            // One of those that the column allows.
            let allowed = sql.split_once(&format!("check ({name} in ('"));
            let first = allowed.and_then(|(_, rest)| rest.split('\'').next());
            Value::Text(first.map_or_else(|| format!("ñandú {n}"), str::to_owned))
        }
    };
    let values: Vec<Value> = columns.iter().map(value).collect();
    let names: Vec<&str> = columns.iter().map(|(name, _, _)| name.as_str()).collect();
    let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
    let insert =
        format!("insert into {table} ({}) values ({})", names.join(", "), places.join(", "));
    database
        .execute(&insert, rusqlite::params_from_iter(values))
        .unwrap_or_else(|error| panic!("{table}: {error}"));
}
