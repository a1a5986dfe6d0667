//! The log, on standard error.

use std::io::{IsTerminal as _, Stderr};

use anyhow::Context as _;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt as _, Targets};
use tracing_subscriber::fmt::format::{DefaultFields, Format};
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, registry};
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
const MUTE: &str = "rustls_platform_verifier";

/// What is shown: what was asked for, and of that no more than [`quiet`] lets through.
struct Filters {
    /// What was asked for, where it says nothing of spans. Unlike [`EnvFilter`] it has no lock, which that
    /// takes for each span whenever it is entered and left.
    targets: Option<Targets>,
    /// The same, whatever it says.
    spans: EnvFilter,
    quiet: Targets,
}

/// Starts the log, and beside it the traces, if there are any.
pub(crate) fn start(options: &Logging, traces: Option<&Traces>) -> anyhow::Result<()> {
    let Filters { targets, spans, quiet } = filters(options.log.as_deref().unwrap_or(DEFAULT))?;
    let started = match targets {
        Some(targets) => start_with(options, targets, quiet, traces),
        None => start_with(options, spans, quiet, traces),
    };
    started.map_err(|error| anyhow::anyhow!("log: {error}"))
}

fn start_with<F>(
    options: &Logging,
    asked: F,
    quiet: Targets,
    traces: Option<&Traces>,
) -> Result<(), TryInitError>
where
    F: Layer<Registry> + Filter<Registry> + Send + Sync,
{
    let format = options.log_format.unwrap_or_default();
    let Some(traces) = traces else {
        let filtered = registry().with(asked).with(quiet);
        return match format {
            LogFormat::Text => filtered.with(lines()).try_init(),
            LogFormat::Json => filtered.with(lines().json()).try_init(),
        };
    };
    // Each has a filter of its own: that costs every line a little more.
    let log = match format {
        LogFormat::Text => lines::<Registry>().boxed(),
        LogFormat::Json => lines::<Registry>().json().boxed(),
    };
    let log = log.with_filter(asked.and(quiet));
    registry().with(log).with(traces.layer()).try_init()
}

fn lines<S>() -> fmt::Layer<S, DefaultFields, Format, fn() -> Stderr>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let lines = fmt::layer().with_writer(std::io::stderr as fn() -> Stderr);
    // A line that cannot be written is lost: to say so there would panic.
    lines.with_ansi(std::io::stderr().is_terminal()).log_internal_errors(false)
}

fn filters(asked: &str) -> anyhow::Result<Filters> {
    let spans = EnvFilter::try_new(asked).with_context(|| format!("log filter {asked:?}"))?;
    let quiet = quiet(spans.max_level_hint().unwrap_or(LevelFilter::TRACE));
    // Both write what they have understood. A span in brackets is a target to the one.
    let same = |targets: &Targets| !asked.contains('[') && targets.to_string() == spans.to_string();
    let targets = asked.parse().ok().filter(same);
    Ok(Filters { targets, spans, quiet })
}

/// Of the quiet ones and all their modules warnings at most, of the mute one and of traces nothing, and
/// everything of others, which is this loud at the most.
fn quiet(loudest: LevelFilter) -> Targets {
    let quiet = QUIET.map(|name| (name, LevelFilter::WARN.min(loudest)));
    let mute = [MUTE, TARGET].map(|name| (name, LevelFilter::OFF));
    Targets::new().with_default(loudest).with_targets(quiet).with_targets(mute)
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;
    use tracing::{Level, enabled, info_span};

    use super::*;

    /// The loudest that is shown of a target.
    macro_rules! loudest {
        ($target:literal) => {{
            let shown = [
                enabled!(target: $target, Level::ERROR),
                enabled!(target: $target, Level::WARN),
                enabled!(target: $target, Level::INFO),
                enabled!(target: $target, Level::DEBUG),
                enabled!(target: $target, Level::TRACE),
            ];
            let levels = ["off", "error", "warn", "info", "debug", "trace"];
            levels[shown.into_iter().filter(|shown| *shown).count()]
        }};
    }

    /// What is shown of the program, of what is quiet, and of what is mute.
    fn shown() -> ([&'static str; 5], [&'static str; 2]) {
        let _inside = info_span!("span", field = 1).entered();
        let quiet = [
            loudest!("vinculo_server"),
            loudest!("hyper"),
            loudest!("hyper_util::client::legacy::pool"),
            loudest!("reqwest::connect"),
            loudest!("tokio_postgres"),
        ];
        (quiet, [loudest!("rustls_platform_verifier::verification"), loudest!("vinculo_trace")])
    }

    #[test]
    fn the_quiet_ones_say_no_more_than_was_asked_for() {
        let (only, spans) = (true, false);
        for (asked, about, own, [hyper, pool, reqwest, postgres]) in [
            ("info", only, "info", ["warn"; 4]),
            ("trace", only, "trace", ["warn"; 4]),
            ("TRACE,reqwest=error", only, "trace", ["warn", "warn", "error", "warn"]),
            ("info,reqwest=debug", only, "info", ["warn"; 4]),
            ("info,hyper_util::client=trace", only, "info", ["warn"; 4]),
            ("error,hyper_util::client=trace", only, "error", ["error", "warn", "error", "error"]),
            ("off,hyper_util::client=error", only, "off", ["off", "error", "off", "off"]),
            ("reqwest,vinculo_server=debug", only, "debug", ["off", "off", "warn", "off"]),
            ("error,rustls_platform_verifier::verification", only, "error", ["error"; 4]),
            ("error", only, "error", ["error"; 4]),
            ("off", only, "off", ["off"; 4]),
            ("[span]=trace", spans, "trace", ["warn"; 4]),
            ("off,hyper_util::client[span]=trace", spans, "off", ["off"; 4]),
            ("error,[span{field=1}]=info", spans, "info", ["warn"; 4]),
            ("error,[span{field=2}]=info", spans, "error", ["error"; 4]),
        ] {
            let Filters { targets, spans, quiet } = filters(asked).expect("a filter");
            assert_eq!(targets.is_some(), about, "{asked}");
            let found = match targets {
                Some(targets) => with_default(registry().with(targets).with(quiet), shown),
                None => with_default(registry().with(spans).with(quiet), shown),
            };
            assert_eq!(found, ([own, hyper, pool, reqwest, postgres], ["off"; 2]), "{asked}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for asked in ["info=loud", "a=b=c", "[span", "info, hyper=warn"] {
            assert!(filters(asked).is_err(), "{asked}");
        }
    }
}
