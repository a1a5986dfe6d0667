//! A PostgreSQL database for one test.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A new database on the server of `VINCULO_TEST_POSTGRES_URL`; gone when this value is.
pub(crate) struct Database {
    name: String,
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

    /// Takes it away from whoever uses it.
    pub(crate) fn vanish(&self) {
        server(&format!("drop database if exists {} with (force)", self.name));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.vanish();
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

#[expect(clippy::disallowed_methods, reason = "where the tests may make databases")]
fn server_url() -> String {
    std::env::var("VINCULO_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("VINCULO_TEST_POSTGRES_URL is not set; run ./test, which starts a PostgreSQL")
    })
}
