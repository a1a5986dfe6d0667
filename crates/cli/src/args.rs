//! The command line. Every option can also be given by a `VINCULO_…` environment variable and a
//! key of `vinculo.toml`; flags win over the environment, the environment over the file.

mod audit;
mod care;
mod cohorts;
mod consents;
mod db;
mod http;
mod keys;
mod operator;
mod papers;
mod pila;
mod source_terms;
mod sources;
mod tls;
mod traces;
mod users;
mod watching;
mod webhooks;
mod worker;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use vinculo_pila::{Document, DocumentKind};

use crate::settings::{Complete, File, complete};

pub(crate) use audit::{Audit, ExportAudit, ReportSubject, Subjects, VerifyAudit};
pub(crate) use care::{
    Backup, Doctor, Keeping, Lost, Restore, Retention, RetentionOptions, Vault, VaultOptions,
};
pub(crate) use cohorts::{CohortLimits, Cohorts, CreateCohort, OneCohort};
pub(crate) use consents::{Consents, ListConsents, VerifyConsents};
pub(crate) use db::{CopyDatabase, Db};
pub(crate) use http::Http;
pub(crate) use keys::{ChangeKey, CreateKey, Keys, ListKeys, RotateKey};
pub(crate) use operator::{Export, Operator, OperatorCommand, OperatorListen};
pub(crate) use papers::{Completions, Man};
pub(crate) use pila::{CheckFiles, ImportFiles, Pila, ShowPerson, TakeOver};
pub(crate) use source_terms::Terms;
pub(crate) use sources::{AuthKind, Reach, SourceName, Sources};
pub(crate) use tls::TlsFiles;
pub(crate) use traces::Traces;
pub(crate) use users::{Organizations, Reached, Users};
pub(crate) use watching::{Room, Watching};
pub(crate) use webhooks::{
    CreateWebhook, Deliveries, Egress, Enable, Events, ListDeliveries, ListEvents, ListWebhooks,
    Outgoing, ReplayDelivery, ReplayWebhooks, RotateWebhook, Span, UpdateWebhook, Wanted,
    WebhookOptions, Webhooks,
};
pub(crate) use worker::{Pool, Worker};

/// Employment data for Colombia, from PILA, on your own machine.
#[derive(Debug, Parser)]
#[command(name = "vinculo", version, propagate_version = true)]
pub(crate) struct Arguments {
    /// Configuration file [default: vinculo.toml, when there is one]
    #[arg(long, global = true, env = "VINCULO_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play the whole guide in this terminal, on a database that is gone afterwards
    Demo,
    /// Serve the API and work off its jobs
    Serve(Box<Serve>),
    /// Work off the jobs of an installation and serve nothing
    Worker(Box<Worker>),
    /// Run the simulated PILA operator on its own
    Operator(Operator),
    /// API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Organizations, each with a sandbox and a production workspace
    #[command(subcommand)]
    Organizations(Organizations),
    /// People who sign in to the dashboard
    #[command(subcommand)]
    Users(Users),
    /// Webhook endpoints
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// Webhooks on their way
    #[command(subcommand)]
    Deliveries(Deliveries),
    /// What happened
    #[command(subcommand)]
    Events(Events),
    /// Planilla files
    #[command(subcommand)]
    Pila(Pila),
    /// People handed in together, of whom links are made
    #[command(subcommand)]
    Cohorts(Cohorts),
    /// People
    #[command(subcommand)]
    Subjects(Subjects),
    /// Who read or changed what
    #[command(subcommand)]
    Audit(Audit),
    /// Consents of people, and the chains of receipts that prove them
    #[command(subcommand)]
    Consents(Consents),
    /// The keys that open what is stored
    #[command(subcommand)]
    Vault(Vault),
    /// What is kept for a while only
    #[command(subcommand)]
    Retention(Retention),
    /// Copy the embedded database while it is in use, without the keys
    Backup(Backup),
    /// Make an embedded database from a backup
    Restore(Restore),
    /// The database as a whole
    #[command(subcommand)]
    Db(Db),
    /// Check an installation; exit 1 when something is wrong
    Doctor(Doctor),
    /// Bring the database to this version's schema
    Migrate(Database),
    /// Print the OpenAPI document of the API
    Openapi {
        /// Print a Postman collection instead, made from the document
        #[arg(long)]
        postman: bool,
    },
    /// Print every setting, as docs/REFERENCE.md
    Reference,
    /// Print a script that completes commands and options in a shell
    Completions(Completions),
    /// Write the pages of the manual
    Man(Man),
}

