use thiserror::Error;
use url::{Host, Url};

use crate::{RefusedAddress, check_address};

const MAX_URL_BYTES: usize = 2048;

/// Above 1023 any port may be a receiver, except where a well-known service listens that would
/// take an HTTP request for commands.
const REFUSED_PORTS: [u16; 24] = [
    1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5672, 5900, 5984, 6000, 6379, 6443,
    9042, 9092, 9200, 9300, 10250, 10255, 11211, 27017,
];

/// Names that never belong to a public host (RFC 6761, RFC 6762, RFC 8375, and the suffix that
/// cloud providers use for themselves).
const REFUSED_SUFFIXES: [&str; 6] =
    ["localhost", "local", "localdomain", "internal", "home.arpa", "onion"];

/// Why a webhook URL is refused. Messages never repeat the URL: its path or query may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Longer than 2048 bytes.
    #[error("url of {0} bytes is longer than {MAX_URL_BYTES}")]
    TooLong(usize),
    /// White space, a control character or a backslash: URL parsers disagree about them.
    #[error("url holds white space, a control character or a backslash")]
    UnsafeCharacter,
    /// Not an absolute URL.
    #[error("url is not valid: {0}")]
    Invalid(#[from] url::ParseError),
    /// Neither `https` nor, where allowed, `http`.
    #[error("url must start with https://")]
    Scheme,
    /// `user:password@`.
    #[error("url holds a user name or password; use the authorization value instead")]
    UserInfo,
    /// `#…`, which is never sent.
    #[error("url holds a fragment")]
    Fragment,
    /// No host.
    #[error("url has no host")]
    NoHost,
    /// A name that only means something inside a network.
    #[error("host name is local, not public")]
    LocalName,
    /// A port of another kind of service.
    #[error("port {0} is refused")]
    Port(u16),
    /// A literal address that is not public.
    #[error(transparent)]
    Refused(#[from] RefusedAddress),
}

/// What an installation allows: HTTPS to public hosts on ordinary ports, unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Also plain HTTP, any address, any name and any port but 0; for development and tests.
    pub private: bool,
    /// Also plain HTTP.
    pub http: bool,
    /// These ports alone. When empty, 80, 443, and what is above 1023 and no well-known service.
    pub ports: Vec<u16>,
}

/// Judges a URL that a customer registers as a webhook endpoint (contract section 5.1). Names are
/// not resolved here: [`crate::Sender`] judges the addresses when it connects.
///
/// # Errors
/// The first of the rules that the URL breaks.
pub fn check_url(url: &str, rules: &Rules) -> Result<Url, UrlError> {
    if url.len() > MAX_URL_BYTES {
        return Err(UrlError::TooLong(url.len()));
    }
    if url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(UrlError::UnsafeCharacter);
    }
    let parsed = Url::parse(url)?;
    match parsed.scheme() {
        "https" => {}
        "http" if rules.http || rules.private => {}
        _ => return Err(UrlError::Scheme),
    }
    // The parser forgets an empty user name, and the reader of the URL may not.
    if !parsed.username().is_empty() || parsed.password().is_some() || authority(url).contains('@')
    {
        return Err(UrlError::UserInfo);
    }
    if parsed.fragment().is_some() {
        return Err(UrlError::Fragment);
    }
    check_port(&parsed, rules)?;
    check_host(&parsed, rules)?;
    Ok(parsed)
}

/// What stands between `//` and the next `/`, `?` or `#`.
fn authority(url: &str) -> &str {
    let rest = url.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn check_port(url: &Url, rules: &Rules) -> Result<(), UrlError> {
    let port = url.port_or_known_default().unwrap_or_default();
    let ordinary = matches!(port, 80 | 443) || (port > 1023 && !REFUSED_PORTS.contains(&port));
    let allowed = match rules.ports.as_slice() {
        [] => rules.private || ordinary,
        listed => listed.contains(&port),
    };
    if port == 0 || !allowed {
        return Err(UrlError::Port(port));
    }
    Ok(())
}

fn check_host(url: &Url, rules: &Rules) -> Result<(), UrlError> {
    let host = url.host().ok_or(UrlError::NoHost)?;
    if rules.private {
        return Ok(());
    }
    match host {
        Host::Ipv4(address) => check_address(address.into())?,
        Host::Ipv6(address) => check_address(address.into())?,
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let local = REFUSED_SUFFIXES.iter().any(|suffix| {
                name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            });
            if local || !name.contains('.') {
                return Err(UrlError::LocalName);
            }
        }
    }
    Ok(())
}
