//! Every schema that there ever was becomes today's, and none takes away what an earlier program,
//! still running, uses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use refinery::{Migration, Runner, Target as Until};
use vinculo_store::{Options, Store, Target, migrate};

use crate::support::TestDatabase;

/// Migrations that do more than add, from before there was a rule against it.
const KNOWN: [(&str, &str); 3] = [
    // Of SQLite: the same columns in another order of rows.
    ("data/sqlite", "V5__contributions_in_order_of_arrival"),
    // They fill columns that they add.
    ("data/", "V2__lifecycle"),
    ("data/", "V23__fair_jobs"),
];

/// Migrations of PostgreSQL, each one transaction, that take a table from its readers and then make an index on one
/// that was there, from before there was a rule against it: readers wait until the index is made.
const KEPT_READERS_WAITING: [&str; 12] = [
    "V2__lifecycle",
    "V5__contributions_in_order_of_arrival",
    "V8__consents",
    "V10__key_access",
    "V13__sources",
    "V14__retention",
    "V23__fair_jobs",
    "V24__source_jobs",
    "V25__settled_planillas",
    "V28__source_outcomes",
    "V29__revocations",
    "V34__spools",
];

/// Migrations of PostgreSQL, each one transaction, that take several tables from their writers, from before there was a
/// rule against it: who writes two of them in another order is in a circle with them.
const TOOK_SEVERAL_TABLES: [&str; 9] = [
    "V5__contributions_in_order_of_arrival",
    "V7__trust",
    "V8__consents",
    "V11__webhook_control",
    "V14__retention",
    "V29__revocations",
    "V33__held_endpoints",
    "V34__spools",
    "V35__replays",
];

const MARK: &str = "insert into organizations (id, uuid, name, created_at) values \
     (77, $UUID, 'from before', 0)";

fn folder(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(of)
}

/// Names and texts, by version.
fn migrations(of: &str) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder(of)).expect("no folder");
    let mut files: Vec<_> = files.map(|file| file.expect("no entry").path()).collect();
    files.sort_by_key(|file| version(&name(file)));
    files.iter().map(|f| (name(f), std::fs::read_to_string(f).expect("no text"))).collect()
}

fn name(file: &Path) -> String {
    file.file_stem().and_then(|name| name.to_str()).expect("no name").to_owned()
}

fn version(name: &str) -> i32 {
    let digits = name.trim_start_matches('V').split("__").next();
    digits.and_then(|digits| digits.parse().ok()).expect("no version")
}

/// The migrations up to a version, as a program of that time had them.
fn program_of(of: &str, last: i32) -> Runner {
    let made = |(name, text): &(String, String)| {
        Migration::unapplied(name, text).expect("not a migration")
    };
    let known: Vec<_> = migrations(of).iter().map(made).collect();
    Runner::new(&known).set_target(Until::Version(last))
}

/// Empties a closed database, and leaves it as a program of that version made it.
pub(crate) fn older(target: &Target, last: i32) {
    match target {
        Target::Sqlite { dir } => {
            std::fs::remove_dir_all(dir).expect("not emptied");
            std::fs::create_dir(dir).expect("not made");
            older_files(dir, last);
        }
        Target::Postgres { url } => crate::raw::apart(|| {
            let client = postgres::Client::connect(url, postgres::NoTls);
            older_server(&mut client.expect("not connected"), last);
        }),
    }
}

/// Makes data, which it answers, and keys in a folder.
fn older_files(folder: &Path, last: i32) -> rusqlite::Connection {
    let file = |name: &str| rusqlite::Connection::open(folder.join(name));
    let mut data = file("vinculo.db").expect("not opened");
    program_of("data/sqlite", last).run(&mut data).expect("not made");
    let mut vault = file("vault.db").expect("not opened");
    program_of("vault/sqlite", last).run(&mut vault).expect("not made");
    data
}

/// Makes data and keys in an emptied database.
fn older_server(client: &mut postgres::Client, last: i32) {
    let empty = "drop schema public cascade; drop schema vault cascade; create schema public; \
                 create schema vault; set search_path = vault";
    client.batch_execute(empty).expect("not emptied");
    let mut vault = program_of("vault/postgres", last);
    vault.set_migration_table_name("refinery_vault_history");
    vault.run(client).expect("not made");
    client.batch_execute("set search_path = public").expect("not chosen");
    program_of("data/postgres", last).run(client).expect("not made");
}

fn versions(of: &str) -> Vec<i32> {
    migrations(of).iter().map(|(name, _)| version(name)).collect()
}

/// Opens what an older program left, by today's, and looks for what it stored.
fn opens(target: &Target, seen: impl FnOnce() -> i64, last: i32) {
    let refused = Store::open(target, &Options::default()).err();
    let newest = versions("data/sqlite").pop();
    assert_eq!(refused.is_some(), Some(last) != newest, "{last}: {refused:?}");
    let applied = migrate(target).expect("not migrated");
    let expected: Vec<_> = versions("data/sqlite").into_iter().filter(|v| *v > last).collect();
    let done = |name: &String| version(name);
    assert_eq!(applied.data.iter().map(done).collect::<Vec<_>>(), expected, "from {last}");
    Store::open(target, &Options { postgres_lanes: 1, ..Options::default() }).expect("not opened");
    assert_eq!(seen(), 1, "{last}: what was stored is there");
}

