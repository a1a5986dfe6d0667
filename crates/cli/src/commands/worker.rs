//! `vinculo worker`

use std::process::ExitCode;

use anyhow::bail;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vinculo_server::config::{Config, SourceConfig};

use super::serve::{listen, warn};
use crate::args::Worker;
use crate::installation::Installation;
use crate::logging;
use crate::operators::production;
use crate::print::tell;
use crate::serving::{Background, RUNNER_ENDED, sandbox};
use crate::signals::Signals;
use crate::traces::Traces;

/// Works off jobs until SIGTERM or SIGINT, and answers nobody but those who watch it.
pub(crate) fn run(options: Worker) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    let traces = Traces::start(&options.traces, "worker", runtime.handle())?;
    logging::start(&options.logging, traces.as_ref())?;
    let production = production(&options.sources)?;
    let watched = options.watching.metrics_listen.map(|address| runtime.block_on(listen(address)));
    let watched = watched.transpose()?;
    let installation = Installation::open_or_make(&options.database, &options.pool)?;
    warn(&options)?;
    let worked = runtime.block_on(work(options, installation, watched, (production, traces)));
    // Nobody waits for what did not end in time.
    runtime.shutdown_background();
    worked?;
    Ok(ExitCode::SUCCESS)
}

async fn work(
    options: Worker,
    installation: Installation,
    watched: Option<TcpListener>,
    (production, traces): (Vec<SourceConfig>, Option<Traces>),
) -> anyhow::Result<()> {
    let mut signals = Signals::hear()?;
    let (url, operator) = sandbox(options.sources.sandbox_operator_url.clone()).await?;
    let lost_spans = traces.as_ref().map(Traces::lost).unwrap_or_default();
    let config = Config { production, lost_spans, ..options.apply(installation.config(url)) };
    let app = installation.app(config)?;
    let stop = CancellationToken::new();
    let mut background = Background::start(app, watched, true, operator, &stop).await?;
    tell("working");
    background.tell_watched();
    let is_over = tokio::select! {
        () = signals.next() => false,
        () = background.runner_ended() => true,
    };
    tracing::info!("stopping");
    stop.cancel();
    let stopping = async {
        background.finish_work().await;
        background.end().await;
        if let Some(traces) = traces {
            traces.end().await;
        }
    };
    signals.bound(stopping).await?;
    // Whoever supervises it starts another.
    if is_over {
        bail!(RUNNER_ENDED);
    }
    Ok(())
}
