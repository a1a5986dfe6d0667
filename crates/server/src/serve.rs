//! Serving over HTTP/1: connections, and the limits on what comes before a request is one.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::{Service as _, ServiceExt as _};

use crate::rest::Whole;
use crate::{App, audit, router};

/// Largest request line and headers together, bytes.
const LARGEST_HEADER: usize = 64 * 1024;

/// How long to wait when the system has nothing left for another connection.
const EXHAUSTED: Duration = Duration::from_secs(1);

/// Serves the application on a listener until `stop` ends, then lets open requests end. Writes the
/// audit log meanwhile, and its end afterwards.
pub async fn serve(app: &App, listener: TcpListener, stop: impl Future<Output = ()>) {
    let mut connections = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(app.config().header_timeout)
        .max_header_size(LARGEST_HEADER);
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    let served = CancellationToken::new();
    let recorder = tokio::spawn(audit::record(app.clone(), served.clone()));
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener) => accepted,
        };
        let service =
            connections.call(peer).await.unwrap_or_else(|never: Infallible| match never {});
        let serving = app.clone();
        let service = service.map_request(move |request| Whole::of(request, serving.config()));
        let connection =
            http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended early");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
    served.cancel();
    // A recorder that panicked has said so.
    let _ = recorder.await;
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
