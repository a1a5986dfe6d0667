//! Where options come from when no flag gives them: the environment (read by the command line
//! itself) and `vinculo.toml`. A key or variable nobody knows stops the start: it is a typing
//! error that would otherwise be a default in disguise.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::CommandFactory as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Arguments;

const DEFAULT_FILE: &str = "vinculo.toml";
const PREFIX: &str = "VINCULO_";

/// The configuration file, every key of it known.
#[derive(Debug, Default)]
pub(crate) struct File(toml::Table);

impl File {
    /// Reads the named file, or the default one when it exists.
    pub(crate) fn read(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        if named.is_none() && !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("configuration file {}", path.display()))?;
        // The parser's message quotes the line it stumbled over, which may hold a secret.
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(0, |span| text[..span.start].lines().count().max(1));
            anyhow::anyhow!("configuration file {}: line {line}: not TOML", path.display())
        })?;
        let known = known(|arg| Some(arg.get_id().to_string()));
        if let Some(key) = table.keys().find(|key| !known.contains(*key)) {
            bail!("configuration file {}: unknown key {key:?}", path.display());
        }
        Ok(Self(table))
    }

    /// Fills what no flag and no variable gave.
    pub(crate) fn complete<T: Serialize + DeserializeOwned>(&self, given: T) -> anyhow::Result<T> {
        let mut options = serde_json::to_value(given)?;
        let mut from_file = Vec::new();
        for (key, slot) in options.as_object_mut().into_iter().flatten() {
            if slot.is_null()
                && let Some(value) = self.0.get(key)
            {
                *slot = serde_json::to_value(value)?;
                from_file.push(key.clone());
            }
        }
        serde_json::from_value(options)
            .map_err(|_| anyhow::anyhow!("configuration file: bad value among {from_file:?}"))
    }
}

/// Stops on a `VINCULO_…` variable that no option reads.
pub(crate) fn refuse_unknown_variables() -> anyhow::Result<()> {
    let known = known(|arg| arg.get_env().map(|name| name.to_string_lossy().into_owned()));
    let given = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    // Tests of the program itself are told where their database is.
    let unknown = given
        .filter(|name| name.starts_with(PREFIX) && !name.starts_with("VINCULO_TEST_"))
        .find(|name| !known.contains(name));
    match unknown {
        Some(name) => bail!("unknown environment variable {name}"),
        None => Ok(()),
    }
}

fn known(name: impl Fn(&clap::Arg) -> Option<String>) -> BTreeSet<String> {
    fn visit(
        command: &clap::Command,
        name: &impl Fn(&clap::Arg) -> Option<String>,
        into: &mut BTreeSet<String>,
    ) {
        // Only what the environment can give is configuration; the rest belongs to one call.
        let configurable = command.get_arguments().filter(|arg| arg.get_env().is_some());
        into.extend(configurable.filter_map(name));
        for sub in command.get_subcommands() {
            visit(sub, name, into);
        }
    }
    let mut all = BTreeSet::new();
    visit(&Arguments::command(), &name, &mut all);
    all
}
