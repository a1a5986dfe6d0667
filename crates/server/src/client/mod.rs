//! Where a request comes from and how the client addressed it. Proxies that the operator of vinculo
//! trusts are believed, nobody else.

mod forwarded;

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse as _, Response};
use http::Version;
use http::header::HOST;
use http::request::Parts;
use ipnet::IpNet;
use url::Url;

use crate::App;
use crate::api::body::shown;
use crate::error::{ApiError, ErrorItem};

/// The client of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address; `None` when the server was not told of the connection.
    pub(crate) address: Option<IpAddr>,
    /// `http` or `https`, as a trusted proxy says or the connection is.
    scheme: Option<&'static str>,
    /// Host and port, as a trusted proxy says.
    host: Option<String>,
}

/// That a request came inside TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverTls;

/// Finds out about the client, for whoever takes a [`Client`] from the request.
pub(crate) async fn layer(
    app: &App,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    if let Err(refused) = names_one_host(&request) {
        return refused.into_response();
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let trusted = &app.config().trusted_proxies;
    let client = peer.map(|peer| forwarded::client(peer, request.headers(), trusted));
    let mut client = client.unwrap_or_default();
    let over_tls = request.extensions().get::<OverTls>().is_some();
    client.scheme = client.scheme.or(over_tls.then_some("https"));
    request.extensions_mut().insert(client);
    next(request).await
}

/// A request says once which host it is for, since HTTP/1.1 (RFC 9112, section 3.2).
fn names_one_host(request: &Request) -> Result<(), ApiError> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let message = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => return Ok(()),
        (None, _) => "The request has no Host header.".to_owned(),
        (Some(_), Some(_)) => "The request has more than one Host header.".to_owned(),
        (Some(host), None) => match host.to_str() {
            Ok(host) if forwarded::is_host(host) => return Ok(()),
            _ => format!("\"{}\" is no host.", shown(&String::from_utf8_lossy(host.as_bytes()))),
        },
    };
    Err(ApiError::bad_request(vec![ErrorItem::field("invalid", "Host", message)]))
}

/// Base of the addresses that an answer names: the public URL when one is configured, else what the
/// client wrote.
pub(crate) fn base(parts: &Parts, app: &App) -> Option<Url> {
    Base::of(parts, app)?.url()
}

/// The same before it is read: most answers name no address.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// The configured public URL.
    Public(Url),
    /// Scheme and host as the client wrote them.
    Written(&'static str, String),
}

impl Base {
    /// `None` when there is no public URL and the client wrote no host.
    pub(crate) fn of(parts: &Parts, app: &App) -> Option<Self> {
        if let Some(url) = &app.config().public_url {
            return Some(Self::Public(url.clone()));
        }
        let client = parts.extensions.get::<Client>();
        let scheme = client.and_then(|client| client.scheme).unwrap_or("http");
        let forwarded = client.and_then(|client| client.host.as_deref());
        let host = forwarded.or_else(|| parts.headers.get(HOST)?.to_str().ok())?;
        Some(Self::Written(scheme, host.to_owned()))
    }

    /// The address; `None` when what the client wrote is none.
    pub(crate) fn url(&self) -> Option<Url> {
        match self {
            Self::Public(url) => Some(url.clone()),
            Self::Written(scheme, host) => Url::parse(&format!("{scheme}://{host}")).ok(),
        }
    }
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}
