//! A PostgreSQL database for one test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// A new database on the server of `VINCULO_TEST_POSTGRES_URL`; gone when this value is.
pub(crate) struct Database {
    name: String,
}

/// The server's write-ahead log from a moment on, which is there for as long as this value is: checkpoints, of
/// which every database that is dropped makes one, take nothing of it away.
pub(crate) struct WriteAheadLog {
    url: String,
    begin: String,
    _kept: mpsc::Sender<()>,
}

impl Database {
    pub(crate) fn create() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vinculo_cli_test_{}_{number}", std::process::id());
        // A name left by a killed run.
        server(&format!("drop database if exists {name} with (force)"));
        server(&format!("create database {name}"));
        Self { name }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        let url = server_url();
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let host = place.split_once('/').map_or(place, |(host, _)| host);
        format!("{scheme}://{host}/{}?{query}", self.name)
    }

    /// Where a role finds it by TCP, where there is TLS and nothing else. Without a password the role proves
    /// itself by a certificate.
    pub(crate) fn by_tcp(&self, host: &str, role: &str, options: &str) -> String {
        let port = self.query("show port");
        format!("postgres://{role}@{host}:{port}/{}?{options}", self.name)
    }

    /// The name of the database.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs a statement; the first column of its first row, or nothing.
    pub(crate) fn query(&self, sql: &str) -> String {
        connected(&self.url(), |client| {
            let answer = client.simple_query(sql)?;
            let row = answer.iter().find_map(|message| match message {
                postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            Ok(row.unwrap_or_default().to_owned())
        })
    }

    /// The server's write-ahead log from now on.
    pub(crate) fn write_ahead_log(&self) -> WriteAheadLog {
        let (url, name) = (self.url(), self.name.clone());
        let (told, begin) = mpsc::channel();
        let (kept, end) = mpsc::channel::<()>();
        let there = url.clone();
        // The slot is gone with its session, whatever ends the test.
        thread::spawn(move || {
            connected(&there, move |client| {
                let slot = "select pg_walfile_name(pg_current_wal_insert_lsn()) \
                     from pg_create_physical_replication_slot($1, true, true)";
                let begin: String = client.query_one(slot, &[&name])?.get(0);
                told.send(begin).expect("the test waits");
                // Nobody sends anything.
                let _ = end.recv();
                Ok(())
            });
        });
        let begin = begin.recv().expect("a replication slot");
        WriteAheadLog { url, begin, _kept: kept }
    }

    /// Takes it away from whoever uses it.
    pub(crate) fn vanish(&self) {
        server(&format!("drop database if exists {} with (force)", self.name));
    }
}

impl WriteAheadLog {
    /// Its files up to now.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        connected(&self.url, |client| {
            let files = client.query(
                "select name, pg_read_binary_file('pg_wal/' || name) from pg_ls_waldir() \
                 where name >= $1 and name <= pg_walfile_name(pg_current_wal_insert_lsn())",
                &[&self.begin],
            )?;
            Ok(files.iter().map(|row| (row.get::<_, String>(0).into(), row.get(1))).collect())
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.vanish();
    }
}

/// Runs a statement on the server that tests may use.
fn server(sql: &str) {
    connected(&server_url(), |client| client.batch_execute(sql));
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

#[expect(clippy::disallowed_methods, reason = "where the tests may make databases")]
fn server_url() -> String {
    std::env::var("VINCULO_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("VINCULO_TEST_POSTGRES_URL is not set; run ./test, which starts a PostgreSQL")
    })
}
