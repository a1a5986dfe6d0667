//! An installation for one test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{OnceLock, RwLock};

use tempfile::TempDir;
use vinculo_store::{Store, Target};

use super::database::{Database, WriteAheadLog};
use super::{Client, Finished, Process, TOKEN, bare, finished, vinculo};

/// A folder, and a database in it or on PostgreSQL.
pub(crate) struct Installation {
    folder: TempDir,
    postgres: Option<Database>,
    made: OnceLock<()>,
    /// Another program than the one that is tested.
    program: RwLock<Option<PathBuf>>,
}

/// An API key.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) password: String,
}

impl Installation {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, postgres: None, made: OnceLock::new(), program: RwLock::default() }
    }

    pub(crate) fn postgres() -> Self {
        Self { postgres: Some(Database::create()), ..Self::sqlite() }
    }

    /// Has what is started from now on be this program, or the one that is tested.
    pub(crate) fn runs(&self, program: Option<PathBuf>) {
        *self.program.write().expect("no panic") = program;
    }

    /// Makes it, for a command that wants one: where a server has started it is there already.
    pub(crate) fn make(&self) {
        self.made.get_or_init(|| {
            self.run(&["migrate"]).accepted();
        });
    }

    /// The folder that everything is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder; not there before the first command.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Where its database is.
    pub(crate) fn url(&self) -> String {
        let sqlite = || format!("sqlite://{}", self.data_dir().display());
        self.postgres.as_ref().map_or_else(sqlite, Database::url)
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// The database, looked at beside the binary.
    pub(crate) fn store(&self) -> Store {
        let target = match &self.postgres {
            None => Target::Sqlite { dir: self.data_dir() },
            Some(database) => Target::Postgres { url: database.url() },
        };
        Store::open(&target, &vinculo_store::Options::default()).expect("the store opens")
    }

    /// Takes the database away from a running server. On PostgreSQL only.
    pub(crate) fn lose_database(&self) {
        self.postgres.as_ref().expect("a PostgreSQL database").vanish();
    }

    /// Runs a statement on PostgreSQL; the first column of its first row, or nothing.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.postgres.as_ref().expect("a PostgreSQL database").query(sql)
    }

    /// A dump of everything, the keys too. On PostgreSQL only.
    pub(crate) fn dump(&self) -> Vec<u8> {
        self.dump_of(&[])
    }

    /// A dump of what these options leave. On PostgreSQL only.
    pub(crate) fn dump_of(&self, options: &[&str]) -> Vec<u8> {
        let url = self.postgres.as_ref().expect("a PostgreSQL database").url();
        let mut command = Command::new("pg_dump");
        let dump = command.args(["--dbname", &url]).args(options).output().expect("pg_dump runs");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        dump.stdout
    }

    /// Runs a dump. On PostgreSQL only.
    pub(crate) fn psql(&self, dump: &[u8]) {
        let url = self.postgres.as_ref().expect("a PostgreSQL database").url();
        let file = self.folder().join("dump.sql");
        std::fs::write(&file, dump).expect("a file");
        let mut command = Command::new("psql");
        command.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", &url]);
        let done = command.arg("--file").arg(file).output().expect("psql runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// The server's write-ahead log from now on. On PostgreSQL only.
    pub(crate) fn write_ahead_log(&self) -> WriteAheadLog {
        self.postgres.as_ref().expect("a PostgreSQL database").write_ahead_log()
    }

    /// A command on this installation.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &*self.program.read().expect("no panic") {
            Some(program) => bare(Command::new(program), self.folder()),
            None => vinculo(self.folder(), []),
        };
        command.args(arguments);
        command.arg("--data-dir").arg(self.data_dir());
        if let Some(database) = &self.postgres {
            command.args(["--database-url", &database.url()]);
        }
        command.env("VINCULO_WEBHOOK_ALLOW_PRIVATE", "true");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        finished(&mut self.command(arguments))
    }

    /// A command that serves on a free port.
    pub(crate) fn serve_command(&self) -> Command {
        self.command(&["serve", "--listen", "127.0.0.1:0"])
    }

    /// Serves on a free port; the answer holds the base URL.
    pub(crate) async fn serve(&self) -> (Process, String) {
        Process::start_listening(&mut self.serve_command()).await
    }

    /// Makes an API key.
    pub(crate) fn key(&self, environment: &str) -> Key {
        self.make();
        let made = self.run(&["keys", "create", "--environment", environment, "--json"]).json();
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        Key { id: text("secret_id"), password: text("secret_password") }
    }

    /// Makes an API key for a client of the server at `base`.
    pub(crate) fn client(&self, environment: &str, base: &str) -> Client {
        Client::new(base, self.key(environment))
    }

    /// Sends the events of an environment to `url`.
    pub(crate) fn webhook(&self, environment: &str, url: &str) {
        self.make();
        let create = ["webhooks", "create", "--environment", environment];
        let made = self.run(&[&create[..], &["--url", url, "--authorization", TOKEN]].concat());
        made.accepted();
    }
}
