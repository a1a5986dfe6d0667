//! A fresh, migrated database of each kind, and the macro that runs a test on both.

use std::sync::atomic::{AtomicUsize, Ordering};
use vinculo_store::{Options, Store, Target, migrate};

/// Makes a pair of tests out of each `async fn name(db: TestDatabase)` of the current module.
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::support::TestDatabase::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::support::TestDatabase::postgres()).await;
            })*
        }
    };
}
pub(crate) use on_both_databases;

/// An open store on a database of its own, which goes when this value does.
pub(crate) struct TestDatabase {
    pub(crate) store: Store,
    pub(crate) target: Target,
    _place: Place,
}

impl TestDatabase {
    /// Two files in a temporary folder.
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("no temporary folder");
        let target = Target::Sqlite { dir: dir.path().join("data") };
        Self::open(target, Place::Folder { _dir: dir })
    }

    /// A new database on the server of `VINCULO_TEST_POSTGRES_URL`.
    pub(crate) fn postgres() -> Self {
        let name = unique_name();
        server(&format!("drop database if exists {name} with (force)"));
        server(&format!("create database {name}"));
        let target = Target::Postgres { url: address_of(&name) };
        Self::open(target, Place::Database { name })
    }

    fn open(target: Target, place: Place) -> Self {
        migrate(&target).expect("migration failed");
        let options = Options { postgres_lanes: 4, ..Options::default() };
        let store = Store::open(&target, &options).expect("the store does not open");
        Self { store, target, _place: place }
    }
}

/// What fills a database with what the rules of retention leave and take; see the file.
pub(crate) fn retained(dialect: vinculo_store::Dialect) -> String {
    let words = match dialect {
        vinculo_store::Dialect::Sqlite => [
            ("{uuid}", "randomblob(16)"),
            ("{index}", "randomblob(32)"),
            ("{sealed}", "zeroblob(49)"),
            ("{chain}", "zeroblob(16)"),
        ],
        vinculo_store::Dialect::Postgres => [
            ("{uuid}", "gen_random_uuid()"),
            ("{index}", "sha256(gen_random_uuid()::text::bytea)"),
            ("{sealed}", "decode(repeat('00', 49), 'hex')"),
            ("{chain}", "'00000000-0000-0000-0000-000000000000'::uuid"),
        ],
    };
    let text = include_str!("retained.sql").to_owned();
    words.iter().fold(text, |text, (word, value)| text.replace(word, value))
}

enum Place {
    Folder { _dir: tempfile::TempDir },
    Database { name: String },
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Database { name } = self {
            server(&format!("drop database {name} with (force)"));
        }
    }
}

/// Runs a statement on the server that tests may use, away from the async runtime.
fn server(sql: &str) {
    let url = server_url();
    let outcome = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            postgres::Client::connect(&url, postgres::NoTls)
                .and_then(|mut client| client.batch_execute(sql))
        });
        thread.join().expect("the thread talking to PostgreSQL panicked")
    });
    outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Names are never reused within a run; a name left by a killed run is dropped first.
fn unique_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("vinculo_test_{}_{number}", std::process::id())
}

/// The server's address with another database: in `key=value` form the last one counts, in a
/// URL the name is a part of the path.
fn address_of(name: &str) -> String {
    let url = server_url();
    let Some((scheme, rest)) = url.split_once("://") else {
        return format!("{url} dbname={name}");
    };
    let (place, query) = rest.split_once('?').map_or((rest, ""), |(place, query)| (place, query));
    let host = place.split_once('/').map_or(place, |(host, _)| host);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    format!("{scheme}://{host}/{name}{query}")
}

#[expect(clippy::disallowed_methods, reason = "the one setting of the tests")]
fn server_url() -> String {
    std::env::var("VINCULO_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("VINCULO_TEST_POSTGRES_URL is not set; run ./test, which starts a PostgreSQL")
    })
}
