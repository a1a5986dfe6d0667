//! How a service is reached: address, credentials, certificates, deadlines.

use std::fmt;
use std::time::Duration;

use encoding_rs::Encoding;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::{Host, Url};

/// A secret text; `Debug` prints `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text` from formatting.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// How the service knows us, beside a client certificate ([`Tls`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// It does not ask, or the network or a certificate tells it.
    None,
    /// HTTP Basic.
    Basic {
        /// User name, without `:`.
        username: String,
        /// Password.
        password: Secret,
    },
    /// A fixed bearer token.
    Bearer(Secret),
    /// A token that is fetched, kept, and renewed before its end.
    OAuth2(OAuth2),
}

/// A token service (RFC 6749).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth2 {
    /// Where tokens are given; `https` like the service itself.
    pub token_url: String,
    /// What is shown for one.
    pub grant: Grant,
    /// Scope asked for, if any.
    pub scope: Option<String>,
    /// Whether the request for a token is a JSON object instead of a form.
    pub json: bool,
}

/// What is shown for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// `client_credentials`, id and secret in the body.
    ClientCredentials {
        /// `client_id`.
        id: String,
        /// `client_secret`.
        secret: Secret,
    },
    /// `password`.
    Password {
        /// `username`.
        username: String,
        /// `password`.
        password: Secret,
    },
}

/// Certificates of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Our certificate, those that lead to its root, and its key, as PEM.
    pub identity: Option<Secret>,
    /// The only roots the service may have a certificate of, as PEM; those of the system when `None`.
    pub roots: Option<String>,
}

/// How one service is reached. `Debug` hides secrets.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Everything before the paths of the service, without credentials in it. `https`; `http` to
    /// loopback, or where [`ServiceConfig::allow_http`] says so.
    pub base_url: String,
    /// Whether questions may cross a network in clear.
    pub allow_http: bool,
    /// Credentials.
    pub auth: Auth,
    /// Certificates.
    pub tls: Tls,
    /// Headers sent with every question; values are treated as secrets.
    pub headers: Vec<(String, Secret)>,
    /// Charset of the answers, over what the answers say.
    pub charset: Option<String>,
    /// Deadline of a connection; that of the caller's client when `None`.
    pub connect_timeout: Option<Duration>,
    /// Deadline of a whole question, over a later one of the caller.
    pub timeout: Duration,
    /// Largest answer read, in bytes.
    pub max_body: usize,
}

impl ServiceConfig {
    /// A service at `base_url` that asks for no credentials: one minute, 32 MiB.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            allow_http: false,
            auth: Auth::None,
            tls: Tls::default(),
            headers: Vec::new(),
            charset: None,
            connect_timeout: None,
            timeout: Duration::from_secs(60),
            max_body: 32 * 1024 * 1024,
        }
    }
}

/// A configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not an address questions can be sent to. The address is not repeated: it may hold a
    /// password.
    #[error("the {0} is not usable: {1}")]
    Url(&'static str, &'static str),
    /// A header name or value that HTTP does not allow.
    #[error("header {0:?} cannot be sent")]
    Header(String),
    /// Basic user names end at the first colon.
    #[error("the user name contains a colon")]
    Username,
    /// A charset nobody knows.
    #[error("charset {0:?} is not known")]
    Charset(String),
    /// PEM without what is needed. Nothing of it is repeated.
    #[error("the {0} cannot be read: {1}")]
    Certificate(&'static str, &'static str),
    /// The HTTP client cannot be made, for instance when a key does not belong to its certificate.
    #[error("certificate and key of the client do not work together")]
    Client,
    /// The header of an enterprise bus is not JSON.
    #[error("the header for the bus is not a JSON object")]
    BusHeader,
}

/// An address that questions or secrets are sent to; `what` names it in errors.
pub(super) fn address(
    what: &'static str,
    text: &str,
    allow_http: bool,
) -> Result<Url, ConfigError> {
    let refused = |why| ConfigError::Url(what, why);
    let url = Url::parse(text).map_err(|_| refused("not an absolute URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if allow_http || is_loopback(&url) => {}
        "http" => return Err(refused("http would show people and secrets to the network")),
        _ => return Err(refused("neither http nor https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds credentials"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// The headers every question carries.
pub(super) fn fixed_headers(config: &ServiceConfig) -> Result<HeaderMap, ConfigError> {
    let json = HeaderValue::from_static("application/json");
    // ACH picks the format of its answer by the Content-Type of the question, even on a GET without
    // body; the others only send and take JSON.
    let mut headers = HeaderMap::from_iter([
        (reqwest::header::CONTENT_TYPE, json.clone()),
        (reqwest::header::ACCEPT, json),
        // Without it a gateway may compress what it likes, and nothing here decompresses.
        (reqwest::header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
    ]);
    for (name, value) in &config.headers {
        insert(&mut headers, name, value.expose(), true)?;
    }
    Ok(headers)
}

/// Sets one header.
pub(crate) fn insert(
    headers: &mut HeaderMap,
    name: &str,
    value: &str,
    sensitive: bool,
) -> Result<(), ConfigError> {
    let refused = || ConfigError::Header(name.to_owned());
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
    value.set_sensitive(sensitive);
    headers.insert(key, value);
    Ok(())
}

/// The encoding forced by configuration, if any.
pub(super) fn charset(config: &ServiceConfig) -> Result<Option<&'static Encoding>, ConfigError> {
    let Some(label) = &config.charset else {
        return Ok(None);
    };
    Encoding::for_label(label.as_bytes())
        .map(Some)
        .ok_or_else(|| ConfigError::Charset(label.clone()))
}
