//! A database of each kind, and the macro that runs a test on both.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use vinculo_server::SPOOL_ID;
use vinculo_store::{Options, Store, Target, migrate, restore};

use super::soon;

/// Makes a pair of tests out of each `async fn name(database: TestDatabase)` of the current module.
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

/// Who waits for what this session holds.
const WAITS: &str =
    "select from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))";

/// A database of its own, which goes when this value does.
pub(crate) struct TestDatabase {
    target: Target,
    folder: tempfile::TempDir,
    place: Place,
}

enum Place {
    Files,
    Database { name: String },
}

impl TestDatabase {
    /// Two files in a temporary folder.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("no temporary folder");
        let target = Target::Sqlite { dir: folder.path().join("data") };
        Self { target, folder, place: Place::Files }
    }

    /// A new database on the server of `VINCULO_TEST_POSTGRES_URL`.
    pub(crate) fn postgres() -> Self {
        let name = unique_name();
        run(&server_url(), &format!("drop database if exists {name} with (force)"));
        run(&server_url(), &format!("create database {name}"));
        let folder = tempfile::tempdir().expect("no temporary folder");
        Self {
            target: Target::Postgres { url: address_of(&name) },
            folder,
            place: Place::Database { name },
        }
    }

    /// Whether this process is the only one that can run jobs here.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.place, Place::Files)
    }

    /// Two files from copies of the data and of the keys.
    pub(crate) fn restored(data: &Path, keys: &Path) -> Self {
        let made = Self::sqlite();
        restore(&made.target, data, Some(keys), |_| Ok::<_, vinculo_store::Error>(()))
            .expect("not restored");
        made
    }

    /// The folder of its two files. Only on SQLite.
    pub(crate) fn folder(&self) -> PathBuf {
        let Target::Sqlite { dir } = &self.target else { panic!("this is for SQLite") };
        dir.clone()
    }

    /// Opens it at this version's schema. Blocks.
    pub(crate) fn open(target: &Target) -> Store {
        migrate(target).expect("migration failed");
        let options = Options { postgres_lanes: 4, ..Options::default() };
        Store::open(target, &options).expect("the store does not open")
    }

    /// Where it is.
    pub(crate) fn target(&self) -> Target {
        self.target.clone()
    }

    /// Where received files wait.
    pub(crate) fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    /// What waits in there, beside the file that names it.
    pub(crate) fn spooled(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.spool()).expect("no spool");
        let paths = entries.map(|entry| entry.expect("no entry").path());
        paths.filter(|path| path.file_name() != Some(SPOOL_ID.as_ref())).collect()
    }

    /// Destroys the keys of all people, as their erasure would. Only on PostgreSQL.
    pub(crate) fn destroy_keys_of_people(&self) {
        let Place::Database { name } = &self.place else { panic!("this is for PostgreSQL") };
        run(&address_of(name), "delete from vault.data_keys where owner_kind = 'subject'");
    }

    /// Runs statements on the data, beside whoever uses it.
    pub(crate) fn run(&self, sql: &str) {
        match (&self.place, &self.target) {
            (Place::Database { name }, _) => run(&address_of(name), sql),
            (Place::Files, Target::Sqlite { dir }) => {
                let data = rusqlite::Connection::open(dir.join("vinculo.db")).expect("no data");
                data.busy_timeout(std::time::Duration::from_secs(5)).expect("not set");
                data.execute_batch(sql).expect("not run");
            }
            (Place::Files, Target::Postgres { .. }) => unreachable!("files are SQLite's"),
        }
    }

    /// Lets nobody write until the answer is dropped. Only on SQLite.
    pub(crate) fn held(&self) -> rusqlite::Connection {
        let data = rusqlite::Connection::open(self.folder().join("vinculo.db")).expect("no data");
        data.busy_timeout(std::time::Duration::from_secs(5)).expect("not set");
        data.execute_batch("begin immediate").expect("not held");
        data
    }

    /// Begins something while all workspaces are held, and runs a statement once it waits for one of
    /// them. Only on PostgreSQL.
    pub(crate) fn once_it_waits<T: Send>(&self, begin: impl FnOnce() -> T + Send, sql: &str) -> T {
        let Place::Database { name } = &self.place else { panic!("this is for PostgreSQL") };
        connected(&address_of(name), |client| {
            let mut held = client.transaction()?;
            held.batch_execute("update workspaces set created_at = created_at")?;
            let begun = begin();
            while held.query(WAITS, &[])?.is_empty() {
                held.batch_execute("select pg_sleep(0.002)")?;
            }
            held.batch_execute(sql)?;
            Ok(begun)
        })
    }

    /// Holds what a statement changes while something begins, and lets something be done once somebody waits for it.
    /// Only on PostgreSQL.
    pub(crate) async fn while_waited_for<T, F: Future<Output = ()>>(
        &self,
        sql: &str,
        begin: impl Future<Output = T>,
        then: impl FnOnce(T) -> F,
    ) {
        let Place::Database { name } = &self.place else { panic!("this is for PostgreSQL") };
        let (url, sql) = (address_of(name), sql.to_owned());
        let (holds, held) = tokio::sync::oneshot::channel();
        let (waited, waits) = tokio::sync::oneshot::channel();
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let holder = tokio::task::spawn_blocking(move || {
            connected(&url, move |client| {
                let mut work = client.transaction()?;
                work.batch_execute(&sql)?;
                // Whoever asked is gone only when the test has failed.
                let _ = holds.send(());
                while work.query(WAITS, &[])?.is_empty() {
                    work.batch_execute("select pg_sleep(0.002)")?;
                }
                let _ = waited.send(());
                let _ = ended.recv();
                work.rollback()
            });
        });
        soon("the statement", held).await.expect("the holder is gone");
        let begun = begin.await;
        soon("somebody who waits", waits).await.expect("the holder is gone");
        then(begun).await;
        drop(done);
        holder.await.expect("the holder panicked");
    }

    /// Runs statements, lets something begin, and commits them once somebody waits for what they hold. Only on PostgreSQL.
    pub(crate) async fn commit_once_waited_for(&self, sql: &str, begin: impl Future<Output = ()>) {
        let Place::Database { name } = &self.place else { panic!("this is for PostgreSQL") };
        let (url, sql) = (address_of(name), sql.to_owned());
        let (holds, held) = tokio::sync::oneshot::channel();
        let holder = tokio::task::spawn_blocking(move || {
            connected(&url, move |client| {
                let mut work = client.transaction()?;
                work.batch_execute(&sql)?;
                // Whoever asked is gone only when the test has failed.
                let _ = holds.send(());
                while work.query(WAITS, &[])?.is_empty() {
                    work.batch_execute("select pg_sleep(0.002)")?;
                }
                work.commit()
            });
        });
        soon("the statements", held).await.expect("the holder is gone");
        begin.await;
        holder.await.expect("the holder panicked");
    }

    /// Empties a table of the keys.
    pub(crate) fn destroy(&self, table: &str) {
        match (&self.place, &self.target) {
            (Place::Database { name }, _) => {
                run(&address_of(name), &format!("delete from vault.{table}"));
            }
            (Place::Files, Target::Sqlite { dir }) => {
                let keys = rusqlite::Connection::open(dir.join("vault.db")).expect("no keys");
                keys.execute_batch(&format!("delete from {table}")).expect("nothing destroyed");
            }
            (Place::Files, Target::Postgres { .. }) => unreachable!("files are SQLite's"),
        }
    }

    /// Runs statements on the data beside the application.
    pub(crate) fn tamper(&self, sql: &str) {
        match (&self.place, &self.target) {
            (Place::Database { name }, _) => run(&address_of(name), sql),
            (Place::Files, Target::Sqlite { dir }) => {
                let data = rusqlite::Connection::open(dir.join("vinculo.db")).expect("no data");
                data.busy_timeout(std::time::Duration::from_secs(5)).expect("not set");
                data.execute_batch(sql).expect("not run");
            }
            (Place::Files, Target::Postgres { .. }) => unreachable!("files are SQLite's"),
        }
    }

    /// Whether a text can be read in anything that is stored: in the raw bytes of every file, or
    /// in any column of any table.
    pub(crate) fn shows(&self, text: &str) -> bool {
        if in_files(self.folder.path(), text.as_bytes()) {
            return true;
        }
        match &self.place {
            Place::Files => false,
            Place::Database { name } => in_tables(&address_of(name), text),
        }
    }
}