#[test]
fn every_older_schema_of_sqlite_becomes_todays() {
    for last in versions("data/sqlite") {
        let folder = tempfile::tempdir().expect("no temporary folder");
        let data = older_files(folder.path(), last);
        data.execute_batch(&MARK.replace("$UUID", "randomblob(16)")).expect("not stored");
        let seen = "select count(*) from organizations where id = 77 and name = 'from before'";
        let target = Target::Sqlite { dir: folder.path().to_owned() };
        opens(&target, || data.query_row(seen, [], |row| row.get(0)).expect("not read"), last);
    }
}

#[test]
fn every_older_schema_of_postgres_becomes_todays() {
    let db = TestDatabase::postgres();
    let Target::Postgres { url } = &db.target else { panic!("another database") };
    let mut client = postgres::Client::connect(url, postgres::NoTls).expect("not connected");
    for last in versions("data/postgres") {
        older_server(&mut client, last);
        client.batch_execute(&MARK.replace("$UUID", "gen_random_uuid()")).expect("not stored");
        let seen = "select count(*) from organizations where id = 77 and name = 'from before'";
        let mut count = || client.query_one(seen, &[]).expect("not read").get::<_, i64>(0);
        opens(&db.target, &mut count, last);
    }
}

/// Somebody reads a table at length, as a dump does: whoever migrates lets others have their turn, and goes on
/// when it has ended.
#[test]
fn a_migration_lets_others_pass_while_a_table_is_held() {
    let db = TestDatabase::postgres();
    let Target::Postgres { url } = &db.target else { panic!("another database") };
    let connect = || postgres::Client::connect(url, postgres::NoTls).expect("not connected");
    let mut client = connect();
    client.batch_execute("drop schema public cascade; create schema public").expect("not emptied");
    let newest = versions("data/postgres").pop();
    // The next one adds a column to a table that is always in use.
    program_of("data/postgres", 33).run(&mut client).expect("not made");
    let mut reader = client.transaction().expect("not begun");
    reader.batch_execute("lock table jobs in access share mode").expect("not locked");
    std::thread::scope(|scope| {
        let migrating = scope.spawn(|| migrate(&db.target).expect("not migrated"));
        let mut looking = connect();
        // While it pauses, nobody stands in line behind it.
        let pauses = "select from pg_stat_activity where datname = current_database() \
                      and wait_event = 'PgSleep'";
        while looking.query(pauses, &[]).expect("not seen").is_empty() {
            std::thread::yield_now();
        }
        reader.commit().expect("not ended");
        let applied = migrating.join().expect("no panic").data;
        assert_eq!(applied.iter().map(|name| version(name)).next_back(), newest);
    });
    assert!(migrate(&db.target).expect("not migrated").data.is_empty());
}

/// An older program goes on while this one has migrated: its statements still mean something, and none waits
/// for all rows of a table to be written.
#[test]
fn migrations_only_add() {
    for of in ["data/sqlite", "data/postgres", "vault/sqlite", "vault/postgres"] {
        for (name, text) in migrations(of).into_iter().skip(1) {
            let known = KNOWN.iter().any(|(place, it)| of.starts_with(place) && *it == name);
            let found = more_than_adding(&text);
            assert_eq!(found.is_some(), known, "{of}/{name}: {found:?}");
        }
    }
    for wrong in [
        "alter table links drop column failures",
        "drop table links",
        "alter table links rename column failures to misses",
        "alter table links alter column failures set not null",
        "alter table links add column misses bigint not null",
        "delete from links",
        "truncate links",
        "truncate table links",
        "create unique index links_one on links (external_id)",
        "alter table links add constraint few check (failures < 9)",
        "alter table links add unique (external_id)",
        "alter table links add check (failures < 9)",
        "alter table links add column misses bigint unique",
        "create trigger links_seen after insert on links begin select 1",
        "create or replace function seen() returns trigger as 'x' language sql",
        "create rule links_kept as on delete to links do instead nothing",
        "update links set failures = 0",
        "with old as (select 1) update links set failures = 0",
    ] {
        let text = format!("-- harmless\ncreate table kept (id bigint);\n{wrong};");
        assert_eq!(more_than_adding(&text).as_deref(), Some(wrong));
    }
    let adds = "create table new (id bigint unique, kind text check (kind in ('a', 'b'))); \
                create unique index new_kinds on new (kind); update new set id = 1; \
                create index links_new on links (failures) where failures > 0; \
                alter table links add column kind text check (kind in ('a', 'b')); \
                update oldest_program set version = 35";
    assert_eq!(more_than_adding(adds), None);
}

