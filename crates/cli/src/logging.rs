//! The log, on standard error.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, Logging};

/// Migrations are announced by the command that is about them.
const DEFAULT: &str = "info,refinery_core=warn";

/// Starts the log.
pub(crate) fn start(options: &Logging) -> anyhow::Result<()> {
    let filter = options.log.as_deref().unwrap_or(DEFAULT);
    let filter = EnvFilter::try_new(filter).with_context(|| format!("log filter {filter:?}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(std::io::stderr().is_terminal());
    let started = match options.log_format.unwrap_or_default() {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("log: {error}"))
}
