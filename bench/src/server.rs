//! A measured server: a child process on a fresh installation.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::machine::taken_by;

/// A child process that answers HTTP until this is dropped.
pub struct Process {
    /// Where it answers.
    pub url: String,
    child: Child,
}

/// A fresh installation with a key for one environment, on which servers are started.
pub struct Installation {
    /// Secret ID of that key.
    pub id: String,
    /// Secret Password.
    pub password: String,
    binary: PathBuf,
    folder: TempDir,
    postgres: Option<String>,
    variables: Vec<(String, String)>,
}

/// A running `vinculo serve`.
pub struct Server {
    /// Secret ID of that key.
    pub id: String,
    /// Secret Password.
    pub password: String,
    // Ends before its folder goes.
    process: Process,
    installation: Installation,
}

/// Which server is measured.
#[derive(Clone, Copy, Default)]
pub struct Setup<'a> {
    /// Where webhooks go.
    pub receiver: Option<&'a str>,
    /// An empty PostgreSQL database instead of SQLite.
    pub postgres: Option<&'a str>,
    /// A key and a receiver for production instead of the sandbox.
    pub production: bool,
    /// More of its configuration, as variables.
    pub variables: &'a [(&'a str, &'a str)],
    /// The `vinculo` to run; the one built beside this program when `None`.
    pub binary: Option<&'a Path>,
    /// Where to make its folder; among the temporary ones when `None`.
    pub within: Option<&'a Path>,
}

impl Process {
    /// Starts a command that says `listening on URL` in a line of its own.
    ///
    /// # Errors
    /// When it cannot be started or says something else.
    pub fn start(command: Command) -> anyhow::Result<Self> {
        Self::start_saying("listening on ", command)
    }

    /// Starts a command that says something in a line that begins so; the rest of it is its address.
    fn start_saying(words: &str, mut command: Command) -> anyhow::Result<Self> {
        let child = command.stdout(Stdio::piped()).spawn()?;
        let mut process = Self { url: String::new(), child };
        let stdout = process.child.stdout.take().context("no output")?;
        for line in BufReader::new(stdout).lines() {
            if let Some(url) = line?.strip_prefix(words) {
                url.clone_into(&mut process.url);
                return Ok(process);
            }
        }
        anyhow::bail!("the server ended")
    }

