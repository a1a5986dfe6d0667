//! The log, on standard error.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, Logging};

/// Migrations are announced by the command that is about them.
const DEFAULT: &str = "info,refinery_core=warn";

/// What these say below a warning names where they connect to, receivers of webhooks too; notices of
/// PostgreSQL are about tables that are there already.
const QUIET: [&str; 5] = ["hyper", "hyper_util", "reqwest", "rustls", "tokio_postgres"];

/// Starts the log.
pub(crate) fn start(options: &Logging) -> anyhow::Result<()> {
    let filter = options.log.as_deref().unwrap_or(DEFAULT);
    let mut filter =
        EnvFilter::try_new(filter).with_context(|| format!("log filter {filter:?}"))?;
    for name in QUIET {
        filter = filter.add_directive(format!("{name}=warn").parse()?);
    }
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(std::io::stderr().is_terminal());
    let started = match options.log_format.unwrap_or_default() {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("log: {error}"))
}
