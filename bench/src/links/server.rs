//! The measured server: a child process on a fresh installation.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;

/// A running `vinculo serve`.
pub(crate) struct Server {
    /// Where it answers.
    pub(crate) url: String,
    /// Secret ID.
    pub(crate) id: String,
    /// Secret Password.
    pub(crate) password: String,
    child: Child,
    _folder: TempDir,
}

impl Server {
    /// Makes an installation whose webhooks go to `receiver`, and serves it.
    pub(crate) fn start(receiver: &str, postgres: Option<&str>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(binary()?);
            command.args(arguments).arg("--data-dir").arg(folder.path());
            command.env("VINCULO_WEBHOOK_ALLOW_PRIVATE", "true");
            if let Some(url) = postgres {
                command.args(["--database-url", url]);
            }
            anyhow::Ok(command)
        };
        let key = answer(command(&["keys", "create", "--environment", "sandbox", "--json"])?)?;
        let webhook = ["webhooks", "create", "--environment", "sandbox", "--json", "--url"];
        answer(command(&[&webhook[..], &[receiver]].concat())?)?;
        let mut child = command(&["serve", "--listen", "127.0.0.1:0"])?
            .env("VINCULO_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("no output")?;
        let line = BufReader::new(stdout).lines().next().context("the server ended")??;
        let url = line.strip_prefix("listening on ").context("unexpected first line")?;
        let text =
            |name: &str| Ok::<_, anyhow::Error>(key[name].as_str().context("no key")?.into());
        Ok(Self {
            url: url.to_owned(),
            id: text("secret_id")?,
            password: text("secret_password")?,
            child,
            _folder: folder,
        })
    }

    /// Resident memory of the server, KiB.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        Ok(number.context("no VmRSS")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The folder goes next; nothing of the server is worth keeping.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
