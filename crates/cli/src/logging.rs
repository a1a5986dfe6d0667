//! The log, on standard error.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};
use vinculo_server::traces::TARGET;

use crate::args::{LogFormat, Logging};
use crate::traces::Traces;

/// Migrations are announced by the command that is about them.
const DEFAULT: &str = "info,refinery_core=warn";

/// What these say below a warning names where they connect to, receivers of webhooks too; notices of
/// PostgreSQL are about tables that are there already.
const QUIET: [&str; 6] = ["hyper", "hyper_util", "postgres", "reqwest", "rustls", "tokio_postgres"];

/// Its errors name a receiver and quote the receiver's certificate. That a try failed because of it is
/// told with the try.
const MUTE: &str = "rustls_platform_verifier=off";

/// Starts the log, and beside it the traces, if there are any.
pub(crate) fn start(options: &Logging, traces: Option<&Traces>) -> anyhow::Result<()> {
    let filter = filter(options.log.as_deref().unwrap_or(DEFAULT))?;
    if let Some(traces) = traces {
        return start_both(options, filter, traces);
    }
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A line that cannot be written is lost: to say so there would panic.
    let log = log.with_ansi(std::io::stderr().is_terminal()).log_internal_errors(false);
    let started = match options.log_format.unwrap_or_default() {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("log: {error}"))
}

/// Starts both, each with a filter of its own: that costs every line a little more.
fn start_both(options: &Logging, filter: EnvFilter, traces: &Traces) -> anyhow::Result<()> {
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = log.with_ansi(std::io::stderr().is_terminal()).log_internal_errors(false);
    let log = match options.log_format.unwrap_or_default() {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    let both = tracing_subscriber::registry().with(log.with_filter(filter)).with(traces.layer());
    both.try_init().map_err(|error| anyhow::anyhow!("log: {error}"))
}

/// What was asked for, of the quiet ones no more than warnings, and of the mute one nothing.
fn filter(asked: &str) -> anyhow::Result<EnvFilter> {
    let mut filter = EnvFilter::try_new(asked).with_context(|| format!("log filter {asked:?}"))?;
    // A filter of spans or fields is none of targets.
    let targets: Option<Targets> = asked.parse().ok();
    for name in QUIET {
        if targets.as_ref().is_none_or(|asked| asked.would_enable(name, &Level::INFO)) {
            filter = filter.add_directive(format!("{name}=warn").parse()?);
        }
    }
    let traces = format!("{TARGET}=off").parse()?;
    Ok(filter.add_directive(MUTE.parse()?).add_directive(traces))
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn the_quiet_ones_say_no_more_than_was_asked_for() {
        for (asked, hyper, reqwest) in [
            ("info", "warn", "warn"),
            ("trace", "warn", "warn"),
            ("trace,reqwest=error", "warn", "error"),
            ("info,reqwest=debug", "warn", "warn"),
            ("error", "error", "error"),
            ("off", "off", "off"),
            ("[span{field=1}]=info", "warn", "warn"),
        ] {
            let filter = filter(asked).expect("a filter").to_string();
            let of = |name: &str| {
                let named =
                    filter.split(',').find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
                named.unwrap_or(asked).to_owned()
            };
            assert_eq!([of("hyper"), of("reqwest")], [hyper, reqwest], "{asked}: {filter}");
            assert_eq!([of("postgres"), of("rustls_platform_verifier")], [hyper, "off"], "{asked}");
        }
    }
}
