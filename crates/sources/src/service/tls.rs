//! The HTTP client of a service with certificates or deadlines of its own.

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity};

use super::config::{ConfigError, ServiceConfig};

/// `shared` where the service asks for nothing of its own.
///
/// Redirects are never followed and no proxy is taken from the environment, as with the shared one.
pub(super) fn client(config: &ServiceConfig, shared: Client) -> Result<Client, ConfigError> {
    let tls = &config.tls;
    if tls.identity.is_none() && tls.roots.is_none() && config.connect_timeout.is_none() {
        return Ok(shared);
    }
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .user_agent(concat!("vinculo/", env!("CARGO_PKG_VERSION")));
    if let Some(pem) = &tls.identity {
        let identity = Identity::from_pem(pem.expose().as_bytes()).map_err(|_| {
            ConfigError::Certificate("client certificate", "a certificate and its key are needed")
        })?;
        builder = builder.identity(identity);
    }
    if let Some(pem) = &tls.roots {
        builder = builder.tls_certs_only(roots(pem)?);
    }
    if let Some(timeout) = config.connect_timeout {
        builder = builder.connect_timeout(timeout);
    }
    builder.build().map_err(|_| ConfigError::Client)
}

fn roots(pem: &str) -> Result<Vec<Certificate>, ConfigError> {
    let refused = |why| ConfigError::Certificate("root certificate", why);
    let roots =
        Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| refused("it is not PEM"))?;
    if roots.is_empty() { Err(refused("it holds none")) } else { Ok(roots) }
}
