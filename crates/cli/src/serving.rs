//! A running server: listener, runner, and the simulated operator inside the same process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vinculo_operator::Operator;
use vinculo_server::clock::{Clock as _, SystemClock};
use vinculo_server::jobs::Runner;
use vinculo_server::{App, Tls, serve_metrics};

use crate::print::tell;

/// How long open connections, and what their requests began, may take to end at shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// Why a process ends that nobody has told to.
pub(crate) const RUNNER_ENDED: &str = "what works off the jobs has ended by a fault: see the log";

/// The simulated operator on a loopback port of its own.
pub(crate) struct InnerOperator {
    /// Where it answers.
    pub(crate) url: String,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl InnerOperator {
    /// Starts it.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let stop = CancellationToken::new();
        let operator = Operator::new(Arc::new(|| SystemClock.now()));
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(vinculo_operator::serve(listener, operator, stopped));
        Ok(Self { url, stop, task })
    }

    async fn stop(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(GRACE, self.task).await;
    }
}

/// The address of the simulated operator, and the one inside this process when none is given.
pub(crate) async fn sandbox(
    url: Option<String>,
) -> anyhow::Result<(String, Option<InnerOperator>)> {
    if let Some(url) = url {
        return Ok((url, None));
    }
    let inner = InnerOperator::start().await?;
    Ok((inner.url.clone(), Some(inner)))
}

/// The task that works off jobs, where there is one.
struct RunnerTask(Option<JoinHandle<()>>);

impl RunnerTask {
    /// Ends when it has; never without one.
    async fn ended(&mut self) {
        match &mut self.0 {
            Some(task) => {
                let _ = task.await;
                self.0 = None;
            }
            None => std::future::pending().await,
        }
    }
}

/// What goes on beside the requests, and without any.
pub(crate) struct Background {
    app: App,
    /// Where operators watch it.
    watched: Option<SocketAddr>,
    metrics: Option<JoinHandle<std::io::Result<()>>>,
    runner: RunnerTask,
    operator: Option<InnerOperator>,
}

impl Background {
    /// Shows what there is to watch on a listener; with `worker`, works off jobs until `stop`.
    pub(crate) async fn start(
        app: App,
        watched: Option<TcpListener>,
        worker: bool,
        operator: Option<InnerOperator>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let runner = if worker { Some(start_runner(&app, stop).await?) } else { None };
        let runner = RunnerTask(runner);
        let (metrics, watched) = match watched {
            Some(listener) => {
                let (address, app) = (listener.local_addr()?, app.clone());
                let stopped = stop.clone().cancelled_owned();
                let serve = async move { serve_metrics(&app, listener, stopped).await };
                (Some(tokio::spawn(serve)), Some(address))
            }
            None => (None, None),
        };
        Ok(Self { app, watched, metrics, runner, operator })
    }

    /// Says where operators watch it.
    pub(crate) fn tell_watched(&self) {
        if let Some(address) = self.watched {
            tell(format_args!("metrics on http://{address}/metrics"));
        }
    }

    /// Ends when nobody works off jobs any more that was to: before it is told to stop, by a fault.
    pub(crate) async fn runner_ended(&mut self) {
        self.runner.ended().await;
    }

    /// Lets end what was begun, for so long.
    pub(crate) async fn finish_work(&self) {
        let _ = tokio::time::timeout(GRACE, self.app.finish_work()).await;
    }

    /// Waits for the runner, which was told to stop, and closes the database.
    pub(crate) async fn end(self) {
        if let Some(runner) = self.runner.0 {
            let _ = runner.await;
        }
        if let Some(metrics) = self.metrics {
            metrics.abort();
        }
        if let Some(operator) = self.operator {
            operator.stop().await;
        }
        self.app.store().clone().close().await;
    }
}

/// A server that takes requests.
pub(crate) struct Serving {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    pub(crate) background: Background,
    stop: CancellationToken,
    http: JoinHandle<()>,
}

impl Serving {
    /// Serves `app` on `listener`, inside TLS when there is a certificate, and its metrics on another
    /// one; with `worker`, works off its jobs too.
    pub(crate) async fn start(
        app: App,
        (listener, tls, watched): (TcpListener, Option<Tls>, Option<TcpListener>),
        worker: bool,
        operator: Option<InnerOperator>,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let (served, stopped) = (app.clone(), stop.clone().cancelled_owned());
        let background = Background::start(app, watched, worker, operator, &stop).await?;
        let http = async move {
            match tls {
                Some(tls) => vinculo_server::serve_tls(&served, listener, &tls, stopped).await,
                None => vinculo_server::serve(&served, listener, stopped).await,
            }
        };
        Ok(Self { address, background, stop, http: tokio::spawn(http) })
    }

    /// Stops taking requests and jobs, lets what runs end, closes the database.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let ended = async {
            let _ = self.http.await;
            self.background.app.finish_work().await;
        };
        let _ = tokio::time::timeout(GRACE, ended).await;
        self.background.end().await;
    }
}

async fn start_runner(app: &App, stop: &CancellationToken) -> anyhow::Result<JoinHandle<()>> {
    let Some(runner) = Runner::claim(app.clone()).await.context("runner")? else {
        bail!(
            "another process works off the jobs of this data folder, and only one may; beside it, serve with --no-worker"
        );
    };
    Ok(tokio::spawn(runner.run(stop.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_runner_that_fails_has_ended_and_one_that_is_not_there_never_does() {
        let task = tokio::spawn(std::future::pending());
        task.abort();
        let mut runner = RunnerTask(Some(task));
        runner.ended().await;
        let has_ended = tokio::select! {
            biased;
            () = runner.ended() => true,
            () = std::future::ready(()) => false,
        };
        assert!(!has_ended);
    }
}
