//! Where options come from when no flag gives them: the environment (read by the command line
//! itself) and `vinculo.toml`. A key or variable nobody knows stops the start: it is a typing
//! error that would otherwise be a default in disguise.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::CommandFactory as _;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Arguments;

const DEFAULT_FILE: &str = "vinculo.toml";
const PREFIX: &str = "VINCULO_";
/// How the variable ends that names the address of a Service in every container of Kubernetes.
const SERVICE_HOST: &str = "_SERVICE_HOST";

/// The configuration file, every key of it known.
#[derive(Debug, Default)]
pub(crate) struct File {
    path: PathBuf,
    table: toml::Table,
}

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
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count() + 1);
            anyhow::anyhow!("configuration file {}: line {line}: not TOML", path.display())
        })?;
        let known = known(|arg| Some(arg.get_id().to_string()));
        let path = path.to_owned();
        if let Some(key) = table.keys().find(|key| !known.contains(*key)) {
            bail!("configuration file {}: unknown key {key:?}", path.display());
        }
        Ok(Self { path, table })
    }

    /// A group of options with what no flag and no variable gave.
    fn filled<T: Serialize + DeserializeOwned>(&self, given: &T) -> anyhow::Result<T> {
        let given = serde_json::to_value(given)?;
        let mut options = given.clone();
        let mut from_file = Vec::new();
        for (key, slot) in options.as_object_mut().into_iter().flatten() {
            if slot.is_null()
                && let Some(value) = self.table.get(key)
            {
                *slot = serde_json::to_value(value)?;
                from_file.push(key.clone());
            }
        }
        serde_json::from_value(options.clone()).map_err(|whole| {
            // The one that is refused alone, beside what flags and variables gave.
            let alone = from_file.iter().find_map(|key| {
                let mut one = given.clone();
                one[key] = options[key].clone();
                Some((key, serde_json::from_value::<T>(one).err()?))
            });
            let place = self.path.display();
            alone.map_or_else(
                || anyhow::anyhow!("configuration file {place}: {whole}"),
                |(key, why)| {
                    anyhow::anyhow!(
                        "configuration file {place}: {}",
                        told(key, &options[key], &why)
                    )
                },
            )
        })
    }
}

/// Options that the file can give.
pub(crate) trait Complete {
    /// Fills what no flag and no variable gave.
    ///
    /// # Errors
    /// When the file has a value that is none of its option.
    fn complete(&mut self, file: &File) -> anyhow::Result<()>;
}

/// Every group of options that the file knows by their names.
impl<T: Serialize + DeserializeOwned> Complete for T {
    fn complete(&mut self, file: &File) -> anyhow::Result<()> {
        *self = file.filled(self)?;
        Ok(())
    }
}

/// Says of what a command consists that the file can give: of these groups of options, or one of these
/// commands.
macro_rules! complete {
    ($options:ident { $($group:ident),* }) => {
        impl $crate::settings::Complete for $options {
            fn complete(&mut self, file: &$crate::settings::File) -> anyhow::Result<()> {
                $($crate::settings::Complete::complete(&mut self.$group, file)?;)*
                Ok(())
            }
        }
    };
    ($command:ident, $($name:ident)|+) => {
        impl $crate::settings::Complete for $command {
            fn complete(&mut self, file: &$crate::settings::File) -> anyhow::Result<()> {
                match self {
                    $(Self::$name(options) => $crate::settings::Complete::complete(options, file),)*
                }
            }
        }
    };
}
pub(crate) use complete;

/// A key with what is wrong with its value, which may be quoted unless it is a secret.
fn told(key: &str, value: &serde_json::Value, why: &serde_json::Error) -> String {
    let secrets = known(|arg| arg.is_hide_env_values_set().then(|| arg.get_id().to_string()));
    match secrets.contains(key) {
        true => format!("{key}: bad value"),
        false => format!("{key} = {value}: {why}"),
    }
}

