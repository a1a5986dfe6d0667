use std::cell::Cell;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::{Name, Resolve};
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use thiserror::Error;
use tokio::time::Instant;
use tower::util::MapRequestLayer;
use url::Host;

use crate::resolver::{Bounded, Judging, SystemResolver, Unresolved};
use crate::target::check_registered;
use crate::{RefusedAddress, RetryAfter, Rules, UrlError, authorization_header, check_url};

/// How webhooks are sent. The default is what the contract and the figures ask for.
#[derive(Debug, Clone)]
pub struct Options {
    /// For the whole try: resolution, connection, TLS, headers and body.
    pub timeout: Duration,
    /// Where requests may go.
    pub rules: Rules,
    /// Bytes of an answer's body after which no more is waited for, and the connection is dropped.
    pub read_limit: usize,
    /// Bytes of an answer's body that are kept.
    pub keep_limit: usize,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Certificates (PEM) of authorities that are trusted beside the system's, such as a
    /// company's own.
    pub extra_roots: Vec<u8>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            rules: Rules::default(),
            read_limit: 64 * 1024,
            keep_limit: 4 * 1024,
            user_agent: concat!("vinculo/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_roots: Vec::new(),
        }
    }
}

/// The HTTP client could not be set up: an unusable user agent or certificate.
#[derive(Debug, Error)]
#[error("webhook client cannot be set up")]
pub struct SetupError(#[source] reqwest::Error);

/// One POST to make.
#[derive(Clone)]
pub struct Request<'a> {
    /// Where to; judged again as [`check_url`] does, but for ports that nobody listed.
    pub url: &'a str,
    /// The registered authorization value, see [`authorization_header`].
    pub authorization: Option<&'a str>,
    /// The JSON body, sent byte for byte.
    pub body: Bytes,
    /// Further headers, such as a signature's.
    pub headers: &'a [(&'a str, &'a str)],
}

/// What came of one request, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The receiver's answer, or why there is none.
    pub result: Result<Answer, Failure>,
    /// From the start to the end of the body, the failure or the deadline.
    pub duration: Duration,
}

impl Attempt {
    /// Whether the receiver took the event: a complete answer with any 2xx status.
    #[must_use]
    pub fn delivered(&self) -> bool {
        self.result.as_ref().is_ok_and(Answer::delivered)
    }
}

/// A receiver's answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The start of the body, at most [`Options::keep_limit`] bytes.
    pub excerpt: Vec<u8>,
    /// The `Retry-After` header, when there is one that can be read.
    pub retry_after: Option<RetryAfter>,
}

impl Answer {
    /// Any 2xx. A redirect is not followed and not a delivery (contract section 5.1).
    #[must_use]
    pub const fn delivered(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// The excerpt is left out: a receiver may echo the personal data it was sent.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("excerpt_bytes", &self.excerpt.len())
            .field("retry_after", &self.retry_after)
            .finish()
    }
}

/// Why there is no answer. Messages hold neither URL nor header values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Failure {
    /// The host is, or resolves only to, an address that webhooks must not reach.
    #[error(transparent)]
    Refused(RefusedAddress),
    /// The stored URL does not pass [`check_url`] any more.
    #[error(transparent)]
    InvalidUrl(UrlError),
    /// The authorization value or another header cannot be sent.
    #[error("request headers cannot be sent")]
    InvalidHeader,
    /// The deadline came first, be it with half an answer: a receiver that answers 200 and then
    /// drips its body has not answered in time.
    #[error("no complete answer within the deadline")]
    Timeout,
    /// The name does not resolve.
    #[error("name does not resolve")]
    Unresolved,
    /// Nobody accepts the connection.
    #[error("connection failed")]
    Connect,
    /// The receiver reset the connection.
    #[error("connection was reset")]
    Reset,
    /// The receiver's certificate or TLS is not acceptable.
    #[error("tls handshake failed")]
    Tls,
    /// The connection broke before the answer was complete, or the answer is not HTTP.
    #[error("answer is not complete and valid http")]
    InvalidResponse,
}

impl Failure {
    /// A stable word for storage and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused_address",
            Self::InvalidUrl(_) => "invalid_url",
            Self::InvalidHeader => "invalid_header",
            Self::Timeout => "timeout",
            Self::Unresolved => "dns",
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Tls => "tls",
            Self::InvalidResponse => "invalid_response",
        }
    }
}

impl From<UrlError> for Failure {
    fn from(error: UrlError) -> Self {
        match error {
            UrlError::Refused(refusal) => Self::Refused(refusal),
            other => Self::InvalidUrl(other),
        }
    }
}

/// Sends webhooks. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Sender {
    client: reqwest::Client,
    resolver: Arc<dyn Resolve>,
    options: Arc<Options>,
}