impl TestDatabase {
    /// As [`Self::shows`], for bytes that are no text.
    pub(crate) fn shows_bytes(&self, bytes: &[u8]) -> bool {
        if in_files(self.folder.path(), bytes) {
            return true;
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match &self.place {
            Place::Files => false,
            Place::Database { name } => in_tables(&address_of(name), &hex),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Place::Database { name } = &self.place {
            run(&server_url(), &format!("drop database {name} with (force)"));
        }
    }
}

fn in_files(folder: &Path, text: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("the folder is gone").any(|entry| {
        let path = entry.expect("the folder is gone").path();
        if path.is_dir() {
            return in_files(&path, text);
        }
        let bytes = std::fs::read(&path).expect("the file is gone");
        bytes.windows(text.len()).any(|window| window == text)
    })
}

/// A row as text shows its bytes in hexadecimal, so both are looked for.
fn in_tables(url: &str, text: &str) -> bool {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let patterns = [format!("%{text}%"), format!("%{hex}%")];
    connected(url, move |client| {
        let tables = "select quote_ident(schemaname) || '.' || quote_ident(tablename) \
             from pg_tables where schemaname not in ('pg_catalog', 'information_schema')";
        for table in client.query(tables, &[])? {
            let table: String = table.get(0);
            let [plain, hex] = &patterns;
            let sql = format!("select 1 from {table} t where t::text like $1 or t::text like $2");
            if !client.query(&sql, &[plain, hex])?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

fn run(url: &str, sql: &str) {
    let sql = sql.to_owned();
    connected(url, move |client| client.batch_execute(&sql));
}

/// Talks to PostgreSQL away from the async runtime.
fn connected<T: Send>(
    url: &str,
    work: impl FnOnce(&mut postgres::Client) -> Result<T, postgres::Error> + Send,
) -> T {
    let outcome = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            postgres::Client::connect(url, postgres::NoTls).and_then(|mut client| work(&mut client))
        });
        thread.join().expect("the thread talking to PostgreSQL panicked")
    });
    outcome.unwrap_or_else(|error| panic!("PostgreSQL: {error}"))
}

/// Names are never reused within a run; a name left by a killed run is dropped first.
fn unique_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("vinculo_server_{}_{number}", std::process::id())
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
