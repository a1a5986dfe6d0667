//! A private PostgreSQL that syncs its disk, and may be restarted.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use postgres::{Client, NoTls, SimpleQueryMessage};
use tempfile::TempDir;

use crate::machine::taken_by;

/// How long it may take to start.
const TRIES: usize = 1200;
const BETWEEN: Duration = Duration::from_millis(50);

/// A running server, gone when this value is.
pub struct Postgres {
    child: Child,
    folder: TempDir,
    databases: usize,
}

/// Open sessions, closed when this value is dropped.
pub struct Sessions(Vec<Client>);

/// What a server has written since it was made.
#[derive(Clone, Copy)]
pub struct Written {
    /// Transactions that changed something.
    pub transactions: u64,
    /// Syncs of its log.
    pub syncs: u64,
}

impl Postgres {
    /// Makes a cluster in a temporary folder and serves it on a socket there.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> anyhow::Result<Self> {
        // The path of a socket may not exceed 107 bytes.
        let folder = tempfile::Builder::new().prefix("vinculo-pg").tempdir_in("/tmp")?;
        let place = folder.path().display().to_string();
        // Owned by the one who may run it; root is refused.
        run(Command::new("sh").args([
            "-c",
            "test \"$(id -u)\" != 0 || chown postgres \"$0\"",
            &place,
        ]))?;
        let data = format!("{place}/data");
        let mut initdb = as_owner("initdb")?;
        // The server syncs what it writes; nobody needs the empty cluster after a power failure.
        initdb.args(["--username=vinculo", "--auth=trust", "--encoding=UTF8", "--no-sync"]);
        run(initdb.args(["--locale=C.UTF-8", "--pgdata", &data]).current_dir(&place))?;
        let child = serve(folder.path())?;
        let mut server = Self { child, folder, databases: 0 };
        server.until_ready()?;
        Ok(server)
    }

    /// Makes an empty database: its URL.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database(&mut self) -> anyhow::Result<String> {
        self.databases += 1;
        let name = format!("vinculo_{}", self.databases);
        self.run(&format!("create database {name}"))?;
        Ok(self.url(&name))
    }

    /// Runs a statement, away from any async runtime: the first column of its first row.
    ///
    /// # Errors
    /// When the server is not there, or refuses.
    pub fn run(&self, sql: &str) -> anyhow::Result<Option<String>> {
        let url = self.url("postgres");
        let answer = std::thread::scope(|scope| {
            let ask = || Client::connect(&url, NoTls)?.simple_query(sql);
            scope.spawn(ask).join()
        });
        let answer = answer.map_err(|_| anyhow::anyhow!("the client panicked"))??;
        Ok(answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Opens sessions that do nothing until they are dropped, away from any async runtime.
    ///
    /// # Errors
    /// When the server has no room for them.
    pub fn idle_sessions(&self, count: usize) -> anyhow::Result<Sessions> {
        let url = self.url("postgres");
        let connect = |_| Ok(Client::connect(&url, NoTls)?);
        let open = || (0..count).map(connect).collect::<anyhow::Result<_>>();
        let opened = std::thread::scope(|scope| scope.spawn(open).join());
        Ok(Sessions(opened.map_err(|_| anyhow::anyhow!("the client panicked"))??))
    }

    /// What the whole server has written so far. A session may tell of its syncs a second late.
    ///
    /// # Errors
    /// When the server is not there.
    pub fn written(&self) -> anyhow::Result<Written> {
        let number = |sql| {
            let told = self.run(sql)?.context("no number")?;
            anyhow::Ok(told.parse()?)
        };
        // Version 18 moved them.
        let syncs = match number("show server_version_num")? {
            ..180_000 => "select wal_sync from pg_stat_wal",
            _ => "select sum(fsyncs)::bigint from pg_stat_io where object = 'wal'",
        };
        Ok(Written {
            transactions: number("select pg_snapshot_xmax(pg_current_snapshot())::text")?,
            syncs: number(syncs)?,
        })
    }

    /// Ends every session at once without writing anything (`pg_ctl stop -m immediate`), stays
    /// down so long, and starts again from its log.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn restart_immediately(&mut self, down: Duration) -> anyhow::Result<()> {
        run(Command::new("sh").args(["-c", &format!("kill -QUIT {}", self.child.id())]))?;
        // Others of this thread go on meanwhile.
        while self.child.try_wait()?.is_none() {
            tokio::time::sleep(BETWEEN / 10).await;
        }
        tokio::time::sleep(down).await;
        self.child = serve(self.folder.path())?;
        for _ in 0..TRIES {
            if self.answers()? {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN).await;
        }
        anyhow::bail!("PostgreSQL does not answer")
    }

    /// Time of the processor that it and its sessions have taken so far, in steps of 10 ms.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let pid = self.child.id();
        // Of the server itself with those of its processes that have ended, then of those that run.
        let mut cpu = taken_by(pid, 4)?;
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        for child in children.split_whitespace() {
            // One that ends meanwhile is counted the next time.
            cpu += taken_by(child, 2).unwrap_or_default();
        }
        Ok(cpu)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=vinculo", self.folder.path().display())
    }

    fn until_ready(&mut self) -> anyhow::Result<()> {
        for _ in 0..TRIES {
            if self.answers()? {
                return Ok(());
            }
            pause(BETWEEN);
        }
        anyhow::bail!("PostgreSQL does not answer")
    }

    fn answers(&mut self) -> anyhow::Result<bool> {
        ensure!(self.child.try_wait()?.is_none(), "PostgreSQL ended");
        Ok(self.run("select 1").is_ok())
    }
}

impl Sessions {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        // A client waits while it closes, which no thread of an async runtime may do.
        let clients = std::mem::take(&mut self.0);
        let _ = std::thread::spawn(move || drop(clients)).join();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Nothing in it is worth keeping.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing announces that PostgreSQL is up")]
fn pause(span: Duration) {
    std::thread::sleep(span);
}

fn serve(folder: &Path) -> anyhow::Result<Child> {
    let place = folder.display();
    let mut postgres = as_owner("postgres")?;
    postgres.args(["-D", &format!("{place}/data"), "-c", "listen_addresses="]);
    postgres.args(["-c", &format!("unix_socket_directories={place}"), "-c", "max_connections=400"]);
    postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(postgres.current_dir(folder).spawn()?)
}

/// A program of PostgreSQL, run by `postgres` when this program is run by root; gone with this one.
fn as_owner(program: &str) -> anyhow::Result<Command> {
    let mut command = Command::new("setpriv");
    let id = Command::new("id").arg("-u").output()?;
    if id.stdout == b"0\n" {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.arg("--pdeathsig=KILL").arg(folder_of_programs()?.join(program));
    Ok(command)
}

/// The newest version's programs; Debian keeps them off the path.
fn folder_of_programs() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is missing")?;
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    folders.filter(|bin| bin.join("initdb").exists()).max().context("PostgreSQL is missing")
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
