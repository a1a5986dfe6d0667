//! A measured server: a child process on a fresh installation.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;

/// A child process that answers HTTP until this is dropped.
pub struct Process {
    /// Where it answers.
    pub url: String,
    child: Child,
}

/// A running `vinculo serve`.
pub struct Server {
    /// Secret ID of the sandbox.
    pub id: String,
    /// Secret Password.
    pub password: String,
    // Ends before its folder goes.
    process: Process,
    folder: TempDir,
}

/// Which server is measured.
#[derive(Default)]
pub struct Setup<'a> {
    /// Where webhooks go.
    pub receiver: Option<&'a str>,
    /// An empty PostgreSQL database instead of SQLite.
    pub postgres: Option<&'a str>,
    /// More of its configuration, as variables.
    pub variables: &'a [(&'a str, &'a str)],
}

impl Process {
    /// Starts a command that says `listening on URL` in its first line.
    ///
    /// # Errors
    /// When it cannot be started or says something else.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        let child = command.stdout(Stdio::piped()).spawn()?;
        let mut process = Self { url: String::new(), child };
        let stdout = process.child.stdout.take().context("no output")?;
        let line = BufReader::new(stdout).lines().next().context("the server ended")??;
        let url = line.strip_prefix("listening on ").context("unexpected first line")?;
        url.clone_into(&mut process.url);
        Ok(process)
    }

    /// Time of the processor that it has taken so far, in steps of 10 ms.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name, in parentheses, may hold anything; user and system time come 11 fields on.
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing of the server is worth keeping.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Makes an installation with a key for the sandbox, and serves it.
    ///
    /// # Errors
    /// When the `vinculo` built beside this program does not do its part.
    pub fn start(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(binary()?);
            command.args(arguments).arg("--data-dir").arg(folder.path());
            command.env("VINCULO_WEBHOOK_ALLOW_PRIVATE", "true");
            command.envs(setup.variables.iter().copied());
            if let Some(url) = setup.postgres {
                command.args(["--database-url", url]);
            }
            anyhow::Ok(command)
        };
        let key = answer(command(&["keys", "create", "--environment", "sandbox", "--json"])?)?;
        if let Some(receiver) = setup.receiver {
            let webhook = ["webhooks", "create", "--environment", "sandbox", "--json", "--url"];
            answer(command(&[&webhook[..], &[receiver]].concat())?)?;
        }
        let mut serve = command(&["serve", "--listen", "127.0.0.1:0"])?;
        serve.env("VINCULO_LOG", "error");
        let text =
            |name: &str| Ok::<_, anyhow::Error>(key[name].as_str().context("no key")?.into());
        let (id, password) = (text("secret_id")?, text("secret_password")?);
        Ok(Self { id, password, process: Process::start(serve)?, folder })
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.process.url
    }

    /// Folder of the embedded database and of the master key.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Resident memory of the server, KiB.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        Ok(number.context("no VmRSS")?.parse()?)
    }
}

fn binary() -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("vinculo");
    ensure!(beside.exists(), "build it first: cargo build --release");
    Ok(beside)
}

fn answer(mut command: Command) -> anyhow::Result<Value> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "a command failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}
