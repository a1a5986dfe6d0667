//! SQL beside the store, for what no method writes or shows yet.

use crate::support::TestDatabase;
use vinculo_store::Target;

/// Every row as text, its columns joined by `|`; null is empty.
pub(crate) fn rows(db: &TestDatabase, sql: &str) -> Vec<String> {
    match &db.target {
        Target::Sqlite { dir } => {
            let connection = sqlite(dir);
            let mut statement = connection.prepare(sql).expect("not prepared");
            let width = statement.column_count();
            let mut rows = statement.query([]).expect("not read");
            let mut texts = Vec::new();
            while let Some(row) = rows.next().expect("not read") {
                let cells = (0..width).map(|n| cell(row.get_ref_unwrap(n)));
                texts.push(cells.collect::<Vec<_>>().join("|"));
            }
            texts
        }
        Target::Postgres { url } => apart(|| {
            let mut client = connect(url);
            let messages = client.simple_query(sql).expect("not read");
            let rows = messages.iter().filter_map(|message| match message {
                postgres::SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            });
            let text = |row: &postgres::SimpleQueryRow| {
                let cells = (0..row.len()).map(|n| row.get(n).unwrap_or_default());
                cells.collect::<Vec<_>>().join("|")
            };
            rows.map(text).collect()
        }),
    }
}

/// Runs statements that answer nothing.
pub(crate) fn run(db: &TestDatabase, sql: &str) {
    match &db.target {
        Target::Sqlite { dir } => sqlite(dir).execute_batch(sql).expect("not run"),
        Target::Postgres { url } => apart(|| connect(url).batch_execute(sql).expect("not run")),
    }
}

/// The code by which PostgreSQL refuses a statement.
pub(crate) fn refused(db: &TestDatabase, sql: &str) -> String {
    let Target::Postgres { url } = &db.target else { unreachable!("asked for PostgreSQL") };
    apart(|| {
        let refusal = connect(url).batch_execute(sql).expect_err("not refused");
        refusal.code().map_or_else(|| refusal.to_string(), |code| code.code().to_owned())
    })
}

/// Whether a connection to a database of PostgreSQL waits for a lock of another one.
pub(crate) fn somebody_waits(db: &TestDatabase) -> bool {
    let waits = "select count(*) from pg_stat_activity \
         where datname = current_database() and wait_event_type = 'Lock'";
    rows(db, waits) != ["0"]
}

/// Waits until nobody else is connected to a database of PostgreSQL: a connection reports what it touched at the
/// latest when it ends.
pub(crate) async fn until_alone(db: &TestDatabase) {
    let others = "select count(*) from pg_stat_activity where datname = current_database() \
         and backend_type = 'client backend' and pid <> pg_backend_pid()";
    while rows(db, others) != ["0"] {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// A connection with both files, like the store's.
pub(crate) fn sqlite(dir: &std::path::Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(dir.join("vault.db")).expect("does not open");
    let data = dir.join("vinculo.db");
    let data = data.to_str().expect("not UTF-8");
    connection.execute("attach database ?1 as data", [data]).expect("not attached");
    connection.busy_timeout(std::time::Duration::from_secs(5)).expect("not set");
    connection
}

pub(crate) fn connect(url: &str) -> postgres::Client {
    let mut client = postgres::Client::connect(url, postgres::NoTls).expect("does not connect");
    client.batch_execute("set search_path = public, vault").expect("not set");
    client
}

/// The driver does not block a thread of an async runtime.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join()).expect("the thread panicked")
}

fn cell(value: rusqlite::types::ValueRef<'_>) -> String {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(x) => x.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