/// A table whose columns change is its readers' again when the migration ends: one that has to make an index, too,
/// is two files, the index in one of its own.
#[test]
fn no_migration_keeps_readers_waiting_for_an_index() {
    for of in ["data/postgres", "vault/postgres"] {
        for (name, text) in migrations(of) {
            let known = of == "data/postgres" && KEPT_READERS_WAITING.contains(&name.as_str());
            let found = index_behind_a_lock(&text);
            assert_eq!(found.is_some(), known, "{of}/{name}: {found:?}");
        }
    }
    let index = "create index links_new on links (failures)";
    for first in [
        "alter table links add column kind text",
        "alter table loads add column kind text",
        "drop index links_old",
    ] {
        let text = format!("create table kept (id bigint);\n{first};\n-- why\n{index};");
        assert_eq!(index_behind_a_lock(&text).as_deref(), Some(index));
    }
    let sound = format!(
        "create table kept (id bigint); alter table kept add column kind text; \
         alter table links set (fillfactor = 90); {index}; alter table links add column kind text; \
         create index kept_kinds on kept (kind)"
    );
    assert_eq!(index_behind_a_lock(&sound), None);
}

/// A migration takes one table that was there, or is several files.
#[test]
fn no_migration_takes_one_table_after_another() {
    for of in ["data/postgres", "vault/postgres"] {
        for (name, text) in migrations(of) {
            let known = of == "data/postgres" && TOOK_SEVERAL_TABLES.contains(&name.as_str());
            let taken = taken_tables(&text);
            assert_eq!(taken.len() > 1, known, "{of}/{name}: {taken:?}");
        }
    }
    let text = "create table kept (id bigint); create index kept_ids on kept (id); \
                create unique index if not exists links_new on public.links (failures); \
                alter table loads add column kind text; alter table jobs set (fillfactor = 90)";
    assert_eq!(taken_tables(text), BTreeSet::from(["links", "loads"].map(str::to_owned)));
}

/// The tables that were there whose writers wait for a migration.
fn taken_tables(text: &str) -> BTreeSet<String> {
    let (mut new, mut taken) = (Vec::new(), BTreeSet::new());
    for statement in statements(text) {
        new.extend(word_after(&statement, "create table "));
        let makes_index = ["create index", "create unique index"]
            .iter()
            .any(|words| statement.starts_with(words));
        let alters = statement.starts_with("alter table ") && !statement.contains(" set (");
        let table = match (makes_index, alters) {
            (true, _) => word_after(&statement, " on "),
            (_, true) => word_after(&statement, "alter table "),
            _ => None,
        };
        taken.extend(table.filter(|table| !new.contains(table)));
    }
    taken
}

/// The first index on a table that was there which is made while nobody can read a table that was there.
fn index_behind_a_lock(text: &str) -> Option<String> {
    let (mut new, mut locked) = (Vec::new(), false);
    statements(text).into_iter().find(|statement| {
        new.extend(word_after(statement, "create table "));
        let is_old = |before| word_after(statement, before).is_some_and(|it| !new.contains(&it));
        let makes_index = ["create index", "create unique index"]
            .iter()
            .any(|words| statement.starts_with(words));
        // Storage parameters are changed beside whoever reads.
        locked |= statement.starts_with("drop index")
            || is_old("alter table ") && !statement.contains(" set (");
        locked && makes_index && is_old(" on ")
    })
}

/// The statements of a migration in small letters, with one space between words.
fn statements(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join(" ").to_lowercase();
    text.split(';').map(|s| s.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The first statement after which an earlier program's would fail, or find less, or which holds all rows of a
/// table that it uses.
fn more_than_adding(text: &str) -> Option<String> {
    // Statistics of the planner are SQLite's own; no program reads them.
    let ours =
        statements(text).into_iter().filter(|s| !s.starts_with("drop table if exists sqlite_stat"));
    // What no earlier program knows, or needs to.
    let mut new = vec!["oldest_program".to_owned()];
    for statement in ours {
        if let Some(table) = word_after(&statement, "create table ") {
            new.push(table);
            continue;
        }
        let is_new = |before| word_after(&statement, before).is_some_and(|it| new.contains(&it));
        let one_of = |words: &[&str]| words.iter().any(|word| statement.contains(word));
        let alters = statement.starts_with("alter table ");
        let unfilled = statement.contains("add column")
            && statement.contains("not null")
            && !statement.contains(" default ");
        let takes = one_of(&["drop table", "drop column", " rename ", " alter column "])
            || one_of(&["delete from", "truncate ", "create rule", "create or replace"])
            || one_of(&["create trigger", "create function"]);
        let narrows = statement.starts_with("create unique index") && !is_new(" on ")
            || alters && one_of(&[" add constraint", " add check", " add unique", " unique"]);
        let writes = one_of(&["update "]) && !is_new("update ");
        if takes || unfilled || narrows || writes {
            return Some(statement);
        }
    }
    None
}

/// The word behind another, without its schema.
fn word_after(statement: &str, before: &str) -> Option<String> {
    let (_, rest) = statement.split_once(before)?;
    let word = rest.trim_start_matches("if not exists ").split([' ', '(']).next()?;
    word.rsplit('.').next().map(str::to_owned)
}
