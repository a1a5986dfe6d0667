//! The two folders of migrations make the same tables.

use crate::Target;
use crate::support::TestDatabase;
use std::collections::BTreeSet;
use std::path::Path;

/// One column of a table that is not the migration tool's: which database part, table, name, kind of type, whether null may stand there.
type Column = (&'static str, String, String, &'static str, bool);

#[test]
fn both_engines_have_the_same_tables_and_columns() {
    let sqlite = TestDatabase::sqlite();
    let postgres = TestDatabase::postgres();
    let Target::Sqlite { dir } = &sqlite.target else { unreachable!("asked for SQLite") };
    let Target::Postgres { url } = &postgres.target else { unreachable!("asked for the other") };
    let ours = sqlite_columns(dir);
    let theirs = postgres_columns(url);
    assert!(!ours.is_empty());
    let only_sqlite: Vec<_> = ours.difference(&theirs).collect();
    let only_postgres: Vec<_> = theirs.difference(&ours).collect();
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "only in SQLite: {only_sqlite:#?}\nonly in PostgreSQL: {only_postgres:#?}"
    );
}

#[test]
fn both_engines_are_at_the_same_versions() {
    let names = |engine: &str, part: &str| -> BTreeSet<_> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(part);
        let files = std::fs::read_dir(folder.join(engine)).expect("no such folder");
        files.map(|file| file.expect("not listed").file_name()).collect()
    };
    for part in ["data", "vault"] {
        assert_eq!(names("sqlite", part), names("postgres", part), "{part}");
    }
}

fn sqlite_columns(dir: &Path) -> BTreeSet<Column> {
    let sql = "select t.name, c.name, c.type, c.\"notnull\" or (c.pk > 0 and t.type = 'table') \
         from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table' and t.name not like 'refinery%' and t.name not like 'sqlite%'";
    let mut columns = BTreeSet::new();
    for (part, file) in [("data", "vinculo.db"), ("vault", "vault.db")] {
        let database = rusqlite::Connection::open(dir.join(file)).expect("does not open");
        let mut statement = database.prepare(sql).expect("not prepared");
        let rows = statement.query_map([], |row| {
            let kind: String = row.get(2)?;
            Ok((part, row.get(0)?, row.get(1)?, kind_of(&kind), !row.get::<_, bool>(3)?))
        });
        columns.extend(rows.expect("not read").map(|row| row.expect("not read")));
    }
    columns
}

fn postgres_columns(url: &str) -> BTreeSet<Column> {
    let sql = "select table_schema, table_name, column_name, data_type, is_nullable = 'YES' \
         from information_schema.columns where table_schema in ('public', 'vault') and table_name not like 'refinery%'";
    let mut database = postgres::Client::connect(url, postgres::NoTls).expect("does not connect");
    let rows = database.query(sql, &[]).expect("not read");
    let columns = rows.iter().map(|row| {
        let part = if row.get::<_, &str>(0) == "vault" { "vault" } else { "data" };
        (part, row.get(1), row.get(2), kind_of(row.get(3)), row.get(4))
    });
    columns.collect()
}

/// A UUID is 16 bytes on SQLite, where a boolean is a number.
fn kind_of(data_type: &str) -> &'static str {
    match data_type.to_ascii_lowercase().as_str() {
        "integer" | "bigint" | "boolean" => "number",
        "blob" | "bytea" | "uuid" => "bytes",
        "text" => "text",
        other => panic!("a type without a counterpart: {other}"),
    }
}
