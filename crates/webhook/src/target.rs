use thiserror::Error;
use url::{Host, Url};

use crate::{RefusedAddress, check_address};

const MAX_URL_BYTES: usize = 2048;

/// Ports that webhooks may be registered for where an installation lists none.
const PORTS: [u16; 4] = [80, 443, 8080, 8443];

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
    /// A port that webhooks may not go to.
    #[error("port {0} is refused")]
    Port(u16),
    /// A literal address that is not public.
    #[error(transparent)]
    Refused(#[from] RefusedAddress),
}

/// What an installation allows: HTTPS to public hosts on a few ports, unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Also plain HTTP, any address, any name and any port but 0; for development and tests.
    pub private: bool,
    /// Also plain HTTP.
    pub http: bool,
    /// These ports alone. When empty, 80, 443, 8080 and 8443 are those that can be registered.
    pub ports: Vec<u16>,
}

/// Judges a URL that a customer registers as a webhook endpoint (contract section 5.1). Names are
/// not resolved here: [`crate::Sender`] judges the addresses when it connects.
///
/// # Errors
/// The first of the rules that the URL breaks.
pub fn check_url(url: &str, rules: &Rules) -> Result<Url, UrlError> {
    let parsed = check_registered(url, rules)?;
    let port = parsed.port_or_known_default().unwrap_or_default();
    if rules.ports.is_empty() && !rules.private && !PORTS.contains(&port) {
        return Err(UrlError::Port(port));
    }
    Ok(parsed)
}

/// Judges the URL of an endpoint that is there: as [`check_url`], but for the ports that an installation has
/// not listed itself. An endpoint of before there were fewer of those goes on.
pub(crate) fn check_registered(url: &str, rules: &Rules) -> Result<Url, UrlError> {
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
    if port == 0 || !(rules.ports.is_empty() || rules.ports.contains(&port)) {
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