impl Sender {
    /// A sender that resolves names as the operating system does.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        Self::with_resolver(options, Arc::new(SystemResolver))
    }

    /// A sender that asks `resolver` for addresses. They are judged all the same, unless
    /// private ones are allowed.
    pub fn with_resolver(options: Options, resolver: Arc<dyn Resolve>) -> Result<Self, SetupError> {
        let private = options.rules.private;
        let judging = Judging { resolver: Bounded::new(resolver), private };
        let resolver: Arc<dyn Resolve> = Arc::new(judging);
        let extra_roots =
            reqwest::Certificate::from_pem_bundle(&options.extra_roots).map_err(SetupError)?;
        let client = reqwest::Client::builder()
            .user_agent(&options.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(Arc::clone(&resolver))
            .connector_layer(MapRequestLayer::new(note_connection))
            .tls_certs_merge(extra_roots)
            // Shared among a name's addresses: a dead first one leaves time for the second.
            .connect_timeout(options.timeout)
            .pool_max_idle_per_host(4)
            .pool_idle_timeout(Duration::from_secs(30))
            .build()
            .map_err(SetupError)?;
        Ok(Self { client, resolver, options: Arc::new(options) })
    }

    /// Judges a URL that is being registered: as [`check_url`] does, and by where its name leads
    /// now. A name that does not resolve passes: nothing can be sent to it.
    ///
    /// # Errors
    /// The first of the rules that the URL breaks.
    pub async fn check(&self, url: &str) -> Result<(), UrlError> {
        let url = check_url(url, &self.options.rules)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        let Ok(name) = name.parse::<Name>() else { return Ok(()) };
        let found = tokio::time::timeout(self.options.timeout, self.resolver.resolve(name)).await;
        let Ok(Err(error)) = found else { return Ok(()) };
        error.downcast_ref::<RefusedAddress>().map_or(Ok(()), |refusal| Err((*refusal).into()))
    }

    /// Makes one POST. Never takes longer than [`Options::timeout`], stops reading the
    /// answer's body at [`Options::read_limit`]. When a connection that was used before is reset or closed in
    /// place of an answer, the request is made again on another one, within the same time.
    pub async fn send(&self, request: Request<'_>) -> Attempt {
        let start = Instant::now();
        let result = tokio::time::timeout(self.options.timeout, self.exchange(request))
            .await
            .unwrap_or(Err(Failure::Timeout));
        Attempt { result, duration: start.elapsed() }
    }

    async fn exchange(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let url = check_registered(request.url, &self.options.rules)?;
        let headers = headers(&request).ok_or(Failure::InvalidHeader)?;
        loop {
            let sending = self.client.post(url.clone()).headers(headers.clone());
            let sending = sending.body(request.body.clone()).send();
            let (sent, is_new) = IS_NEW
                .scope(Cell::new(false), async { (sending.await, IS_NEW.with(Cell::get)) })
                .await;
            match sent {
                Ok(response) => return self.read(response).await,
                // It ended while it rested, or may have. Each of those is met once.
                Err(error) if !is_new && (is_reset(&error) || is_unanswered(&error)) => {}
                Err(error) => return Err(failure(&error)),
            }
        }
    }

    /// Reads to the end or to the limit; dropping the rest closes the connection.
    async fn read(&self, mut response: reqwest::Response) -> Result<Answer, Failure> {
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| RetryAfter::parse(value.to_str().ok()?));
        let mut excerpt = Vec::new();
        let mut read = 0;
        while read < self.options.read_limit {
            let chunk = response.chunk().await.map_err(|error| failure(&error))?;
            let Some(chunk) = chunk else { break };
            read += chunk.len();
            let wanted = self.options.keep_limit.saturating_sub(excerpt.len()).min(chunk.len());
            excerpt.extend_from_slice(&chunk[..wanted]);
        }
        Ok(Answer { status, excerpt, retry_after })
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("options", &self.options).finish_non_exhaustive()
    }
}

tokio::task_local! {
    /// Whether a connection was begun for the request that this task makes.
    static IS_NEW: Cell<bool>;
}

/// Passed by whatever is about to connect.
fn note_connection<T>(to: T) -> T {
    // The connector is also asked outside of requests, by nobody who waits for the answer.
    let _ = IS_NEW.try_with(|is_new| is_new.set(true));
    to
}

fn headers(request: &Request<'_>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(value).ok()?);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(value) = request.authorization {
        let value = authorization_header(value).ok()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Some(headers)
}

fn failure(error: &reqwest::Error) -> Failure {
    if let Some(refusal) = causes(error).find_map(|cause| cause.downcast_ref::<RefusedAddress>()) {
        return Failure::Refused(*refusal);
    }
    if error.is_timeout() {
        return Failure::Timeout;
    }
    if causes(error).any(|cause| cause.is::<Unresolved>()) {
        return Failure::Unresolved;
    }
    if is_reset(error) {
        return Failure::Reset;
    }
    if !error.is_connect() {
        return Failure::InvalidResponse;
    }
    let bad_handshake = causes(error).any(|cause| {
        // A plain connect never ends so: the handshake met data it could not use, or its end.
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(kind, Some(io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof))
    });
    if bad_handshake { Failure::Tls } else { Failure::Connect }
}

fn is_reset(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(kind, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe))
    })
}

/// Whether the connection was closed before there was a whole head of an answer.
fn is_unanswered(error: &reqwest::Error) -> bool {
    let mut causes = causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>());
    causes.any(hyper::Error::is_incomplete_message)
}

/// An error and what it wraps. An `io::Error` gives its content as `get_ref`; its `source` is
/// already one step further.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let content = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        content.map(|content| content as &(dyn Error + 'static)).or_else(|| error.source())
    })
}