    /// Time of the processor that it has taken so far, in steps of 10 ms.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        taken_by(self.child.id(), 2)
    }

    /// Resident memory, KiB.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        resident_kib_of(self.child.id())
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal: `KILL`, `STOP`, `CONT`, `TERM`.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let kill = format!("kill -{name} {}", self.child.id());
        ensure!(Command::new("sh").args(["-c", &kill]).status()?.success(), "{kill} failed");
        Ok(())
    }

    /// `kill -9`; returns when the process is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop and waits until it has: how it ended.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal("TERM")?;
        Ok(self.child.wait()?)
    }

    /// Whether one that has ended did so with 0.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn stopped_well(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.wait()?.success())
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn runs(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing of the server is worth keeping.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Installation {
    /// Makes it.
    ///
    /// # Errors
    /// When the `vinculo` built beside this program does not do its part.
    pub fn new(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let folder = match setup.within {
            Some(within) => tempfile::tempdir_in(within)?,
            None => tempfile::tempdir()?,
        };
        let binary = setup.binary.map_or_else(binary, |path| Ok(path.to_owned()))?;
        let variables = setup.variables.iter();
        let mut made = Self {
            id: String::new(),
            password: String::new(),
            binary,
            folder,
            postgres: setup.postgres.map(str::to_owned),
            variables: variables.map(|&(name, value)| (name.into(), value.into())).collect(),
        };
        let environment = if setup.production { "production" } else { "sandbox" };
        let migrated = made.command(&["migrate"]).stdout(Stdio::null()).status()?;
        ensure!(migrated.success(), "vinculo migrate: {migrated}");
        (made.id, made.password) = made.key(environment)?;
        if let Some(receiver) = setup.receiver {
            let webhook = ["webhooks", "create", "--environment", environment, "--json", "--url"];
            answer(made.command(&[&webhook[..], &[receiver]].concat()))?;
        }
        Ok(made)
    }

    /// Makes another key, for an environment: its id and password.
    ///
    /// # Errors
    /// When the command fails.
    pub fn key(&self, environment: &str) -> anyhow::Result<(String, String)> {
        let key =
            answer(self.command(&["keys", "create", "--environment", environment, "--json"]))?;
        let text =
            |name: &str| Ok::<_, anyhow::Error>(key[name].as_str().context("no key")?.into());
        Ok((text("secret_id")?, text("secret_password")?))
    }

    /// The `vinculo` that it is served by.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// A command on it, with nothing of the caller's environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().args(arguments).arg("--data-dir").arg(self.folder());
        command.env("VINCULO_WEBHOOK_ALLOW_PRIVATE", "true").env("VINCULO_LOG", "error");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(url) = &self.postgres {
            command.args(["--database-url", url]);
        }
        command
    }

    /// A command that serves it on a free port.
    #[must_use]
    pub fn serve_command(&self) -> Command {
        self.command(&["serve", "--listen", "127.0.0.1:0"])
    }

    /// Serves it on a free port.
    ///
    /// # Errors
    /// When the server does not start.
    pub fn serve(&self) -> anyhow::Result<Process> {
        Process::start(self.serve_command())
    }

    /// Serves it as [`Self::serve`], but works off no jobs.
    ///
    /// # Errors
    /// When the server does not start.
    pub fn serve_only(&self) -> anyhow::Result<Process> {
        let mut command = self.serve_command();
        command.arg("--no-worker");
        Process::start(command)
    }

    /// Works off its jobs and deliveries, and serves nobody.
    ///
    /// # Errors
    /// When the worker does not start.
    pub fn work(&self) -> anyhow::Result<Process> {
        Process::start_saying("working", self.command(&["worker"]))
    }

    /// Runs the simulated operator in a process of its own, on a free port.
    ///
    /// # Errors
    /// When it does not start.
    pub fn operator(&self) -> anyhow::Result<Process> {
        let mut command = Command::new(&self.binary);
        command.env_clear().args(["operator", "--listen", "127.0.0.1:0"]);
        Process::start(command)
    }

    /// Folder of the embedded database and of the master key.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Server {
    /// Makes an installation with a key for the sandbox, and serves it.
    ///
    /// # Errors
    /// When the `vinculo` built beside this program does not do its part.
    pub fn start(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let installation = Installation::new(setup)?;
        let process = installation.serve()?;
        let (id, password) = (installation.id.clone(), installation.password.clone());
        Ok(Self { id, password, process, installation })
    }

    /// The installation and the process, for whoever ends the one and goes on with the other.
    #[must_use]
    pub fn split(self) -> (Installation, Process) {
        (self.installation, self.process)
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

    /// The peer: a process with one route that checks the key as this server does and answers these bytes from
    /// memory. It is the role `bare` of the benchmark `read`.
    ///
    /// # Errors
    /// When that is not built beside this program, or does not start.
    pub fn bare_route(&self, body: &[u8]) -> anyhow::Result<Process> {
        let page = self.folder().join("page.json");
        std::fs::write(&page, body)?;
        let mut command = Command::new(program_beside("read")?);
        command.arg("bare").arg(self.folder()).args(&self.installation.postgres);
        // As vinculo sets it for itself: the allocator gives memory back at once.
        command.env("MIMALLOC_PURGE_DELAY", "0");
        command.stdin(Stdio::from(std::fs::File::open(page)?));
        Process::start(command)
    }

    /// Folder of the embedded database and of the master key.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.installation.folder()
    }

    /// Resident memory of the server, KiB.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        self.process.resident_kib()
    }
}

/// The `vinculo` built beside this program.
///
/// # Errors
/// When there is none.
pub fn binary() -> anyhow::Result<PathBuf> {
    program_beside("vinculo")
}

fn program_beside(name: &str) -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name(name);
    ensure!(beside.exists(), "build {name} first: cargo build --release");
    Ok(beside)
}

/// Resident memory of a process, KiB.
///
/// # Errors
/// When there is none with this number.
pub fn resident_kib_of(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number.context("no VmRSS")?.parse()?)
}

fn answer(mut command: Command) -> anyhow::Result<Value> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "a command failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}
