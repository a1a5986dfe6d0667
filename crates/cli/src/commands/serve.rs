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
use crate::serving::{InnerOperator, Serving};

const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(options: Serve) -> anyhow::Result<ExitCode> {
    logging::start(&options.logging)?;
    let production = production(&options.sources)?;
    let tls = options.tls.open()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let address = options.server.listen.unwrap_or(LISTEN);
    let listener = runtime.block_on(listen(address))?;
    let watched = options.watching.metrics_listen.map(|address| runtime.block_on(listen(address)));
    let watched = watched.transpose()?;
    let installation = Installation::open(&options.database)?;
    runtime.block_on(serve(options, installation, (listener, tls, watched), production))?;
    Ok(ExitCode::SUCCESS)
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn serve(
    options: Serve,
    installation: Installation,
    (listener, tls, watched): (TcpListener, Option<Tls>, Option<TcpListener>),
    production: Vec<SourceConfig>,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (url, operator) = match options.sources.sandbox_operator_url {
        Some(url) => (url, None),
        None => {
            let inner = InnerOperator::start().await?;
            (inner.url.clone(), Some(inner))
        }
    };
    let config =
        Config {
            production,
            public_url: options.server.public_url,
            ..options.watching.apply(options.cohorts.apply(
                options.keeping.apply(
                    options.egress.apply(
                        options.outgoing.apply(
                            options.terms.apply(options.http.apply(installation.config(url))),
                        ),
                    ),
                ),
            ))
        };
    let worker = !options.server.no_worker.unwrap_or(false);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let app = installation.app(config)?;
    let base = app.config().public_url.clone();
    let set_up = vinculo_server::set_up_link(&app).await.map_err(|it| anyhow!(it.told()))?;
    let serving = Serving::start(app, (listener, tls, watched), worker, operator).await?;
    let own = format!("{scheme}://{}", serving.address);
    tell(format_args!("listening on {own}"));
    if let Some(address) = serving.watched {
        tell(format_args!("metrics on http://{address}/metrics"));
    }
    if let Some(path) = set_up {
        let base = base.map_or(own, String::from);
        tell("nobody can sign in yet; set up the first user, once, within two days:");
        tell(format_args!("{}{path}", base.trim_end_matches('/')));
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    serving.stop().await;
    Ok(())
}
