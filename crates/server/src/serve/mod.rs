//! Serving over HTTP/1, plain or inside TLS: connections, and the limits on what comes before a
//! request is one.

mod head;
pub(crate) mod paced;
mod patient;
mod tls;
mod validity;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::client::OverTls;
use crate::keys::uses;
use crate::rest::Whole;
use crate::router::{Answered, Entrance};
use crate::{App, audit};

use head::{HeadTimer, Heard};
use patient::Patient;
pub use tls::{Tls, TlsError};

/// Largest request line and headers together, bytes.
const LARGEST_HEADER: usize = 64 * 1024;

/// How long to wait when the system has nothing left for another connection.
const EXHAUSTED: Duration = Duration::from_secs(1);

/// Serves the application on a listener until `stop` ends, then lets open requests end. Writes the
/// audit log meanwhile, and its end afterwards.
pub async fn serve(app: &App, listener: TcpListener, stop: impl Future<Output = ()> + Send) {
    run(app, listener, None, Box::pin(stop)).await;
}

/// As [`serve`], inside TLS.
pub async fn serve_tls(
    app: &App,
    listener: TcpListener,
    tls: &Tls,
    stop: impl Future<Output = ()> + Send,
) {
    run(app, listener, Some(tls), Box::pin(stop)).await;
}

type Boxed<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where what callers give is in a box, and so is what serves them: whoever called something generic would
/// compile all that connections do, and the command line is compiled to be small.
#[inline(never)]
fn run<'a>(
    app: &'a App,
    listener: TcpListener,
    tls: Option<&'a Tls>,
    stop: Boxed<'a>,
) -> Boxed<'a> {
    Box::pin(run_until(app, listener, tls, stop))
}

async fn run_until(app: &App, listener: TcpListener, tls: Option<&Tls>, mut stop: Boxed<'_>) {
    let entrance = Entrance::new(app);
    let mut http = http1::Builder::new();
    http.header_read_timeout(app.config().rest_timeout).max_header_size(LARGEST_HEADER);
    let (open, stopping) = (GracefulShutdown::new(), CancellationToken::new());
    let served = CancellationToken::new();
    let recorder = tokio::spawn(audit::record(app.clone(), served.clone()));
    let mut beside = pin!(look_after(app, tls));
    loop {
        let (stream, peer) = tokio::select! {
            // The clocks of what is done beside start before the first connection.
            biased;
            () = &mut stop => break,
            never = &mut beside => match never {},
            accepted = accept(&listener) => accepted,
        };
        let heard = Heard::default();
        let stream = Patient::new(stream, heard.clone(), app.config().answer_silence);
        let (entrance, serving) = (entrance.clone(), app.clone());
        let requests = Requests { entrance, app: serving, peer, over_tls: tls.is_some() };
        let (mut http, open) = (http.clone(), open.watcher());
        http.timer(HeadTimer::new(heard, app.config().header_timeout));
        let Some(tls) = tls else {
            tokio::spawn(converse(http, stream, requests, open));
            continue;
        };
        let handshake = timeout(app.config().handshake_timeout, tls.acceptor().accept(stream));
        let stopping = stopping.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                shaken = handshake => match shaken {
                    Ok(Ok(stream)) => converse(http, stream, requests, open).await,
                    Ok(Err(error)) => tracing::debug!(%error, "no TLS with a client"),
                    Err(_) => tracing::debug!("a client took too long for its handshake"),
                },
            }
        });
    }
    drop(listener);
    stopping.cancel();
    open.shutdown().await;
    served.cancel();
    // A recorder that panicked has said so.
    let _ = recorder.await;
}

/// What has to be done now and then while requests are served.
async fn look_after(app: &App, tls: Option<&Tls>) -> Infallible {
    let current = async {
        match tls {
            Some(tls) => tls.keep_current(app).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        never = uses::keep_writing(app) => never,
        never = current => never,
    }
}

/// The requests of one connection.
struct Requests {
    entrance: Entrance,
    app: App,
    peer: SocketAddr,
    over_tls: bool,
}

impl Service<hyper::Request<Incoming>> for Requests {
    type Response = Response;
    type Error = Infallible;
    type Future = Answered;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Answered {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if self.over_tls {
            request.extensions_mut().insert(OverTls);
        }
        self.entrance.serve(Whole::of(request, self.app.config()).map(Body::new))
    }
}

/// Serves what comes on one connection.
async fn converse<I>(http: http1::Builder, stream: I, requests: Requests, open: Watcher)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let connection = http.serve_connection(TokioIo::new(stream), requests);
    if let Err(error) = open.watch(connection).await {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // A connection that cannot be tuned still works.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            // The client's own doing.
            Err(error) if is_clients(error.kind()) => {}
            Err(error) => {
                tracing::error!(%error, "cannot take a connection");
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
}

const fn is_clients(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(kind, ConnectionAborted | ConnectionRefused | ConnectionReset)
}
