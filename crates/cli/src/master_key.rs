//! The master key: given by the environment, a file or a command, or made on the first start of a
//! development installation.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use vinculo_store::Target;
use vinculo_vault::{MasterKeys, Random};
use zeroize::Zeroizing;

use crate::args::{Database, Mode};

const FILE: &str = "master.key";

/// The master keys of an installation: those that somebody gave, or that of a development
/// installation, made when there is none and nothing at `target` that needs another one.
pub(crate) fn read(
    options: &Database,
    data_dir: &Path,
    target: &Target,
    random: &dyn Random,
) -> anyhow::Result<MasterKeys> {
    if let Some(keys) = given(options)? {
        return Ok(keys);
    }
    create_private(data_dir).with_context(|| format!("data folder {}", data_dir.display()))?;
    development(&development_file(data_dir), target, random)
}

/// The master keys that somebody gave; `None` in a development installation that makes its own.
///
/// # Errors
/// When two ways of giving them are used at once, what was given is no key, or production was given
/// none or a placeholder.
pub(crate) fn given(options: &Database) -> anyhow::Result<Option<MasterKeys>> {
    let keys = read_given(options)?;
    let production = options.mode.unwrap_or_default() == Mode::Production;
    if production && keys.as_ref().is_some_and(|keys| keys.current().is_placeholder()) {
        bail!(
            "the master key is a placeholder, every byte of it is the same: make one with `openssl rand \
             -hex 32`; where this one is in use, give both as 1:… 2:… and run `vinculo vault rotate`"
        );
    }
    Ok(keys)
}

fn read_given(options: &Database) -> anyhow::Result<Option<MasterKeys>> {
    let Database { master_key, master_key_file, master_key_command, .. } = options;
    match (master_key, master_key_file, master_key_command) {
        (Some(text), None, None) => {
            MasterKeys::parse(&text.0).map(Some).context("VINCULO_MASTER_KEY")
        }
        (None, Some(path), None) => from_file(path).map(Some),
        (None, None, Some(command)) => from_command(command).map(Some),
        (None, None, None) if options.mode.unwrap_or_default() == Mode::Production => bail!(
            "production needs a master key: give VINCULO_MASTER_KEY, VINCULO_MASTER_KEY_FILE or \
             VINCULO_MASTER_KEY_COMMAND"
        ),
        (None, None, None) => Ok(None),
        _ => bail!(
            "the master key is given twice: keep one of VINCULO_MASTER_KEY, \
             VINCULO_MASTER_KEY_FILE and VINCULO_MASTER_KEY_COMMAND"
        ),
    }
}

/// Where a development installation keeps the key it made.
pub(crate) fn development_file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// What a command prints, for keys that are kept by another program. What it says on standard error
/// goes to this process's.
fn from_command(command: &str) -> anyhow::Result<MasterKeys> {
    const NAME: &str = "VINCULO_MASTER_KEY_COMMAND";
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stderr(Stdio::inherit());
    // Passwords of databases and operators are no business of whatever it starts.
    let own = std::env::vars_os().map(|(name, _)| name);
    for name in own.filter(|name| name.to_string_lossy().starts_with("VINCULO_")) {
        shell.env_remove(name);
    }
    let done = shell.output().context(NAME)?;
    let printed = Zeroizing::new(done.stdout);
    if !done.status.success() {
        bail!("{NAME}: the command ended with {}", done.status);
    }
    let text = std::str::from_utf8(&printed).ok().with_context(|| format!("{NAME}: not text"))?;
    MasterKeys::parse(text).context(NAME)
}

pub(crate) fn from_file(path: &Path) -> anyhow::Result<MasterKeys> {
    let named = || format!("master key file {}", path.display());
    let text = Zeroizing::new(std::fs::read_to_string(path).with_context(named)?);
    MasterKeys::parse(&text).with_context(named)
}

/// Reads the key of a development installation, making it on the first start. Of two processes
/// that start at once, one makes it and the other reads it.
fn development(path: &Path, target: &Target, random: &dyn Random) -> anyhow::Result<MasterKeys> {
    let named = || format!("master key file {}", path.display());
    let is_there = || path.try_exists().with_context(named);
    if is_there()? {
        return from_file(path);
    }
    let is_filled = vinculo_store::look(target)?.is_filled();
    // Somebody who starts at the same moment makes the key first, and then what it opens.
    match (is_there()?, is_filled) {
        (true, _) => from_file(path),
        (false, false) => make(path, random),
        (false, true) => bail!(
            "{} is missing, and no other key opens what is here: put the copy of it back, or give \
             the key by VINCULO_MASTER_KEY_FILE",
            named()
        ),
    }
}

fn make(path: &Path, random: &dyn Random) -> anyhow::Result<MasterKeys> {
    let keys = MasterKeys::generate(random)?;
    let temporary = path.with_extension(format!("key.{}", std::process::id()));
    write_private(&temporary, &keys.to_text())?;
    // A link, unlike a rename, never replaces the key another process has just made.
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary).ok();
    match linked {
        Ok(()) => Ok(keys),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => from_file(path),
        Err(error) => Err(error).with_context(|| format!("master key file {}", path.display())),
    }
}

/// Makes a folder that only its owner can enter; one that is there already stays as it is.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let named = || format!("master key file {}", path.display());
    let mut file = options.open(path).with_context(named)?;
    file.write_all(text.as_bytes()).with_context(named)?;
    file.sync_all().with_context(named)
}
