//! The master key: given, or made on the first start of a development installation.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use vinculo_vault::{MasterKeys, Random};

use crate::args::{Database, Mode};

const FILE: &str = "master.key";

/// The master keys of an installation.
pub(crate) fn read(
    options: &Database,
    data_dir: &Path,
    random: &dyn Random,
) -> anyhow::Result<MasterKeys> {
    if let Some(text) = &options.master_key {
        return MasterKeys::parse(&text.0).context("VINCULO_MASTER_KEY");
    }
    if let Some(path) = &options.master_key_file {
        return from_file(path);
    }
    if options.mode.unwrap_or_default() == Mode::Production {
        bail!("production needs a master key: give VINCULO_MASTER_KEY or VINCULO_MASTER_KEY_FILE");
    }
    create_private(data_dir).with_context(|| format!("data folder {}", data_dir.display()))?;
    development(&data_dir.join(FILE), random)
}

fn from_file(path: &Path) -> anyhow::Result<MasterKeys> {
    let named = || format!("master key file {}", path.display());
    let text = std::fs::read_to_string(path).with_context(named)?;
    MasterKeys::parse(&text).with_context(named)
}

/// Reads the key of a development installation, making it on the first start. Of two processes
/// that start at once, one makes it and the other reads it.
fn development(path: &PathBuf, random: &dyn Random) -> anyhow::Result<MasterKeys> {
    if path.exists() {
        return from_file(path);
    }
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