impl Complete for Command {
    fn complete(&mut self, file: &File) -> anyhow::Result<()> {
        match self {
            Self::Serve(options) => options.as_mut().complete(file),
            Self::Worker(options) => options.as_mut().complete(file),
            Self::Operator(options) => options.complete(file),
            Self::Keys(command) => command.complete(file),
            Self::Organizations(command) => command.complete(file),
            Self::Users(command) => command.complete(file),
            Self::Webhooks(command) => command.complete(file),
            Self::Deliveries(command) => command.complete(file),
            Self::Events(command) => command.complete(file),
            Self::Pila(command) => command.complete(file),
            Self::Cohorts(command) => command.complete(file),
            Self::Subjects(command) => command.complete(file),
            Self::Audit(command) => command.complete(file),
            Self::Consents(command) => command.complete(file),
            Self::Vault(command) => command.complete(file),
            Self::Retention(command) => command.complete(file),
            Self::Backup(options) => options.complete(file),
            Self::Restore(options) => options.complete(file),
            Self::Db(command) => command.complete(file),
            Self::Doctor(options) => options.complete(file),
            Self::Migrate(database) => database.complete(file),
            Self::Demo
            | Self::Openapi { .. }
            | Self::Reference
            | Self::Completions(_)
            | Self::Man(_) => Ok(()),
        }
    }
}

/// Which installation to open.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Database {
    /// Folder of the embedded database, of received files and of the development master key; made
    /// 0700. Processes on one PostgreSQL import the files that their own received [default: ./vinculo-data]
    #[arg(long, env = "VINCULO_DATA_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// `postgres://…` or `sqlite://FOLDER` [default: SQLite in the data folder]
    #[arg(long, env = "VINCULO_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// `production` refuses to start without a given master key [default: development]
    #[arg(long, env = "VINCULO_MODE", value_name = "MODE")]
    pub(crate) mode: Option<Mode>,
    /// File that holds the master key: 64 hexadecimal digits or base64 of 32 bytes; several as `1:…
    /// 2:…`, the highest is used for new keys
    #[arg(long, env = "VINCULO_MASTER_KEY_FILE", value_name = "FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Command that prints the master key as such a file has it, run by `sh -c` at every start
    #[arg(long, env = "VINCULO_MASTER_KEY_COMMAND", value_name = "COMMAND")]
    pub(crate) master_key_command: Option<String>,
    /// The master key itself, as such a file has it
    #[arg(long, env = "VINCULO_MASTER_KEY", hide = true, hide_env_values = true)]
    pub(crate) master_key: Option<Secret>,
}

/// A value that `Debug` does not show.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

/// How strict to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Makes a master key on first start.
    #[default]
    Development,
    /// Wants one given.
    Production,
}

/// `vinculo serve`
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) tls: TlsFiles,
    #[command(flatten)]
    pub(crate) http: Http,
    // Last, as in it what has a heading in the help: whatever follows would stand under that.
    #[command(flatten)]
    pub(crate) work: Worker,
}

complete!(Serve { work, server, tls, http });

/// How to serve.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Server {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "VINCULO_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Base URL under which clients reach the server: of `next` and `previous`, of links to the
    /// dashboard, and what its forms must come from; counts before what a proxy says [default: the
    /// Host header]
    #[arg(long, env = "VINCULO_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<url::Url>,
    /// Serve only; another process works off the jobs [default: false]
    #[arg(long, env = "VINCULO_NO_WORKER", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) no_worker: Option<bool>,
    /// Seconds after SIGTERM in which `/readyz` fails and requests are still taken; a second one ends them [default: 0]
    #[arg(long, env = "VINCULO_STOP_DELAY", value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(0..=3600))]
    pub(crate) stop_delay: Option<u16>,
}

/// What to log and how.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Logging {
    /// Filter of the log on standard error, such as `info` or `vinculo_server=debug`; of requests refused with 503, one in ten seconds is logged, with how many were not
    /// [default: info]
    #[arg(long, env = "VINCULO_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Form of the log [default: text]
    #[arg(long, env = "VINCULO_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// A document on the command line. `Debug` hides the number.
#[derive(Clone, Debug)]
pub(crate) struct DocumentArgument(pub(crate) Document);

impl std::str::FromStr for DocumentArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = || "expected KIND:NUMBER, such as CC:1999000001".to_owned();
        let (kind, number) = text.split_once(':').ok_or_else(wanted)?;
        let kind = DocumentKind::from_code(&kind.to_uppercase()).ok_or_else(|| {
            let known = DocumentKind::ALL.map(DocumentKind::code).join(", ");
            format!("unknown kind of document {kind:?}: expected one of {known}")
        })?;
        let number: String =
            number.chars().filter(|c| !matches!(c, '.' | '-') && !c.is_whitespace()).collect();
        if number.is_empty() || !number.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(wanted());
        }
        Ok(Self(Document::new(kind, number.to_uppercase())))
    }
}

/// Which half of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Environment {
    /// Answers from the simulated operator
    Sandbox,
    /// Answers from the configured sources
    Production,
}

impl From<Environment> for vinculo_store::Environment {
    fn from(environment: Environment) -> Self {
        match environment {
            Environment::Sandbox => Self::Sandbox,
            Environment::Production => Self::Production,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
