//! `vinculo serve`

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tokio::net::TcpListener;
use vinculo_server::Tls;
use vinculo_server::config::{Config, SourceConfig};

use crate::args::{Mode, Serve, Worker};
use crate::installation::{EXPOSED, Installation, home, mode, target};
use crate::logging;
use crate::operators::production;
use crate::print::tell;
use crate::serving::{RUNNER_ENDED, Serving, sandbox};
use crate::signals::Signals;
use crate::traces::Traces;

const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(options: Serve) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    let traces = Traces::start(&options.work.traces, "serve", runtime.handle())?;
    logging::start(&options.work.logging, traces.as_ref())?;
    let production = production(&options.work.sources)?;
    if let Some(url) = &options.server.public_url {
        refuse_no_base(url)?;
    }
    let tls = options.tls.open()?;
    let address = options.server.listen.unwrap_or(LISTEN);
    let listener = runtime.block_on(listen(address))?;
    let watched =
        options.work.watching.metrics_listen.map(|address| runtime.block_on(listen(address)));
    let watched = watched.transpose()?;
    let installation = Installation::open_or_make(&options.work.database, &options.work.pool)?;
    warn(&options.work)?;
    let served = serve(options, installation, (listener, tls, watched), (production, traces));
    let served = runtime.block_on(served);
    // Nobody waits for what did not end in time.
    runtime.shutdown_background();
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Fails unless it is where the paths of the server begin: pages and cookies are of the whole host.
pub(crate) fn refuse_no_base(url: &url::Url) -> anyhow::Result<()> {
    let is_base = matches!(url.scheme(), "http" | "https") && url.path() == "/";
    if is_base && url.query().is_none() && url.fragment().is_none() {
        return Ok(());
    }
    bail!(
        "VINCULO_PUBLIC_URL: {url} is no base URL: http or https and a host, without a path, ? and #"
    )
}

/// Says what starts and is seldom meant.
pub(crate) fn warn(options: &Worker) -> anyhow::Result<()> {
    let target = target(&options.database)?;
    let home = home(&options.database, &target);
    let key_file = options.database.master_key_file.as_deref();
    for path in [Some(&*home), key_file].into_iter().flatten() {
        // A folder that is not there is made, and closed, by the first who needs it.
        if let Ok((mode, true)) = mode(path) {
            tracing::warn!("{}, {mode:o}: others may look inside", path.display());
        }
    }
    let production = options.database.mode.unwrap_or_default() == Mode::Production;
    if production && options.outgoing.webhook_allow_private == Some(true) {
        tracing::warn!(
            "VINCULO_WEBHOOK_ALLOW_PRIVATE: receivers may be this network's own machines"
        );
    }
    if production && target.is_exposed() {
        tracing::warn!("{EXPOSED}: VINCULO_DATABASE_URL has no sslmode=verify-full");
    }
    for name in options.sources.given_and_not_asked() {
        tracing::warn!("{name} is given, and VINCULO_SOURCE_PRODUCTION does not name its source");
    }
    Ok(())
}

/// Listens where operators or clients are told to come.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn serve(
    options: Serve,
    installation: Installation,
    (listener, tls, watched): (TcpListener, Option<Tls>, Option<TcpListener>),
    (production, traces): (Vec<SourceConfig>, Option<Traces>),
) -> anyhow::Result<()> {
    let mut signals = Signals::hear()?;
    let (url, operator) = sandbox(options.work.sources.sandbox_operator_url.clone()).await?;
    let config = Config {
        production,
        public_url: options.server.public_url,
        lost_spans: traces.as_ref().map(Traces::lost).unwrap_or_default(),
        ..options.http.apply(options.work.apply(installation.config(url)))
    };
    let worker = !options.server.no_worker.unwrap_or(false);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let app = installation.app(config)?;
    let base = app.config().public_url.clone();
    let set_up = vinculo_server::set_up_link(&app).await.map_err(|it| anyhow!(it.told()))?;
    let delay = Duration::from_secs(options.server.stop_delay.unwrap_or(0).into());
    let stopping = app.clone();
    let mut serving = Serving::start(app, (listener, tls, watched), worker, operator).await?;
    let own = format!("{scheme}://{}", serving.address);
    tell(format_args!("listening on {own}"));
    serving.background.tell_watched();
    if let Some(path) = set_up {
        let base = base.map_or(own, String::from);
        tell("nobody can sign in yet; set up the first user, once, within two days:");
        tell(format_args!("{}{path}", base.trim_end_matches('/')));
    }
    let is_over = tokio::select! {
        () = signals.next() => false,
        () = serving.background.runner_ended() => true,
    };
    tracing::info!("stopping");
    if !delay.is_zero() {
        // Balancers see it, and send nobody more, before the listener is closed.
        stopping.announce_stop();
        signals.next_within(delay).await;
    }
    drop(stopping);
    let stopped = async {
        serving.stop().await;
        if let Some(traces) = traces {
            traces.end().await;
        }
    };
    signals.bound(stopped).await?;
    // Whoever supervises it starts another.
    if is_over {
        bail!(RUNNER_ENDED);
    }
    Ok(())
}
