//! What must be known to ask an operator.

use std::fmt;

use encoding_rs::Encoding;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;
use vinculo_pila::DocumentKind;

/// A secret text; `Debug` prints `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text` from formatting.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// How the operator knows us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// It does not ask, or the network tells it.
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
}

/// Configuration of one operator that speaks *Consultas PILA*. `Debug` hides secrets.
#[derive(Debug, Clone)]
pub struct AchConfig {
    /// Everything before `/consultas/…`, `http` or `https`, without credentials in it.
    pub base_url: String,
    /// Credentials.
    pub auth: Auth,
    /// Headers sent with every question; values are treated as secrets.
    pub headers: Vec<(String, Secret)>,
    /// Kinds of document the operator takes; others are refused without a call.
    pub document_kinds: Vec<DocumentKind>,
    /// Origin address for the header `Ip`; left out when `None`.
    pub ip: Option<String>,
    /// Charset of the answers, over what the answers say.
    pub charset: Option<String>,
    /// Statuses that mean *nothing found* when the body is empty or only a `message`.
    pub no_data_statuses: Vec<u16>,
    /// Parts of a `message` with status 200 that mean *nothing found*; accents and case are
    /// ignored.
    pub no_data_messages: Vec<String>,
    /// Largest answer read, in bytes.
    pub max_body: usize,
}

impl AchConfig {
    /// The published contract at `base_url`, without authentication.
    pub fn new(base_url: impl Into<String>) -> Self {
        use DocumentKind::{Cc, Cd, Ce, Pa, Rc, Ti};
        Self {
            base_url: base_url.into(),
            auth: Auth::None,
            headers: Vec::new(),
            document_kinds: vec![Cc, Ce, Cd, Pa, Rc, Ti],
            ip: None,
            charset: None,
            no_data_statuses: vec![404],
            no_data_messages: ["no se encontr", "sin informacion", "no existe", "no registra"]
                .map(str::to_owned)
                .to_vec(),
            max_body: 32 * 1024 * 1024,
        }
    }
}

/// A configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not an absolute `http` or `https` address. The address is not repeated: it may hold a
    /// password.
    #[error("the operator's base URL is not usable: {0}")]
    BaseUrl(&'static str),
    /// A header name or value that HTTP does not allow.
    #[error("header {0:?} of the operator cannot be sent")]
    Header(String),
    /// Basic user names end at the first colon.
    #[error("the operator's user name contains a colon")]
    Username,
    /// A charset nobody knows.
    #[error("charset {0:?} of the operator is not known")]
    Charset(String),
}

/// The address questions are appended to.
pub(super) fn base_url(text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|_| ConfigError::BaseUrl("not an absolute URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ConfigError::BaseUrl("neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::BaseUrl("it holds credentials"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::BaseUrl("it has a query or a fragment"));
    }
    Ok(url)
}

/// The headers every question carries.
pub(super) fn fixed_headers(config: &AchConfig) -> Result<HeaderMap, ConfigError> {
    let json = HeaderValue::from_static("application/json");
    // The operator picks the format of its answer by the Content-Type of the question, even on a
    // GET without body.
    let mut headers = HeaderMap::from_iter([
        (reqwest::header::CONTENT_TYPE, json.clone()),
        (reqwest::header::ACCEPT, json),
    ]);
    if let Auth::Bearer(token) = &config.auth {
        let value = format!("Bearer {}", token.expose());
        insert(&mut headers, "authorization", &value, true)?;
    }
    if let Some(ip) = &config.ip {
        insert(&mut headers, "ip", ip, false)?;
    }
    for (name, value) in &config.headers {
        insert(&mut headers, name, value.expose(), true)?;
    }
    Ok(headers)
}

/// Sets one header.
pub(super) fn insert(
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
pub(super) fn charset(config: &AchConfig) -> Result<Option<&'static Encoding>, ConfigError> {
    let Some(label) = &config.charset else {
        return Ok(None);
    };
    Encoding::for_label(label.as_bytes())
        .map(Some)
        .ok_or_else(|| ConfigError::Charset(label.clone()))
}
