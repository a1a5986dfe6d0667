//! `vinculo serve`

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use vinculo_server::Tls;
use vinculo_server::config::{Config, SourceConfig};

use crate::args::Serve;
use crate::installation::Installation;
use crate::logging;
use crate::operators::production;
use crate::print::tell;
use crate::serving::{Serving, sandbox};

const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(options: Serve) -> anyhow::Result<ExitCode> {
    logging::start(&options.work.logging)?;
    let production = production(&options.work.sources)?;
    let tls = options.tls.open()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let address = options.server.listen.unwrap_or(LISTEN);
    let listener = runtime.block_on(listen(address))?;
    let watched =
        options.work.watching.metrics_listen.map(|address| runtime.block_on(listen(address)));
    let watched = watched.transpose()?;
    let installation = Installation::open_or_make(&options.work.database, &options.work.pool)?;
    runtime.block_on(serve(options, installation, (listener, tls, watched), production))?;
    Ok(ExitCode::SUCCESS)
}

/// Listens where operators or clients are told to come.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn serve(
    options: Serve,
    installation: Installation,
    (listener, tls, watched): (TcpListener, Option<Tls>, Option<TcpListener>),
    production: Vec<SourceConfig>,
) -> anyhow::Result<()> {
    let asked = asked_to_stop()?;
    let (url, operator) = sandbox(options.work.sources.sandbox_operator_url.clone()).await?;
    let config = Config {
        production,
        public_url: options.server.public_url,
        ..options.http.apply(options.work.apply(installation.config(url)))
    };
    let worker = !options.server.no_worker.unwrap_or(false);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let app = installation.app(config)?;
    let base = app.config().public_url.clone();
    let set_up = vinculo_server::set_up_link(&app).await.map_err(|it| anyhow!(it.told()))?;
    let serving = Serving::start(app, (listener, tls, watched), worker, operator).await?;
    let own = format!("{scheme}://{}", serving.address);
    tell(format_args!("listening on {own}"));
    serving.background.tell_watched();
    if let Some(path) = set_up {
        let base = base.map_or(own, String::from);
        tell("nobody can sign in yet; set up the first user, once, within two days:");
        tell(format_args!("{}{path}", base.trim_end_matches('/')));
    }
    asked.await;
    tracing::info!("stopping");
    serving.stop().await;
    Ok(())
}

/// Ends at SIGTERM or SIGINT; hears them from now on.
pub(crate) fn asked_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