/// A refusal of the command line that says where the value comes from, when a variable gave it and
/// no flag.
pub(crate) fn named(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = argument.split([' ', '=']).next().unwrap_or_default().to_owned();
    let is_given = |given: OsString| given.to_string_lossy().split('=').next() == Some(&flag);
    let variable = known(|arg| {
        let same = arg.get_long().is_some_and(|long| flag == format!("--{long}"));
        same.then(|| arg.get_env().map(|name| name.to_string_lossy().into_owned())).flatten()
    });
    let variable = variable.first().filter(|name| std::env::var_os(name).is_some());
    if let Some(variable) = variable
        && !std::env::args_os().any(is_given)
    {
        let tip = StyledStr::from(format!("the value is that of the variable {variable}"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// Stops on a `VINCULO_…` variable that no option reads, and that does not tell of a Service of Kubernetes.
pub(crate) fn refuse_unknown_variables() -> anyhow::Result<()> {
    let known = known(|arg| arg.get_env().map(|name| name.to_string_lossy().into_owned()));
    let given = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let given: Vec<_> = given.collect();
    let is_in_kubernetes = given.iter().any(|name| name == "KUBERNETES_SERVICE_HOST");
    let hosts = given.iter().filter_map(|name| name.strip_suffix(SERVICE_HOST));
    let services: Vec<_> = hosts.filter(|_| is_in_kubernetes).collect();
    // Tests of the program itself are told where their database is.
    let ours =
        given.iter().filter(|name| name.starts_with(PREFIX) && !name.starts_with("VINCULO_TEST_"));
    let unknown = ours
        .filter(|name| !known.contains(*name))
        .find(|name| !services.iter().any(|service| tells_of(service, name)));
    match unknown {
        Some(name) => bail!("unknown environment variable {name}"),
        None => Ok(()),
    }
}

/// Whether Kubernetes gives a variable to every container because there is a Service: `VINCULO_SERVICE_PORT_HTTP` or
/// `VINCULO_PORT_8080_TCP_ADDR` of a `VINCULO`.
fn tells_of(service: &str, variable: &str) -> bool {
    let Some(what) = variable.strip_prefix(service) else { return false };
    let mut of_ports = ["_SERVICE_PORT", "_PORT"].iter().filter_map(|port| what.strip_prefix(port));
    what == SERVICE_HOST || of_ports.any(|rest| rest.is_empty() || rest.starts_with('_'))
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    /// Shows every command below `of`, with the words it is called by.
    fn each<'a>(
        of: &'a clap::Command,
        words: &[&'a str],
        see: &mut dyn FnMut(&[&str], &clap::Command),
    ) {
        for command in of.get_subcommands() {
            let words = [words, &[command.get_name()]].concat();
            see(&words, command);
            each(command, &words, see);
        }
    }

    /// A call of the command with what it cannot do without.
    fn call(words: &[&str], command: &clap::Command) -> Arguments {
        let mut line: Vec<_> =
            ["vinculo"].iter().chain(words).map(|&word| word.to_owned()).collect();
        for arg in command.get_arguments().filter(|arg| arg.is_required_set()) {
            line.extend(arg.get_long().map(|long| format!("--{long}")));
            let value = match arg.get_id().as_str() {
                "environment" => "sandbox",
                "document" => "CC:1999000001",
                "role" => "owner",
                "id" if words[0] == "deliveries" => "7",
                "id" | "spool" => "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b",
                _ => "x",
            };
            line.push(value.to_owned());
        }
        if words == ["webhooks", "update"] {
            line.push("--all-types".to_owned());
        }
        Arguments::try_parse_from(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    #[test]
    fn a_command_passes_over_no_key_that_is_one_of_its_options() {
        let mut looked_at = 0;
        each(&Arguments::command(), &[], &mut |words, command| {
            let options = command.get_arguments().filter(|arg| arg.get_env().is_some());
            let keys: Vec<_> = options.map(|arg| arg.get_id().to_string()).collect();
            if keys.is_empty() {
                return;
            }
            let mut given = call(words, command);
            for key in keys {
                // No option is a table.
                let value = toml::Value::Table(toml::Table::new());
                let table = toml::Table::from_iter([(key.clone(), value)]);
                let file = File { path: "vinculo.toml".into(), table };
                let Err(refused) = given.command.complete(&file) else {
                    panic!("{words:?} passes over {key}");
                };
                let told = refused.to_string();
                let named = format!("configuration file vinculo.toml: {key}");
                assert!(told.starts_with(&named), "{words:?}: {told}");
                looked_at += 1;
            }
        });
        assert!(looked_at > 300, "{looked_at}");
    }
}
